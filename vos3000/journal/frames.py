"""
Frames: how entries stand in a segment of the journal.

A frame is a header and a text: how long the text is, a checksum of everything
after it, the entry's number, the moment it was written, and what kind of entry
it is. A segment is preallocated, so after its last frame come zeros.

A frame that was damaged is passed over: reading goes on at the next place that
holds a whole frame with a later number. What follows the last good frame is the
tail: zeros, or a write that the power was cut during.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from zlib import crc32

import attrs

_HEADER = Struct("<IIQQB")
"""Length of the text; CRC-32 of what follows; number; ms; kind."""

_CHECKED = 8
"""Where the part begins that the checksum is of."""

LONGEST = 256 * 1024
"""Bytes of a text. No record is longer; what says so was damaged."""

BANNER = 0
"""The kind of the entry that each segment begins with. It has the number of the
entry before it, and none of its own."""

_AHEAD = 1 << 40
"""How far numbers may jump; more was damaged."""


@attrs.frozen(slots=True)
class Frame:
    """
    One entry of the journal.

    @ivar sequence: Its number; rises, with gaps, over all segments.
    @ivar mono: When it was written, ms on a clock that never steps, whose zero
        is another one in each run of the switch.
    @ivar kind: What the text is (L{vos3000.journal.entries.Kind}).
    """

    sequence: int
    mono: int
    kind: int
    text: bytes


def pack(sequence: int, mono: int, kind: int, text: bytes) -> bytes:
    """
    An entry as it stands in a segment.

    @raise ValueError: If the text is empty or longer than L{LONGEST}.
    """
    length = len(text)
    if not 0 < length <= LONGEST:
        raise ValueError(f"an entry of {length} bytes")
    whole = _HEADER.pack(length, 0, sequence, mono, kind) + text
    checksum = crc32(memoryview(whole)[_CHECKED:])
    return b"".join((whole[:4], checksum.to_bytes(4, "little"), whole[_CHECKED:]))


@attrs.define(slots=True)
class Scan:
    """
    Reads the frames of one segment.

    @ivar last: The number that frames must be beyond, then that of the last one.
    @ivar end: Where the last good frame ended.
    @ivar damaged: Bytes that were passed over between good frames.
    """

    data: bytes
    last: int = 0
    end: int = 0
    damaged: int = 0

    def __iter__(self) -> Iterator[Frame]:
        """Every frame that is whole, in order."""
        data = self.data
        while True:
            frame = self._at(self.end)
            if frame is None:
                begin = self._resume(self.end)
                if begin is None:
                    return
                self.damaged += begin - self.end
                self.end = begin
                continue
            self.end += _HEADER.size + len(frame.text)
            self.last = frame.sequence
            yield frame
            if self.end >= len(data):
                return

    @property
    def tail(self) -> int:
        """Bytes after the last good frame that are not the zeros they should be."""
        return len(self.data[self.end :].rstrip(b"\0"))

    def _at(self, begin: int) -> Frame | None:
        """The whole frame that begins here; None if there is none."""
        data = self.data
        text = begin + _HEADER.size
        if text >= len(data):
            return None
        length, checksum, sequence, mono, kind = _HEADER.unpack_from(data, begin)
        ahead = sequence - self.last
        if not 0 < length <= LONGEST or not (kind != BANNER) <= ahead <= _AHEAD:
            return None
        end = text + length
        if end > len(data):
            return None
        if crc32(memoryview(data)[begin + _CHECKED : end]) != checksum:
            return None
        return Frame(sequence, mono, kind, data[text:end])

    def _resume(self, begin: int) -> int | None:
        """The next place after C{begin} where a whole frame begins."""
        data = self.data
        stop = len(data.rstrip(b"\0"))
        for place in range(begin + 1, stop - _HEADER.size):
            if self._at(place) is not None:
                return place
        return None
