"""
L{vos3000.ports}: real sockets on loopback, and what is said of those that
cannot be had.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.protocol import DatagramProtocol, Factory
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from vos3000.config import Endpoint
from vos3000.errors import ConfigError
from vos3000.ports import LocalHosts, Ports, _numeric, listen_tcp, listen_udp
from vos3000.turns import LONGEST, MOST_ACCEPTED, MOST_DATAGRAMS, PATIENCE


class _Heard(DatagramProtocol):
    """
    Notes datagrams.

    @param takes: Seconds that each takes.
    """

    def __init__(self, clock: Clock, takes: float = 0.0) -> None:
        self.heard: list[tuple[bytes, Any]] = []
        self._clock = clock
        self._takes = takes

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """Note one."""
        self.heard.append((datagram, addr))
        self._clock.advance(self._takes)
        if datagram == b"bad":
            raise ZeroDivisionError


class _Choosy(_Heard):
    """Knows some ports, and skips all others if it is asked."""

    skipped = 0
    known: set[int] = set()

    def skips(self, address: Any) -> bool:
        """Count it."""
        unknown = address[1] not in self.known
        self.skipped += unknown
        return unknown


class TurnTests(TestCase):
    """One socket leaves time for the others."""

    def setUp(self) -> None:
        """Nothing is open yet."""
        self.ports = Ports()
        self.clock = Clock()

    async def tearDown(self) -> None:
        """Close what was opened."""
        await gatherResults([each for each in self.ports.close() if each is not None])

    def udp(self, protocol: DatagramProtocol, host: str = "127.0.0.1") -> Any:
        """A socket for datagrams, read by hand only; its time is ours."""
        endpoint = Endpoint(host, 0)
        port: Any = self.ports.open(
            "[sip] udp",
            endpoint,
            lambda: listen_udp(reactor, endpoint, protocol, 65535),
        )
        port.reactor = self.clock
        self.addCleanup(setattr, port, "reactor", reactor)
        return port

    def flood(self, port: Any, datagrams: list[bytes]) -> tuple[str, int]:
        """Send them; gives where from."""
        family = port.addressFamily
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((port.getHost().host, port.getHost().port))
            for data in datagrams:
                sock.send(data)
            host, number, *_ = sock.getsockname()
            return host, number

    def test_empty_datagrams_are_counted(self) -> None:
        """However many come, and however small: the rest is read at the next turn."""
        heard = _Heard(self.clock)
        port = self.udp(heard)
        self.flood(port, [b""] * (MOST_DATAGRAMS + 3))
        port.doRead()
        self.assertEqual(len(heard.heard), MOST_DATAGRAMS)
        port.doRead()
        self.assertEqual(len(heard.heard), MOST_DATAGRAMS + 3)

    def test_a_turn_ends(self) -> None:
        """Where each takes long, a few are enough for one turn."""
        heard = _Heard(self.clock, LONGEST / 4)
        port = self.udp(heard)
        self.flood(port, [b"a"] * 20)
        port.doRead()
        self.assertEqual(len(heard.heard), 5)

    def test_known_peers_in_a_flood(self) -> None:
        """
        Where each turn leaves datagrams unread, again and again, strangers have
        half of it and no more; as soon as all is read, they have all again.
        """
        heard = _Choosy(self.clock, LONGEST / 4.5)
        port = self.udp(heard)
        for _ in range(PATIENCE):
            self.flood(port, [b"x"] * 5)
            port.doRead()
        self.assertEqual(heard.skipped, 0)
        self.assertEqual(len(heard.heard), 5 * PATIENCE)
        heard.heard.clear()
        known = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(known.close)
        known.connect(("127.0.0.1", port.getHost().port))
        heard.known = {known.getsockname()[1]}
        self.flood(port, [b"s"] * 20)
        known.send(b"k")
        self.flood(port, [b"s"] * 20)
        port.doRead()
        self.assertEqual([data for data, _ in heard.heard], [b"s"] * 3 + [b"k"])
        self.assertEqual(heard.skipped, 37)
        heard.heard.clear()
        self.flood(port, [b"s"] * 5)
        port.doRead()
        self.assertEqual(len(heard.heard), 5)

    def test_what_fails_hurts_nobody(self) -> None:
        """It is logged, and the next is read; IPv6 tells host and port alone."""
        heard = _Heard(self.clock)
        port = self.udp(heard, "::1")
        source = self.flood(port, [b"bad", b"good"])
        port.doRead()
        self.assertEqual(heard.heard, [(b"bad", source), (b"good", source)])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_connections_are_accepted_by_and_by(self) -> None:
        """A wave of them does not grow with what waits."""
        made: list[Any] = []
        factory = Factory()
        factory.buildProtocol = made.append  # type: ignore[assignment]
        endpoint = Endpoint("127.0.0.1", 0)
        port: Any = self.ports.open(
            "[sip] tcp", endpoint, lambda: listen_tcp(reactor, endpoint, factory)
        )
        where = ("127.0.0.1", port.getHost().port)
        for _ in range(3 * MOST_ACCEPTED):
            self.addCleanup(socket.create_connection(where).close)
        for turn in (1, 2, 3):
            port.doRead()
            self.assertEqual(len(made), turn * MOST_ACCEPTED)


class PortsTests(TestCase):
    """Opening sockets."""

    def setUp(self) -> None:
        """Nothing is open yet."""
        self.ports = Ports()

    async def tearDown(self) -> None:
        """Close what was opened."""
        await gatherResults([each for each in self.ports.close() if each is not None])

    def udp(self, host: str, number: int = 0) -> Any:
        """Open a datagram socket."""
        endpoint = Endpoint(host, number)
        return self.ports.open(
            "[sip] udp",
            endpoint,
            lambda: listen_udp(reactor, endpoint, DatagramProtocol(), 65535),
        )

    def tcp(self, host: str, number: int = 0) -> Any:
        """Open a socket for connections."""
        endpoint = Endpoint(host, number)
        return self.ports.open(
            "[http] listen", endpoint, lambda: listen_tcp(reactor, endpoint, Factory())
        )

    def test_both_families_share_a_port(self) -> None:
        """0.0.0.0 and [::] listen side by side, for datagrams and connections."""
        number = self.udp("0.0.0.0").getHost().port
        self.assertEqual(self.udp("::", number).getHost().port, number)
        number = self.tcp("0.0.0.0").getHost().port
        self.assertEqual(self.tcp("::", number).getHost().port, number)
        self.ports.check()

    def test_a_port_in_use_is_named_with_its_setting(self) -> None:
        """Every port that cannot be had is reported, and how to mend it."""
        first = self.udp("127.0.0.1").getHost().port
        second = self.tcp("127.0.0.1").getHost().port
        self.assertIsNone(self.udp("127.0.0.1", first))
        self.assertIsNone(self.tcp("127.0.0.1", second))
        error = self.assertRaises(ConfigError, self.ports.check)
        cure = "another program uses it: stop that, or choose another port"
        self.assertEqual(
            error.problems,
            (
                f"port {first} ([sip] udp = 127.0.0.1:{first}): {cure}",
                f"port {second} ([http] listen = 127.0.0.1:{second}): {cure}",
            ),
        )

    def test_an_address_of_another_machine(self) -> None:
        """An address that this machine lacks is told as such."""
        self.assertIsNone(self.udp("192.0.2.77", 5060))
        error = self.assertRaises(ConfigError, self.ports.check)
        self.assertIn("this machine does not have the address", str(error))

    def test_opening_is_silent(self) -> None:
        """Neither protocol nor factory tells of its start and its end."""
        self.assertFalse(self.udp("127.0.0.1").protocol.noisy)
        self.assertFalse(self.tcp("127.0.0.1").factory.noisy)

    def test_datagrams_get_room(self) -> None:
        """The receive buffer is larger than the system's default."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
            usual = plain.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        sock = self.udp("127.0.0.1").socket
        room = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        self.assertGreater(room, usual)


class LocalHostsTests(TestCase):
    """Our own address towards a peer."""

    def test_loopback(self) -> None:
        """Loopback is reached from loopback, in both families."""
        hosts = LocalHosts()
        self.assertEqual(hosts("127.0.0.1"), "127.0.0.1")
        self.assertEqual(hosts("::1"), "::1")

    def test_names(self) -> None:
        """No name is ever looked up: everything would wait."""
        self.assertEqual(_numeric("192.0.2.1")[0], "192.0.2.1")
        for name in ("localhost", "sip.example.net", "192.0.2.0/24", "192.0.2.1:5060"):
            self.assertRaises(OSError, _numeric, name)
