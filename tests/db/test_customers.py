"""Tests of accounts and payments."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests import rows
from vos3000.db import ids
from vos3000.db.customers import CASH, DEDUCT, OPEN_ACCOUNT, OTHER, PAY, CustomerStore
from vos3000.db.gateways import MAPPING, GatewayStore
from vos3000.db.rates import RateStore
from vos3000.errors import AlreadyExists, NotFound, OutOfRange, Referenced
from vos3000.model.accounts import ENDLESS, Customer


class CustomerStoreTests(SynchronousTestCase):
    """Accounts at the row."""

    def setUp(self) -> None:
        self.connection = rows.empty_database()
        self.pool = rows.memory_pool(self.connection)
        self.store = CustomerStore(self.pool)

    def create(self, account: str = "1000", **fields: Any) -> Customer:
        """Open an account at noon."""
        given = {"account": account, **fields}
        return self.successResultOf(self.store.create(given, rows.NOON))

    def test_defaults(self) -> None:
        """An account number alone makes an account without an end."""
        self.assertEqual(
            self.create(),
            Customer(1, "1000", "1000", start_time=rows.NOON, valid_time=ENDLESS),
        )

    def test_every_field_is_kept(self) -> None:
        """What is given is what is read."""
        self.successResultOf(RateStore(self.pool).create_group("gold"))
        self.create("boss")
        made = self.create(
            name="one",
            limitMoney=Decimal("100.25"),
            feeRateGroup="gold",
            type=2,
            lockType=1,
            agentAccount="boss",
            phoneBookLimit=7,
            validTime=5,
            ctdBillingType=1,
            memo="m",
        )
        wanted = Customer(
            3,
            "1000",
            "one",
            limit_money=Decimal("100.25"),
            fee_rate_group="gold",
            type=2,
            lock_type=1,
            agent_account="boss",
            phone_book_limit=7,
            start_time=rows.NOON,
            valid_time=5,
            ctd_billing_type=1,
            memo="m",
        )
        self.assertEqual(made, wanted)
        self.assertEqual(self.successResultOf(self.store.all())[1], wanted)

    def test_opening_money_is_a_payment(self) -> None:
        """The ledger begins with the row that opened the account."""
        made = self.create(money=Decimal("12.345678"))
        self.assertEqual(made.money, Decimal("12.345678"))
        found = rows.rows(
            self.connection,
            "SELECT account, fee, type, paytype, customermoney, paytime"
            " FROM e_payhistory",
        )
        self.assertEqual(
            found,
            [("1000", 12_345_678, OPEN_ACCOUNT, OTHER, 12_345_678, rows.NOON)],
        )
        self.assertEqual(rows.ledger(self.connection), rows.balances(self.connection))

    def test_second_account_of_a_number_is_refused(self) -> None:
        """And pays nothing in."""
        self.create()
        again = self.store.create({"account": "1000", "money": Decimal(5)}, rows.NOON)
        self.failureResultOf(again, AlreadyExists)
        self.assertEqual(rows.balances(self.connection), {"1000": 0})

    def test_unknown_references_are_refused(self) -> None:
        """The error names the field."""
        for field in ("feeRateGroup", "agentAccount"):
            made = self.store.create({"account": "1", field: "none"}, rows.NOON)
            failure = self.failureResultOf(made, NotFound)
            self.assertEqual((failure.value.kind, failure.value.key), (field, "none"))

    def test_payments_move_the_balance(self) -> None:
        """Money after each payment stands in its row."""
        self.create()
        for amount, kind, after in (
            (Decimal("10"), PAY, 10_000_000),
            (Decimal("-0.000001"), DEDUCT, 9_999_999),
        ):
            paid = self.store.pay("1000", amount, "memo", kind, CASH, "joe", 9)
            payment = self.successResultOf(paid)
            self.assertEqual(payment.pay_money, amount)
            self.assertEqual(payment.money_after_committed * 10**6, after)
            self.assertEqual(payment.valid_time, ENDLESS)
        found = rows.rows(
            self.connection,
            "SELECT fee, type, customermoney, paytime, memo, operator"
            " FROM e_payhistory ORDER BY id",
        )
        self.assertEqual(
            found,
            [
                (10_000_000, PAY, 10_000_000, 9, "memo", "joe"),
                (-1, DEDUCT, 9_999_999, 9, "memo", "joe"),
            ],
        )

    def test_balance_beyond_its_column_is_refused(self) -> None:
        """Nothing is paid, no row is written, the balance stays as it is."""
        self.create()
        most = Decimal("999999999999.999999")
        self.successResultOf(self.store.pay("1000", most, "", PAY, CASH, "", 0))
        for amount in (Decimal("0.000001"), most):
            paid = self.store.pay("1000", amount, "", PAY, CASH, "", 0)
            self.failureResultOf(paid, OutOfRange)
        found = rows.rows(
            self.connection,
            "SELECT money, (SELECT count(*) FROM e_payhistory) FROM e_customer",
        )
        self.assertEqual(found, [(999_999_999_999_999_999, 1)])

    def test_payment_to_nobody_leaves_no_row(self) -> None:
        """An unknown account is refused."""
        paid = self.store.pay("x", Decimal(1), "", PAY, CASH, "", 0)
        self.failureResultOf(paid, NotFound)
        self.assertEqual(rows.rows(self.connection, "SELECT * FROM e_payhistory"), [])

    def test_records_in_the_order_asked_for(self) -> None:
        """Unknown accounts are left out, details that were never set too."""
        self.create("1", infoCustomerAdditional={"email": "a@b", "cardType": 3})
        self.create("2")
        found = self.successResultOf(self.store.records(["2", "nobody", "1"]))
        self.assertEqual([r.customer.account for r in found], ["2", "1"])
        self.assertEqual(found[0].additional, {"cardType": 0, "reportType": 0})
        self.assertEqual(
            found[1].additional, {"cardType": 3, "reportType": 0, "email": "a@b"}
        )
        self.assertEqual(found[1].binded_e164s, ())
        every = self.successResultOf(self.store.records(None))
        self.assertEqual(len(every), 2)

    def test_modify_keeps_what_is_not_given(self) -> None:
        """Balance, number and the other fields stay."""
        self.create(money=Decimal(3), memo="old", limitMoney=Decimal(1))
        fields = {
            "account": "x",
            "money": Decimal(99),
            "limitMoney": Decimal("2.5"),
            "memo": None,
            "infoCustomerAdditional": {"bank": "b"},
        }
        changed = self.successResultOf(self.store.modify("1000", fields))
        self.assertEqual(changed.account, "1000")
        self.assertEqual((changed.money, changed.limit_money), (3, Decimal("2.5")))
        self.assertEqual(changed.memo, "old")
        (record,) = self.successResultOf(self.store.records(["1000"]))
        self.assertEqual(record.additional["bank"], "b")

    def test_account_in_use_is_not_deleted(self) -> None:
        """The error lists who uses it."""
        self.create()
        gateways = GatewayStore(self.pool, MAPPING)
        self.successResultOf(gateways.create({"name": "gw", "account": "1000"}))
        failure = self.failureResultOf(self.store.delete("1000"), Referenced)
        self.assertEqual(failure.value.users, ("mapping gateway gw",))
        self.successResultOf(gateways.delete("gw"))
        self.successResultOf(self.store.delete("1000"))
        self.assertEqual(
            rows.rows(self.connection, "SELECT * FROM e_customerdetail"), []
        )

    def test_numbers_are_never_used_again(self) -> None:
        """A number says which object it was, for good."""
        first = self.create()
        self.successResultOf(self.store.delete("1000"))
        second = self.create()
        self.assertEqual((first.id, second.id), (1, 2))
        found = rows.rows(
            self.connection, "SELECT maxid FROM e_othermaxid WHERE type = ?", ids.OBJECT
        )
        self.assertEqual(found, [(2,)])
