"""
Connections, and the one way to use them: named interactions.

An interaction is a plain function of a cursor that runs in one transaction;
its name feeds metrics and the slow log. It may run twice, because a
transaction that lost against another one is repeated.

There are five lanes, each with a connection and a thread of its own. What goes
through one lane goes one after the other, so that results arrive in the order
of commits. Records and balances have one, what calls wait for has one, and the
interfaces' writes have one: on a server none of them holds up another. SQLite
has one writer at a time, and these three are one lane there, so that they never
fight. Reads have a snapshot of their own; bulk work (a million rates) holds up
nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

import attrs
from twisted.enterprise.adbapi import Connection, ConnectionLost, ConnectionPool
from twisted.internet.defer import Deferred, execute
from twisted.logger import Logger

from vos3000.db.contact import Contact
from vos3000.db.cursor import Cursor
from vos3000.db.dialects import Dialect, dialect
from vos3000.errors import StorageError
from vos3000.metrics import Metrics

P = ParamSpec("P")
T = TypeVar("T")

ATTEMPTS = 3
"""How often a transaction that was the loser of a conflict is run."""

SLOW = 1.0
"""Seconds of an interaction that are worth a line in the log."""

RECORDS_SECONDS = 20.0
"""How long one statement about records may take, where a server can be told so."""

CALLS_SECONDS = 5.0
"""Likewise where calls wait."""

WRITE_SECONDS = 20.0
"""Likewise of other writes."""

READ_SECONDS = 30.0
"""Likewise of a query of the interfaces."""

BULK_SECONDS = 600.0
"""Likewise of bulk work: enough for a million rates on a busy server."""

_BOUNDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)


class Lane(Protocol):
    """One connection: runs work in transactions, one after the other."""

    def run(self, work: Callable[[Cursor], T]) -> Deferred[T]:
        """Run C{work} in one transaction."""

    def close(self) -> Deferred[None]:
        """Release the connection; work under way is finished first."""


class _Connection(Connection):
    """A connection that is given up where it cannot undo what was begun."""

    def rollback(self) -> None:
        """Undo; if that fails the next interaction makes a connection anew."""
        held: Any = self
        try:
            held._connection.rollback()
        except Exception:  # whatever it is, it follows from what is told already
            held._pool.disconnect(held._connection)


class _Connections(ConnectionPool):
    """adbapi's pool, with those connections where they can be made anew."""

    connectionFactory = _Connection  # noqa: N815


class ThreadLane:
    """
    A lane with a thread of its own, for the running switch.

    @param seconds: How long one statement may take.
    """

    def __init__(self, kind: Dialect, reactor: Any, seconds: float) -> None:
        self._errors = kind.errors
        made = _Connections if kind.reconnects else ConnectionPool
        self._pool: Any = cast("Any", made)(
            kind.driver,
            cp_min=1,
            cp_max=1,
            cp_noisy=False,
            cp_reactor=reactor,
            cp_openfun=kind.prepare,
            cp_reconnect=kind.reconnects,
            **kind.arguments(seconds),
        )

    def run(self, work: Callable[[Cursor], T]) -> Deferred[T]:
        """Run C{work} in the lane's thread."""
        self._pool.start()
        result: Deferred[T] = self._pool.runInteraction(self._closing, work)
        return result

    def _closing(self, cursor: Any, work: Callable[[Cursor], T]) -> T:
        """
        Run work, and close the cursor of one that failed here. The traceback holds
        it: freed by the reactor's thread it would wait there for the connection,
        which may wait for a lock just then.
        """
        try:
            return work(cursor)
        except BaseException:
            with suppress(*self._errors):
                cursor.close()
            raise

    def close(self) -> Deferred[None]:
        """
        Close the connection when the work under way is done.

        The thread is joined only once it has nothing to do: joining it earlier
        would stop the reactor for as long as the work takes.
        """
        idle = self.run(lambda cursor: None)
        return idle.addBoth(lambda _: self._pool.close())


