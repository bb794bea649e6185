"""
The journal of a switch: opened with what former runs left in it, and closed.

A call that was up when the process ended without warning is completed here: its
record ends with the last sign of life of that run, its charge is that of the time
until then. All of it is in the database before balances are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Thread
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool

from vos3000.billing.recovery import abandoned, completed
from vos3000.billing.settings import BillingSettings, should_record
from vos3000.call import journaling
from vos3000.db import cdrwriter
from vos3000.db.cdrrows import position, recorded
from vos3000.db.cdrwriter import CdrWriter
from vos3000.db.pool import Pool
from vos3000.instant import Now
from vos3000.journal.entries import Kind, text_of
from vos3000.journal.folder import Folder
from vos3000.journal.history import History, Interrupted, banner
from vos3000.journal.journal import NOTHING, SIZE, InThread, Journal
from vos3000.journal.keeping import Bounds
from vos3000.journal.naming import settle
from vos3000.journal.segments import Damage, Reading
from vos3000.metrics import Metrics
from vos3000.model.causes import EndCause
from vos3000.model.states import EndDirection

T = TypeVar("T")

_STEP = 2 * 3_600_000
"""How far the wall clock may have been set back during a call, ms."""

_UNREADABLE = (ArithmeticError, AttributeError, TypeError, ValueError)
"""What values of the wrong kind lead to."""


class DiskThread:
    """
    A thread that waits for a disk.

    @param reactor: Where results arrive; provides IReactorThreads.
    @param daemon: Whether the process may end while it waits.
    """

    def __init__(self, reactor: Any, name: str, daemon: bool = False) -> None:
        self._reactor = reactor
        threads: Any = ThreadPool(1, 1, name)
        threads.threadFactory = partial(Thread, daemon=daemon)
        self._threads = threads

    def __call__(self, work: Callable[[], T], /) -> Deferred[T]:
        """Run C{work} after what was given before it."""
        if not self._threads.started:
            self._threads.start()
        result: Deferred[T] = deferToThreadPool(self._reactor, self._threads, work)
        return result

    def stop(self) -> None:
        """End the thread; it has nothing to do."""
        if self._threads.started:
            self._threads.stop()


class Journaled:
    """
    The journal, and what former runs left in it.

    @ivar journal: Open once L{open} is done.
    @param folder: The journal's own directory.
    @param in_thread: Runs what waits for the disk.
    @param name: Gives a name that no journal and no run has.
    @param size: Bytes of a segment.
    @param keep: How much is kept of what the database has.
    """

    _log = Logger()

    def __init__(
        self,
        folder: Folder,
        in_thread: InThread,
        name: Callable[[], str],
        clock: IReactorTime,
        now: Now,
        metrics: Metrics,
        size: int = SIZE,
        keep: Bounds = NOTHING,
    ) -> None:
        self._folder = folder
        self._in_thread = in_thread
        self._name = name
        self._unanswered: list[Interrupted] = []
        self._oldest = 0
        self._doubtful = False
        self.journal = Journal(folder, clock, now, in_thread, metrics, size, keep)
        self._completed = metrics.counter(
            "journal_completed_total",
            "Calls of former runs that were completed at start.",
        )

    async def open(self, pool: Pool, writer: CdrWriter, interrupted: EndCause) -> None:
        """
        Read what former runs left, complete their answered calls, and have the
        database write all of it.

        @param interrupted: The end reason of calls that are completed.
        @raise OSError: If the disk refuses.
        @raise StorageError: If the database does.
        """
        history, reading = await self._in_thread(self._read)
        name = history.journal
        place = await pool.records("journal_position", position, name)
        last = max(reading.last, place)
        users = (cdrwriter.USER, journaling.USER)
        text = banner(name, self._name())
        journal = self.journal
        await journal.start(text, reading.segments, last, reading.highest, users)
        waiting = history.waiting(place)
        if place < reading.first:
            waiting += await self._written_again(place, reading.first)
        writer.start(name, place, waiting)
        found = history.interrupted()
        if found and (self._doubtful or place > reading.last):
            await writer.flush()
            found = await self._without_record(pool, found)
        self._tell(history, waiting, found)
        for call in found:
            if call.answered:
                with self._unreadable(call):
                    code = interrupted.code
                    entry = completed(call.record, call.facts, call.talked, code)
                    writer.write(entry, call.call)
        await writer.flush()
        self._unanswered = [call for call in found if not call.answered]

    async def _without_record(
        self, pool: Pool, found: list[Interrupted]
    ) -> list[Interrupted]:
        """
        The journal lacks something: the ends of calls may be among it, and then
        the database, which had them, says which.
        """
        calls = {call.call: call for call in found}
        since = min(call.record.starttime for call in found) - _STEP
        dialect = pool.dialect
        have = await pool.read("journal_ended", recorded, dialect, calls, since)
        for number in have:
            self.journal.append(Kind.GONE, text_of(number))
        if have:
            self._log.warn(
                "{count} calls whose end the journal lacks have their record",
                count=len(have),
            )
        return [call for call in found if call.call not in have]

    @contextmanager
    def _unreadable(self, call: Interrupted) -> Iterator[None]:
        """What is known of a call may make no sense: that holds up no other."""
        try:
            yield
        except _UNREADABLE:
            self._log.failure("call {call} cannot be completed", call=call.call)

    def finish(
        self, writer: CdrWriter, settings: BillingSettings, interrupted: EndCause
    ) -> None:
        """Complete the calls that had not been answered, as the parameters say."""
        wanted = should_record(settings, holdtime=0, direction=EndDirection.SERVER)
        unanswered, self._unanswered = self._unanswered, []
        for call in unanswered:
            if wanted:
                with self._unreadable(call):
                    writer.write(abandoned(call.record, interrupted.code), call.call)
            else:
                self.journal.append(Kind.GONE, text_of(call.call))
        self.journal.release(journaling.USER, self.journal.sequence + 1)

    def _read(self) -> tuple[History, Reading]:
        history = History()
        reading = Reading(self._folder, self._damaged)
        history.take(reading)
        used = bool(reading.segments)
        history.journal = settle(self._folder, history.journal, used, self._name)
        self._oldest = self.journal.kept.find(reading.first)
        return history, reading

    async def _written_again(self, place: int, first: int) -> int:
        """
        The database lacks records that it once had: a backup was put back. How
        many of them the journal still has.

        @param place: Up to where in the journal the database is.
        @param first: Up to where the one that was there before is known to have been.
        """
        if place < self._oldest:
            self._log.critical(
                "the database is older than what is kept of the journal: {missing}"
                " entries are missing between {place} and {oldest}, and the records"
                " among them are lost",
                missing=self._oldest - place,
                place=place,
                oldest=self._oldest,
            )
        kept = self.journal.kept
        count = await self._in_thread(lambda: kept.count(Kind.END, place))
        if count:
            self._log.warn(
                "the database is older than the journal (was a backup put back?):"
                " {count} records are written again from what is kept of it",
                count=count,
            )
        return count

    def _damaged(self, damage: Damage) -> None:
        self._doubtful = True
        if damage.passed:
            self._log.critical(
                "{name} of the journal is damaged: {passed} bytes between its entries"
                " cannot be read",
                name=damage.name,
                passed=damage.passed,
            )
        if damage.tail:
            self._log.warn(
                "{name} of the journal: {tail} bytes of an entry that was never"
                " finished were cut off",
                name=damage.name,
                tail=damage.tail,
            )

    def _tell(self, history: History, waiting: int, found: list[Interrupted]) -> None:
        if waiting or found:
            self._completed.value += len(found)
            self._log.warn(
                "the last run ended without warning: {waiting} records are written"
                " now, {answered} answered and {other} unanswered calls are completed",
                waiting=waiting,
                answered=sum(call.answered for call in found),
                other=sum(not call.answered for call in found),
            )
        if history.unread:
            self._log.critical(
                "{unread} entries of the journal were not understood",
                unread=history.unread,
            )
