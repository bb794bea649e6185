"""
The transport layer (RFC 3261 section 18): datagram sockets and connections.

A message is stamped, parsed and handed to the transaction layer here, and
nothing else happens per message: no Deferred, no log line, no allocation that
the parser does not make.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
)
from twisted.internet.protocol import DatagramProtocol, Factory, connectionDone
from twisted.internet.protocol import Protocol as StreamProtocol
from twisted.python.failure import Failure

from vos3000.errors import ParseError
from vos3000.instant import Now
from vos3000.metrics import Metrics
from vos3000.sip.core import answer_statelessly
from vos3000.sip.layer import TransactionLayer
from vos3000.sip.message import Request, Response
from vos3000.sip.parser import PING, StreamParser, parse
from vos3000.sip.transaction import Address, Channel
from vos3000.timers import Timer, TimerWheel

MAX_PACKET_SIZE = 65535
"""The largest datagram that is read, and the largest message of a stream."""

MOST_CONNECTIONS = 2000
"""Connections open at once, of all peers."""

MOST_CONNECTIONS_OF_PEER = 200
"""Connections open at once from one address."""

SLOW_SENDER = 15.0
"""Seconds in which a message that began to come must be complete."""

IDLE = 1800.0
"""Seconds without a byte after which an incoming connection is closed."""

MOST_UNSENT = 262_144
"""Bytes that may wait for a connection to open."""


class Connector(Protocol):
    """Opens outgoing connections; the reactor does."""

    def connectTCP(  # noqa: N802
        self,
        host: str,
        port: int,
        factory: Any,
        timeout: float,
        bindAddress: Any,  # noqa: N803
    ) -> Any:
        """See L{twisted.internet.interfaces.IReactorTCP}."""


class Reception:
    """
    What every channel does with bytes it read: stamp, parse, hand on.

    @param now: Stamps each message.
    @param answers: Whether a source gets an answer to what cannot be read.
    """

    def __init__(
        self,
        layer: TransactionLayer,
        answers: Callable[[Address], bool],
        now: Now,
        metrics: Metrics,
    ) -> None:
        self._layer = layer
        self._answers = answers
        self._now = now
        self.received = metrics.counter(
            "sip_received_messages_total", "SIP messages received"
        )
        self._malformed = metrics.counter(
            "sip_malformed_messages_total", "Messages that could not be read"
        )
        self._answered = metrics.counter(
            "sip_malformed_answered_total", "Malformed requests that got an answer"
        )
        self.failed_sends = metrics.counter(
            "sip_failed_sends_total", "Messages the network refused to take"
        )

    def datagram(self, data: bytes, channel: Channel, address: Address) -> None:
        """Take one datagram."""
        try:
            message = parse(data)
        except ParseError as error:
            self.received.value += 1
            self.malformed(error, None, channel, address)
            return
        self.message(message, channel, address)

    def message(
        self, message: Request | Response, channel: Channel, address: Address
    ) -> None:
        """Take one message that could be read."""
        self.received.value += 1
        try:
            self._layer.receive(message, channel, address, self._now())
        except ParseError as error:
            self.malformed(error, message, channel, address)

    def malformed(
        self,
        error: ParseError,
        message: Request | Response | None,
        channel: Channel,
        address: Address,
    ) -> None:
        """
        Count what cannot be read, and answer it if it is a request.

        @param message: What could be read of it, if not the error says so.
        """
        self._malformed.value += 1
        request = getattr(error, "request", None) or message
        if isinstance(request, Request) and self._answers(address):
            answer_statelessly(request, error.status, str(error), channel, address)
            self._answered.value += 1

    def lost(self, channel: Channel) -> None:
        """A connection is gone."""
        self._layer.channel_lost(channel)


LocalHost = Callable[[str], str]
"""Which of our addresses a peer sees: from its host to ours."""


class UdpChannel(DatagramProtocol):
    """
    One datagram socket (18.1, 18.2).

    @param local_host: Tells our address towards a peer where the socket is
        bound to all of them.
    """

    name = "UDP"
    reliable = False

    def __init__(self, reception: Reception, local_host: LocalHost) -> None:
        self._reception = reception
        self._local_host = local_host
        self._bound = ""
        self._port = 0
        self._sendto: Callable[[bytes, Address], object] | None = None

    def startProtocol(self) -> None:  # noqa: N802
        """The socket is open: learn where, and how to send past the checks."""
        assert self.transport is not None
        here = self.transport.getHost()
        self._bound = "" if here.host in ("0.0.0.0", "::") else here.host
        self._port = here.port
        socket = getattr(self.transport, "socket", None)
        # Twisted checks the address again on each write: 1.5 us a message.
        self._sendto = self.transport.write if socket is None else socket.sendto

    @property
    def v6(self) -> bool:
        """Whether the socket speaks IPv6."""
        assert self.transport is not None
        return ":" in self.transport.getHost().host

    @property
    def host(self) -> str:
        """The address the socket is bound to; empty for all."""
        return self._bound

    def local(self, address: Address) -> Address:
        """Our own host and port as the peer at C{address} can reach them."""
        return (self._bound or self._local_host(address[0])), self._port

    def send(self, data: bytes, address: Address) -> None:
        """Send, or lose silently: retransmission is the transaction's work."""
        try:
            assert self._sendto is not None
            self._sendto(data, address)
        except OSError:
            self._reception.failed_sends.value += 1

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:  # noqa: N802
        """A datagram came; one of up to four octets only keeps a NAT open."""
        if len(datagram) > 4:
            self._reception.datagram(datagram, self, addr)


