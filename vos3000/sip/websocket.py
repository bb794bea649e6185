"""
SIP over WebSocket (RFC 7118): one message in each message of WebSocket.

Autobahn frames; how long a peer may take, how much may wait for it and when it
is cut off is L{vos3000.sip.connection}'s, as for any other connection. Its own
timers are not used, nor does it log: strangers could fill the log by it.

Imported only where WebSocket is configured: Autobahn costs 0.2 s of a start.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autobahn.twisted.websocket import (
    WebSocketClientFactory,
    WebSocketClientProtocol,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from autobahn.websocket.types import ConnectionDeny
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from txaio import tx

from vos3000.sip.connection import Connection, Way
from vos3000.sip.connections import Connections
from vos3000.sip.dialog import host_port
from vos3000.sip.parser import MAX_SIZE
from vos3000.sip.tcp import Connector, Opening, connect, why
from vos3000.sip.tls import Tls
from vos3000.timers import Timer

SUBPROTOCOL = "sip"
"""What a peer must speak (4.1)."""

MOST_HANDSHAKE = 8192
"""Bytes of a peer's HTTP request."""

MOST_FRAMES = 256
"""Frames of what is served at once, 4 KiB: SIP has no message that small. Each takes
15 us whatever is in it."""

PING = 30.0
"""Seconds between two pings, which keep NATs and proxies from forgetting a
connection that browsers have no means to keep alive themselves."""

MOST_PINGS = 3
"""Pings without any sign of life after which a peer is taken for dead."""

_ALIVE = b"\r\n\r\n"
"""A keep-alive of RFC 5626 (4.4.1), which WebSocket allows too (6)."""


