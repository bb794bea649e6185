"""
Opening the sockets of the switch, and saying which one cannot be opened.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort

from vos3000.config import Endpoint
from vos3000.errors import ConfigError
from vos3000.turns import DatagramPort, StreamPort

RECEIVE_BUFFER = 4 * 1024 * 1024
"""Bytes: the default loses 3 to 8 % of the datagrams at 3,000 calls/s."""


def listen_udp(
    reactor: Any, endpoint: Endpoint, protocol: Any, largest: int
) -> IListeningPort:
    """
    Open a datagram socket with room for bursts.

    @param largest: Bytes of the largest datagram.
    @raise CannotListenError: If the system refuses.
    """
    with _bound(endpoint, socket.SOCK_DGRAM) as sock:
        _enlarge(sock)
        protocol.noisy = False
        port: IListeningPort = DatagramPort._fromListeningDescriptor(
            reactor, sock.fileno(), sock.family, protocol, largest
        )
        port.startListening()
        return port


def listen_tcp(
    reactor: Any, endpoint: Endpoint, factory: Any, backlog: int = 512
) -> IListeningPort:
    """
    Open a socket for connections.

    @raise CannotListenError: If the system refuses.
    """
    with _bound(endpoint, socket.SOCK_STREAM) as sock:
        sock.listen(backlog)
        factory.noisy = False
        port: IListeningPort = StreamPort._fromListeningDescriptor(
            reactor, sock.fileno(), sock.family, factory
        )
        port.startListening()
        return port


def _bound(endpoint: Endpoint, kind: socket.SocketKind) -> socket.socket:
    """
    A socket that is bound. An IPv6 one takes IPv6 only, so that C{0.0.0.0} and
    C{[::]} may listen on the same port, which Twisted's own sockets may not.
    """
    v6 = ":" in endpoint.host
    sock = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, kind)
    try:
        sock.setblocking(False)
        if v6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind is socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((endpoint.host, endpoint.port))
    except OSError as error:
        sock.close()
        raise CannotListenError(endpoint.host, endpoint.port, error) from error
    return sock


def _enlarge(sock: socket.socket) -> None:
    force = getattr(socket, "SO_RCVBUFFORCE", None)
    try:
        if force is None:
            raise PermissionError
        sock.setsockopt(socket.SOL_SOCKET, force, RECEIVE_BUFFER)
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)


class Ports:
    """
    Every socket the switch listens on.

    Opened before privileges are shed, silent until there is something to
    answer with.
    """

    def __init__(self) -> None:
        self._open: list[IListeningPort] = []
        self._problems: list[str] = []

    def open(
        self, setting: str, endpoint: Endpoint, listen: Callable[[], IListeningPort]
    ) -> IListeningPort | None:
        """
        Open one socket, silent.

        @param setting: The setting that names it, such as C{[sip] udp}.
        @return: The port; None if it cannot be had, which L{check} reports.
        """
        try:
            port = listen()
        except CannotListenError as error:
            self._problems.append(_problem(setting, endpoint, error))
            return None
        quiet: Any = port
        quiet.stopReading()
        self._open.append(port)
        return port

    def note(self, problems: Iterable[str]) -> None:
        """What else a start fails of; L{check} reports all in one."""
        self._problems.extend(problems)

    def check(self) -> None:
        """
        @raise ConfigError: If any socket could not be opened; names all.
        """
        if self._problems:
            raise ConfigError(self._problems)

    def start(self) -> None:
        """Hear from now on."""
        for port in self._open:
            heard: Any = port
            heard.startReading()

    def close(self) -> list[Any]:
        """Close all; returns what has to be waited for."""
        ports, self._open = self._open, []
        return [port.stopListening() for port in ports]


def _problem(setting: str, endpoint: Endpoint, error: CannotListenError) -> str:
    number = getattr(error.socketError, "errno", None)
    what = getattr(error.socketError, "strerror", None) or str(error.socketError)
    if number == errno.EADDRINUSE:
        cure = "another program uses it: stop that, or choose another port"
    elif number == errno.EACCES:
        cure = "this user may not open it: choose a port above 1023"
    elif number == errno.EADDRNOTAVAIL:
        cure = "this machine does not have the address"
    else:
        cure = what
    return f"port {endpoint.port} ({setting} = {endpoint}): {cure}"


class LocalHosts:
    """
    Our own address towards each peer, where a socket is bound to all of them.

    Asks the kernel's routes once for each peer, without sending anything.
    """

    MOST = 10_000

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def __call__(self, peer: str) -> str:
        found = self._known.get(peer)
        if found is None:
            if len(self._known) >= self.MOST:
                self._known.clear()
            found = self._known[peer] = _towards(peer)
        return found

    def forget(self) -> None:
        """The machine's addresses may have changed."""
        self._known.clear()


def _towards(peer: str) -> str:
    family = socket.AF_INET6 if ":" in peer else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_numeric(peer))
            host: str = probe.getsockname()[0]
        except OSError:
            return "::1" if family is socket.AF_INET6 else "127.0.0.1"
        return host


def _numeric(peer: str) -> Any:
    """
    An address as a socket takes it, a zone's number included; never a name, which
    would be looked up while everything waits.

    @raise OSError: If it is none.
    """
    found = socket.getaddrinfo(
        peer, 5060, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST
    )
    return found[0][4]
