"""Tests of named interactions."""

from __future__ import annotations

import sqlite3
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from pymysql.err import OperationalError
from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests import rows
from tests.journal.disk import Disk
from tests.journals import Opened
from vos3000.db import upgrade
from vos3000.db.cdrwriter import CdrWriter
from vos3000.db.contact import Contact
from vos3000.db.cursor import Cursor
from vos3000.db.customers import CustomerStore
from vos3000.db.dialects import dialect
from vos3000.db.pool import ATTEMPTS, Lanes, Pool, thread_pool
from vos3000.errors import ConfigError, NotFound, StorageError
from vos3000.events import Events
from vos3000.metrics import LabelledCounter, Metrics

_PUT = "INSERT INTO e_moconfig (name, value) VALUES ('a', 'b')"


def busy() -> sqlite3.OperationalError:
    """What SQLite says while another program writes."""
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return error


class PoolTests(SynchronousTestCase):
    """Interactions in the test's own thread."""

    def setUp(self) -> None:
        self.connection = rows.empty_database()
        self.metrics = Metrics()
        self.pool = rows.memory_pool(self.connection, self.metrics)

    def parameters(self) -> int:
        """Rows that were committed."""
        return len(rows.rows(self.connection, "SELECT * FROM e_moconfig"))

    def sample(self, name: str) -> Any:
        """A metric's value."""
        return {s.name: s.value for s in self.metrics.samples()}[name]

    def test_result_is_committed(self) -> None:
        """The function's result comes out, its rows stay."""
        done = self.pool.interact("put", lambda cursor: cursor.execute(_PUT) and 5)
        self.assertEqual(self.successResultOf(done), 5)
        self.assertEqual(self.parameters(), 1)
        self.assertEqual(self.sample("db_interaction_total"), {"put": 1})

    def test_error_of_the_database_is_wrapped(self) -> None:
        """Its cause is the driver's error; nothing was changed."""

        def wrong(cursor: Cursor) -> None:
            cursor.execute(_PUT)
            cursor.execute("SELECT nonsense")

        failure = self.failureResultOf(self.pool.interact("wrong", wrong), StorageError)
        self.assertIsInstance(failure.value.__cause__, sqlite3.OperationalError)
        self.assertEqual(self.parameters(), 0)
        self.assertEqual(self.sample("db_interaction_failed_total"), {"wrong": 1})

    def test_refusal_rolls_back(self) -> None:
        """An error of a store's own comes out as it is."""

        def refuse(cursor: Cursor) -> None:
            cursor.execute(_PUT)
            raise NotFound("account", "1000")

        self.failureResultOf(self.pool.interact("refuse", refuse), NotFound)
        self.assertEqual(self.parameters(), 0)

    def test_conflict_is_repeated(self) -> None:
        """A transaction that lost is run again, as a whole."""
        errors = [busy()]

        def put(cursor: Cursor) -> None:
            cursor.execute(_PUT)
            if errors:
                raise errors.pop()

        self.successResultOf(self.pool.interact("put", put))
        self.assertEqual(self.parameters(), 1)
        self.assertEqual(self.sample("db_interaction_retry_total"), 1)

    def test_endless_conflict_fails(self) -> None:
        """After some tries the caller hears of it."""
        runs: list[int] = []

        def put(cursor: Cursor) -> None:
            runs.append(1)
            raise busy()

        self.failureResultOf(self.pool.interact("put", put), StorageError)
        self.assertEqual(len(runs), ATTEMPTS)

    def test_bulk_work_is_never_repeated(self) -> None:
        """What it consumed cannot be consumed again."""
        runs: list[int] = []

        def put(cursor: Cursor) -> None:
            runs.append(1)
            raise busy()

        self.failureResultOf(self.pool.bulk("put", put), StorageError)
        self.assertEqual(len(runs), 1)

    def test_metric_counts_by_name(self) -> None:
        """The counter is labelled by the interaction."""
        self.assertIsInstance(LabelledCounter("name").values, dict)
        for name in ("a", "b", "a"):
            self.successResultOf(self.pool.read(name, lambda cursor: None))
        self.assertEqual(self.sample("db_interaction_total"), {"a": 2, "b": 1})


