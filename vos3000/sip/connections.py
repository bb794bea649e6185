"""
All connections of the switch: how many of whom, and which one a message to a
peer goes out on (RFC 3261 section 18, RFC 5923).

One table for every transport that is a connection, so that the limits hold for
all of them together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from twisted.logger import Logger

from vos3000.metrics import Metrics
from vos3000.sip.aliases import Aliases
from vos3000.sip.connection import Connection, Listener, Way
from vos3000.sip.handshakes import Handshakes
from vos3000.sip.message import Request
from vos3000.sip.reception import LocalHost, Reception
from vos3000.sip.shares import Shares
from vos3000.sip.sockets import keep_alive, mark
from vos3000.sip.strangers import Strangers
from vos3000.sip.transaction import SECURE, Address
from vos3000.timers import TimerWheel

MOST_CONNECTIONS = 2000
"""Incoming connections open at once, beyond which no further are taken."""

MOST_CONNECTIONS_OF_PEER = 200
"""The same of one source."""

RESERVED = 200
"""How many of all are for gateways alone."""

MOST_WAYS = 10_000
"""Places that are kept where a message of ours may go."""

MOST_FAILING = 1000
"""Ways that are remembered to have failed, so that the log tells it once."""

Credentials = Callable[[str], tuple[str, bool]]
"""
From a host to the name that its certificate has to hold (empty for the host
itself) and whether it has to be good.
"""


class Connections:
    """
    Takes incoming connections, each peer's limited, and opens outgoing ones.

    @param knows: Whether a host and port belong to a gateway.
    @ivar gateway: Whether a host and port belong to a gateway, and to no phone.
    @ivar source: What an address counts by: itself, or all that one peer has.
    @ivar credentials: Whom a peer has to be that we call back.
    @ivar avoid: Told of an address where no connection opens.
    @ivar shares: How long each is served.
    @ivar tos: The class of service of their packets (SS_QOS_SIGNAL).
    @ivar reset: Whether they end with a reset (SS_TCP_CLOSE_RESET).
    """

    _log = Logger()

    def __init__(
        self,
        reception: Reception,
        timers: TimerWheel,
        local_host: LocalHost,
        metrics: Metrics,
        knows: Callable[[str, int], bool],
    ) -> None:
        self.reception = reception
        self.timers = timers
        self.local_host = local_host
        self.knows = knows
        self.gateway = knows
        self.source: Callable[[str], str] = str
        self.credentials: Credentials = _itself
        self.avoid: Callable[[Address], object] = _nobody
        self.tos = 0
        self.reset = False
        self.shares = Shares(timers.clock)
        self._open: set[Connection] = set()
        self._outgoing: dict[Way, Connection] = {}
        self._incoming = 0
        self._strangers = Strangers()
        self._of_peer: dict[str, int] = {}
        self._failing: dict[Way, None] = {}
        self._aliases = Aliases()
        self._rejected = metrics.counter(
            "sip_rejected_connections_total", "Connections over a limit, closed at once"
        )
        self._missed = metrics.counter(
            "sip_failed_connections_total", "Connections of ours that did not open"
        )
        self._handshakes = Handshakes(timers.clock.seconds, metrics)
        metrics.gauge("sip_connections", "Connections open", lambda: len(self._open))

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._open))

    # Incoming

    def taken(self, listener: Listener, host: str, port: int) -> Connection | None:
        """A peer connects; None closes it."""
        known, source = self.knows(host, port), self.source(host)
        held = self._of_peer.get(source, 0)
        full = held >= MOST_CONNECTIONS_OF_PEER or self._full(host, port)
        if full or not (known or self._strangers.room(source)):
            self._rejected.value += 1
            return None
        self._of_peer[source] = held + 1
        self._incoming += 1
        connection = Connection(self, listener, (host, port), stranger=not known)
        if not known:
            self._strangers.add(connection, source)
        self._open.add(connection)
        return connection

    def _full(self, host: str, port: int) -> bool:
        """Whether one more is too many; nobody takes the place of gateways."""
        left = MOST_CONNECTIONS - self._incoming
        return left <= 0 or (left <= RESERVED and not self.gateway(host, port))

    def introduced(self, connection: Connection) -> None:
        """One of a stranger is it no more."""
        self._strangers.remove(connection)

    def meet(self, connection: Connection, request: Request) -> None:
        """A request came on an incoming connection (RFC 5923)."""
        if ";alias" in (request.get("via") or ""):
            self._aliases.offer(connection, request, self.gateway(*connection.peer))

    # Outgoing

    def to(self, listener: Listener, way: Way) -> Connection:
        """
        The connection to a peer: one of its own that it lets us use, the one we
        opened before, or a new one, which the first message opens.
        """
        found = self._outgoing.get(way) or self._aliases.find(way)
        if found is None:
            if len(self._outgoing) >= MOST_WAYS:
                self._forget_unused()
            found = self._outgoing[way] = Connection(self, listener, way.address, way)
        return found

    def _forget_unused(self) -> None:
        """Places where nobody went after all."""
        for way in [way for way, each in self._outgoing.items() if not each.dialed]:
            del self._outgoing[way]

    def dial(self, connection: Connection, listener: Listener) -> None:
        """Open one of ours."""
        if connection.way is not None:
            self._open.add(connection)
            try:
                connection.connector = listener.dial(connection, connection.way)
            except UnicodeError:
                # TLS looks at the name; who sends hears nothing before it has sent
                self.timers.later(0, _nameless, connection)
            self.tune(getattr(connection.connector, "transport", None))

    def instead(
        self, connection: Connection, listener: Listener, address: Address
    ) -> Connection:
        """What takes the place of a connection that is closed."""
        way = connection.way
        if way is None:
            way = Way(listener.name, address, "", *self.credentials(address[0]))
        return self.to(listener, way._replace(address=address))

    def reached(self, way: Way) -> None:
        """A connection of ours opened."""
        if self._failing.pop(way, self) is None:
            self._log.info("{way}: connected again", way=str(way))

    def unopened(self, connection: Connection, why: str) -> None:
        """A connection ended before it was ready for messages."""
        if connection.way is not None:
            self._miss(connection.way, why)
        elif connection.name in SECURE:
            self._handshakes.failed(connection.peer[0], why)

    def _miss(self, way: Way, why: str) -> None:
        """A connection of ours did not open; the log tells it once."""
        self._missed.value += 1
        self.avoid(way.address)
        if way in self._failing or len(self._failing) >= MOST_FAILING:
            return
        self._failing[way] = None
        self._log.warn("{way}: no connection: {why}", way=str(way), why=why)

    # Every one

    def tune(self, transport: Any) -> None:
        """Set the options of a connection's socket."""
        sock = getattr(transport, "socket", None)
        if sock is not None:
            keep_alive(sock)
            mark(sock, self.tos)

    def remark(self, tos: int) -> None:
        """Another class of service from now on, for those that are open too."""
        self.tos = tos
        for connection in self._open:
            sock = getattr(connection.transport, "socket", None)
            if sock is not None:
                mark(sock, tos)

    def leaving(self, connection: Connection) -> None:
        """A connection ends: no new request goes out on it."""
        way = connection.way
        if way is not None and self._outgoing.get(way) is connection:
            del self._outgoing[way]
        self._aliases.drop(connection)

    def gone(self, connection: Connection) -> None:
        """A connection ended."""
        self._open.discard(connection)
        self.leaving(connection)
        if connection.way is not None:
            return
        self._incoming -= 1
        self._strangers.remove(connection)
        source = self.source(connection.peer[0])
        left = self._of_peer.get(source, 0) - 1
        if left > 0:
            self._of_peer[source] = left
        else:
            self._of_peer.pop(source, None)

    def close(self) -> None:
        """Close every connection."""
        for connection in list(self._open):
            connection.close()


def _itself(host: str) -> tuple[str, bool]:
    return "", True


def _nameless(connection: Connection) -> None:
    connection.lost("no certificate can hold this name")


def _nobody(address: Address) -> None:
    """Nobody wants to know."""
