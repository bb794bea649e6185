"""
L{vos3000.transports}: what the system is asked for, on real sockets.
"""

from __future__ import annotations

import socket
import subprocess
import sys

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.sockets import Real
from vos3000.config import Endpoint, Sip
from vos3000.sip.sockets import marking

TOS, OTHER = 0xA0, 0x68


class MarkTests(TestCase):
    """SS_QOS_SIGNAL, as the sockets tell it."""

    async def _marked(self, host: str) -> None:
        real = Real(Sip(udp=(Endpoint(host, 0),), tcp=(Endpoint(host, 0),)))
        try:
            real.all.tune(TOS, False)
            udp, tcp = real.open_ports()
            there = (host, real.port)
            user = real.ask(real.all.transport.channel("tcp", there), there)
            self.assertEqual(await real.answered(user), [200])
            self.assertEqual(len(real.connections), 2, "both ends are ours")
            sockets = [udp.socket, tcp.socket]
            sockets += [each.transport.socket for each in real.connections]
            self.assertEqual([marking(each) for each in sockets], [TOS] * 4)
            real.all.tune(OTHER, False)
            self.assertEqual([marking(each) for each in sockets], [OTHER] * 4)
        finally:
            await real.stop()

    def test_ipv4(self) -> Deferred[None]:
        """Those that listen, those taken and those opened, and again on reload."""
        return Deferred.fromCoroutine(self._marked("127.0.0.1"))

    def test_ipv6(self) -> Deferred[None]:
        """The same by traffic class."""
        return Deferred.fromCoroutine(self._marked("::1"))


class ResetTests(TestCase):
    """SS_TCP_CLOSE_RESET, as the peer's socket tells it."""

    async def test_peer_sees_a_reset(self) -> None:
        """Its connection is broken, not ended."""
        for reset, expected in ((True, ConnectionResetError), (False, None)):
            real = Real(Sip(udp=(), tcp=(Endpoint("127.0.0.1", 0),)))
            try:
                real.all.tune(TOS, reset)
                self.assertIs(await _closed(real), expected)
            finally:
                await real.stop()


async def _closed(real: Real) -> type[BaseException] | None:
    """Connect, be closed, and tell how a read ends."""
    (tcp,) = real.open_ports()
    with socket.create_connection(("127.0.0.1", tcp.getHost().port)) as peer:
        await real.until(lambda: real.connections)
        (connection,) = real.connections
        connection.close()
        await real.until(lambda: not real.connections)
        peer.settimeout(5)
        try:
            peer.recv(1)
        except ConnectionResetError as error:
            return type(error)
        return None


class ImportTests(TestCase):
    """What a start costs that does not use it."""

    def test_websocket(self) -> None:
        """Autobahn is not loaded where no WebSocket is configured."""
        said = subprocess.run(
            [sys.executable, "-c", "import sys, vos3000.service; print(*sys.modules)"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout.split()
        self.assertIn("vos3000.transports", said)
        self.assertEqual([name for name in said if name.startswith("autobahn")], [])
