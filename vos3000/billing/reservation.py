"""
The money that one call holds, and the time that it pays for.

A rich account gives a minute and more at a time, so that a call is looked at
once a minute. A poor one gives the next charge step only, to the cent, so
that its last money is not locked up by one call while another could use it.
"""

from __future__ import annotations

from decimal import Decimal

from vos3000.billing.accounts import Account
from vos3000.billing.rater import affordable, price
from vos3000.model.accounts import UNLIMITED
from vos3000.model.money import ZERO
from vos3000.model.rates import BillingRules, Rate

CHUNK = 60
"""Seconds that a rich account gives at a time."""

COMFORT = 100
"""How many times the next chunk an account must have to count as rich."""

STRIDE = 5
"""Least seconds ahead in a running call; cycles may be as short as a second."""


class Reservation:
    """
    What a call holds of its account.

    @ivar amount: The money held.
    @ivar covered: The hold seconds that C{amount} pays for, or L{UNLIMITED}.
    @param advance: Seconds to hold ahead of the call, as far as money allows.
    """

    __slots__ = ("_account", "_advance", "_rate", "_rules", "amount", "covered")

    def __init__(
        self, account: Account, rate: Rate, rules: BillingRules, advance: int
    ) -> None:
        self._account = account
        self._rate = rate
        self._rules = rules
        self._advance = advance
        self.amount = ZERO
        self.covered = 0

    def open(self) -> bool:
        """
        Hold the money for the first charge, and for the advance time.

        @return: Whether the account could pay the first charge. A rate that
            never costs anything needs no money, but no debt beyond the limit.
        """
        nothing = affordable(self._rate, ZERO, self._rules)
        if nothing is None:
            self.covered = UNLIMITED
            return self._account.usable >= 0
        self.covered = nothing
        first = nothing + 1
        if price(self._rate, first, self._rules).fee > self._account.usable:
            return False
        advance = self._advance
        if not self._chunk(max(first, advance + CHUNK)):
            self._reach(max(first, advance))
        return True

    def extend(self, hold: int) -> None:
        """
        Hold as much more as a call that has reached C{hold} seconds should;
        if the account has less than that, what it has.
        """
        ahead = hold + self._advance
        if not self._chunk(ahead + CHUNK):
            self._reach(max(ahead + STRIDE, self.covered + 1))

    def cover(self, hold: int) -> int:
        """
        Extend to C{hold} seconds if need be and possible.

        @return: How many of them are paid for.
        """
        if hold > self.covered:
            self._reach(hold)
        return min(hold, self.covered)

    def release(self) -> None:
        """Give back what is held."""
        self._account.release(self.amount)
        self.amount = ZERO

    def _chunk(self, seconds: int) -> bool:
        """Hold the price of C{seconds} if the account would not feel it."""
        fee = price(self._rate, seconds, self._rules).fee
        if (fee - self.amount) * COMFORT > self._account.usable:
            return False
        if fee > self.amount:
            self._hold(fee)
        return True

    def _reach(self, seconds: int) -> None:
        """Hold the price of C{seconds}, or of the most that there is money for."""
        fee = price(self._rate, seconds, self._rules).fee
        usable = self._account.usable
        if fee - self.amount > usable:
            most = affordable(self._rate, self.amount + usable, self._rules)
            if most is None or most <= self.covered:
                return
            fee = price(self._rate, most, self._rules).fee
        self._hold(fee)

    def _hold(self, fee: Decimal) -> None:
        """Hold C{fee} in all."""
        if self._account.reserve(fee - self.amount):
            self.amount = fee
            covered = affordable(self._rate, fee, self._rules)
            self.covered = UNLIMITED if covered is None else covered
