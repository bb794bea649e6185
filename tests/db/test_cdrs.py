"""Tests of reading records, and of moving them to the table of their day."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tests import rows
from tests.db.flaky import FlakyPool
from vos3000.db.cdrmover import EVERY, KEEP, CdrMover
from vos3000.db.cdrrows import Batch, Held, put, to_row
from vos3000.db.cdrs import CdrQuery, CdrReader, CdrStore
from vos3000.db.days import day_of, day_tables
from vos3000.errors import StorageError
from vos3000.instant import Instant
from vos3000.metrics import Metrics
from vos3000.model.cdr import CdrEntry

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3_600_000
DAY = 24 * HOUR


class RecordCase(SynchronousTestCase):
    """A database with records."""

    def setUp(self) -> None:
        self.connection = rows.empty_database()
        self.pool = rows.memory_pool(self.connection)
        self.store = CdrStore(self.pool, BERLIN)
        self.clock = Clock()
        self.wall = rows.NOON + DAY
        self.mover = self.make(self.pool)

    def make(self, pool: Any) -> CdrMover:
        """A mover whose time is C{wall}."""
        return CdrMover(
            pool, self.clock, lambda: Instant(self.wall, 0.0), Metrics(), BERLIN
        )

    def add(self, **fields: Any) -> None:
        """Write one record."""
        entry = CdrEntry(rows.cdr(**fields))
        assert entry.cdr is not None
        batch = Batch(0, [Held(1, entry, to_row(self.pool.dialect, entry.cdr))])
        self.successResultOf(self.pool.interact("add", put, self.pool.dialect, batch))

    def call(self, start: int, seconds: int = 60, **fields: Any) -> None:
        """Write the record of a call that was answered at a moment."""
        self.add(starttime=start, stoptime=start + seconds * 1000, **fields)

    def move(self) -> list[int]:
        """Move until there is nothing to move; the steps' counts."""
        counts: list[int] = []
        while not counts or counts[-1]:
            counts.append(self.successResultOf(self.mover.step()))
        return counts

    def tables(self) -> list[str]:
        """The day tables."""
        found = self.pool.read("days", day_tables, self.pool.dialect)
        return self.successResultOf(found)

    def count(self, table: str) -> int:
        """Rows of a table."""
        return int(rows.rows(self.connection, f"SELECT COUNT(*) FROM {table}")[0][0])


