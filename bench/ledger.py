"""
Reads our switch's SQLite file and balances its books.

Amounts in the file are whole millionths, so every sum here is exact.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

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


def _records(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Answered calls, fees and costs over all tables, each record once."""
    names = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        " AND (name = 'e_cdr' OR name GLOB 'e_cdr_[0-9]*')"
    )
    columns = "flowno, endreason, fee, agentfee"
    union = " UNION ".join(f"SELECT {columns} FROM {name}" for (name,) in names)
    row: tuple[int, int, int] = connection.execute(
        "SELECT COALESCE(SUM(endreason = ?), 0), COALESCE(SUM(fee), 0),"
        f" COALESCE(SUM(agentfee), 0) FROM ({union})",
        (_ORDINARY,),
    ).fetchone()
    return row


def read(state: Path) -> Ledger:
    """Read the books from a state directory while the switch runs."""
    uri = f"file:{database(state)}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=30)) as connection:
        connection.execute("BEGIN")
        answered, fees, costs = _records(connection)
        balances = dict(connection.execute("SELECT account, money FROM e_customer"))
    return Ledger(
        answered,
        _money(fees),
        OPENING - _money(balances[CUSTOMER]),
        _money(costs),
        OPENING - _money(balances[VENDOR]),
    )
