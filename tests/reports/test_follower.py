"""
Tests of L{vos3000.reports.follower} and L{vos3000.reports.reports}: committed records
to files, through all that may go wrong.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests import rows
from tests.db.flaky import FlakyPool
from tests.reports.build import Consumer, FailingFiles, at_once, full
from vos3000.db.cdrfeed import CdrFeed
from vos3000.db.cdrrows import Batch, Held, put, to_row
from vos3000.db.cursor import Cursor
from vos3000.errors import StorageError
from vos3000.events import Events, ReportFailed, ReportRecovered
from vos3000.instant import instants
from vos3000.metrics import Metrics
from vos3000.model.cdr import Cdr, CdrEntry
from vos3000.reports.follower import EVERY, RETRY
from vos3000.reports.forwarder import Wire
from vos3000.reports.reports import Reports

OFF: dict[str, Any] = {
    "SERVER_CDR_FILE_WRITE_MAX": 0,
    "SERVER_CDR_FILE_WRITE_INTERVAL": 900,
    "SERVER_CDR_REAL_TIME_REPORT_SERVER": None,
    "SS_CDR_RECORD_TO_FILE": False,
    "SS_CDR_RECORD_NONCONNECT": False,
}
CSV = {"SERVER_CDR_FILE_WRITE_MAX": 100}
PIPE = {"SS_CDR_RECORD_TO_FILE": True}


class ReadFlaky(FlakyPool):
    """A pool that refuses to read as well."""

    def read(self, name: str, function: Any, *args: Any) -> Any:
        """What a feed calls."""
        if self.before is not None:
            return self.interact(name, function, *args)
        return self._pool.read(name, function, *args)


class ReportsCase(SynchronousTestCase):
    """All ways out of a database, at noon."""

    def setUp(self) -> None:
        self.connection = rows.empty_database()
        self.pool = ReadFlaky(rows.memory_pool(self.connection))
        self.state = Path(self.mktemp())
        self.state.mkdir()
        self.folder = self.state / "cdr"
        self.clock = Clock()
        self.clock.advance(rows.NOON / 1000)
        self.values = dict(OFF)
        self.files = FailingFiles()
        self.waiting = 0
        self.hanging: list[Any] | None = None
        self.wires: list[Wire] = []
        self.events = Events()
        self.heard: list[Any] = []
        for kind in (ReportFailed, ReportRecovered):
            self.events.subscribe(kind, self.heard.append)
        self.reports = self.make()

    def make(self) -> Reports:
        """Those of a process that has just started."""
        self.metrics = Metrics()
        made = Reports(
            lambda: self.values,
            CdrFeed(self.pool),  # type: ignore[arg-type]
            lambda: self.waiting,
            self.state,
            rows.UTC,
            self.files,
            lambda name: self.run_work,
            self.listen,
            self.clock,
            instants(self.clock.seconds, self.clock.seconds),
            self.events,
            self.metrics,
        )
        made.start()
        return made

    def run_work(self, work: Any) -> Deferred[Any]:
        """Run at once what is for a thread, unless the disk hangs."""
        if self.hanging is None:
            return at_once(work)
        self.hanging.append(work)
        return Deferred()

    def listen(self, wire: Wire) -> None:
        """Give a protocol a socket."""
        self.wires.append(wire)

    def tune(self, **values: Any) -> None:
        """Set parameters."""
        self.values = {**OFF, **values}
        self.reports.tuned()
        self.clock.advance(0)

    def record(self, count: int = 1, **fields: Any) -> None:
        """Commit records that end now."""
        stop = int(self.clock.seconds() * 1000)
        given = {"starttime": stop - 1000, "stoptime": stop, **fields}
        held = [self._held(rows.cdr(**given)) for _ in range(count)]

        def work(cursor: Cursor) -> None:
            put(cursor, self.pool.dialect, Batch(0, held))

        self.successResultOf(self.pool._pool.interact("test", work))
        self.reports.wake()

    def _held(self, record: Cdr) -> Held:
        return Held(0, CdrEntry(record), to_row(self.pool.dialect, record))

    def advance(self, seconds: float) -> None:
        """Let time pass, second by second."""
        for _ in range(int(seconds)):
            self.clock.advance(1)

    def sample(self, name: str) -> Any:
        """A metric's values by output."""
        (found,) = (s.value for s in self.metrics.samples() if s.name == name)
        return found

    def names(self) -> list[str]:
        """The files."""
        if not self.folder.exists():
            return []
        return sorted(path.name for path in self.folder.iterdir())


