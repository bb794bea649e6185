"""All connections: who may have how many, which one leads where, how they end."""

from __future__ import annotations

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.logger import capturedLogs

from tests.sip.connections import FakeConnection, ListenerCase
from tests.sip.rig import PEER, STRANGER, FakeClient, ask, reply
from vos3000.sip import connection as one
from vos3000.sip import connections as all_of_them
from vos3000.sip.connection import Connection, Way
from vos3000.sip.strangers import FEW, MOST_STRANGERS
from vos3000.sip.tcp import Stream
from vos3000.sip.transaction import Channel


class WelcomeTests(ListenerCase):
    """A stranger that proves who it is."""

    def test_it_may_idle(self) -> None:
        """As long as a gateway, and no longer."""
        wire, connection = self.incoming(STRANGER)
        wire.dataReceived(b"\r\n\r\n")
        wire.connection.welcome()
        self.rig.advance(one.IDLE - 1)
        self.assertFalse(connection.disconnecting)
        self.rig.advance(2)
        self.assertTrue(connection.disconnecting)

    def test_it_may_idle_as_long_as_it_is_registered(self) -> None:
        """A call that it makes meanwhile shortens nothing."""
        wire, connection = self.incoming(STRANGER)
        wire.dataReceived(b"\r\n\r\n")
        wire.connection.welcome(one.IDLE * 2)
        wire.connection.welcome()
        self.rig.advance(one.IDLE * 2 - 1)
        self.assertFalse(connection.disconnecting)
        self.rig.advance(2)
        self.assertTrue(connection.disconnecting)

    def test_it_makes_room_for_strangers(self) -> None:
        """It is counted among them no more, and not twice."""
        wires = [
            self.incoming((f"198.51.100.{n}", 40000))[0] for n in range(MOST_STRANGERS)
        ]
        for _ in range(2):
            wires[0].connection.welcome()
        self.incoming(STRANGER)
        self.assertIsNone(self.listener.buildProtocol(IPv4Address("TCP", *STRANGER)))
        self.lost(wires[0])
        self.assertIsNone(self.listener.buildProtocol(IPv4Address("TCP", *STRANGER)))
        self.lost(wires[1])
        self.assertIsNotNone(self.listener.buildProtocol(IPv4Address("TCP", *STRANGER)))

    def test_one_source_does_not_keep_others_out(self) -> None:
        """
        Who has taken all there is gives up one for whoever comes, its newest, and
        gets none from others; those that are few stay.
        """
        few = [self.incoming(("203.0.113.7", n))[1] for n in range(FEW)]
        count = MOST_STRANGERS - FEW
        greedy = [self.incoming((STRANGER[0], n)) for n in range(count)]
        newcomers = [self.incoming((f"203.0.113.{n}", 9))[0] for n in range(10, 40)]
        self.assertIsNone(self.listener.buildProtocol(IPv4Address("TCP", *STRANGER)))
        cut = [line.aborting for _, line in greedy]
        self.assertEqual(cut, [False] * (count - 30) + [True] * 30)
        self.assertFalse(any(each.aborting for each in few))
        for wire in (*newcomers, *(wire for wire, _ in greedy[-30:])):
            self.lost(wire)
        again = [self.incoming(STRANGER) for _ in range(30)]
        self.assertIsNone(self.listener.buildProtocol(IPv4Address("TCP", *STRANGER)))
        self.assertFalse(any(line.aborting for _, line in again))

    def test_those_that_are_many_are_left_alone(self) -> None:
        """Strangers with a few each: the next one has to wait for an end."""
        lines = [
            self.incoming((f"198.51.{n % (MOST_STRANGERS // FEW)}.1", n))[1]
            for n in range(MOST_STRANGERS)
        ]
        refused = self.listener.buildProtocol(IPv4Address("TCP", "203.0.113.7", 9))
        self.assertIsNone(refused)
        self.assertFalse(any(line.aborting for line in lines))

    def test_a_peer_of_many_addresses(self) -> None:
        """They count as one: of IPv6 somebody has a whole network."""
        self.connections.source = lambda host: "2001:db8::/64"
        for number in range(all_of_them.MOST_CONNECTIONS_OF_PEER):
            self.rig.users.known.add(f"2001:db8::{number:x}")
            self.incoming((f"2001:db8::{number:x}", 5060))
        other = IPv6Address("TCP", "2001:db8::ffff", 5060)
        self.assertIsNone(self.listener.buildProtocol(other))

    def test_devices_leave_room_for_gateways(self) -> None:
        """However many of them proved who they are."""
        self.connections.gateway = lambda host, port: host == PEER[0]
        for number in range(all_of_them.MOST_CONNECTIONS - all_of_them.RESERVED):
            host = f"10.0.{number // 250}.{number % 250}"
            self.incoming((host, 40000))[0].connection.welcome()
        self.assertIsNone(self.listener.buildProtocol(IPv4Address("TCP", *STRANGER)))
        self.incoming()

    def test_a_strangers_connection_is_not_replaced(self) -> None:
        """What it is answered after it left is dropped: it dials nobody."""
        wire, _ = self.incoming(STRANGER)
        self.lost(wire)
        wire.connection.send(b"x", STRANGER)
        self.assertEqual(self.connector.asked, [])
        self.assertEqual(self.rig.metric("sip_failed_sends_total"), 1)

    def test_a_request_to_a_stranger_that_left_fails(self) -> None:
        """Its user hears soon, though not before it was sent."""
        wire, _ = self.incoming(STRANGER)
        self.lost(wire)
        user = FakeClient()
        data = ask("OPTIONS", "z9hG4bKo", transport="TCP")
        self.rig.layer.send(
            "z9hG4bKo", "OPTIONS", data, wire.connection, STRANGER, user
        )
        self.assertEqual(user.timeouts, 0)
        self.rig.advance(0.2)
        self.assertEqual(user.timeouts, 1)


