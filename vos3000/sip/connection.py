"""
One connection (RFC 3261 section 18), whatever carries it: TCP or TLS.

How messages are framed is the business of its wire (L{vos3000.sip.tcp}); how
long it may idle, what may wait for it and what becomes of messages once it is
closed is the same for all and told here.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple, Protocol

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from vos3000.errors import ParseError
from vos3000.sip.backlog import unread
from vos3000.sip.message import Request, Response
from vos3000.sip.reception import LocalHost, Reception
from vos3000.sip.shares import Shares
from vos3000.sip.transaction import Address, default_port
from vos3000.timers import Timer, TimerWheel

SLOW_SENDER = 15.0
"""Seconds in which a message that began to come must be complete, and in which
the first one must come on a new connection, handshakes included."""

STRANGER_IDLE = 15.0
"""Seconds without a message after which a stranger's connection is closed."""

IDLE = 1800.0
"""Seconds without a message after which a connection is closed."""

OPENING = 10.0
"""Seconds in which an outgoing connection must open, and in which it must be
ready for messages once it is."""

CLOSING = 5.0
"""Seconds that a peer has to read what was written before we close."""

RESETTING = 0.25
"""The same where connections end with a reset, which leaves nothing behind."""

MOST_UNSENT = 262_144
"""Bytes that may wait for a connection to open, or for a peer to read."""

STANDING = 32_768
"""Bytes that are left unread where a peer sends faster than we can work: after a
read, which takes up to twice as many, there are none while we keep up."""

LATE = 0.2
"""Seconds that a message counts as late by where that much is left."""


class State(IntEnum):
    """The life of a connection."""

    OPENING = 0
    OPEN = 1
    CLOSING = 2
    CLOSED = 3


class Way(NamedTuple):
    """
    Where a connection of ours goes, and how; there is one for each.

    @ivar transport: C{TCP}, C{TLS}, C{WS} or C{WSS}.
    @ivar local: Our own address that must be used; empty for any.
    @ivar domain: Whom the peer's certificate must name; empty for its address.
    @ivar verify: Whether the certificate must be good at all.
    """

    transport: str
    address: Address
    local: str = ""
    domain: str = ""
    verify: bool = True

    def __str__(self) -> str:
        host, port = self.address
        where = f"{self.transport} to {host} port {port}"
        return f"{where} ({self.domain})" if self.domain else where


class Wire(Protocol):
    """How messages are written to one connection, and how it is ended."""

    def write(self, data: bytes) -> None:
        """Write one message."""

    def finish(self) -> None:
        """Close once all that was written went out."""

    def abort(self) -> None:
        """Close at once."""


class Listener(Protocol):
    """
    One transport: takes connections and opens them.

    @ivar name: As it stands in Via.
    @ivar port: Where peers reach us; 0 if they do not.
    @ivar calls_back: Whether a peer whose connection closed can be reached by
        one of ours.
    """

    name: str
    port: int
    calls_back: bool

    @property
    def ready(self) -> bool:
        """Whether connections of ours can be made."""

    def dial(self, connection: Connection, way: Way) -> Any:
        """Open C{connection}; gives an C{IConnector}."""


class Table(Protocol):
    """
    All connections, as each of them sees them.

    @ivar shares: Where bytes wait to be served.
    @ivar reset: Whether they end with a reset.
    """

    reception: Reception
    shares: Shares
    timers: TimerWheel
    local_host: LocalHost
    reset: bool

    def dial(self, connection: Connection, listener: Listener) -> None:
        """Open one of ours."""

    def tune(self, transport: Any) -> None:
        """Set the options of its socket."""

    def reached(self, way: Way) -> None:
        """One of ours opened."""

    def unopened(self, connection: Connection, why: str) -> None:
        """It ended before it was ready for messages."""

    def meet(self, connection: Connection, request: Request) -> None:
        """A request came on it, which a peer opened."""

    def introduced(self, connection: Connection) -> None:
        """It is no stranger's any more."""

    def instead(
        self, connection: Connection, listener: Listener, address: Address
    ) -> Connection:
        """What takes its place."""

    def leaving(self, connection: Connection) -> None:
        """It ends: no new request goes out on it."""

    def gone(self, connection: Connection) -> None:
        """It ended."""


