"""
Reading tables row by row, whatever their size: page after page, in the order of
their keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from vos3000.db.backup.archive import Progress
from vos3000.db.backup.tally import Tally
from vos3000.db.cursor import Cursor

PAGE = 2_000
"""Rows of one statement."""


class Source(Protocol):
    """
    One unchanging view of a database.

    @ivar prefix: What stands before the names of its tables.
    """

    cursor: Cursor
    prefix: str

    def tables(self) -> list[str]:
        """The tables that are ours, in order."""

    def key(self, table: str) -> list[str]:
        """The columns of its key."""

    def columns(self, table: str) -> list[str]:
        """Its columns, in order."""

    def size(self, table: str) -> int:
        """How many rows it has, more or less."""


def ours(names: Iterable[str]) -> list[str]:
    """Of the tables of a database those that this program made."""
    return [name for name in names if name.startswith("e_") or name == _REVISION]


_REVISION = "alembic_version"


def quoted(names: Iterable[str], mark: str) -> str:
    """Names of columns, as they stand in a statement."""
    return ", ".join(f"{mark}{name}{mark}" for name in names)


def pages(source: Source, table: str, mark: str) -> Iterator[Sequence[Any]]:
    """
    The rows of a table.

    @param mark: What stands around a name.
    """
    columns, key = source.columns(table), source.key(table)
    listed, order = quoted(columns, mark), quoted(key, mark)
    places = [columns.index(name) for name in key]
    start = f"SELECT {listed} FROM {mark}{source.prefix}{table}{mark}"
    end = f" ORDER BY {order} LIMIT {PAGE}"
    where = ""
    values: Sequence[Any] = ()
    while True:
        source.cursor.execute(f"{start}{where}{end}", values)
        found = source.cursor.fetchall()
        if found:
            yield found
        if len(found) < PAGE:
            return
        last = [found[-1][place] for place in places]
        where, values = _beyond(key, last, mark)


def _beyond(
    key: Sequence[str], last: Sequence[Any], mark: str
) -> tuple[str, Sequence[Any]]:
    """The condition of rows that come after the one with this key."""
    options: list[str] = []
    values: list[Any] = []
    for length in range(1, len(key) + 1):
        same = [f"{mark}{name}{mark} = ?" for name in key[: length - 1]]
        same.append(f"{mark}{key[length - 1]}{mark} > ?")
        options.append(f"({' AND '.join(same)})")
        values += last[:length]
    first = f"{mark}{key[0]}{mark} >= ? AND "
    return f" WHERE {first}({' OR '.join(options)})", (last[0], *values)


class Counted:
    """
    Tells how many of all rows were read.

    @param doing: What is done with them.
    """

    def __init__(
        self, source: Source, tables: Iterable[str], doing: str, progress: Progress
    ) -> None:
        self._total = sum(map(source.size, tables))
        self._done = 0
        self._doing, self._progress = doing, progress

    def __call__(self, found: Iterator[Sequence[Any]]) -> Iterator[Sequence[Any]]:
        """The same pages."""
        self._tell()
        for page in found:
            yield page
            self._done += len(page)
            self._tell()

    def _tell(self) -> None:
        self._progress(self._doing, self._done, max(self._done, self._total))


def add_up(source: Source, mark: str, doing: str, progress: Progress) -> Tally:
    """The sums of a database."""
    tally, names = Tally(), source.tables()
    counted = Counted(source, names, doing, progress)
    for table in names:
        found = counted(pages(source, table, mark))
        for _ in tally.take(table, source.columns(table), found):
            pass
    return tally
