"""
Segments that the database has written are kept for some time: should a backup be
put back, what it lacks is written again from them.

They go by age and by size, the oldest first, and before anything else when the
disk has no room for the next segment.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence

import attrs

from vos3000.journal.folder import Folder, SegmentFile
from vos3000.journal.frames import BANNER, Scan
from vos3000.journal.segments import HEAD, KEPT, Segment, count_entries, numbers

_NO_ROOM = frozenset((errno.ENOSPC, errno.EDQUOT))


@attrs.frozen(slots=True)
class Bounds:
    """
    How much is kept.

    @ivar seconds: How old a segment may become.
    @ivar size: Bytes that all of them may have together; 0 keeps none.
    """

    seconds: float = 0
    size: int = 0


class Kept:
    """
    The segments that are kept.

    Which there are is known to the reactor's thread; files are renamed and
    deleted in the disk's. Both add and remove single items, which no lock is
    needed for.
    """

    def __init__(self, folder: Folder, bounds: Bounds) -> None:
        self._folder = folder
        self._bounds = bounds
        self._segments: dict[int, Segment] = {}

    def __len__(self) -> int:
        return len(self._segments)

    def after(self, number: int) -> list[Segment]:
        """Those with entries beyond a number, oldest first."""
        return [each for each in list(self._segments.values()) if each.last > number]

    def find(self, last: int) -> int:
        """
        Find out which there are.

        @param last: The number of the last entry before the first segment that
            is not among them.
        @return: The number before the first entry they hold.
        @raise OSError: If they cannot be read.
        """
        found: list[Segment] = []
        for number in reversed(numbers(self._folder, KEPT)):
            segment = Segment(number, last)
            found.append(segment)
            for frame in Scan(self._folder.read(segment.kept_name, HEAD)):
                if frame.kind == BANNER:
                    last = min(last, frame.sequence)
                break
        self._segments = {each.number: each for each in reversed(found)}
        return last

    def count(self, kind: int, after: int) -> int:
        """
        How many entries of a kind they hold beyond a number.

        @raise OSError: If they cannot be read.
        """
        chosen = [each.number for each in self.after(after)]
        return count_entries(self._folder, chosen, kind, after)

    def add(self, segments: Sequence[Segment]) -> None:
        """Keep these as well, from now on."""
        self._segments.update((each.number, each) for each in segments)

    def settle(self, segments: Sequence[Segment], needed: int, now: float) -> None:
        """
        Rename the files of those that were added, and delete what is too old or
        too much. For the disk's thread.

        @param needed: Entries from this number on are still to be written.
        @param now: Seconds since the epoch.
        @raise OSError: If the disk refuses.
        """
        for each in segments:
            self._folder.rename(each.name, each.kept_name)
        room = self._bounds.size
        for each in reversed(self._there()):
            size, written = self._folder.measure(each.kept_name)
            room -= size
            old = now - written > self._bounds.seconds
            if (old or room < 0) and each.last < needed:
                self._remove(each)

    def create(self, name: str, size: int, needed: int) -> SegmentFile:
        """
        Make a file of the journal; if the disk has no room for it, at the
        expense of what is kept. For the disk's thread.

        @raise OSError: If there is no room all the same.
        """
        while True:
            try:
                return self._folder.create(name, size)
            except OSError as error:
                spare = [each for each in self._there() if each.last < needed]
                if error.errno not in _NO_ROOM or not spare:
                    raise
                self._remove(spare[0])

    def _there(self) -> list[Segment]:
        """Those whose files were renamed already."""
        names = frozenset(self._folder.names())
        return [each for each in self.after(0) if each.kept_name in names]

    def _remove(self, segment: Segment) -> None:
        self._segments.pop(segment.number, None)
        self._folder.remove(segment.kept_name)