class FollowerTests(ReportsCase):
    """Records find their way."""

    def test_off(self) -> None:
        """Nothing is read, written or waited for."""
        self.record()
        self.advance(10)
        self.assertEqual(list(self.state.iterdir()), [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_both_files(self) -> None:
        """Each record is in each kind of files once, a second after its commit."""
        self.tune(**CSV, **PIPE)
        self.record(3)
        self.advance(1)
        self.assertEqual(self.names(), ["cdr.csv.part", "cdr.txt.part"])
        self.record(2)
        self.record(1, starttime=rows.NOON, stoptime=rows.NOON, holdtime=0)
        self.advance(3700)
        self.record()
        self.advance(2)
        consumer = Consumer(self.folder)
        consumer.look("*.txt")
        self.assertEqual(consumer.numbers(17, b"|"), [1, 2, 3, 4, 5])
        consumer = Consumer(self.folder)
        consumer.look("cdr_*.csv")
        self.assertEqual(consumer.numbers(41, b","), [1, 2, 3, 4, 5, 6])
        self.assertEqual(self.sample("reports_passed_total"), {"csv": 7, "pipe": 7})

    def test_files_of_their_time(self) -> None:
        """The time ends a file, though no record comes."""
        self.tune(**CSV)
        self.record()
        self.advance(900 + 2 + EVERY)
        self.assertEqual(self.names(), ["cdr_20260301120000.csv"])

    def test_many(self) -> None:
        """A backlog is read page by page, at once."""
        self.tune(**CSV)
        self.record(1234)
        self.clock.advance(1)
        self.assertEqual((self.folder / "cdr.csv.part").read_bytes().count(b"\n"), 1234)

    def test_stopped_and_started(self) -> None:
        """The next run goes on where the last one ended, and misses nothing."""
        self.tune(**CSV, **PIPE)
        self.record(2)
        self.advance(1)
        self.successResultOf(self._stop())
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.record(2)
        self.reports = self.make()
        self.record(1)
        self.advance(4000)
        consumer = Consumer(self.folder)
        consumer.look("cdr_*.csv")
        self.assertEqual(consumer.numbers(41, b","), [1, 2, 3, 4, 5])

    def _stop(self) -> Any:
        return Deferred.fromCoroutine(self.reports.stop())

    def test_needed(self) -> None:
        """Records stay in the database until they are in a finished file."""
        self.assertIsNone(self.reports.passed_on())
        self.record(2)
        self.values = {**OFF, **CSV, **PIPE}
        self.assertEqual(self.reports.passed_on(), 0)
        self.tune(**CSV, **PIPE)
        self.assertEqual(self.reports.passed_on(), 2)
        self.record(2)
        self.advance(910)
        self.assertEqual(self.names(), ["cdr.txt.part", "cdr_20260301120000.csv"])
        self.assertEqual(self.reports.passed_on(), 2)
        self.tune(**CSV)
        self.assertEqual(self.reports.passed_on(), 4)
        self.tune()
        self.assertIsNone(self.reports.passed_on())

    def test_switched_off_and_on(self) -> None:
        """What ends meanwhile is in no file."""
        self.tune(**PIPE)
        self.record()
        self.advance(1)
        self.tune()
        self.assertEqual(self.names(), ["2026030112.txt"])
        self.record()
        self.tune(**PIPE)
        self.record()
        self.advance(3700)
        consumer = Consumer(self.folder)
        consumer.look("*.txt")
        self.assertEqual(consumer.numbers(17, b"|"), [1, 3])


class TroubleTests(ReportsCase):
    """While something is wrong, nothing else suffers; then it goes on."""

    def test_disk_full(self) -> None:
        """One line, one event; afterwards every record is there."""
        self.tune(**CSV)
        self.record()
        self.advance(1)
        self.files.broken = full()
        self.record(2)
        self.advance(60)
        self.assertEqual(len(self.heard), 1)
        self.assertEqual(self.heard[0].output, "csv")
        self.assertIn("No space left on device", self.heard[0].reason)
        self.assertGreater(self.sample("reports_failing_seconds")["csv"], 55)
        self.assertEqual(self.sample("reports_failing_seconds")["pipe"], 0)
        self.files.broken = None
        self.advance(RETRY + 1)
        self.assertIsInstance(self.heard[1], ReportRecovered)
        self.advance(1000)
        consumer = Consumer(self.folder)
        consumer.look("cdr_*.csv")
        self.assertEqual(consumer.numbers(41, b","), [1, 2, 3])
        self.assertEqual(len(self.heard), 2)

    def test_database_away(self) -> None:
        """It is asked again until it answers."""
        self.tune(**PIPE)
        self.pool.before = StorageError("gone")
        self.advance(30)
        self.assertEqual(self.heard, [ReportFailed("pipe", "gone")])
        self.pool.before = None
        self.record()
        self.advance(2)
        self.assertEqual(self.names(), ["cdr.txt.part"])

    def test_database_behind(self) -> None:
        """An hour is not over while its records wait for the database."""
        self.tune(**PIPE)
        self.record()
        self.advance(1)
        self.waiting = 5
        self.advance(4000)
        self.assertEqual(self.names(), ["cdr.txt.part"])
        stop = rows.NOON + 5000
        self.record(5, starttime=stop - 1, stoptime=stop)
        self.waiting = 0
        self.hanging: list[Any] | None = None
        self.advance(2 + EVERY)
        consumer = Consumer(self.folder)
        consumer.look("*.txt")
        self.assertEqual(consumer.files[0][0], "2026030112.txt")
        self.assertEqual(consumer.numbers(17, b"|"), [1, 2, 3, 4, 5, 6])

    def test_directory_gone(self) -> None:
        """What was in the unfinished file is made again from the database."""
        self.tune(**PIPE)
        self.record(3)
        self.advance(1)
        shutil.rmtree(self.folder)
        self.record(2)
        self.advance(3700)
        consumer = Consumer(self.folder)
        consumer.look("*.txt")
        self.assertEqual(consumer.numbers(17, b"|"), [1, 2, 3, 4, 5])

    def test_disk_hangs(self) -> None:
        """It is said after half a minute; one page waits for it, and no other."""
        self.tune(**PIPE)
        self.record(2)
        self.hanging = []
        self.advance(1)
        self.record(2)
        self.advance(120)
        self.assertEqual(self.heard, [ReportFailed("pipe", "the disk does not answer")])
        (work,) = self.hanging
        self.hanging = None
        work()
        self.advance(2)
        self.assertIsInstance(self.heard[1], ReportRecovered)
        lines = (self.folder / "cdr.txt.part").read_bytes().splitlines()
        self.assertEqual(
            [line.split(b"|")[17] for line in lines], [b"1", b"2", b"3", b"4"]
        )

    def test_what_nobody_thought_of(self) -> None:
        """A mistake of ours stops that output no longer than it lasts."""
        self.tune(**PIPE)
        self.pool.before = ZeroDivisionError("oh")
        self.record()
        self.advance(5)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.pool.before = None
        self.advance(5)
        self.assertEqual(self.names(), ["cdr.txt.part"])
