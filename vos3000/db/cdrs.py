"""
Reading records: the rolling table and the day tables as one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import Any

import attrs
from twisted.internet.defer import Deferred

from vos3000.db.days import ROLLING, day_of, day_tables
from vos3000.db.dialects import Cursor, Sqlite
from vos3000.db.pool import Pool
from vos3000.model.cdr import COLUMNS, Cdr

AMOUNT_COLUMNS = (
    "fee",
    "tax",
    "suitefee",
    "incomefee",
    "incometax",
    "agentfee",
    "agenttax",
    "agentsuitefee",
)
"""The columns that hold money."""

AMOUNTS = tuple(COLUMNS.index(name) for name in AMOUNT_COLUMNS)
"""Where they are in a row."""

COLUMN_LIST = ", ".join(COLUMNS)
"""All columns, for a statement."""

_OVERLAP = 2
"""
Day tables that can hold a record newer than some of a later table: a long call
belongs to the day it was answered on.
"""

_DEFAULTS = tuple(attrs.astuple(Cdr()))


@attrs.frozen(slots=True)
class CdrQuery:
    """
    Which records are wanted; an empty filter lets everything pass.

    @ivar accounts: Paying accounts.
    @ivar caller: The billed caller number, exactly.
    @ivar callee: The billed callee number, exactly.
    @ivar begin_ms: The first start time, UTC ms.
    @ivar end_ms: The first start time that is too late, UTC ms.
    """

    accounts: tuple[str, ...] = ()
    caller: str = ""
    callee: str = ""
    caller_gateway: str = ""
    callee_gateway: str = ""
    begin_ms: int = 0
    end_ms: int = 1 << 62

    def where(self) -> tuple[str, list[Any]]:
        """The condition and its parameters."""
        conditions = ["starttime >= ?", "starttime < ?"]
        values: list[Any] = [self.begin_ms, self.end_ms]
        if self.accounts:
            marks = ", ".join("?" * len(self.accounts))
            conditions.append(f"customeraccount IN ({marks})")
            values += self.accounts
        for column, value in (
            ("callere164", self.caller),
            ("calleee164", self.callee),
            ("callergatewayid", self.caller_gateway),
            ("calleegatewayid", self.callee_gateway),
        ):
            if value:
                conditions.append(f"{column} = ?")
                values.append(value)
        return " AND ".join(conditions), values


def to_cdr(dialect: Sqlite, row: Sequence[Any]) -> Cdr:
    """A row as a value; NULL, which other programs write, is the default."""
    values = list(row)
    for index in AMOUNTS:
        values[index] = dialect.read_amount(values[index])
    if None in values:
        pairs = zip(values, _DEFAULTS, strict=True)
        values = [default if value is None else value for value, default in pairs]
    return Cdr(*values)


class CdrStore:
    """
    The records that were written.

    @param zone: Whose days the day tables are.
    """

    def __init__(self, pool: Pool, zone: tzinfo) -> None:
        self._pool = pool
        self._dialect = pool.dialect
        self._zone = zone

    def query(self, query: CdrQuery) -> Deferred[list[Cdr]]:
        """
        The records that match, in the order of C{flowno}.

        One snapshot: a record that is being moved to its day table is found
        once.
        """
        return self._pool.read("cdr_query", self._query, query)

    def recent(self, limit: int) -> Deferred[list[Cdr]]:
        """The newest records, newest first."""
        return self._pool.read("cdr_recent", self._recent, limit)

    def _days(self, cursor: Cursor, query: CdrQuery) -> list[str]:
        """The day tables that can hold a record of the query's time."""
        first = last = ""
        if query.begin_ms > 0:
            first = day_of(query.begin_ms, self._zone).table
        if query.end_ms < 1 << 47:
            last = day_of(query.end_ms - 1, self._zone).table
        return [
            name
            for name in day_tables(cursor, self._dialect)
            if name >= first and (not last or name <= last)
        ]

    def _query(self, cursor: Cursor, query: CdrQuery) -> list[Cdr]:
        condition, values = query.where()
        rows: list[Any] = []
        for table in [*self._days(cursor, query), ROLLING]:
            cursor.execute(
                f"SELECT {COLUMN_LIST} FROM {table} WHERE {condition}", values
            )
            rows += cursor.fetchall()
        found = [to_cdr(self._dialect, row) for row in rows]
        return sorted(found, key=lambda cdr: cdr.flowno)

    def _recent(self, cursor: Cursor, limit: int) -> list[Cdr]:
        rows: list[Any] = []
        days = day_tables(cursor, self._dialect)[::-1]
        for count, table in enumerate([ROLLING, *days]):
            if count > _OVERLAP and len(rows) >= limit:
                break
            cursor.execute(
                f"SELECT {COLUMN_LIST} FROM {table} ORDER BY flowno DESC LIMIT ?",
                (limit,),
            )
            rows += cursor.fetchall()
        found = [to_cdr(self._dialect, row) for row in rows]
        return sorted(found, key=lambda cdr: -cdr.flowno)[:limit]
