"""
Moving records from the rolling table to the table of their day.

e_cdr keeps the records whose calls ended within the last minutes; older ones
stand in C{e_cdr_YYYYMMDD}, the day being that of C{starttime} in the
configured zone. A step is one transaction: at every moment, for every reader,
a record is in exactly one table.
"""

from __future__ import annotations

from datetime import tzinfo

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from vos3000.db import views
from vos3000.db.cdrs import COLUMN_LIST
from vos3000.db.cursor import Cursor
from vos3000.db.days import ROLLING, Day, day_of
from vos3000.db.pool import Pool
from vos3000.errors import StorageError
from vos3000.instant import Now
from vos3000.metrics import Metrics

KEEP = 300
"""Seconds after its end that a record stays in the rolling table."""

STEP = 500
"""Records of one step."""

LONG_STEP = 2000
"""Records of one step while more wait than steps of the other size take away."""

EVERY = 10.0
"""Seconds between two looks for old records."""

SOON = 0.02
"""Seconds until the next step while there is more to move."""

AHEAD = 3_600_000
"""Milliseconds before its day begins that a table is made."""

_OLDEST = (
    "SELECT flowno, starttime FROM e_cdr WHERE stoptime < ? ORDER BY stoptime LIMIT ?"
)


class CdrMover:
    """
    Moves old records while the switch runs.

    @param zone: Whose days the day tables are.
    """

    _log = Logger()

    def __init__(
        self,
        pool: Pool,
        clock: IReactorTime,
        now: Now,
        metrics: Metrics,
        zone: tzinfo,
        keep: int = KEEP,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._now = now
        self._zone = zone
        self._keep = keep
        self._timer: IDelayedCall | None = None
        self._most = STEP
        self._made: set[str] = set()
        self._failing = False
        self._moved = metrics.counter(
            "db_cdr_moved_total", "Records moved to the table of their day."
        )

    def start(self) -> None:
        """Look for old records now, and from time to time."""
        self._timer = self._clock.callLater(0, self._turn)

    def stop(self) -> None:
        """Move nothing more; a step under way ends by itself."""
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def step(self) -> Deferred[int]:
        """Move some of the oldest records; the result is how many."""
        return Deferred.fromCoroutine(self._moved_some())

    async def _moved_some(self) -> int:
        """
        Tables are made in transactions of their own, because a server commits
        whatever transaction makes one.
        """
        wall = self._now().wall
        try:
            for moment in (wall, wall + AHEAD):
                await self._make(day_of(moment, self._zone).table)
            until = wall - self._keep * 1000
            moved = await self._pool.interact("cdr_move", self._move, until)
            while isinstance(moved, Day):
                await self._make(moved.table)
                moved = await self._pool.interact("cdr_move", self._move, until)
        except StorageError:
            self._made.clear()  # perhaps one is there no longer
            raise
        self._most = LONG_STEP if moved == self._most else STEP
        return moved

    async def _make(self, table: str) -> None:
        if table not in self._made:
            await self._pool.interact("cdr_day_table", self._create, table)
            self._made.add(table)

    def _turn(self) -> None:
        step = self.step()
        step.addCallbacks(self._stepped, self._failed)
        step.addErrback(lambda why: self._log.failure("CDR mover", failure=why))

    def _stepped(self, count: int) -> None:
        self._moved.value += count
        if self._failing:
            self._failing = False
            self._log.info("old records are moved again")
        self._again(SOON if count else EVERY)

    def _failed(self, why: Failure) -> None:
        why.trap(StorageError)
        if not self._failing:
            self._failing = True
            self._log.error("old records stay: {why}", why=why.getErrorMessage())
        self._again(EVERY)

    def _again(self, delay: float) -> None:
        if self._timer is not None:
            self._timer = self._clock.callLater(delay, self._turn)

    def _create(self, cursor: Cursor, table: str) -> None:
        dialect = self._pool.dialect
        if table not in dialect.tables(cursor, table):
            dialect.create_like(cursor, table, ROLLING)
        try:
            views.add(cursor, dialect, table)
        except dialect.errors as error:  # records are worth more than their views
            self._log.error(
                "{table} has no view in {schema}: {why}",
                table=table,
                schema=views.SCHEMA,
                why=str(error),
            )

    def _move(self, cursor: Cursor, until: int) -> int | Day:
        """
        The records are named by their numbers: while this runs others may be
        written that ended as long ago.

        @return: How many were moved; a day if there is no table for it yet.
        """
        cursor.execute(_OLDEST, (until, self._most))
        oldest = cursor.fetchall()
        if not oldest:
            return 0
        day = day_of(min(start for _, start in oldest), self._zone)
        if day.table not in self._made:
            return day
        chosen = [flow for flow, start in oldest if day.begin <= start < day.end]
        rest = self._most - len(chosen)
        among = f"WHERE flowno IN ({', '.join('?' * self._most)})"
        numbers = (*chosen, *chosen[-1:] * rest)  # one text of a statement for all
        cursor.execute(
            f"INSERT INTO {day.table} ({COLUMN_LIST})"
            f" SELECT {COLUMN_LIST} FROM {ROLLING} {among}",
            numbers,
        )
        copied = cursor.rowcount
        cursor.execute(f"DELETE FROM {ROLLING} {among}", numbers)
        if cursor.rowcount != copied:
            raise StorageError(f"{copied} records copied, {cursor.rowcount} removed")
        return copied
