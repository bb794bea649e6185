"""Tests of L{vos3000.journal.journal}: what is appended is found again."""

from __future__ import annotations

import errno
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.journal.disk import Disk, Thread
from vos3000.errors import StorageError
from vos3000.instant import instants
from vos3000.journal.frames import BANNER
from vos3000.journal.journal import BEHIND, MANY, RETRY, Journal
from vos3000.journal.segments import Damage, Reading
from vos3000.metrics import Metrics

KIND = 7


class Run:
    """
    One run of a switch as far as its journal goes.

    @ivar found: What former runs left: number and text of each entry.
    @ivar acknowledged: Numbers that the journal called synced.
    """

    def __init__(self, disk: Disk, size: int = 400) -> None:
        self.disk = disk
        self.damage: list[Damage] = []
        reading = Reading(disk, self.damage.append)  # type: ignore[arg-type]
        frames = list(reading)
        self.banners = [frame.text for frame in frames if frame.kind == BANNER]
        self.found = [(f.sequence, f.text) for f in frames if f.kind == KIND]
        self.clock = Clock()
        self.thread = Thread()
        now = instants(self.clock.seconds, self.clock.seconds)
        folder: Any = disk
        self.journal = Journal(folder, self.clock, now, self.thread, Metrics(), size)
        self.told: list[str] = []
        self.journal.changed = lambda: self.told.append(self.journal.trouble)
        self.start = self.journal.start(
            b"banner", reading.segments, reading.last, reading.highest, ["test"]
        )

    def append(self, *texts: bytes, urgent: bool = False) -> list[int]:
        """Append entries."""
        return [self.journal.append(KIND, text, urgent) for text in texts]

    def pass_time(self, seconds: float = BEHIND) -> None:
        """Let the disk catch up."""
        self.clock.pump([seconds / 2] * 3)


