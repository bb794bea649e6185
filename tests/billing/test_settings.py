"""Tests of billing's parameters."""

from __future__ import annotations

from decimal import Decimal

from twisted.trial.unittest import SynchronousTestCase

from tests.billing.build import rules
from vos3000.billing.settings import BillingSettings, should_record
from vos3000.model.numbers import NumberPatterns
from vos3000.model.states import EndDirection

CALLER, CALLEE, SERVER = EndDirection


class BillingSettingsTests(SynchronousTestCase):
    """L{BillingSettings.from_parameters}."""

    def wrong(self, name: str, value: object) -> str:
        """What is said about a wrong value."""
        error = self.assertRaises(
            ValueError,
            BillingSettings.from_parameters,
            {f"SERVER_BILLING_{name}": value},
        )
        return str(error)

    def test_nothing_set_is_the_defaults(self) -> None:
        """Missing and empty parameters keep their defaults."""
        self.assertEqual(BillingSettings.from_parameters({}), BillingSettings())
        empty = {"SERVER_BILLING_FEE_UNIT": "", "SERVER_BILLING_FREE_E164S": None}
        self.assertEqual(BillingSettings.from_parameters(empty), BillingSettings())

    def test_text(self) -> None:
        """Values as they stand in a file."""
        settings = BillingSettings.from_parameters(
            {
                "SERVER_BILLING_HOLD_TIME_PRECISION": "1000",
                "SERVER_BILLING_FREE_TIME": "3",
                "SERVER_BILLING_FEE_UNIT": "0.05",
                "SERVER_BILLING_FEE_PRECISTION": "4",
                "SERVER_BILLING_FREE_E164S": "5000*,7000",
                "SERVER_BILLING_NO_CDR_E164S": "7000",
                "SERVER_BILLING_PREVENT_OVERDRAFT_ADVANCE_TIME": "15",
                "SERVER_BILLING_RECORD_ZERO_HOLD_TIME": "Off",
                "SERVER_BILLING_RECORD_ILLEGAL_CALL": "0",
                "SERVER_BILLING_RECORD_SERVER_HANG_UP": "On",
            }
        )
        self.assertEqual(
            settings,
            BillingSettings(
                rules(1000, 3, "0.05", 4),
                NumberPatterns(frozenset({"7000"}), ("5000",)),
                NumberPatterns(frozenset({"7000"}), ()),
                15,
                False,
                False,
                True,
            ),
        )

    def test_typed_values(self) -> None:
        """Values as a registry hands them on."""
        settings = BillingSettings.from_parameters(
            {
                "SERVER_BILLING_FEE_UNIT": Decimal("1E-6"),
                "SERVER_BILLING_FEE_PRECISTION": 6,
                "SERVER_BILLING_RECORD_SERVER_HANG_UP": False,
            }
        )
        self.assertEqual(settings.rules, rules(unit="0.000001", digits=6))
        self.assertFalse(settings.record_server_hang_up)

    def test_mistakes_name_the_parameter(self) -> None:
        """Each kind of mistake is told with its parameter."""
        for name, value in [
            ("HOLD_TIME_PRECISION", "1001"),
            ("FREE_TIME", "-1"),
            ("FEE_PRECISTION", "7"),
            ("FEE_PRECISTION", "²"),
            ("FEE_UNIT", "a cent"),
            ("FEE_UNIT", "-1"),
            ("NO_CDR_E164S", "5*0"),
            ("PREVENT_OVERDRAFT_ADVANCE_TIME", "16"),
            ("RECORD_ILLEGAL_CALL", "perhaps"),
        ]:
            self.assertIn(f"SERVER_BILLING_{name}: ", self.wrong(name, value))


class ShouldRecordTests(SynchronousTestCase):
    """L{should_record}."""

    def test_everything_is_recorded_by_default(self) -> None:
        """Answered or not, legal or not, whoever ended it."""
        for direction in (CALLER, CALLEE, SERVER):
            for held in (0, 60):
                kept = should_record(
                    BillingSettings(), holdtime=held, direction=direction
                )
                self.assertTrue(kept)
        illegal = should_record(
            BillingSettings(), holdtime=0, direction=SERVER, illegal=True
        )
        self.assertTrue(illegal)

    def test_zero_hold_time(self) -> None:
        """Off drops every call without a hold second, and no other."""
        off = BillingSettings(record_zero_hold_time=False)
        self.assertFalse(should_record(off, holdtime=0, direction=CALLER))
        self.assertTrue(should_record(off, holdtime=1, direction=CALLER))
        self.assertTrue(should_record(off, holdtime=1, direction=SERVER))

    def test_illegal_calls(self) -> None:
        """Off drops calls of unknown sources, and no other refusal."""
        off = BillingSettings(record_illegal_call=False)
        self.assertFalse(should_record(off, holdtime=0, direction=SERVER, illegal=True))
        self.assertTrue(should_record(off, holdtime=0, direction=SERVER))

    def test_server_hang_up(self) -> None:
        """Off drops whatever the server ended, answered or refused."""
        off = BillingSettings(record_server_hang_up=False)
        self.assertFalse(should_record(off, holdtime=60, direction=SERVER))
        self.assertFalse(should_record(off, holdtime=0, direction=SERVER))
        self.assertTrue(should_record(off, holdtime=60, direction=CALLEE))
        self.assertTrue(should_record(off, holdtime=0, direction=CALLER))

    def test_the_list_without_records(self) -> None:
        """Nothing keeps a call to a number without records."""
        kept = should_record(
            BillingSettings(), holdtime=60, direction=CALLER, no_cdr=True
        )
        self.assertFalse(kept)
