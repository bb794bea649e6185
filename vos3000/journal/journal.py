"""
The journal: a call's steps on the disk, in order, without anybody waiting.

Entries are appended to a segment, a file that was taken from the disk whole
before its first entry, so that a full disk is known while there is room for the
ends of all calls that are up. An entry that something depends on is handed to the
kernel before C{append} returns, which outlives a killed process; the disk has it
at most L{BEHIND} seconds later, which outlives a power cut. The others follow with
the next one that is urgent, or after the same time.

Each start begins a segment of its own, so nothing is ever written after a tail
that a crash left. What was written since the last sync stays in memory: if the
disk refuses to sync, nobody knows what it kept, and all of that is written again
into a fresh segment, under the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from itertools import chain
from typing import Protocol, TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from vos3000.errors import StorageError
from vos3000.instant import Now
from vos3000.journal.folder import Folder, SegmentFile
from vos3000.journal.frames import BANNER, Frame, Scan, pack
from vos3000.journal.keeping import Bounds, Kept
from vos3000.journal.segments import Segment, entries
from vos3000.metrics import Metrics

BEHIND = 0.02
"""Seconds that the disk may be behind."""

MANY = 500
"""Entries after which the disk is not waited for."""

SIZE = 32 * 1024 * 1024
"""Bytes of a segment."""

RETRY = 1.0
"""Seconds between two tries while the disk refuses."""

NOTHING = Bounds()
"""Segments that nobody needs are deleted."""

_BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3, 1.0, 10.0)

T = TypeVar("T")


class InThread(Protocol):
    """Runs work that may take long where it holds up nobody, in order."""

    def __call__(self, work: Callable[[], T], /) -> Deferred[T]:
        """Run C{work} after what was given before it."""


class State(Enum):
    """What the journal is doing."""

    NEW = "not started"
    OPEN = "open"
    FAILED = "failed"
    CLOSED = "closed"


def _nobody() -> None:
    """Nobody wants to hear of it yet."""


class Journal:
    """
    Appends entries, and keeps the segments that are still needed.

    @ivar sequence: The number of the last entry.
    @ivar synced: The number of the last entry that the disk has for certain.
    @ivar trouble: Why the disk refuses, or has no room for the next segment;
        empty while all is well.
    @ivar kept: What is kept of what nobody needs any longer.
    @ivar turned: Called when a segment has begun: whoever depends on entries of
        earlier ones appends them again, then calls L{release}.
    @ivar changed: Called when C{trouble} came or went.
    @param in_thread: Runs one piece of work after the other.
    @param keep: How much is kept of what nobody needs any longer.
    """

    _log = Logger()

    def __init__(
        self,
        folder: Folder,
        clock: IReactorTime,
        now: Now,
        in_thread: InThread,
        metrics: Metrics,
        size: int = SIZE,
        keep: Bounds = NOTHING,
    ) -> None:
        self._folder = folder
        self.kept = Kept(folder, keep)
        self._clock = clock
        self._now = now
        self._in_thread = in_thread
        self._size = size
        self._state = State.NEW
        self._banner = b""
        self._longest = 0
        self._needed: dict[str, int] = {}
        self._segments: list[Segment] = []
        self._file: SegmentFile | None = None
        self._place = 0
        self._numbered = 0
        self._spare: tuple[int, SegmentFile] | None = None
        self._preparing = False
        self._buffer: list[bytes] = []
        self._unsynced: list[bytes] = []
        self._generation = 0
        self._doubtful = False
        self._syncing = False
        self._timer: IDelayedCall | None = None
        self._again: IDelayedCall | None = None
        self._flushes: list[tuple[int, Deferred[None]]] = []
        self.sequence = 0
        self.synced = 0
        self.trouble = ""
        self.turned: Callable[[], object] = _nobody
        self.changed: Callable[[], object] = _nobody
        self._measure(metrics)

    def _measure(self, metrics: Metrics) -> None:
        self._entries = metrics.counter(
            "journal_entries_total", "Entries that were appended."
        )
        self._failures = metrics.counter(
            "journal_failures_total", "Writes and syncs that the disk refused."
        )
        self._took = metrics.histogram(
            "journal_sync_seconds", "How long a sync took.", _BOUNDS
        )
        metrics.gauge(
            "journal_segments", "Segments in use.", lambda: len(self._segments)
        )
        metrics.gauge(
            "journal_kept_segments",
            "Segments kept in case a backup is put back.",
            lambda: len(self.kept),
        )
        metrics.gauge(
            "journal_unsynced",
            "Entries that the disk does not have yet.",
            lambda: len(self._unsynced),
        )

    # Begin and end

    def start(
        self,
        banner: bytes,
        kept: Sequence[Segment],
        last: int,
        highest: int,
        users: Sequence[str] = (),
    ) -> Deferred[None]:
        """
        Begin a fresh segment.

        @param banner: The text of the entry that every segment begins with.
        @param kept: Segments of former runs that are still needed.
        @param last: The highest number that an entry ever had.
        @param highest: The highest number that a segment has.
        @param users: Who needs entries until they say that they do not.
        @return: Fails with OSError if the disk refuses; nothing is begun then.
        """
        self._banner = banner
        self._longest = self._size - len(pack(last, 0, BANNER, banner))
        self._segments = list(kept)
        self.sequence = self.synced = last
        self._numbered = highest
        self._needed = dict.fromkeys(users, 0)
        return Deferred.fromCoroutine(self._start())

    async def _start(self) -> None:
        await self._in_thread(lambda: self._make_spare(0))
        self._state = State.OPEN
        self._turn()

    def close(self) -> Deferred[None]:
        """
        Have the disk keep everything, and append nothing more.

        @return: Fires in any case, as soon as the disk has it or refuses.
        """
        return Deferred.fromCoroutine(self._close())

    async def _close(self) -> None:
        if self._state is State.OPEN:
            await self.flush()
        self._state = State.CLOSED
        for timer in (self._timer, self._again):
            if timer is not None and timer.active():
                timer.cancel()
        self._drop(self._file)
        if self._spare is not None:
            self._drop(self._spare[1])
        self._file = self._spare = None
        await self._in_thread(_nobody)

    # Entries

    def append(self, kind: int, text: bytes, urgent: bool = False) -> int:
        """
        Append an entry.

        @param urgent: Whether it outlives the process when this returns; else
            it does L{BEHIND} seconds later.
        @return: Its number.
        @raise StorageError: If the journal is not open.
        @raise ValueError: If no frame holds the text.
        """
        state = self._state
        if state is State.NEW or state is State.CLOSED:
            raise StorageError(f"the journal is {state.value}")
        mono = int(self._now().mono * 1000)
        data = pack(self.sequence + 1, mono, kind, text)
        if len(data) > self._longest:
            raise ValueError(f"an entry of {len(text)} bytes")
        self.sequence += 1
        self._entries.value += 1
        self._buffer.append(data)
        self._unsynced.append(data)
        if urgent:
            self._write()
        self._soon()
        return self.sequence

    def flush(self) -> Deferred[None]:
        """
        Have the disk keep everything that was appended.

        @return: Fires when it has; while it refuses, that is later.
        """
        if self.synced == self.sequence:
            return succeed(None)
        done: Deferred[None] = Deferred()
        self._flushes.append((self.sequence, done))
        if not self._syncing:
            self._sync()
        return done

    def read(self, kind: int, after: int, most: int) -> Deferred[list[Frame]]:
        """
        Read entries of one kind again.

        @param after: The number before the first one wanted.
        @param most: How many, at most.
        @return: Fewer than C{most} only if there are no more. Fails with
            OSError if they cannot be read.
        """
        numbers = [each.number for each in self.kept.after(after)]
        numbers += [each.number for each in self._segments if each.last > after]
        loose, wanted = b"".join(self._buffer), range(after + 1, self.sequence + 1)
        return self._in_thread(lambda: self._read(numbers, loose, wanted, kind, most))

    def _read(
        self, numbers: Sequence[int], loose: bytes, wanted: range, kind: int, most: int
    ) -> list[Frame]:
        """Read segments, and after them what no segment has yet."""
        found: list[Frame] = []
        written = entries(self._folder, numbers, wanted.start - 1)
        for frame in chain(written, Scan(loose)):
            if len(found) == most:
                break
            if frame.kind == kind and frame.sequence in wanted:
                found.append(frame)
                wanted = range(frame.sequence + 1, wanted.stop)
        return found

    def release(self, user: str, before: int) -> None:
        """
        Say that a user of the journal needs no entry below C{before}; segments
        that nobody needs any longer are kept as long as C{keep} says.

        @param user: One of those that C{start} was told of.
        """
        self._needed[user] = before
        before = min(self._needed.values())
        past, self._segments = self._segments[:-1], self._segments[-1:]
        gone = [each for each in past if each.last < before]
        self._segments[:0] = [each for each in past if each.last >= before]
        if gone:
            self.kept.add(gone)
            now = self._now().wall / 1000
            settled = self._in_thread(lambda: self.kept.settle(gone, before, now))
            settled.addErrback(self._left_over)

    def _left_over(self, why: Failure) -> None:
        self._log.warn(
            "segments of the journal are left over: {why}", why=why.getErrorMessage()
        )

    # To the kernel

    def _write(self) -> None:
        """Hand the kernel what it does not have yet."""
        while self._buffer and self._state is State.OPEN:
            count = self._fitting()
            if not count:
                self._turn()
                continue
            if self._put(b"".join(self._buffer[:count])):
                del self._buffer[:count]
                self._segments[-1].last = self.sequence - len(self._buffer)

    def _fitting(self) -> int:
        """How many entries the segment has room for."""
        room = self._size - self._place
        for count, data in enumerate(self._buffer):
            room -= len(data)
            if room < 0:
                return count
        return len(self._buffer)

    def _put(self, data: bytes) -> bool:
        if self._file is None:
            return False
        try:
            self._file.write(data, self._place)
        except OSError as error:
            self._fail(error.strerror or str(error))
            return False
        self._place += len(data)
        return True

    def _turn(self) -> None:
        """Begin the segment that was prepared."""
        if self._spare is None:
            self._fail(self.trouble or "the next segment is not ready yet")
            return
        number, fresh = self._spare
        former, self._file, self._spare = self._file, fresh, None
        self._place = 0
        if former is not None:
            self._job(former.sync)
            self._drop(former)
        last = self.sequence - len(self._buffer)
        self._segments.append(Segment(number, last))
        self._prepare()
        self._put(pack(last, 0, BANNER, self._banner))
        if former is not None:
            self._clock.callLater(0, self._tell)

    def _tell(self) -> None:
        if self._state is not State.CLOSED:
            self.turned()

    # To the disk

    def _soon(self) -> None:
        """Have the disk keep it, with what else comes until then."""
        if self._syncing or self._state is not State.OPEN:
            return
        if self._timer is None:
            self._timer = self._clock.callLater(BEHIND, self._sync)
        elif len(self._unsynced) == MANY:
            self._timer.reset(0)

    def _sync(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()
        self._write()
        if self._file is None or self._state is not State.OPEN:
            return
        self._syncing = True
        upto, count = self.sequence, len(self._unsynced)
        begun = self._now().mono
        synced = self._job(self._file.sync)
        synced.addCallback(self._synced, upto, count, begun)

    def _job(self, work: Callable[[], None]) -> Deferred[bool]:
        """Do something to the disk; fires with whether it worked."""
        done = self._in_thread(work)
        generation = self._generation
        return done.addCallbacks(
            lambda _: generation == self._generation,
            lambda why: self._refused(why, generation),
        )

    def _refused(self, why: Failure, generation: int) -> bool:
        if generation == self._generation:
            error = why.value
            text = isinstance(error, OSError) and error.strerror
            self._fail(text or why.getErrorMessage())
        return False

    def _synced(self, kept: bool, upto: int, count: int, begun: float) -> None:
        if not kept:
            return
        self._syncing = self._doubtful = False
        self.synced = upto
        del self._unsynced[:count]
        self._took.observe(self._now().mono - begun)
        waiting, self._flushes = self._flushes, []
        for wanted, done in waiting:
            if wanted > upto:
                self._flushes.append((wanted, done))
            else:
                done.callback(None)
        self._look()
        if self._flushes:
            self._sync()
        elif self._unsynced:
            self._soon()

    def _drop(self, file: SegmentFile | None) -> None:
        """Close a file once everything before it is done."""
        if file is not None:
            self._in_thread(file.close).addErrback(_ignore)

    # The next segment

    def _prepare(self) -> None:
        """Take the next segment from the disk, now or as soon as it has room."""
        if self._spare is not None or self._preparing or self._state is State.CLOSED:
            return
        self._preparing = True
        needed = min(self._needed.values(), default=0)
        made = self._in_thread(lambda: self._make_spare(needed))
        made.addCallbacks(self._prepared, self._unprepared)

    def _make_spare(self, needed: int) -> None:
        segment = Segment(self._numbered + 1)
        file = self.kept.create(segment.name, self._size, needed)
        self._folder.sync()
        self._numbered += 1
        self._spare = (segment.number, file)

    def _prepared(self, _: object) -> None:
        self._preparing = False
        if self._state is State.FAILED:
            self._resume()
        self._look()

    def _unprepared(self, why: Failure) -> None:
        self._preparing = False
        error = why.value
        text = isinstance(error, OSError) and error.strerror
        self._troubled(text or why.getErrorMessage())
        self._later()

    def _later(self) -> None:
        if self._again is None and self._state is not State.CLOSED:
            self._again = self._clock.callLater(RETRY, self._retry)

    def _retry(self) -> None:
        self._again = None
        self._prepare()
        if self._state is State.FAILED and self._spare is not None:
            self._resume()

    # Trouble

    def _fail(self, why: str) -> None:
        """Keep entries in memory until the disk takes them."""
        self._state = State.FAILED
        self._generation += 1
        self._syncing, self._doubtful = False, True
        self._buffer = list(self._unsynced)
        file, self._file = self._file, None
        self._drop(file)
        self._troubled(why)
        self._later()

    def _resume(self) -> None:
        """Write again what the disk may not have, into a fresh segment."""
        self._state = State.OPEN
        self._turn()
        self._sync()

    def _troubled(self, why: str) -> None:
        self._failures.value += 1
        if self.trouble:
            return
        self.trouble = why
        self._log.critical(
            "the journal cannot be written: {why}; no new calls are taken", why=why
        )
        self.changed()

    def _look(self) -> None:
        """Whether all is well again: a sync came back, and there is room."""
        if not self.trouble or self._doubtful or self._spare is None:
            return
        self.trouble = ""
        self._log.info("the journal is written again")
        self.changed()


def _ignore(_: Failure) -> None:
    """What was given up need not be closed well."""
