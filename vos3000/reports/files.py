"""
What text files need of a file system. Every call may wait for the disk: they are
for a thread.
"""

from __future__ import annotations

import os
from pathlib import Path


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_all(handle: int, data: bytes, place: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(handle, view, place)
        view, place = view[written:], place + written


class Files:
    """
    The file system. Everything raises OSError when that refuses.
    """

    def make(self, folder: Path) -> None:
        """Have C{folder}."""
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)

    def names(self, folder: Path) -> list[str]:
        """What is in C{folder}, in order."""
        return sorted(os.listdir(folder))

    def size(self, path: Path) -> int:
        """Bytes of a file; -1 if there is none."""
        try:
            return os.stat(path).st_size
        except FileNotFoundError:
            return -1

    def write(self, path: Path, data: bytes, place: int) -> None:
        """Let a file end with C{data} from C{place} on, whatever it held there."""
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
        try:
            os.ftruncate(handle, place)
            _write_all(handle, data, place)
        finally:
            os.close(handle)

    def sync(self, path: Path) -> None:
        """Have the disk keep what a file holds."""
        handle = os.open(path, os.O_RDWR)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name of the same folder, for good."""
        os.rename(old, new)
        _sync_folder(new.parent)

    def replace(self, path: Path, data: bytes) -> None:
        """Let a file hold C{data}; at every moment it holds that or what it held."""
        beside = path.with_name(f"{path.name}.new")
        self.write(beside, data, 0)
        self.sync(beside)
        self.rename(beside, path)

    def read(self, path: Path) -> bytes | None:
        """What a file holds; None if there is none."""
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None

    def remove(self, path: Path) -> None:
        """Remove a file, if it is there."""
        path.unlink(missing_ok=True)