class JournalTests(SynchronousTestCase):
    """The journal on a disk that does what it is told."""

    def setUp(self) -> None:
        """A first run."""
        self.disk = Disk()
        self.run_ = Run(self.disk)
        self.successResultOf(self.run_.start)

    def again(self) -> Run:
        """The next run, on the same disk."""
        return Run(self.disk)

    def test_nothing(self) -> None:
        """A new journal is empty."""
        self.assertEqual((self.run_.found, self.run_.banners), ([], []))

    def test_found_again(self) -> None:
        """Entries are found by the next run, in order, with their numbers."""
        self.assertEqual(self.run_.append(b"one", b"two"), [1, 2])
        self.run_.pass_time()
        again = self.again()
        self.assertEqual(again.found, [(1, b"one"), (2, b"two")])
        self.assertEqual(again.banners, [b"banner"])
        self.assertEqual(again.damage, [])
        self.assertEqual(again.append(b"three"), [3])
        again.pass_time()
        texts = [text for _, text in self.again().found]
        self.assertEqual(texts, [b"one", b"two", b"three"])

    def test_urgent(self) -> None:
        """What is urgent outlives the process at once; the rest, later."""
        self.run_.append(b"one", urgent=True)
        self.run_.append(b"two")
        self.assertEqual(self.again().found, [(1, b"one")])

    def test_behind(self) -> None:
        """The disk is at most so far behind, and one sync serves all."""
        self.run_.append(b"one", b"two")
        self.assertEqual(self.run_.journal.synced, 0)
        self.run_.pass_time()
        self.assertEqual(self.run_.journal.synced, 2)
        self.disk.lose_power(Random(1))
        self.assertEqual(len(self.again().found), 2)

    def test_many(self) -> None:
        """So many entries do not wait."""
        self.run_.append(*[b"text"] * MANY)
        self.run_.clock.advance(0)
        self.assertEqual(self.run_.journal.synced, MANY)

    def test_flush(self) -> None:
        """Who wants to know is told when the disk has it."""
        self.run_.append(b"one")
        self.run_.thread.hold = True
        done = self.run_.journal.flush()
        self.assertNoResult(done)
        self.run_.thread.run()
        self.successResultOf(done)
        self.successResultOf(self.run_.journal.flush())

    def test_segments(self) -> None:
        """A segment that is full is followed by the next, and told of."""
        turns: list[int] = []
        self.run_.journal.turned = lambda: turns.append(self.run_.journal.sequence)
        texts = [b"%03d" % number * 10 for number in range(30)]
        for text in texts:
            self.run_.append(text, urgent=True)
            self.run_.pass_time()
        self.assertGreater(len(turns), 3)
        self.assertEqual([text for _, text in self.again().found], texts)

    def test_forget(self) -> None:
        """Segments that are not needed are deleted, the rest is kept."""
        for number in range(30):
            self.run_.append(b"%030d" % number, urgent=True)
            self.run_.pass_time()
        self.run_.journal.release("test", 20)
        found = [number for number, _ in self.again().found]
        self.assertEqual(found[-1], 30)
        self.assertIn(20, found)
        self.assertNotIn(5, found)
        self.run_.journal.release("test", 1_000)
        self.assertEqual(self.again().found[-1][0], 30)

    def test_read(self) -> None:
        """Entries can be read again while others are appended."""
        texts = [b"%030d" % number for number in range(30)]
        for text in texts:
            self.run_.append(text, urgent=True)
            self.run_.pass_time()
        read = self.run_.journal.read
        found = self.successResultOf(read(KIND, 7, 5))
        self.assertEqual([frame.text for frame in found], texts[7:12])
        self.assertEqual(len(self.successResultOf(read(KIND, 7, 500))), 23)
        self.assertEqual(self.successResultOf(read(KIND + 1, 7, 500)), [])

    def test_close(self) -> None:
        """At the end everything is on the disk, and nothing more is taken."""
        self.run_.append(b"one")
        self.successResultOf(self.run_.journal.close())
        self.disk.lose_power(Random(1))
        self.assertEqual(self.again().found, [(1, b"one")])
        self.assertRaises(StorageError, self.run_.append, b"two")
        self.assertEqual(self.run_.clock.getDelayedCalls(), [])

    def test_too_long(self) -> None:
        """What no frame holds is refused, and changes nothing."""
        self.assertRaises(ValueError, self.run_.append, b"x" * 300_000)
        self.assertRaises(ValueError, self.run_.append, b"x" * 400)
        self.assertRaises(ValueError, self.run_.append, b"")
        self.assertEqual(self.run_.append(b"one"), [1])


