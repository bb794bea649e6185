"""
Which routing gateways a call is offered to, and in which order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs

from vos3000.model.causes import EndCause, EndCauses
from vos3000.model.gateways import (
    LockType,
    MappingGateway,
    Protocol,
    RegisterType,
    RoutingGateway,
)
from vos3000.model.limits import NumberLimit, comma_list
from vos3000.model.numbers import PrefixMap
from vos3000.routing.availability import Availability
from vos3000.routing.capacity import Capacity

STOP_STATUSES = frozenset((486, 600, 603, 604, 606))
"""What ends a hunt where a gateway has no list of its own."""

MOST_GROUP_LISTS = 10_000

_FORWARDER = "forwarding number: "

PHONES_ONLY = 1
NO_PHONES = 2
"""Values of calleeE164Restrict beside 0, no restriction."""

Waits = Callable[[str, tuple[int, int]], float]
"""Seconds until a gateway may have another call, from its name and its rate."""


def no_wait(gateway: str, rate: tuple[int, int]) -> float:
    """Where no calls are counted."""
    return 0.0


_Groups = frozenset[str]


@attrs.frozen(slots=True)
class SwitchSettings:
    """
    The system parameters of failover.

    @ivar stop_after_user_busy: SS_GATEWAY_SWITCH_STOP_AFTER_USER_BUSY.
    @ivar until_connect: SS_GATEWAY_SWITCH_UNTIL_CONNECT.
    @ivar limit: SS_GATEWAY_SWITCH_LIMIT; None for no limit.
    @ivar stop_after_sdp: SS_SIP_STOP_SWITCH_AFTER_SDP.
    @ivar stop_after_invite_timeout:
        SS_SIP_USER_AGENT_STOP_SWITCH_AFTER_INVITE_TIMEOUT.
    """

    stop_after_user_busy: bool = True
    until_connect: bool = False
    limit: int | None = None
    stop_after_sdp: bool = False
    stop_after_invite_timeout: bool = False


@attrs.frozen(slots=True)
class Route:
    """A gateway that may be tried, and the prefix that led to it."""

    gateway: RoutingGateway
    prefix: str


@attrs.frozen(slots=True)
class LeftOut:
    """A gateway whose prefix fits but that is not tried, and why."""

    gateway: RoutingGateway
    prefix: str
    reason: str


@attrs.frozen(slots=True)
class Selection:
    """
    The routes in the order in which they are tried, and those left out.

    @ivar cause: What a call without a route is refused with; None for that
        there is no gateway.
    """

    routes: tuple[Route, ...]
    left_out: tuple[LeftOut, ...]
    cause: EndCause | None = None


@attrs.frozen(slots=True)
class _Gateway:
    """
    A gateway under one prefix, made ready.

    @ivar groups: The gateway groups it is in.
    @ivar restrict: calleeE164Restrict: 1 for phones only, 2 for none.
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
    groups: _Groups
    callee: NumberLimit | None
    caller: NumberLimit | None
    restrict: int
    limited: bool
    forwarder: NumberLimit | None
    dynamic: bool
    reason: str


# priority, load ratio, past calls, id
_Key = tuple[int, float, int, int]


def _unusable(gateway: RoutingGateway) -> str:
    """Why a gateway that is not locked fails every call; empty if it does not."""
    if gateway.protocol == Protocol.H323:
        return "H.323 is not in this release"
    if gateway.register_type == RegisterType.DYNAMIC:
        return ""
    if gateway.register_type == RegisterType.IMS:
        return "not registered"
    return "" if gateway.remote_ip else "no address"


def _made_ready(gateway: RoutingGateway, prefix: str) -> _Gateway:
    settings = gateway.settings
    callee = NumberLimit.read(settings, "callinCalleePrefixes", "calleeAllowLength")
    caller = NumberLimit.read(settings, "callinCallerPrefixes", "callerAllowLength")
    return _Gateway(
        route=Route(gateway, prefix),
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
        restrict=settings.get("calleeE164Restrict") or 0,
        limited=callee is not None or caller is not None,
        forwarder=NumberLimit.read(settings, "callinForwardPrefixes"),
        dynamic=gateway.register_type == RegisterType.DYNAMIC,
        reason=_unusable(gateway),
    )


