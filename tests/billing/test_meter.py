"""Tests of running calls: extending, cutting in time, settling."""

from __future__ import annotations

from decimal import Decimal

from twisted.trial.unittest import SynchronousTestCase

from tests.billing.build import Switch, customer, rate, routing, rules
from vos3000.billing.meter import Settlement
from vos3000.billing.settings import BillingSettings
from vos3000.model.accounts import Movement
from vos3000.model.numbers import NumberPatterns, PrefixMap
from vos3000.model.rates import NO_CHARGE, Charge
from vos3000.model.states import EndDirection


class CutTests(SynchronousTestCase):
    """Calls whose account runs out of money."""

    def talks(self, money: str, step: float = 0.05, **given: object) -> Settlement:
        """What a call that is only ended by its money comes to."""
        switch = Switch(customer(money=money), **given)  # type: ignore[arg-type]
        call = switch.call()
        switch.run(400, step)
        self.assertIsNotNone(call.ended_ms)
        settlement = call.meter.settle(
            call.talk_ms(), None, "", direction=EndDirection.SERVER
        )
        self.assertEqual(switch.count("billing_exhausted_total"), 1)
        self.assertEqual(switch.count("billing_late_total"), 0)
        left = switch.accounts.money("acme")
        self.assertEqual(left, Decimal(money) - settlement.charge.fee)
        self.assertEqual(switch.usable(), left)
        switch.run(1)
        self.assertEqual(switch.clock.getDelayedCalls(), [])
        return settlement

    def test_exactly_the_steps_that_are_paid(self) -> None:
        """A call talks every step that its account can pay, at any rounding."""
        for precision in (0, 1, 50, 500, 999, 1000):
            settings = BillingSettings(rules(precision))
            for money, price, held in [
                ("1.80", rate("0.60"), 180),
                ("1.85", rate("0.60"), 180),
                ("0.07", rate("0.01", 1), 7),
                ("0.60", rate("0.01", 1), 60),
                ("0.30", rate("0.10", 6), 18),
                ("1.41", rate("0.01", 1, [(60, "1"), (30, "0.4")]), 91),
            ]:
                with self.subTest(precision=precision, money=money):
                    end = self.talks(money, price=price, settings=settings)
                    self.assertEqual(end.holdtime, held)
                    self.assertEqual(end.charge.seconds, held)

    def test_a_lag_of_a_quarter_second_costs_nobody_anything(self) -> None:
        """The cut is planned early enough for a slow reactor."""
        end = self.talks("1.80", step=0.25)
        self.assertEqual(end.holdtime, 180)

    def test_free_seconds_are_talked_too(self) -> None:
        """Free time lengthens what money pays for."""
        free = BillingSettings(rules(free=10))
        self.assertEqual(self.talks("0.60", settings=free).holdtime, 70)

    def test_seconds_that_round_to_nothing(self) -> None:
        """The last seconds before the next cent are talked."""
        self.assertEqual(self.talks("0.01", price=rate("0.001", 1)).holdtime, 14)

    def test_the_advance_time_shortens_nothing(self) -> None:
        """A call may use the money that it holds ahead."""
        advance = BillingSettings(advance_minutes=2)
        self.assertEqual(self.talks("3", settings=advance).holdtime, 300)