class _Cursor:
    """Takes anything."""

    def execute(self, sql: str, values: Any = ()) -> None:
        """Nothing happens."""


class _LostLane:
    """Loses its connection when it commits."""

    def __init__(self) -> None:
        self.times = 1

    def run(self, work: Any) -> Deferred[Any]:
        """Do the work; lose the answer to COMMIT."""
        result = work(_Cursor())
        if not self.times:
            return succeed(result)
        self.times -= 1
        return fail(OperationalError(2013, "Lost connection during query"))

    def close(self) -> Deferred[None]:
        """There is nothing to close."""
        return succeed(None)


class LostCommitTests(SynchronousTestCase):
    """The server went away during COMMIT: nobody knows what became of it."""

    def setUp(self) -> None:
        lane = _LostLane()
        kind = dialect("mysql://h/x")
        self.ended: list[int] = []
        lanes = Lanes(lane, lane, lane, lane, lane)
        self.pool = Pool(kind, lanes, Metrics(), lambda: 0.0)

    def work(self, cursor: Cursor) -> None:
        """Something that must not happen twice."""
        self.ended.append(1)

    def test_writes_are_not_repeated(self) -> None:
        """Whoever asked is told."""
        for way in ("interact", "calls", "records"):
            self.setUp()
            ended = getattr(self.pool, way)("work", self.work)
            self.failureResultOf(ended, StorageError)
            self.assertEqual(self.ended, [1])

    def test_reads_are(self) -> None:
        """They change nothing."""
        self.successResultOf(self.pool.read("work", self.work))
        self.assertEqual(self.ended, [1, 1])


class ContactTests(SynchronousTestCase):
    """What the log says of connections."""

    def test_one_line_each(self) -> None:
        """However many lanes and interactions fail, and come back."""
        seconds = [5.0]
        kind = dialect("mysql://u:secret@h/x")
        contact = Contact(kind, Metrics(), lambda: seconds[0])
        gone = OperationalError(2003, "Can't connect")
        with capturedLogs() as logged:
            contact.failed("a", gone, True)
            contact.works("a")
            for lane in ("a", "b", "a"):
                contact.failed(lane, gone)
            contact.failed("a", OperationalError(1213, "Deadlock"))
            seconds[0] = 7.5
            for lane in ("c", "a", "b", "a"):
                contact.works(lane)
        told = [formatEvent(event) for event in logged]
        self.assertEqual(
            told,
            [
                "the connection to the database x of the server at h:3306 was lost:"
                ' (2003, "Can\'t connect")',
                "the database x of the server at h:3306 answers again, after 2.5 s",
            ],
        )


class DialectTests(SynchronousTestCase):
    """URLs."""

    def test_mariadb(self) -> None:
        """Whose server, whose password, which database; escapes are undone."""
        kind = dialect("mysql://u%40x:p%2Fw@h:3307/vos3000?ssl_ca=/ca.pem")
        given = kind.arguments()
        wanted = {
            "host": "h",
            "port": 3307,
            "user": "u@x",
            "password": "p/w",
            "database": "vos3000",
            "ssl_ca": "/ca.pem",
            "ssl_verify_cert": True,
            "ssl_verify_identity": True,
            "tls": True,
        }
        self.assertEqual({name: given[name] for name in wanted}, wanted)
        self.assertEqual(kind.place, "vos3000 of the server at h:3307")

    def test_mariadb_with_mistakes(self) -> None:
        """Each is named, and no password with it."""
        for url, told in (
            ("mysql://u:secret@h", "the database's name is missing"),
            ("mysql://u:secret@h/x?tls=1", "'tls' is no option"),
            ("mysql://u:secret@h:99999/x", "Port out of range"),
        ):
            refused = self.assertRaises(ConfigError, dialect, url)
            self.assertIn(told, refused.problems[0])
            self.assertNotIn("secret", "".join(refused.problems))

    def test_unknown_scheme_is_refused(self) -> None:
        """The message names what there is."""
        refused = self.assertRaises(ConfigError, dialect, "oracle://h/x")
        self.assertIn("mysql, sqlite", refused.problems[0])

    def test_paths(self) -> None:
        """Three slashes are relative, four absolute, two memory."""
        for url, path in (
            ("sqlite:///a/b.db", "a/b.db"),
            ("sqlite:////a/b.db", "/a/b.db"),
            ("sqlite://", ":memory:"),
        ):
            self.assertEqual(dialect(url).path, path)


