"""
Servers of gateways that are known by a host name (RFC 3263).

Names are looked up when the table is loaded and again before what was answered
loses its validity, never while a call waits: a call goes where the name led by
then. A name server that does not answer changes nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable

import attrs
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from vos3000.sip.locate import (
    Choose,
    Place,
    Server,
    Target,
    certain,
    in_order,
    plain,
)
from vos3000.sip.lookup import RETRY, LookUp, Names, Unanswered
from vos3000.timers import Timer, TimerWheel

SHORTEST = 30.0
"""Seconds between two look-ups of a name, however short its records live."""

MOST_ASKED = 1000
"""Names that are kept beside those of gateways: where redirections led."""


def is_address(host: str) -> bool:
    """
    Whether C{host} is an address, and no name: a socket looks up whatever
    else it is given, and everything waits meanwhile.
    """
    if ":" not in host and not host[-1:].isdigit():
        return False
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    except (OSError, ValueError):
        return False
    return True


@attrs.define(slots=True, eq=False)
class _Known:
    """
    One name, and where it leads.

    @ivar wanted: Whether it is a gateway's.
    @ivar used: Whether anybody asked for it since it was looked up.
    @ivar asking: Whether it is looked up just now.
    @ivar lost: Whether nobody wants it any more.
    @ivar told: Whether the log said that it leads nowhere.
    @ivar sure: The targets, where no chance is in their order.
    """

    place: Place
    wanted: bool
    used: bool = True
    asking: bool = False
    lost: bool = False
    told: bool = False
    servers: tuple[Server, ...] = ()
    sure: tuple[Target, ...] | None = ()
    timer: Timer | None = None

    @property
    def hosts(self) -> set[str]:
        """Every address it leads to."""
        return {t.address[0] for server in self.servers for t in server.targets}


class Hosts:
    """
    The names in use and their servers.

    @param names: Answers questions.
    @param choose: Randomness, for servers that share the load.
    """

    _log = Logger()

    def __init__(self, names: Names, timers: TimerWheel, choose: Choose) -> None:
        self._names = names
        self._timers = timers
        self._choose = choose
        self._known: dict[Place, _Known] = {}
        self._asked: dict[Place, _Known] = {}
        self._literal: dict[Place, tuple[Target, ...]] = {}
        self._by_address: dict[str, tuple[str, ...]] = {}

    def load(self, places: Iterable[Place]) -> None:
        """Look these up from now on; addresses among them need no look-up."""
        wanted = {place for place in places if place.name}
        literal = {place for place in wanted if is_address(place.name)}
        self._literal = {place: _literal(place) for place in literal}
        for place in list(self._known.keys() - wanted):
            self._drop(self._known.pop(place))
        for place in wanted - literal - self._known.keys():
            known = self._asked.pop(place, None) or _Known(place, True)
            known.wanted = True
            self._known[place] = known
            self._look(known)
        self._index()

    # What a call asks

    def targets(self, name: str, transport: str, port: int = 0) -> tuple[Target, ...]:
        """
        Where a name or an address leads to now, in the order in which it is
        tried; empty if that is not known, which is looked up for the next time.

        @param transport: C{udp}, C{tcp}, C{tls}, C{ws}, C{wss}, or C{auto}.
        @param port: 0 if none is named.
        """
        place = Place(name, transport, port)
        found = self._literal.get(place)
        if found is not None:
            return found
        known = self._known.get(place)
        if known is None:
            if is_address(name):
                return _literal(place)
            known = self._ask_for(place)
        known.used = True
        return (
            in_order(known.servers, self._choose) if known.sure is None else known.sure
        )

    def found(self, address: str) -> bool:
        """Whether a gateway's name leads to C{address}."""
        return address in self._by_address

    def names(self, address: str) -> tuple[str, ...]:
        """The gateways' names that lead to C{address}."""
        return self._by_address.get(address, ())

    def _ask_for(self, place: Place) -> _Known:
        known = self._asked.get(place)
        if known is None:
            if len(self._asked) >= MOST_ASKED:
                self._drop(self._asked.pop(next(iter(self._asked))))
            known = self._asked[place] = _Known(place, False)
            self._look(known)
        return known

    # Looking up

    def _look(self, known: _Known) -> None:
        if known.asking or known.lost:
            return
        known.asking = True
        asked = Deferred.fromCoroutine(self._refresh(known))
        asked.addErrback(self._failed, known)

    async def _refresh(self, known: _Known) -> None:
        look_up = LookUp(self._names, known.place, not known.servers)
        try:
            self._learn(known, await look_up.servers())
        except Unanswered as error:
            if not known.servers:
                self._tell(known, str(error))
        known.asking = False
        self._again(known, max(SHORTEST, look_up.ttl))

    def _failed(self, failure: Failure, known: _Known) -> None:
        self._log.failure("a look-up failed", failure)
        known.asking = False
        self._again(known, RETRY)

    def _tell(self, known: _Known, why: str) -> None:
        """The log says once of a name that it leads nowhere."""
        if not known.told:
            known.told = True
            name = known.place.name
            self._log.warn(
                "the host name {host} leads nowhere: {why}", host=name, why=why
            )

    def _learn(self, known: _Known, servers: tuple[Server, ...]) -> None:
        before = known.hosts
        known.told = known.told and not servers
        if not servers:
            self._tell(known, "it has no servers and no addresses")
        known.servers = servers
        sure = certain(servers)
        known.sure = in_order(servers, self._choose) if sure else None
        if known.hosts != before and known.wanted and not known.lost:
            self._index()

    def _again(self, known: _Known, seconds: float) -> None:
        known.used = known.wanted
        if known.timer is not None:
            known.timer.cancel()
        if not known.lost:
            known.timer = self._timers.later(seconds, self._over, known)

    def _over(self, known: _Known) -> None:
        """What was answered is not valid any more."""
        if known.wanted or known.used:
            self._look(known)
        else:
            self._asked.pop(known.place, None)

    def _drop(self, known: _Known) -> None:
        known.lost = True
        if known.timer is not None:
            known.timer.cancel()

    def _index(self) -> None:
        found: dict[str, tuple[str, ...]] = {}
        for known in self._known.values():
            name = known.place.name
            for host in known.hosts:
                names = found.get(host, ())
                if name not in names:
                    found[host] = (*names, name)
        self._by_address = found


def _literal(place: Place) -> tuple[Target, ...]:
    """An address is its own server."""
    return plain(place, (place.name,)).targets
