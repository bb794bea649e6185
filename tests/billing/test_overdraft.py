"""The law of the house: no account pays what it does not have."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.billing.build import LAW, Running, Switch, customer, rate, routing
from vos3000.billing.meter import Meter
from vos3000.billing.rater import price
from vos3000.billing.settings import BillingSettings
from vos3000.model.accounts import Customer, Movement
from vos3000.model.causes import CallRejected
from vos3000.model.numbers import PrefixMap
from vos3000.model.rates import BillingRules, Rate, RateSection

CENTS = st.integers(0, 300).map(lambda n: Decimal(n).scaleb(-2))
MONEY = st.integers(50, 3000).map(lambda n: Decimal(n).scaleb(-2))
SECTIONS = st.lists(st.builds(RateSection, st.integers(0, 30), CENTS), max_size=2)
RATES = st.builds(
    Rate, st.just("1"), CENTS, st.sampled_from([1, 6, 60]), SECTIONS.map(tuple)
)
SETTINGS = st.builds(
    BillingSettings,
    st.builds(
        BillingRules,
        st.sampled_from([0, 50, 1000]),
        st.sampled_from([0, 5]),
        st.sampled_from(["0", "0.03"]).map(Decimal),
        st.sampled_from([1, 2, 6]),
    ),
    advance_minutes=st.sampled_from([0, 0, 1]),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("call"), st.just(0)),
        st.tuples(st.just("call"), st.just(0)),
        st.tuples(st.just("ring"), st.just(0)),
        st.tuples(st.just("hang_up"), st.integers(0, 99)),
        st.tuples(st.just("give_up"), st.integers(0, 99)),
        st.tuples(st.just("run"), st.integers(1, 90)),
        st.tuples(st.just("lag"), st.integers(1, 90)),
        st.tuples(st.just("pay"), st.integers(1, 500)),
        st.tuples(st.just("commit"), st.integers(1, 5)),
        st.tuples(st.just("reload"), st.just(0)),
    ),
    min_size=15,
    max_size=40,
)


class Carrier:
    """A switch and its database, and calls at random."""

    def __init__(self, given: Rate, by: BillingSettings, money: Decimal) -> None:
        self.rows = {"acme": money, "vendor": Decimal(0)}
        self.price, self.settings = given, by
        self.switch = Switch(*self.customers(), price=given, settings=by)
        cost = rate("0.07", 6)
        self.switch.rates.replace("cost", PrefixMap([("1", cost)]))
        self.calls: list[Running] = []
        self.ringing: list[Meter] = []
        self.waiting: list[Movement] = []
        self.ledger = {"acme": money, "vendor": Decimal(0)}

    def customers(self) -> list[Customer]:
        """The rows of the database."""
        return [
            customer("acme", str(self.rows["acme"]), limit_money="0.50"),
            customer("vendor", str(self.rows["vendor"]), fee_rate_group="cost"),
        ]

    def call(self, _: int) -> None:
        """A call is answered, if it is admitted."""
        try:
            self.calls.append(self.switch.call())
        except CallRejected as refusal:
            assert refusal.cause.name == "BalanceNotEnough"

    def ring(self, _: int) -> None:
        """A call rings, if it is admitted."""
        try:
            self.ringing.append(self.switch.authorize())
        except CallRejected as refusal:
            assert refusal.cause.name == "BalanceNotEnough"

    def give_up(self, which: int) -> None:
        """A ringing call ends."""
        if self.ringing:
            self.ringing.pop(which % len(self.ringing)).cancel()

    def hang_up(self, which: int) -> None:
        """A running call ends and is settled."""
        if self.calls:
            self.end(self.calls.pop(which % len(self.calls)))

    def end(self, call: Running) -> None:
        """Settle a call, and enter its fees in the ledger."""
        settlement = call.meter.settle(call.talk_ms(), routing("vendor"), "")
        full = price(self.price, settlement.holdtime, self.settings.rules)
        assert settlement.charge.fee <= full.fee
        self.ledger["acme"] -= settlement.charge.fee
        self.ledger["vendor"] -= settlement.clearing.fee
        self.waiting += settlement.movements

    def run(self, seconds: int) -> None:
        """Time passes as it should; a call that is cut is settled at once."""
        for _ in range(seconds * 4):
            self.lag(0.25)

    def lag(self, seconds: float) -> None:
        """The reactor stands still, then finds out."""
        self.switch.clock.advance(seconds)
        for call in [call for call in self.calls if call.ended_ms is not None]:
            self.calls.remove(call)
            self.end(call)

    def pay(self, cents: int) -> None:
        """A payment is committed."""
        amount = Decimal(cents).scaleb(-2)
        self.rows["acme"] += amount
        self.ledger["acme"] += amount
        self.switch.accounts.credit("acme", amount)

    def commit(self, many: int) -> None:
        """The writer commits some of what waits."""
        done, self.waiting = self.waiting[:many], self.waiting[many:]
        for movement in done:
            self.rows[movement.account] += movement.amount
        self.switch.accounts.committed(done)

    def reload(self, _: int) -> None:
        """The tables are read again."""
        self.switch.accounts.load(self.customers())

    def check(self) -> None:
        """The account is not overdrawn, and every balance is its ledger's sum."""
        assert self.switch.usable() >= 0
        for number, total in self.ledger.items():
            assert self.switch.accounts.money(number) == total
        assert self.ledger["acme"] >= Decimal("-0.50")


class OverdraftTests(SynchronousTestCase):
    """Random calls, lags, payments, commits and reloads."""

    @settings(LAW, max_examples=150)
    @given(RATES, SETTINGS, MONEY, STEPS)
    def test_never(
        self,
        given: Rate,
        by: BillingSettings,
        money: Decimal,
        steps: list[tuple[str, int]],
    ) -> None:
        """No fee passes the balance, and not a cent is lost or found."""
        carrier = Carrier(given, by, money)
        for name, argument in steps:
            getattr(carrier, name)(argument)
            carrier.check()
        while carrier.calls:
            carrier.hang_up(0)
        while carrier.ringing:
            carrier.give_up(0)
        carrier.check()
        carrier.commit(len(carrier.waiting))
        self.assertEqual(carrier.rows, carrier.ledger)
        account = carrier.switch.accounts.get("acme")
        self.assertTrue(account is not None and account.idle)

    @settings(LAW, max_examples=50)
    @given(RATES, SETTINGS, MONEY, st.integers(2, 8))
    def test_without_lag_nothing_is_forgone(
        self, given: Rate, by: BillingSettings, money: Decimal, many: int
    ) -> None:
        """In a prompt reactor every call is cut before a second is unpaid."""
        carrier = Carrier(given, by, money)
        for _ in range(many):
            carrier.call(0)
            carrier.run(1)
        carrier.run(90)
        while carrier.calls:
            carrier.hang_up(0)
        carrier.check()
        self.assertEqual(carrier.switch.count("billing_late_total"), 0)
