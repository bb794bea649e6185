"""Tests of L{vos3000.reports.textfiles}: each record in one file, once."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from zoneinfo import ZoneInfo

from twisted.trial.unittest import SynchronousTestCase

from tests import rows
from tests.reports.build import Consumer, FailingFiles, Killed, full
from vos3000.model.cdr import Cdr
from vos3000.reports.files import Files
from vos3000.reports.place import PlaceFile
from vos3000.reports.textfiles import (
    CSV,
    KEEPING,
    LINGER,
    PIPE,
    FileSettings,
    Form,
    TextFiles,
)

HOUR = 3_600_000
ALL = FileSettings()
ANSWERED = FileSettings(unanswered=False)


def call(flowno: int, stop: int, answered: bool = True) -> Cdr:
    """A record that ended then."""
    start = stop - 1000 if answered else stop
    held = 1 if answered else 0
    return rows.cdr(flowno=flowno, starttime=start, stoptime=stop, holdtime=held)


class FilesCase(SynchronousTestCase):
    """Files in a directory, at noon."""

    def setUp(self) -> None:
        self.state = Path(self.mktemp())
        self.state.mkdir()
        self.folder = self.state / "cdr"
        self.now = rows.NOON
        self.files: Files = FailingFiles()
        self.zone = ZoneInfo("UTC")

    def make(
        self, form: Form = PIPE, newest: int = 0, files: Files | None = None
    ) -> TextFiles:
        """What a process has that has just started."""
        used = files or self.files
        made = TextFiles(
            form,
            self.folder,
            PlaceFile(used, self.state / "cdr.place"),
            used,
            self.zone,
            lambda: self.now,
        )
        made.open(newest)
        return made

    def names(self) -> list[str]:
        """What is there."""
        return sorted(os.listdir(self.folder)) if self.folder.exists() else []

    def flows(self, name: str) -> list[int]:
        """The numbers in an hourly file."""
        lines = (self.folder / name).read_bytes().splitlines()
        return [int(line.split(b"|")[17]) for line in lines]


class HourTests(FilesCase):
    """When files begin and end, and what they are called."""

    def test_unfinished_is_out_of_sight(self) -> None:
        """Nobody who looks for *.txt or cdr_*.csv sees a file before it is over."""
        files = self.make()
        files.take([call(1, self.now)], ALL)
        self.assertEqual(self.names(), ["cdr.txt.part"])
        csv = self.make(CSV)
        csv.take([call(1, self.now)], ALL)
        self.assertEqual(self.names(), ["cdr.csv.part", "cdr.txt.part"])

    def test_next_hour_finishes_it(self) -> None:
        """A record of the next hour is the end of this one's file."""
        files = self.make()
        files.take([call(1, self.now), call(2, self.now)], ALL)
        self.now += HOUR
        files.take([call(3, self.now)], ALL)
        self.assertEqual(self.names(), ["2026030112.txt", "cdr.txt.part"])
        self.assertEqual(self.flows("2026030112.txt"), [1, 2])
        self.assertEqual(self.flows("cdr.txt.part"), [3])

    def test_time_finishes_it(self) -> None:
        """So does time, if nothing waits for the database."""
        files = self.make()
        files.take([call(1, self.now)], ALL)
        self.now += HOUR + LINGER - 1
        files.rest(ALL, True)
        self.now += 1
        files.rest(ALL, False)
        self.assertEqual(self.names(), ["cdr.txt.part"])
        files.rest(ALL, True)
        self.assertEqual(self.names(), ["2026030112.txt"])

    def test_late_records(self) -> None:
        """A finished file never changes: they go to the next one."""
        files = self.make()
        files.take([call(1, self.now)], ALL)
        self.now += HOUR
        files.take([call(2, self.now), call(3, rows.NOON)], ALL)
        self.now += HOUR
        files.rest(ALL, True)
        self.now += LINGER
        files.rest(ALL, True)
        files.take([call(4, rows.NOON)], ALL)
        self.now += HOUR
        files.rest(ALL, True)
        self.assertEqual(
            self.names(), ["2026030112.txt", "2026030113.txt", "2026030114.txt"]
        )
        self.assertEqual(self.flows("2026030113.txt"), [2, 3])
        self.assertEqual(self.flows("2026030114.txt"), [4])

    def test_records_of_the_future(self) -> None:
        """A wrong clock elsewhere does not stop the files until then."""
        files = self.make()
        files.take([call(1, self.now + 1000 * HOUR)], ALL)
        self.now += HOUR + LINGER
        files.rest(ALL, True)
        self.assertEqual(self.names(), ["2026030112.txt"])

    def test_clock_put_back(self) -> None:
        """An hour that comes twice has two files."""
        files = self.make()
        files.take([call(1, self.now)], ALL)
        self.now += HOUR + LINGER
        files.rest(ALL, True)
        self.now = rows.NOON
        files.take([call(2, self.now)], ALL)
        self.now += HOUR + LINGER
        files.rest(ALL, True)
        self.assertEqual(self.names(), ["2026030112.txt", "2026030112_2.txt"])

    def test_zone(self) -> None:
        """Hours are those of the configured zone, half ones too; and of each day."""
        self.zone = ZoneInfo("Asia/Kolkata")
        files = self.make()
        files.take([call(1, self.now)], ALL)  # 17:30 there
        self.now += HOUR // 2
        files.take([call(2, self.now)], ALL)
        self.assertEqual(self.names(), ["2026030117.txt", "cdr.txt.part"])

    def test_unanswered(self) -> None:
        """They are left out of the hourly files unless asked for."""
        files = self.make()
        files.take([call(1, self.now), call(2, self.now, False)], ANSWERED)
        self.assertEqual(self.flows("cdr.txt.part"), [1])
        files.take([call(3, self.now, False)], ALL)
        self.assertEqual(self.flows("cdr.txt.part"), [1, 3])
        self.assertEqual(files.reached, 3)

    def test_only_unanswered(self) -> None:
        """An hour without a record to write has no file."""
        files = self.make()
        files.take([call(1, self.now, False)], ANSWERED)
        self.now += HOUR + LINGER
        files.rest(ANSWERED, True)
        self.assertEqual(self.names(), [])
        self.assertEqual(files.reached, 1)

    def test_interval_and_most(self) -> None:
        """A CSV file is of its interval; the oldest beyond the most are removed."""
        settings = FileSettings(seconds=900, most=2)
        self.folder.mkdir()
        (self.folder / "cdr_mine.csv").touch()
        files = self.make(CSV)
        for number in range(5):
            files.take([call(number + 1, self.now)], settings)
            self.now += 900_000
        self.assertEqual(
            self.names(),
            [
                "cdr.csv.part",
                "cdr_20260301123000.csv",
                "cdr_20260301124500.csv",
                "cdr_mine.csv",
            ],
        )

    def test_first_time(self) -> None:
        """Files begin with the records that come when they are wanted first."""
        files = self.make(newest=7)
        self.assertEqual(files.reached, 7)

    def test_switched_off(self) -> None:
        """What is there is finished, and nothing is remembered."""
        files = self.make()
        files.take([call(1, self.now)], ALL)
        files.finish(ALL)
        self.assertEqual(self.names(), ["2026030112.txt"])
        self.assertEqual(os.listdir(self.state), ["cdr"])
        self.assertEqual(self.make(newest=9).reached, 9)

    def test_switched_off_between_two_runs(self) -> None:
        """The same, for what the last run left."""
        files = self.make()
        files.take([call(1, self.now)], ALL)
        files.close()
        used = FailingFiles()
        later = TextFiles(
            PIPE,
            self.folder,
            PlaceFile(used, self.state / "cdr.place"),
            used,
            self.zone,
            lambda: self.now,
        )
        later.finish(ALL)
        self.assertEqual(self.flows("2026030112.txt"), [1])


