"""
A server that is killed, stopped or slow, whose connections are cut, whose locks are
held, whose disk is full: with the switch's own pool and writer on it, in real time.
"""

from __future__ import annotations

import contextlib
import functools
import signal
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pymysql
from twisted.internet import reactor, task
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import TestCase

from tests import mariadb, rows
from tests.journal.disk import Disk
from tests.journals import Opened
from vos3000.billing.accounts import Accounts
from vos3000.db import mariadb as dialect_module
from vos3000.db import pool as pool_module
from vos3000.db import upgrade
from vos3000.db.cdrwriter import CdrWriter
from vos3000.db.cursor import Cursor
from vos3000.db.customers import CASH, PAY, CustomerStore
from vos3000.db.pool import thread_pool
from vos3000.errors import StorageError
from vos3000.events import Events, StorageFailed, StorageRecovered
from vos3000.instant import Instant
from vos3000.metrics import Metrics
from vos3000.model.causes import load as load_causes

_ADD = "UPDATE e_customer SET money = money + 1 WHERE account = ?"


def later(seconds: float, call: Callable[[], Any] = lambda: None) -> Deferred[Any]:
    """In a while."""
    return task.deferLater(reactor, seconds, call)


@functools.cache
def _server(options: tuple[str, ...]) -> mariadb.Server:
    """A server of these tests' own, whose commits survive its end."""
    return mariadb.Server(*options)


class ServerCase(TestCase):
    """Pool and writer on a server that may be killed."""

    timeout = 60
    options: tuple[str, ...] = ()
    patches: tuple[tuple[Any, str, Any], ...] = ()

    async def setUp(self) -> None:
        """Two accounts."""
        self.server = _server(self.options)
        for patch in self.patches:
            self.patch(*patch)
        self.url = self.server.create("trouble")
        upgrade.migrate(self.url)
        self.metrics = Metrics()
        self.pool = thread_pool(self.url, reactor, self.metrics, time.monotonic)
        self.customers = CustomerStore(self.pool)
        for account in ("1000", "2000"):
            await self.customers.create({"account": account, "money": Decimal(10)}, 0)
        self.events = Events()
        self.heard: list[str] = []
        for kind in (StorageFailed, StorageRecovered):
            self.events.subscribe(kind, lambda e: self.heard.append(type(e).__name__))
        opened = Opened(Disk(), task.Clock())
        self.writer = CdrWriter(
            self.pool,
            reactor,
            self.events,
            self.metrics,
            opened.journal,
            Path(self.mktemp()),
        )
        self.writer.start("one", 0, 0)
        self.made = 0
        self.source = task.LoopingCall(self.make)

    async def tearDown(self) -> None:
        """Let go of everything."""
        if self.source.running:
            self.source.stop()
        await self.writer.close(5)
        await self.pool.close()

    def make(self) -> None:
        """A few records, of both accounts."""
        for _ in range(5):
            self.made += 1
            self.writer.write(rows.entry(("1000", "2000")[self.made % 2], "0.000007"))

    async def load(self, trouble: Callable[[], Any], seconds: float = 0.5) -> list[Any]:
        """
        Write records before, during and after the trouble; hold the books against
        them.

        @return: What was logged by then.
        """
        with capturedLogs() as logged:
            self.source.start(0.01)
            await later(0.4)
            await trouble()
            await later(seconds)
            self.source.stop()
            await self.writer.flush()
        database = mariadb.Database(self.url)
        self.addCleanup(database.close)
        found = rows.rows(database, "SELECT flowno FROM e_cdr ORDER BY flowno")
        self.assertEqual([n for (n,) in found], list(range(1, self.made + 1)))
        self.assertEqual(rows.balances(database), rows.ledger(database))
        self.assertEqual(self.flushLoggedErrors(), [])
        return [event for event in logged if event.get("log_level") != LogLevel.debug]

    async def stop(self, seconds: float) -> None:
        """Let the server do nothing for a while."""
        self.server.process.send_signal(signal.SIGSTOP)
        await later(seconds)
        self.server.process.send_signal(signal.SIGCONT)

    def told(self, logged: list[Any]) -> list[str]:
        """Lines about the connection."""
        formats = [str(event.get("log_format")) for event in logged]
        return [text for text in formats if "database {place}" in text]

    def sample(self, name: str) -> Any:
        """A metric's value."""
        return {s.name: s.value for s in self.metrics.samples()}[name]


