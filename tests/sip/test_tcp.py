"""Connections: framing, limits, time, and those that we open."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address

from tests.sip.connections import ListenerCase
from tests.sip.rig import PEER, SDP, STRANGER, FakeClient, ask, reply
from vos3000.sip import connection as one
from vos3000.sip import connections as all_of_them
from vos3000.sip.connection import Connection
from vos3000.sip.strangers import MOST_STRANGERS
from vos3000.sip.transport import Transport

PEER6 = ("2001:db8::9", 5060)


class FramingTests(ListenerCase):
    """Messages on a stream (18.3)."""

    def test_message_in_pieces(self) -> None:
        """Byte by byte: one answer, once it is complete."""
        channel, connection = self.incoming()
        data = ask("OPTIONS", transport="TCP", body=SDP)
        for at in range(len(data) - 1):
            channel.dataReceived(data[at : at + 1])
        self.assertEqual(connection.value(), b"")
        channel.dataReceived(data[-1:])
        (answer,) = self.taken(connection)
        self.assertEqual(answer.status, 200)

    def test_messages_in_one_piece(self) -> None:
        """A hundred, each answered, in order."""
        channel, connection = self.incoming()
        channel.dataReceived(
            b"".join(ask("OPTIONS", f"z9hG4bK{n}", cseq=n) for n in range(100))
        )
        answers = self.taken(connection)
        self.assertEqual([each.cseq for each in answers], list(range(100)))

    def test_keep_alive(self) -> None:
        """A double CRLF is answered by a single one (RFC 5626 4.4.1)."""
        channel, connection = self.incoming()
        channel.dataReceived(b"\r\n\r\n")
        self.assertEqual(connection.value(), b"\r\n")

    def test_failure_after_good_messages(self) -> None:
        """They are served, then the connection is closed."""
        channel, connection = self.incoming()
        bad = ask("OPTIONS", "z9hG4bK2").replace(b"Content-Length: 0", b"X-None: 0")
        channel.dataReceived(ask("OPTIONS") + bad + ask("OPTIONS", "z9hG4bK3"))
        first, second = self.taken(connection)
        self.assertEqual((first.status, second.status), (200, 400))
        self.assertTrue(connection.disconnecting)
        channel.dataReceived(ask("OPTIONS", "z9hG4bK4"))
        self.assertEqual(connection.value(), b"")

    def test_garbage(self) -> None:
        """Closed without an answer."""
        for data in (b"\x16\x03\x01\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n", b"x" * 70_000):
            channel, connection = self.incoming()
            channel.dataReceived(data)
            self.assertEqual(connection.value(), b"")
            self.assertTrue(connection.disconnecting)

    def test_error_above_leaves_the_connection(self) -> None:
        """A bug in a user costs one request and not all calls of the peer."""

        def fail(transaction: object) -> None:
            raise RuntimeError("no")

        self.rig.users.take = fail
        channel, connection = self.incoming()
        channel.dataReceived(ask(transport="TCP"))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual(self.taken(connection)[0].status, 500)
        self.assertFalse(connection.disconnecting)


class TimeTests(ListenerCase):
    """How long a connection may stay."""

    def test_slow_sender(self) -> None:
        """A message must end in time, however it trickles in."""
        channel, connection = self.incoming()
        data = ask("OPTIONS")
        for at in range(20):
            channel.dataReceived(data[at : at + 1])
            self.assertEqual(connection.disconnecting, at > 15)
            self.rig.advance(1)

    def test_steady_sender(self) -> None:
        """Each message has its own time."""
        channel, connection = self.incoming()
        data = ask("OPTIONS")
        for _ in range(10):
            channel.dataReceived(data[20:] + data[:20] if _ else data[:20])
            self.rig.advance(10)
        self.assertFalse(connection.disconnecting)

    def test_peer_that_says_nothing(self) -> None:
        """It has to send its first message soon; a connection of ours has not."""
        _, connection = self.incoming()
        self.outgoing(PEER)
        ours = self.connector.open()
        self.rig.advance(one.SLOW_SENDER + 1)
        self.assertTrue(connection.disconnecting)
        self.assertFalse(ours.disconnecting)

    def test_idle_peer(self) -> None:
        """It is closed after half an hour, a keep-alive prolongs it."""
        channel, connection = self.incoming()
        channel.dataReceived(b"\r\n\r\n")
        self.rig.advance(one.IDLE - 1)
        channel.dataReceived(b"\r\n\r\n")
        self.rig.advance(one.IDLE - 1)
        self.assertFalse(connection.disconnecting)
        self.rig.advance(2)
        self.assertTrue(connection.disconnecting)

    def test_peer_that_does_not_read_the_rest(self) -> None:
        """Closing waits for it only so long."""
        channel, connection = self.incoming()
        channel.connection.close()
        self.assertFalse(connection.aborting)
        self.rig.advance(one.CLOSING + 1)
        self.assertTrue(connection.aborting)

    def test_timers_end_with_the_connection(self) -> None:
        """None is left."""
        channel, _ = self.incoming()
        channel.dataReceived(b"OPT")
        self.lost(channel)
        self.assertTrue(self.rig.quiet())


class LimitTests(ListenerCase):
    """Limits, and their end."""

    def test_connections_of_a_peer(self) -> None:
        """Further ones are closed at once; others may still come."""
        channels = [
            self.incoming((PEER[0], 1024 + n))[0]
            for n in range(all_of_them.MOST_CONNECTIONS_OF_PEER)
        ]
        refused = self.listener.buildProtocol(IPv4Address("TCP", PEER[0], 9))
        self.assertIsNone(refused)
        self.incoming(("192.0.2.11", 40000))
        self.lost(channels[0])
        self.incoming((PEER[0], 9))

    def test_connections_in_all(self) -> None:
        """Further ones are closed at once; our own still open."""
        for number in range(all_of_them.MOST_CONNECTIONS):
            host = f"10.0.{number // 250}.{number % 250}"
            self.rig.users.known.add(host)
            self.incoming((host, 40000))
        refused = self.listener.buildProtocol(IPv4Address("TCP", PEER[0], 9))
        self.assertIsNone(refused)
        self.assertEqual(self.count(), all_of_them.MOST_CONNECTIONS)
        self.outgoing(PEER)
        self.assertEqual(len(self.connector.asked), 1)

    def test_strangers_take_no_gateways_place(self) -> None:
        """There are few of them at once, and they are closed when they idle."""
        channels = [
            self.incoming((f"198.51.{n // 100}.{n % 100}", 40000))
            for n in range(MOST_STRANGERS)
        ]
        stranger = IPv4Address("TCP", STRANGER[0], 9)
        self.assertIsNone(self.listener.buildProtocol(stranger))
        self.incoming()
        for each, _ in channels:
            each.dataReceived(ask("OPTIONS"))
        self.rig.advance(one.STRANGER_IDLE + 1)
        self.assertTrue(all(line.disconnecting for _, line in channels))
        for each, _ in channels:
            self.lost(each)
        self.assertIsNotNone(self.listener.buildProtocol(stranger))

    def test_everything_is_forgotten(self) -> None:
        """Of connections that ended, in any order, twice over."""
        wires = [self.incoming()[0] for _ in range(3)]
        self.outgoing((PEER[0], 40000))
        self.connector.open()
        for channel in (*wires, *self.connector.wires) * 2:
            self.lost(channel)
        self.assertEqual(self.count(), 0)
        self.assertEqual(self.connections._of_peer, {})
        self.assertEqual(self.connections._outgoing, {})

    def test_peer_that_never_reads(self) -> None:
        """Bytes wait for it up to a limit, then the connection is cut."""
        channel, connection = self.incoming()
        producer: Any = connection.producer
        producer.pauseProducing()
        data = b"x" * 1000
        for _ in range(one.MOST_UNSENT // 1000):
            channel.connection.send(data, PEER)
        self.assertFalse(connection.aborting)
        channel.connection.send(data, PEER)
        self.assertTrue(connection.aborting)

    def test_peer_that_reads_late(self) -> None:
        """What it has read counts no more."""
        channel, connection = self.incoming()
        producer: Any = connection.producer
        for _ in range(5):
            producer.pauseProducing()
            channel.connection.send(b"x" * (one.MOST_UNSENT - 1), PEER)
            producer.resumeProducing()
        self.assertFalse(connection.aborting)

    def test_waiting_for_a_connection(self) -> None:
        """What is sent before it opens is bounded too."""
        channel = self.outgoing(PEER)
        for _ in range(400):
            channel.send(b"x" * 1000, PEER)
        self.assertEqual(
            self.rig.metric("sip_failed_sends_total"), 400 - one.MOST_UNSENT // 1000
        )
        connection = self.connector.open()
        self.assertLessEqual(len(connection.value()), one.MOST_UNSENT)


class OutgoingTests(ListenerCase):
    """Connections that we open."""

    def _send(self, channel: Connection, user: FakeClient) -> None:
        data = ask("OPTIONS", "z9hG4bKo", transport="TCP")
        self.rig.layer.send("z9hG4bKo", "OPTIONS", data, channel, PEER, user)

    def test_request_waits_for_the_connection(self) -> None:
        """It goes out once that is open, and its response comes back."""
        user = FakeClient()
        channel = self.outgoing(PEER)
        self._send(channel, user)
        connection = self.connector.open()
        (request,) = self.taken(connection)
        self.hear(reply(request, 200))
        self.assertEqual(user.heard, [200])

    def test_one_connection_for_all(self) -> None:
        """Open or opening, it is used again; another local address has its own."""
        first = self.outgoing(PEER)
        self.assertIs(self.outgoing(PEER), first)
        self.connector.open()
        self.assertIs(self.outgoing(PEER), first)
        self.assertIsNot(self.outgoing(PEER, "192.0.2.2"), first)
        ((_, _, _, bound),) = self.connector.asked
        self.assertEqual(bound, ("192.0.2.2", 0))

    def test_connection_that_never_opens(self) -> None:
        """The user of a waiting request hears at once; the next try is new."""
        user = FakeClient()
        channel = self.outgoing(PEER)
        self._send(channel, user)
        self.connector.fail()
        self.assertEqual(user.timeouts, 1)
        self.assertTrue(self.rig.quiet())
        self.assertIsNot(self.outgoing(PEER), channel)
        self.assertEqual(self.count(), 1)

    def test_connection_that_closes(self) -> None:
        """The same while a response is awaited, provisional ones or none."""
        user, second = FakeClient(), FakeClient()
        channel = self.outgoing(PEER)
        self.rig.channel = channel  # type: ignore[assignment]
        self.rig.call(user)
        self._send(channel, second)
        connection = self.connector.open()
        invite = self.taken(connection)[0]
        self.hear(reply(invite, 180))
        self.lost(self.connector.wires[-1])
        self.assertEqual((user.heard, user.timeouts, second.timeouts), ([180], 1, 1))
        self.assertTrue(self.rig.quiet())

    def test_closing_before_it_opens(self) -> None:
        """The attempt is given up."""
        self.outgoing(PEER)
        self.connections.close()
        self.assertEqual(self.connector.stopped, 1)

    def test_closing_all(self) -> None:
        """Both ways."""
        _, first = self.incoming()
        self.outgoing(PEER)
        second = self.connector.open()
        self.connections.close()
        self.assertTrue(first.disconnecting and second.disconnecting)

    def test_addresses(self) -> None:
        """Our host as the connection has it, and the port we listen on."""
        channel = self.outgoing(PEER6)
        self.assertEqual(channel.local(PEER6), ("192.0.2.1", 5060))
        self.connector.open(("2001:db8::1", 40001))
        self.assertEqual(channel.local(PEER6), ("2001:db8::1", 5060))
        self.lost(self.connector.wires[-1])
        self.assertEqual(channel.local(PEER6), ("2001:db8::1", 5060))

    def test_transport_of_a_gateway(self) -> None:
        """C{tcp} gives the connection to it."""
        transport = Transport(self.connections, {"TCP": self.listener})
        found = transport.channel("tcp", PEER)
        self.assertIs(found, self.outgoing(PEER))