class TroubleTests(FilesCase):
    """Disks that refuse, and people who tidy up."""

    def test_directory_removed(self) -> None:
        """What was in the unfinished file is made again."""
        files = self.make(newest=3)
        files.take([call(4, self.now)], ALL)
        shutil.rmtree(self.folder)
        files.take([call(5, self.now)], ALL)
        self.assertEqual(files.reached, 3)
        files.take([call(4, self.now), call(5, self.now)], ALL)
        self.assertEqual(self.flows("cdr.txt.part"), [4, 5])

    def test_directory_cannot_be_made(self) -> None:
        """It raises, and goes on when it can be."""
        files = self.make()
        self.folder.symlink_to(self.state / "unmounted")
        self.assertRaises(OSError, files.take, [call(1, self.now)], ALL)
        self.assertEqual(files.reached, 0)
        self.folder.unlink()
        files.take([call(1, self.now)], ALL)
        self.assertEqual(self.flows("cdr.txt.part"), [1])

    def test_place_damaged(self) -> None:
        """It says so rather than to begin anywhere."""
        for junk in ("", "{}x", "[]", '{"flowno": 1}'):
            (self.state / "cdr.place").write_text(junk)
            error = self.assertRaises(OSError, self.make)
            self.assertIn("is damaged: remove it", str(error))

    def test_backup_put_back(self) -> None:
        """A database that lacks what the files have: they go on with what comes."""
        self.make(newest=100)
        self.assertEqual(self.make(newest=60).reached, 60)
        self.assertEqual(self.make(newest=99).reached, 60)

    def test_full_at_every_step(self) -> None:
        """Whatever the disk refuses, nothing is lost and nothing comes twice."""
        self._at_every_step(full())

    def test_killed_at_every_step(self) -> None:
        """Nor when the process ends there and another one goes on."""
        self._at_every_step(Killed())

    def _at_every_step(self, error: BaseException) -> None:
        step, before = 0, True
        while before:
            for after in (False, True):
                self.setUp()
                self.make(newest=0)
                failing = FailingFiles(step, after, error)
                found = self._three_hours(failing)
                self.assertEqual(found, list(range(1, 10)), (step, after))
                before = failing.steps > step
            step += 1
        self.assertGreater(step, 30)

    def _three_hours(self, files: Files) -> list[int]:
        """The numbers that a consumer finds, though something fails on the way."""
        kept: TextFiles | None = None
        consumer = Consumer(self.folder)
        hours = _hours()
        while hours:
            self.now = max(self.now, hours[0][-1].stoptime)
            try:
                kept = kept or self.make(newest=9, files=files)
                self._give(kept, hours)
            except Killed:
                files, kept = FailingFiles(), None
                hours = _hours()  # the database still has them
            except OSError:
                pass
            consumer.look("*.txt")
        assert kept is not None
        for _ in range(2):
            self.now += 2 * HOUR
            try:
                kept.rest(ALL, True)
            except Killed:
                kept = self.make(newest=9)
            except OSError:
                pass
            consumer.look("*.txt")
        return consumer.numbers(17, b"|")

    def _give(self, files: TextFiles, hours: list[list[Cdr]]) -> None:
        """An hour's records, as a follower gives them."""
        page = [c for hour in hours for c in hour if c.flowno > files.reached]
        page = [c for c in page if c.stoptime <= self.now]
        files.take(page, ALL)
        if files.reached >= hours[0][-1].flowno:
            self.now += KEEPING
            files.rest(ALL, True)
            hours.pop(0)


def _hours() -> list[list[Cdr]]:
    """Nine records of three hours."""
    return [
        [call(3 * hour + n, rows.NOON + hour * HOUR + n) for n in (1, 2, 3)]
        for hour in range(3)
    ]
