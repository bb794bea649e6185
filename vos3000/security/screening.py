"""
What a known mapping gateway may do: the checks before a call is routed.
"""

from __future__ import annotations

import attrs

from vos3000.model.causes import CallRejected, EndCauses
from vos3000.model.gateways import Device, LockType, MappingGateway
from vos3000.model.limits import NumberLimit

MOST_KEPT = 100_000

_LOCKED = frozenset((LockType.OUTGOING, LockType.ALL))


@attrs.frozen(slots=True)
class _Limits:
    """The number limits of one gateway."""

    callee: NumberLimit | None
    caller: NumberLimit | None

    @classmethod
    def read(cls, gateway: MappingGateway) -> _Limits | None:
        """Compile a gateway's settings; None if nothing is limited."""
        settings = gateway.settings
        read = NumberLimit.read
        callee = read(settings, "calloutCalleePrefixes", "calleeAllowLength")
        caller = read(settings, "calloutCallerPrefixes", "callerAllowLength")
        return cls(callee, caller) if callee or caller else None


class Screening:
    """
    Checks a call against the gateway it comes from.

    The checks stand in L{check} in their order: the lock, then the numbers as
    they came in (behaviour.md 4.1, steps 3 and 4). A gateway's limits are
    compiled at its first call after each change.
    """

    def __init__(self, causes: EndCauses) -> None:
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
        if limits.callee is not None:
            refusal = limits.callee.refusal(callee)
            if refusal:
                raise CallRejected(self._callee_limited, f"{callee}: {refusal}")
        if limits.caller is not None:
            refusal = limits.caller.refusal(caller)
            if refusal:
                raise CallRejected(self._caller_limited, f"{caller}: {refusal}")