def _nobody(name: str) -> bool:
    """No gateway is registered."""
    return False


class Selector:
    """
    Finds the routes of a call.

    Longest prefix first; below one prefix by priority, load ratio, past
    calls, id. A gateway comes once, at its longest prefix. After a prefix
    with a terminating gateway that serves the call, shorter ones do not
    follow, also if it is full or offline just then (docs/routing.md).

    @param online: Whether a gateway that registers with us is registered.
    """

    def __init__(
        self,
        capacity: Capacity,
        availability: Availability,
        causes: EndCauses,
        settings: Callable[[], SwitchSettings],
        waits: Waits = no_wait,
        online: Callable[[str], bool] = _nobody,
    ) -> None:
        self._waits = waits
        self._online = online
        self._capacity = capacity
        self.availability = availability
        self._settings = settings
        self._busy = frozenset((486, 17, causes["CalleeBusy"].code))
        self._no_reply = causes["ConnectionTimeout"].code
        self._forward_limited = causes["ForwardLimited"]
        self._table: PrefixMap[tuple[_Gateway, ...]] = PrefixMap()
        self._attempts: dict[str, int] = {}
        self._group_lists: dict[str, _Groups] = {}

    def load(self, gateways: Iterable[RoutingGateway]) -> None:
        """Replace all gateways; past calls of those that stay are kept."""
        gateways = tuple(gateways)
        self.availability.load(
            [gateway.name for gateway in gateways],
            [
                gateway.name
                for gateway in gateways
                if gateway.register_type == RegisterType.REGISTERS
            ],
        )
        table: dict[str, list[_Gateway]] = {}
        attempts: dict[str, int] = {}
        for gateway in gateways:
            attempts[gateway.name] = self._attempts.get(gateway.name, 0)
            for prefix in dict.fromkeys(gateway.prefixes):
                table.setdefault(prefix, []).append(_made_ready(gateway, prefix))
        self._table = PrefixMap(
            (prefix, tuple(sorted(ready, key=lambda one: (one.priority, one.id))))
            for prefix, ready in table.items()
        )
        self._attempts = attempts

    def attempted(self, gateway: str) -> None:
        """Count a call that was offered to C{gateway}."""
        self._attempts[gateway] = self._attempts.get(gateway, 0) + 1

    def select(
        self,
        callee: str,
        mapping: MappingGateway | None,
        caller: str | None = None,
        forwarder: str | None = None,
        phone: bool = False,
    ) -> Selection:
        """
        The routes for a call, and what was left out for which reason.

        @param callee: The billing number; C{caller} likewise, None to leave
            the limits on callers alone.
        @param mapping: Where the call comes from; None for no gateway.
        @param forwarder: Who sent the call on last; None if nobody did.
        @param phone: Whether the callee is a platform phone.
        """
        groups, allow = self._groups_of(mapping)
        routes: list[Route] = []
        left_out: list[LeftOut] = []
        seen: set[str] = set()
        for _, level in self._table.all(callee):
            keys: list[tuple[_Key, _Gateway]] = []
            ends = False
            for one in level:
                if one.name in seen:
                    continue
                seen.add(one.name)
                reason = self._barred(one, groups, allow, callee, caller)
                if one.restrict and not reason:
                    reason = _restricted(one, phone)
                if forwarder is not None and not reason:
                    reason = _forwarding(one, forwarder)
                if not reason:
                    ends = ends or not one.continues
                    reason = self._failing(one, keys)
                if reason:
                    left_out.append(
                        LeftOut(one.route.gateway, one.route.prefix, reason)
                    )
            if len(keys) > 1:
                keys.sort(key=_first)
            routes += [one.route for _, one in keys]
            if ends:
                break
        cause = None
        if left_out and not routes and all(map(_is_forwarder_s, left_out)):
            cause = self._forward_limited
        return Selection(tuple(routes), tuple(left_out), cause)

    def _groups_of(self, mapping: MappingGateway | None) -> tuple[_Groups | None, bool]:
        """The groups that the mapping gateway names, and whether they may."""
        if mapping is None:
            return None, False
        text = mapping.settings.get("routingGatewayGroups")
        if not text:
            return None, False
        groups = self._group_lists.get(text)
        if groups is None:
            if len(self._group_lists) >= MOST_GROUP_LISTS:
                self._group_lists.clear()
            groups = self._group_lists[text] = frozenset(comma_list(text))
        return groups, bool(mapping.settings.get("routingGatewayGroupsAllow"))

    def _barred(
        self,
        one: _Gateway,
        groups: _Groups | None,
        allow: bool,
        callee: str,
        caller: str | None,
    ) -> str:
        """Why the gateway does not serve this call; empty if it does."""
        if one.locked:
            return "locked"
        if groups and groups.isdisjoint(one.groups) is allow:
            return "group not allowed" if allow else "group forbidden"
        if one.limited:
            return _limited(one, callee, caller)
        return ""

    def _failing(self, one: _Gateway, keys: list[tuple[_Key, _Gateway]]) -> str:
        """Why it cannot take the call now; if it can, it joins C{keys}."""
        if one.reason:
            return one.reason
        if one.dynamic and not self._online(one.name):
            return "not registered"
        obstacle = self.availability.obstacle(one.name)
        if obstacle:
            return obstacle
        limit = one.capacity
        ratio = 0.0
        if limit > 0:
            used = self._capacity.used(one.name)
            if used >= limit:
                return "full"
            ratio = used / limit
        if one.rate[0] > 0 and self._waits(one.name, one.rate) > 0:
            return "call rate reached"
        keys.append(((one.priority, ratio, self._attempts[one.name], one.id), one))
        return ""

    def stops(self, gateway: RoutingGateway, cause: EndCause) -> bool:
        """
        Whether a failure at C{gateway} ends the hunt.

        Its switchAllowBusy decides on busy; then its own list, if it has one;
        then the system's parameters and the default list.
        """
        busy = cause.code in self._busy
        if busy and gateway.switch_on_busy is not None:
            return not gateway.switch_on_busy
        listed = cause.sip in gateway.stop_codes
        if listed:
            return gateway.settings.get("switchAllowErrorCode") is not True
        if cause.code == self._no_reply:
            return self._settings().stop_after_invite_timeout
        if gateway.stop_codes and not gateway.settings.get("switchAllowErrorCode"):
            return False
        if busy:
            return self._settings().stop_after_user_busy
        return cause.sip in STOP_STATUSES

    def may_switch_after_ring(self, gateway: RoutingGateway) -> bool:
        """Whether another gateway may be tried once this one rang."""
        if gateway.switch_on_ring is not None:
            return gateway.switch_on_ring
        return self._settings().until_connect

    def may_switch_after_sdp(self, gateway: RoutingGateway) -> bool:
        """Whether another may be tried once this one sent a description."""
        if gateway.switch_on_sdp is not None:
            return gateway.switch_on_sdp
        return not self._settings().stop_after_sdp


def _first(pair: tuple[_Key, _Gateway]) -> _Key:
    return pair[0]


def _restricted(one: _Gateway, phone: bool) -> str:
    if one.restrict == PHONES_ONLY and not phone:
        return "callee: phones only"
    return "callee: no phones" if one.restrict == NO_PHONES and phone else ""


def _forwarding(one: _Gateway, forwarder: str) -> str:
    if one.forwarder is None:
        return ""
    refusal = one.forwarder.refusal(forwarder)
    return f"{_FORWARDER}{refusal}" if refusal else ""


def _is_forwarder_s(out: LeftOut) -> bool:
    return out.reason.startswith(_FORWARDER)


def _limited(one: _Gateway, callee: str, caller: str | None) -> str:
    refusal = one.callee.refusal(callee) if one.callee is not None else ""
    if refusal:
        return f"callee: {refusal}"
    if one.caller is not None and caller is not None:
        refusal = one.caller.refusal(caller)
    return f"caller: {refusal}" if refusal else ""