class WatcherTests(ListenerCase):
    """Who wants to know of connections that close."""

    def test_each_is_told(self) -> None:
        """Once, when the connection cannot be used any more."""
        gone: list[tuple[Channel, bool]] = []
        self.rig.reception.watchers.append(lambda c: gone.append((c, c.closed)))
        wire, _ = self.incoming()
        self.assertFalse(wire.connection.closed)
        self.lost(wire)
        self.lost(wire)
        self.assertEqual(gone, [(wire.connection, True)])


class ResetTests(ListenerCase):
    """SS_TCP_CLOSE_RESET."""

    def test_what_was_written_goes_out_first(self) -> None:
        """Then the connection is cut, without a farewell."""
        self.connections.reset = True
        wire, connection = self.incoming()
        wire.dataReceived(b"x" * 70_000)
        self.assertFalse(connection.disconnecting)
        self.assertFalse(connection.aborting)
        wire.dataReceived(ask("OPTIONS"))
        self.assertEqual(connection.value(), b"")
        self.rig.advance(one.RESETTING + 0.1)
        self.assertTrue(connection.aborting)
        self.assertFalse(connection.disconnecting)

    def test_a_new_request_takes_another(self) -> None:
        """One that is about to be cut is not used any more."""
        self.connections.reset = True
        first = self.outgoing(PEER)
        self.connector.open()
        first.close()
        self.assertIsNot(self.outgoing(PEER), first)
        self.assertIsNot(first.live(PEER), first)


class FailureTests(ListenerCase):
    """Connections of ours that do not open."""

    def test_the_log_tells_it_once(self) -> None:
        """Until one opens again, which is told, too."""
        with capturedLogs() as logs:
            for _ in range(3):
                self.outgoing(PEER)
                self.connector.fail()
            self.outgoing(PEER)
            self.connector.open()
        told = [event["log_format"] for event in logs if "way" in event]
        self.assertEqual(
            told, ["{way}: no connection: {why}", "{way}: connected again"]
        )
        self.assertEqual(logs[0]["way"], "TCP to 192.0.2.10 port 5060")

    def test_an_attempt_that_we_end_is_no_failure(self) -> None:
        """As when the switch stops."""
        with capturedLogs() as logs:
            self.outgoing(PEER)
            self.connections.close()
            self.connector.fail()
        self.assertEqual([event for event in logs if "way" in event], [])


