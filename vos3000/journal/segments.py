"""
The segments of a journal, and reading what stands in them.

Segments are numbered; a file's name is its number. One that was prepared and
never written holds zeros only. One whose entries nobody waits for has another
suffix while it is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import attrs

from vos3000.journal.folder import Folder
from vos3000.journal.frames import BANNER, Frame, Scan

_SUFFIX = ".journal"

KEPT = ".kept"
"""The suffix of segments that are kept in case a backup is put back."""

HEAD = 4096
"""Bytes that the banner of a segment may have."""

_NO_BOUND = 1 << 64


@attrs.define(slots=True)
class Segment:
    """
    One file of the journal.

    @ivar number: Its place in the order of segments.
    @ivar last: The number of its last entry, or of the last one before it.
    """

    number: int
    last: int = 0

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"{self.number:08d}{_SUFFIX}"

    @property
    def kept_name(self) -> str:
        """The name of its file while it is kept."""
        return f"{self.number:08d}{KEPT}"


@attrs.frozen(slots=True)
class Damage:
    """
    What was found in a segment beside entries.

    @ivar passed: Bytes between good entries.
    @ivar tail: Bytes after the last good entry, which were cut off.
    """

    name: str
    passed: int
    tail: int


def numbers(folder: Folder, suffix: str = _SUFFIX) -> list[int]:
    """The numbers of the segments there are, in order."""
    stems = [
        name.removesuffix(suffix) for name in folder.names() if name.endswith(suffix)
    ]
    return sorted(int(stem) for stem in stems if stem.isdecimal())


def entries(
    folder: Folder,
    numbers: Sequence[int],
    after: int = 0,
    done: Callable[[Segment, Scan], object] = lambda segment, scan: None,
) -> Iterator[Frame]:
    """
    Every entry of some segments, each once, in order; and their banners.

    A segment that was begun because the disk refused the one before it holds
    again what that one may have lost; its banner says from where on, and only
    the later copy counts.

    @param after: Entries up to this number are left out.
    @param done: Called when a segment was read.
    @raise OSError: If a segment cannot be read.
    """
    names = _names(folder, numbers)
    for number, bound in zip(numbers, _bounds(folder, names), strict=True):
        segment = Segment(number)
        scan = Scan(folder.read(names[number]))
        for frame in scan:
            if frame.kind == BANNER:
                yield frame
            elif after < frame.sequence <= bound:
                after = frame.sequence
                yield frame
        done(segment, scan)


def count_entries(folder: Folder, numbers: Sequence[int], kind: int, after: int) -> int:
    """How many entries of a kind some segments hold beyond a number."""
    return sum(frame.kind == kind for frame in entries(folder, numbers, after))


def _names(folder: Folder, numbers: Sequence[int]) -> dict[int, str]:
    """The files of some segments, whatever their suffix is now."""
    there = frozenset(folder.names())
    found = {}
    for number in numbers:
        segment = Segment(number)
        kept = segment.kept_name in there
        found[number] = segment.kept_name if kept else segment.name
    return found


def _bounds(folder: Folder, names: Mapping[int, str]) -> list[int]:
    """For each segment the last number that no later one holds again."""
    bounds, bound = [], _NO_BOUND
    for name in reversed(list(names.values())):
        bounds.append(bound)
        for frame in Scan(folder.read(name, HEAD)):
            if frame.kind == BANNER:
                bound = min(bound, frame.sequence)
            break
    return bounds[::-1]


class Reading:
    """
    Reads the segments that a former run left, in order.

    Segments without entries are deleted, tails cut off: what a power cut left
    half-written was never depended on.

    @ivar segments: Those that were read and hold entries.
    @ivar first: The number of the last entry before them.
    @ivar last: The number of the last entry.
    @ivar highest: The number of the last segment there is; 0 for none.
    """

    def __init__(self, folder: Folder, damaged: Callable[[Damage], object]) -> None:
        self._folder = folder
        self._damaged = damaged
        self._numbers = numbers(folder)
        self.segments: list[Segment] = []
        self.last = 0
        self.first = 0
        self.highest = max(self._numbers + numbers(folder, KEPT), default=0)

    def __iter__(self) -> Iterator[Frame]:
        """
        Every entry, each once, in order; and the banners of the segments.

        @raise OSError: If a segment cannot be read or cut.
        """
        begun = False
        for frame in entries(self._folder, self._numbers, 0, self._close):
            if not begun:
                begun = True
                self.first = frame.sequence - (frame.kind != BANNER)
            self.last = max(self.last, frame.sequence)
            yield frame

    def _close(self, segment: Segment, scan: Scan) -> None:
        tail = scan.tail
        if scan.damaged or tail:
            self._damaged(Damage(segment.name, scan.damaged, tail))
        if not scan.end:
            self._folder.remove(segment.name)
            return
        self._folder.cut(segment.name, scan.end)
        segment.last = scan.last
        self.segments.append(segment)
