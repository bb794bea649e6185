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
from twisted.trial.unittest import TestCase

from vos3000.config import Endpoint
from vos3000.errors import ConfigError
from vos3000.ports import LocalHosts, Ports, listen_tcp, listen_udp


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
