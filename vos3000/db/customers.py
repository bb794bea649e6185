"""
Accounts: e_customer, e_customerdetail and e_payhistory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import attrs
from twisted.internet.defer import Deferred

from vos3000.db import changes, ids
from vos3000.db.changes import By
from vos3000.db.cursor import Cursor
from vos3000.db.fieldvalues import UNREADABLE
from vos3000.db.pool import Pool
from vos3000.errors import AlreadyExists, BadRow, NotFound, OutOfRange, Referenced
from vos3000.model.accounts import ENDLESS, AccountType, Customer
from vos3000.model.money import BALANCE_LIMIT, ZERO, plain

PAY = 0
DEDUCT = 1
OPEN_ACCOUNT = 2

CASH = 0
CARD = 2
OTHER = 5

_FIELDS: tuple[tuple[str, Any], ...] = (
    ("account", ""),
    ("name", ""),
    ("money", ZERO),
    ("limitMoney", ZERO),
    ("feeRateGroup", ""),
    ("type", 0),
    ("lockType", 0),
    ("agentAccount", ""),
    ("phoneBookLimit", 0),
    ("startTime", 0),
    ("validTime", 0),
    ("ctdBillingType", 0),
    ("canceled", False),
    ("memo", ""),
)
_COLUMNS = ", ".join(["id", *(name.lower() for name, _ in _FIELDS)])
_WHOLE = (6, 7, 9, 10, 11, 12, 13)
"""The places of whole numbers in a row."""
_AMOUNTS = frozenset(("money", "limitMoney"))
_CHANGEABLE = tuple(
    name for name, _ in _FIELDS if name not in ("account", "money", "startTime")
)

DETAILS: tuple[tuple[str, Any], ...] = (
    ("cardType", 0),
    ("cardNumber", ""),
    ("address", ""),
    ("postCode", ""),
    ("linkMan", ""),
    ("telephone", ""),
    ("fax", ""),
    ("email", ""),
    ("emailCc", ""),
    ("emailBcc", ""),
    ("reportType", 0),
    ("companyName", ""),
    ("bank", ""),
)
"""InfoCustomerAdditional: names and defaults."""

_DETAIL_COLUMNS = ", ".join(name.lower() for name, _ in DETAILS)


@attrs.frozen(slots=True)
class CustomerRecord:
    """
    All that is known of an account.

    @ivar additional: InfoCustomerAdditional by the interface's names; what
        was never set is left out, apart from cardType and reportType.
    @ivar today_consumption: Charges since the moment that was asked about.
    @ivar binded_e164s: Numbers bound to it.
    """

    customer: Customer
    additional: Mapping[str, Any]
    today_consumption: Decimal
    binded_e164s: tuple[str, ...] = ()


@attrs.frozen(slots=True)
class Payment:
    """
    A payment that has been committed.

    @ivar pay_money: What was added to the balance; negative if taken off.
    @ivar money_after_committed: The balance in e_customer after it.
    @ivar valid_time: When the account expires, UTC ms.
    """

    account: str
    pay_money: Decimal
    money_after_committed: Decimal
    valid_time: int


_Row = tuple[Decimal, int, int, str, str, int]
"""A payment: amount, kind, way, memo, operator, moment."""


def _told(customer: Customer) -> dict[str, Any]:
    """An account's own fields, by the interface's names."""
    values = attrs.astuple(customer)[1:]
    return dict(zip((name for name, _ in _FIELDS), values, strict=True))


class CustomerStore:
    """
    The accounts. Every method is one interaction.

    Balances move in three ways, each with a row that says why: a payment
    here, a record by the CDR writer, a rent in e_consumption.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._dialect = pool.dialect

    def create(
        self, fields: Mapping[str, Any], when_ms: int, by: By | None = None
    ) -> Deferred[Customer]:
        """
        Open an account; opening money gets a payment row of its own.

        @param fields: CustomerFields by the interface's names, amounts as
            Decimal; C{account} is needed, C{name} defaults to it, a
            C{validTime} of 0 (or none) never expires.
        @param when_ms: The moment of opening, UTC ms.
        @param by: Who stands in the list of changes; None for nobody.
        @return: Fails with L{AlreadyExists}, or L{NotFound} for an unknown
            C{feeRateGroup} or C{agentAccount}.
        """
        return self._pool.interact("customer_create", self.insert, fields, when_ms, by)

    def modify(
        self, account: str, fields: Mapping[str, Any], by: By | None = None
    ) -> Deferred[Customer]:
        """
        Change the fields that are given; balance and account number stay.

        @return: Fails with L{NotFound}.
        """
        return self._pool.interact("customer_modify", self._modify, account, fields, by)

    def delete(self, account: str, by: By | None = None) -> Deferred[None]:
        """
        Remove an account; its records and payments stay.

        @return: Fails with L{NotFound}, or with L{Referenced} while gateways,
            phones or accounts below it name it.
        """
        return self._pool.interact("customer_delete", self._delete, account, by)

    def all(self) -> Deferred[list[Customer]]:
        """
        Every account, in the order of opening.

        It runs between two writes of records or payments, so that a balance read
        and the commits that are reported cannot overtake one another.
        """
        return self._pool.records("customer_all", self._all)

    def records(
        self, accounts: Iterable[str] | None, since_ms: int = 0
    ) -> Deferred[list[CustomerRecord]]:
        """
        Accounts with everything known of them; unknown ones are left out.

        @param accounts: The accounts wanted; None for all.
        @param since_ms: The beginning of today, UTC ms.
        """
        wanted = None if accounts is None else tuple(accounts)
        return self._pool.read("customer_records", self._records, wanted, since_ms)

    def pay(
        self,
        account: str,
        amount: Decimal,
        memo: str,
        kind: int,
        way: int,
        operator: str,
        when_ms: int,
        by: By | None = None,
    ) -> Deferred[Payment]:
        """
        Move a balance and write why, in one transaction.

        @param amount: What is added to the balance; negative to take off.
        @param kind: L{PAY} or L{DEDUCT}.
        @param way: L{CASH}, L{CARD} or L{OTHER}.
        @param operator: Who did it, for the operator's history.
        @param by: Who stands in the list of changes; None for nobody.
        @return: Fails with L{NotFound}, or with L{OutOfRange} where the balance
            would reach L{BALANCE_LIMIT}.
        """
        row = (amount, kind, way, memo, operator, when_ms)
        return Deferred.fromCoroutine(self._pay_in_order(account, row, by))

    async def _pay_in_order(self, account: str, row: _Row, by: By | None) -> Payment:
        """
        Pay among the records, so that balances are read in order with it. The number
        is taken before: an import may hold that sequence for seconds, and no record
        must wait for it.
        """
        number = await self._pool.interact("payment_number", ids.fresh, "e_payhistory")
        return await self._pool.records(
            "customer_pay", self._pay, account, row, number, by
        )

    def _customer(self, row: Sequence[Any]) -> Customer:
        values = list(row)
        try:
            values[3] = self._dialect.read_amount(values[3])
            values[4] = self._dialect.read_amount(values[4])
            for place in _WHOLE:
                if not isinstance(values[place], int):
                    raise ValueError(f"{values[place]!r} is no number")
        except UNREADABLE as error:
            raise BadRow("e_customer", row[1], error) from error
        values[13] = bool(values[13])
        return Customer(*values)

    def _select(self, cursor: Cursor, account: str) -> Customer:
        cursor.execute(
            f"SELECT {_COLUMNS} FROM e_customer WHERE account = ?", (account,)
        )
        row = cursor.fetchone()
        if row is None:
            raise NotFound("account", account)
        return self._customer(row)

    def _all(self, cursor: Cursor) -> list[Customer]:
        cursor.execute(f"SELECT {_COLUMNS} FROM e_customer ORDER BY id")
        return [self._customer(row) for row in cursor.fetchall()]

    def _value(self, name: str, value: Any) -> Any:
        if name in _AMOUNTS:
            return self._dialect.amount(value)
        return int(value) if isinstance(value, bool) else value

    def _known(self, cursor: Cursor, fields: Mapping[str, Any]) -> None:
        """Refuse references to what does not exist."""
        for field, table, column in (
            ("feeRateGroup", "e_feerategroup", "name"),
            ("agentAccount", "e_customer", "account"),
        ):
            key = fields.get(field)
            if key:
                cursor.execute(f"SELECT 1 FROM {table} WHERE {column} = ?", (key,))
                if cursor.fetchone() is None:
                    raise NotFound(field, key)

    def insert(
        self,
        cursor: Cursor,
        fields: Mapping[str, Any],
        when_ms: int,
        by: By | None = None,
    ) -> Customer:
        """Open an account in a transaction that does more (L{create})."""
        given = {name: value for name, value in fields.items() if value is not None}
        account = given["account"]
        cursor.execute("SELECT 1 FROM e_customer WHERE account = ?", (account,))
        if cursor.fetchone() is not None:
            raise AlreadyExists("account", account)
        self._known(cursor, given)
        given["name"] = given.get("name") or account
        given["startTime"] = when_ms
        given["validTime"] = given.get("validTime") or ENDLESS
        money = given.pop("money", ZERO)
        number = ids.fresh(cursor, "e_customer")
        row = [self._value(name, given.get(name, default)) for name, default in _FIELDS]
        marks = ", ".join("?" * (len(row) + 1))
        cursor.execute(
            f"INSERT INTO e_customer ({_COLUMNS}) VALUES ({marks})", (number, *row)
        )
        self._detail(cursor, number, given.get("infoCustomerAdditional") or {}, True)
        if money:
            opening = (money, OPEN_ACCOUNT, OTHER, "", "", when_ms)
            self._pay(cursor, account, opening, ids.fresh(cursor, "e_payhistory"))
        made = self._select(cursor, account)
        if by is not None:
            new = {**_told(made), **(given.get("infoCustomerAdditional") or {})}
            new = {n: v for n, v in new.items() if v and n != "id"}
            changes.record(cursor, by, changes.CREATED, f"account {account}", {}, new)
        return made

    def _detail(
        self, cursor: Cursor, number: int, given: Mapping[str, Any], fresh: bool
    ) -> None:
        known = [(n, d, given[n]) for n, d in DETAILS if given.get(n) is not None]
        if fresh:
            cursor.execute("INSERT INTO e_customerdetail (id) VALUES (?)", (number,))
        if known:
            marks = ", ".join(f"{name.lower()} = ?" for name, _, _ in known)
            cursor.execute(
                f"UPDATE e_customerdetail SET {marks} WHERE id = ?",
                (*(value for _, _, value in known), number),
            )

    def _record(self, cursor: Cursor, customer: Customer) -> dict[str, Any]:
        """Everything of an account that an operator sets."""
        details = self._details(cursor, [customer]).get(customer.id, {})
        return {**_told(customer), **details}

    def _modify(
        self,
        cursor: Cursor,
        account: str,
        fields: Mapping[str, Any],
        by: By | None = None,
    ) -> Customer:
        customer = self._select(cursor, account)
        before = self._record(cursor, customer)
        self._known(cursor, fields)
        given = [n for n in _CHANGEABLE if fields.get(n) is not None]
        if given:
            marks = ", ".join(f"{name.lower()} = ?" for name in given)
            values = [self._value(name, fields[name]) for name in given]
            cursor.execute(
                f"UPDATE e_customer SET {marks} WHERE id = ?", (*values, customer.id)
            )
        additional = fields.get("infoCustomerAdditional") or {}
        self._detail(cursor, customer.id, additional, False)
        after = self._select(cursor, account)
        told = changes.differences(before, self._record(cursor, after))
        changes.record(cursor, by, changes.CHANGED, f"account {account}", *told)
        return after

    def _delete(self, cursor: Cursor, account: str, by: By | None = None) -> None:
        customer = self._select(cursor, account)
        number = customer.id
        users: list[str] = []
        for kind, table, column, key in (
            ("mapping gateway", "e_gatewaymapping", "account", "name"),
            ("routing gateway", "e_gatewayrouting", "clearingaccount", "name"),
            ("phone", "e_phone", "account", "e164"),
            ("account", "e_customer", "agentaccount", "account"),
        ):
            cursor.execute(
                f"SELECT {key} FROM {table} WHERE {column} = ? ORDER BY id", (account,)
            )
            users += [f"{kind} {name}" for (name,) in cursor.fetchall()]
        if users:
            raise Referenced("account", account, users)
        if by is not None:
            gone = {n: v for n, v in self._record(cursor, customer).items() if v}
            changes.record(cursor, by, changes.DELETED, f"account {account}", gone, {})
        cursor.execute("DELETE FROM e_customerdetail WHERE id = ?", (number,))
        cursor.execute("DELETE FROM e_customer WHERE id = ?", (number,))

    def _pay(
        self,
        cursor: Cursor,
        account: str,
        row: _Row,
        number: int,
        by: By | None = None,
    ) -> Payment:
        amount, kind, way, memo, operator, when_ms = row
        money = self._dialect.amount(amount)
        balance = self._select(cursor, account).money + amount
        if abs(balance) >= BALANCE_LIMIT:
            raise OutOfRange(f"the balance would be {plain(balance)}")
        cursor.execute(
            "UPDATE e_customer SET money = money + ? WHERE account = ?",
            (money, account),
        )
        after = self._select(cursor, account)
        cursor.execute(
            "INSERT INTO e_payhistory (id, account, name, fee, type, paytype,"
            " customermoney, paytime, memo, operator)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                number,
                account,
                after.name,
                money,
                kind,
                way,
                self._dialect.amount(after.money),
                when_ms,
                memo,
                operator,
            ),
        )
        new = {"money": after.money, "payMoney": amount, "memo": memo}
        old = {"money": after.money - amount}
        changes.record(cursor, by, changes.PAID, f"account {account}", old, new)
        return Payment(account, amount, after.money, after.valid_time)

    def _records(
        self, cursor: Cursor, wanted: tuple[str, ...] | None, since_ms: int
    ) -> list[CustomerRecord]:
        customers = self._all(cursor)
        if wanted is not None:
            by_account = {customer.account: customer for customer in customers}
            found = (by_account.get(account) for account in dict.fromkeys(wanted))
            customers = [customer for customer in found if customer is not None]
        details = self._details(cursor, customers)
        spent = self._consumption(cursor, customers, since_ms)
        return [
            CustomerRecord(
                customer, details.get(customer.id, {}), spent[customer.account]
            )
            for customer in customers
        ]

    def _details(
        self, cursor: Cursor, customers: Sequence[Customer]
    ) -> dict[int, dict[str, Any]]:
        wanted = {customer.id for customer in customers}
        cursor.execute(f"SELECT id, {_DETAIL_COLUMNS} FROM e_customerdetail")
        return {
            row[0]: {
                name: value
                for (name, default), value in zip(DETAILS, row[1:], strict=True)
                if value != "" or default != ""
            }
            for row in cursor.fetchall()
            if row[0] in wanted
        }

    def _consumption(
        self, cursor: Cursor, customers: Sequence[Customer], since_ms: int
    ) -> dict[str, Decimal]:
        """
        What each account was charged since a moment, calls and rents.

        Clearing accounts are asked about by the vendor's side of the records.
        """
        spent = dict.fromkeys((customer.account for customer in customers), ZERO)
        clearing = any(c.type == AccountType.CLEARING for c in customers)
        sides = [("customeraccount", "fee", "starttime")]
        if clearing:
            sides.append(("agentaccount", "agentfee", "starttime"))
        queries = [
            (table, *side)
            for table in self._dialect.tables(cursor, "e_cdr")
            for side in sides
        ]
        queries.append(("e_consumption", "account", "money", "time"))
        for table, account, amount, time in queries:
            cursor.execute(
                f"SELECT {account}, SUM({amount}) FROM {table} WHERE {time} >= ?"
                f" AND {amount} <> 0 GROUP BY {account}",
                (since_ms,),
            )
            for key, total in cursor.fetchall():
                if key in spent:
                    spent[key] += self._dialect.read_amount(total)
        return spent