@implementer(IPushProducer)
class Connection:
    """
    One connection, incoming or outgoing, as a channel of messages.

    What is sent before it is open waits. What is sent after it was closed
    goes out on another one, to the address it is sent to: where the peer
    listens (18.2.2 for responses, its Contact for requests). Where there can
    be none (a peer that was never known, a browser) it fails at once.

    @param listener: Its transport.
    @param connections: All of them.
    @ivar way: Where we opened it to; None for an incoming one.
    @ivar stranger: Whether nobody knows the peer.
    @ivar dialed: Whether it is being opened, or was: the first message that is
        sent opens it.
    @ivar connector: What opens it, for an outgoing one.
    """

    __slots__ = (
        "_asked",
        "_connections",
        "_full",
        "_host",
        "_limit",
        "_listener",
        "_patience",
        "_reception",
        "_slow",
        "_state",
        "_transport",
        "_unsent",
        "_waiting",
        "_wire",
        "connector",
        "dialed",
        "name",
        "peer",
        "stranger",
        "way",
    )

    reliable = True

    def __init__(
        self,
        connections: Table,
        listener: Listener,
        peer: Address,
        way: Way | None = None,
        stranger: bool = False,
    ) -> None:
        self.name = listener.name
        self.peer = peer
        self.way = way
        self.stranger = stranger
        self.connector: Any = None
        self._connections = connections
        self._listener = listener
        self._reception = connections.reception
        self._state = State.OPENING
        self._wire: Wire | None = None
        self._transport: Any = None
        self._host = ""
        self._unsent: list[bytes] = []
        self.dialed = way is None
        self._waiting = 0
        self._full = False
        self._limit: Timer | None = None
        self._slow = False
        self._asked = False
        self._patience = IDLE

    def dial(self) -> None:
        """Open it, if nobody did yet: it was only a place to go."""
        if not self.dialed:
            self.dialed = True
            self._connections.dial(self, self._listener)

    # What its wire tells

    def connected(self, wire: Wire, transport: Any) -> None:
        """There is a connection, though it may still have to shake hands."""
        self._wire, self._transport = wire, transport
        here = transport.getHost()
        if isinstance(here, IPv4Address | IPv6Address):
            self._host = here.host
        self._connections.tune(transport)
        transport.registerProducer(self, True)
        self._watch(SLOW_SENDER if self.way is None else OPENING)

    def opened(self) -> None:
        """It is ready for messages: send what waited."""
        wire = self._wire
        if wire is None or self._state is not State.OPENING:
            return
        self._state = State.OPEN
        self._waiting = 0
        unsent, self._unsent = self._unsent, []
        for data in unsent:
            wire.write(data)
        if self.way is not None:
            self._watch(IDLE)
            self._connections.reached(self.way)

    def heard(self, message: Request | Response) -> None:
        """A message came."""
        if self.way is None and isinstance(message, Request):
            self._connections.meet(self, message)
        self._reception.streamed(message, self, self.peer)

    def framed(self, data: bytes) -> None:
        """Bytes came that are one message, or should be."""
        self._reception.datagram(data, self, self.peer)

    def pinged(self) -> None:
        """A keep-alive came."""
        self._reception.pinged(self, self.peer)

    def broken(self, error: ParseError) -> None:
        """What comes cannot be followed any further."""
        self._reception.malformed(error, None, self, self.peer)
        self.close()

    def progress(self, complete: bool, pending: bool) -> None:
        """
        Bytes came. A message that began must end in time, however it trickles.

        @param complete: Whether they completed a message.
        @param pending: Whether they began one that is not complete.
        """
        if self._state is not State.OPEN:
            return
        if complete or not pending or not self._slow:
            self._watch(SLOW_SENDER if pending else self._idle)
        self._slow = pending

    def lost(self, why: str = "") -> None:
        """
        It is gone, or was never made.

        @param why: What the operator may do something about.
        """
        self._watch_no_more()
        before = self._state
        if before is State.CLOSED:
            return
        self._state = State.CLOSED
        self._unsent.clear()
        self._wire = self._transport = None
        if before is State.OPENING:
            self._connections.unopened(self, why)
        self._connections.gone(self)
        self._reception.closed(self)
        if self._asked:
            self._reception.lost(self)

    # As a channel

    @property
    def closed(self) -> bool:
        """Whether nothing more will come on it."""
        return self._state is State.CLOSED

    @property
    def ending(self) -> bool:
        """Whether what still comes is not read any more."""
        return self._state >= State.CLOSING

    @property
    def transport(self) -> Any:
        """Twisted's transport, while it is connected."""
        return self._transport

    @property
    def timers(self) -> TimerWheel:
        """The wheel for what its wire has to do from time to time."""
        return self._connections.timers

    @property
    def shares(self) -> Shares:
        """Where the bytes that it read wait to be served."""
        return self._connections.shares

    def local(self, address: Address) -> Address:
        """Our own host, and the port we listen on for the peer's requests."""
        host = self._host or self._connections.local_host(address[0])
        # Who does not listen is answered on this connection, whatever it says.
        return host, self._listener.port or default_port(self.name)

    def live(self, address: Address) -> Connection:
        """This connection, or if it is closed, one to C{address}."""
        if self._state >= State.CLOSING:
            other = self._other(address)
            if other is not None:
                return other.live(address)
        self._asked = True
        return self

    def _other(self, address: Address) -> Connection | None:
        """What takes its place."""
        if self.stranger or (self.way is None and not self._listener.calls_back):
            return None
        return self._connections.instead(self, self._listener, address)

    def waited(self) -> float:
        """
        L{LATE} if a backlog is left behind the message. Bytes of a stream have no
        stamp, and most of what waits does so where we cannot see it.
        """
        sock = getattr(self._transport, "socket", None)
        if sock is None or unread(sock.fileno()) < STANDING:
            return 0.0
        return LATE

    def welcome(self, idle: float = 0.0) -> None:
        """The peer proved who it is: it is no stranger any more."""
        self._patience = max(self._patience, idle)
        if self.stranger:
            self.stranger = False
            self._connections.introduced(self)
        if self._state is State.OPEN and not self._slow:
            self._watch(self._patience)

    def send(self, data: bytes, address: Address) -> None:
        """Send, or keep it until the connection is open."""
        state, wire = self._state, self._wire
        tap = self._reception.tap
        if tap is not None and state in (State.OPENING, State.OPEN):
            tap.sent(data, self, self.peer)
        if state is State.OPEN and wire is not None:
            if not self._full or self._room(len(data)):
                wire.write(data)
                return
            self.abort()
        elif state is State.OPENING:
            self.dial()
            if self._room(len(data)):
                self._unsent.append(data)
                return
            self._waiting -= len(data)
        else:
            other = self._other(address)
            if other is not None:
                other.send(data, address)
                return
            self._failing()
        self._reception.failed_sends.value += 1

    def _failing(self) -> None:
        """Who asked on a connection that is gone hears of it soon."""
        if self._asked and self._state is State.CLOSED:
            self._connections.timers.later(0, _tell_lost, self)

    def _room(self, size: int) -> bool:
        """Count bytes that have to wait."""
        self._waiting += size
        return self._waiting <= MOST_UNSENT

    @property
    def full(self) -> bool:
        """Whether what is written waits for the peer to read."""
        return self._full

    def pauseProducing(self) -> None:  # noqa: N802
        """The peer does not read: count what is written from now on."""
        self._full = True

    def resumeProducing(self) -> None:  # noqa: N802
        """The peer has read all."""
        self._full = False
        if self._state is State.OPEN:
            self._waiting = 0

    def stopProducing(self) -> None:  # noqa: N802
        """The connection is about to end, of which we hear otherwise."""

    # Its end

    @property
    def _idle(self) -> float:
        return STRANGER_IDLE if self.stranger else self._patience

    def _watch(self, seconds: float) -> None:
        self._watch_no_more()
        self._limit = self._connections.timers.later(seconds, _overdue, self)

    def _watch_no_more(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def close(self) -> None:
        """Close after what was written went out, if the peer reads it."""
        if self._state >= State.CLOSING:
            return
        opened, self._state = self._state is State.OPEN, State.CLOSING
        self._connections.leaving(self)
        if self._wire is None:
            if self.connector is not None:
                self.connector.disconnect()
            else:
                self.lost()
            return
        self._transport.unregisterProducer()
        if opened and self._connections.reset:
            self._watch(RESETTING)
        else:
            self._watch(CLOSING)
            self._wire.finish()

    def abort(self) -> None:
        """Close now."""
        self._connections.leaving(self)
        if self._wire is not None:
            self._wire.abort()
        else:
            self.close()


def _overdue(connection: Connection) -> None:
    if connection._state is State.OPEN:
        connection.close()
    else:
        connection.abort()


def _tell_lost(connection: Connection) -> None:
    connection._reception.lost(connection)
