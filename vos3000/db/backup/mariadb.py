"""
MariaDB and MySQL: tables are read row by row from one snapshot, which holds up no
writer, and put back beside the old ones, whose place they take in one statement.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import count
from typing import Any

from vos3000.db.backup.archive import Progress, Reader, Writer, whole
from vos3000.db.backup.manifest import BackupError, Manifest
from vos3000.db.backup.rows import Counted, add_up, ours, pages
from vos3000.db.backup.tally import Tally, row_of

_MARK = "`"
_FRESH = "restoring_"
_SCHEMA = "schema.sql"
_NAME = re.compile(r"[A-Za-z0-9_]{1,60}\Z")
_CONSTRAINT = re.compile(r"CONSTRAINT `[^`]*` (FOREIGN KEY)")
_REFERENCES = re.compile(r"REFERENCES `([^`]*)`")

_CHANGED = (1412, 1146)
"""A table was altered, or dropped, since the snapshot was taken."""

_ATTEMPTS = 3


class Snapshot:
    """
    A database as one connection sees it.

    @param prefix: What stands before the names of the tables that are meant.
    """

    def __init__(self, connection: Any, prefix: str = "") -> None:
        self.cursor = connection.cursor()
        self.prefix = prefix

    def tables(self) -> list[str]:
        """The tables that are ours, in order."""
        return ours(_tables(self.cursor, self.prefix))

    def key(self, table: str) -> list[str]:
        """The columns of its key."""
        self.cursor.execute(
            "SELECT column_name FROM information_schema.key_column_usage"
            " WHERE table_schema = DATABASE() AND table_name = ?"
            " AND constraint_name = 'PRIMARY' ORDER BY ordinal_position",
            (self.prefix + table,),
        )
        found = [str(name) for (name,) in self.cursor.fetchall()]
        if not found:
            raise BackupError(
                f"the table {table} has no primary key: give it one, as ours have"
            )
        return found

    def columns(self, table: str) -> list[str]:
        """Its columns, in order."""
        self.cursor.execute(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_schema = DATABASE() AND table_name = ?"
            " ORDER BY ordinal_position",
            (self.prefix + table,),
        )
        return [str(name) for (name,) in self.cursor.fetchall()]

    def size(self, table: str) -> int:
        """How many rows the server thinks it has."""
        self.cursor.execute(
            "SELECT table_rows FROM information_schema.tables"
            " WHERE table_schema = DATABASE() AND table_name = ?",
            (self.prefix + table,),
        )
        found = self.cursor.fetchone()
        return int(found[0] or 0) if found else 0


def _tables(cursor: Any, prefix: str) -> list[str]:
    """The tables whose names begin with a prefix, without it."""
    cursor.execute(
        "SELECT table_name FROM information_schema.tables"
        " WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'"
        " AND LEFT(table_name, CHAR_LENGTH(?)) = ? ORDER BY table_name",
        (prefix, prefix),
    )
    return [str(name)[len(prefix) :] for (name,) in cursor.fetchall()]


def back_up(kind: Any, make: Any, progress: Progress) -> tuple[Writer, Tally]:
    """
    Write the tables into an archive, while others write to them.

    @param kind: The dialect.
    @param make: Makes an empty archive; called again if a table was altered
        meanwhile, which ends a snapshot.
    @return: The archive, still without its manifest, and what is in it.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        archive: Writer = make()
        try:
            with closing(kind.connect()) as connection:
                return archive, _back_up(connection, archive, progress)
        except kind.errors as error:
            archive.abandon()
            if error.args[0] not in _CHANGED or attempt == _ATTEMPTS:
                raise
        except BaseException:
            archive.abandon()
            raise
    raise AssertionError("a loop that always returns or raises")


def _back_up(connection: Any, archive: Writer, progress: Progress) -> Tally:
    cursor = connection.cursor()
    cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
    source, tally = Snapshot(connection), Tally()
    names = source.tables()
    counted = Counted(source, names, "reading", progress)
    for table in names:
        cursor.execute(f"SHOW CREATE TABLE `{table}`")
        archive.add(f"{table}/{_SCHEMA}", cursor.fetchone()[1].encode())
        found = counted(pages(source, table, _MARK))
        lines = tally.take(table, source.columns(table), found)
        for number, page in enumerate(lines, 1):
            archive.add(f"{table}/{number:08d}.jsonl", page)
    connection.rollback()
    return tally


