"""
Where the segments of the journal are: files in a directory of their own.
"""

from __future__ import annotations

import os
from pathlib import Path


class SegmentFile:
    """
    One segment, open for writing at places of the writer's choice.
    """

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def write(self, data: bytes, place: int) -> None:
        """
        Write all of C{data} from C{place} on.

        @raise OSError: If the disk refuses; part of it may be written.
        """
        view = memoryview(data)
        while view:
            written = os.pwrite(self._handle, view, place)
            view, place = view[written:], place + written

    def sync(self) -> None:
        """
        Have the disk keep what was written. May take long: for a thread.

        @raise OSError: If the disk refuses.
        """
        os.fdatasync(self._handle)

    def close(self) -> None:
        """Write no more."""
        os.close(self._handle)


class Folder:
    """
    A directory that one journal has for its own.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> list[str]:
        """
        Its files, by name.

        @raise OSError: If it cannot be made or read.
        """
        self._make()
        return sorted(os.listdir(self.path))

    def _make(self) -> None:
        self.path.mkdir(mode=0o750, parents=True, exist_ok=True)

    def create(self, name: str, size: int) -> SegmentFile:
        """
        Make a file whose C{size} bytes are taken from the disk now, so that
        writing to it cannot find the disk full.

        @raise OSError: If there is no room; no file is left then.
        """
        self._make()
        path = self.path / name
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o640)
        try:
            os.posix_fallocate(handle, 0, size)
            os.fsync(handle)
        except BaseException:
            os.close(handle)
            path.unlink()
            raise
        return SegmentFile(handle)

    def rename(self, old: str, new: str) -> None:
        """Give a file another name, for good once the folder is synced."""
        (self.path / old).rename(self.path / new)

    def sync(self) -> None:
        """Have the disk keep the names."""
        handle = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def read(self, name: str, most: int = -1) -> bytes:
        """
        What a file holds.

        @param most: Bytes of it from its beginning; all by default.
        """
        with (self.path / name).open("rb") as file:
            return file.read(most)

    def measure(self, name: str) -> tuple[int, float]:
        """Its bytes, and when it was written last, in seconds since the epoch."""
        found = os.stat(self.path / name)
        return found.st_size, found.st_mtime

    def cut(self, name: str, size: int) -> None:
        """Let a file end at C{size} bytes."""
        os.truncate(self.path / name, size)

    def remove(self, name: str) -> None:
        """Delete a file."""
        (self.path / name).unlink()
