"""
What a known mapping gateway may do: the checks before a call is routed.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from vos3000.model.causes import CallRejected, EndCauses
from vos3000.model.gateways import LockType, MappingGateway
from vos3000.model.limits import NumberLimit

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
    they came in (behaviour.md 4.1, steps 3 and 4).
    """

    def __init__(self, causes: EndCauses) -> None:
        self._locked = causes["GatewayLocked"]
        self._callee_limited = causes["CalleeNumberLimited"]
        self._caller_limited = causes["CallerNumberLimited"]
        self._limits: dict[str, _Limits] = {}

    def load(self, gateways: Iterable[MappingGateway]) -> None:
        """Compile the limits of all gateways; a call then looks them up."""
        read = ((gateway.name, _Limits.read(gateway)) for gateway in gateways)
        self._limits = {name: limits for name, limits in read if limits is not None}

    def check(self, gateway: MappingGateway, caller: str, callee: str) -> None:
        """
        Let the call pass, or not.

        @param caller: The caller as the gateway sent it, and C{callee} too.
        @raise CallRejected: If the gateway is locked or a number is limited.
        """
        if gateway.lock_type in _LOCKED:
            raise CallRejected(self._locked, f"{gateway.name} is locked")
        limits = self._limits.get(gateway.name)
        if limits is not None:
            self._check_numbers(limits, caller, callee)

    def _check_numbers(self, limits: _Limits, caller: str, callee: str) -> None:
        if limits.callee is not None:
            refusal = limits.callee.refusal(callee)
            if refusal:
                raise CallRejected(self._callee_limited, f"{callee}: {refusal}")
        if limits.caller is not None:
            refusal = limits.caller.refusal(caller)
            if refusal:
                raise CallRejected(self._caller_limited, f"{caller}: {refusal}")
