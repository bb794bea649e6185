"""Connections: framing, limits, time, and what happens when they close."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectionDone, TimeoutError
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.sip.rig import GIVEN_UP, PEER, SDP, FakeClient, FakeLeg, Rig, ask, reply
from vos3000.metrics import Metrics
from vos3000.sip import tcp
from vos3000.sip.dialog import Dialog
from vos3000.sip.message import Request
from vos3000.sip.parser import StreamParser, parse
from vos3000.sip.tcp import TcpChannel, TcpListener
from vos3000.sip.transport import Transport

PEER6 = ("2001:db8::9", 5060)


class FakeConnection(StringTransport):
    """A TCP connection in memory."""

    def __init__(self, here: tuple[str, int] = ("192.0.2.1", 5060)) -> None:
        kind = IPv6Address if ":" in here[0] else IPv4Address
        super().__init__(hostAddress=kind("TCP", *here))
        self.aborting = False

    def abortConnection(self) -> None:  # noqa: N802
        """Note it."""
        self.aborting = True

    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: N802
        """Taken."""

    def setTcpKeepAlive(self, enabled: bool) -> None:  # noqa: N802
        """Taken."""


class FakeConnector:
    """Keeps the connections that are asked for, until the test opens them."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, Any, Any]] = []
        self.stopped = 0

    def connectTCP(  # noqa: N802
        self,
        host: str,
        port: int,
        factory: Any,
        timeout: float,
        bindAddress: Any,  # noqa: N803
    ) -> FakeConnector:
        """Keep it."""
        self.asked.append((host, port, factory, bindAddress))
        return self

    def disconnect(self) -> None:
        """Count it."""
        self.stopped += 1

    def open(self, here: tuple[str, int] = ("192.0.2.1", 40001)) -> FakeConnection:
        """Open the oldest."""
        _, _, factory, _ = self.asked.pop(0)
        connection = FakeConnection(here)
        factory.buildProtocol(None).makeConnection(connection)
        return connection

    def fail(self) -> None:
        """The oldest does not open."""
        _, _, factory, _ = self.asked.pop(0)
        factory.clientConnectionFailed(self, Failure(TimeoutError()))


class _Case(SynchronousTestCase):
    """A listener with its connector."""

    def setUp(self) -> None:
        """A listener on port 5060."""
        self.rig = Rig()
        self.connector = FakeConnector()
        self.metrics = Metrics()
        self.listener = TcpListener(
            self.rig.reception,
            self.rig.timers,
            self.connector,
            lambda peer: "192.0.2.1",
            self.metrics,
        )
        self.listener.port = 5060

    def incoming(
        self, peer: tuple[str, int] = (PEER[0], 40000)
    ) -> tuple[TcpChannel, FakeConnection]:
        """A peer connects."""
        kind = IPv6Address if ":" in peer[0] else IPv4Address
        channel = self.listener.buildProtocol(kind("TCP", *peer))
        assert channel is not None
        connection = FakeConnection()
        channel.makeConnection(connection)
        return channel, connection

    def taken(self, connection: FakeConnection) -> list[Any]:
        """The messages written since the last time."""
        data = connection.value()
        connection.clear()
        return StreamParser().feed(data)

    def lost(self, channel: TcpChannel) -> None:
        """The peer closes."""
        channel.connectionLost(Failure(ConnectionDone()))

    def connections(self) -> float:
        """As the metric tells it."""
        for sample in self.metrics.samples():
            if sample.name == "sip_connections":
                assert isinstance(sample.value, int)
                return sample.value
        raise KeyError("sip_connections")


class FramingTests(_Case):
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


