"""
The transports of SIP, put together: which sockets the switch opens and what it
sends with, as configuration and system parameters say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger

from vos3000.config import Endpoints, Sip
from vos3000.errors import ConfigError
from vos3000.instant import Now
from vos3000.metrics import Metrics
from vos3000.ports import LocalHosts, Ports, listen_tcp, listen_udp
from vos3000.sip import tls
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

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        reception: Reception,
        timers: TimerWheel,
        knows: Callable[[str, int], bool],
        now: Now,
        metrics: Metrics,
    ) -> None:
        self._reactor = reactor
        self._reception = reception
        self._now = now
        self._listening: list[IListeningPort] = []
        self.local_hosts = LocalHosts()
        self.connections = Connections(
            reception, timers, self.local_hosts, metrics, knows
        )
        self._tls = tls.Tls(reactor)
        self._listeners: dict[str, Any] = {
            "TCP": StreamListener("TCP", self.connections, reactor),
            "TLS": StreamListener("TLS", self.connections, reactor, self._tls),
        }
        self.transport = Transport(self.connections, self._listeners)
        self._measure(metrics)

    def _measure(self, metrics: Metrics) -> None:
        metrics.gauge(
            "sip_lost_datagrams",
            "Datagrams that found no room in a socket's buffer",
            self.transport.lost,
        )
        metrics.gauge(
            "sip_certificate_expires_seconds",
            "When the certificate of SIP ends, seconds since 1970; 0 for none",
            lambda: self._tls.expires,
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
        try:
            self.use(self.read(sip))
        except ConfigError as error:
            ports.note(error.problems)
        self._listen(ports, "TLS", sip.tls)
        if sip.ws or sip.wss:
            self._add_websocket(sip.ws_origins)
        self._listen(ports, "WS", sip.ws)
        self._listen(ports, "WSS", sip.wss)

    def need(self, transports: Iterable[str]) -> None:
        """Gateways are called by these transports."""
        if not {"ws", "wss"}.isdisjoint(transports):
            self._add_websocket(())

    def _add_websocket(self, origins: Sequence[str]) -> None:
        """Autobahn is loaded where it is used, and nowhere else."""
        if "WS" in self._listeners:
            return
        from vos3000.sip.websocket import WebSocketListener

        for name, secure in (("WS", None), ("WSS", self._tls)):
            self._listeners[name] = WebSocketListener(
                name, self.connections, self._reactor, secure, origins
            )

    def _listen(self, ports: Ports, name: str, endpoints: Endpoints) -> None:
        """Open the sockets of a transport that is connections."""
        for endpoint in endpoints:
            listener = self._listeners[name]
            factory = listener.acceptor()
            listen = partial(listen_tcp, self._reactor, endpoint, factory)
            port = ports.open(f"[sip] {name.lower()}", endpoint, listen)
            if port is not None:
                here: Any = port.getHost()
                listener.port = here.port
                self._listening.append(port)

    def read(self, sip: Sip) -> tls.Material:
        """
        Read the files of TLS.

        @raise ConfigError: If any of them cannot be used.
        """
        return material(sip, datetime.fromtimestamp(self._now().wall / 1000, UTC))

    def use(self, read: tls.Material) -> None:
        """New connections have this certificate, and this trust, from now on."""
        self._tls.load(read)
        for warning in read.warnings:
            self._log.warn("{told}", told=warning)

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


def material(sip: Sip, now: datetime) -> tls.Material:
    """
    What the files of TLS hold.

    @raise ConfigError: If any of them cannot be used, or one is missing.
    """
    problems: list[str] = []
    found = tls.Material()
    try:
        found = tls.read(
            tls.TlsFiles(
                sip.tls_certificate, sip.tls_key, sip.tls_ca, sip.tls_verify_clients
            ),
            now,
        )
    except ConfigError as error:
        problems.extend(error.problems)
    for key, endpoints in (("tls", sip.tls), ("wss", sip.wss)):
        if endpoints and sip.tls_certificate is None:
            where = ", ".join(map(str, endpoints))
            problems.append(
                f"[sip] {key} = {where}: needs [sip] tls_certificate, a file of PEM "
                "with our certificate and its key"
            )
    if problems:
        raise ConfigError(problems)
    return found


def serving(sip: Sip) -> str:
    """Every listener, for the log; UDP and TCP are named where they are off."""
    told = []
    for name in ("UDP", "TCP", "TLS", "WS", "WSS"):
        endpoints: Endpoints = getattr(sip, name.lower())
        if endpoints or name in ("UDP", "TCP"):
            told.append(f"SIP {name} {', '.join(map(str, endpoints)) or 'off'}")
    return ", ".join(told)
