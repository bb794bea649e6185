"""
Reads our switch's SQLite file and balances its books.

Amounts in the file are whole millionths, so every sum here is exact.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs

from bench.carrier import CUSTOMER, OPENING, VENDOR

_MILLION = 1_000_000
_ORDINARY = -8
_MAGIC = b"SQLite format 3\x00"


@attrs.frozen(slots=True)
class Ledger:
    """
    What the records and the balances say.

    @ivar answered: Records of answered calls that ended by hanging up.
    @ivar fees: Sum of the records' fees.
    @ivar paid: What the customer's balance went down by.
    @ivar costs: Sum of the records' clearing fees.
    @ivar owed: What the vendor's clearing balance went down by.
    """

    answered: int
    fees: Decimal
    paid: Decimal
    costs: Decimal
    owed: Decimal

    @property
    def balanced(self) -> bool:
        """Whether both balances moved by exactly what the records say."""
        return self.fees == self.paid and self.costs == self.owed


def database(state: Path) -> Path:
    """The SQLite file in a state directory."""
    for path in sorted(state.iterdir()):
        if path.is_file():
            with path.open("rb") as opened:
                if opened.read(len(_MAGIC)) == _MAGIC:
                    return path
    raise FileNotFoundError(f"no SQLite file in {state}")


def _money(millionths: int) -> Decimal:
    return Decimal(millionths) / _MILLION


def _sums(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Answered calls, fees and costs over all tables, each record once."""
    columns = "flowno, endreason, fee, agentfee"
    row: tuple[int, int, int] = connection.execute(
        "SELECT COALESCE(SUM(endreason = ?), 0), COALESCE(SUM(fee), 0),"
        f" COALESCE(SUM(agentfee), 0) FROM ({_union(connection, columns)})",
        (_ORDINARY,),
    ).fetchone()
    return row


def _union(connection: sqlite3.Connection, columns: str) -> str:
    names = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        " AND (name = 'e_cdr' OR name GLOB 'e_cdr_[0-9]*')"
    )
    return " UNION ".join(f"SELECT {columns} FROM {name}" for (name,) in names)


@contextmanager
def _opened(state: Path) -> Iterator[sqlite3.Connection]:
    """One consistent view of the file, while the switch runs."""
    uri = f"file:{database(state)}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=30)) as connection:
        connection.execute("BEGIN")
        yield connection


def records(state: Path, callee: str) -> list[dict[str, Any]]:
    """The records of the calls to one number, in the order they were written."""
    with _opened(state) as connection:
        connection.row_factory = sqlite3.Row
        rows = connection.execute(
            f"SELECT * FROM ({_union(connection, '*')})"
            " WHERE calleeaccesse164 = ? ORDER BY flowno",
            (callee,),
        )
        return [dict(row) for row in rows]


def balance(state: Path, account: str) -> Decimal:
    """An account's money."""
    with _opened(state) as connection:
        (money,) = connection.execute(
            "SELECT money FROM e_customer WHERE account = ?", (account,)
        ).fetchone()
    return _money(money)


def read(state: Path) -> Ledger:
    """The books in a state directory."""
    with _opened(state) as connection:
        answered, fees, costs = _sums(connection)
        balances = dict(connection.execute("SELECT account, money FROM e_customer"))
    return Ledger(
        answered,
        _money(fees),
        OPENING - _money(balances[CUSTOMER]),
        _money(costs),
        OPENING - _money(balances[VENDOR]),
    )
