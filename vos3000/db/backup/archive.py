"""
The file of a backup: a compressed tar archive, so that it can be looked into with
what every system has. Its last member, C{manifest.json}, says what the others must be.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import os
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, Any, Protocol

from vos3000.db.backup import manifest as manifests
from vos3000.db.backup.manifest import BackupError, Manifest

MANIFEST = "manifest.json"

_NO_LINKS = frozenset((errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS))

_BLOCK = 1024 * 1024
_LEVEL = 4
_LONGEST = 64 * 1024 * 1024
"""Bytes of a member that is read whole; the writer keeps far below."""

Progress = Callable[[str, int, int], object]
"""Told what is being done, how much of it is done, and of how much (0: unknown)."""


def nobody(what: str, done: int, total: int) -> None:
    """Nobody looks on."""


class Readable(Protocol):
    """A member that is being read."""

    def read(self, size: int = -1, /) -> bytes:
        """Read some of it, or all that is left; nothing at its end."""


class Writer:
    """
    Writes an archive beside its place, and moves it there when it is whole.

    @ivar members: The size and the SHA-256 of each member.
    @raise BackupError: If there is something in its place already.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f"{path.name}.{os.getpid()}.part")
        if path.exists():
            raise BackupError(f"{path} is there already: give another name")
        handle = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(handle, "wb")
        self._packed = gzip.GzipFile("", "wb", _LEVEL, self._file)
        self._tar = tarfile.TarFile(fileobj=self._packed, mode="w")
        self.members: dict[str, tuple[int, str]] = {}

    def add(self, name: str, data: bytes) -> None:
        """Add a member."""
        self._add(name, io.BytesIO(data), len(data), nobody)

    def add_file(self, name: str, path: Path, progress: Progress) -> None:
        """Add a file that nobody writes to."""
        with path.open("rb") as file:
            self._add(name, file, path.stat().st_size, progress)

    def _add(self, name: str, file: IO[bytes], size: int, progress: Progress) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o600
        hashed = _Hashed(file, lambda done: progress("packing", done, size))
        self._tar.addfile(info, hashed)
        self.members[name] = (size, hashed.digest)

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest, have the disk keep all of it, put it in its place."""
        self.add(MANIFEST, manifest.text())
        self._tar.close()
        self._packed.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        second_name(self._part, self._path)
        self._part.unlink()
        sync_directory(self._path.parent)

    def abandon(self) -> None:
        """Leave nothing behind."""
        for each in (self._packed, self._file):
            with suppress(OSError, ValueError):
                each.close()
        self._part.unlink(missing_ok=True)


class _Hashed(io.RawIOBase):
    """A file whose checksum is taken while it is read."""

    def __init__(self, file: IO[bytes], told: Callable[[int], object]) -> None:
        super().__init__()
        self._file = file
        self._told = told
        self._hash = hashlib.sha256()
        self._done = 0

    @property
    def digest(self) -> str:
        """The SHA-256 of what was read."""
        return self._hash.hexdigest()

    def read(self, size: int = -1) -> bytes:
        """Read, as tarfile does."""
        data = self._file.read(size)
        self._hash.update(data)
        self._done += len(data)
        self._told(self._done)
        return data


class Reader:
    """
    Reads an archive from beginning to end.

    @param progress: Told how far in the file.
    """

    def __init__(self, path: Path, progress: Progress = nobody) -> None:
        self._path = path
        self._progress = progress

    def check(self) -> Manifest:
        """
        Read all of it, and hold every member against the manifest.

        @raise BackupError: If a byte is not as it was written.
        """
        found: dict[str, tuple[int, str]] = {}
        text = b""
        for name, file in self.members("checking the file"):
            if name == MANIFEST:
                text = whole(file)
                continue
            hashed, size = hashlib.sha256(), 0
            while data := file.read(_BLOCK):
                hashed.update(data)
                size += len(data)
            found[name] = (size, hashed.hexdigest())
        if not text:
            raise _damaged(self._path, "it ends before its end")
        manifest = manifests.read(text)
        if found != manifest.members:
            raise _damaged(self._path, "its members are not those it was made of")
        return manifest

    def members(self, doing: str) -> Iterator[tuple[str, Readable]]:
        """
        Every member: its name, and what it holds.

        @raise BackupError: If it cannot be read any further.
        """
        total = self._path.stat().st_size
        with (
            _damage(self._path),
            self._path.open("rb") as raw,
            gzip.open(raw) as packed,
        ):
            with tarfile.open(fileobj=packed, mode="r|") as tar:
                for info in tar:
                    file = tar.extractfile(info)
                    if file is None:
                        raise tarfile.TarError(f"{info.name!r} is no file")
                    told = partial(self._told, raw, total, doing)
                    yield info.name, _Member(file, self._path, told)
            while packed.read(_BLOCK):
                pass  # the checksum stands at the end

    def _told(self, raw: IO[bytes], total: int, doing: str) -> None:
        self._progress(doing, raw.tell(), total)


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Tell what is wrong with an archive in our words."""
    try:
        yield
    except (EOFError, zlib.error, tarfile.TarError, gzip.BadGzipFile) as error:
        raise _damaged(path, str(error)) from error


def _damaged(path: Path, why: str) -> BackupError:
    return BackupError(f"{path} is damaged or no backup ({why}): take another one")


class _Member:
    """A member that tells how far it is read."""

    def __init__(self, file: Any, path: Path, told: Callable[[], object]) -> None:
        self._file, self._path, self._told = file, path, told

    def read(self, size: int = -1) -> bytes:
        """Read."""
        with _damage(self._path):
            data: bytes = self._file.read(size)
        self._told()
        return data


def whole(file: Readable) -> bytes:
    """
    All of a small member.

    @raise BackupError: If it is longer than any that was written.
    """
    data = file.read(_LONGEST)
    if len(data) == _LONGEST:
        raise BackupError("a member of the backup is longer than any of ours is")
    return data


def unpack(file: Readable, path: Path) -> None:
    """Write a member to a file of its own, which the disk has when this returns."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as target:
        while data := file.read(_BLOCK):
            target.write(data)
        target.flush()
        os.fsync(target.fileno())


def second_name(path: Path, name: Path) -> None:
    """
    Let a file be found under another name as well; where the file system cannot do
    that, as those of other systems often cannot, copy it.

    @raise OSError: If the name is taken, or the disk refuses.
    """
    try:
        os.link(path, name)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with path.open("rb") as source, os.fdopen(handle, "wb") as target:
            shutil.copyfileobj(source, target, _BLOCK)
            target.flush()
            os.fsync(target.fileno())


def sync_directory(path: Path) -> None:
    """Have the disk keep the names, if the file system knows how to."""
    handle = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)
