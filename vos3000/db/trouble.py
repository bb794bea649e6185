"""
What an operator is told when a database cannot be used.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

_FULL = "the disk is full: free some space, or use another directory (--state DIR)"
_RIGHTS = "this user may not read and write it and its directory: see their owner"
_DAMAGED = "it is damaged: put a backup in its place, and keep this file aside"

_CURES = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_NOTADB: (
        "it is no SQLite database: put a backup in its place, or move it away for a"
        " start with an empty one"
    ),
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_CANTOPEN: _RIGHTS,
    sqlite3.SQLITE_PERM: _RIGHTS,
    sqlite3.SQLITE_READONLY: _RIGHTS,
    sqlite3.SQLITE_AUTH: _RIGHTS,
    sqlite3.SQLITE_BUSY: "another program holds it: end that",
    sqlite3.SQLITE_LOCKED: "another program holds it: end that",
}

_PERHAPS_FULL = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)


def told(path: str, error: BaseException) -> str:
    """
    One line: which database, what is wrong, what helps.

    @param error: The database's own, or the system's.
    """
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    cure = _CURES.get(code)
    if isinstance(error, PermissionError):
        cure = _RIGHTS
    elif code in _PERHAPS_FULL and _full(path):
        cure = _FULL
    return f"the database {path} cannot be used: {cure or error}"


def _full(path: str) -> bool:
    """Whether the disk is."""
    try:
        disk = os.statvfs(Path(path).parent)
    except OSError:
        return False
    return disk.f_bavail == 0 and disk.f_blocks > 0
