"""
Messages on a stream of bytes (RFC 3261 section 18.3): TCP, and TLS on it.
"""

from __future__ import annotations

from typing import Any, Protocol

from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress, IHandshakeListener, IProtocolFactory
from twisted.internet.protocol import Factory, connectionDone
from twisted.internet.protocol import Protocol as StreamProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from vos3000.errors import ParseError
from vos3000.sip.connection import OPENING, Connection, Way
from vos3000.sip.connections import Connections
from vos3000.sip.message import Request, Response
from vos3000.sip.parser import MAX_SIZE, PING, StreamParser
from vos3000.sip.tls import Tls
from vos3000.sip.transaction import SECURE


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


@implementer(IHandshakeListener)
class Stream(StreamProtocol):
    """
    The wire of one connection: cuts messages out of its bytes.
    """

    transport: Any

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._parser = StreamParser(MAX_SIZE)

    def connectionMade(self) -> None:  # noqa: N802
        """The connection is made; on TLS there is a handshake to come."""
        connection = self.connection
        connection.connected(self, self.transport)
        if connection.name not in SECURE:
            connection.opened()

    def handshakeCompleted(self) -> None:  # noqa: N802
        """TLS is ready, and the peer is who it should be."""
        self.connection.opened()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """Bytes came."""
        self.connection.shares.came(self, data)

    def serve(self, data: bytes) -> None:
        """Some of them: take the messages that are complete with them."""
        parser, connection = self._parser, self.connection
        if parser.failure is not None or connection.ending:
            return
        try:
            messages = parser.feed(data)
        except ParseError as error:
            connection.broken(error)
            return
        for message in messages:
            if isinstance(message, Request | Response):
                connection.heard(message)
            elif message is PING:
                connection.pinged()
        if parser.failure is not None:
            connection.broken(parser.failure)
        else:
            connection.progress(bool(messages), parser.pending)

    def write(self, data: bytes) -> None:
        """Write one message."""
        assert self.transport is not None
        self.transport.write(data)

    def finish(self) -> None:
        """Close once all that was written went out."""
        assert self.transport is not None
        self.transport.loseConnection()

    def abort(self) -> None:
        """Close at once."""
        tcp: Any = self.transport
        tcp.abortConnection()

    def connectionLost(  # noqa: N802
        self, reason: Failure = connectionDone
    ) -> None:
        """The connection is gone."""
        self.connection.shares.forget(self)
        self.connection.lost(why(reason))


class StreamListener(Factory):
    """
    Takes incoming connections, and opens outgoing ones.

    @param name: C{TCP} or C{TLS}.
    @param tls: Needed for the latter.
    @ivar port: Where we listen; 0 if we do not.
    """

    noisy = False
    calls_back = True

    def __init__(
        self,
        name: str,
        connections: Connections,
        connector: Connector,
        tls: Tls | None = None,
    ) -> None:
        self.name = name
        self.port = 0
        self._connections = connections
        self._connector = connector
        self._tls = tls

    @property
    def ready(self) -> bool:
        """Only where we listen, too: the peer must be able to reach us."""
        return self.port > 0

    def acceptor(self) -> Any:
        """The factory to listen with."""
        return self if self._tls is None else self._tls.accepting(self)

    def buildProtocol(self, addr: IAddress | None) -> Stream | None:  # noqa: N802
        """An incoming connection; None closes it."""
        assert isinstance(addr, IPv4Address | IPv6Address)
        connection = self._connections.taken(self, addr.host, addr.port)
        return None if connection is None else Stream(connection)

    def dial(self, connection: Connection, way: Way) -> Any:
        """Open C{connection}; gives an C{IConnector}."""
        factory: Any = Opening(connection, Stream)
        if self._tls is not None:
            factory = self._tls.opening(factory, way)
        return connect(self._connector, way, factory)


class Opening(Factory):
    """
    Hands one prepared connection to the transport that opens.

    @param make: Makes its wire.
    """

    noisy = False

    def __init__(self, connection: Connection, make: Any) -> None:
        self._connection = connection
        self._make = make

    def buildProtocol(self, addr: IAddress | None) -> Any:  # noqa: N802
        """The connection is open."""
        return self._make(self._connection)

    def startedConnecting(self, connector: object) -> None:  # noqa: N802
        """See C{twisted.internet.protocol.ClientFactory}."""

    def clientConnectionFailed(  # noqa: N802
        self, connector: object, reason: Failure
    ) -> None:
        """The peer cannot be reached: what was sent to it is lost."""
        self._connection.lost(why(reason))

    def clientConnectionLost(  # noqa: N802
        self, connector: object, reason: Failure
    ) -> None:
        """The connection itself hears of that."""


def connect(connector: Connector, way: Way, factory: IProtocolFactory) -> Any:
    """Open a connection of ours; gives an C{IConnector}."""
    host, port = way.address
    bound = (way.local, 0) if way.local else None
    return connector.connectTCP(host, port, factory, OPENING, bound)


def why(reason: Failure) -> str:
    """What ended a connection, for the operator."""
    if reason.check(VerificationError):
        return "its certificate names somebody else"
    error: Any = reason.value
    if reason.check(SSL.Error) and error.args and isinstance(error.args[0], list):
        # of each: the library, a function that is empty, what it means
        return f"TLS: {', '.join(each[-1] for each in error.args[0])}"
    return reason.getErrorMessage() or type(reason.value).__name__
