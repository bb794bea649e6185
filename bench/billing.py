"""
What billing costs per call, in microseconds.

    python -m bench.billing [rates] [calls]

Prints a rate look-up among a million rates, the rater, and a whole call
(authorize, answered, settle with a clearing account, commit), best of five.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from decimal import Decimal

from twisted.internet.task import Clock

from vos3000.billing.accounts import Accounts
from vos3000.billing.pipeline import Billing
from vos3000.billing.rater import affordable, next_step, price
from vos3000.billing.rates import Rates
from vos3000.billing.settings import BillingSettings
from vos3000.instant import instants
from vos3000.metrics import Metrics
from vos3000.model.accounts import Customer
from vos3000.model.causes import EndCause, EndCauses
from vos3000.model.gateways import MappingGateway, RoutingGateway
from vos3000.model.numbers import NumberPatterns, PrefixMap
from vos3000.model.rates import BillingRules, Rate, RateSection
from vos3000.timers import TimerWheel

CAUSES = EndCauses(
    EndCause(-1001 - index, name, 403, 21)
    for index, name in enumerate(
        (
            "AccountNotFound",
            "AccountLocked",
            "AccountExpired",
            "FeeRateNotFound",
            "NoCallPermission",
            "BalanceNotEnough",
        )
    )
)


def rates(count: int) -> Rates:
    """C{count} rates of prefixes from one to seven digits."""
    fees = [Decimal(cents).scaleb(-4) for cents in range(1, 200)]
    pairs = []
    for number in range(count):
        prefix = str(number)
        pairs.append((prefix, Rate(prefix, fees[number % 199], 6)))
    table = Rates()
    table.load({"retail": PrefixMap(pairs)})
    return table


def measure(name: str, calls: int, work: Callable[[int], object]) -> None:
    """Print the best of five runs."""
    best = float("inf")
    for _ in range(5):
        begin = time.perf_counter()
        for index in range(calls):
            work(index)
        best = min(best, time.perf_counter() - begin)
    sys.stdout.write(f"{name:<44}{best / calls * 1e6:8.2f} us\n")


class Load:
    """Whole calls of one rich or poor account."""

    def __init__(self, table: Rates, money: str) -> None:
        self.now = instants(time.time, time.monotonic)
        self.accounts = Accounts(self.now, CAUSES)
        vendor = Customer(2, "vendor", fee_rate_group="retail")
        payer = Customer(1, "acme", money=Decimal(money), fee_rate_group="retail")
        self.accounts.load([payer, vendor])
        settings = BillingSettings(
            free=NumberPatterns.parse("999*,110"), no_cdr=NumberPatterns.parse("998*")
        )
        timers = TimerWheel(Clock())
        self.billing = Billing(
            self.accounts, table, lambda: settings, timers, CAUSES, Metrics()
        )
        self.source = MappingGateway(1, "in", account="acme")
        self.target = RoutingGateway(2, "out", clearing_account="vendor")

    def call(self, index: int) -> None:
        """One call of 35 seconds, and its commit."""
        callee = f"1{index % 10_000_000:07d}555"
        meter = self.billing.authorize(self.source, callee)
        meter.answered(self.now(), list)
        settlement = meter.settle(35_120, self.target, callee)
        self.accounts.committed(settlement.movements)
        self.accounts.credit("acme", settlement.charge.fee)


def main(count: int, calls: int) -> None:
    """Measure everything."""
    table = rates(count)
    sys.stdout.write(f"{len(table)} rates\n")
    find = table.find
    measure("rate look-up", calls, lambda n: find("retail", f"{n:07d}555"))
    rules = BillingRules()
    plain = Rate("1", Decimal("0.0123"), 6)
    sections = (RateSection(60, Decimal("0.1")), RateSection(30, Decimal("0.05")))
    stepped = Rate("1", Decimal("0.0123"), 6, sections)
    money = Decimal("123.45")
    measure("price", calls, lambda n: price(plain, 35, rules))
    measure("price with two sections", calls, lambda n: price(stepped, 135, rules))
    measure("affordable", calls, lambda n: affordable(plain, money, rules))
    measure("next_step", calls, lambda n: next_step(plain, 35, rules))
    measure("a call, rich account", calls, Load(table, "100000").call)
    measure("a call, poor account", calls, Load(table, "0.5").call)


if __name__ == "__main__":
    given = [int(text) for text in sys.argv[1:]]
    main(*(given + [1_000_000, 50_000][len(given) :]))
