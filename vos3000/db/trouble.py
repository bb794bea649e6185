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

_SERVER_CURES = {
    1040: "the server has too many connections: raise its max_connections",
    1044: "its user may not use this database: GRANT ALL ON it TO the user",
    1045: "the server refuses user and password: see [database] url",
    1049: "the server has no such database: CREATE DATABASE, then `vos3000 migrate`",
    1114: _FULL,
    1021: _FULL,
    1290: "the server is read-only: name the one that takes writes",
    2003: "no server answers there: start it, or see [database] url",
    2002: "no server answers there: start it, or see [database] url",
    2026: "TLS to the server failed: see ssl_ca of [database] url",
}
"""By the numbers of MariaDB and MySQL."""

_PERHAPS_FULL = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)


def told(place: str, error: BaseException, path: str = "") -> str:
    """
    One line: which database, what is wrong, what helps.

    @param place: What an operator knows the database by.
    @param error: The database's own, or the system's.
    @param path: The database's file, if it is one.
    """
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    cure = _CURES.get(code)
    if isinstance(error, PermissionError):
        cure = _RIGHTS
    elif code in _PERHAPS_FULL and path and _full(path):
        cure = _FULL
    elif error.args and isinstance(error.args[0], int):
        cure = _SERVER_CURES.get(error.args[0])
    return f"the database {place} cannot be used: {cure or error}"


def _full(path: str) -> bool:
    """Whether the disk is."""
    try:
        disk = os.statvfs(Path(path).parent)
    except OSError:
        return False
    return disk.f_bavail == 0 and disk.f_blocks > 0
