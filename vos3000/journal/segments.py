"""
The segments of a journal, and reading what stands in them.

Segments are numbered; a file's name is its number. One that was prepared and
never written holds zeros only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import attrs

from vos3000.journal.folder import Folder
from vos3000.journal.frames import BANNER, Frame, Scan

_SUFFIX = ".journal"

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


def numbers(folder: Folder) -> list[int]:
    """The numbers of the segments there are, in order."""
    stems = [
        name.removesuffix(_SUFFIX) for name in folder.names() if name.endswith(_SUFFIX)
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
    for number, bound in zip(numbers, _bounds(folder, numbers), strict=True):
        segment = Segment(number)
        scan = Scan(folder.read(segment.name))
        for frame in scan:
            if frame.kind == BANNER:
                yield frame
            elif after < frame.sequence <= bound:
                after = frame.sequence
                yield frame
        done(segment, scan)


def _bounds(folder: Folder, numbers: Sequence[int]) -> list[int]:
    """For each segment the last number that no later one holds again."""
    bounds, bound = [], _NO_BOUND
    for number in reversed(numbers):
        bounds.append(bound)
        for frame in Scan(folder.read(Segment(number).name, HEAD)):
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
    @ivar last: The number of the last entry.
    @ivar highest: The number of the last segment there is; 0 for none.
    """

    def __init__(self, folder: Folder, damaged: Callable[[Damage], object]) -> None:
        self._folder = folder
        self._damaged = damaged
        self._numbers = numbers(folder)
        self.segments: list[Segment] = []
        self.last = 0
        self.highest = self._numbers[-1] if self._numbers else 0

    def __iter__(self) -> Iterator[Frame]:
        """
        Every entry, each once, in order; and the banners of the segments.

        @raise OSError: If a segment cannot be read or cut.
        """
        for frame in entries(self._folder, self._numbers, 0, self._close):
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
