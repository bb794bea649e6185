"""
Amounts of money, and the only rounding there is.

An amount is a Decimal with at most six digits after the point; a price (the
fee of one billing cycle) may have up to twelve. No binary float touches
either: they travel as Decimal, as text, or as whole millionths.
"""

from __future__ import annotations

from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    ROUND_HALF_UP,
    Context,
    Decimal,
    Inexact,
    InvalidOperation,
)

ZERO = Decimal(0)
AMOUNT_DIGITS = 6
PRICE_DIGITS = 12

_STEPS = tuple(Decimal(1).scaleb(-digits) for digits in range(PRICE_DIGITS + 1))
_HALVES = tuple(Decimal(5).scaleb(-digits - 1) for digits in range(PRICE_DIGITS + 1))
_EXACT = Context(prec=34, traps=[Inexact, InvalidOperation])
LARGEST_DIGITS = 12
"""Digits before the point that an amount may have."""

BALANCE_LIMIT = Decimal(10) ** LARGEST_DIGITS
"""What no payment may bring a balance to: columns hold nine times as much, and
what lies between is room for the charges of calls that are up."""

PRICE_LIMIT = Decimal(10) ** 6
"""What the price of a cycle or section must be below: a day of such seconds
still fits the column of a fee."""


def round_up(amount: Decimal, unit: Decimal) -> Decimal:
    """
    The smallest multiple of C{unit} that is not below C{amount}.

    @param unit: The step (SERVER_BILLING_FEE_UNIT); 0 leaves C{amount} alone.
    """
    if not unit:
        return amount
    return (amount / unit).to_integral_value(ROUND_CEILING) * unit


def round_half_up(amount: Decimal, digits: int) -> Decimal:
    """C{amount} with C{digits} digits after the point, halves away from zero."""
    return amount.quantize(_STEPS[digits], ROUND_HALF_UP)


def before_rounding(most: Decimal, unit: Decimal, digits: int) -> tuple[Decimal, bool]:
    """
    The largest amount that L{round_up} to C{unit} and then L{round_half_up} to
    C{digits} leave not above C{most}.

    @return: The amount, and whether it may be reached (or only come near).
    """
    limit = most.quantize(_STEPS[digits], ROUND_FLOOR) + _HALVES[digits]
    if not unit:
        return limit, False
    units = (limit / unit).to_integral_value(ROUND_CEILING) - 1
    return units * unit, True


def parse_decimal(text: str, digits: int = AMOUNT_DIGITS) -> Decimal:
    """
    Read a plain decimal number, exactly.

    @param digits: The most digits allowed after the point.
    @raise ValueError: If it is no plain number, has more digits than allowed,
        or is 10^12 or larger. The message says which.
    """
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a number") from None
    if not number.is_finite():
        raise ValueError(f"{text!r} is not a finite number")
    if number and number.adjusted() >= LARGEST_DIGITS:
        raise ValueError(f"{text!r} is too large")
    try:
        return number.quantize(_STEPS[digits], context=_EXACT)
    except (Inexact, InvalidOperation):
        raise ValueError(
            f"{text!r} has more than {digits} digits after the point"
        ) from None


def to_micros(amount: Decimal) -> int:
    """
    C{amount} in whole millionths, as it is stored where DECIMAL is missing.

    @raise decimal.Inexact: If the amount has more than six digits.
    """
    return int(amount.scaleb(AMOUNT_DIGITS).quantize(Decimal(1), context=_EXACT))


def from_micros(micros: int) -> Decimal:
    """The amount that L{to_micros} made C{micros} of."""
    return Decimal(micros).scaleb(-AMOUNT_DIGITS)


def plain(amount: Decimal) -> str:
    """C{amount} without an exponent or needless zeros: C{1.5}, C{0}, C{-0.02}."""
    text = format(amount, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
