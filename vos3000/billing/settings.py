"""
The system parameters of billing, and which records they let be kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import attrs

from vos3000.model.money import parse_decimal, plain
from vos3000.model.numbers import NumberPatterns
from vos3000.model.rates import BillingRules
from vos3000.model.states import EndDirection

_DEFAULTS = BillingRules()
_NOBODY = NumberPatterns(frozenset(), ())
_ON = frozenset({"1", "on", "true", "yes"})
_OFF = frozenset({"0", "off", "false", "no"})


@attrs.frozen(slots=True)
class BillingSettings:
    """
    What the SERVER_BILLING_ parameters say. A call keeps to the settings it
    was admitted with.

    @ivar free: Callees that are charged nothing (SERVER_BILLING_FREE_E164S).
    @ivar no_cdr: Callees without record and charge
        (SERVER_BILLING_NO_CDR_E164S); wins over C{free}.
    @ivar advance_minutes: Minutes each running call holds in reserve
        (SERVER_BILLING_PREVENT_OVERDRAFT_ADVANCE_TIME); 0 for the next charge.
    @ivar record_zero_hold_time: Whether calls of 0 hold seconds are recorded.
    @ivar record_illegal_call: Whether calls of unknown sources are recorded.
    @ivar record_server_hang_up: Whether calls that the server ended are
        recorded and charged.
    """

    rules: BillingRules = _DEFAULTS
    free: NumberPatterns = _NOBODY
    no_cdr: NumberPatterns = _NOBODY
    advance_minutes: int = 0
    record_zero_hold_time: bool = True
    record_illegal_call: bool = True
    record_server_hang_up: bool = True

    @classmethod
    def from_parameters(cls, values: Mapping[str, Any]) -> BillingSettings:
        """
        Take the settings from system parameters, as text or as their types.

        @param values: Values by name; one that is missing keeps its default.
        @raise ValueError: If a value is none of its type; the message says
            which parameter.
        """
        read = _Reader(values)
        return cls(
            BillingRules(
                read.whole("HOLD_TIME_PRECISION", 50, 1000),
                read.whole("FREE_TIME", 0, 86400),
                read.amount("FEE_UNIT"),
                read.whole("FEE_PRECISTION", 2, 6),
            ),
            read.numbers("FREE_E164S"),
            read.numbers("NO_CDR_E164S"),
            read.whole("PREVENT_OVERDRAFT_ADVANCE_TIME", 0, 15),
            read.switch("RECORD_ZERO_HOLD_TIME"),
            read.switch("RECORD_ILLEGAL_CALL"),
            read.switch("RECORD_SERVER_HANG_UP"),
        )


@attrs.frozen(slots=True)
class _Reader:
    """Values of SERVER_BILLING_ parameters by the rest of their names."""

    values: Mapping[str, Any]

    def _text(self, name: str, default: str) -> tuple[str, str]:
        """The parameter's whole name, and its value as text."""
        name = f"SERVER_BILLING_{name}"
        value = self.values.get(name)
        if isinstance(value, Decimal):
            return name, plain(value)
        text = "" if value is None else str(value).strip()
        return name, text or default

    def whole(self, name: str, default: int, most: int) -> int:
        """A whole number from 0 to C{most}."""
        name, text = self._text(name, str(default))
        if not (text.isascii() and text.isdigit() and int(text) <= most):
            raise ValueError(f"{name}: {text!r} is not a number from 0 to {most}")
        return int(text)

    def amount(self, name: str) -> Decimal:
        """An amount of money, not negative; 0 by default."""
        name, text = self._text(name, "0")
        try:
            amount = parse_decimal(text)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        if amount < 0:
            raise ValueError(f"{name}: {text!r} is negative")
        return amount

    def numbers(self, name: str) -> NumberPatterns:
        """A list of numbers and prefixes; empty by default."""
        name, text = self._text(name, "")
        try:
            return NumberPatterns.parse(text)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None

    def switch(self, name: str) -> bool:
        """On or off; on by default."""
        name, text = self._text(name, "1")
        text = text.lower()
        if text not in _ON and text not in _OFF:
            raise ValueError(f"{name}: {text!r} is neither On nor Off")
        return text in _ON


def should_record(
    settings: BillingSettings,
    *,
    holdtime: int,
    direction: int,
    illegal: bool = False,
    no_cdr: bool = False,
) -> bool:
    """
    Whether a finished call leaves a record (behaviour 2.3).

    Each rule that speaks of the call must let it pass. The server ended a
    call whenever the record's end direction says so, answered or refused.

    @param holdtime: Hold seconds; 0 for a call that was never answered.
    @param direction: Who ended it (L{EndDirection}).
    @param illegal: Whether its source was unknown (end reason -9).
    @param no_cdr: Whether the callee is on the list without records.
    """
    if no_cdr:
        return False
    if illegal and not settings.record_illegal_call:
        return False
    if not holdtime and not settings.record_zero_hold_time:
        return False
    return direction != EndDirection.SERVER or settings.record_server_hang_up