class CdrMoverTests(RecordCase):
    """Each record in exactly one table."""

    def test_old_records_go_to_the_day_of_their_start(self) -> None:
        """The day is the zone's: Berlin's midnight is 23:00 UTC in winter."""
        midnight = day_of(rows.NOON, BERLIN).end
        self.call(midnight - 1)
        self.call(midnight)
        self.call(midnight - 3 * HOUR, 4 * 3600)
        self.assertEqual(self.move(), [2, 1, 0])
        self.assertEqual(self.tables(), ["e_cdr_20260301", "e_cdr_20260302"])
        self.assertEqual(self.count("e_cdr_20260301"), 2)
        self.assertEqual(self.count("e_cdr"), 0)

    def test_tables_are_made_ahead_of_midnight(self) -> None:
        """Today's at once, tomorrow's an hour before it begins; with indexes."""
        self.move()
        self.assertEqual(self.tables(), ["e_cdr_20260302"])
        self.wall = day_of(self.wall, BERLIN).end - HOUR - 1
        self.move()
        self.assertEqual(self.tables(), ["e_cdr_20260302"])
        self.wall += 1
        self.move()
        self.assertEqual(self.tables(), ["e_cdr_20260302", "e_cdr_20260303"])
        self.call(self.wall + 2 * HOUR)
        self.wall += DAY
        self.assertEqual(self.move(), [1, 0])
        self.assertEqual(self.count("e_cdr_20260303"), 1)

    def test_table_that_was_removed_is_made_again(self) -> None:
        """Somebody cleared old days away, and a record of one comes late."""
        self.call(rows.NOON)
        self.move()
        self.connection.execute("DROP TABLE e_cdr_20260301")
        self.call(rows.NOON)
        self.failureResultOf(self.mover.step(), StorageError)
        self.assertEqual(self.count("e_cdr"), 1)
        self.assertEqual(self.move(), [1, 0])
        self.assertEqual(self.count("e_cdr_20260301"), 1)

    def test_newest_records_stay(self) -> None:
        """The rolling table keeps those that ended within the last minutes."""
        self.call(self.wall - KEEP * 1000 - 60_000)
        self.call(self.wall - KEEP * 1000 - 60_001)
        self.assertEqual(self.move(), [1, 0])
        self.assertEqual(self.count("e_cdr"), 1)

    def test_steps_are_small(self) -> None:
        """A backlog is moved a few hundred at a time, more while there is one."""
        for number in range(1100):
            self.call(rows.NOON + number)
        self.assertEqual(self.move(), [500, 600, 0])
        self.assertEqual(self.move(), [0])
        self.assertEqual(self.count("e_cdr_20260301"), 1100)

    def test_moved_record_is_unchanged(self) -> None:
        """All columns go along."""
        self.call(rows.NOON, additional=b"\x00", dynamicValue="{}", flownofirst=3)
        before = self.successResultOf(self.store.recent(1))
        self.move()
        self.assertEqual(self.successResultOf(self.store.recent(1)), before)

    def test_failure_moves_nothing(self) -> None:
        """A row that is in both tables stops the step as a whole."""
        self.call(rows.NOON)
        self.move()
        self.connection.execute("INSERT INTO e_cdr SELECT * FROM e_cdr_20260301")
        self.failureResultOf(self.mover.step(), StorageError)
        self.assertEqual((self.count("e_cdr"), self.count("e_cdr_20260301")), (1, 1))

    def test_works_by_itself_and_survives_failures(self) -> None:
        """It looks from time to time; the log hears of a failure and of its end."""
        pool = FlakyPool(self.pool)
        mover = self.make(pool)
        self.call(rows.NOON)
        pool.before = StorageError("busy")
        with capturedLogs() as logged:
            mover.start()
            self.clock.pump([0, EVERY, EVERY])
            self.assertEqual(self.count("e_cdr"), 1)
            pool.before = None
            self.clock.advance(EVERY)
            self.assertEqual(self.count("e_cdr"), 0)
        told = [formatEvent(event) for event in logged]
        self.assertEqual(
            told, ["old records stay: busy", "old records are moved again"]
        )
        mover.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class CdrStoreTests(RecordCase):
    """One view of all tables."""

    def query(self, **fields: Any) -> list[int]:
        """Numbers of the records that match."""
        found = self.successResultOf(self.store.query(CdrQuery(**fields)))
        return [cdr.flowno for cdr in found]

    def test_query_spans_rolling_and_day_tables(self) -> None:
        """In the order of flowno, whatever the table."""
        self.call(rows.NOON + HOUR)
        self.call(rows.NOON - DAY)
        self.move()
        self.call(self.wall)
        self.assertEqual(self.query(), [1, 2, 3])

    def test_period_begins_and_ends_with_the_start_time(self) -> None:
        """The begin is included, the end is not."""
        day = day_of(rows.NOON, BERLIN)
        for start in (day.begin - 1, day.begin, day.end - 1, day.end):
            self.call(start)
        self.assertEqual(self.query(begin_ms=day.begin, end_ms=day.end), [2, 3])
        self.move()
        self.assertEqual(self.query(begin_ms=day.begin, end_ms=day.end), [2, 3])

    def pages(self, reader: CdrReader) -> Iterator[list[int]]:
        """The numbers of the records of each page."""
        while not reader.ended:
            yield [cdr.flowno for cdr in self.successResultOf(reader.next())]

    def test_pages(self) -> None:
        """A query of any size is read by so many records at once, in order."""
        for number in range(7):
            account = "abc"[number % 3]
            start = rows.NOON - DAY if number % 2 else rows.NOON + HOUR
            self.call(start, customeraccount=account)
        self.move()
        self.call(self.wall, customeraccount="b")
        for accounts, expected in (
            ((), [[1, 2, 3], [4, 5, 6], [7, 8]]),
            (("b", "a", "a"), [[1, 2, 4], [5, 7, 8], []]),
            (("a", *map(str, range(100))), [[1, 4, 7], []]),
        ):
            reader = self.store.reader(CdrQuery(accounts=accounts), 3)
            self.assertEqual(list(self.pages(reader)), expected)

    def test_pages_are_one_snapshot(self) -> None:
        """Records moved meanwhile are found once, those added are left out."""
        for start in (rows.NOON, rows.NOON - DAY, rows.NOON, rows.NOON - DAY):
            self.call(start)
        pages = self.pages(self.store.reader(CdrQuery(), 1))
        self.assertEqual(next(pages), [1])
        self.move()
        self.assertEqual(self.count("e_cdr"), 0)
        self.call(self.wall)
        self.assertEqual(list(pages), [[2], [3], [4], []])

    def test_filters(self) -> None:
        """Each filter is exact; several must all match."""
        self.add(customeraccount="a", callere164="1", calleee164="9")
        self.add(customeraccount="b", callere164="1", callergatewayid="in")
        self.add(customeraccount="c", calleegatewayid="out")
        self.assertEqual(self.query(accounts=("a", "c")), [1, 3])
        self.assertEqual(self.query(caller="1"), [1, 2])
        self.assertEqual(self.query(callee="9"), [1])
        self.assertEqual(self.query(caller_gateway="in"), [2])
        self.assertEqual(self.query(callee_gateway="out", accounts=("c",)), [3])
        self.assertEqual(self.query(caller="1", accounts=("c",)), [])

    def test_recent_is_newest_first(self) -> None:
        """Also when the newest record belongs to an earlier day."""
        self.call(rows.NOON)
        self.call(rows.NOON - DAY, 90_000)
        self.move()
        found = self.successResultOf(self.store.recent(1))
        self.assertEqual([cdr.flowno for cdr in found], [2])
        found = self.successResultOf(self.store.recent(10))
        self.assertEqual([cdr.flowno for cdr in found], [2, 1])

    def test_nulls_of_other_programs_are_defaults(self) -> None:
        """A row with a key and a time alone is a record."""
        self.connection.execute("INSERT INTO e_cdr (flowno, starttime) VALUES (9, 5)")
        (found,) = self.successResultOf(self.store.query(CdrQuery()))
        self.assertEqual((found.fee, found.callere164, found.agentcdr_id), (0, "", -1))


