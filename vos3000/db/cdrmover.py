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

from vos3000.db.cdrs import COLUMN_LIST
from vos3000.db.cursor import Cursor
from vos3000.db.days import ROLLING, day_of
from vos3000.db.pool import Pool
from vos3000.errors import StorageError
from vos3000.instant import Now
from vos3000.metrics import Metrics

KEEP = 300
"""Seconds after its end that a record stays in the rolling table."""

STEP = 500
"""Records of one step."""

EVERY = 10.0
"""Seconds between two looks for old records."""

SOON = 0.1
"""Seconds until the next step while there is more to move."""

_OLDEST = (
    "SELECT MAX(stoptime), MIN(starttime) FROM (SELECT stoptime, starttime FROM e_cdr"
    " WHERE stoptime < ? ORDER BY stoptime LIMIT ?) AS oldest"
)

_WHERE = " WHERE stoptime <= ? AND +starttime >= ? AND +starttime < ?"


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
        until = self._now().wall - self._keep * 1000
        return self._pool.interact("cdr_move", self._step, until)

    def _turn(self) -> None:
        step = self.step()
        step.addCallbacks(self._stepped, self._failed)
        step.addErrback(lambda why: self._log.failure("CDR mover", failure=why))

    def _stepped(self, count: int) -> None:
        self._moved.value += count
        self._again(SOON if count else EVERY)

    def _failed(self, why: Failure) -> None:
        why.trap(StorageError)
        self._log.error("old records stay: {why}", why=why.getErrorMessage())
        self._again(EVERY)

    def _again(self, delay: float) -> None:
        if self._timer is not None:
            self._timer = self._clock.callLater(delay, self._turn)

    def _step(self, cursor: Cursor, until: int) -> int:
        cursor.execute(_OLDEST, (until, STEP))
        bound, earliest = cursor.fetchone()
        if bound is None:
            return 0
        day = day_of(earliest, self._zone)
        dialect = self._pool.dialect
        if day.table not in dialect.tables(cursor, day.table):
            dialect.create_like(cursor, day.table, ROLLING)
        limits = (bound, day.begin, day.end)
        cursor.execute(
            f"INSERT INTO {day.table} ({COLUMN_LIST})"
            f" SELECT {COLUMN_LIST} FROM {ROLLING}{_WHERE}",
            limits,
        )
        copied = cursor.rowcount
        cursor.execute(f"DELETE FROM {ROLLING}{_WHERE}", limits)
        if cursor.rowcount != copied:
            raise StorageError(f"{copied} records copied, {cursor.rowcount} removed")
        return copied
