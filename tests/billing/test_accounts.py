"""Tests of live balances."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.billing.build import causes, customer
from vos3000.billing.accounts import Account, Accounts
from vos3000.instant import Instant
from vos3000.model.accounts import ENDLESS, Customer, Movement
from vos3000.model.causes import CallRejected

NOW = 1_700_000_000_000


class AccountsTests(SynchronousTestCase):
    """L{Accounts} and L{Account}."""

    def load(self, *customers: Customer) -> None:
        """These are the accounts now."""
        self.accounts.load(customers)

    def setUp(self) -> None:
        """An account of 10 that may go 2 below zero."""
        self.accounts = Accounts(lambda: Instant(NOW, 0.0), causes())
        self.load(customer(limit_money="2"))
        self.acme = self.account()

    def account(self, number: str = "acme") -> Account:
        """An account that exists."""
        account = self.accounts.get(number)
        assert account is not None
        return account

    def refusal(self, **fields: Any) -> str:
        """Why an account with those fields may not pay."""
        self.load(customer("other", **fields))
        error = self.assertRaises(CallRejected, self.accounts.paying, "other")
        return error.cause.name

    def test_usable_is_money_and_limit_less_reservations(self) -> None:
        """Reserving lowers what is usable and not the balance."""
        self.assertEqual(self.acme.usable, 12)
        self.assertTrue(self.acme.reserve(Decimal("11.5")))
        self.assertFalse(self.acme.reserve(Decimal("0.51")))
        self.assertEqual(self.acme.usable, Decimal("0.5"))
        self.assertEqual(self.accounts.money("acme"), 10)
        self.acme.release(Decimal("11.5"))
        self.assertEqual(self.acme.usable, 12)
        self.assertTrue(self.acme.idle)

    def test_a_charge_counts_before_it_is_committed(self) -> None:
        """The live balance is ahead of the database, and stays so."""
        self.acme.charge(Decimal("1.5"))
        self.assertEqual(self.accounts.money("acme"), Decimal("8.5"))
        self.accounts.committed([Movement("acme", Decimal("-1.5"))])
        self.assertEqual(self.accounts.money("acme"), Decimal("8.5"))
        self.assertEqual(self.acme.usable, Decimal("10.5"))
        self.assertTrue(self.acme.idle)

    def test_a_reload_keeps_what_is_not_committed(self) -> None:
        """Reservations and waiting charges outlive a reload."""
        self.acme.reserve(Decimal(3))
        self.acme.charge(Decimal(1))
        self.load(customer(money="20", limit_money="5"))
        self.assertIs(self.account(), self.acme)
        self.assertEqual(self.accounts.money("acme"), 19)
        self.assertEqual(self.acme.usable, 21)
        self.accounts.committed([Movement("acme", Decimal(-1))])
        self.load(customer(money="19", limit_money="5"))
        self.assertEqual(self.accounts.money("acme"), 19)
        self.assertEqual(self.acme.usable, 21)

    def test_payments(self) -> None:
        """A payment is usable at once; a deduction may leave a debt."""
        self.accounts.credit("acme", Decimal("5.25"))
        self.assertEqual(self.accounts.money("acme"), Decimal("15.25"))
        self.accounts.credit("acme", Decimal(-20))
        self.assertEqual(self.acme.usable, Decimal("-2.75"))
        self.assertFalse(self.acme.reserve(Decimal("0.01")))
        self.accounts.credit("nobody", Decimal(1))

    def test_a_deleted_account(self) -> None:
        """It is gone for new calls, and found again if it comes back."""
        self.acme.reserve(Decimal(3))
        self.acme.charge(Decimal(1))
        self.load()
        self.assertIsNone(self.accounts.get("acme"))
        self.assertRaises(KeyError, self.accounts.money, "acme")
        self.assertEqual(len(self.accounts), 0)
        self.load(customer(money="10"))
        self.assertIs(self.account(), self.acme)
        self.assertEqual(self.acme.usable, 6)

    def test_a_deleted_account_is_forgotten_when_idle(self) -> None:
        """Nothing is kept of an account whose last charge is committed."""
        self.acme.charge(Decimal(1))
        self.load()
        self.accounts.committed([Movement("acme", Decimal(-1))])
        self.accounts.committed([Movement("acme", Decimal(-1))])
        self.load(customer())
        self.assertIsNot(self.account(), self.acme)
        self.assertEqual(self.accounts.money("acme"), 10)

    def test_who_may_pay(self) -> None:
        """An account that is there, open, unlocked and not expired."""
        for valid in (0, ENDLESS, NOW):
            self.load(customer("other", valid_time=valid))
            self.assertIs(self.accounts.paying("other"), self.account("other"))

    def test_refusals(self) -> None:
        """Each way not to be able to pay has its own cause."""
        self.assertEqual(self.refusal(lock_type=1), "AccountLocked")
        self.assertEqual(self.refusal(valid_time=NOW - 1), "AccountExpired")
        self.assertEqual(self.refusal(canceled=True), "AccountNotFound")
        self.assertEqual(self.refusal(lock_type=1, valid_time=1), "AccountLocked")
        error = self.assertRaises(CallRejected, self.accounts.paying, "")
        self.assertEqual(error.cause.name, "AccountNotFound")