class ThreadPoolTests(TestCase):
    """The pool of the running switch, on a file."""

    def setUp(self) -> None:
        self.url = f"sqlite:///{Path(self.mktemp()).absolute()}"
        upgrade.migrate(self.url)
        self.pool = thread_pool(self.url, reactor, Metrics(), time.monotonic)
        self.addCleanup(self.pool.close)

    def test_lanes_see_what_was_committed(self) -> None:
        """A read that is asked for after a write sees it."""

        async def go() -> None:
            await self.pool.interact("put", lambda cursor: cursor.execute(_PUT) and 1)
            for lane in (self.pool.read, self.pool.bulk):
                found = await lane(
                    "get",
                    lambda c: c.execute("SELECT value FROM e_moconfig").fetchall(),
                )
                self.assertEqual(found, [("b",)])

        return Deferred.fromCoroutine(go())  # type: ignore[return-value]

    def test_balances_read_do_not_overtake_commits(self) -> None:
        """What was told of a commit is in every balance read after it."""
        heard: list[str] = []
        customers = CustomerStore(self.pool)
        opened = Opened(Disk(), Clock())
        writer = CdrWriter(
            self.pool,
            reactor,
            Events(),
            Metrics(),
            opened.journal,
            Path(self.mktemp()),
        )
        writer.on_committed = lambda moved: heard.append(str(moved[0].amount))

        async def go() -> None:
            await customers.create({"account": "1000", "money": Decimal(1)}, 0)
            writer.start("one", 0, 0)
            writer.write(rows.entry(fee="0.25"))
            flushed = writer.flush()
            read = customers.all().addCallback(
                lambda found: heard.append(str(found[0].money))
            )
            await read
            await flushed
            self.assertEqual(heard, ["-0.25", "0.750000"])

        return Deferred.fromCoroutine(go())  # type: ignore[return-value]

    def test_nothing_of_a_failed_one_is_left_to_the_reactor(self) -> None:
        """
        Its cursor is closed in its own thread: the traceback has it, and freeing
        it waits for the connection, which may be waiting for a lock.
        """
        cursors: list[Any] = []

        def fails(cursor: Cursor) -> None:
            made: Any = cursor
            cursors.append(made._cursor)
            cursor.execute("SELECT * FROM nowhere")

        async def go() -> None:
            with self.assertRaises(StorageError):
                await self.pool.interact("fails", fails)
            with self.assertRaisesRegex(sqlite3.ProgrammingError, "closed cursor"):
                cursors[0].execute("SELECT 1")

        return Deferred.fromCoroutine(go())  # type: ignore[return-value]

    def test_close_waits_for_the_work_under_way(self) -> None:
        """What was asked for before it is done; nothing can be asked after."""
        pool = thread_pool(self.url, reactor, Metrics(), time.monotonic)
        put = pool.interact("put", lambda cursor: cursor.execute(_PUT) and 1)
        closed = pool.close()
        return closed.addCallback(  # type: ignore[return-value]
            lambda _: self.assertEqual(self.successResultOf(put), 1)
        )

    def test_file_is_safe_against_power_cuts(self) -> None:
        """Every commit is synced, readers are not in the way of the writer."""

        def pragmas(cursor: Cursor) -> tuple[Any, ...]:
            return tuple(
                cursor.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("journal_mode", "synchronous", "foreign_keys")
            )

        found = self.pool.interact("pragmas", pragmas)
        return found.addCallback(self.assertEqual, ("wal", 2, 1))  # type: ignore[return-value]
