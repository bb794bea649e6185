"""Tests of admission: every refusal, and what is reserved."""

from __future__ import annotations

from decimal import Decimal

from twisted.trial.unittest import SynchronousTestCase

from tests.billing.build import Switch, customer, mapping, rate, rules
from vos3000.billing.settings import BillingSettings
from vos3000.model.causes import CallRejected
from vos3000.model.numbers import NumberPatterns

LISTS = BillingSettings(
    free=NumberPatterns.parse("5000*,7000"), no_cdr=NumberPatterns.parse("7000,80*")
)


class RefusalTests(SynchronousTestCase):
    """Calls that billing does not let through."""

    def refusal(
        self,
        switch: Switch,
        callee: str = "1555",
        account: str = "acme",
        level: int = 5,
    ) -> str:
        """Why the switch refuses a call."""
        gateway = mapping(account, call_level=level)
        error = self.assertRaises(
            CallRejected, switch.billing.authorize, gateway, callee
        )
        self.assertEqual(switch.refusals(), {error.cause.name: 1})
        self.assertEqual(switch.count("billing_admitted_total"), 0)
        found = switch.accounts.get("acme")
        if found is not None:
            self.assertEqual(found.reserved, 0)
        return error.cause.name

    def test_no_account(self) -> None:
        """A gateway without account, or with one that does not exist."""
        self.assertEqual(self.refusal(Switch(), account=""), "AccountNotFound")
        self.assertEqual(self.refusal(Switch(), account="who"), "AccountNotFound")

    def test_a_locked_account(self) -> None:
        """A lock forbids calls."""
        switch = Switch(customer(lock_type=1))
        self.assertEqual(self.refusal(switch), "AccountLocked")

    def test_an_expired_account(self) -> None:
        """An account ends at its valid time."""
        switch = Switch(customer(valid_time=1_699_999_999_999))
        self.assertEqual(self.refusal(switch), "AccountExpired")

    def test_no_rate(self) -> None:
        """No prefix, a locked rate, an unknown group, or no group at all."""
        self.assertEqual(self.refusal(Switch(), "2555"), "FeeRateNotFound")
        locked = Switch(price=rate("0.6", lock_type=1))
        self.assertEqual(self.refusal(locked), "FeeRateNotFound")
        for group in ("", "none"):
            switch = Switch(customer(fee_rate_group=group))
            self.assertEqual(self.refusal(switch), "FeeRateNotFound")

    def test_no_permission(self) -> None:
        """The rate's type must not be above the gateway's level."""
        switch = Switch(price=rate("0.6", type=4))
        self.assertEqual(self.refusal(switch, level=2), "NoCallPermission")
        switch.billing.authorize(mapping(call_level=4), "1555")

    def test_no_money(self) -> None:
        """Less than the first charge is not enough; the limit counts."""
        self.assertEqual(
            self.refusal(Switch(customer(money="0.59"))), "BalanceNotEnough"
        )
        Switch(customer(money="0.60")).authorize()
        Switch(customer(money="-1", limit_money="1.6")).authorize()
        debt = Switch(customer(money="-1", limit_money="1.59"))
        self.assertEqual(self.refusal(debt), "BalanceNotEnough")

    def test_no_credit_at_all(self) -> None:
        """Free seconds, or seconds that round to nothing, need the first charge."""
        free = BillingSettings(rules(free=10))
        switch = Switch(customer(money="0"), settings=free)
        self.assertEqual(self.refusal(switch), "BalanceNotEnough")
        switch = Switch(customer(money="0"), price=rate("0.001", 1))
        self.assertEqual(self.refusal(switch), "BalanceNotEnough")

    def test_a_first_section_that_cannot_be_paid(self) -> None:
        """The first section is the first charge."""
        switch = Switch(customer(money="0.99"), price=rate("0.1", 6, [(60, "1")]))
        self.assertEqual(self.refusal(switch), "BalanceNotEnough")

    def test_the_order(self) -> None:
        """The account speaks before the rate, the level before the money."""
        switch = Switch(customer(money="0", lock_type=1, fee_rate_group=""))
        self.assertEqual(self.refusal(switch), "AccountLocked")
        switch = Switch(customer(money="0"))
        self.assertEqual(self.refusal(switch, "2555"), "FeeRateNotFound")
        self.assertEqual(
            self.refusal(Switch(customer(money="0")), level=1), "NoCallPermission"
        )

    def test_a_rate_of_nothing(self) -> None:
        """It needs no money, but no debt beyond the limit either."""
        meter = Switch(customer(money="0"), price=rate("0")).authorize()
        self.assertIsNone(meter.longest)
        debt = Switch(customer(money="-0.01"), price=rate("0"))
        self.assertEqual(self.refusal(debt), "BalanceNotEnough")


