"""
Accounts: e_customer with e_customerdetail.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import tzinfo
from decimal import Decimal
from typing import Any

import attrs

from vos3000.db import ids
from vos3000.db.cursor import Cursor
from vos3000.db.customers import DETAILS, OPEN_ACCOUNT, OTHER
from vos3000.db.dialects import Dialect
from vos3000.db.vos.choices import ACCOUNT_TYPES, CUSTOMER_LOCKS
from vos3000.db.vos.findings import Report
from vos3000.db.vos.numbers import Numbers
from vos3000.db.vos.source import Source
from vos3000.db.vos.values import LARGEST_LONG, Known, Reading, Table, text
from vos3000.model.accounts import ENDLESS
from vos3000.model.money import ZERO, plain

TABLE = "e_customer"
DETAIL = "e_customerdetail"

_GROUP = ("feerategroup", "feerategroupname")
_GROUP_ID = ("feerategroup_id", "feerategroupid", "feerategroup")
_AGENT = ("agentaccount", "agentcustomeraccount")
_AGENT_ID = (
    *("agent_id", "agentid", "agentcustomer_id", "agentcustomerid", "agentaccount_id"),
    *("parent_id", "parentid"),
)
_MONEY = ("money", "balance")


@attrs.frozen(slots=True)
class Account:
    """
    An account of the source.

    @ivar number: Its number there.
    @ivar values: What its columns are to hold, but for the balance.
    @ivar money: Its balance there.
    @ivar details: What e_customerdetail is to hold.
    """

    number: int
    account: str
    values: Mapping[str, Any]
    money: Decimal
    details: Mapping[str, Any]


def known(source: Source) -> Known:
    """The accounts of the source, by number."""
    if not source.has(TABLE):
        return Known({})
    return Known(
        {
            text(row.get("id")): text(row.get("account")).strip()
            for row in source.rows(TABLE)
            if text(row.get("account")).strip()
        }
    )


def read(
    source: Source, report: Report, accounts: Known, groups: Known, zone: tzinfo
) -> Iterator[Account]:
    """Every account that can be carried."""
    if not source.has(TABLE):
        report.notes.append(f"the source has no table {TABLE}: no account is carried")
        return
    table = Table(source, TABLE, report.table(TABLE), source.tables[TABLE])
    table.report.into = TABLE
    table.report.rows = source.count(TABLE)
    details = _details(source, report)
    seen: set[str] = set()
    for row in source.rows(TABLE):
        table.report.read += 1
        label = f"account {text(row.get('account')).strip() or '?'}"
        reading = Reading(table, row, label)
        try:
            made = _account(reading, accounts, groups, zone, details)
            if made.account in seen:
                raise ValueError("there are two of this number")
        except ValueError as error:
            table.report.refuse(str(error), label)
            continue
        seen.add(made.account)
        table.report.carried += 1
        yield made
    table.tell_left()


def _account(
    reading: Reading,
    accounts: Known,
    groups: Known,
    zone: tzinfo,
    details: Mapping[str, Mapping[str, Any]],
) -> Account:
    account = reading.text(("account",)).strip()
    if not account:
        raise ValueError("it has no account number")
    number = reading.number(("id",), 0, largest=LARGEST_LONG)
    values = {
        "name": reading.text(("name",)) or account,
        "limitmoney": reading.amount(("limitmoney",)),
        "feerategroup": reading.reference(_GROUP, _GROUP_ID, groups),
        "type": reading.number(("type",), 0, ACCOUNT_TYPES),
        "locktype": reading.number(("locktype",), 0, CUSTOMER_LOCKS, otherwise=1),
        "agentaccount": reading.reference(_AGENT, _AGENT_ID, accounts),
        "phonebooklimit": reading.number(("phonebooklimit",)),
        "starttime": reading.moment(("starttime", "createtime"), zone),
        "validtime": reading.moment(("validtime", "expiretime"), zone) or ENDLESS,
        "ctdbillingtype": reading.number(("ctdbillingtype",), 0, (0, 1)),
        "canceled": int(reading.flag(("canceled", "cancelled"))),
        "memo": reading.text(("memo",)),
    }
    money = reading.amount(_MONEY)
    return Account(number, account, values, money, details.get(str(number), {}))


def _details(source: Source, report: Report) -> dict[str, dict[str, Any]]:
    """What e_customerdetail says, by the number of the account."""
    if not source.has(DETAIL):
        return {}
    table = Table(source, DETAIL, report.table(DETAIL), source.tables[DETAIL])
    key = table.find(("customer_id", "customerid", "id"))
    table.report.into = DETAIL
    table.report.rows = source.count(DETAIL)
    found = {}
    for row in source.rows(DETAIL) if key else ():
        table.report.read += 1
        table.report.carried += 1
        reading = Reading(table, row, f"account with id {text(row[key])}")
        found[text(row[key])] = {
            name.lower(): reading.number((name.lower(),), default)
            if isinstance(default, int)
            else reading.text((name.lower(),))
            for name, default in DETAILS
        }
    table.tell_left()
    return found


def write(
    cursor: Cursor, dialect: Dialect, numbers: Numbers, found: Iterable[Account]
) -> None:
    """
    Put accounts into the target: new ones with no money, known ones with what they
    have by now.
    """
    cursor.execute("SELECT account, id FROM e_customer")
    there: dict[str, int] = dict(cursor.fetchall())
    for each in found:
        values = {
            **each.values,
            "limitmoney": dialect.amount(each.values["limitmoney"]),
        }
        if each.account in there:
            number = there[each.account]
            changes = ", ".join(f"{name} = ?" for name in values)
            cursor.execute(
                f"UPDATE e_customer SET {changes} WHERE id = ?",
                (*values.values(), number),
            )
            cursor.execute("DELETE FROM e_customerdetail WHERE id = ?", (number,))
        else:
            number = numbers.take(cursor, each.number)
            _insert(
                cursor,
                "e_customer",
                {
                    "id": number,
                    "account": each.account,
                    **values,
                    "money": dialect.amount(ZERO),
                },
            )
        _insert(cursor, "e_customerdetail", {"id": number, **each.details})


def _insert(cursor: Cursor, table: str, values: Mapping[str, Any]) -> None:
    marks = ", ".join("?" * len(values))
    cursor.execute(
        f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})",
        tuple(values.values()),
    )


def settle(
    cursor: Cursor, dialect: Dialect, balances: Mapping[str, Decimal], when_ms: int
) -> int:
    """
    Give each account the balance it has in the source, with a payment that says
    why: what the payments, charges and rents that were carried do not explain.

    @return: How many accounts needed one.
    """
    cursor.execute("SELECT account, name, money FROM e_customer")
    there = {row[0]: (row[1], dialect.read_amount(row[2])) for row in cursor.fetchall()}
    opened = 0
    for account, wanted in balances.items():
        name, money = there[account]
        missing = wanted - money
        if not missing:
            continue
        opened += 1
        cursor.execute(
            "UPDATE e_customer SET money = money + ? WHERE account = ?",
            (dialect.amount(missing), account),
        )
        _insert(
            cursor,
            "e_payhistory",
            {
                "id": ids.take(cursor, ids.OBJECT),
                "account": account,
                "name": name,
                "fee": dialect.amount(missing),
                "type": OPEN_ACCOUNT,
                "paytype": OTHER,
                "customermoney": dialect.amount(wanted),
                "paytime": when_ms,
                "memo": f"carried over from VOS3000 with a balance of {plain(wanted)}",
                "operator": "import-vos",
            },
        )
    return opened
