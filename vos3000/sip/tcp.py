"""
Connections (RFC 3261 section 18): incoming and outgoing, limited and watched.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress, IListeningPort, IPushProducer
from twisted.internet.protocol import Factory, connectionDone
from twisted.internet.protocol import Protocol as StreamProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from vos3000.errors import ParseError
from vos3000.metrics import Metrics
from vos3000.sip.backlog import unread
from vos3000.sip.message import Request, Response
from vos3000.sip.parser import MAX_SIZE, PING, StreamParser
from vos3000.sip.reception import LocalHost, Reception
from vos3000.sip.transaction import Address
from vos3000.timers import Timer, TimerWheel

MOST_CONNECTIONS = 2000
"""Connections open at once, beyond which no further are taken."""

MOST_CONNECTIONS_OF_PEER = 200
"""Connections open at once from one address."""

SLOW_SENDER = 15.0
"""Seconds in which a message that began to come must be complete, and in which
one must come on a new connection."""

MOST_STRANGERS = 200
"""Incoming connections open at once of addresses that are no gateway's."""

STRANGER_IDLE = 15.0
"""Seconds without a message after which a stranger's connection is closed."""

IDLE = 1800.0
"""Seconds without a byte after which an incoming connection is closed."""

MOST_UNSENT = 262_144
"""Bytes that may wait for a connection to open, or for a peer to read."""

OPENING = 10.0
"""Seconds in which an outgoing connection must open."""

STANDING = 32_768
"""Bytes that are left unread where a peer sends faster than we can work: after a
read, which takes up to twice as many, there are none while we keep up."""

LATE = 0.1
"""Seconds that a message counts as late by where that much is left."""

CLOSING = 5.0
"""Seconds that a peer has to read what was written before we close."""


Way = tuple[Address, str]
"""Where an outgoing connection goes, and which address of ours it must use."""


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
        """See C{twisted.internet.interfaces.IReactorTCP}."""


@implementer(IPushProducer)
class TcpChannel(StreamProtocol):
    """
    One connection, incoming or outgoing.

    What is sent before it is open waits. What is sent after it was closed
    goes out on another one, to the address it is sent to: where the peer
    listens (18.2.2 for responses, its Contact for requests).

    @param listener: Makes that other one, and hears of the end of this.
    @param way: Where we opened it to; None for an incoming one.
    @ivar idle: Seconds without a message after which it is closed.
    """

    name = "TCP"
    reliable = True

    def __init__(self, listener: TcpListener, peer: Address, way: Way | None) -> None:
        self.way = way
        self._listener = listener
        self._reception = listener.reception
        self._parser = StreamParser(MAX_SIZE)
        self._unsent: list[bytes] = []
        self._waiting = 0
        self._limit: Timer | None = None
        self._slow = False
        self._asked = False
        self._full = False
        self._host = ""
        self.idle = IDLE
        self.peer = peer
        self.connector: Any = None
        self.open = False
        self.closed = False

    def connectionMade(self) -> None:  # noqa: N802
        """The connection is open: send what waited."""
        tcp: Any = self.transport
        here = tcp.getHost()
        if isinstance(here, IPv4Address | IPv6Address):
            self._host = here.host
        self.open = True
        tcp.setTcpNoDelay(True)
        tcp.setTcpKeepAlive(True)
        tcp.registerProducer(self, True)
        unsent, self._unsent = self._unsent, []
        self._waiting = 0
        tcp.writeSequence(unsent)
        self._watch(SLOW_SENDER if self.way is None else self.idle)

    def _watch(self, seconds: float) -> None:
        if self._limit is not None:
            self._limit.cancel()
        self._limit = self._listener.timers.later(seconds, _close, self)

    def local(self, address: Address) -> Address:
        """Our own host, and the port we listen on for the peer's requests."""
        listener = self._listener
        return self._host or listener.local_host(address[0]), listener.port

    def live(self, address: Address) -> TcpChannel:
        """This connection, or if it is closed, one to C{address}."""
        if self.closed:
            return self._listener.channel(address).live(address)
        self._asked = True
        return self

    def waited(self) -> float:
        """
        L{LATE} if a backlog is left behind the message. Bytes of a stream have no
        stamp, and most of what waits does so where we cannot see it.
        """
        sock = getattr(self.transport, "socket", None)
        if sock is None or unread(sock.fileno()) < STANDING:
            return 0.0
        return LATE

    def send(self, data: bytes, address: Address) -> None:
        """Send, or keep it until the connection is open."""
        if self.closed:
            self._listener.channel(address).send(data, address)
        elif not self._room_for(data):
            self._reception.failed_sends.value += 1
        elif self.open and self.transport is not None:
            self.transport.write(data)
        else:
            self._unsent.append(data)

    def _room_for(self, data: bytes) -> bool:
        """Count bytes that have to wait; too many end an open connection."""
        if self.open and not self._full:
            return True
        self._waiting += len(data)
        if self._waiting <= MOST_UNSENT:
            return True
        if self.open:
            self.abort()
        else:
            self._waiting -= len(data)
        return False

    def pauseProducing(self) -> None:  # noqa: N802
        """The peer does not read: count what is written from now on."""
        self._full = True

    def resumeProducing(self) -> None:  # noqa: N802
        """The peer has read all."""
        self._full = False
        self._waiting = 0

    def stopProducing(self) -> None:  # noqa: N802
        """The connection is about to end, of which we hear otherwise."""

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """Bytes came: take the messages that are complete with them."""
        parser = self._parser
        if parser.failure is not None:
            return
        try:
            messages = parser.feed(data)
        except ParseError as error:
            self._broken(error)
            return
        for message in messages:
            if isinstance(message, Request | Response):
                self._reception.message(message, self, self.peer)
            elif message is PING:
                self.send(b"\r\n", self.peer)
        if parser.failure is not None:
            self._broken(parser.failure)
        elif not self.closed:
            self._await(bool(messages))

    def _broken(self, error: ParseError) -> None:
        """The stream cannot be followed any further."""
        self._reception.malformed(error, None, self, self.peer)
        self.close()

    def _await(self, progress: bool) -> None:
        """A message that began must end in time, however it trickles in."""
        pending = self._parser.pending
        if not pending or not self._slow or progress:
            self._watch(SLOW_SENDER if pending else self.idle)
        self._slow = pending

    def close(self) -> None:
        """Close after what was written went out, if the peer reads it."""
        if self.transport is not None:
            self.open = False
            tcp: Any = self.transport
            tcp.unregisterProducer()
            tcp.loseConnection()
            if not self.closed:
                self._watch(CLOSING)
        elif self.connector is not None:
            self.connector.disconnect()

    def abort(self) -> None:
        """Close now."""
        tcp: Any = self.transport
        if tcp is not None:
            tcp.abortConnection()

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
        self._listener.gone(self)
        if self._asked:
            self._reception.lost(self)


