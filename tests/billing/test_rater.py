"""Tests of the price of a call."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.billing.build import LAW, rate, rules
from vos3000.billing.rater import affordable, hold_seconds, next_step, price
from vos3000.model.accounts import UNLIMITED
from vos3000.model.rates import BillingRules, Charge, Rate, RateSection


def decimals(most: int, digits: int) -> st.SearchStrategy[Decimal]:
    """Amounts from 0 to C{most} units of the last of C{digits} digits."""
    return st.integers(0, most).map(lambda n: Decimal(n).scaleb(-digits))


SECTIONS = st.lists(
    st.builds(RateSection, st.integers(0, 40), decimals(300, 3)), max_size=3
).map(tuple)
RATES = st.builds(
    Rate, st.just("1"), decimals(2000, 4), st.sampled_from([1, 6, 7, 30, 60]), SECTIONS
)
RULES = st.builds(
    BillingRules,
    st.integers(0, 1000),
    st.sampled_from([0, 0, 3, 10]),
    st.sampled_from(["0", "0", "0.01", "0.003", "0.05", "1"]).map(Decimal),
    st.integers(0, 6),
)
LONGEST = 400


class HoldSecondsTests(SynchronousTestCase):
    """L{hold_seconds}."""

    def test_the_documented_cases(self) -> None:
        """Every row of behaviour 3.3 comes out as printed there."""
        rows = [
            (1, 1001, 2),
            (500, 1501, 2),
            (1000, 2010, 2),
            (1, 2010, 3),
            (50, 1049, 1),
            (50, 1050, 2),
        ]
        for precision, talk, expected in rows:
            held = hold_seconds(talk, rules(precision))
            self.assertEqual(held, expected, (precision, talk))

    def test_whole_seconds_stay(self) -> None:
        """Without a rest nothing is added, whatever the precision."""
        for precision in (0, 1, 50, 999, 1000):
            self.assertEqual(hold_seconds(7000, rules(precision)), 7)

    def test_zero_is_the_same_as_one(self) -> None:
        """Precision 0 rounds every rest up, and adds nothing to none."""
        self.assertEqual(hold_seconds(1001, rules(0)), 2)
        self.assertEqual(hold_seconds(1000, rules(0)), 1)

    def test_a_thousand_always_cuts(self) -> None:
        """No rest reaches 1000."""
        self.assertEqual(hold_seconds(1999, rules(1000)), 1)

    def test_a_call_shorter_than_the_threshold(self) -> None:
        """A call of a blink holds no second."""
        self.assertEqual(hold_seconds(49, rules(50)), 0)
        self.assertEqual(hold_seconds(50, rules(50)), 1)
        self.assertEqual(hold_seconds(0, rules(0)), 0)
        self.assertEqual(hold_seconds(-5, rules(0)), 0)


class PriceTests(SynchronousTestCase):
    """L{price}."""

    def cost(self, given: Rate, hold: int, with_: BillingRules) -> tuple[int, str]:
        """Seconds and fee as text, so that digits count."""
        charge = price(given, hold, with_)
        return charge.seconds, str(charge.fee)

    def test_every_started_cycle_is_charged_whole(self) -> None:
        """Cycles change at their last second and not before."""
        minute = rate("0.60", 60)
        self.assertEqual(price(minute, 0, rules()), Charge())
        self.assertEqual(self.cost(minute, 1, rules()), (60, "0.60"))
        self.assertEqual(self.cost(minute, 60, rules()), (60, "0.60"))
        self.assertEqual(self.cost(minute, 61, rules()), (120, "1.20"))

    def test_a_cycle_of_a_second(self) -> None:
        """A rate by the second charges each second."""
        self.assertEqual(self.cost(rate("0.01", 1), 37, rules()), (37, "0.37"))

    def test_sections_come_first_and_whole(self) -> None:
        """A section is paid once entered; cycles begin after the last one."""
        given = rate("0.1", 6, [(60, "1"), (30, "0.4")])
        self.assertEqual(self.cost(given, 1, rules()), (60, "1.00"))
        self.assertEqual(self.cost(given, 60, rules()), (60, "1.00"))
        self.assertEqual(self.cost(given, 61, rules()), (90, "1.40"))
        self.assertEqual(self.cost(given, 90, rules()), (90, "1.40"))
        self.assertEqual(self.cost(given, 91, rules()), (96, "1.50"))
        self.assertEqual(self.cost(given, 97, rules()), (102, "1.60"))

    def test_a_section_without_time_is_a_fee_for_connecting(self) -> None:
        """It is paid with the first second and takes none away."""
        given = rate("0.01", 1, [(0, "0.5")])
        self.assertEqual(self.cost(given, 1, rules()), (1, "0.51"))
        self.assertEqual(price(given, 0, rules()), Charge())

    def test_free_time_is_taken_off(self) -> None:
        """Free seconds shorten the bill of every call."""
        given = rate("0.6", 60)
        self.assertEqual(price(given, 10, rules(free=10)), Charge())
        self.assertEqual(self.cost(given, 11, rules(free=10)), (60, "0.60"))
        self.assertEqual(self.cost(given, 70, rules(free=10)), (60, "0.60"))
        self.assertEqual(self.cost(given, 71, rules(free=10)), (120, "1.20"))

    def test_the_unit_rounds_up(self) -> None:
        """The smallest step above the sum is charged."""
        given = rate("0.011", 1)
        self.assertEqual(self.cost(given, 1, rules(unit="0.05")), (1, "0.05"))
        self.assertEqual(self.cost(given, 5, rules(unit="0.05")), (5, "0.10"))
        self.assertEqual(self.cost(given, 50, rules(unit="0.05")), (50, "0.55"))

    def test_the_digits_round_half_up_after_the_unit(self) -> None:
        """Halves go up, and the unit goes first."""
        self.assertEqual(self.cost(rate("0.005", 1), 1, rules()), (1, "0.01"))
        self.assertEqual(self.cost(rate("0.0049", 1), 1, rules()), (1, "0.00"))
        self.assertEqual(self.cost(rate("0.015", 1), 1, rules()), (1, "0.02"))
        unit = rules(unit="0.003", digits=2)
        self.assertEqual(self.cost(rate("0.001", 1), 1, unit), (1, "0.00"))
        self.assertEqual(self.cost(rate("0.004", 1), 1, unit), (1, "0.01"))
        self.assertEqual(self.cost(rate("0.6", 1), 1, rules(digits=0)), (1, "1"))

    def test_six_digits(self) -> None:
        """A price of twelve digits keeps six of its amount."""
        given = rate("0.000123456789", 1)
        charge = self.cost(given, 1000, rules(digits=6))
        self.assertEqual(charge, (1000, "0.123457"))

    @LAW
    @given(RATES, RULES, st.integers(0, LONGEST))
    def test_longer_never_costs_less(
        self, given: Rate, by: BillingRules, n: int
    ) -> None:
        """The price is monotone, and what is charged covers what was talked."""
        now, later = price(given, n, by), price(given, n + 1, by)
        self.assertLessEqual(now.fee, later.fee)
        self.assertLessEqual(now.seconds, later.seconds)
        self.assertGreaterEqual(now.seconds, n - by.free_time)

    @LAW
    @given(st.integers(0, 1000), st.integers(0, 10**7), st.integers(0, 10**7))
    def test_splitting_time_never_changes_the_duration(
        self, p: int, a: int, b: int
    ) -> None:
        """A call seen in two pieces lasts as long as seen in one."""
        whole, rest = divmod(a, 1000)
        one = hold_seconds(a + b, rules(p))
        self.assertEqual(whole + hold_seconds(rest + b, rules(p)), one)

    @LAW
    @given(RATES, st.integers(0, 200), st.integers(0, 200))
    def test_cycles_add_up(self, given: Rate, first: int, then: int) -> None:
        """Splitting at the end of what was charged costs the same in sum."""
        by = rules(digits=6)
        paid = price(given, first, by)
        cycles = Rate("1", given.fee, given.period)
        if paid.seconds <= sum(section.time for section in given.sections):
            return  # still within the sections
        whole = price(given, paid.seconds + then, by)
        rest = price(cycles, then, by)
        self.assertEqual(whole.seconds, paid.seconds + rest.seconds)
        self.assertEqual(whole.fee, paid.fee + rest.fee)


class AffordableTests(SynchronousTestCase):
    """L{affordable}, the inverse of L{price}."""

    def most(self, given: Rate, money: str, by: BillingRules) -> int | None:
        """Seconds for that money."""
        return affordable(given, Decimal(money), by)

    def test_whole_cycles(self) -> None:
        """Money pays for whole cycles only."""
        minute = rate("0.60", 60)
        self.assertEqual(self.most(minute, "0.59", rules()), 0)
        self.assertEqual(self.most(minute, "0.60", rules()), 60)
        self.assertEqual(self.most(minute, "6.59", rules()), 600)

    def test_sections(self) -> None:
        """A section that cannot be paid ends the call before it."""
        given = rate("0.1", 6, [(60, "1"), (30, "0.4")])
        self.assertEqual(self.most(given, "0.99", rules()), 0)
        self.assertEqual(self.most(given, "1.39", rules()), 60)
        self.assertEqual(self.most(given, "1.49", rules()), 90)
        self.assertEqual(self.most(given, "1.50", rules()), 96)

    def test_what_costs_nothing_has_no_end(self) -> None:
        """A rate of 0 after its sections is unlimited once they are paid."""
        self.assertIsNone(self.most(rate("0"), "0", rules()))
        self.assertIsNone(self.most(rate("0", 60, [(60, "1")]), "1", rules()))
        self.assertEqual(self.most(rate("0", 60, [(60, "1")]), "0.9", rules()), 0)

    def test_no_credit(self) -> None:
        """Without money only what is free is left; with debt nothing is."""
        self.assertEqual(self.most(rate("0.6"), "0", rules()), 0)
        self.assertEqual(self.most(rate("0.6"), "0", rules(free=10)), 10)
        self.assertEqual(self.most(rate("0.6"), "-0.01", rules(free=10)), 0)
        self.assertEqual(self.most(rate("0"), "-0.01", rules()), 0)

    def test_what_is_rounded_away_is_affordable(self) -> None:
        """Seconds whose price rounds down to the money are counted."""
        self.assertEqual(self.most(rate("0.001", 1), "0", rules()), 4)
        self.assertEqual(self.most(rate("0.001", 1), "0.01", rules()), 14)
        self.assertEqual(self.most(rate("0.001", 1), "0.01", rules(unit="0.01")), 10)

    def test_an_endless_balance_is_quick(self) -> None:
        """The closed form does not count its way up."""
        most = self.most(rate("0.000000000001", 1), "999999999999", rules(digits=6))
        self.assertEqual(most, 999999999999000000499999)

    @settings(LAW, max_examples=400)
    @given(RATES, RULES, decimals(5000, 3))
    def test_it_is_the_exact_inverse(
        self, given: Rate, by: BillingRules, money: Decimal
    ) -> None:
        """As counted second by second."""
        most = affordable(given, money, by)
        end = LONGEST if most is None else min(most, LONGEST)
        self.assertLessEqual(price(given, end, by).fee, money)
        if most is None:
            self.assertLessEqual(price(given, 10**9, by).fee, money)
        else:
            self.assertGreater(price(given, most + 1, by).fee, money)

    @LAW
    @given(RATES, RULES, st.integers(0, LONGEST))
    def test_the_price_of_a_duration_pays_for_it(
        self, given: Rate, by: BillingRules, hold: int
    ) -> None:
        """And for no less."""
        most = affordable(given, price(given, hold, by).fee, by)
        self.assertTrue(most is None or most >= hold)


class NextStepTests(SynchronousTestCase):
    """L{next_step}."""

    def test_the_end_of_the_cycle_entered(self) -> None:
        """A charge carries to the end of its cycle, or of its section."""
        given = rate("0.1", 6, [(60, "1")])
        ends = [next_step(given, hold, rules()) for hold in (0, 59, 60, 65, 66)]
        self.assertEqual(ends, [60, 60, 66, 66, 72])

    def test_free_time_is_a_step(self) -> None:
        """Before the first charge the step is what is free."""
        self.assertEqual(next_step(rate("0.6"), 0, rules(free=10)), 10)
        self.assertEqual(next_step(rate("0.6"), 10, rules(free=10)), 70)

    def test_a_step_without_end(self) -> None:
        """Nothing more is ever charged."""
        self.assertEqual(next_step(rate("0"), 0, rules()), UNLIMITED)

    @LAW
    @given(RATES, RULES, st.integers(0, LONGEST))
    def test_it_is_where_the_price_changes(
        self, given: Rate, by: BillingRules, hold: int
    ) -> None:
        """The price is one up to the step, and another after it."""
        step = next_step(given, hold, by)
        fee = price(given, hold + 1, by).fee
        self.assertEqual(price(given, min(step, 10**9), by).fee, fee)
        if step < UNLIMITED:
            self.assertGreater(price(given, step + 1, by).fee, fee)