class ListTests(SynchronousTestCase):
    """The lists of free and unrecorded numbers."""

    def test_free_numbers_need_neither_rate_nor_money(self) -> None:
        """An account without rate group, and in debt, may call them."""
        switch = Switch(customer(money="-5", fee_rate_group=""), settings=LISTS)
        meter = switch.authorize("50001")
        self.assertTrue(meter.free)
        self.assertFalse(meter.no_cdr)
        self.assertIsNone(meter.rate)
        self.assertIsNone(meter.longest)

    def test_unrecorded_wins_over_free(self) -> None:
        """A number on both lists leaves no record."""
        switch = Switch(settings=LISTS)
        self.assertTrue(switch.authorize("7000").no_cdr)
        self.assertTrue(switch.authorize("801").no_cdr)

    def test_the_account_is_still_asked_for(self) -> None:
        """A locked account may not call free numbers either."""
        switch = Switch(customer(lock_type=1), settings=LISTS)
        self.assertRaises(CallRejected, switch.authorize, "50001")
        self.assertRaises(CallRejected, switch.authorize, "801")

    def test_exact_numbers_are_exact(self) -> None:
        """A longer number than the one on the list is charged."""
        switch = Switch(settings=LISTS, price=rate("0.6", prefix="7"))
        self.assertFalse(switch.authorize("70001").free)


class AdmissionTests(SynchronousTestCase):
    """What an admitted call holds."""

    def held(self, switch: Switch) -> Decimal:
        """What one call's admission takes."""
        before = switch.usable()
        switch.authorize()
        return before - switch.usable()

    def test_what_the_meter_knows(self) -> None:
        """Account, customer, rate, and the longest duration."""
        price = rate("0.60")
        switch = Switch(customer(money="6.59"), price=price)
        meter = switch.authorize()
        self.assertIs(meter.rate, price)
        self.assertEqual(meter.longest, 600)
        self.assertEqual(meter.customer.account, "acme")
        self.assertIs(meter.account, switch.accounts.get("acme"))
        self.assertFalse(meter.free)
        self.assertEqual(switch.count("billing_admitted_total"), 1)

    def test_a_poor_account_gives_one_step(self) -> None:
        """As many calls are admitted as can pay their first step."""
        switch = Switch(customer(money="0.05"), price=rate("0.01", 1))
        for _ in range(5):
            self.assertEqual(self.held(switch), Decimal("0.01"))
        self.assertRaises(CallRejected, switch.authorize)

    def test_a_rich_account_gives_a_minute(self) -> None:
        """A hundred times the chunk is rich, a cent less is not."""
        price = rate("0.01", 1)
        rich = Switch(customer(money="60"), price=price)
        self.assertEqual(self.held(rich), Decimal("0.6"))
        poor = Switch(customer(money="59.99"), price=price)
        self.assertEqual(self.held(poor), Decimal("0.01"))

    def test_long_steps_and_free_time(self) -> None:
        """The first charge is held, however late it comes."""
        price = rate("0.01", 1, [(0, "0.5")])
        late = BillingSettings(rules(free=300))
        self.assertEqual(
            self.held(Switch(customer(money="99"), price=price, settings=late)),
            Decimal("0.51"),
        )
        hour = Switch(customer(money="1000"), price=rate("36", 3600))
        self.assertEqual(self.held(hour), 36)

    def test_the_advance_time(self) -> None:
        """So many minutes are held, or what there is."""
        advance = BillingSettings(advance_minutes=3)
        for money, held in [("3", "1.80"), ("1.5", "1.20"), ("0.6", "0.6")]:
            switch = Switch(customer(money=money), settings=advance)
            self.assertEqual(self.held(switch), Decimal(held))

    def test_the_advance_time_keeps_other_calls_out(self) -> None:
        """What is held ahead for one call is not there for another."""
        advance = BillingSettings(advance_minutes=5)
        switch = Switch(customer(money="3.5"), settings=advance)
        switch.authorize()
        self.assertRaises(CallRejected, switch.authorize)

    def test_cancel_gives_back_once(self) -> None:
        """However often it is called."""
        switch = Switch()
        meter, other = switch.authorize(), switch.authorize()
        meter.cancel()
        meter.cancel()
        self.assertEqual(switch.usable(), Decimal("9.4"))
        other.cancel()
        self.assertEqual(switch.usable(), 10)

    def test_a_call_keeps_its_settings(self) -> None:
        """Parameters that change later count for later calls."""
        switch = Switch()
        meter = switch.authorize()
        switch.settings = LISTS
        self.assertEqual(meter.settings, BillingSettings())
        self.assertEqual(switch.authorize().settings, LISTS)
