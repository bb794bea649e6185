"""
A MariaDB of the tests' own: a private server on a socket of its own, ended with the
process that wanted it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from bench.mariadb import Server
from vos3000.db import upgrade
from vos3000.db.mariadb import MariaDb
from vos3000.model.money import plain


@functools.cache
def server() -> Server:
    """The one server of this process; commits are not synced, for speed."""
    return Server("--innodb-flush-log-at-trx-commit=0")


class Database:
    """
    A database of the server as tests of SQLite see one.

    @ivar url: What C{[database] url} says of it.
    @ivar pooled: A connection for a pool.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        kind = MariaDb(url)
        self.pooled = kind.connect()
        self._own = kind.connect()
        self._own.autocommit(True)

    def execute(self, sql: str, values: Any = ()) -> Rows:
        """Run one statement; amounts are whole millionths, prices plain text."""
        cursor = self._own.cursor()
        cursor.execute(sql, tuple(values))
        found = cursor.fetchall() if cursor.description else ()
        return Rows([tuple(map(_as_sqlite, row)) for row in found])

    def commit(self) -> None:
        """It was."""

    def clear(self) -> None:
        """Remove all rows and the tables of days."""
        self.execute("SET FOREIGN_KEY_CHECKS = 0")
        for name in self.tables():
            if name.startswith("e_cdr_"):
                self.execute(f"DROP TABLE {name}")
            elif name != "alembic_version":
                self.execute(f"DELETE FROM {name}")
        self.execute("SET FOREIGN_KEY_CHECKS = 1")

    def tables(self) -> frozenset[str]:
        """The tables there are."""
        found = self.execute(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = DATABASE()"
        )
        return frozenset(name for (name,) in found)

    def close(self) -> None:
        """Close both connections."""
        for connection in (self.pooled, self._own):
            if connection.open:
                connection.close()


class Rows:
    """What a query found."""

    def __init__(self, found: list[tuple[Any, ...]]) -> None:
        self._found = found

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self._found)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows."""
        return self._found

    def fetchone(self) -> tuple[Any, ...] | None:
        """The first row."""
        return self._found[0] if self._found else None


def _as_sqlite(value: Any) -> Any:
    """A value as SQLite's schema stores it."""
    if not isinstance(value, Decimal):
        return value
    exponent = value.as_tuple().exponent
    if exponent == -12:
        return plain(value)
    return int(value.scaleb(6) if exponent == -6 else value)


@functools.cache
def _migrated(again: int) -> tuple[str, frozenset[str]]:
    """A database with the schema, and its tables."""
    url = server().create("tests")
    upgrade.migrate(url)
    made = Database(url)
    tables = made.tables()
    made.close()
    return url, tables


_BROKEN = [0]


def database() -> Database:
    """The tests' database, empty, made anew if a test broke it."""
    url, tables = _migrated(_BROKEN[0])
    made = Database(url)
    made.clear()
    if made.tables() != tables:
        made.close()
        _BROKEN[0] += 1
        return database()
    return made
