"""
Which routing gateways a call is offered to, and in which order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs

from vos3000.model.causes import EndCause, EndCauses
from vos3000.model.gateways import (
    MappingGateway,
    RegisterType,
    RoutingGateway,
)
from vos3000.model.limits import Holds, comma_list, no_groups
from vos3000.model.numbers import PrefixMap
from vos3000.model.schedules import Moment, refusal
from vos3000.routing.availability import Availability
from vos3000.routing.candidates import (
    Candidate,
    Groups,
    by_place,
    forwarding,
    is_forwarder_s,
    limited,
    made_ready,
    restricted,
)
from vos3000.routing.capacity import Capacity
from vos3000.routing.routes import Directed, LeftOut, Route, Selection

STOP_STATUSES = frozenset((486, 600, 603, 604, 606))
"""What ends a hunt where a gateway has no list of its own."""

MOST_GROUP_LISTS = 10_000

Waits = Callable[[str, tuple[int, int]], float]
"""Seconds until a gateway may have another call, from its name and its rate."""


def no_wait(gateway: str, rate: tuple[int, int]) -> float:
    """Where no calls are counted."""
    return 0.0


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


# priority, load ratio, past calls, id
_Key = tuple[int, float, int, int]


def _nobody(name: str) -> bool:
    """No gateway is registered."""
    return False


def _midnight() -> Moment:
    """Where no time passes."""
    return 0, 0


class Selector:
    """
    Finds the routes of a call.

    Longest prefix first; below one prefix by priority, load ratio, past
    calls, id. A gateway comes once, at its longest prefix. After a prefix
    with a terminating gateway that serves the call, shorter ones do not
    follow, also if it is full or offline just then (docs/routing.md).

    @param online: Whether a gateway that registers with us is registered.
    @param holds: Whether a number group has a number.
    @param moment: Where in the week we are.
    """

    def __init__(
        self,
        capacity: Capacity,
        availability: Availability,
        causes: EndCauses,
        settings: Callable[[], SwitchSettings],
        waits: Waits = no_wait,
        online: Callable[[str], bool] = _nobody,
        moment: Callable[[], Moment] = _midnight,
        holds: Holds = no_groups,
    ) -> None:
        self._holds = holds
        self._moment = moment
        self._waits = waits
        self._online = online
        self._capacity = capacity
        self.availability = availability
        self._settings = settings
        self._busy = frozenset((486, 17, causes["CalleeBusy"].code))
        self._paused = causes["GatewayDisabledByRetryAfter"]
        self._no_reply = causes["ConnectionTimeout"].code
        self._forward_limited = causes["ForwardLimited"]
        self._table: PrefixMap[tuple[Candidate, ...]] = PrefixMap()
        self._attempts: dict[str, int] = {}
        self._group_lists: dict[str, Groups] = {}
        self._places: dict[tuple[str, int], tuple[Candidate, ...]] = {}

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
        table: dict[str, list[Candidate]] = {}
        attempts: dict[str, int] = {}
        for gateway in gateways:
            attempts[gateway.name] = self._attempts.get(gateway.name, 0)
            for one in made_ready(gateway):
                table.setdefault(one.route.prefix, []).append(one)
        self._places = by_place(table)
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
            keys: list[tuple[_Key, Candidate]] = []
            ends = False
            for one in level:
                if one.name in seen:
                    continue
                seen.add(one.name)
                reason = self._barred(one, groups, allow, callee, caller)
                if one.restrict and not reason:
                    reason = restricted(one, phone)
                if forwarder is not None and not reason:
                    reason = forwarding(one, forwarder)
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
        return self._selection(routes, left_out)

    def directed(
        self,
        callee: str,
        mapping: MappingGateway | None,
        caller: str | None,
        forwarder: str | None,
        places: Iterable[Directed],
    ) -> Selection:
        """
        The routes for a call whose way was named from outside: the gateways at
        those places, in that order. The numbers need not have their prefixes;
        all else that keeps a call from a gateway does.
        """
        groups, allow = self._groups_of(mapping)
        routes: list[Route] = []
        left_out: list[LeftOut] = []
        for place in places:
            keys: list[tuple[_Key, Candidate]] = []
            for one in self._at(place):
                reason = self._barred(one, groups, allow, callee, caller)
                if one.restrict and not reason:
                    reason = restricted(one, False)
                if forwarder is not None and not reason:
                    reason = forwarding(one, forwarder)
                reason = reason or self._failing(one, keys)
                if reason:
                    left_out.append(LeftOut(one.route.gateway, "", reason))
            keys.sort(key=_first)
            routes += [Route(one.route.gateway, "", place.callee) for _, one in keys]
        return self._selection(routes, left_out)

    def _selection(self, routes: list[Route], left_out: list[LeftOut]) -> Selection:
        """Where one thing kept all there is from the call, the caller is told so."""
        cause = None
        if not routes and left_out:
            paused = self.availability.paused
            if all(map(is_forwarder_s, left_out)):
                cause = self._forward_limited
            elif all(paused(out.gateway.name) for out in left_out):
                cause = self._paused
        return Selection(tuple(routes), tuple(left_out), cause)

    def _at(self, place: Directed) -> tuple[Candidate, ...]:
        host = place.host.lower()
        return self._places.get((host, place.port)) or self._places.get((host, 0), ())

    def _groups_of(self, mapping: MappingGateway | None) -> tuple[Groups | None, bool]:
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
        one: Candidate,
        groups: Groups | None,
        allow: bool,
        callee: str,
        caller: str | None,
    ) -> str:
        """Why the gateway does not serve this call; empty if it does."""
        if one.locked:
            return "locked"
        if groups and groups.isdisjoint(one.groups) is allow:
            return "group not allowed" if allow else "group forbidden"
        reason = limited(one, callee, caller, self._holds) if one.limited else ""
        if one.scheduled and not reason:
            reason = refusal(one.scheduled, self._moment(), callee, caller)
        return reason

    def _failing(self, one: Candidate, keys: list[tuple[_Key, Candidate]]) -> str:
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


def _first(pair: tuple[_Key, Candidate]) -> _Key:
    return pair[0]
