"""
Questions to name servers, asked without waiting: C{twisted.names}, and the
system itself for addresses that only it knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IReactorTime,
    IResolutionReceiver,
    IResolver,
)
from twisted.names import client, dns, hosts, resolve
from twisted.names.error import DNSNameError, DomainError, ResolverError
from zope.interface import implementer

from vos3000.sip.locate import Naptr, Srv
from vos3000.sip.lookup import Answer, Unanswered

TIMEOUTS = (1, 2, 4)
"""Seconds after which a question is asked again, of the next name server if
there are several; after the last there is no answer."""

MOST_RECORDS = 64
"""Records of one answer that are read."""

MOST_ALIASES = 8
"""Names that one may stand for in turn (CNAME)."""

PATIENCE = 45.0
"""Seconds for one question with all its repetitions. A name server that says by TCP,
too, that its answer was cut short would be asked again without end."""

NEGATIVE = 60.0
"""Seconds for which there is nothing, where nobody says for how long."""

UNKNOWN = 60.0
"""Seconds for which the system's answers hold, which have no lifetime."""


def asker(reactor: Any, servers: Sequence[tuple[str, int]]) -> IResolver:
    """
    Who asks.

    @param servers: The name servers; none for those of /etc/resolv.conf, with
        /etc/hosts before them.
    """
    if servers:
        return client.Resolver(None, list(servers), TIMEOUTS, reactor)
    system = client.Resolver("/etc/resolv.conf", None, TIMEOUTS, reactor)
    return resolve.ResolverChain([hosts.Resolver(), system])


LONGEST_NAME = 253
"""Characters of a name (RFC 1035 2.3.4)."""

_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789_-."
_BROADCAST = ip_address("255.255.255.255")

_FAILURES = (
    *(DomainError, ResolverError, TimeoutError),
    *(NotImplementedError, OSError, ValueError),
)
"""How a question goes unanswered, in the words of C{twisted.names}."""


class DnsNames:
    """
    Records from name servers.

    @param make: Makes who asks them, when the first question is asked.
    @param system: Asked for addresses that name servers do not know; None
        where the operator named the name servers.
    @param clock: Ends questions without an end.
    """

    def __init__(
        self,
        make: Callable[[], IResolver],
        system: Callable[[], IHostnameResolver] | None,
        clock: IReactorTime,
    ) -> None:
        self._clock = clock
        self._make = make
        self._system = system
        self._made: IResolver | None = None

    def _ask(self, method: str, name: str) -> Deferred[Any]:
        if self._made is None:
            self._made = self._make()
        asked: Deferred[Any] = getattr(self._made, method)(name)
        return asked.addTimeout(PATIENCE, self._clock)

    async def naptr(self, name: str) -> Answer:
        """Its L{Naptr} records."""
        return await self._answer("lookupNamingAuthorityPointer", name, _naptr)

    async def srv(self, name: str) -> Answer:
        """Its L{Srv} records."""
        return await self._answer("lookupService", name, _srv)

    async def addresses(self, name: str) -> Answer:
        """Its addresses, those of IPv4 first."""
        four = Deferred.fromCoroutine(self._answer("lookupAddress", name, _a))
        six = Deferred.fromCoroutine(self._answer("lookupIPV6Address", name, _aaaa))
        answers = [await _quietly(four), await _quietly(six)]
        found = [each for each in answers if each is not None and each.records]
        if found:
            records = tuple(host for each in found for host in each.records)
            return Answer(records, min(each.ttl for each in found))
        if self._system is not None:
            records = await _system(self._system(), name)
            if records:
                return Answer(records, UNKNOWN)
        if None in answers:
            raise Unanswered(f"no name server answers for {name}")
        return Answer((), NEGATIVE)

    async def _answer(
        self, method: str, name: str, read: Callable[[Any], Any]
    ) -> Answer:
        try:
            answers, authority, _ = await self._ask(method, name)
        except DNSNameError as error:
            return Answer((), _negative(_authority(error)))
        except _FAILURES as error:
            raise Unanswered(f"{name}: {type(error).__name__}") from error
        owned = _owned(name, answers[:MOST_RECORDS])
        records = [read(each.payload) for each in owned]
        good = tuple(record for record in records if record is not None)
        if not good:
            return Answer((), _negative(authority))
        return Answer(good, float(min(each.ttl for each in owned)))