class LocalLane:
    """
    A lane in the caller's own thread: for tests and for the command line.

    @param connection: Shared by every lane of a database in memory.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def run(self, work: Callable[[Cursor], T]) -> Deferred[T]:
        """Run C{work} now; the Deferred has fired when this returns."""
        return execute(self._now, work)

    def _now(self, work: Callable[[Cursor], T]) -> T:
        cursor = self._connection.cursor()
        try:
            result = work(cursor)
            self._connection.commit()
            return result
        except BaseException:
            self._connection.rollback()
            raise
        finally:
            cursor.close()

    def close(self) -> Deferred[None]:
        """Close the connection now."""
        return execute(self._connection.close)


@attrs.frozen(slots=True)
class Lanes:
    """
    The ways into a database.

    @ivar records: Records and balances.
    @ivar calls: What calls wait for.
    @ivar write: Every other write.
    @ivar read: Snapshots.
    @ivar bulk: Long work.
    """

    records: Lane
    calls: Lane
    write: Lane
    read: Lane
    bulk: Lane

    def each(self) -> tuple[Lane, ...]:
        """Every lane once."""
        all_ = (self.records, self.calls, self.write, self.read, self.bulk)
        return tuple(dict.fromkeys(all_))


class Pool:
    """
    Named interactions with one database.

    @ivar dialect: What is particular to it.
    @param seconds: A clock that never steps, for durations.
    """

    _log = Logger()

    def __init__(
        self,
        kind: Dialect,
        lanes: Lanes,
        metrics: Metrics,
        seconds: Callable[[], float],
    ) -> None:
        self.dialect = kind
        self._lanes = lanes
        self._seconds = seconds
        self._contact = Contact(kind, metrics, seconds)
        more: tuple[type[Exception], ...] = (ConnectionLost, OSError)
        self._errors = kind.errors + more
        self._count = metrics.labelled(
            "db_interaction_total", "Transactions that were committed.", "name"
        )
        self._failed = metrics.labelled(
            "db_interaction_failed_total", "Transactions that failed.", "name"
        )
        self._again = metrics.counter(
            "db_interaction_retry_total", "Transactions that were run again."
        )
        self._took = metrics.histogram(
            "db_interaction_seconds", "Time inside a transaction.", _BOUNDS
        )

    def interact(
        self,
        name: str,
        function: Callable[Concatenate[Cursor, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[T]:
        """
        Run C{function(cursor, ...)} in one transaction that may write.

        Results arrive in the order in which transactions were committed.

        @return: Fails with L{StorageError}: the database's own error is its
            cause, or it is what C{function} raised. Nothing was changed then,
            unless the commit itself failed, whose outcome nobody knows.
        """
        begin = self.dialect.begin
        return self._start(self._lanes.write, begin, name, function, args, kwargs)

    def records(
        self,
        name: str,
        function: Callable[Concatenate[Cursor, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[T]:
        """
        L{interact} with records and balances: in the order of all others that do,
        behind nothing else. What it locks must be theirs alone.
        """
        begin = self.dialect.begin
        return self._start(self._lanes.records, begin, name, function, args, kwargs)

    def calls(
        self,
        name: str,
        function: Callable[Concatenate[Cursor, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[T]:
        """L{interact} for what calls and registrations wait for."""
        begin = self.dialect.begin
        return self._start(self._lanes.calls, begin, name, function, args, kwargs)

    def read(
        self,
        name: str,
        function: Callable[Concatenate[Cursor, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[T]:
        """Run C{function} on a snapshot that no writer disturbs."""
        begin = self.dialect.begin_read
        lane = self._lanes.read
        return self._start(lane, begin, name, function, args, kwargs, writes=False)

    def bulk(
        self,
        name: str,
        function: Callable[Concatenate[Cursor, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[T]:
        """
        Run long work that holds up neither writes nor reads.

        It is never run twice, so it may consume an iterator. If it writes, its
        first statement on the shared tables must be a write, and late.
        """
        begin = self.dialect.begin_bulk
        return self._start(self._lanes.bulk, begin, name, function, args, kwargs, 1)

    def close(self) -> Deferred[None]:
        """Finish what is under way, then close every connection."""
        return Deferred.fromCoroutine(self._close())

    async def _close(self) -> None:
        for lane in self._lanes.each():
            await lane.close()

    def _start(
        self,
        lane: Lane,
        begin: tuple[str, ...],
        name: str,
        function: Callable[..., T],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        attempts: int = ATTEMPTS,
        writes: bool = True,
    ) -> Deferred[T]:
        def work(cursor: Cursor) -> tuple[T, float]:
            committing.clear()
            started = self._seconds()
            for statement in begin:
                cursor.execute(statement)
            result = function(cursor, *args, **kwargs)
            if writes:
                committing.append(name)
            return result, self._seconds() - started

        committing: list[str] = []
        running = self._run(lane, name, work, committing, attempts)
        return Deferred.fromCoroutine(running)

    async def _run(
        self,
        lane: Lane,
        name: str,
        work: Callable[[Cursor], tuple[T, float]],
        committing: list[str],
        attempts: int,
    ) -> T:
        """
        Run work until it succeeds.

        @param committing: Empty until the commit is tried: if that fails nobody
            knows whether it happened, so that the work is not run again.
        """
        for attempt in range(1, attempts + 1):
            try:
                result, took = await lane.run(work)
            except self._errors as error:
                again = attempt < attempts and not committing
                again = again and self.dialect.passing(error)
                self._contact.failed(lane, error, again)
                if again:
                    self._again.value += 1
                    continue
                self._failed.add(name)
                raise StorageError(f"{name}: {error}") from error
            except StorageError:
                self._failed.add(name)
                raise
            self._contact.works(lane)
            self._count.add(name)
            self._took.observe(took)
            if took > SLOW:
                self._log.warn("slow {name}: {took:.3f} s", name=name, took=took)
            return result
        raise AssertionError("a loop that always returns or raises")


def thread_pool(
    url: str,
    reactor: Any,
    metrics: Metrics,
    seconds: Callable[[], float],
) -> Pool:
    """
    The pool of the running switch: a thread and a connection for each lane.

    @param reactor: Where results arrive; provides IReactorThreads.

    @raise ConfigError: If the URL names no database that is supported.
    """
    kind = dialect(url)
    records = ThreadLane(kind, reactor, RECORDS_SECONDS)
    calls = write = records
    if not kind.one_writer:
        calls = ThreadLane(kind, reactor, CALLS_SECONDS)
        write = ThreadLane(kind, reactor, WRITE_SECONDS)
    read = ThreadLane(kind, reactor, READ_SECONDS)
    bulk = ThreadLane(kind, reactor, BULK_SECONDS)
    return Pool(kind, Lanes(records, calls, write, read, bulk), metrics, seconds)


def local_pool(
    url: str,
    metrics: Metrics,
    seconds: Callable[[], float],
    connection: Any = None,
) -> Pool:
    """
    A pool whose Deferreds have fired when they are returned.

    @param connection: One that is open already, such as a database in memory;
        without it the file is opened.
    """
    kind = dialect(url)
    lane = LocalLane(kind.connect() if connection is None else connection)
    return Pool(kind, Lanes(lane, lane, lane, lane, lane), metrics, seconds)