class LostTests(ServerCase):
    """The server goes away."""

    def test_killed_and_started_again(self) -> Deferred[None]:
        """Each record once; a line when it goes, a line when it is back."""

        async def trouble() -> None:
            self.server.kill()
            await later(1.5)
            self.server.start()

        async def go() -> None:
            logged = await self.load(trouble)
            self.assertEqual(self.heard, ["StorageFailed", "StorageRecovered"])
            self.assertEqual(len(self.told(logged)), 2, self.told(logged))

        return Deferred.fromCoroutine(go())

    def test_connections_are_cut(self) -> Deferred[None]:
        """By KILL, again and again, in the middle of whatever they do."""

        async def trouble() -> None:
            own = self.server.connect()
            cursor = own.cursor()
            for _ in range(30):
                cursor.execute("SHOW PROCESSLIST")
                for row in cursor.fetchall():
                    if row[3] == "trouble":
                        cursor.execute(f"KILL {row[0]}")
                await later(0.03)
            own.close()

        async def go() -> None:
            await self.load(trouble)
            self.assertGreater(self.sample("db_connection_lost_total"), 0)

        return Deferred.fromCoroutine(go())

    def test_stopped_for_a_while(self) -> Deferred[None]:
        """It answers nothing for two seconds: all waits, nothing fails."""

        async def trouble() -> None:
            await self.stop(2)

        async def go() -> None:
            await self.load(trouble)
            self.assertEqual(self.heard, [])

        return Deferred.fromCoroutine(go())


class ImpatientTests(ServerCase):
    """We give up before the server answers."""

    patches = (
        (dialect_module, "GRACE_SECONDS", 0.2),
        (pool_module, "RECORDS_SECONDS", 0.3),
    )

    def test_stopped_for_longer_than_we_wait(self) -> Deferred[None]:
        """
        The statement is given up, perhaps a commit: the server does it when it goes
        on. Each record is there once.
        """

        async def trouble() -> None:
            for _ in range(3):
                self.server.process.send_signal(signal.SIGSTOP)
                await later(
                    1.2, lambda: self.server.process.send_signal(signal.SIGCONT)
                )
                await later(0.2)

        return Deferred.fromCoroutine(self.load(trouble))


