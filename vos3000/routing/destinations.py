"""
Where a call goes: to a platform phone, or out by routing gateways.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableSequence
from random import shuffle as shuffled
from typing import Any

import attrs

from vos3000.model.causes import CallRejected, EndCause, EndCauses
from vos3000.model.forwards import BUSY, NO_ANSWER, OFFLINE, Targets
from vos3000.model.gateways import (
    Device,
    LockType,
    MappingGateway,
    Protocol,
    RegisterType,
    RoutingGateway,
)
from vos3000.model.limits import GroupLimit, Holds, no_groups
from vos3000.model.phones import Phone
from vos3000.model.schedules import Moment
from vos3000.routing.candidates import NO_PHONES, PHONES_ONLY
from vos3000.routing.lines import PhoneLines
from vos3000.routing.phones import Phones
from vos3000.routing.routes import Directed, LeftOut, Route, Selection
from vos3000.routing.selector import Selector

_LOCKED = frozenset((LockType.INCOMING, LockType.ALL))

_LONGEST = 86_400
"""The stages of a call that is sent on are watched by the call that comes of it."""

BEHIND_GATEWAY = RegisterType.REGISTERS
"""registerType 2 of a phone: it has a gateway's address and never registers."""


class Destinations:
    """
    Finds where a billing number leads to (behaviour.md 4.1, step 8).

    A number that rings a phone goes to that phone and nowhere else, unless
    the phone is offline and routing gateways may stand in for it, or unless
    the phone sends it on.

    @param lines: The calls of phones.
    @param holds: Whether a number group has a number.
    @param moment: Where in the week we are.
    @param shuffle: Puts a list in another order.
    @param online: Whether a phone or gateway that registers is registered.
    """

    def __init__(
        self,
        selector: Selector,
        phones: Phones,
        lines: PhoneLines,
        online: Callable[[str], bool],
        causes: EndCauses,
        moment: Callable[[], Moment],
        holds: Holds = no_groups,
        shuffle: Callable[[MutableSequence[Any]], None] = shuffled,
    ) -> None:
        self._moment = moment
        self._shuffle = shuffle
        self._holds = holds
        self._unwanted = causes["CallerNumberLimited"]
        self._selector = selector
        self._phones = phones
        self._lines = lines
        self._online = online
        self._limited = causes["CalleeNumberLimited"]
        self._locked = causes["AccountLocked"]
        self._offline = causes["CalleeOffline"]
        self._busy = causes["CalleeBusy"]

    def select(
        self,
        callee: str,
        mapping: MappingGateway | None,
        caller: str | None = None,
        forwarder: str | None = None,
    ) -> Selection:
        """
        The routes of a call, and what was left out for which reason.

        @param callee: The billing number; C{caller} likewise, None to leave
            the limits on callers alone.
        @param mapping: Where the call comes from, or the phone that calls.
        @param forwarder: Who sent the call on last; None if nobody did.
        @raise CallRejected: If it may not call this kind of number
            (calleeE164Restrict).
        """
        phone = self._phones.called(callee)
        if mapping is not None:
            self._permit(mapping, callee, phone)
        if phone is None:
            return self._selector.select(callee, mapping, caller, forwarder)
        refused, cause = self._refused(phone, caller)
        if cause is not None:
            return Selection((), (LeftOut(phone.route, callee, refused),), cause)
        if phone.forwards is not None:
            sent_on = self._sent_on(phone, callee)
            if sent_on is not None:
                return sent_on
        reason, cause = self._unavailable(phone)
        if cause is None:
            return Selection((Route(phone.route, callee),), ())
        out = LeftOut(phone.route, callee, reason)
        if cause is not self._offline or not _replaced(phone):
            return Selection((), (out,), cause)
        found = self._selector.select(callee, mapping, caller, forwarder, phone=True)
        return attrs.evolve(found, left_out=(out, *found.left_out), cause=cause)

    def directed(
        self,
        callee: str,
        mapping: MappingGateway | None,
        caller: str | None,
        forwarder: str | None,
        places: Iterable[Directed],
    ) -> Selection:
        """
        The same where the way was named from outside: by routing gateways only.

        @raise CallRejected: If it may not call this kind of number.
        """
        if mapping is not None:
            self.permit(mapping, callee)
        return self._selector.directed(callee, mapping, caller, forwarder, places)

    def permit(self, mapping: MappingGateway, callee: str) -> None:
        """
        Let a gateway call a number, or not.

        @raise CallRejected: If it may not call this kind of number.
        """
        self._permit(mapping, callee, self._phones.called(callee))

    def _permit(
        self, mapping: MappingGateway, callee: str, phone: Phone | None
    ) -> None:
        restrict = mapping.settings.get("calleeE164Restrict")
        if restrict == PHONES_ONLY and phone is None:
            raise CallRejected(self._limited, f"{callee} is no platform phone")
        if restrict == NO_PHONES and phone is not None:
            raise CallRejected(self._limited, f"{callee} is a platform phone")

    def _sent_on(self, phone: Phone, callee: str) -> Selection | None:
        """Where the phone's calls go instead; None if it has to be rung, or not."""
        forwards = phone.forwards
        assert forwards is not None
        now = forwards.now(self._moment())
        if now is not None:
            return Selection(self._onward(phone, callee, *now), ())
        reason, cause = self._unavailable(phone)
        if cause is not None:
            found = forwards.offline if cause is self._offline else forwards.busy
            if found is None:
                return None
            why = OFFLINE if cause is self._offline else BUSY
            out = LeftOut(phone.route, callee, reason)
            return Selection(self._onward(phone, callee, why, found), (out,))
        routes = [Route(_patient(phone.route), callee)]
        for why, targets in (
            (BUSY, forwards.busy),
            (NO_ANSWER, forwards.no_answer),
            (OFFLINE, forwards.offline),
        ):
            if targets is not None:
                routes += self._onward(phone, callee, why, targets, awaits=True)
        return Selection(tuple(routes), ())

    def _onward(
        self,
        phone: Phone,
        prefix: str,
        why: str,
        targets: Targets,
        awaits: bool = False,
    ) -> tuple[Route, ...]:
        """The ways to numbers that a phone sends calls on to."""
        numbers = list(targets.numbers)
        if targets.shuffled:
            self._shuffle(numbers)
        last = len(numbers) - 1
        return tuple(
            Route(
                _forward(phone, 0 if place == last else targets.alert),
                prefix,
                number,
                why,
                awaits,
            )
            for place, number in enumerate(numbers)
        )

    def _refused(self, phone: Phone, caller: str | None) -> tuple[str, EndCause | None]:
        """Why a phone takes no call of this caller, whoever would answer it."""
        if phone.route.lock_type in _LOCKED:
            return "locked", self._locked
        limit = GroupLimit.read(phone.settings, "callerLimitE164Groups")
        if limit is not None and caller is not None:
            refusal = limit.refusal(caller, self._holds)
            if refusal:
                return f"caller: {refusal}", self._unwanted
        return "", None

    def _unavailable(self, phone: Phone) -> tuple[str, EndCause | None]:
        """Why a phone cannot be rung now, and what the caller is told."""
        if phone.settings.get("doNotDisturb"):
            return "does not want to be disturbed", self._busy
        if not self._lines.may_ring(phone.e164):
            return "all its lines are in use", self._busy
        reason = self._unreachable(phone)
        return reason, self._offline if reason else None

    def _unreachable(self, phone: Phone) -> str:
        if phone.route.protocol == Protocol.H323:
            return "H.323 is not in this release"
        if phone.register_type == RegisterType.STATIC:
            return "" if phone.route.remote_ip else "no address"
        if phone.register_type == BEHIND_GATEWAY:
            return "behind a gateway"
        return "" if self._online(phone.e164) else "offline"


def _replaced(phone: Phone) -> bool:
    """Whether routing gateways are tried in place of a phone that is offline."""
    return phone.unreachable_by_gateway or phone.register_type == BEHIND_GATEWAY


def _patient(route: RoutingGateway) -> RoutingGateway:
    """A phone after which other ways are tried."""
    return attrs.evolve(
        route, switch_on_ring=True, switch_on_sdp=True, switch_on_busy=True
    )


def _forward(phone: Phone, alert: int) -> RoutingGateway:
    """A phone that sends a call on, to whom rings no longer than C{alert}."""
    ringing = alert or _LONGEST
    return RoutingGateway(
        id=phone.id,
        name=phone.e164,
        timeouts=(_LONGEST, _LONGEST, _LONGEST, ringing, ringing),
        switch_on_ring=True,
        switch_on_sdp=True,
        switch_on_busy=True,
        device=Device.FORWARD,
    )