class DayTests(SynchronousTestCase):
    """Days of a zone."""

    def test_days_of_the_change_of_clocks(self) -> None:
        """A day has 23 or 25 hours then."""
        for noon, hours in ((1_774_778_400_000, 23), (1_792_926_000_000, 25)):
            day = day_of(noon, BERLIN)
            self.assertEqual(day.end - day.begin, hours * HOUR)
            self.assertEqual(day_of(day.begin, BERLIN), day)
            self.assertEqual(day_of(day.end - 1, BERLIN), day)
            self.assertEqual(day_of(day.end, BERLIN).begin, day.end)


class SqliteTests(RecordCase):
    """How records stand in the file, and are found there."""

    def test_day_table_is_like_the_rolling_one(self) -> None:
        """Same columns, same indexes."""
        self.call(rows.NOON)
        self.move()
        found = [
            rows.rows(
                self.connection,
                "SELECT replace(sql, 'e_cdr_20260301', 'e_cdr') FROM sqlite_master"
                " WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY 1",
                table,
            )
            for table in ("e_cdr", "e_cdr_20260301")
        ]
        self.assertEqual(found[0], found[1])
        self.assertEqual(len(found[0]), 6)

    def test_pages_are_not_sorted_again(self) -> None:
        """An index gives each page in its order: the cost is that of the page."""
        self.call(rows.NOON)
        self.move()
        for query in (
            CdrQuery(),
            CdrQuery(accounts=("a",)),
            CdrQuery(accounts=("a", "b"), caller="1", callee="2"),
            CdrQuery(accounts=tuple(map(str, range(100)))),
        ):
            seen: list[str] = []
            self.connection.set_trace_callback(seen.append)
            self.successResultOf(self.store.reader(query).next())
            self.connection.set_trace_callback(None)
            [statement] = [text for text in seen if "LIMIT" in text]
            found = self.connection.execute(f"EXPLAIN QUERY PLAN {statement}")
            plan = " ".join(row[3] for row in found)
            self.assertNotIn("TEMP B-TREE", plan)
            self.assertNotIn("SCAN", plan)