class TcpChannel(StreamProtocol):
    """
    One connection, incoming or outgoing.

    What is sent before it is open waits, up to L{MOST_UNSENT} bytes.
    """

    name = "TCP"
    reliable = True

    def __init__(
        self, reception: Reception, timers: TimerWheel, peer: Address, port: int
    ) -> None:
        self._reception = reception
        self._timers = timers
        self._parser = StreamParser(MAX_PACKET_SIZE)
        self._unsent: list[bytes] = []
        self._waiting = 0
        self._limit: Timer | None = None
        self._listening = port
        self.peer = peer
        self.open = False
        self.closed = False
        self.gone: Callable[[TcpChannel], None] = _ignore

    def connectionMade(self) -> None:  # noqa: N802
        """The connection is open: send what waited."""
        assert self.transport is not None
        self.open = True
        tcp: Any = self.transport
        tcp.setTcpNoDelay(True)
        tcp.setTcpKeepAlive(True)
        unsent, self._unsent = self._unsent, []
        self.transport.writeSequence(unsent)
        self._watch(IDLE)

    def _watch(self, seconds: float) -> None:
        if self._limit is not None:
            self._limit.cancel()
        self._limit = self._timers.later(seconds, _close, self)

    def local(self, address: Address) -> Address:
        """Our own host, and the port we listen on for the peer's requests."""
        here = self.transport.getHost() if self.transport is not None else None
        if isinstance(here, IPv4Address | IPv6Address):
            return here.host, self._listening
        return self._local_host(address[0]), self._listening

    _local_host: LocalHost = staticmethod(lambda host: "0.0.0.0")

    def send(self, data: bytes, address: Address) -> None:
        """Send, or keep it until the connection is open."""
        if self.open and self.transport is not None:
            self.transport.write(data)
        elif self.closed or self._waiting + len(data) > MOST_UNSENT:
            self._reception.failed_sends.value += 1
        else:
            self._waiting += len(data)
            self._unsent.append(data)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """Bytes came: take the messages that are complete with them."""
        try:
            messages = self._parser.feed(data)
        except ParseError as error:
            self._reception.malformed(error, None, self, self.peer)
            self.close()
            return
        for message in messages:
            if message is PING:
                self.send(b"\r\n", self.peer)
            elif isinstance(message, Request | Response):
                self._reception.message(message, self, self.peer)
        failure = self._parser.failure
        if failure is not None:
            self._reception.malformed(failure, None, self, self.peer)
            self.close()
        else:
            self._watch(SLOW_SENDER if self._parser.pending else IDLE)

    def close(self) -> None:
        """Close the connection after what was written went out."""
        if self.transport is not None:
            self.transport.loseConnection()

    def connectionLost(  # noqa: N802
        self, reason: Failure = connectionDone
    ) -> None:
        """The connection is gone, or was never made."""
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
        if self.closed:
            return
        self.open, self.closed = False, True
        self._unsent.clear()
        self.gone(self)
        self._reception.lost(self)


