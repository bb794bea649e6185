"""
Routing gateways made ready to be routes, and what keeps calls from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial

import attrs

from vos3000.model.gateways import (
    LockType,
    Protocol,
    RegisterType,
    RoutingGateway,
)
from vos3000.model.limits import (
    GroupLimit,
    Holds,
    NumberLimit,
    PairLimit,
    comma_list,
)
from vos3000.model.schedules import Rule, rules_of
from vos3000.routing.routes import LeftOut, Route

PHONES_ONLY = 1
NO_PHONES = 2
"""Values of calleeE164Restrict beside 0, no restriction."""

_FORWARDER = "forwarding number: "
_PORTS = {"tls": 5061, "ws": 80, "wss": 443}
"""Where a gateway is that names no port; by others 5060."""

Groups = frozenset[str]
"""Names of gateway groups."""


@attrs.frozen(slots=True)
class Candidate:
    """
    A gateway under one prefix, made ready.

    @ivar groups: The gateway groups it is in.
    @ivar restrict: calleeE164Restrict: 1 for phones only, 2 for none.
    @ivar callee_groups: The number groups that callees may be of, or may not;
        C{caller_groups} likewise.
    @ivar pairs: Which callers may call which callees by it.
    @ivar scheduled: What may be called when (scheduledCallinPrefixes).
    @ivar limited: Whether the numbers have to be looked at.
    @ivar forwarder: Who may have sent a call on that goes here
        (callinForwardPrefixes).
    @ivar dynamic: Whether it registers with us.
    @ivar reason: Why it fails every call; empty if it does not.
    """

    route: Route
    name: str
    id: int
    priority: int
    capacity: int
    rate: tuple[int, int]
    continues: bool
    locked: bool
    groups: Groups
    callee: NumberLimit | None
    caller: NumberLimit | None
    callee_groups: GroupLimit | None
    caller_groups: GroupLimit | None
    pairs: PairLimit | None
    scheduled: tuple[Rule, ...]
    restrict: int
    limited: bool
    forwarder: NumberLimit | None
    dynamic: bool
    reason: str


def _unusable(gateway: RoutingGateway) -> str:
    """Why a gateway that is not locked fails every call; empty if it does not."""
    if gateway.protocol == Protocol.H323:
        return "H.323 is not in this release"
    if gateway.register_type == RegisterType.DYNAMIC:
        return ""
    if gateway.register_type == RegisterType.IMS:
        return "not registered"
    return "" if gateway.remote_ip else "no address"


def made_ready(gateway: RoutingGateway) -> Iterator[Candidate]:
    """
    Read a gateway's settings once, for all calls and all prefixes: 40,000
    prefixes would hold up every call for 0.7 s else.
    """
    made = _made_ready(gateway)
    for prefix in dict.fromkeys(gateway.prefixes):
        yield made(route=Route(gateway, prefix))


def _made_ready(gateway: RoutingGateway) -> partial[Candidate]:
    settings = gateway.settings
    callee = NumberLimit.read(settings, "callinCalleePrefixes", "calleeAllowLength")
    caller = NumberLimit.read(settings, "callinCallerPrefixes", "callerAllowLength")
    pairs = PairLimit.read(settings, "denyCallerCallee")
    callee_groups = GroupLimit.read(settings, "calleeLimitE164Groups")
    caller_groups = GroupLimit.read(settings, "callerLimitE164Groups")
    return partial(
        Candidate,
        name=gateway.name,
        id=gateway.id,
        priority=gateway.priority,
        capacity=gateway.capacity,
        rate=gateway.call_rate,
        continues=gateway.continues,
        locked=gateway.lock_type != LockType.UNLOCKED,
        groups=frozenset(comma_list(settings.get("gatewayGroups"))),
        callee=callee,
        caller=caller,
        callee_groups=callee_groups,
        caller_groups=caller_groups,
        pairs=pairs,
        scheduled=rules_of(settings.get("scheduledCallinPrefixes")),
        restrict=settings.get("calleeE164Restrict") or 0,
        limited=any(
            each is not None
            for each in (callee, caller, pairs, callee_groups, caller_groups)
        ),
        forwarder=NumberLimit.read(settings, "callinForwardPrefixes"),
        dynamic=gateway.register_type == RegisterType.DYNAMIC,
        reason=_unusable(gateway),
    )


def by_place(
    table: Mapping[str, Iterable[Candidate]],
) -> dict[tuple[str, int], tuple[Candidate, ...]]:
    """
    The gateways by host and port, and by name with 0 in the place of a port.
    """
    found: dict[tuple[str, int], list[Candidate]] = {}
    last = {one.name: one for level in table.values() for one in level}
    for one in last.values():
        gateway = one.route.gateway
        port = gateway.signal_port or _PORTS.get(gateway.transport, 5060)
        found.setdefault((gateway.name.lower(), 0), []).append(one)
        if gateway.remote_ip:
            found.setdefault((gateway.remote_ip.lower(), port), []).append(one)
    return {place: tuple(each) for place, each in found.items()}


def restricted(one: Candidate, phone: bool) -> str:
    """Why it is not for this kind of callee (calleeE164Restrict)."""
    if one.restrict == PHONES_ONLY and not phone:
        return "callee: phones only"
    return "callee: no phones" if one.restrict == NO_PHONES and phone else ""


def forwarding(one: Candidate, forwarder: str) -> str:
    """Why it takes no call that C{forwarder} sent on."""
    if one.forwarder is None:
        return ""
    refusal = one.forwarder.refusal(forwarder)
    return f"{_FORWARDER}{refusal}" if refusal else ""


def is_forwarder_s(out: LeftOut) -> bool:
    """Whether it was left out because of who sent the call on."""
    return out.reason.startswith(_FORWARDER)


def limited(one: Candidate, callee: str, caller: str | None, holds: Holds) -> str:
    """Why it does not take calls with these numbers."""
    refusal = _refusal(one.callee, one.callee_groups, callee, holds)
    if refusal:
        return f"callee: {refusal}"
    if caller is None:
        return ""
    refusal = _refusal(one.caller, one.caller_groups, caller, holds)
    if refusal:
        return f"caller: {refusal}"
    return one.pairs.refusal(caller, callee) if one.pairs is not None else ""


def _refusal(
    limit: NumberLimit | None, groups: GroupLimit | None, number: str, holds: Holds
) -> str:
    refusal = limit.refusal(number) if limit is not None else ""
    if groups is not None and not refusal:
        refusal = groups.refusal(number, holds)
    return refusal
