"""
What a known mapping gateway may do: the checks before a call is routed.
"""

from __future__ import annotations

import attrs

from vos3000.model.causes import CallRejected, EndCauses
from vos3000.model.gateways import Device, LockType, MappingGateway
from vos3000.model.limits import GroupLimit, Holds, NumberLimit, no_groups

MOST_KEPT = 100_000

_LOCKED = frozenset((LockType.OUTGOING, LockType.ALL))


@attrs.frozen(slots=True)
class _Limits:
    """The number limits of one gateway."""

    callee: NumberLimit | None
    caller: NumberLimit | None
    callee_groups: GroupLimit | None
    caller_groups: GroupLimit | None

    @classmethod
    def read(cls, gateway: MappingGateway) -> _Limits | None:
        """Compile a gateway's settings; None if nothing is limited."""
        settings = gateway.settings
        read = NumberLimit.read
        callee = read(settings, "calloutCalleePrefixes", "calleeAllowLength")
        caller = read(settings, "calloutCallerPrefixes", "callerAllowLength")
        limits = cls(callee, caller, *cls._groups(gateway))
        return None if limits == _UNLIMITED else limits

    @staticmethod
    def _groups(
        gateway: MappingGateway,
    ) -> tuple[GroupLimit | None, GroupLimit | None]:
        """The number groups of callees and callers."""
        settings, callees = gateway.settings, "calleeLimitE164Groups"
        if gateway.device is Device.PHONE:
            # its other list is of those who call it
            return GroupLimit.read(settings, callees, "calleeLimitE164Allow"), None
        callers = GroupLimit.read(settings, "callerLimitE164Groups")
        return GroupLimit.read(settings, callees), callers


_UNLIMITED = _Limits(None, None, None, None)


class Screening:
    """
    Checks a call against the gateway it comes from.

    The checks stand in L{check} in their order: the lock, then the numbers as
    they came in (behaviour.md 4.1, steps 3 and 4). A gateway's limits are
    compiled at its first call after each change.

    @param holds: Whether a number group has a number.
    """

    def __init__(self, causes: EndCauses, holds: Holds = no_groups) -> None:
        self._holds = holds
        self._locked = causes["GatewayLocked"]
        self._phone_locked = causes["AccountLocked"]
        self._callee_limited = causes["CalleeNumberLimited"]
        self._caller_limited = causes["CallerNumberLimited"]
        self._limits: dict[str, tuple[MappingGateway, _Limits | None]] = {}

    def check(self, gateway: MappingGateway, caller: str, callee: str) -> None:
        """
        Let the call pass, or not.

        @param caller: The caller as the gateway sent it, and C{callee} too.
        @raise CallRejected: If the gateway is locked or a number is limited.
        """
        self.check_lock(gateway)
        known = self._limits.get(gateway.name)
        if known is None or known[0] is not gateway:
            known = self._compile(gateway)
        if known[1] is not None:
            self._check_numbers(known[1], caller, callee)

    def check_lock(self, gateway: MappingGateway) -> None:
        """
        Let a gateway or phone call, or not.

        @raise CallRejected: If it is locked.
        """
        if gateway.lock_type in _LOCKED:
            phone = gateway.device is Device.PHONE
            cause = self._phone_locked if phone else self._locked
            raise CallRejected(cause, f"{gateway.name} is locked")

    def _compile(
        self, gateway: MappingGateway
    ) -> tuple[MappingGateway, _Limits | None]:
        """Keep the limits of a gateway that is new or was changed."""
        if len(self._limits) >= MOST_KEPT:
            self._limits.clear()
        known = self._limits[gateway.name] = gateway, _Limits.read(gateway)
        return known

    def _check_numbers(self, limits: _Limits, caller: str, callee: str) -> None:
        refusal = self._refusal(limits.callee, limits.callee_groups, callee)
        if refusal:
            raise CallRejected(self._callee_limited, f"{callee}: {refusal}")
        refusal = self._refusal(limits.caller, limits.caller_groups, caller)
        if refusal:
            raise CallRejected(self._caller_limited, f"{caller}: {refusal}")

    def _refusal(
        self, limit: NumberLimit | None, groups: GroupLimit | None, number: str
    ) -> str:
        """Why a number may not pass; empty if it may."""
        refusal = limit.refusal(number) if limit is not None else ""
        if groups is not None and not refusal:
            refusal = groups.refusal(number, self._holds)
        return refusal
