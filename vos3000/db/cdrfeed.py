"""
Committed records, one after the other, for whoever passes them on.

Numbers rise in the order of commits, so whoever has read up to one of them has
missed none: no record appears below it later.
"""

from __future__ import annotations

from operator import attrgetter

from twisted.internet.defer import Deferred

from vos3000.db import ids
from vos3000.db.cdrs import COLUMN_LIST, PAGE, to_cdr
from vos3000.db.cursor import Cursor
from vos3000.db.days import ROLLING, day_tables
from vos3000.db.pool import Pool
from vos3000.model.cdr import Cdr

_TOGETHER = 100
"""Tables of one statement; databases know a most."""


class CdrFeed:
    """
    Reads records in the order of C{flowno}, from any of them on.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def after(self, flowno: int, most: int = PAGE) -> Deferred[list[Cdr]]:
        """The first C{most} records whose numbers are above C{flowno}."""
        return self._pool.read("cdr_feed", self._after, flowno, most)

    def newest(self) -> Deferred[int]:
        """The highest number that a record has, or had."""
        return self._pool.read("cdr_feed_newest", self._newest)

    def _after(self, cursor: Cursor, flowno: int, most: int) -> list[Cdr]:
        """One snapshot: a record on its way to its day table is found once."""
        dialect = self._pool.dialect
        found: list[Cdr] = []
        every = [ROLLING, *day_tables(cursor, dialect)]
        for first in range(0, len(every), _TOGETHER):
            tables = every[first : first + _TOGETHER]
            statement = " UNION ALL ".join(
                f"SELECT {COLUMN_LIST} FROM (SELECT {COLUMN_LIST} FROM {name}"
                f" WHERE flowno > ? ORDER BY flowno LIMIT ?) AS part{place}"
                for place, name in enumerate(tables)
            )
            cursor.execute(statement, [flowno, most] * len(tables))
            found += [to_cdr(dialect, row) for row in cursor.fetchall()]
        found.sort(key=attrgetter("flowno"))
        return found[:most]

    def _newest(self, cursor: Cursor) -> int:
        numbers = [ids.highest(cursor, ids.FLOWNO)]
        for name in [ROLLING, *day_tables(cursor, self._pool.dialect)]:
            cursor.execute(f"SELECT MAX(flowno) FROM {name}")
            numbers.append(int(cursor.fetchone()[0] or 0))
        return max(numbers)
