"""
Rates: what one billing cycle towards a prefix costs.
"""

from __future__ import annotations

from decimal import Decimal

import attrs

from vos3000.model.money import ZERO
from vos3000.values import fixed


@attrs.frozen(slots=True)
class RateSection:
    """
    The first seconds of a call, charged whole once they are entered.

    @ivar time: Seconds it covers.
    @ivar fee: What they cost together.
    """

    time: int
    fee: Decimal


@attrs.frozen(slots=True)
class Rate:
    """
    One row of e_feerate with its sections.

    @ivar prefix: The feePrefix that selected it.
    @ivar fee: Price of one cycle (not of a minute).
    @ivar period: Seconds of one cycle, at least 1.
    @ivar sections: In order of position; they come before the cycles.
    @ivar type: 1 net, 2 local, 4 national, 5 international.
    @ivar lock_type: 1 makes the rate unusable.
    """

    prefix: str
    fee: Decimal
    period: int
    sections: tuple[RateSection, ...] = ()
    type: int = 5
    lock_type: int = 0
    area_code: str = ""
    area_name: str = ""
    ivr_fee: Decimal = ZERO
    ivr_period: int = 60


@attrs.frozen(slots=True)
class RateGroup:
    """A row of e_feerategroup; the rates are kept apart."""

    id: int
    name: str
    fake_minute: int = 60
    memo: str = ""


@attrs.frozen(slots=True)
class BillingRules:
    """
    The system parameters that the price of a call depends on.

    @ivar hold_time_precision: SERVER_BILLING_HOLD_TIME_PRECISION, ms.
    @ivar free_time: SERVER_BILLING_FREE_TIME, s.
    @ivar fee_unit: SERVER_BILLING_FEE_UNIT, currency; 0 for none.
    @ivar fee_precision: SERVER_BILLING_FEE_PRECISION, digits after the point.
    """

    hold_time_precision: int = 50
    free_time: int = 0
    fee_unit: Decimal = ZERO
    fee_precision: int = 2


@fixed
class Charge:
    """
    The price of some seconds.

    @ivar seconds: Seconds charged for (feetime): cycles rounded up.
    @ivar fee: The amount, rounded.
    """

    seconds: int = 0
    fee: Decimal = ZERO


NO_CHARGE = Charge()
