"""
What the price of a call depends on.
"""

from __future__ import annotations

import attrs

from vos3000.model.rates import BillingRules, Rate


@attrs.frozen(slots=True)
class BillingFacts:
    """
    What must be known of a call that talks, to charge it without its meter.

    @ivar payer: The account that pays.
    @ivar payer_name: Its name.
    @ivar rate: Its rate; None for a free call.
    @ivar recorded: Whether the callee's number lets a record be kept; a call
        without one is not charged.
    @ivar seller: The clearing account; empty for none.
    @ivar seller_name: Its name.
    @ivar seller_rate: Its rate; None without one.
    @ivar covered: Hold seconds that the call's reservation pays for.
    """

    payer: str
    payer_name: str
    rate: Rate | None
    rules: BillingRules
    recorded: bool = True
    seller: str = ""
    seller_name: str = ""
    seller_rate: Rate | None = None
    covered: int = 0