def verify(reader: Reader, manifest: Manifest, progress: Progress) -> None:
    """
    Add up a backup, and hold that against its manifest.

    @raise BackupError: If it is not what was backed up.
    """
    tally = Tally()
    for table, text, members in _by_table(reader, "adding up"):
        for _ in tally.take(table, _columns_of(text), members):
            pass
    _compare(manifest, tally)


def _columns_of(schema: str) -> list[str]:
    """The columns of a table, from the text that made it."""
    lines = (line.strip() for line in schema.splitlines())
    return [line[1:].partition("`")[0] for line in lines if line.startswith("`")]


def _compare(manifest: Manifest, tally: Tally) -> None:
    differs = manifest.differs(tally.tables, tally.books())
    if differs:
        raise BackupError(f"what was put back is not what was backed up: {differs}")


def _by_table(
    reader: Reader, doing: str
) -> Iterator[tuple[str, str, Iterator[list[list[Any]]]]]:
    """Each table of an archive: its name, what makes it, and pages of its rows."""
    members = reader.members(doing)
    following = next(members, None)
    while following is not None:
        name, file = following
        table, _, part = name.partition("/")
        if part != _SCHEMA:
            following = next(members, None)
            continue
        if _NAME.match(table) is None:
            raise BackupError(f"{table!r} is no table of ours: take another backup")
        text = whole(file).decode()
        left: list[Any] = []
        yield table, text, _pages(members, table, left)
        following = left[0] if left else None


def _pages(members: Any, table: str, left: list[Any]) -> Iterator[list[list[Any]]]:
    """The rows of a table; what comes after it is put into C{left}."""
    for member in members:
        name, file = member
        if not name.startswith(f"{table}/") or name.endswith(_SCHEMA):
            left.append(member)
            return
        yield [row_of(line) for line in whole(file).splitlines()]


def put_back(kind: Any, reader: Reader, manifest: Manifest, progress: Progress) -> str:
    """
    Replace our tables by those of a backup.

    @return: What stands before the names of the old ones now; empty if there
        were none.
    @raise BackupError: If that cannot be; the old ones are in their places then.
    """
    with closing(kind.connect()) as connection:
        cursor = connection.cursor()
        _clear(cursor)
        cursor.execute("SET FOREIGN_KEY_CHECKS = 0")
        for table, text, found in _by_table(reader, "restoring"):
            cursor.execute(_made(table, text))
            for page in found:
                _insert(cursor, table, page)
                connection.commit()
        cursor.execute("SET FOREIGN_KEY_CHECKS = 1")
        source = Snapshot(connection, _FRESH)
        tally = add_up(source, _MARK, "adding up", progress)
        connection.commit()
        _compare(manifest, tally)
        return _swap(cursor)


def _made(table: str, text: str) -> str:
    """The statement that makes a table beside the old one."""
    start = f"CREATE TABLE `{table}` ("
    if not text.startswith(start):
        raise BackupError(f"{table} is made by no statement of ours")
    text = _CONSTRAINT.sub(r"\1", text.removeprefix(start))
    text = _REFERENCES.sub(rf"REFERENCES `{_FRESH}\1`", text)
    return f"CREATE TABLE `{_FRESH}{table}` ({text}"


def _insert(cursor: Any, table: str, page: Sequence[Sequence[Any]]) -> None:
    marks = ", ".join("?" * len(page[0]))
    cursor.executemany(f"INSERT INTO `{_FRESH}{table}` VALUES ({marks})", page)


def _clear(cursor: Any) -> None:
    """Remove what a restore that was interrupted has left."""
    cursor.execute("SET FOREIGN_KEY_CHECKS = 0")
    for table in _tables(cursor, _FRESH):
        cursor.execute(f"DROP TABLE `{_FRESH}{table}`")


def _swap(cursor: Any) -> str:
    """Give the new tables the names of the old ones, in one statement."""
    old, new = ours(_tables(cursor, "")), ours(_tables(cursor, _FRESH))
    aside = _free(cursor)
    renamed = [f"`{name}` TO `{aside}{name}`" for name in old]
    renamed += [f"`{_FRESH}{name}` TO `{name}`" for name in new]
    cursor.execute(f"RENAME TABLE {', '.join(renamed)}")
    return aside if old else ""


def _free(cursor: Any) -> str:
    """What no table's name begins with."""
    stamp = time.strftime("before%Y%m%d%H%M%S", time.gmtime())
    for number in count(1):
        aside = f"{stamp}_" if number == 1 else f"{stamp}_{number}_"
        if not _tables(cursor, aside):
            break
    return aside
