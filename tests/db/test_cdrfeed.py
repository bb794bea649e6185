"""Tests of L{vos3000.db.cdrfeed}: records in the order of their numbers."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests import rows
from vos3000.db.cdrfeed import CdrFeed
from vos3000.db.cdrmover import CdrMover
from vos3000.db.cdrrows import Batch, Held, put, to_row
from vos3000.db.cursor import Cursor
from vos3000.instant import instants
from vos3000.metrics import Metrics
from vos3000.model.cdr import Cdr, CdrEntry

DAY = 86_400_000


class FeedCase(SynchronousTestCase):
    """A feed over the rolling table and day tables."""

    def setUp(self) -> None:
        self.connection = rows.empty_database()
        self.pool = rows.memory_pool(self.connection)
        self.feed = CdrFeed(self.pool)

    def record(self, *records: Cdr) -> None:
        """Commit records as the writer does."""
        held = [
            Held(0, CdrEntry(each), to_row(self.pool.dialect, each)) for each in records
        ]

        def work(cursor: Cursor) -> None:
            put(cursor, self.pool.dialect, Batch(0, held))

        self.successResultOf(self.pool.interact("test", work))

    def move(self) -> None:
        """Move the oldest records to the tables of their days."""
        later = (rows.NOON + DAY) / 1000
        now = instants(lambda: later, lambda: 0.0)
        mover = CdrMover(self.pool, Clock(), now, Metrics(), rows.UTC)
        while self.successResultOf(mover.step()):
            pass

    def flows(self, after: int, most: int = 500) -> list[int]:
        """The numbers that follow one."""
        found = self.successResultOf(self.feed.after(after, most))
        return [cdr.flowno for cdr in found]


class FeedTests(FeedCase):
    """Whatever the tables hold."""

    def test_nothing(self) -> None:
        """An empty database has none."""
        self.assertEqual(self.flows(0), [])
        self.assertEqual(self.successResultOf(self.feed.newest()), 0)

    def test_pages(self) -> None:
        """Each page goes on where the last one ended."""
        self.record(*[rows.cdr() for _ in range(5)])
        self.assertEqual(self.flows(0, 2), [1, 2])
        self.assertEqual(self.flows(2, 2), [3, 4])
        self.assertEqual(self.flows(4, 2), [5])
        self.assertEqual(self.flows(5, 2), [])
        self.assertEqual(self.successResultOf(self.feed.newest()), 5)

    def test_over_the_tables(self) -> None:
        """Wherever a record is, each is found once, with all that it says."""
        day = {"starttime": rows.NOON - DAY, "stoptime": rows.NOON - DAY + 1}
        self.record(rows.cdr(), rows.cdr(**day), rows.cdr(callere164="3"))
        self.move()
        self.record(rows.cdr(callere164="4"))
        self.assertEqual(self.flows(0), [1, 2, 3, 4])
        self.assertEqual(self.flows(1, 2), [2, 3])
        found = self.successResultOf(self.feed.after(2))
        self.assertEqual(found[0], rows.cdr(callere164="3", flowno=3))
        self.assertEqual(self.successResultOf(self.feed.newest()), 4)

    def test_many_days(self) -> None:
        """More tables than one statement may have."""
        for number in range(250):
            moment = rows.NOON - number * DAY
            self.record(rows.cdr(starttime=moment, stoptime=moment))
        self.move()
        self.assertEqual(self.flows(0), list(range(1, 251)))
        self.assertEqual(self.flows(248), [249, 250])


class SqliteFeedTests(FeedCase):
    """How SQLite finds the records."""

    def test_by_index(self) -> None:
        """No table is walked through, whatever it holds."""
        self.record(rows.cdr())
        self.move()
        plans: list[str] = []
        statements: list[str] = []
        self.connection.set_trace_callback(statements.append)
        self.flows(0)
        self.connection.set_trace_callback(None)
        for statement in statements:
            if "UNION ALL" in statement:
                plan = rows.rows(self.connection, f"EXPLAIN QUERY PLAN {statement}")
                plans += [str(row[3]) for row in plan if " e_cdr" in str(row[3])]
        self.assertGreaterEqual(len(plans), 2)
        for plan in plans:
            self.assertIn("SEARCH", plan)
            self.assertIn("PRIMARY KEY", plan)
