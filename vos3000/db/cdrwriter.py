"""
Writing records and the balance movements that belong to them.

Entries wait in memory for a fifth of a second and are written in batches, one
transaction each: rows, balances, numbers. A batch is numbered, and the number
of the last one written stands in the database, in a row of this writer's own,
so a batch whose commit failed in a way that tells nothing is not written twice.

While the database refuses, everything is kept, in order, and tried again each
second; call control asks L{CdrWriter.healthy} and takes no new calls, so what
waits is at most what the calls that were up produce.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from vos3000.db import ids, spool
from vos3000.db.cdrrows import (
    Batch,
    BatchConflict,
    claim,
    claim_again,
    counter,
    put,
    to_row,
)
from vos3000.db.dialects import Cursor
from vos3000.db.pool import Pool
from vos3000.errors import StorageError
from vos3000.events import Events, StorageFailed, StorageRecovered
from vos3000.metrics import Metrics
from vos3000.model.accounts import Movement
from vos3000.model.cdr import CdrEntry

GATHER = 0.2
"""Seconds an entry waits for company."""

LIMIT = 200
"""Entries of one batch."""

RETRY = 1.0
"""Seconds between two tries while the database refuses."""


REFUSED = "cdr-refused.jsonl"
"""Where entries go that no try can write, for an operator to look at."""


class _State(Enum):
    """What the writer is doing."""

    NEW = "new"
    IDLE = "idle"
    GATHERING = "gathering"
    WRITING = "writing"
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
    @param names: Makes a name that no writer had before. Batches are numbered
        under it, each writer's in a row of its own: no number of another
        process can pass for one of ours, whoever writes to the database.
    @param folder: Where entries are spooled that cannot be written at the end.
    """

    _log = Logger()

    def __init__(
        self,
        pool: Pool,
        clock: IReactorTime,
        events: Events,
        metrics: Metrics,
        names: Callable[[], str],
        folder: Path,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._events = events
        self._names = names
        self._name = names()
        self._folder = folder
        self._queue: deque[tuple[CdrEntry, list[Any] | None]] = deque()
        self._batch: Batch | None = None
        self._alone = 0
        self._sequence = 0
        self._state = _State.NEW
        self._timer: IDelayedCall | None = None
        self._failed_at: float | None = None
        self._accepted = 0
        self._done = 0
        self._flushes: list[tuple[int, Deferred[None]]] = []
        self.on_committed: Callable[[tuple[Movement, ...]], object] = _nobody
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

    @property
    def waiting(self) -> int:
        """Entries that are not committed yet."""
        return self._accepted - self._done

    @property
    def healthy(self) -> bool:
        """Whether the last try to write succeeded."""
        return self._failed_at is None

    def start(self) -> Deferred[None]:
        """
        Replay what an earlier process spooled, and begin to write.

        Balances must be read after it.

        @return: Fails with L{StorageError}; nothing is written then.
        """
        return Deferred.fromCoroutine(self._start())

    def write(self, entry: CdrEntry) -> None:
        """
        Take an entry; it will be written once, after all earlier ones.

        The row is made now: what cannot be a row must not hold up others.

        @raise StorageError: Before L{start} and after L{close}.
        @raise ArithmeticError: If an amount has more than six digits.
        @raise TypeError: If a value is of a type that no column takes.
        """
        state = self._state
        if state is _State.NEW or state is _State.CLOSED:
            raise StorageError(f"the CDR writer is {state.value}")
        cdr = entry.cdr
        row = None if cdr is None else to_row(self._pool.dialect, cdr)
        self._queue.append((entry, row))
        self._accepted += 1
        if state is _State.IDLE:
            self._gather()
        elif state is _State.GATHERING and len(self._queue) >= LIMIT:
            self._cancel()
            self._go()

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
        Write everything, or else spool it; take nothing more.

        @param timeout: Seconds until what is left goes to the spool file.
        @return: Fails with L{StorageError} if the spool cannot be written
            either; every entry is in the log then.
        """
        flushed = Deferred.fromCoroutine(self._finish())
        flushed.addTimeout(timeout, self._clock).addErrback(self._late)
        return flushed.addBoth(self._closed)

    def _gather(self) -> None:
        self._state = _State.GATHERING
        self._timer = self._clock.callLater(GATHER, self._go)

    def _cancel(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def _go(self) -> None:
        """Write the batch under way, or make the next one of the queue."""
        self._timer = None
        self._state = _State.WRITING
        batch = self._batch = self._batch or self._next()
        written = self._pool.interact("cdr_write", self._apply, batch)
        written.addCallbacks(self._written, self._not_written)
        written.addErrback(lambda why: self._log.failure("CDR writer", failure=why))

    def _next(self) -> Batch:
        queue = self._queue
        most = 1 if self._alone else LIMIT
        self._alone = max(0, self._alone - 1)
        taken = [queue.popleft() for _ in range(min(most, len(queue)))]
        entries = [entry for entry, _ in taken]
        return Batch(self._sequence + 1, entries, [row for _, row in taken])

    def _apply(self, cursor: Cursor, batch: Batch) -> tuple[str, ...]:
        """The transaction; runs in the lane's thread, perhaps twice."""
        if not claim(cursor, self._name, batch):
            return ()
        return put(cursor, self._pool.dialect, batch)

    def _written(self, missing: tuple[str, ...]) -> None:
        batch, self._batch = self._batch, None
        if batch is None:
            return
        self._sequence = batch.sequence
        self._done += len(batch.entries)
        self._written_total.value += len(batch.entries)
        self._batches_total.value += 1
        batch.number()
        for account in missing:
            self._unknown_total.value += 1
            self._log.error(
                "account {account} does not exist: its charges of batch {batch} moved"
                " no balance",
                account=account,
                batch=batch.sequence,
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

    def _proceed(self) -> None:
        if self._state is _State.CLOSED:
            return
        if not self._queue:
            self._state = _State.IDLE
        elif len(self._queue) >= LIMIT or self._flushes:
            self._go()
        else:
            self._gather()

    def _not_written(self, why: Failure) -> None:
        self._failures_total.value += 1
        if not why.check(StorageError) and self._batch is not None:
            self._isolate(self._batch, why)
            return
        if why.check(BatchConflict):
            self._rename()
        elif self._batch is not None:
            self._batch.tried = True
        if self._failed_at is None:
            self._failed_at = self._clock.seconds()
            reason = why.getErrorMessage()
            self._log.error(
                "storage failed, {waiting} records wait: {reason}",
                waiting=self.waiting,
                reason=reason,
            )
            self._events.publish(StorageFailed(reason, self.waiting))
        if self._state is not _State.CLOSED:
            self._state = _State.WAITING
            self._timer = self._clock.callLater(RETRY, self._go)

    def _isolate(self, batch: Batch, why: Failure) -> None:
        """
        Find the entry that cannot be written, whatever the database's state:
        those of its batch are tried one by one, and it is set aside. Nothing of
        the batch was committed, since what failed was not the commit.
        """
        self._batch = None
        if len(batch.entries) > 1:
            pairs = list(zip(batch.entries, batch.rows, strict=True))
            self._queue.extendleft(reversed(pairs))
            self._alone = len(pairs)
        else:
            self._set_aside(batch.entries[0], why)
            self._done += 1
            self._answer_flushes()
        self._proceed()

    def _set_aside(self, entry: CdrEntry, why: Failure) -> None:
        self._refused_total.value += 1
        line = spool.to_json(entry, 0)
        try:
            spool.append(self._folder / REFUSED, line)
        except OSError:
            self._log.critical("not written: {line}", line=line)
        self._log.failure(
            "a record that cannot be written stands in {file} of the state directory",
            why,
            file=REFUSED,
        )

    def _rename(self) -> None:
        """Begin to count anew, where nobody else does."""
        self._name = self._names()
        self._sequence = 0
        if self._batch is not None:
            self._batch.sequence = 1
            self._batch.tried = False

    async def _finish(self) -> None:
        """Write the rest, then remove our row: nothing can be repeated."""
        await self.flush()
        if not self._sequence:
            return
        row = counter(self._name)
        try:
            await self._pool.interact("cdr_forget", ids.forget, row)
        except StorageError as error:
            self._log.warn(
                "row {row} of e_othermaxid is left over: {why}", row=row, why=error
            )

    async def _start(self) -> None:
        for path in spool.files(self._folder):
            writer = spool.writer(path)
            for sequence, entries in spool.load(path):
                batch = Batch(sequence, entries, self._rows(entries))
                await self._pool.interact("cdr_replay", self._replay, writer, batch)
            path.unlink()
            self._log.info("{path}: replayed", path=str(path))
        self._proceed()

    def _rows(self, entries: Sequence[CdrEntry]) -> list[list[Any] | None]:
        dialect = self._pool.dialect
        return [None if e.cdr is None else to_row(dialect, e.cdr) for e in entries]

    def _replay(self, cursor: Cursor, writer: str, batch: Batch) -> None:
        if claim_again(cursor, writer, batch.sequence):
            put(cursor, self._pool.dialect, batch)

    def _late(self, why: Failure) -> None:
        why.trap(DeferredTimeout)
        if not self.waiting:
            return
        batches = self._left()
        try:
            path = spool.dump(self._folder, self._name, batches)
        except OSError as error:
            for sequence, entries in batches:
                for entry in entries:
                    line = spool.to_json(entry, sequence)
                    self._log.critical("not written: {line}", line=line)
            raise StorageError(
                f"{self.waiting} records are in the log only: {error}"
            ) from error
        self._log.warn(
            "{waiting} records could not be written and wait in {path} for the next"
            " start",
            waiting=self.waiting,
            path=str(path),
        )

    def _left(self) -> list[tuple[int, list[CdrEntry]]]:
        """What is not known to be written, in batches with their numbers."""
        batches = []
        sequence = self._sequence
        if self._batch is not None:
            sequence = self._batch.sequence
            batches.append((sequence, list(self._batch.entries)))
        left = [entry for entry, _ in self._queue]
        for begin in range(0, len(left), LIMIT):
            sequence += 1
            batches.append((sequence, left[begin : begin + LIMIT]))
        return batches

    def _closed(self, result: object) -> object:
        self._cancel()
        self._state = _State.CLOSED
        return result
