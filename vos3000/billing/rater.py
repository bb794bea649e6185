"""
The price of a call, and its inverse.

Pure functions of a rate, a duration and the rules: no clock and no database.
Admission, metering, records and the rate test all use these and no others.

A rate's fees are not negative, so a price never falls as a call goes on. Both
its roundings (up to a multiple of the fee unit, then half up to the digits
kept) are steps that never fall either; that is what makes the inverse exact.
"""

from __future__ import annotations

from decimal import Decimal

from vos3000.model.accounts import UNLIMITED
from vos3000.model.money import ZERO, before_rounding, round_half_up, round_up
from vos3000.model.rates import NO_CHARGE, BillingRules, Charge, Rate


def hold_seconds(talk_ms: int, rules: BillingRules) -> int:
    """
    The whole seconds that stand for C{talk_ms} (behaviour 3.3).

    A rest counts as a second when it reaches the precision: 1000 always cuts
    it off, 0 is the same as 1.

    @param talk_ms: Milliseconds from answer to release.
    """
    if talk_ms <= 0:
        return 0
    seconds, rest = divmod(talk_ms, 1000)
    if rest and rest >= rules.hold_time_precision:
        return seconds + 1
    return seconds


def price(rate: Rate, hold_seconds: int, rules: BillingRules) -> Charge:
    """
    What a call of C{hold_seconds} costs at C{rate} (behaviour 3.2 and 3.4).

    The free time is taken off; each section that is entered is charged whole,
    in order; each cycle begun after them is charged in full; then the amount
    is rounded.
    """
    billable = hold_seconds - rules.free_time
    if billable <= 0:
        return NO_CHARGE
    seconds = 0
    fee = ZERO
    for section in rate.sections:
        if seconds >= billable:
            break
        seconds += section.time
        fee += section.fee
    if seconds < billable:
        period = rate.period
        cycles = -((seconds - billable) // period)
        seconds += cycles * period
        fee += cycles * rate.fee
    fee = round_up(fee, rules.fee_unit)
    return Charge(seconds, round_half_up(fee, rules.fee_precision))


def affordable(rate: Rate, money: Decimal, rules: BillingRules) -> int | None:
    """
    The most hold seconds whose price is not above C{money}.

    @return: Seconds, C{None} where no duration costs more than C{money}, or 0
        for negative money, which pays for nothing.
    """
    if money < 0:
        return 0
    limit, reached = before_rounding(money, rules.fee_unit, rules.fee_precision)
    seconds = rules.free_time
    for section in rate.sections:
        limit -= section.fee
        if limit < 0 or not (limit or reached):
            return seconds
        seconds += section.time
    fee = rate.fee
    if not fee:
        return None
    cycles = int(limit // fee)
    if not reached and cycles * fee == limit:
        cycles -= 1
    return seconds + cycles * rate.period


def next_step(rate: Rate, hold_seconds: int, rules: BillingRules) -> int:
    """
    How far the charge entered one second after C{hold_seconds} carries.

    @return: The most hold seconds that cost what C{hold_seconds + 1} cost, or
        L{UNLIMITED} where the price never rises again.
    """
    fee = price(rate, hold_seconds + 1, rules).fee
    seconds = affordable(rate, fee, rules)
    return UNLIMITED if seconds is None else seconds
