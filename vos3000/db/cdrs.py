"""
Reading records: the rolling table and the day tables as one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import Any

import attrs
from twisted.internet.defer import Deferred

from vos3000.db.cursor import Cursor
from vos3000.db.days import ROLLING, day_of, day_tables
from vos3000.db.dialects import Dialect
from vos3000.db.pool import Pool
from vos3000.model.cdr import AMOUNTS, COLUMNS, Cdr

COLUMN_LIST = ", ".join(COLUMNS)
"""All columns, for a statement."""

_OVERLAP = 2
"""
Day tables that can hold a record newer than some of a later table: a long call
belongs to the day it was answered on.
"""

PAGE = 500
"""Records that are read at once, so that a long answer needs little memory."""

_MOST_PARTS = 64
"""Parts of a statement, each in the order of C{flowno} by its own index."""

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

    def parts(self, tables: Sequence[str]) -> list[tuple[str, list[Any]]]:
        """
        Conditions whose rows an index gives in the order of C{flowno}.

        An index on one column has rows of one value in that order; so each
        account is a part of its own while that makes not too many. The C{+}
        keeps indexes away that have another order.

        @return: FROM and WHERE of each part, and its parameters.
        """
        conditions = ["+starttime >= ?", "+starttime < ?"]
        values: list[Any] = [self.begin_ms, self.end_ms]
        for column, value in (
            ("callere164", self.caller),
            ("calleee164", self.callee),
            ("callergatewayid", self.caller_gateway),
            ("calleegatewayid", self.callee_gateway),
        ):
            if value:
                conditions.append(f"{column} = ?")
                values.append(value)
        accounts = tuple(dict.fromkeys(self.accounts))
        groups: list[tuple[str, ...]] = [(account,) for account in accounts]
        if len(groups) * len(tables) > _MOST_PARTS:
            groups = [accounts]
        return [
            (
                f"FROM {name} WHERE " + " AND ".join([*conditions, *_one_of(group)]),
                [*values, *group],
            )
            for group in groups or [()]
            for name in tables
        ]


def _one_of(accounts: Sequence[str]) -> list[str]:
    """The condition that a record is of one of the accounts; none for none."""
    if len(accounts) == 1:
        return ["customeraccount = ?"]
    marks = ", ".join("?" * len(accounts))
    return [f"+customeraccount IN ({marks})"] if accounts else []


def to_cdr(dialect: Dialect, row: Sequence[Any]) -> Cdr:
    """A row as a value; NULL, which other programs write, is the default."""
    values = list(row)
    for index in AMOUNTS:
        values[index] = dialect.read_amount(values[index])
    if None in values:
        pairs = zip(values, _DEFAULTS, strict=True)
        values = [default if value is None else value for value, default in pairs]
    return Cdr(*values)


class CdrReader:
    """
    Reads the records that match a query, page by page, in the order of
    C{flowno}.

    Each page is a transaction of its own, so that a reader who takes his time
    holds up nobody, neither other reads nor the clean-up of the write-ahead
    log. The pages still are one snapshot: records only ever come with higher
    numbers, and what was added after the first page is left out. A record
    that is being moved to its day table is found once.

    @ivar ended: Whether every record was read.
    @param size: Records of a page.
    """

    def __init__(
        self, pool: Pool, zone: tzinfo, query: CdrQuery, size: int = PAGE
    ) -> None:
        self._size = size
        self._pool = pool
        self._dialect = pool.dialect
        self._zone = zone
        self._wanted = query
        self._last = -(1 << 63)
        self._newest: int | None = None
        self.ended = False

    def next(self) -> Deferred[list[Cdr]]:
        """The next records, a full page or the last ones."""
        page = self._pool.read("cdr_query", self._page)
        return page.addCallback(self._turn)

    def _turn(self, page: tuple[list[Cdr], int]) -> list[Cdr]:
        found, self._newest = page
        self.ended = len(found) < self._size
        if found:
            self._last = found[-1].flowno
        return found

    def _tables(self, cursor: Cursor) -> list[str]:
        """The tables that can hold a record of the query's time."""
        first = last = ""
        if self._wanted.begin_ms > 0:
            first = day_of(self._wanted.begin_ms, self._zone).table
        if self._wanted.end_ms < 1 << 47:
            last = day_of(self._wanted.end_ms - 1, self._zone).table
        days = [
            name
            for name in day_tables(cursor, self._dialect)
            if name >= first and (not last or name <= last)
        ]
        return [*days, ROLLING]

    def _page(self, cursor: Cursor) -> tuple[list[Cdr], int]:
        """One page, and the highest number when the first one was read."""
        tables = self._tables(cursor)
        newest = self._newest
        if newest is None:
            newest = max(_newest(cursor, name) for name in tables)
        parts = self._wanted.parts(tables)
        statement = " UNION ALL ".join(
            f"SELECT {COLUMN_LIST} {part} AND flowno > ? AND flowno <= ?"
            for part, _ in parts
        )
        values: list[Any] = []
        for _, given in parts:
            values += [*given, self._last, newest]
        cursor.execute(f"{statement} ORDER BY flowno LIMIT ?", [*values, self._size])
        return [to_cdr(self._dialect, row) for row in cursor.fetchall()], newest


def _newest(cursor: Cursor, table: str) -> int:
    """The highest number of a table's records."""
    cursor.execute(f"SELECT MAX(flowno) FROM {table}")
    (number,) = cursor.fetchone()
    return int(number or 0)


class CdrStore:
    """
    The records that were written.

    @param zone: Whose days the day tables are.
    """

    def __init__(self, pool: Pool, zone: tzinfo) -> None:
        self._pool = pool
        self._dialect = pool.dialect
        self._zone = zone

    def reader(self, query: CdrQuery, size: int = PAGE) -> CdrReader:
        """Reads the records that match, page by page."""
        return CdrReader(self._pool, self._zone, query, size)

    def query(self, query: CdrQuery) -> Deferred[list[Cdr]]:
        """The records that match, in the order of C{flowno}, all at once."""
        return Deferred.fromCoroutine(self._query(query))

    def recent(self, limit: int) -> Deferred[list[Cdr]]:
        """The newest records, newest first."""
        return self._pool.read("cdr_recent", self._recent, limit)

    async def _query(self, query: CdrQuery) -> list[Cdr]:
        reader = self.reader(query)
        found: list[Cdr] = []
        while not reader.ended:
            found += await reader.next()
        return found

    def _recent(self, cursor: Cursor, limit: int) -> list[Cdr]:
        rows: list[Any] = []
        days = day_tables(cursor, self._dialect)[::-1]
        looked = 0  # at days with records: a table is made before its day begins
        for table in [ROLLING, *days]:
            if looked >= _OVERLAP and len(rows) >= limit:
                break
            cursor.execute(
                f"SELECT {COLUMN_LIST} FROM {table} ORDER BY flowno DESC LIMIT ?",
                (limit,),
            )
            newest = cursor.fetchall()
            rows += newest
            looked += bool(newest) and table != ROLLING
        found = [to_cdr(self._dialect, row) for row in rows]
        return sorted(found, key=lambda cdr: -cdr.flowno)[:limit]
