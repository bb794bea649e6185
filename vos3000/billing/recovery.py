"""
Charging a call whose meter is gone: the process ended while the call was up.
"""

from __future__ import annotations

from vos3000.billing.meter import area_of, movements_of
from vos3000.billing.rater import hold_seconds, price
from vos3000.model.cdr import Cdr, CdrEntry
from vos3000.model.facts import BillingFacts
from vos3000.model.rates import NO_CHARGE
from vos3000.model.states import EndDirection


def completed(
    record: Cdr, facts: BillingFacts | None, talked: int, reason: int
) -> CdrEntry:
    """
    The record of an answered call that nobody ended, and its charges.

    It is charged like any other call, for the time that it is known to have
    talked, by the rates of its answer; never more than its reservation held.

    @param record: As it was when the call was answered.
    @param facts: What its price depends on; None if nobody pays.
    @param talked: Milliseconds.
    @param reason: The end reason.
    """
    record.stoptime = record.starttime + talked
    record.enddirection, record.endreason = int(EndDirection.SERVER), reason
    if facts is None:
        return CdrEntry(record)
    if not facts.recorded:
        return CdrEntry(None)
    hold = hold_seconds(talked, facts.rules)
    charge = cost = NO_CHARGE
    if facts.rate is not None:
        charge = price(facts.rate, min(hold, facts.covered), facts.rules)
    if facts.seller_rate is not None:
        cost = price(facts.seller_rate, hold, facts.rules)
    record.customeraccount, record.customername = facts.payer, facts.payer_name
    record.holdtime = hold
    record.feetime, record.fee = charge.seconds, charge.fee
    record.callerareacode = area_of(facts.rate)
    record.calllevel = facts.rate.type if facts.rate else 0
    record.agentfeetime, record.agentfee = cost.seconds, cost.fee
    record.agentaccount, record.agentname = facts.seller, facts.seller_name
    record.calleeareacode = area_of(facts.seller_rate)
    moved = movements_of(facts.payer, charge.fee, facts.seller, cost.fee)
    return CdrEntry(record, moved)


def abandoned(record: Cdr, reason: int) -> CdrEntry:
    """The record of a call that went out and was not answered yet."""
    record.enddirection, record.endreason = int(EndDirection.SERVER), reason
    return CdrEntry(record)
