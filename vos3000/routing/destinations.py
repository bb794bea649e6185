"""
Where a call goes: to a platform phone, or out by routing gateways.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs

from vos3000.model.causes import CallRejected, EndCause, EndCauses
from vos3000.model.gateways import (
    LockType,
    MappingGateway,
    Protocol,
    RegisterType,
)
from vos3000.model.limits import GroupLimit, Holds, no_groups
from vos3000.model.phones import Phone
from vos3000.routing.candidates import NO_PHONES, PHONES_ONLY
from vos3000.routing.lines import PhoneLines
from vos3000.routing.phones import Phones
from vos3000.routing.routes import Directed, LeftOut, Route, Selection
from vos3000.routing.selector import Selector

_LOCKED = frozenset((LockType.INCOMING, LockType.ALL))

BEHIND_GATEWAY = RegisterType.REGISTERS
"""registerType 2 of a phone: it has a gateway's address and never registers."""


class Destinations:
    """
    Finds where a billing number leads to (behaviour.md 4.1, step 8).

    A number that rings a phone goes to that phone and nowhere else, unless
    the phone is offline and routing gateways may stand in for it.

    @param lines: The calls of phones.
    @param holds: Whether a number group has a number.
    @param online: Whether a phone or gateway that registers is registered.
    """

    def __init__(
        self,
        selector: Selector,
        phones: Phones,
        lines: PhoneLines,
        online: Callable[[str], bool],
        causes: EndCauses,
        holds: Holds = no_groups,
    ) -> None:
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
        reason, cause = self._unavailable(phone, caller)
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

    def _unavailable(
        self, phone: Phone, caller: str | None
    ) -> tuple[str, EndCause | None]:
        """Why a phone cannot be rung now, and what the caller is told."""
        limit = GroupLimit.read(phone.settings, "callerLimitE164Groups")
        if limit is not None and caller is not None:
            refusal = limit.refusal(caller, self._holds)
            if refusal:
                return f"caller: {refusal}", self._unwanted
        if phone.route.lock_type in _LOCKED:
            return "locked", self._locked
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
