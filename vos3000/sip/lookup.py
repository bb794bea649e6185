"""
From a name to its servers (RFC 3263 section 4): which questions are asked, and
what is made of the answers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Sequence
from typing import Any, Protocol

import attrs

from vos3000.errors import VosError
from vos3000.sip.locate import (
    ANY,
    MOST_TARGETS,
    Place,
    Server,
    Srv,
    Target,
    plain,
    services,
    srv_name,
    unserved,
)

LONGEST = 3600.0
"""Seconds after which a name is looked up again at the latest."""

RETRY = 30.0
"""Seconds until a question that nobody answered is asked again."""

_TRANSPORTS = ("udp", "tcp", "tls")
"""What is looked for, in this order, where a name does not say (4.1)."""


class Unanswered(VosError):
    """No name server says anything, or nothing that can be used."""


@attrs.frozen(slots=True)
class Answer:
    """
    What name servers say.

    @ivar records: Empty if there are none.
    @ivar ttl: Seconds for which that holds.
    """

    records: tuple[Any, ...]
    ttl: float


class Names(Protocol):
    """Where the records of names come from. A question may fail: L{Unanswered}."""

    async def naptr(self, name: str) -> Answer:
        """Its L{vos3000.sip.locate.Naptr} records."""

    async def srv(self, name: str) -> Answer:
        """Its L{vos3000.sip.locate.Srv} records."""

    async def addresses(self, name: str) -> Answer:
        """Its addresses as text, in the order in which they are tried."""


class LookUp:
    """
    One look-up of one name.

    @param first: Whether nothing is known of it yet: then its addresses are
        better than nothing where nobody says whether it has other records.
    @ivar ttl: Seconds for which the answers hold that came.
    """

    def __init__(self, names: Names, place: Place, first: bool) -> None:
        self._names = names
        self._place = place
        self._first = first
        self._unanswered: Unanswered | None = None
        self._left = MOST_TARGETS
        self.ttl = LONGEST

    async def servers(self) -> tuple[Server, ...]:
        """
        Its servers; none if there are none.

        @raise Unanswered: If that could not be found out.
        """
        place = self._place
        found: list[Server] = []
        closed = False
        for rank, (transport, where) in enumerate(await self._offered()):
            records = await self._asked(self._names.srv(where))
            closed = closed or unserved(records)
            for record in records:
                found += await self._server(rank, transport, record)
        if not found and not closed and (self._first or self._unanswered is None):
            hosts = await self._asked(self._names.addresses(place.name))
            found = [plain(place, hosts[:MOST_TARGETS])] if hosts else []
        if not found and self._unanswered is not None:
            raise self._unanswered
        return tuple(found)

    async def _offered(self) -> Sequence[tuple[str, str]]:
        """The transports to look for, and where: none where a port is given."""
        name, transport, port = self._place
        if port:
            return ()
        if transport != ANY:
            return _at(name, (transport,))
        records = await self._asked(self._names.naptr(name))
        return services(records) or _at(name, _TRANSPORTS)

    async def _server(self, rank: int, transport: str, record: Srv) -> list[Server]:
        """What one SRV record leads to."""
        if unserved((record,)) or self._left <= 0:
            return []
        self._left -= 1
        hosts = await self._asked(self._names.addresses(record.target))
        targets = tuple(Target(transport, (host, record.port)) for host in hosts)
        return [Server((rank, record.priority), record.weight, targets)] * bool(hosts)

    async def _asked(self, question: Awaitable[Answer]) -> tuple[Any, ...]:
        """The records of an answer; what is not answered leaves the rest."""
        try:
            answer = await question
        except Unanswered as error:
            self._unanswered = error
            self.ttl = RETRY
            return ()
        self.ttl = min(self.ttl, answer.ttl)
        return answer.records


def _at(name: str, transports: Iterable[str]) -> list[tuple[str, str]]:
    pairs = ((each, srv_name(name, each)) for each in transports)
    return [(each, where) for each, where in pairs if where is not None]