async def _quietly(asked: Deferred[Answer]) -> Answer | None:
    """The answer; None if there was none."""
    try:
        return await asked
    except Unanswered:
        return None


def _authority(error: DNSNameError) -> Iterable[Any]:
    """Who says that there is no such name."""
    message = error.args[0] if error.args else None
    return getattr(message, "authority", ())


def _negative(authority: Iterable[Any]) -> float:
    """For how long there is nothing (RFC 2308 section 5)."""
    for each in authority:
        if isinstance(each.payload, dns.Record_SOA):
            return float(min(each.ttl, each.payload.minimum))
    return NEGATIVE


def _owned(name: str, answers: Iterable[Any]) -> list[Any]:
    """The records of a name, those of the names that it stands for among them."""
    answers = list(answers)
    aliases = {
        _plain(each.name): each
        for each in answers
        if isinstance(each.payload, dns.Record_CNAME)
    }
    owner, owned = name.rstrip(".").lower(), []
    for _ in range(MOST_ALIASES):
        alias = aliases.pop(owner, None)
        if alias is None:
            break
        owned.append(alias)
        owner = _plain(alias.payload.name)
    return owned + [each for each in answers if _plain(each.name) == owner]


def _plain(name: dns.Name) -> str:
    return name.name.decode("latin-1").rstrip(".").lower()


def _text(name: dns.Name) -> str | None:
    """A name of a host; None if it is none."""
    text = _plain(name)
    return text if len(text) <= LONGEST_NAME and not text.strip(_LETTERS) else None


def _naptr(payload: Any) -> Naptr | None:
    if not isinstance(payload, dns.Record_NAPTR):
        return None
    flags, service = (
        each.string.decode("ascii", "replace")
        for each in (payload.flags, payload.service)
    )
    replacement = _text(payload.replacement)
    if replacement is None:
        return None
    return Naptr(payload.order, payload.preference, flags, service, replacement)


def _srv(payload: Any) -> Srv | None:
    if not isinstance(payload, dns.Record_SRV):
        return None
    target = _text(payload.target)
    if target is None:
        return None
    return Srv(payload.priority, payload.weight, payload.port, target)


def _a(payload: Any) -> str | None:
    if not isinstance(payload, dns.Record_A):
        return None
    return _address(payload.dottedQuad())


def _aaaa(payload: Any) -> str | None:
    if not isinstance(payload, dns.Record_AAAA):
        return None
    return _address(payload.address)


def _address(given: str | bytes) -> str | None:
    """
    An address that can be somebody's. One of IPv4 in the clothes of IPv6 is nobody's
    in the DNS: it only gets by who looks at addresses.
    """
    address = ip_address(given)
    nobody = address.is_unspecified or address.is_multicast or address == _BROADCAST
    return None if nobody or getattr(address, "ipv4_mapped", None) else str(address)


async def _system(resolver: IHostnameResolver, name: str) -> tuple[str, ...]:
    """What the system itself knows, by whatever means it does."""
    receiver = _Receiver()
    resolver.resolveHostName(receiver, name)
    return await receiver.done


@implementer(IResolutionReceiver)
class _Receiver:
    """Takes the addresses of one look-up."""

    def __init__(self) -> None:
        self.done: Deferred[tuple[str, ...]] = Deferred()
        self._found: list[str] = []

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:  # noqa: N802, N803
        """See C{IResolutionReceiver}."""

    def addressResolved(self, address: IAddress) -> None:  # noqa: N802
        """One of them."""
        host = getattr(address, "host", "")
        if host and host not in self._found:
            self._found.append(host)

    def resolutionComplete(self) -> None:  # noqa: N802
        """No more will come."""
        self.done.callback(tuple(sorted(self._found, key=lambda host: ":" in host)))