def _ignore(channel: TcpChannel) -> None:
    """Nobody waits for the end of this connection."""


def _close(channel: TcpChannel) -> None:
    channel.close()


class TcpListener(Factory):
    """
    Takes incoming connections and opens outgoing ones, each peer's limited.
    """

    noisy = False

    def __init__(
        self,
        reception: Reception,
        timers: TimerWheel,
        connector: Connector,
        local_host: LocalHost,
        metrics: Metrics,
    ) -> None:
        self._reception = reception
        self._timers = timers
        self._connector = connector
        self._local_host = local_host
        self._channels: dict[Address, TcpChannel] = {}
        self._of_peer: dict[str, int] = {}
        self.port = 0
        self._rejected = metrics.counter(
            "sip_rejected_connections_total", "Connections over a limit, closed at once"
        )
        metrics.gauge(
            "sip_connections", "Connections open", lambda: len(self._channels)
        )

    def listening(self, port: IListeningPort) -> None:
        """The port is open; its number goes into Via and Contact."""
        here = port.getHost()
        assert isinstance(here, IPv4Address | IPv6Address)
        self.port = here.port

    def buildProtocol(self, addr: IAddress | None) -> TcpChannel | None:  # noqa: N802
        """An incoming connection; None closes it."""
        assert isinstance(addr, IPv4Address | IPv6Address)
        held = self._of_peer.get(addr.host, 0)
        if len(self._channels) >= MOST_CONNECTIONS or held >= MOST_CONNECTIONS_OF_PEER:
            self._rejected.value += 1
            return None
        return self._channel((addr.host, addr.port))

    def _channel(self, peer: Address) -> TcpChannel:
        channel = TcpChannel(self._reception, self._timers, peer, self.port)
        channel._local_host = self._local_host
        channel.gone = self._gone
        self._channels[peer] = channel
        self._of_peer[peer[0]] = self._of_peer.get(peer[0], 0) + 1
        return channel

    def _gone(self, channel: TcpChannel) -> None:
        if self._channels.pop(channel.peer, None) is None:
            return
        left = self._of_peer[channel.peer[0]] - 1
        if left:
            self._of_peer[channel.peer[0]] = left
        else:
            del self._of_peer[channel.peer[0]]

    def channel(self, address: Address) -> TcpChannel:
        """The connection to a peer: the open one, or a new one."""
        found = self._channels.get(address)
        if found is not None and not found.closed:
            return found
        channel = self._channel(address)
        self._connector.connectTCP(address[0], address[1], _Outgoing(channel), 10, None)
        return channel

    def close(self) -> None:
        """Close every connection."""
        for channel in list(self._channels.values()):
            channel.close()


class _Outgoing(Factory):
    """Hands one prepared channel to the connection that opens."""

    noisy = False

    def __init__(self, channel: TcpChannel) -> None:
        self._prepared = channel

    def buildProtocol(self, addr: IAddress | None) -> TcpChannel:  # noqa: N802
        """The connection is open."""
        return self._prepared

    def startedConnecting(self, connector: object) -> None:  # noqa: N802
        """See L{twisted.internet.protocol.ClientFactory}."""

    def clientConnectionFailed(  # noqa: N802
        self, connector: object, reason: Failure
    ) -> None:
        """The peer cannot be reached: what was sent to it is lost."""
        self._prepared.connectionLost(reason)

    def clientConnectionLost(  # noqa: N802
        self, connector: object, reason: Failure
    ) -> None:
        """The channel itself hears of that."""


class Transport:
    """
    The channels of one switch: which one a request to a gateway goes out on.
    """

    def __init__(self, tcp: TcpListener) -> None:
        self._udp: list[UdpChannel] = []
        self.tcp = tcp

    def add(self, channel: UdpChannel) -> None:
        """A datagram socket is open."""
        self._udp.append(channel)

    def channel(self, name: str, address: Address, local: str = "") -> Channel | None:
        """
        The channel for a request.

        @param name: C{udp} or C{tcp}.
        @param local: Our own address that must be used; empty for any.
        @return: None if no listener fits.
        """
        if name == "tcp":
            return self.tcp.channel(address)
        v6 = ":" in address[0]
        for channel in self._udp:
            if channel.v6 == v6 and (not local or channel.host in ("", local)):
                return channel
        return None
