"""
Text files in a directory of the test's own, and a file system that fails.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from twisted.internet.defer import Deferred, execute

from vos3000.reports.files import Files

T = TypeVar("T")


def at_once(work: Callable[[], T], /) -> Deferred[T]:
    """A thread that needs no time."""
    done: Deferred[T] = execute(work)
    return done


class Killed(BaseException):
    """The process is gone."""


class FailingFiles(Files):
    """
    The file system, with an end of the process or an error at one of its steps.

    A step that ends is done, half done, or not begun.

    @ivar steps: How many were taken.
    @param at: The step; none by default.
    @param after: Whether that step is done all the same.
    @param error: Raised there; by default the process ends.
    """

    def __init__(
        self, at: int = -1, after: bool = False, error: BaseException | None = None
    ) -> None:
        self.steps = 0
        self.at = at
        self.after = after
        self.error = Killed() if error is None else error
        self.broken: OSError | None = None

    def _step(self, work: Callable[[], None], half: Callable[[], None]) -> None:
        if self.broken is not None:
            raise self.broken
        self.steps += 1
        if self.steps - 1 != self.at:
            work()
            return
        if self.after:
            work()
        else:
            half()
        raise self.error

    def write(self, path: Path, data: bytes, place: int) -> None:
        """Half of it may be written."""
        real = super().write
        self._step(
            lambda: real(path, data, place),
            lambda: real(path, data[: len(data) // 2], place),
        )

    def sync(self, path: Path) -> None:
        """Fail where there is no such file; a test's disk needs no more."""
        self._step(lambda: os.close(os.open(path, os.O_RDWR)), _nothing)

    def rename(self, old: Path, new: Path) -> None:
        """Rename, or not."""
        self._step(lambda: os.rename(old, new), _nothing)

    def remove(self, path: Path) -> None:
        """Remove, or not."""
        real = super().remove
        self._step(lambda: real(path), _nothing)


def _nothing() -> None:
    """It was not begun."""


def full() -> OSError:
    """What a full disk says."""
    return OSError(errno.ENOSPC, "No space left on device")


class Consumer:
    """
    A program that takes finished files away at once and keeps their lines.

    @ivar files: Name and lines of each, in order.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.files: list[tuple[str, list[bytes]]] = []

    def look(self, pattern: str) -> None:
        """Take what is there."""
        for path in sorted(self._folder.glob(pattern)):
            data = path.read_bytes()
            assert data.endswith(b"\n"), (path, data)
            self.files.append((path.name, data.splitlines()))
            path.unlink()

    def numbers(self, column: int, separator: bytes) -> list[int]:
        """A column of every line, in the order of the files."""
        return [
            int(line.split(separator)[column])
            for _, lines in self.files
            for line in lines
        ]
