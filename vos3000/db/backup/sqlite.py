"""
SQLite: the file is copied page by page from one snapshot, which holds up no writer,
and a backup is put back by renaming, which happens or does not.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

from vos3000.db.backup.archive import (
    Progress,
    Reader,
    Writer,
    second_name,
    sync_directory,
    unpack,
)
from vos3000.db.backup.manifest import BackupError, Manifest
from vos3000.db.backup.rows import add_up, ours
from vos3000.db.backup.tally import Tally

MEMBER = "vos3000.db"

_PAGES = 256
_MARK = '"'


class Snapshot:
    """A database file that nobody writes to."""

    prefix = ""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.cursor: Any = connection.cursor()
        connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")

    def tables(self) -> list[str]:
        """The tables that are ours, in order."""
        self.cursor.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        )
        return ours(name for (name,) in self.cursor.fetchall())

    def key(self, table: str) -> list[str]:
        """The columns of its key."""
        self.cursor.execute(
            "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", (table,)
        )
        found = [name for (name,) in self.cursor.fetchall()]
        if not found:
            raise BackupError(
                f"the table {table} has no primary key: give it one, as ours have"
            )
        return found

    def columns(self, table: str) -> list[str]:
        """Its columns, in order."""
        self.cursor.execute("SELECT name FROM pragma_table_info(?)", (table,))
        return [name for (name,) in self.cursor.fetchall()]

    def size(self, table: str) -> int:
        """How many rows it has."""
        self.cursor.execute(f'SELECT COUNT(*) FROM "{table}"')
        return int(self.cursor.fetchone()[0])


def back_up(path: str, archive: Writer, folder: Path, progress: Progress) -> Tally:
    """
    Add the database to an archive, while others write to it.

    @param folder: Where there is room for a copy of it.
    @return: What it holds.
    """
    copy = folder / f".{MEMBER}.{os.getpid()}.part"
    os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        _copy(path, copy, progress)
        tally = _sums(copy, progress)
        archive.add_file(MEMBER, copy, progress)
        return tally
    finally:
        for suffix in ("", "-journal", "-wal", "-shm"):
            copy.with_name(copy.name + suffix).unlink(missing_ok=True)


def _copy(path: str, copy: Path, progress: Progress) -> None:
    def told(status: int, remaining: int, total: int) -> None:
        progress("copying", total - remaining, total)

    uri = f"{Path(path).absolute().as_uri()}?mode=rw"
    with (
        closing(sqlite3.connect(uri, uri=True, timeout=10.0)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        target.execute("PRAGMA synchronous=OFF")
        # One snapshot for all steps: a copy that begins anew with each commit of
        # the switch would not come to an end.
        source.isolation_level = None
        source.execute("BEGIN")
        source.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        source.backup(target, pages=_PAGES, progress=told)
        source.execute("ROLLBACK")
        target.execute("PRAGMA journal_mode=DELETE").fetchone()


def _sums(path: Path, progress: Progress) -> Tally:
    """
    What a file holds.

    @raise BackupError: If it is damaged.
    """
    with closing(sqlite3.connect(path)) as connection:
        try:
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if found != "ok":
                raise BackupError(
                    f"the database is damaged: {found}. Put the last good backup back"
                )
            return add_up(Snapshot(connection), _MARK, "adding up", progress)
        except sqlite3.DatabaseError as error:
            raise BackupError(
                f"the database is damaged: {error}. Put the last good backup back"
            ) from error


def verify(reader: Reader, manifest: Manifest, copy: Path, progress: Progress) -> None:
    """
    Unpack a backup, and hold what it holds against its manifest.

    @param copy: Where; the file stays.
    @raise BackupError: If it is not what was backed up.
    """
    for name, file in reader.members("unpacking"):
        if name == MEMBER:
            unpack(file, copy)
    if not copy.exists():
        raise BackupError(f"the backup has no {MEMBER}: take another one")
    tally = _sums(copy, progress)
    differs = manifest.differs(tally.tables, tally.books())
    if differs:
        raise BackupError(f"what was unpacked is not what was backed up: {differs}")


def put_back(
    path: Path, reader: Reader, manifest: Manifest, progress: Progress
) -> Path | None:
    """
    Replace a database by a backup, when that was verified.

    @return: Where the old one is now; None if there was none.
    @raise BackupError: If that cannot be; the old one is in its place then.
    """
    fresh = path.with_name(f"{path.name}.restoring")
    fresh.unlink(missing_ok=True)
    try:
        verify(reader, manifest, fresh, progress)
        _own(fresh, path)
        aside = _aside(path)
        os.replace(fresh, path)
        return aside
    finally:
        for suffix in ("", "-journal", "-wal", "-shm"):
            fresh.with_name(fresh.name + suffix).unlink(missing_ok=True)
        sync_directory(path.parent)


def _own(fresh: Path, path: Path) -> None:
    """Have it belong to whom the old one belongs: a restore may be root's."""
    like = os.stat(path if path.exists() else path.parent)
    if os.geteuid() == 0:
        os.chown(fresh, like.st_uid, like.st_gid)
    os.chmod(fresh, 0o640)


def _aside(path: Path) -> Path | None:
    """
    Give the old database a second name, with all that was committed to it; None
    if there is none.

    Nothing of its log may be left beside the new one, which would take it for its own.
    """
    there = path.exists()
    if there:
        _checkpoint(path)
    aside = _free(path)
    if there:
        second_name(path, aside)
    for suffix in ("-wal", "-shm"):
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.rename(aside.with_name(aside.name + suffix))
    return aside if there else None


def _free(path: Path) -> Path:
    """A name for the old database that no other has."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    for number in count(1):
        more = f"-{number}" if number > 1 else ""
        aside = path.with_name(f"{path.name}.before-{stamp}{more}")
        if not aside.exists():
            break
    return aside


def _checkpoint(path: Path) -> None:
    """
    Have all that was committed in the file itself, unless the file is damaged,
    which may be why it is replaced.

    @raise BackupError: If somebody else uses it.
    """
    try:
        with closing(sqlite3.connect(path, timeout=5.0)) as connection:
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        busy = code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    if busy:
        raise BackupError(
            f"another program has {path} open: end it, then restore again"
        )