class LockTests(ServerCase):
    """Others have what we want."""

    def test_loser_of_a_deadlock_tries_again(self) -> Deferred[None]:
        """The whole transaction, once."""
        other = self.server.connect("trouble")
        self.addCleanup(other.close)
        other.begin()
        cursor = other.cursor()
        for number in range(50):  # who changed less loses
            cursor.execute(
                "INSERT INTO e_moconfig (name, value) VALUES (%s, '')", (str(number),)
            )
        cursor.execute(_ADD.replace("?", "'2000'"))
        runs: list[int] = []

        def theirs() -> None:
            cursor.execute(_ADD.replace("?", "'1000'"))
            other.commit()

        crossing = threading.Thread(target=theirs)

        def ours(taken: Cursor) -> None:
            runs.append(1)
            taken.execute(_ADD, ("1000",))
            if len(runs) == 1:
                crossing.start()
                time.sleep(0.3)
            taken.execute(_ADD, ("2000",))

        async def go() -> None:
            await self.pool.interact("ours", ours)
            crossing.join()
            self.assertEqual(len(runs), 2)
            self.assertEqual(self.sample("db_interaction_retry_total"), 1)
            found = await self.customers.all()
            self.assertEqual([each.money for each in found], [12, 12])

        return Deferred.fromCoroutine(go())

    def test_nobody_holds_up_records(self) -> Deferred[None]:
        """Not an interface that writes for long, not a call, not an import."""
        ended: list[str] = []

        def long(cursor: Cursor) -> None:
            cursor.execute("UPDATE e_othermaxid SET maxid = 9 WHERE type = 'object'")
            cursor.execute("SELECT SLEEP(0.7)")
            ended.append("other")

        async def go() -> None:
            ways = (self.pool.interact, self.pool.calls, self.pool.bulk)
            others = [way("long", long) for way in ways]
            await later(0.2)
            self.make()
            await self.writer.flush()
            ended.append("records")
            await gatherResults(others)
            self.assertEqual(ended, ["records", *["other"] * 3])

        return Deferred.fromCoroutine(go())

    def test_statement_has_a_limit(self) -> Deferred[None]:
        """The server ends it; the next one is served."""
        self.patch(pool_module, "READ_SECONDS", 0.3)
        pool = thread_pool(self.url, reactor, Metrics(), time.monotonic)

        async def go() -> None:
            begun = time.monotonic()
            try:
                await pool.read("slow", lambda c: c.execute("SELECT SLEEP(9)"))
                self.fail("it took as long as it liked")
            except StorageError as error:
                self.assertIn("max_statement_time exceeded", str(error))
            self.assertLess(time.monotonic() - begun, 5)
            await pool.read("next", lambda cursor: cursor.execute("SELECT 1"))
            await pool.close()

        return Deferred.fromCoroutine(go())

    def test_balances_payments_and_commits_in_order(self) -> Deferred[None]:
        """Whenever balances are read, they and what is pending make the truth."""
        accounts = Accounts(lambda: Instant(0, 0.0), load_causes())
        self.writer.on_committed = accounts.committed
        right = [Decimal(10)]

        def charge() -> None:
            account = accounts.get("1000")
            assert account is not None
            account.charge(Decimal("0.25"))
            right[0] -= Decimal("0.25")
            self.writer.write(rows.entry(fee="0.25"))

        def paid(_: object) -> None:
            accounts.credit("1000", Decimal(1))
            right[0] += 1

        def read(found: Any) -> None:
            accounts.load(found)
            self.assertEqual(accounts.money("1000"), right[0])

        async def go() -> None:
            accounts.load(await self.customers.all())
            waiting = []
            for number in range(60):
                charge()
                pay = self.customers.pay("1000", Decimal(1), "", PAY, CASH, "", number)
                waiting.append(pay.addCallback(paid))
                waiting.append(self.customers.all().addCallback(read))
                await later(0.005)
            await gatherResults(waiting)
            await self.writer.flush()
            read(await self.customers.all())

        return Deferred.fromCoroutine(go())


class HeldTests(ServerCase):
    """A lock is not to be had for long."""

    patches = (
        (
            dialect_module,
            "_SESSION",
            dialect_module._SESSION.replace("timeout = 5", "timeout = 1"),
        ),
    )

    def test_lock_that_is_held_for_long(self) -> Deferred[None]:
        """The writer tries until it gets it."""
        self.assertIn("timeout = 1", dialect_module._SESSION)

        async def trouble() -> None:
            other = self.server.connect("trouble")
            other.begin()
            other.cursor().execute(_ADD.replace("?", "'1000'"))
            await later(4.5, other.rollback)
            other.close()

        async def go() -> None:
            await self.load(trouble)
            self.assertEqual(self.heard, ["StorageFailed", "StorageRecovered"])

        return Deferred.fromCoroutine(go())


class FullTests(ServerCase):
    """The server's disk is full."""

    options = (
        "--innodb-file-per-table=0",
        "--innodb-data-file-path=ibdata1:12M:autoextend:max:24M",
    )

    def test_full_and_larger(self) -> Deferred[None]:
        """Records wait, and are written when there is room."""

        async def trouble() -> None:
            own = self.server.connect("trouble")
            cursor = own.cursor()
            cursor.execute("CREATE TABLE ballast (filling LONGBLOB)")
            with contextlib.suppress(pymysql.err.OperationalError):
                while True:
                    cursor.execute("INSERT INTO ballast VALUES (REPEAT('x', 300000))")
            own.close()
            end = time.monotonic() + 20
            while not self.heard and time.monotonic() < end:
                for _ in range(100):
                    self.make()
                await later(0.1)
            self.server.kill()
            self.server.start("--innodb-data-file-path=ibdata1:12M:autoextend")

        async def go() -> None:
            logged = await self.load(trouble)
            self.assertEqual(self.heard, ["StorageFailed", "StorageRecovered"])
            failed = [str(each.get("reason")) for each in logged]
            self.assertIn("is full", "".join(failed))

        return Deferred.fromCoroutine(go())