def _close(channel: TcpChannel) -> None:
    if channel.open:
        channel.close()
    else:
        channel.abort()


class TcpListener(Factory):
    """
    Takes incoming connections, each peer's limited, and opens outgoing ones.

    @param knows: Whether a host and port belong to a gateway.
    @ivar port: Where we listen; 0 if we do not.
    """

    noisy = False

    def __init__(
        self,
        reception: Reception,
        timers: TimerWheel,
        connector: Connector,
        local_host: LocalHost,
        metrics: Metrics,
        knows: Callable[[str, int], bool],
    ) -> None:
        self._knows = knows
        self._strangers = 0
        self.reception = reception
        self.timers = timers
        self.local_host = local_host
        self._connector = connector
        self._channels: set[TcpChannel] = set()
        self._outgoing: dict[Way, TcpChannel] = {}
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
        known = self._knows(addr.host, addr.port)
        held = self._of_peer.get(addr.host, 0)
        if held >= MOST_CONNECTIONS_OF_PEER or self._full(known):
            self._rejected.value += 1
            return None
        self._of_peer[addr.host] = held + 1
        channel = TcpChannel(self, (addr.host, addr.port), None)
        if not known:
            self._strangers += 1
            channel.idle = STRANGER_IDLE
        self._channels.add(channel)
        return channel

    def _full(self, known: bool) -> bool:
        """Whether one more is too many; strangers never take a gateway's place."""
        if not known and self._strangers >= MOST_STRANGERS:
            return True
        return len(self._channels) >= MOST_CONNECTIONS

    def gone(self, channel: TcpChannel) -> None:
        """A connection ended."""
        self._channels.discard(channel)
        if channel.way is not None:
            self._outgoing.pop(channel.way, None)
            return
        if channel.idle == STRANGER_IDLE:
            self._strangers -= 1
        host = channel.peer[0]
        left = self._of_peer.get(host, 0) - 1
        if left > 0:
            self._of_peer[host] = left
        else:
            self._of_peer.pop(host, None)

    def channel(self, address: Address, local: str = "") -> TcpChannel:
        """
        The connection to a peer: the one we opened before, or a new one.

        @param local: Our own address that must be used; empty for any.
        """
        way = (address, local)
        channel = self._outgoing.get(way)
        if channel is None:
            channel = self._outgoing[way] = TcpChannel(self, address, way)
            self._channels.add(channel)
            channel.connector = self._connector.connectTCP(
                address[0],
                address[1],
                _Outgoing(channel),
                OPENING,
                (local, 0) if local else None,
            )
        return channel

    def close(self) -> None:
        """Close every connection."""
        for channel in list(self._channels):
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
        """See C{twisted.internet.protocol.ClientFactory}."""

    def clientConnectionFailed(  # noqa: N802
        self, connector: object, reason: Failure
    ) -> None:
        """The peer cannot be reached: what was sent to it is lost."""
        self._prepared.connectionLost(reason)

    def clientConnectionLost(  # noqa: N802
        self, connector: object, reason: Failure
    ) -> None:
        """The channel itself hears of that."""
