"""
The transports of SIP, put together: which sockets the switch opens and what it
sends with, as configuration and system parameters say.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.interfaces import IListeningPort

from vos3000.config import Endpoints, Sip
from vos3000.metrics import Metrics
from vos3000.ports import LocalHosts, Ports, listen_tcp, listen_udp
from vos3000.sip.connections import Connections
from vos3000.sip.reception import Reception
from vos3000.sip.sockets import mark
from vos3000.sip.tcp import StreamListener
from vos3000.sip.transport import MAX_PACKET_SIZE, Transport, UdpChannel
from vos3000.timers import TimerWheel


class Transports:
    """
    Sockets and connections of one switch.

    @ivar local_hosts: Our own address towards each peer.
    @ivar connections: All that are open.
    @ivar transport: Which channel a request goes out on.
    """

    def __init__(
        self,
        reactor: Any,
        reception: Reception,
        timers: TimerWheel,
        knows: Callable[[str, int], bool],
        metrics: Metrics,
    ) -> None:
        self._reactor = reactor
        self._reception = reception
        self._listening: list[IListeningPort] = []
        self.local_hosts = LocalHosts()
        self.connections = Connections(
            reception, timers, self.local_hosts, metrics, knows
        )
        self._listeners = {"TCP": StreamListener("TCP", self.connections, reactor)}
        self.transport = Transport(self.connections, self._listeners)
        metrics.gauge(
            "sip_lost_datagrams",
            "Datagrams that found no room in a socket's buffer",
            self.transport.lost,
        )

    def open(self, ports: Ports, sip: Sip) -> None:
        """Open the sockets, silent for now."""
        for endpoint in sip.udp:
            channel = UdpChannel(self._reception, self.local_hosts)
            listen = partial(
                listen_udp, self._reactor, endpoint, channel, MAX_PACKET_SIZE
            )
            if ports.open("[sip] udp", endpoint, listen) is not None:
                self.transport.add(channel)
        self._listen(ports, "TCP", sip.tcp)

    def _listen(self, ports: Ports, name: str, endpoints: Endpoints) -> None:
        """Open the sockets of a transport that is connections."""
        listener = self._listeners[name]
        for endpoint in endpoints:
            factory = listener.acceptor()
            listen = partial(listen_tcp, self._reactor, endpoint, factory)
            port = ports.open(f"[sip] {name.lower()}", endpoint, listen)
            if port is not None:
                here: Any = port.getHost()
                listener.port = here.port
                self._listening.append(port)

    def tune(self, tos: int, reset: bool) -> None:
        """
        System parameters were read.

        @param tos: SS_QOS_SIGNAL.
        @param reset: SS_TCP_CLOSE_RESET.
        """
        self.connections.reset = reset
        if tos == self.connections.tos:
            return
        self.transport.mark(tos)
        for port in self._listening:
            # what is accepted has it from its first packet on
            mark(port.socket, tos)  # type: ignore[attr-defined]
