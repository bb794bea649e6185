"""
The state directory: made, and held by one switch at a time.
"""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

from vos3000.errors import StartError

CURE = "name another one with --state DIR or [state] dir in vos3000.conf"

_TROUBLES = {
    errno.EACCES: "this user has no permission there",
    errno.EPERM: "this user has no permission there",
    errno.EROFS: "it is on a read-only file system",
    errno.ENOSPC: "its disk is full: free some space",
    errno.EDQUOT: "its user's share of the disk is used up: free some space",
    errno.EEXIST: "there is something there that is no directory",
    errno.ENOTDIR: "there is something on its way that is no directory",
}


class Lock:
    """
    A file that at most one process holds.

    The system lets go of it however the process ends, so no file that was
    left over keeps anybody out. It holds the number of the process.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def take(self) -> int:
        """
        Take it, unless somebody has it.

        @return: 0, or the number of the process that has it (-1 if it does
            not say).
        @raise OSError: If the file cannot be made, or not be written.
        """
        while True:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o640)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self._in_place(handle):
                    os.ftruncate(handle, 0)
                    os.write(handle, f"{os.getpid()}\n".encode())
                    self._handle, handle = handle, -1
                    return 0
            except BlockingIOError:
                return _number(os.read(handle, 32))
            finally:
                if handle >= 0:
                    os.close(handle)

    def _in_place(self, handle: int) -> bool:
        """Whether the file is still there: its last owner removes it."""
        try:
            there = os.stat(self._path)
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(handle))

    def release(self) -> None:
        """Remove the file, if we hold it."""
        handle, self._handle = self._handle, None
        if handle is None:
            return
        try:
            self._path.unlink(missing_ok=True)
        except OSError:
            os.ftruncate(handle, 0)  # the directory may belong to root
        finally:
            os.close(handle)


def _number(text: bytes) -> int:
    digits = text.strip()
    return int(digits) if digits.isdigit() else -1


class StateDir:
    """
    One switch's state directory, and its database where that is elsewhere.

    @param file: The database's file, if it is one; it is held as well, because
        balances are in memory and two switches would spend them twice.
    """

    def __init__(self, path: Path, file: str) -> None:
        self._path = path
        self._locks = [(f"the state directory {path}", Lock(path / "vos3000.pid"))]
        database = Path(file).absolute()
        if file and database.parent != path:
            beside = Lock(database.with_name(f"{database.name}.pid"))
            self._locks.append((f"the database {database}", beside))

    def take(self) -> None:
        """
        Make the directory, and keep other switches out.

        @raise StartError: If that cannot be; it says what to do.
        """
        try:
            self._path.mkdir(parents=True, exist_ok=True, mode=0o750)
            for what, lock in self._locks:
                holder = lock.take()
                if holder:
                    raise StartError(_taken(what, holder))
        except OSError as error:
            self.release()
            trouble = _TROUBLES.get(error.errno or 0, error.strerror or str(error))
            raise StartError(
                f"the state directory {self._path} cannot be used: {trouble}."
                f" Mend that, or {CURE}"
            ) from error
        except StartError:
            self.release()
            raise

    def release(self) -> None:
        """Let another switch have it."""
        for _, lock in self._locks:
            lock.release()


def _taken(what: str, holder: int) -> str:
    who = f"process {holder}" if holder > 0 else "another process"
    return (
        f"{what} is in use by the switch that runs as {who}: stop that one first, or"
        " give this one a directory of its own with --state DIR"
    )