class TroubleTests(SynchronousTestCase):
    """The journal on a disk that refuses."""

    def setUp(self) -> None:
        """A run with something in its journal."""
        self.disk = Disk()
        self.run_ = Run(self.disk)
        self.run_.append(b"before", urgent=True)
        self.run_.pass_time()

    def texts(self) -> list[bytes]:
        """What the next run finds after a power cut."""
        self.disk.lose_power(Random(2))
        return [text for _, text in Run(self.disk).found]

    def test_start(self) -> None:
        """Without a disk nothing begins."""
        self.disk.broken = errno.EIO
        run = Run(self.disk)
        self.failureResultOf(run.start, OSError)
        self.assertRaises(StorageError, run.append, b"x")

    def test_write_refused(self) -> None:
        """Entries wait in memory, and are written once, when it is over."""
        self.disk.broken = errno.EIO
        self.run_.append(b"one", urgent=True)
        self.run_.append(b"two")
        self.run_.pass_time(RETRY)
        self.assertEqual(self.run_.told, ["broken"])
        self.disk.broken = 0
        self.run_.pass_time(RETRY * 2)
        self.assertEqual(self.run_.told, ["broken", ""])
        self.assertEqual(self.run_.append(b"three"), [4])
        self.run_.pass_time()
        self.assertEqual(self.texts(), [b"before", b"one", b"two", b"three"])

    def test_sync_refused(self) -> None:
        """What a failed sync may have lost is written again."""
        self.run_.append(b"one", urgent=True)
        self.disk.broken = errno.EIO
        self.run_.pass_time()
        self.assertEqual(self.run_.told, ["broken"])
        self.disk.broken = 0
        self.run_.pass_time(RETRY * 2)
        self.assertEqual(self.texts(), [b"before", b"one"])

    def test_full(self) -> None:
        """The full disk is known while there is still room."""
        self.disk.room = len(self.disk.files)
        for number in range(100):
            self.run_.append(b"%020d" % number, urgent=True)
            self.run_.pass_time()
            if self.run_.told:
                break
        self.assertEqual(self.run_.told, ["No space left on device"])
        before = self.run_.journal.synced
        self.run_.append(b"last", urgent=True)
        self.run_.pass_time()
        self.assertEqual(self.run_.journal.synced, before + 1)
        self.disk.room += 1
        self.run_.pass_time(RETRY * 2)
        self.assertEqual(self.run_.told[1:], [""])

    def test_full_for_long(self) -> None:
        """Beyond that room entries wait in memory, and none is lost."""
        self.disk.room = len(self.disk.files)
        texts = [b"%020d" % number for number in range(60)]
        for text in texts:
            self.run_.append(text, urgent=True)
            self.run_.pass_time()
        self.disk.room = 100
        self.run_.pass_time(RETRY * 3)
        self.run_.pass_time(RETRY * 3)
        self.assertEqual(self.run_.told, ["No space left on device", ""])
        self.assertEqual(self.texts(), [b"before", *texts])


class AccidentTests(SynchronousTestCase):
    """Whatever happens to the disk, what it was said to have is found."""

    @settings(max_examples=300, deadline=None)
    @given(st.randoms(use_true_random=False))
    def test_power_cuts(self, random: Random) -> None:
        """
        Several runs, each ended by a power cut while the disk is broken and
        mended at random: every entry that was synced is found once, in order.
        """
        disk = Disk()
        certain: dict[int, bytes] = {}
        for _ in range(random.randrange(1, 5)):
            run = Run(disk)
            found = dict(run.found)
            numbers = [number for number, _ in run.found]
            self.assertEqual(numbers, sorted(set(numbers)))
            self.assertEqual(certain, {n: found.get(n) for n in certain})
            appended: dict[int, bytes] = {}
            for _ in range(random.randrange(60)):
                text = random.randbytes(random.randrange(1, 90))
                (number,) = run.append(text, urgent=random.random() < 0.5)
                appended[number] = text
                if random.random() < 0.1:
                    disk.broken = random.choice((0, 0, errno.EIO))
                if random.random() < 0.5:
                    run.pass_time(random.choice((0.001, BEHIND, RETRY)))
            synced = run.journal.synced
            certain = {**found, **{n: t for n, t in appended.items() if n <= synced}}
            disk.broken = 0
            disk.lose_power(random)

    @settings(max_examples=4, deadline=None)
    @given(st.integers(1, 255))
    def test_damage(self, bits: int) -> None:
        """One damaged byte, wherever it is, costs one entry at most."""
        disk = Disk()
        run = Run(disk)
        texts = [b"%02d" % number * 3 for number in range(12)]
        run.append(*texts)
        run.pass_time()
        first = disk.names()[0]
        size = len(disk.read(first).rstrip(b"\0"))
        for place in range(size):
            disk.flip(first, place, bits)
            copy = Disk()
            copy.files = {
                name: type(content)(bytearray(content.kept))
                for name, content in disk.files.items()
            }
            found = [text for _, text in Run(copy).found]
            lost = [text for text in texts if text not in found]
            self.assertLessEqual(len(lost), 1)
            self.assertEqual(found, [text for text in texts if text not in lost])
            disk.flip(first, place, bits)
