"""Tests of L{vos3000.journal.folder}: the real files."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.journal.disk import Thread
from vos3000.instant import instants
from vos3000.journal.folder import Folder
from vos3000.journal.journal import BEHIND, Journal
from vos3000.journal.segments import Reading
from vos3000.metrics import Metrics


class FolderTests(SynchronousTestCase):
    """A directory of its own."""

    def setUp(self) -> None:
        """None yet."""
        self.path = Path(self.mktemp()) / "journal"
        self.folder = Folder(self.path)

    def journal(self) -> tuple[Journal, list[bytes]]:
        """One run's journal, and what the one before left."""
        reading = Reading(self.folder, lambda damage: self.fail(str(damage)))
        found = [frame.text for frame in reading if frame.kind]
        self.clock = Clock()
        now = instants(self.clock.seconds, self.clock.seconds)
        journal = Journal(self.folder, self.clock, now, Thread(), Metrics(), 100_000)
        kept, last, highest = reading.segments, reading.last, reading.highest
        self.successResultOf(journal.start(b"b", kept, last, highest, ["test"]))
        return journal, found

    def test_round_trip(self) -> None:
        """Written, synced, read by the next run, and cut to what was written."""
        journal, _ = self.journal()
        for number in range(50):
            journal.append(1, b"%d" % number * 40, True)
        self.clock.advance(BEHIND)
        self.successResultOf(journal.close())
        _, found = self.journal()
        self.assertEqual(found, [b"%d" % number * 40 for number in range(50)])
        first = self.path / self.folder.names()[0]
        self.assertLess(first.stat().st_size, 10_000)

    def test_taken_from_the_disk(self) -> None:
        """A segment has its blocks before anything is written to it."""
        self.journal()
        for name in self.folder.names():
            found = os.stat(self.path / name)
            self.assertEqual(found.st_size, 100_000)
            self.assertGreaterEqual(found.st_blocks * 512, 100_000)

    def test_nobody_else_reads_it(self) -> None:
        """Numbers and accounts are nobody else's business."""
        self.journal()
        for path in (self.path, *self.path.iterdir()):
            self.assertEqual(stat.S_IMODE(path.stat().st_mode) & stat.S_IRWXO, 0)

    def test_no_room(self) -> None:
        """A file that cannot be had leaves nothing behind."""
        self.assertRaises(OSError, self.folder.create, "x", 1 << 60)
        self.assertEqual(self.folder.names(), [])