class TimeTests(_Case):
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
        self.listener.channel(PEER)
        ours = self.connector.open()
        self.rig.advance(tcp.SLOW_SENDER + 1)
        self.assertTrue(connection.disconnecting)
        self.assertFalse(ours.disconnecting)

    def test_idle_peer(self) -> None:
        """It is closed after half an hour, a keep-alive prolongs it."""
        channel, connection = self.incoming()
        channel.dataReceived(b"\r\n\r\n")
        self.rig.advance(tcp.IDLE - 1)
        channel.dataReceived(b"\r\n\r\n")
        self.rig.advance(tcp.IDLE - 1)
        self.assertFalse(connection.disconnecting)
        self.rig.advance(2)
        self.assertTrue(connection.disconnecting)

    def test_peer_that_does_not_read_the_rest(self) -> None:
        """Closing waits for it only so long."""
        channel, connection = self.incoming()
        channel.close()
        self.assertFalse(connection.aborting)
        self.rig.advance(tcp.CLOSING + 1)
        self.assertTrue(connection.aborting)

    def test_timers_end_with_the_connection(self) -> None:
        """None is left."""
        channel, _ = self.incoming()
        channel.dataReceived(b"OPT")
        self.lost(channel)
        self.assertTrue(self.rig.quiet())


class LimitTests(_Case):
    """Limits, and their end."""

    def test_connections_of_a_peer(self) -> None:
        """Further ones are closed at once; others may still come."""
        channels = [
            self.incoming((PEER[0], 1024 + n))[0]
            for n in range(tcp.MOST_CONNECTIONS_OF_PEER)
        ]
        refused = self.listener.buildProtocol(IPv4Address("TCP", PEER[0], 9))
        self.assertIsNone(refused)
        self.incoming(("192.0.2.11", 40000))
        self.lost(channels[0])
        self.incoming((PEER[0], 9))

    def test_connections_in_all(self) -> None:
        """Further ones are closed at once; our own still open."""
        for number in range(tcp.MOST_CONNECTIONS):
            self.incoming((f"10.0.{number // 250}.{number % 250}", 40000))
        refused = self.listener.buildProtocol(IPv4Address("TCP", PEER[0], 9))
        self.assertIsNone(refused)
        self.assertEqual(self.connections(), tcp.MOST_CONNECTIONS)
        self.listener.channel(PEER)
        self.assertEqual(len(self.connector.asked), 1)

    def test_everything_is_forgotten(self) -> None:
        """Of connections that ended, in any order, twice over."""
        channels = [self.incoming()[0] for _ in range(3)]
        channels.append(self.listener.channel((PEER[0], 40000)))
        for channel in channels * 2:
            self.lost(channel)
        self.assertEqual(self.connections(), 0)
        self.assertEqual(self.listener._of_peer, {})
        self.assertEqual(self.listener._outgoing, {})

    def test_peer_that_never_reads(self) -> None:
        """Bytes wait for it up to a limit, then the connection is cut."""
        channel, connection = self.incoming()
        producer: Any = connection.producer
        producer.pauseProducing()
        data = b"x" * 1000
        for _ in range(tcp.MOST_UNSENT // 1000):
            channel.send(data, PEER)
        self.assertFalse(connection.aborting)
        channel.send(data, PEER)
        self.assertTrue(connection.aborting)

    def test_peer_that_reads_late(self) -> None:
        """What it has read counts no more."""
        channel, connection = self.incoming()
        producer: Any = connection.producer
        for _ in range(5):
            producer.pauseProducing()
            channel.send(b"x" * (tcp.MOST_UNSENT - 1), PEER)
            producer.resumeProducing()
        self.assertFalse(connection.aborting)

    def test_waiting_for_a_connection(self) -> None:
        """What is sent before it opens is bounded too."""
        channel = self.listener.channel(PEER)
        for _ in range(400):
            channel.send(b"x" * 1000, PEER)
        self.assertEqual(
            self.rig.metric("sip_failed_sends_total"), 400 - tcp.MOST_UNSENT // 1000
        )
        connection = self.connector.open()
        self.assertLessEqual(len(connection.value()), tcp.MOST_UNSENT)


class OutgoingTests(_Case):
    """Connections that we open."""

    def _send(self, channel: TcpChannel, user: FakeClient) -> None:
        data = ask("OPTIONS", "z9hG4bKo", transport="TCP")
        self.rig.layer.send("z9hG4bKo", "OPTIONS", data, channel, PEER, user)

    def test_request_waits_for_the_connection(self) -> None:
        """It goes out once that is open, and its response comes back."""
        user = FakeClient()
        channel = self.listener.channel(PEER)
        self._send(channel, user)
        connection = self.connector.open()
        (request,) = self.taken(connection)
        channel.dataReceived(reply(request, 200))
        self.assertEqual(user.heard, [200])

    def test_one_connection_for_all(self) -> None:
        """Open or opening, it is used again; another local address has its own."""
        first = self.listener.channel(PEER)
        self.assertIs(self.listener.channel(PEER), first)
        self.connector.open()
        self.assertIs(self.listener.channel(PEER), first)
        self.assertIsNot(self.listener.channel(PEER, "192.0.2.2"), first)
        ((_, _, _, bound),) = self.connector.asked
        self.assertEqual(bound, ("192.0.2.2", 0))

    def test_connection_that_never_opens(self) -> None:
        """The user of a waiting request hears at once; the next try is new."""
        user = FakeClient()
        channel = self.listener.channel(PEER)
        self._send(channel, user)
        self.connector.fail()
        self.assertEqual(user.timeouts, 1)
        self.assertTrue(self.rig.quiet())
        self.assertIsNot(self.listener.channel(PEER), channel)
        self.assertEqual(self.connections(), 1)

    def test_connection_that_closes(self) -> None:
        """The same while a response is awaited, provisional ones or none."""
        user, second = FakeClient(), FakeClient()
        channel = self.listener.channel(PEER)
        self.rig.channel = channel  # type: ignore[assignment]
        self.rig.call(user)
        self._send(channel, second)
        connection = self.connector.open()
        invite = self.taken(connection)[0]
        channel.dataReceived(reply(invite, 180))
        self.lost(channel)
        self.assertEqual((user.heard, user.timeouts, second.timeouts), ([180], 1, 1))
        self.assertTrue(self.rig.quiet())

    def test_closing_before_it_opens(self) -> None:
        """The attempt is given up."""
        self.listener.channel(PEER)
        self.listener.close()
        self.assertEqual(self.connector.stopped, 1)

    def test_closing_all(self) -> None:
        """Both ways."""
        _, first = self.incoming()
        self.listener.channel(PEER)
        second = self.connector.open()
        self.listener.close()
        self.assertTrue(first.disconnecting and second.disconnecting)

    def test_addresses(self) -> None:
        """Our host as the connection has it, and the port we listen on."""
        channel = self.listener.channel(PEER6)
        self.assertEqual(channel.local(PEER6), ("192.0.2.1", 5060))
        self.connector.open(("2001:db8::1", 40001))
        self.assertEqual(channel.local(PEER6), ("2001:db8::1", 5060))
        self.lost(channel)
        self.assertEqual(channel.local(PEER6), ("2001:db8::1", 5060))

    def test_transport_of_a_gateway(self) -> None:
        """C{tcp} gives the connection to it."""
        transport = Transport(self.listener)
        found = transport.channel("tcp", PEER)
        self.assertIs(found, self.listener.channel(PEER))


class CallTests(_Case):
    """Whole calls over connections, and those that close meanwhile."""

    def _called(self) -> tuple[TcpChannel, FakeConnection, FakeLeg]:
        """A peer connected, called and was answered."""
        legs = self.rig.answering()
        channel, connection = self.incoming()
        contact = "<sip:1000@192.0.2.10:5070;transport=tcp>"
        channel.dataReceived(
            ask(transport="TCP", contact=contact, sent_by="192.0.2.10:5080")
        )
        return channel, connection, legs[0]

    def _ack(self, connection: FakeConnection) -> bytes:
        (ok,) = self.taken(connection)
        return ask("ACK", "z9hG4bK2", to_tag=ok.to_tag or "", transport="TCP")

    def _bye(self, dialog: Dialog, user: FakeClient) -> None:
        data = dialog.request("BYE", 1, "z9hG4bKb")
        channel, address = dialog.channel, dialog.address
        self.rig.layer.send("z9hG4bKb", "BYE", data, channel, address, user)

    def test_answer_names_the_transport(self) -> None:
        """Our Contact and the Via of our requests are of TCP."""
        channel, connection, leg = self._called()
        channel.dataReceived(self._ack(connection))
        self.assertEqual(leg.dialog.contact, "<sip:192.0.2.1:5060;transport=tcp>")
        self._bye(leg.dialog, FakeClient())
        (bye,) = self.taken(connection)
        self.assertEqual(bye.via.transport, "TCP")

    def test_requests_use_the_connection_of_the_peer(self) -> None:
        """As long as it is open none is made."""
        channel, connection, leg = self._called()
        user = FakeClient()
        channel.dataReceived(self._ack(connection))
        self._bye(leg.dialog, user)
        (bye,) = self.taken(connection)
        channel.dataReceived(reply(bye, 200))
        self.assertEqual((user.heard, self.connector.asked), ([200], []))

    def test_requests_after_the_peer_closed(self) -> None:
        """A new connection to its Contact; the response on that counts."""
        channel, connection, leg = self._called()
        channel.dataReceived(self._ack(connection))
        self.lost(channel)
        user = FakeClient()
        self._bye(leg.dialog, user)
        ((host, port, _, _),) = self.connector.asked
        self.assertEqual((host, port), ("192.0.2.10", 5070))
        after = self.connector.open()
        (bye,) = self.taken(after)
        assert isinstance(bye, Request)
        self.assertEqual(bye.uri_text, "sip:1000@192.0.2.10:5070;transport=tcp")
        self.listener.channel(("192.0.2.10", 5070)).dataReceived(reply(bye, 200))
        self.assertEqual(user.heard, [200])

    def test_peer_that_closed_and_does_not_listen(self) -> None:
        """The user hears of it when the connection fails."""
        channel, connection, leg = self._called()
        channel.dataReceived(self._ack(connection))
        self.lost(channel)
        user = FakeClient()
        self._bye(leg.dialog, user)
        self.assertEqual(user.timeouts, 0)
        self.connector.fail()
        self.assertEqual(user.timeouts, 1)

    def test_answer_after_the_peer_closed(self) -> None:
        """A new connection to the sent-by of its Via (18.2.2)."""
        channel, _ = self.incoming()
        channel.dataReceived(ask(transport="TCP", sent_by="192.0.2.10:5080"))
        self.lost(channel)
        leg = FakeLeg(self.rig)
        self.rig.ring(self.rig.users.calls[0], leg)
        self.rig.accept(leg)
        ((host, port, _, _),) = self.connector.asked
        self.assertEqual((host, port), ("192.0.2.10", 5080))
        (ok,) = self.taken(self.connector.open())
        self.assertEqual(ok.status, 200)

    def test_ack_after_the_peer_closed(self) -> None:
        """It finds its way too."""
        channel = self.listener.channel(PEER)
        self.rig.channel = channel  # type: ignore[assignment]
        user = FakeClient()
        transaction, dialog = self.rig.call(user)
        (invite,) = self.taken(self.connector.open())
        contact = "<sip:2000@192.0.2.10:5070;transport=tcp>"
        channel.dataReceived(reply(invite, 200, contact=contact))
        self.lost(channel)
        dialog.confirm(user.responses[-1])
        ack = dialog.request("ACK", 1, "z9hG4bKa")
        transaction.acknowledge(ack, "pt", dialog.channel, dialog.address)
        (sent,) = self.taken(self.connector.open())
        self.assertEqual(sent.method, "ACK")

    def test_cancel_matches_its_invite(self) -> None:
        """Its Via is the INVITE's, though our address was learned later."""
        channel = self.listener.channel(PEER)
        self.rig.channel = channel  # type: ignore[assignment]
        transaction, _ = self.rig.call(FakeClient())
        connection = self.connector.open(("192.0.2.99", 40001))
        (invite,) = self.taken(connection)
        channel.dataReceived(reply(invite, 180))
        self.rig.core.cancel(transaction)
        (cancel,) = self.taken(connection)
        self.assertEqual(cancel.get("via"), invite.get("via"))

    def test_unanswered_success_over_a_closed_connection(self) -> None:
        """The 200 is tried on new connections until it is given up."""
        channel, _, leg = self._called()
        self.lost(channel)
        self.rig.advance(GIVEN_UP + 1)
        self.assertEqual(leg.missing, 1)
        self.assertEqual(len(self.connector.asked), 1)

    def test_parse_of_what_is_written(self) -> None:
        """Whatever was written is read back whole."""
        _, connection, _ = self._called()
        self.assertEqual(parse(connection.value()).cseq_method, "INVITE")