class AliasTests(ListenerCase):
    """Connections of a peer that carry our requests to it (RFC 5923)."""

    def _offered(
        self, peer: tuple[str, int] = (PEER[0], 40000), via: str = "192.0.2.10:5070"
    ) -> tuple[Stream, FakeConnection]:
        wire, connection = self.incoming(peer)
        line = f"SIP/2.0/TCP {via};branch=z9hG4bKa;alias"
        wire.dataReceived(ask("OPTIONS", via=line))
        connection.clear()
        return wire, connection

    def test_a_request_of_ours_uses_it(self) -> None:
        """It goes to the port that the peer says it listens on."""
        wire, connection = self._offered()
        there = (PEER[0], 5070)
        self.assertIs(self.outgoing(there), wire.connection)
        user = FakeClient()
        data = ask("OPTIONS", "z9hG4bKo", transport="TCP")
        channel = self.outgoing(there)
        self.rig.layer.send("z9hG4bKo", "OPTIONS", data, channel, there, user)
        (request,) = self.taken(connection)
        wire.dataReceived(reply(request, 200))
        self.assertEqual((user.heard, self.connector.asked), ([200], []))

    def test_no_other_place_leads_to_it(self) -> None:
        """Neither another port nor another of our own addresses."""
        wire, _ = self._offered()
        for other in (
            self.outgoing((PEER[0], 40000)),
            self.outgoing((PEER[0], 5070), "192.0.2.2"),
        ):
            self.assertIsNot(other, wire.connection)

    def test_without_the_parameter(self) -> None:
        """Nothing is reused that was not offered."""
        wire, _ = self.incoming()
        via = "SIP/2.0/TCP 192.0.2.10:5070;branch=z9hG4bKa;x=;aliased"
        wire.dataReceived(ask("OPTIONS", via=via))
        self.assertIsNot(self.outgoing((PEER[0], 5070)), wire.connection)

    def test_a_stranger_gets_no_calls(self) -> None:
        """Nor does a gateway get those of another address."""
        wire, _ = self._offered(STRANGER, "198.51.100.66:5070")
        self.assertIsNot(self.outgoing((STRANGER[0], 5070)), wire.connection)
        wire, _ = self._offered(via="192.0.2.11:5070")
        self.assertIsNot(self.outgoing(("192.0.2.11", 5070)), wire.connection)

    def test_a_phone_gets_no_calls(self) -> None:
        """It may be known, and stand behind the address of a gateway."""
        self.connections.gateway = lambda host, port: False
        wire, _ = self._offered()
        self.assertIsNot(self.outgoing((PEER[0], 5070)), wire.connection)

    def test_the_last_one_has_the_place(self) -> None:
        """And when it closes nobody has."""
        first, _ = self._offered()
        second, _ = self._offered((PEER[0], 40001))
        there = (PEER[0], 5070)
        self.assertIs(self.outgoing(there), second.connection)
        self.lost(second)
        new = self.outgoing(there)
        self.assertNotIn(new, (first.connection, second.connection))

    def test_one_place_for_each(self) -> None:
        """A peer that names many ports fills no table."""
        wire, _ = self.incoming()
        for port in range(5000, 5100):
            via = f"SIP/2.0/TCP 192.0.2.10:{port};branch=z9hG4bKa{port};alias"
            wire.dataReceived(ask("OPTIONS", via=via))
        self.assertEqual(len(self.connections._aliases), 1)
        self.lost(wire)
        self.assertEqual(len(self.connections._aliases), 0)


class WayTests(ListenerCase):
    """What tells one connection of ours from another."""

    def test_whom_it_must_name(self) -> None:
        """Two names at one address are two connections."""
        ways = (
            Way("TLS", PEER, "", "a.example"),
            Way("TLS", PEER, "", "b.example"),
            Way("TLS", PEER, "", "a.example", False),
        )
        found: set[Connection] = {self.connections.to(self.listener, w) for w in ways}
        self.assertEqual(len(found), 3)
        self.assertEqual(str(ways[0]), "TLS to 192.0.2.10 port 5060 (a.example)")
