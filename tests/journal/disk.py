"""
A disk in memory that can be full, broken, slow, and lose its power.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from random import Random
from typing import Any, TypeVar

import attrs
from twisted.internet.defer import Deferred

T = TypeVar("T")


@attrs.define(slots=True)
class _Content:
    """What a file holds, and the writes that are not on the disk for certain."""

    kept: bytearray
    loose: list[tuple[int, bytes]] = attrs.Factory(list)
    when: float = 0.0

    def now(self) -> bytearray:
        """What a reader sees while the power is on."""
        data = bytearray(self.kept)
        for place, written in self.loose:
            data[place : place + len(written)] = written
        return data


class DiskFile:
    """A file of L{Disk}."""

    def __init__(self, disk: Disk, content: _Content) -> None:
        self._disk = disk
        self._content = content

    def write(self, data: bytes, place: int) -> None:
        """Write, or as much of it as a broken disk takes."""
        disk = self._disk
        if disk.broken:
            self._content.loose.append((place, data[: len(data) // 2]))
            raise OSError(disk.broken, "broken")
        assert place + len(data) <= len(self._content.kept), "beyond what was taken"
        self._content.loose.append((place, data))

    def sync(self) -> None:
        """Keep what was written; a broken disk keeps nothing of it, for good."""
        content = self._content
        if self._disk.broken:
            content.loose.clear()
            raise OSError(self._disk.broken, "broken")
        content.kept, content.loose = content.now(), []

    def close(self) -> None:
        """Nothing."""


class Disk:
    """
    What L{vos3000.journal.folder.Folder} is to the journal.

    @ivar broken: The error of every write, sync and new file; 0 for none.
    @ivar room: Files that still fit.
    @ivar now: When files are written, seconds since the epoch.
    """

    def __init__(self) -> None:
        self.files: dict[str, _Content] = {}
        self.broken = 0
        self.room = 1_000_000
        self.now = 0.0

    def names(self) -> list[str]:
        """Its files."""
        return sorted(self.files)

    def create(self, name: str, size: int) -> DiskFile:
        """A file of zeros."""
        if self.broken:
            raise OSError(self.broken, "broken")
        if len(self.files) >= self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        content = self.files[name] = _Content(bytearray(size), when=self.now)
        return DiskFile(self, content)

    def sync(self) -> None:
        """Names are always kept."""

    def read(self, name: str, most: int = -1) -> bytes:
        """What a file holds."""
        data = bytes(self.files[name].now())
        return data if most < 0 else data[:most]

    def rename(self, old: str, new: str) -> None:
        """Give a file another name."""
        self.files[new] = self.files.pop(old)

    def measure(self, name: str) -> tuple[int, float]:
        """Its bytes, and when it was made."""
        content = self.files[name]
        return len(content.kept), content.when

    def cut(self, name: str, size: int) -> None:
        """Shorten a file."""
        content = self.files[name]
        content.kept = content.now()[:size]
        content.loose.clear()

    def remove(self, name: str) -> None:
        """Delete a file."""
        del self.files[name]

    def lose_power(self, random: Random) -> None:
        """
        Of the writes that were not synced some are kept, some in part, in no
        order; the rest is gone.
        """
        for content in self.files.values():
            for place, data in content.loose:
                some = data[
                    : random.choice((0, random.randrange(len(data) + 1), 1 << 30))
                ]
                content.kept[place : place + len(some)] = some
            content.loose.clear()

    def flip(self, name: str, place: int, bits: int) -> None:
        """Damage one byte."""
        content = self.files[name]
        content.kept[place] ^= bits


class Thread:
    """
    Runs work in order, now or when it is told to.

    @ivar hold: Whether work waits for L{run}.
    """

    def __init__(self) -> None:
        self.hold = False
        self._waiting: list[tuple[Callable[[], Any], Deferred[Any]]] = []

    def __call__(self, work: Callable[[], T], /) -> Deferred[T]:
        """Take work."""
        done: Deferred[T] = Deferred()
        self._waiting.append((work, done))
        if not self.hold and len(self._waiting) == 1:
            self.run()
        return done

    def run(self) -> None:
        """Do what waits."""
        while self._waiting:
            work, done = self._waiting[0]
            try:
                result = work()
            except Exception:
                del self._waiting[0]
                done.errback()
            else:
                del self._waiting[0]
                done.callback(result)