class Frames:
    """
    The wire of one connection. Mixed into Autobahn's protocols, which are made
    to be inherited from.
    """

    connection: Connection
    transport: Any
    state: int
    data: bytes

    _complete = False
    _frames = 0
    _pings = 0
    _timer: Timer | None = None

    # What Autobahn calls

    def connectionMade(self) -> None:  # noqa: N802
        """The connection is made; HTTP's part is to come."""
        self.connection.connected(self, self.transport)
        super().connectionMade()  # type: ignore[misc]

    def onOpen(self) -> None:  # noqa: N802
        """Messages may be sent."""
        self.connection.opened()
        self._later()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """Bytes came."""
        self.connection.shares.came(self, data)

    def serve(self, data: bytes) -> None:
        """Some of them."""
        it: Any = self
        shaking = self.state == it.STATE_CONNECTING
        if shaking and len(self.data) + len(data) > MOST_HANDSHAKE:
            self.abort()
            return
        self._pings = self._frames = 0
        self._complete = False
        super().dataReceived(data)  # type: ignore[misc]
        # The first message has the time of the handshake, too.
        if self.state == it.STATE_OPEN and (self._complete or not shaking):
            pending = it.inside_message or it.current_frame is not None
            self.connection.progress(self._complete, pending or bool(self.data))

    def onFrameBegin(self) -> None:  # noqa: N802
        """A frame of whatever kind: of too many in one read no more is served."""
        it: Any = self
        self._frames += 1
        if self._frames > MOST_FRAMES:
            self.connection.abort()
            self.data = b""
            self.state = it.STATE_CLOSED
        else:
            super().onFrameBegin()  # type: ignore[misc]

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N802, N803
        """One message, as text or not (5.1)."""
        connection = self.connection
        self._complete = True
        if connection.ending:
            return
        if payload == _ALIVE:
            connection.pinged()
        elif payload.strip(b"\r\n"):
            connection.framed(payload)

    def onPing(self, payload: bytes) -> None:  # noqa: N802
        """Answered, unless the peer does not read what it is answered."""
        it: Any = self
        if not self.connection.full:
            it.sendPong(payload)

    def connectionLost(  # noqa: N802
        self, reason: Failure = connectionDone
    ) -> None:
        """The connection is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.connection.shares.forget(self)
        super().connectionLost(reason)  # type: ignore[misc]
        self.connection.lost(why(reason))

    # What the connection asks

    def write(self, data: bytes) -> None:
        """
        Write one message: as text, if it is text. It is lost where Autobahn has
        given up the peer and the connection's end is still to be told.
        """
        it: Any = self
        if self.state == it.STATE_OPEN:
            it.sendMessage(data, isBinary=not _is_text(data))

    def finish(self) -> None:
        """Close once all that was written went out."""
        it: Any = self
        if self.state == it.STATE_OPEN:
            it.sendClose(it.CLOSE_STATUS_CODE_NORMAL)
        else:
            self.transport.loseConnection()

    def abort(self) -> None:
        """Close at once."""
        self.transport.abortConnection()

    def _later(self) -> None:
        timers = self.connection.timers
        self._timer = timers.later(PING, Frames._ping, self)

    def _ping(self) -> None:
        it: Any = self
        if self._pings >= MOST_PINGS:
            self.abort()
            return
        self._pings += 1
        if not self.connection.full:
            it.sendPing()
        self._later()


def _is_text(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


class ServerFrames(Frames, WebSocketServerProtocol):  # type: ignore[misc]
    """A peer that connected."""

    def onConnect(self, request: Any) -> str:  # noqa: N802
        """
        Its HTTP request came. A browser says which page asks for the connection
        (RFC 6455 10.2); what is no browser may say what it likes.
        """
        factory: Any = self.factory
        origins, origin = factory.origins, request.origin
        if origins and origin and origin.lower() not in origins:
            raise ConnectionDeny(403, "this page may not connect")
        for name in request.protocols:
            if name.lower() == SUBPROTOCOL:
                return str(name)
        raise ConnectionDeny(400, "the subprotocol is sip")


class ClientFrames(Frames, WebSocketClientProtocol):  # type: ignore[misc]
    """A peer that we connected to."""

    def onOpen(self) -> None:  # noqa: N802
        """It agreed to WebSocket; it has to agree to SIP, too."""
        it: Any = self
        if it.websocket_protocol_in_use == SUBPROTOCOL:
            super().onOpen()
        else:
            self.abort()


class _ServerFactory(WebSocketServerFactory):
    """
    Takes connections.

    @param origins: The pages that may connect; empty for all.
    """

    noisy = False

    def __init__(
        self, listener: WebSocketListener, reactor: Any, origins: Sequence[str]
    ) -> None:
        base: Any = super()
        base.__init__(protocols=[SUBPROTOCOL], server="", reactor=reactor)
        _limit(self, webStatus=False, allowNullOrigin=True)
        self._listener = listener
        self.origins = frozenset(origin.lower() for origin in origins)

    def buildProtocol(self, addr: IAddress | None) -> Any:  # noqa: N802
        """An incoming connection; None closes it."""
        assert isinstance(addr, IPv4Address | IPv6Address)
        connection = self._listener.taken(addr.host, addr.port)
        if connection is None:
            return None
        return _made(ServerFrames(), self, connection)


class WebSocketListener:
    """
    Takes incoming connections, and opens outgoing ones.

    @param name: C{WS} or C{WSS}.
    @param tls: Needed for the latter.
    @param origins: The pages that may connect; empty for all.
    @ivar port: Where we listen; 0 if we do not.
    """

    calls_back = False
    ready = True

    def __init__(
        self,
        name: str,
        connections: Connections,
        reactor: Any,
        tls: Tls | None = None,
        origins: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.port = 0
        self._connections = connections
        self._reactor = reactor
        self._tls = tls
        self._origins = origins
        tx.set_global_log_level("critical")

    def acceptor(self) -> Any:
        """The factory to listen with."""
        factory = _ServerFactory(self, self._reactor, self._origins)
        return factory if self._tls is None else self._tls.accepting(factory)

    def taken(self, host: str, port: int) -> Connection | None:
        """A peer connects; None closes it."""
        return self._connections.taken(self, host, port)

    def dial(self, connection: Connection, way: Way) -> Any:
        """Open C{connection}; gives an C{IConnector}."""
        where = host_port(way.domain or way.address[0], way.address[1])
        settings = WebSocketClientFactory(
            f"ws://{where}/", protocols=[SUBPROTOCOL], reactor=self._reactor
        )
        _limit(settings)
        factory: Any = Opening(
            connection, lambda one: _made(ClientFrames(), settings, one)
        )
        if self._tls is not None:
            factory = self._tls.opening(factory, way)
        connector: Connector = self._reactor
        return connect(connector, way, factory)


def _made(frames: Any, factory: Any, connection: Connection) -> Any:
    frames.factory = factory
    frames.connection = connection
    return frames


def _limit(factory: Any, **more: bool) -> None:
    """What a peer may send, and no timers but ours."""
    factory.setProtocolOptions(
        **more,
        maxFramePayloadSize=MAX_SIZE,
        maxMessagePayloadSize=MAX_SIZE,
        openHandshakeTimeout=0,
        closeHandshakeTimeout=0,
    )
