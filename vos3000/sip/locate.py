"""
Which servers of a name are called, and in which order (RFC 3263, RFC 2782).

Nothing here asks a name server: it is told what was answered.
L{vos3000.sip.lookup} asks, L{vos3000.sip.hosts} keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import attrs

from vos3000.sip.transaction import Address, default_port
from vos3000.sip.uri import Uri
from vos3000.values import fixed

MOST_TARGETS = 16
"""Addresses of one name that are used."""

MOST_SERVICES = 8
"""NAPTR records of one name that are followed."""

ANY = "auto"
"""The transport of a gateway that leaves it to its name servers."""

TRANSPORTS = frozenset(("udp", "tcp", "tls", "ws", "wss", ANY))
"""What a gateway can be reached by."""

SERVICES = {
    "SIP+D2U": "udp",
    "SIP+D2T": "tcp",
    "SIPS+D2T": "tls",
    "SIP+D2W": "ws",
    "SIPS+D2W": "wss",
}
"""The services of NAPTR records and what they mean (RFC 3263 4.1, RFC 7118 5.5)."""

_SRV = {"udp": "_sip._udp", "tcp": "_sip._tcp", "tls": "_sips._tcp"}
"""Where the servers of a transport stand. WebSocket has no such place."""

Choose = Callable[[int], int]
"""Randomness: from C{n} to 0..n-1."""


class Place(NamedTuple):
    """
    What a gateway is known by.

    @ivar transport: C{udp}, C{tcp}, C{tls}, C{ws}, C{wss}, or L{ANY}.
    @ivar port: 0 if none is named.
    """

    name: str
    transport: str
    port: int


class Target(NamedTuple):
    """
    One server of a name.

    @ivar transport: C{udp}, C{tcp}, C{tls}, C{ws} or C{wss}.
    """

    transport: str
    address: Address


@attrs.frozen(slots=True)
class Naptr:
    """One NAPTR record."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str


@attrs.frozen(slots=True)
class Srv:
    """One SRV record."""

    priority: int
    weight: int
    port: int
    target: str


@fixed
class Server:
    """
    A record that leads to servers, and the addresses it leads to.

    @ivar rank: What has a smaller one comes first.
    @ivar weight: Among equals, how often it comes first.
    """

    rank: tuple[int, int]
    weight: int
    targets: tuple[Target, ...]


def place_of(uri: Uri) -> Place | None:
    """What a SIP URI names (4.1, 4.2); None if its transport is none of ours."""
    transport = (uri.param("transport") or "").lower()
    if uri.scheme == "sips":
        transport = "wss" if transport == "ws" else "tls"
    elif not transport:
        transport = "udp" if uri.port else ANY
    if transport not in TRANSPORTS:
        return None
    return Place(uri.host, transport, uri.port or 0)


def services(records: Iterable[Naptr]) -> list[tuple[str, str]]:
    """
    The transports that a name offers, best first, and the name where the
    servers of each stand (RFC 3263 4.1). What we do not speak is left out.
    """
    found: list[tuple[str, str]] = []
    for each in sorted(records, key=lambda one: (one.order, one.preference)):
        transport = SERVICES.get(each.service.upper())
        if transport is not None and each.flags.lower() == "s" and each.replacement:
            found.append((transport, each.replacement))
    return found[:MOST_SERVICES]


def srv_name(name: str, transport: str) -> str | None:
    """Where the SRV records of a transport stand; None if it has none."""
    prefix = _SRV.get(transport)
    return None if prefix is None else f"{prefix}.{name}"


def unserved(records: Sequence[Srv]) -> bool:
    """Whether they say that there is no such service (RFC 2782)."""
    return len(records) == 1 and records[0].target in ("", ".")


def plain(place: Place, hosts: Iterable[str]) -> Server:
    """The servers of a name that has no records but its addresses."""
    transport = "udp" if place.transport == ANY else place.transport
    port = place.port or default_port(transport.upper())
    return Server((0, 0), 0, tuple(Target(transport, (h, port)) for h in hosts))


def in_order(servers: Sequence[Server], choose: Choose) -> tuple[Target, ...]:
    """
    Every address, in the order in which a request tries them: by rank, and
    among equals by chance, each as often as its weight says (RFC 2782).
    """
    found: list[Target] = []
    left = sorted(servers, key=lambda one: (one.rank, one.weight))
    while left and len(found) < MOST_TARGETS:
        equal = [one for one in left if one.rank == left[0].rank]
        one = equal[_drawn([each.weight for each in equal], choose)]
        left.remove(one)
        found.extend(target for target in one.targets if target not in found)
    return tuple(found[:MOST_TARGETS])


def _drawn(weights: Sequence[int], choose: Choose) -> int:
    """
    One of them, as often as its weight. Those without stand first and are
    drawn seldom, but not never.
    """
    if len(weights) == 1:
        return 0
    number = choose(sum(weights) + 1)
    for place, weight in enumerate(weights):
        number -= weight
        if number <= 0:
            return place
    return len(weights) - 1


def certain(servers: Sequence[Server]) -> bool:
    """Whether no chance is in their order."""
    return len({one.rank for one in servers}) == len(servers)
