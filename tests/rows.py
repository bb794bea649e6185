"""
Builders of databases and rows: a test names only what matters to it.
"""

from __future__ import annotations

import functools
import sqlite3
import tempfile
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from vos3000.db import upgrade
from vos3000.db.pool import Pool, local_pool
from vos3000.db.sqlite import Sqlite
from vos3000.metrics import Metrics
from vos3000.model.accounts import Movement
from vos3000.model.cdr import Cdr, CdrEntry
from vos3000.model.rates import Rate

UTC = ZoneInfo("UTC")

MEMORY = "sqlite://"

NOON = 1_772_366_400_000
"""2026-03-01 12:00:00 UTC, ms."""


@functools.cache
def _template() -> sqlite3.Connection:
    """A database with the schema and no rows, made by the migrations once."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.db"
        upgrade.migrate(f"sqlite:///{path}")
        made = sqlite3.connect(path)
        memory = sqlite3.connect(":memory:")
        made.backup(memory)
        made.close()
    return memory


MAKERS: list[Callable[[], Any]] = []
"""What the tests' databases are made by; the last one counts, SQLite by default."""


def empty_database() -> Any:
    """A database with the schema and no rows, set up as the pool does it."""
    if MAKERS:
        return MAKERS[-1]()
    kind = Sqlite(MEMORY)
    connection: sqlite3.Connection = sqlite3.connect(**kind.arguments())
    _template().backup(connection)
    kind.prepare(connection)
    return connection


def memory_pool(connection: Any = None, metrics: Metrics | None = None) -> Pool:
    """A pool on a database of L{empty_database}, in the test's own thread."""
    if connection is None:
        connection = empty_database()
    counted = metrics if metrics is not None else Metrics()
    url = getattr(connection, "url", MEMORY)
    opened = getattr(connection, "pooled", connection)
    return local_pool(url, counted, lambda: 0.0, opened)


def cdr(**fields: Any) -> Cdr:
    """A record of an answered call at noon, with what is given changed."""
    given: dict[str, Any] = {
        "callere164": "4930123",
        "calleraccesse164": "030123",
        "calleee164": "442071234",
        "calleeaccesse164": "00442071234",
        "callerip": "192.0.2.1",
        "callergatewayid": "customer",
        "calleegatewayid": "vendor",
        "calleeip": "198.51.100.1",
        "starttime": NOON,
        "stoptime": NOON + 60_000,
        "holdtime": 60,
        "feetime": 60,
        "fee": Decimal("0.06"),
        "customeraccount": "1000",
        "customername": "one thousand",
        "softswitchname": "MBX",
        "softswitchcallid": 7,
        "callercallid": "a@192.0.2.1",
        "calleecallid": "b@203.0.113.1",
    }
    return Cdr(**{**given, **fields})


def entry(account: str = "1000", fee: str = "0.06", **fields: Any) -> CdrEntry:
    """A record with the movement that its fee is."""
    amount = Decimal(fee)
    record = cdr(customeraccount=account, fee=amount, **fields)
    movements = (Movement(account, -amount),) if amount else ()
    return CdrEntry(record, movements)


def rate(prefix: str, fee: str = "0.06", period: int = 60, **fields: Any) -> Rate:
    """A rate for a prefix."""
    given: dict[str, Any] = {"area_code": prefix, **fields}
    return Rate(prefix, Decimal(fee), period, **given)


def rows(connection: sqlite3.Connection, sql: str, *values: Any) -> list[Any]:
    """What a query answers, outside of the pool."""
    return list(connection.execute(sql, values).fetchall())


def amount(connection: Any, micros: int) -> Any:
    """An amount as the database stores it."""
    if isinstance(connection, sqlite3.Connection):
        return micros
    return Decimal(micros).scaleb(-6)


def balances(connection: sqlite3.Connection) -> dict[str, int]:
    """The balance of each account in millionths."""
    return dict(rows(connection, "SELECT account, money FROM e_customer"))


def ledger(connection: sqlite3.Connection) -> dict[str, int]:
    """
    What each account's balance must be, from the rows that say why it moved.
    """
    sums: dict[str, int] = dict.fromkeys(balances(connection), 0)
    records = record_tables(connection)
    _add(sums, rows(connection, "SELECT account, fee FROM e_payhistory"), 1)
    _add(sums, rows(connection, "SELECT account, money FROM e_consumption"), -1)
    _add(sums, rows(connection, "SELECT account, money FROM e_cleaned"), 1)
    for table in records:
        _add(sums, rows(connection, f"SELECT customeraccount, fee FROM {table}"), -1)
        _add(sums, rows(connection, f"SELECT agentaccount, agentfee FROM {table}"), -1)
    return sums


def record_tables(connection: Any) -> list[str]:
    """The tables with records."""
    if isinstance(connection, sqlite3.Connection):
        sql = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
    else:
        sql = (
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = DATABASE() ORDER BY table_name"
        )
    return [name for (name,) in rows(connection, sql) if name.startswith("e_cdr")]


def columns(connection: Any, table: str) -> tuple[str, ...]:
    """The columns of a table, in order."""
    if isinstance(connection, sqlite3.Connection):
        sql = f"SELECT name FROM pragma_table_info('{table}') ORDER BY cid"
    else:
        sql = (
            "SELECT column_name FROM information_schema.columns WHERE table_schema ="
            f" DATABASE() AND table_name = '{table}' ORDER BY ordinal_position"
        )
    return tuple(name for (name,) in rows(connection, sql))


def _add(sums: dict[str, int], found: Iterable[tuple[str, int]], sign: int) -> None:
    for account, amount in found:
        if account in sums:
            sums[account] += sign * (amount or 0)
