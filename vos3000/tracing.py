"""
What follows the signaling of the switch, put together: the tap, who may watch it,
and the HEP server.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from vos3000.config import Hep
from vos3000.metrics import Metrics
from vos3000.signaling import Signaling
from vos3000.sip.transaction import Address
from vos3000.trace.exporter import Exporter
from vos3000.trace.tap import Tap


class Tracing:
    """
    Hangs a tap where messages pass, while anybody wants to see them.

    @param wall: Seconds since 1970.
    @ivar tap: Who wants to see messages is told to it.
    """

    def __init__(
        self,
        signaling: Signaling,
        hep: Hep,
        wall: Callable[[], float],
        metrics: Metrics,
    ) -> None:
        self._signaling = signaling
        self._hep = hep
        self._metrics = metrics
        self._sockets: dict[bool, socket.socket] = {}
        self.tap = Tap(wall, self._turn, metrics)
        self.named = signaling.named

    def _turn(self, on: bool) -> None:
        """Let messages and calls be seen, or no more."""
        reception, registry = self._signaling.reception, self._signaling.registry
        if not on:
            reception.tap = registry.follower = None
            return
        self.tap.legs.begin(
            (call, [leg.identifier for leg in (call.leg, call.out) if leg is not None])
            for call in registry
        )
        reception.tap, registry.follower = self.tap, self.tap.legs

    def start(self) -> None:
        """Begin to copy messages to the HEP server, if there is one."""
        hep = self._hep
        if hep.server is None:
            return
        self._server()  # a name is looked up from now on
        exporter = Exporter(
            self._send, self._server, hep.capture_id, hep.password, self._metrics
        )
        self.tap.export(exporter)

    def _server(self) -> Address | None:
        server = self._hep.server
        assert server is not None
        found = self._signaling.hosts.targets(server.host, "udp", server.port)
        return found[0].address if found else None

    def _send(self, data: bytes, address: Address) -> None:
        v6 = ":" in address[0]
        sock = self._sockets.get(v6)
        if sock is None:
            family = socket.AF_INET6 if v6 else socket.AF_INET
            sock = self._sockets[v6] = socket.socket(family, socket.SOCK_DGRAM)
            sock.setblocking(False)
        sock.sendto(data, address)

    def stop(self) -> None:
        """Close what was opened."""
        for sock in self._sockets.values():
            sock.close()
        self._sockets.clear()