class ExtensionTests(SynchronousTestCase):
    """Calls that go on."""

    def test_a_reservation_is_extended_before_it_runs_out(self) -> None:
        """The next step is held while the one before is still running."""
        switch = Switch()
        switch.call()
        switch.run(57.5)
        self.assertEqual(switch.usable(), Decimal("9.40"))
        switch.run(1)
        self.assertEqual(switch.usable(), Decimal("8.80"))

    def test_a_rich_account_is_asked_once_a_minute(self) -> None:
        """A rate by the second does not need a timer each second."""
        switch = Switch(customer(money="1000"), price=rate("0.01", 1))
        call = switch.call()
        steps = set()
        for _ in range(300):
            switch.run(1)
            steps.add(switch.usable())
        self.assertLessEqual(len(steps), 6)
        charge = call.meter.settle(300_000, None, "").charge
        self.assertEqual(charge, Charge(300, Decimal("3.00")))
        self.assertEqual(switch.usable(), 997)

    def test_the_advance_time_runs_ahead_of_the_call(self) -> None:
        """At every moment the minutes ahead are held."""
        switch = Switch(settings=BillingSettings(advance_minutes=5))
        switch.call()
        for minute in range(1, 5):
            switch.run(60)
            held = 10 - switch.usable()
            self.assertGreaterEqual(held, Decimal("0.6") * (minute + 5))

    def test_a_short_advance_is_made_up_for(self) -> None:
        """Money that comes later is held ahead within a minute."""
        switch = Switch(
            customer(money="3"), settings=BillingSettings(advance_minutes=5)
        )
        switch.call()
        switch.run(30)
        switch.accounts.credit("acme", Decimal(100))
        switch.run(61)
        self.assertLess(switch.usable(), Decimal("99.4"))

    def test_a_payment_in_the_last_second_saves_the_call(self) -> None:
        """Money is asked for once more when the call should be cut."""
        switch = Switch(customer(money="0.60"))
        call = switch.call()
        switch.run(59.5)
        switch.accounts.credit("acme", Decimal("0.60"))
        switch.run(30)
        self.assertIsNone(call.ended_ms)
        switch.run(60)
        settlement = call.meter.settle(call.talk_ms(), None, "")
        self.assertEqual(settlement.charge, Charge(120, Decimal("1.20")))
        self.assertEqual(switch.usable(), 0)

    def test_money_that_another_call_gives_back_saves_the_call(self) -> None:
        """A reservation released is there for the next step."""
        switch = Switch(customer(money="1.20"))
        call, ringing = switch.call(), switch.authorize()
        switch.run(59)
        ringing.cancel()
        switch.run(30)
        self.assertIsNone(call.ended_ms)

    def test_free_calls_have_no_timer(self) -> None:
        """Nothing is metered where nothing is charged."""
        for price in (rate("0"), rate("0.6", prefix="2")):
            switch = Switch(
                price=price, settings=BillingSettings(free=NumberPatterns.parse("1555"))
            )
            switch.call("1555")
            self.assertEqual(switch.clock.getDelayedCalls(), [])

    def test_a_rate_that_ends_costing_has_no_timer(self) -> None:
        """After the last section nothing more is asked for."""
        switch = Switch(customer(money="1"), price=rate("0", 60, [(60, "1")]))
        call = switch.call()
        switch.run(1000, 1)
        self.assertIsNone(call.ended_ms)

    def test_a_reload_during_calls(self) -> None:
        """A higher limit lengthens running calls, and nothing held is lost."""
        switch = Switch(customer(money="0.60"))
        call = switch.call()
        switch.accounts.load([customer(money="0.60", limit_money="0.60")])
        self.assertEqual(switch.usable(), Decimal("0.60"))
        switch.run(150)
        self.assertEqual((call.ended_ms or 0) // 1000, 119)
        call.meter.settle(call.talk_ms(), None, "")
        self.assertEqual(switch.usable(), 0)

    def test_a_deleted_account(self) -> None:
        """Its running calls are metered and charged to their end."""
        switch = Switch(customer(money="1.20"))
        call = switch.call()
        switch.accounts.load([])
        switch.run(150)
        self.assertEqual((call.ended_ms or 0) // 1000, 119)
        settlement = call.meter.settle(call.talk_ms(), None, "")
        self.assertEqual(settlement.movements, (Movement("acme", Decimal("-1.20")),))
        switch.accounts.committed(settlement.movements)
        switch.accounts.load([customer()])
        self.assertEqual(switch.accounts.money("acme"), 10)


class LateTests(SynchronousTestCase):
    """A reactor that stood still."""

    def test_no_overdraft(self) -> None:
        """Seconds talked beyond the money are not charged, but counted."""
        switch = Switch(customer(money="0.60"))
        call = switch.call()
        switch.run(55, 0.5)
        switch.clock.advance(15)
        self.assertEqual(call.ended_ms, 70_000)
        settlement = call.meter.settle(70_000, None, "")
        self.assertEqual(settlement.holdtime, 70)
        self.assertEqual(settlement.charge, Charge(60, Decimal("0.60")))
        self.assertEqual(switch.usable(), 0)
        self.assertEqual(switch.count("billing_late_total"), 1)
        self.assertEqual(switch.count("billing_late_micros_total"), 600_000)

    def test_money_that_is_there_is_charged(self) -> None:
        """A last extension finds what the timers did not."""
        switch = Switch(customer(money="1.00"), price=rate("0.01", 1))
        call = switch.call()
        switch.clock.advance(10)
        self.assertIsNone(call.ended_ms)
        settlement = call.meter.settle(50_000, None, "")
        self.assertEqual(settlement.charge, Charge(50, Decimal("0.50")))
        self.assertEqual(switch.count("billing_late_total"), 0)

    def test_the_last_extension_takes_what_is_left(self) -> None:
        """Not all of the time, but all of it that is paid."""
        switch = Switch(customer(money="0.30"), price=rate("0.10", 6))
        call = switch.call()
        settlement = call.meter.settle(60_000, None, "")
        self.assertEqual(settlement.charge, Charge(18, Decimal("0.30")))
        self.assertEqual(switch.count("billing_late_micros_total"), 700_000)

    def test_an_answer_that_is_heard_late(self) -> None:
        """Metering begins at the answer's moment, not when it was told."""
        switch = Switch(customer(money="0.05"), price=rate("0.01", 1))
        meter, ended = switch.authorize(), []
        answer = switch.accounts.now()
        switch.clock.advance(20)
        meter.answered(answer, lambda: ended.append(1))
        self.assertEqual(ended, [])
        switch.run(0.1)
        self.assertEqual(ended, [1])

    def test_a_wall_clock_that_is_set(self) -> None:
        """An hour that never passed neither ends a call nor is charged."""
        switch = Switch(customer(money="1.20"))
        call = switch.call()
        switch.run(30)
        switch.stepped = 3600.0
        switch.clock.advance(3600)
        switch.run(80)
        self.assertIsNone(call.ended_ms)
        switch.run(20)
        self.assertEqual((call.ended_ms or 0) // 1000, 119)


class SettleTests(SynchronousTestCase):
    """L{Meter.settle}."""

    def vendor(self, clearing: str = "vendor", **settings: object) -> Switch:
        """A switch with a vendor that has rates of its own."""
        switch = Switch(
            customer(),
            customer("vendor", "0", fee_rate_group="cost"),
            settings=BillingSettings(**settings),  # type: ignore[arg-type]
        )
        cost = rate("0.1", 6, prefix="15", area_code="US", type=2)
        dialed = rate("0.2", 6, prefix="00")
        switch.rates.replace("cost", PrefixMap([("15", cost), ("00", dialed)]))
        return switch

    def test_both_sides(self) -> None:
        """Each side by its own rates, and a movement for each account."""
        switch = self.vendor()
        meter = switch.authorize()
        self.assertEqual(
            meter.settle(61_000, routing("vendor"), "001555"),
            Settlement(
                61,
                Charge(120, Decimal("1.20")),
                "1",
                5,
                Charge(66, Decimal("1.10")),
                "vendor",
                "Vendor",
                "US",
                (
                    Movement("acme", Decimal("-1.20")),
                    Movement("vendor", Decimal("-1.10")),
                ),
            ),
        )
        self.assertEqual(switch.usable(), Decimal("8.80"))
        self.assertEqual(switch.accounts.money("vendor"), Decimal("-1.10"))
        self.assertEqual(switch.count("billing_settled_total"), 1)

    def test_the_number_after_the_dial_rules(self) -> None:
        """Counts for the clearing account where the gateway says so."""
        gateway = routing("vendor", clearing_uses_callout=True)
        settlement = self.vendor().authorize().settle(6_000, gateway, "001555")
        self.assertEqual(settlement.clearing, Charge(6, Decimal("0.20")))
        self.assertEqual(settlement.clearing_area_code, "00")

    def test_the_rate_at_the_answer(self) -> None:
        """Counts for the clearing account, whatever is loaded during the talk."""
        for later in ([("15", rate("5", 60, prefix="15"))], []):
            switch = self.vendor()
            meter = switch.authorize()
            meter.routed(routing("vendor"), "001555")
            switch.rates.replace("cost", PrefixMap(later))
            settlement = meter.settle(61_000, routing("vendor"), "001555")
            self.assertEqual(settlement.clearing, Charge(66, Decimal("1.10")))
            self.assertEqual(settlement.clearing_area_code, "US")
            self.assertEqual(switch.accounts.money("vendor"), Decimal("-1.10"))

    def test_the_account_at_the_answer(self) -> None:
        """A gateway without a clearing account then has none at the end."""
        switch = self.vendor()
        meter = switch.authorize()
        meter.routed(routing(), "001555")
        settlement = meter.settle(61_000, routing("vendor"), "001555")
        self.assertEqual(settlement.clearing_account, "")
        self.assertEqual(switch.accounts.money("vendor"), 0)

    def test_one_account_on_both_sides(self) -> None:
        """Its two charges are one movement."""
        switch = self.vendor()
        settlement = switch.authorize().settle(60_000, routing("acme"), "")
        movements = (Movement("acme", Decimal("-1.20")),)
        self.assertEqual(settlement.movements, movements)
        self.assertEqual(switch.usable(), Decimal("8.80"))
        switch.accounts.committed(movements)
        account = switch.accounts.get("acme")
        assert account is not None
        self.assertTrue(account.idle)

    def test_no_clearing(self) -> None:
        """No gateway, no account, an unknown one, or one without rate."""
        for gateway, account in [
            (None, ""),
            (routing(), ""),
            (routing("nobody"), ""),
            (routing("vendor", clearing_uses_callout=True), "vendor"),
        ]:
            settlement = self.vendor().authorize().settle(60_000, gateway, "9")
            self.assertEqual(settlement.clearing, NO_CHARGE)
            self.assertEqual(settlement.clearing_account, account)
            charge = (Movement("acme", Decimal("-0.60")),)
            self.assertEqual(settlement.movements, charge)

    def test_a_call_of_no_length(self) -> None:
        """Nothing held, nothing charged, nothing moved."""
        switch = self.vendor()
        settlement = switch.authorize().settle(49, routing("vendor"), "")
        self.assertEqual(settlement.holdtime, 0)
        self.assertEqual(settlement.charge, NO_CHARGE)
        self.assertEqual(settlement.movements, ())
        self.assertEqual(switch.usable(), 10)

    def test_free_calls(self) -> None:
        """The record stands at 0 on both sides."""
        switch = self.vendor(free=NumberPatterns.parse("15*"))
        settlement = switch.authorize().settle(60_000, routing("vendor"), "")
        expected = Settlement(60, clearing_account="vendor", clearing_name="Vendor")
        self.assertEqual(settlement, expected)
        self.assertEqual(switch.usable(), 10)

    def test_unrecorded_calls(self) -> None:
        """Neither record nor charge."""
        switch = self.vendor(no_cdr=NumberPatterns.parse("15*"))
        settlement = switch.authorize().settle(60_000, routing("vendor"), "")
        self.assertEqual(settlement, Settlement(60, recorded=False))
        self.assertEqual(switch.accounts.money("vendor"), 0)

    def test_server_hang_ups_are_charged_by_default(self) -> None:
        """Whoever ended it."""
        settlement = (
            self.vendor()
            .authorize()
            .settle(60_000, None, "", direction=EndDirection.SERVER)
        )
        self.assertTrue(settlement.recorded)
        self.assertEqual(settlement.charge.fee, Decimal("0.60"))

    def test_server_hang_ups_that_are_not_recorded(self) -> None:
        """Are not charged on either side; the amount forgone is counted."""
        switch = self.vendor(record_server_hang_up=False)
        settlement = switch.authorize().settle(
            61_000, routing("vendor"), "", direction=EndDirection.SERVER
        )
        self.assertFalse(settlement.recorded)
        self.assertEqual(settlement.charge, NO_CHARGE)
        self.assertEqual(settlement.clearing, NO_CHARGE)
        self.assertEqual(settlement.movements, ())
        self.assertEqual(switch.usable(), 10)
        self.assertEqual(switch.count("billing_forgone_total"), 1)
        self.assertEqual(switch.count("billing_forgone_micros_total"), 1_200_000)

    def test_a_call_is_settled_once(self) -> None:
        """Neither twice, nor after it was canceled."""
        switch = Switch()
        meter, canceled = switch.authorize(), switch.authorize()
        meter.settle(60_000, None, "")
        meter.cancel()
        canceled.cancel()
        self.assertRaises(RuntimeError, meter.settle, 60_000, None, "")
        self.assertRaises(RuntimeError, canceled.settle, 60_000, None, "")
        self.assertEqual(switch.usable(), Decimal("9.40"))

    def test_no_timer_is_left(self) -> None:
        """A call that is over is never cut."""
        switch = Switch(customer(money="0.60"))
        call = switch.call()
        switch.run(10)
        call.meter.settle(10_000, None, "")
        switch.run(100)
        self.assertIsNone(call.ended_ms)
        self.assertEqual(switch.clock.getDelayedCalls(), [])

    def test_settle_within_the_call_of_exhausted(self) -> None:
        """Call control may hang up and settle at once."""
        switch = Switch(customer(money="0.60"))
        meter = switch.authorize()
        ends: list[Settlement] = []
        meter.answered(
            switch.accounts.now(),
            lambda: ends.append(meter.settle(59_750, None, "")),
        )
        switch.run(120)
        self.assertEqual([end.charge.fee for end in ends], [Decimal("0.60")])
        self.assertEqual(switch.clock.getDelayedCalls(), [])
