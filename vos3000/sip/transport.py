"""
The transport layer (RFC 3261 section 18): datagram sockets, and which channel
a request goes out on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.protocol import DatagramProtocol

from vos3000.sip import backlog
from vos3000.sip.connection import Listener, Way
from vos3000.sip.connections import Connections
from vos3000.sip.parser import MAX_SIZE
from vos3000.sip.reception import LocalHost, Reception
from vos3000.sip.sockets import mark
from vos3000.sip.transaction import ANYWHERE, SECURE, Address, Channel

__all__ = ["MAX_PACKET_SIZE", "Reception", "Transport", "UdpChannel"]

MAX_PACKET_SIZE = MAX_SIZE
"""The largest datagram that is read."""


class UdpChannel(DatagramProtocol):
    """
    One datagram socket (18.1, 18.2).

    @param local_host: Tells our address towards a peer where the socket is
        bound to all of them.
    """

    name = "UDP"
    reliable = False
    closed = False

    def __init__(self, reception: Reception, local_host: LocalHost) -> None:
        self._reception = reception
        self._local_host = local_host
        self._bound = ""
        self._port = 0
        self._v6 = False
        self._sendto: Callable[[bytes, Address], object] | None = None
        self._socket: Any = None

    def startProtocol(self) -> None:  # noqa: N802
        """The socket is open: learn where, and how to send past the checks."""
        assert self.transport is not None
        here = self.transport.getHost()
        self._bound = "" if here.host in ("0.0.0.0", "::") else here.host
        self._port = here.port
        self._v6 = ":" in here.host
        self._socket = socket = getattr(self.transport, "socket", None)
        # Twisted checks the address again on each write: 1.5 us a message.
        self._sendto = self.transport.write if socket is None else socket.sendto
        if socket is not None:
            backlog.begin(socket.fileno())

    @property
    def v6(self) -> bool:
        """Whether the socket speaks IPv6."""
        return self._v6

    @property
    def host(self) -> str:
        """The address the socket is bound to; empty for all."""
        return self._bound

    @property
    def port(self) -> int:
        """The port the socket is bound to."""
        return self._port

    def local(self, address: Address) -> Address:
        """Our own host and port as the peer at C{address} can reach them."""
        return (self._bound or self._local_host(address[0])), self._port

    def send(self, data: bytes, address: Address) -> None:
        """Send, or lose silently: retransmission is the transaction's work."""
        if self._reception.tap is not None:
            self._reception.tap.sent(data, self, address)
        try:
            assert self._sendto is not None
            self._sendto(data, address)
        except (OSError, OverflowError, ValueError):
            # The last two: a host or a port that is none.
            self._reception.failed_sends.value += 1

    def live(self, address: Address) -> UdpChannel:
        """This one: a datagram socket does not close."""
        return self

    def welcome(self, idle: float = 0.0) -> None:
        """A datagram socket has no limits of strangers."""

    def mark(self, tos: int) -> None:
        """Send with this class of service from now on (SS_QOS_SIGNAL)."""
        if self._socket is not None:
            mark(self._socket, tos)

    def waited(self) -> float:
        """Seconds that the datagram read last had waited: 1.8 us to find out."""
        if self._socket is None:
            return 0.0
        return backlog.age(self._socket.fileno(), self._reception.now().wall)

    def lost(self) -> int:
        """Datagrams that found no room in the socket's buffer."""
        return 0 if self._socket is None else backlog.lost(self._socket)

    def skips(self, address: Any) -> bool:
        """
        Whether a datagram is thrown away unread when there is no time for all: known
        peers have it before strangers.
        """
        return self._reception.skips(address)

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:  # noqa: N802
        """A datagram came; one of up to four octets only keeps a NAT open."""
        if len(datagram) > 4:
            if datagram[0] < 4:
                self._reception.stun(datagram, self, addr)
            else:
                self._reception.datagram(datagram, self, addr)


class Transport:
    """
    The channels of one switch: which one a request to a gateway goes out on.

    @param listeners: The transports that are connections, by name.
    """

    def __init__(
        self, connections: Connections, listeners: Mapping[str, Listener]
    ) -> None:
        self._udp: list[UdpChannel] = []
        self._connections = connections
        self._listeners = listeners

    def add(self, channel: UdpChannel) -> None:
        """A datagram socket is open."""
        self._udp.append(channel)

    def lost(self) -> int:
        """Datagrams that found no room in the sockets' buffers."""
        return sum(channel.lost() for channel in self._udp)

    def bound(self, local: Address) -> UdpChannel | None:
        """The datagram socket that an address of ours is; None if it is closed."""
        host, port = local
        for channel in self._udp:
            if channel.port == port and channel.host in ("", host):
                return channel
        return None

    def mark(self, tos: int) -> None:
        """The class of service of all that is sent from now on."""
        for channel in self._udp:
            channel.mark(tos)
        self._connections.remark(tos)

    def channel(
        self,
        name: str,
        address: Address,
        local: Address = ANYWHERE,
        domain: str = "",
        verify: bool = True,
    ) -> Channel | None:
        """
        The channel for a request.

        @param name: C{udp}, C{tcp}, C{tls}, C{ws} or C{wss}.
        @param local: Our own address that must be used, and the port that is, where
            a datagram socket has it.
        @param domain: Whom the peer's certificate must name; empty for its
            address.
        @param verify: Whether the certificate must be good.
        @return: None if no listener fits.
        """
        if name != "udp":
            return self._connection(name.upper(), address, local[0], domain, verify)
        v6, (host, port) = ":" in address[0], local
        found = None
        for channel in self._udp:
            if channel.v6 == v6 and (not host or channel.host in ("", host)):
                if port in (0, channel.port):
                    return channel
                found = found or channel
        return found

    def _connection(
        self, name: str, address: Address, local: str, domain: str, verify: bool
    ) -> Channel | None:
        listener = self._listeners.get(name)
        if listener is None or not listener.ready:
            return None
        if name not in SECURE:
            domain, verify = "", True
        way = Way(name, address, local, domain, verify)
        return self._connections.to(listener, way)
