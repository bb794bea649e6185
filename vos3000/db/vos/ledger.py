"""
Payments (e_payhistory) and rents (e_consumption).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from decimal import Decimal
from typing import Any

import attrs

from vos3000.db import ids
from vos3000.db.cursor import Cursor
from vos3000.db.customers import DEDUCT, OTHER
from vos3000.db.dialects import Dialect
from vos3000.db.vos.choices import CONSUMPTION_TYPES, PAY_WAYS, PAYMENT_TYPES
from vos3000.db.vos.records import move
from vos3000.db.vos.source import Row, Source
from vos3000.db.vos.values import Known, Reading, Table, text
from vos3000.model.money import ZERO, plain

PAYMENTS = "e_payhistory"
RENTS = "e_consumption"

_DATED = re.compile(rf"({PAYMENTS}|{RENTS})(_\d{{6,8}})?")
_ACCOUNT = ("account", "customeraccount")
_ACCOUNT_ID = ("customer_id", "customerid", "account_id", "accountid", "account")


def tables(source: Source) -> list[str]:
    """The tables of payments and of rents; those with a date first."""
    found = [name for name in source.tables if _DATED.fullmatch(name)]
    return sorted(found, key=lambda name: (name in (PAYMENTS, RENTS), name))


@attrs.frozen(slots=True)
class Moved:
    """
    A payment or a rent.

    @ivar table: Where it goes.
    @ivar amount: What it adds to the balance.
    @ivar values: Its columns, amounts as Decimal, but for its number.
    """

    table: str
    account: str
    amount: Decimal
    values: Mapping[str, Any]


@attrs.frozen(slots=True)
class LedgerReader:
    """
    Makes payments or rents of the rows of one table.

    @ivar accounts: The accounts that are carried.
    @ivar zone: What DATETIME columns are in.
    """

    table: Table
    accounts: Known
    zone: tzinfo

    @property
    def into(self) -> str:
        """The table here."""
        return PAYMENTS if self.table.name.startswith(PAYMENTS) else RENTS

    def moved(self, rows: Iterable[Row]) -> list[Moved]:
        """What can be carried of those rows."""
        found = []
        for row in rows:
            self.table.report.read += 1
            label = f"row {text(row.get('id'))}"
            reading = Reading(self.table, row, label)
            try:
                account = reading.reference(_ACCOUNT, _ACCOUNT_ID, self.accounts)
                if not account:
                    raise ValueError("its account is none that is carried")
                payment = self.into == PAYMENTS
                made = self._payment if payment else self._rent
                found.append(made(reading, account))
            except ValueError as error:
                self.table.report.refuse(str(error), label)
                continue
            self.table.report.carried += 1
        return found

    def _payment(self, reading: Reading, account: str) -> Moved:
        fee = reading.amount(("fee", "money"))
        kind = reading.number(("type",), 0, PAYMENT_TYPES)
        if kind == DEDUCT and fee > 0:
            reading.change("fee", "of a deduction, becomes negative", plain(fee))
            fee = -fee
        values = {
            "account": account,
            "name": reading.text(("name", "customername")),
            "fee": fee,
            "type": kind,
            "paytype": reading.number(("paytype",), 0, PAY_WAYS, otherwise=OTHER),
            "customermoney": reading.amount(("customermoney",)),
            "paytime": reading.moment(("paytime", "time"), self.zone),
            "memo": reading.text(("memo",)),
            "operator": reading.text(("operator", "loginname", "username")),
        }
        return Moved(PAYMENTS, account, fee, values)

    def _rent(self, reading: Reading, account: str) -> Moved:
        money = reading.amount(("money", "fee"))
        values = {
            "account": account,
            "money": money,
            "customermoney": reading.amount(("customermoney",)),
            "type": reading.number(("type",), 0, CONSUMPTION_TYPES),
            "consumptionname": reading.text(("consumptionname", "name")),
            "time": reading.moment(("time", "consumptiontime"), self.zone),
        }
        return Moved(RENTS, account, -money, values)


def write(cursor: Cursor, dialect: Dialect, found: Sequence[Moved]) -> None:
    """Write payments or rents, and move the balances."""
    sums: dict[str, Decimal] = {}
    number = ids.take(cursor, ids.OBJECT, len(found)) if found else 0
    for place, each in enumerate(found):
        sums[each.account] = sums.get(each.account, ZERO) + each.amount
        values = [
            dialect.amount(value) if isinstance(value, Decimal) else value
            for value in each.values.values()
        ]
        names = ", ".join(["id", *each.values])
        marks = ", ".join("?" * (len(values) + 1))
        cursor.execute(
            f"INSERT INTO {each.table} ({names}) VALUES ({marks})",
            (number + place, *values),
        )
    move(cursor, dialect, sums)
