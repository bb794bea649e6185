"""
Writing records and the balance movements that belong to them.

An entry stands in the journal before anything else happens to it. Entries are
written in the order of the journal, in batches, one transaction each: rows,
balances, and how far in the journal the database is. So an entry is written
once, whatever became of a commit, of the process, or of the machine; what was
not written is found in the journal by the next start.

While the database refuses, the batch is tried again each second. A bounded
number of entries waits in memory; the others are read from the journal again
when their turn comes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from vos3000.db import refused
from vos3000.db.cdrrows import (
    Batch,
    Held,
    PositionConflict,
    claim,
    put,
    to_row,
)
from vos3000.db.cursor import Cursor
from vos3000.db.pool import Pool
from vos3000.errors import StorageError
from vos3000.events import Events, StorageFailed, StorageRecovered
from vos3000.journal.entries import Kind, end_text, read_end
from vos3000.journal.frames import Frame
from vos3000.metrics import Metrics
from vos3000.model.accounts import Movement
from vos3000.model.cdr import CdrEntry

GATHER = 0.2
"""Seconds an entry waits for company."""

LIMIT = 200
"""Entries that wait no longer for company."""

MOST = 2_000
"""Entries of one batch: what came while the last one was written, up to this."""

RETRY = 1.0
"""Seconds between two tries while the database refuses."""

HELD = 10_000
"""Entries that wait in memory; further ones in the journal only."""

PAGE = 5_000
"""Entries that are read from the journal at once."""

USER = "records"
"""As whom the journal knows the writer."""

_NOTHING = CdrEntry(None)


class Appends(Protocol):
    """
    The journal, as the writer needs it.

    @ivar sequence: The number of its last entry.
    @ivar trouble: Why it cannot be written; empty if it can.
    """

    sequence: int
    trouble: str

    def append(self, kind: int, text: bytes, urgent: bool = False) -> int:
        """Append an entry; its number."""

    def read(self, kind: int, after: int, most: int) -> Deferred[list[Frame]]:
        """Read entries again."""

    def release(self, user: str, before: int) -> None:
        """Entries below C{before} are needed no longer."""


class _State(Enum):
    """What the writer is doing."""

    NEW = "new"
    IDLE = "idle"
    GATHERING = "gathering"
    WRITING = "writing"
    READING = "reading"
    WAITING = "waiting"
    CLOSED = "closed"


def _nobody(movements: tuple[Movement, ...]) -> None:
    """Nobody wants to hear of commits yet."""


class CdrWriter:
    """
    The queue in front of e_cdr and e_customer.

    @ivar on_committed: Called with the movements of each batch, summed by
        account, once they are committed, before any later read of balances
        can arrive.
    @param folder: Where entries are set aside that no try can write.
    """

    _log = Logger()

    def __init__(
        self,
        pool: Pool,
        clock: IReactorTime,
        events: Events,
        metrics: Metrics,
        journal: Appends,
        folder: Path,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._events = events
        self._journal = journal
        self._name = ""
        self._folder = folder
        self._queue: deque[Held] = deque()
        self._fresh: list[Held] = []
        self._batch: Batch | None = None
        self._alone = 0
        self._moved = False
        self._position = 0
        self._known = 0
        self._last = 0
        self._state = _State.NEW
        self._timer: IDelayedCall | None = None
        self._failed_at: float | None = None
        self._accepted = 0
        self._done = 0
        self._flushes: list[tuple[int, Deferred[None]]] = []
        self.on_committed: Callable[[tuple[Movement, ...]], object] = _nobody
        self._measure(metrics)

    def _measure(self, metrics: Metrics) -> None:
        self._written_total = metrics.counter(
            "db_cdr_written_total", "Entries that were committed."
        )
        self._batches_total = metrics.counter(
            "db_cdr_batch_total", "Batches that were committed."
        )
        self._failures_total = metrics.counter(
            "db_cdr_failed_total", "Tries to write a batch that failed."
        )
        self._refused_total = metrics.counter(
            "db_cdr_refused_total", "Entries set aside because they cannot be written."
        )
        self._unknown_total = metrics.counter(
            "db_cdr_unknown_account_total",
            "Movements left out because their account does not exist.",
        )
        metrics.gauge(
            "db_cdr_waiting", "Entries that wait to be committed.", lambda: self.waiting
        )
        metrics.gauge(
            "db_cdr_held", "Of these, the ones in memory.", lambda: len(self._queue)
        )

    @property
    def waiting(self) -> int:
        """Entries that are not committed yet."""
        return self._accepted - self._done

    @property
    def healthy(self) -> bool:
        """
        Whether new calls may be taken: their records can be kept. A database that
        refuses is no hindrance to that; a journal that cannot be written is one.
        """
        return not self._journal.trouble

    # Taking entries

    def start(self, name: str, place: int, waiting: int) -> None:
        """
        Begin to write, with what former runs left in the journal.

        @param name: The journal's. The database keeps under it how far it has
            written this journal.
        @param place: How far that is.
        @param waiting: How many entries come after it.
        """
        self._name = name
        self._position = self._known = place
        self._last = self._journal.sequence if waiting else place
        self._accepted = waiting
        self._state = _State.IDLE
        self._proceed()

    def write(self, entry: CdrEntry, call: int = 0) -> None:
        """
        Take an entry; it will be written once, after all earlier ones. The
        journal has it when this returns.

        The row is made now: what cannot be a row must not hold up others.

        @param call: The number of the call that is over.
        @raise StorageError: Before L{start} and after L{close}.
        @raise ArithmeticError: If an amount has more than six digits.
        @raise TypeError: If a value is of a type that no column takes.
        """
        state = self._state
        if state is _State.NEW or state is _State.CLOSED:
            raise StorageError(f"the CDR writer is {state.value}")
        row = self._row(entry)
        number = self._journal.append(Kind.END, end_text(call, entry), True)
        self._accepted += 1
        behind = self._known != self._last
        self._last = number
        if not behind and len(self._queue) < HELD:
            self._queue.append(Held(number, entry, row))
            self._known = number
        elif state is _State.READING and len(self._fresh) < HELD:
            self._fresh.append(Held(number, entry, row))
        if state is _State.IDLE:
            self._gather()
        elif state is _State.GATHERING and len(self._queue) >= LIMIT:
            self._cancel()
            self._go()

    def _row(self, entry: CdrEntry) -> list[object] | None:
        return None if entry.cdr is None else to_row(self._pool.dialect, entry.cdr)

    def flush(self) -> Deferred[None]:
        """Write what waits now; fires when all of it is committed."""
        if not self.waiting:
            return succeed(None)
        done: Deferred[None] = Deferred()
        self._flushes.append((self._accepted, done))
        if self._state is _State.GATHERING:
            self._cancel()
            self._go()
        return done

    def close(self, timeout: float) -> Deferred[None]:
        """
        Write everything that can be written in time; take nothing more. What is
        left stands in the journal for the next start.

        @param timeout: Seconds.
        """
        flushed = self.flush()
        flushed.addTimeout(timeout, self._clock).addErrback(self._late)
        return flushed.addBoth(self._closed)

    def _late(self, why: Failure) -> None:
        why.trap(DeferredTimeout)
        self._log.warn(
            "{waiting} records could not be written and wait in the journal for the"
            " next start",
            waiting=self.waiting,
        )

    def _closed(self, result: None) -> None:
        self._cancel()
        self._state = _State.CLOSED

    # Writing them

    def _gather(self) -> None:
        self._state = _State.GATHERING
        self._timer = self._clock.callLater(GATHER, self._go)

    def _cancel(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def _wait(self) -> None:
        if self._state is not _State.CLOSED:
            self._state = _State.WAITING
            self._timer = self._clock.callLater(RETRY, self._go)

    def _proceed(self) -> None:
        """Write on, gather, or rest."""
        if self._state is _State.CLOSED:
            return
        queued, behind = len(self._queue), self._known != self._last
        if behind or queued >= LIMIT or (queued and self._flushes) or self._batch:
            self._go()
        elif queued:
            self._gather()
        else:
            self._state = _State.IDLE

    def _go(self) -> None:
        """Write the batch under way, or the next one; or find out which that is."""
        self._timer = None
        if self._batch is None and not self._queue:
            self._read()
            return
        self._state = _State.WRITING
        batch = self._batch = self._batch or self._next()
        written = self._pool.records("cdr_write", self._apply, batch)
        written.addCallbacks(self._written, self._not_written)
        written.addErrback(lambda why: self._log.failure("CDR writer", failure=why))

    def _next(self) -> Batch:
        queue = self._queue
        most = 1 if self._alone else MOST
        self._alone = max(0, self._alone - 1)
        taken = [queue.popleft() for _ in range(min(most, len(queue)))]
        return Batch(self._position, taken)

    def _apply(self, cursor: Cursor, batch: Batch) -> tuple[str, ...]:
        """The transaction; runs in the lane's thread, perhaps twice."""
        if not claim(cursor, self._name, batch):
            return ()
        return put(cursor, self._pool.dialect, batch)

    # Reading what memory did not hold

    def _read(self) -> None:
        self._state = _State.READING
        self._fresh = []
        read = self._journal.read(Kind.END, self._known, PAGE)
        read.addCallbacks(self._found, self._not_found, callbackArgs=(self._last,))
        read.addErrback(lambda why: self._log.failure("CDR writer", failure=why))

    def _found(self, frames: list[Frame], upto: int) -> None:
        """
        Take what was read. A page that is not full was the last one, and what
        came meanwhile follows it.
        """
        for frame in frames:
            self._queue.append(self._again(frame))
        fresh, self._fresh = self._fresh, []
        if len(frames) == PAGE:
            self._known = frames[-1].sequence
        else:
            self._known = upto
            self._queue.extend(fresh)
            if fresh:
                self._known = fresh[-1].number
        if self._moved:
            self._count_again()
        self._proceed()

    def _again(self, frame: Frame) -> Held:
        """
        An entry as it was taken. One that nobody understands was written by
        another release, or by a bug: it is set aside, and holds up no other.
        """
        try:
            entry = read_end(frame.text)
            return Held(frame.sequence, entry, self._row(entry))
        except (StorageError, ArithmeticError, AttributeError, TypeError, ValueError):
            self._put_aside(frame.text, Failure())
            return Held(frame.sequence, _NOTHING, None)

    def _count_again(self) -> None:
        """What waits is what the database lacks, written once before or not."""
        self._moved = self._known != self._last
        self._accepted = self._done + len(self._queue)
        self._flushes = [(self._accepted, done) for _, done in self._flushes]

    def _not_found(self, why: Failure) -> None:
        reason = why.getErrorMessage()
        self._log.error("the journal cannot be read: {why}", why=reason)
        self._wait()

    # The outcome

    def _written(self, missing: tuple[str, ...]) -> None:
        batch, self._batch = self._batch, None
        if batch is None:
            return
        self._position = batch.last
        self._done += len(batch.held)
        self._written_total.value += len(batch.held)
        self._batches_total.value += 1
        self._journal.release(USER, batch.last + 1)
        batch.number()
        for account in missing:
            self._unknown_total.value += 1
            self._log.error(
                "account {account} does not exist: its charges up to entry {number}"
                " of the journal moved no balance",
                account=account,
                number=batch.last,
            )
        try:
            self.on_committed(batch.movements())
        except Exception:
            self._log.failure("committed movements were not taken note of")
        self._recovered()
        self._answer_flushes()
        self._proceed()

    def _recovered(self) -> None:
        failed_at, self._failed_at = self._failed_at, None
        if failed_at is not None:
            waited = self._clock.seconds() - failed_at
            self._log.info("storage is back after {waited:.1f} s", waited=waited)
            self._events.publish(StorageRecovered(waited))

    def _answer_flushes(self) -> None:
        waiting, self._flushes = self._flushes, []
        for upto, done in waiting:
            if upto > self._done:
                self._flushes.append((upto, done))
            elif not done.called:
                done.callback(None)

    def _not_written(self, why: Failure) -> None:
        self._failures_total.value += 1
        conflict = why.value
        if isinstance(conflict, PositionConflict):
            self._elsewhere(conflict)
        elif not why.check(StorageError) and self._batch is not None:
            self._isolate(self._batch, why)
            return
        if self._failed_at is None:
            self._failed_at = self._clock.seconds()
            reason = why.getErrorMessage()
            self._log.error(
                "storage failed, {waiting} records wait: {reason}",
                waiting=self.waiting,
                reason=reason,
            )
            self._events.publish(StorageFailed(reason, self.waiting))
        self._wait()

    def _elsewhere(self, conflict: PositionConflict) -> None:
        """
        The database is not where we left it: a backup was put back. Go on from
        where it is, with what the journal still has.
        """
        self._batch = None
        self._queue.clear()
        self._position = self._known = conflict.found
        self._moved = True

    def _isolate(self, batch: Batch, why: Failure) -> None:
        """
        Find the entry that cannot be written, whatever the database's state:
        those of its batch are tried one by one, and it is set aside. Nothing of
        the batch was committed, since what failed was not the commit.
        """
        if len(batch.held) > 1:
            self._batch = None
            self._queue.extendleft(reversed(batch.held))
            self._alone = len(batch.held)
        else:
            (held,) = batch.held
            self._put_aside(refused.line_of(held.entry), why)
            self._batch = Batch(batch.after, [Held(held.number, _NOTHING, None)])
        self._proceed()

    def _put_aside(self, line: bytes, why: Failure) -> None:
        self._refused_total.value += 1
        try:
            refused.set_aside(self._folder, line)
        except OSError:
            self._log.critical("not written: {line}", line=line)
        self._log.failure(
            "a record that cannot be written stands in {file} of the state directory",
            why,
            file=refused.FILE,
        )
