"""Datagram sockets, and which channel a request goes out on."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.testing import FakeDatagramTransport
from twisted.trial.unittest import SynchronousTestCase

from tests.sip.rig import PEER, FakeClient, Rig, ask
from vos3000.metrics import Metrics
from vos3000.sip.connections import Connections
from vos3000.sip.parser import parse
from vos3000.sip.tcp import StreamListener
from vos3000.sip.transport import Transport, UdpChannel


class FakeSocket(FakeDatagramTransport):
    """A datagram socket that is bound somewhere."""

    def __init__(self, host: str, port: int = 5060) -> None:
        super().__init__()
        self._here = (host, port)

    def getHost(self) -> Any:  # noqa: N802
        """Where it is bound."""
        kind = IPv6Address if ":" in self._here[0] else IPv4Address
        return kind("UDP", *self._here)


def _bound(rig: Rig, host: str, port: int = 5060) -> tuple[UdpChannel, FakeSocket]:
    channel = UdpChannel(rig.reception, lambda peer: f"towards-{peer}")
    socket = FakeSocket(host, port)
    channel.makeConnection(socket)
    return channel, socket


class UdpTests(SynchronousTestCase):
    """One datagram socket."""

    def test_request_is_answered(self) -> None:
        """Bytes in, bytes out, to where they came from."""
        channel, socket = _bound(Rig(), "192.0.2.1")
        channel.datagramReceived(ask("OPTIONS"), PEER)
        ((data, address),) = socket.written
        self.assertTrue(data.startswith(b"SIP/2.0 200 "))
        self.assertEqual(address, PEER)

    def test_keep_alives_are_no_messages(self) -> None:
        """Up to four octets only keep a NAT open."""
        rig = Rig()
        channel, socket = _bound(rig, "192.0.2.1")
        for data in (b"", b"\0", b"\r\n", b"\r\n\r\n", b"\0\0\0\0"):
            channel.datagramReceived(data, PEER)
        self.assertEqual(socket.written, [])
        self.assertEqual(rig.metric("sip_received_messages_total"), 0)

    def test_stun(self) -> None:
        """It is no SIP; only who is registered gets an answer (RFC 5626 4.4.2)."""
        rig = Rig()
        channel, socket = _bound(rig, "192.0.2.1")
        request = b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12)
        heard = []
        channel.datagramReceived(request, PEER)
        rig.reception.alive = lambda *where: not heard.append(where)
        channel.datagramReceived(request, PEER)
        channel.datagramReceived(request[:-4], PEER)
        self.assertEqual(heard, [("UDP", PEER)])
        ((data, address),) = socket.written
        self.assertTrue(data.startswith(b"\1\1\0\x0c\x21\x12\xa4\x42"))
        self.assertEqual(address, PEER)
        self.assertEqual(rig.metric("sip_malformed_messages_total"), 1)
        self.assertEqual(rig.metric("sip_received_messages_total"), 0)

    def test_local_address(self) -> None:
        """The one it is bound to; for all, the one towards the peer."""
        channel, _ = _bound(Rig(), "192.0.2.1")
        self.assertEqual(channel.local(PEER), ("192.0.2.1", 5060))
        for host in ("0.0.0.0", "::"):
            channel, _ = _bound(Rig(), host)
            self.assertEqual(channel.local(PEER), (f"towards-{PEER[0]}", 5060))

    def test_network_that_refuses(self) -> None:
        """Counted, and lost as any datagram may be."""
        rig = Rig()
        for error in (OSError, OverflowError, UnicodeError):
            channel, socket = _bound(rig, "192.0.2.1")

            def fail(data: bytes, address: object, error: Any = error) -> None:
                raise error

            channel._sendto = fail
            channel.send(b"x", PEER)
            self.assertEqual(socket.written, [])
        self.assertEqual(rig.metric("sip_failed_sends_total"), 3)

    def test_errors_above_stay_there(self) -> None:
        """A bug in a user costs its message and no more."""
        rig = Rig()
        user = FakeClient()
        channel, socket = _bound(rig, "192.0.2.1")
        branch = "z9hG4bKo"
        rig.layer.send(branch, "INFO", ask("INFO", branch), channel, PEER, user)
        user.heard = None  # type: ignore[assignment]
        response = b"SIP/2.0 200 OK\r\n" + socket.written[0][0].partition(b"\r\n")[2]
        channel.datagramReceived(response, PEER)
        self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 1)
        self.assertTrue(rig.quiet())


class MalformedTests(SynchronousTestCase):
    """What is counted of messages that cannot be read."""

    def test_counters(self) -> None:
        """Malformed ones, and those among them that got an answer."""
        rig = Rig()
        rig.receive(b"nonsense")
        rig.receive(ask().replace(b"CSeq: 1 INVITE", b"CSeq: 1 BYE"))
        rig.receive(ask("ACK", to_tag='"'))
        self.assertEqual(rig.metric("sip_received_messages_total"), 3)
        self.assertEqual(rig.metric("sip_malformed_messages_total"), 3)
        self.assertEqual(rig.metric("sip_malformed_answered_total"), 1)
        self.assertTrue(parse(rig.sent()[0][0]).to_tag)


class TransportTests(SynchronousTestCase):
    """The channel of a request."""

    def setUp(self) -> None:
        """Three sockets and no connections."""
        self.rig = rig = Rig()
        self.connections = Connections(
            rig.reception, rig.timers, str, Metrics(), rig.users.knows
        )
        tcp = StreamListener("TCP", self.connections, _NoConnector())
        self.transport = Transport(self.connections, {"TCP": tcp})
        self.channels = {}
        for host in ("192.0.2.1", "192.0.2.2", "2001:db8::1"):
            self.channels[host], _ = _bound(rig, host)
            self.transport.add(self.channels[host])

    def test_version_of_the_address(self) -> None:
        """The first socket that speaks it."""
        for address, host in (
            (PEER, "192.0.2.1"),
            (("2001:db8::9", 5060), "2001:db8::1"),
        ):
            found = self.transport.channel("udp", address)
            self.assertIs(found, self.channels[host])

    def test_local_address(self) -> None:
        """The socket that is bound to it; None if there is none."""
        found = self.transport.channel("udp", PEER, ("192.0.2.2", 0))
        self.assertIs(found, self.channels["192.0.2.2"])
        self.assertIsNone(self.transport.channel("udp", PEER, ("192.0.2.3", 0)))

    def test_local_port(self) -> None:
        """The socket that has it, at any of our addresses or at one; else another."""
        for host in ("192.0.2.1", "192.0.2.2", "2001:db8::1"):
            self.channels[f"{host} 6060"], _ = _bound(self.rig, host, 6060)
            self.transport.add(self.channels[f"{host} 6060"])
        for address, local, expected in (
            (PEER, ("", 6060), "192.0.2.1 6060"),
            (PEER, ("192.0.2.2", 6060), "192.0.2.2 6060"),
            (("2001:db8::9", 5060), ("", 6060), "2001:db8::1 6060"),
            (PEER, ("192.0.2.2", 7070), "192.0.2.2"),
            (PEER, ("", 7070), "192.0.2.1"),
        ):
            found = self.transport.channel("udp", address, local)
            self.assertIs(found, self.channels[expected], local)
        self.assertIsNone(self.transport.channel("udp", PEER, ("192.0.2.3", 6060)))

    def test_socket_of_all_addresses(self) -> None:
        """It serves every local address."""
        transport = Transport(self.connections, {})
        channel, _ = _bound(self.rig, "0.0.0.0")
        transport.add(channel)
        self.assertIs(transport.channel("udp", PEER, ("192.0.2.3", 0)), channel)

    def test_found_by_address(self) -> None:
        """The socket that a registration came to, after a restart."""
        rig = Rig()
        transport = Transport(self.connections, {})
        bound, _ = _bound(rig, "192.0.2.1")
        every, _ = _bound(rig, "0.0.0.0", 5070)
        transport.add(bound)
        transport.add(every)
        self.assertIs(transport.bound(("192.0.2.1", 5060)), bound)
        self.assertIs(transport.bound(("192.0.2.9", 5070)), every)
        self.assertIsNone(transport.bound(("192.0.2.9", 5060)))

    def test_tcp_without_listener(self) -> None:
        """The peer could not reach us on it: no channel."""
        self.assertIsNone(self.transport.channel("tcp", PEER))


class _NoConnector:
    """Opens nothing."""

    def connectTCP(self, *args: Any) -> Any:  # noqa: N802
        """Not reached."""
        raise AssertionError("a connection was opened")
