"""
Holds a switch's records and balances against what callers were told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs

from bench import ledger
from vos3000.db.dialects import Dialect, dialect

_ACCOUNTS = "SELECT account, money FROM e_customer"
_PAID = "SELECT account, SUM(fee) FROM e_payhistory GROUP BY account"
_RECORDS = (
    "SELECT callercallid, endreason, flowno, customeraccount, fee, agentaccount,"
    " agentfee, holdtime FROM "
)


@attrs.frozen(slots=True)
class Books:
    """
    What is left when all is over.

    @ivar answered: Call-IDs whose callers heard an answer.
    @ivar records: How many records each Call-ID has.
    @ivar completed: Records that a start completed.
    @ivar talked: Seconds of all records.
    @ivar astray: What each account's balance is off by, if it is.
    @ivar gaps: Numbers that are missing between the records'.
    """

    answered: frozenset[str]
    records: Counter[str]
    completed: int
    talked: int
    astray: dict[str, Decimal]
    gaps: int

    @property
    def balanced(self) -> bool:
        """Whether every balance moved as payments and records say."""
        return not self.astray

    def faults(self) -> list[str]:
        """What is wrong, in words; empty if nothing is."""
        lost = [call for call in self.answered if not self.records[call]]
        twice = [call for call, count in self.records.items() if count > 1]
        found = []
        if lost:
            found.append(f"{len(lost)} answered calls without a record: {lost[:3]}")
        if twice:
            found.append(f"{len(twice)} calls with two records: {twice[:3]}")
        if self.astray:
            found.append(f"balances are not the sums of the records: {self.astray}")
        if self.gaps:
            found.append(f"{self.gaps} record numbers are missing")
        return found


def location(state: Path, url: str = "") -> str:
    """The URL of a switch's database: what was given, or the file in its state."""
    return url or f"sqlite:///{ledger.database(state)}"


def audit(url: str, answered: Iterable[str]) -> Books:
    """
    Add up what a database holds.

    @param answered: Call-IDs whose callers heard an answer.
    """
    with _cursor(url) as (kind, cursor):
        amount = kind.read_amount
        wrong: Counter[str] = Counter()
        cursor.execute(_PAID)
        for account, paid in cursor.fetchall():
            wrong[account] += amount(paid)  # type: ignore[assignment]
        cursor.execute(_ACCOUNTS)
        for account, money in cursor.fetchall():
            wrong[account] -= amount(money)  # type: ignore[assignment]
        rows: list[Any] = []
        for table in kind.tables(cursor, "e_cdr"):
            if table == "e_cdr" or table[6:].isdecimal():
                cursor.execute(_RECORDS + table)
                rows += cursor.fetchall()
    for _, _, _, payer, fee, seller, cost, _ in rows:
        wrong[payer] -= amount(fee)  # type: ignore[assignment]
        wrong[seller] -= amount(cost)  # type: ignore[assignment]
    numbers = sorted(row[2] for row in rows)
    return Books(
        frozenset(answered),
        Counter(row[0] for row in rows),
        sum(row[1] == -1031 for row in rows),
        sum(row[7] for row in rows),
        {name: Decimal(off) for name, off in wrong.items() if off},
        sum(later - earlier != 1 for earlier, later in pairwise(numbers)),
    )


@contextmanager
def _cursor(url: str) -> Iterator[tuple[Dialect, Any]]:
    """One consistent view."""
    kind = dialect(url)
    connection = kind.connect()
    try:
        cursor = connection.cursor()
        for statement in kind.begin_read:
            cursor.execute(statement)
        yield kind, cursor
    finally:
        connection.close()
