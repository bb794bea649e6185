"""Accounts, rates and a switch's billing, made with sensible defaults."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from hypothesis import settings as hypothesis_settings
from twisted.internet.task import Clock

from vos3000.billing.accounts import Accounts
from vos3000.billing.meter import Meter
from vos3000.billing.pipeline import Billing
from vos3000.billing.rates import Rates
from vos3000.billing.settings import BillingSettings
from vos3000.instant import instants
from vos3000.metrics import Counter, LabelledCounter, Metrics
from vos3000.model.accounts import Customer
from vos3000.model.causes import EndCause, EndCauses
from vos3000.model.gateways import MappingGateway, RoutingGateway
from vos3000.model.numbers import PrefixMap
from vos3000.model.rates import BillingRules, Rate, RateSection
from vos3000.timers import TimerWheel

LAW = hypothesis_settings(deadline=None, derandomize=True, database=None)
"""How laws are tested: the same examples each time, however slow the machine."""

REFUSALS = (
    "AccountNotFound",
    "AccountLocked",
    "AccountExpired",
    "FeeRateNotFound",
    "NoCallPermission",
    "BalanceNotEnough",
)


def causes() -> EndCauses:
    """The reasons that billing refuses calls for."""
    names = enumerate(REFUSALS)
    return EndCauses(EndCause(-1001 - i, name, 403, 21) for i, name in names)


def rate(
    fee: str,
    period: int = 60,
    sections: Iterable[tuple[int, str]] = (),
    prefix: str = "1",
    **fields: Any,
) -> Rate:
    """A rate; sections as (seconds, fee)."""
    steps = tuple(RateSection(time, Decimal(cost)) for time, cost in sections)
    return Rate(prefix, Decimal(fee), period, steps, **fields)


def rules(
    precision: int = 50, free: int = 0, unit: str = "0", digits: int = 2
) -> BillingRules:
    """Rules of rounding."""
    return BillingRules(precision, free, Decimal(unit), digits)


def customer(account: str = "acme", money: str = "10", **fields: Any) -> Customer:
    """A customer of the rate group C{retail}."""
    fields.setdefault("fee_rate_group", "retail")
    if "limit_money" in fields:
        fields["limit_money"] = Decimal(fields["limit_money"])
    fields.setdefault("name", account.title())
    return Customer(1, account, money=Decimal(money), **fields)


def mapping(account: str = "acme", **fields: Any) -> MappingGateway:
    """A mapping gateway of that account."""
    return MappingGateway(1, "in", account=account, **fields)


def routing(clearing: str = "", **fields: Any) -> RoutingGateway:
    """A routing gateway with that clearing account."""
    return RoutingGateway(2, "out", clearing_account=clearing, **fields)


class Running:
    """A call that has been answered."""

    def __init__(self, switch: Switch, meter: Meter) -> None:
        self.switch = switch
        self.meter = meter
        self.answer = switch.accounts.now()
        self.ended_ms: int | None = None
        meter.answered(self.answer, self.exhausted)

    def exhausted(self) -> None:
        """The money has ended: hang up."""
        assert self.ended_ms is None, "ended twice"
        self.ended_ms = self.talk_ms()

    def talk_ms(self) -> int:
        """How long the call has lasted."""
        if self.ended_ms is not None:
            return self.ended_ms
        return self.switch.accounts.now().since(self.answer)


class Switch:
    """
    A billing engine on a test's clock, with one customer and one rate.

    @ivar stepped: Seconds that the wall clock was set forward.
    """

    def __init__(
        self,
        *customers: Customer,
        price: Rate | None = None,
        settings: BillingSettings | None = None,
    ) -> None:
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.causes = causes()
        self.stepped = 0.0
        now = instants(self.clock.seconds, lambda: self.clock.seconds() - self.stepped)
        self.accounts = Accounts(now, self.causes)
        self.accounts.load(customers or [customer()])
        self.rates = Rates()
        price = price or rate("0.60")
        self.rates.load({"retail": PrefixMap([(price.prefix, price)])})
        self.settings = settings or BillingSettings()
        self.metrics = Metrics()
        self.timers = TimerWheel(self.clock)
        self.billing = Billing(
            self.accounts,
            self.rates,
            lambda: self.settings,
            self.timers,
            self.causes,
            self.metrics,
        )

    def authorize(self, callee: str = "1555", account: str = "acme") -> Meter:
        """A call that is admitted."""
        return self.billing.authorize(mapping(account), callee)

    def call(self, callee: str = "1555", account: str = "acme") -> Running:
        """A call that is answered at once."""
        return Running(self, self.authorize(callee, account))

    def usable(self, account: str = "acme") -> Decimal:
        """What the account may still reserve."""
        found = self.accounts.get(account)
        assert found is not None
        return found.usable

    def run(self, seconds: float, step: float = 0.05) -> None:
        """Let time pass in small steps, as a reactor without lag does."""
        self.clock.pump([step] * round(seconds / step))

    def count(self, name: str) -> int:
        """A counter's value."""
        item = self.metrics._items[name][2]
        assert isinstance(item, Counter)
        return item.value

    def refusals(self) -> dict[str, int]:
        """How many calls were refused, by cause."""
        item = self.metrics._items["billing_refused_total"][2]
        assert isinstance(item, LabelledCounter)
        return item.values
