"""
What differs between databases, in one object for each.

The stores write plain SQL with C{?} for parameters and ask the dialect for
the rest: how an amount is stored, how a table is copied, which errors pass by
themselves. MariaDB will be a second class here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Protocol

from vos3000.db.secrets import Clear, Secrets
from vos3000.errors import ConfigError
from vos3000.model.money import from_micros, plain, to_micros

BUSY_SECONDS = 2.0
"""How long a writer waits for another program's transaction."""

MEMORY = ":memory:"


class Cursor(Protocol):
    """What an interaction is given (PEP 249)."""

    rowcount: int

    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        """Run one statement."""

    def executemany(self, sql: str, rows: Any, /) -> Any:
        """Run one statement for each row."""

    def fetchone(self) -> Any:
        """The next row, or None."""

    def fetchmany(self, size: int, /) -> list[Any]:
        """The next rows; an empty list at the end."""

    def fetchall(self) -> list[Any]:
        """All rows that are left."""


class Sqlite:
    """
    SQLite in a file, write-ahead log, every commit on the disk.

    Amounts are whole millionths, prices are text: REAL never holds money.

    @ivar path: The file; C{:memory:} for a database of one connection.
    @ivar secrets: Seals passwords; whoever opens the database and has its key
        sets it.
    """

    driver = "sqlite3"
    errors: tuple[type[Exception], ...] = (sqlite3.Error,)
    begin = "BEGIN IMMEDIATE"
    begin_read = "BEGIN"

    def __init__(self, url: str) -> None:
        _, _, rest = url.partition("://")
        self.path = rest.removeprefix("/") or MEMORY
        self.secrets: Secrets = Clear()

    def arguments(self) -> dict[str, Any]:
        """What the driver's C{connect} is called with."""
        return {
            "database": self.path,
            "isolation_level": None,
            "timeout": BUSY_SECONDS,
            "check_same_thread": False,
            "cached_statements": 256,
        }

    def prepare(self, connection: Any) -> None:
        """
        Set up a fresh connection.

        C{synchronous=FULL} syncs the log at each commit, so that a record
        once committed survives a power cut; in batches that is five syncs a
        second (figures in docs/storage.md).
        """
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "cache_size=-2048",
        ):
            connection.execute(f"PRAGMA {pragma}")

    def connect(self) -> Any:
        """A connection, set up."""
        connection = sqlite3.connect(**self.arguments())
        self.prepare(connection)
        return connection

    def amount(self, value: Decimal) -> int:
        """An amount as a parameter."""
        return to_micros(value) if value else 0

    def read_amount(self, value: int | None) -> Decimal:
        """An amount from a row, or from a sum over rows; NULL is nothing."""
        return from_micros(value or 0)

    def price(self, value: Decimal) -> str:
        """A price of a rate as a parameter."""
        return plain(value)

    def read_price(self, value: str | None) -> Decimal:
        """A price of a rate from a row."""
        return Decimal(value or 0)

    def passing(self, error: BaseException) -> bool:
        """Whether the same transaction may succeed when it is run again."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)

    def tables(self, cursor: Cursor, prefix: str) -> list[str]:
        """Names of the tables that start with C{prefix}, in order."""
        cursor.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
            " AND substr(name, 1, ?) = ? ORDER BY name",
            (len(prefix), prefix),
        )
        return [name for (name,) in cursor.fetchall()]

    def create_like(self, cursor: Cursor, table: str, model: str) -> None:
        """
        Make C{table} with the columns and indexes of C{model}.

        Both names come from code, never from outside.
        """
        cursor.execute(
            "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL"
            " ORDER BY type DESC",
            (model,),
        )
        for (sql,) in cursor.fetchall():
            cursor.execute(sql.replace(model, table))


def _mysql(url: str) -> Sqlite:
    raise ConfigError(
        ["[database] url: a mysql:// database arrives with MariaDB support"]
    )


DIALECTS: dict[str, Callable[[str], Sqlite]] = {"sqlite": Sqlite, "mysql": _mysql}
"""The dialects by the scheme of a URL."""


def dialect(url: str) -> Sqlite:
    """
    The dialect of a database.

    @param url: C{sqlite:///relative}, C{sqlite:////absolute} or C{sqlite://}
        for a database in memory.
    @raise ConfigError: If there is none for this URL.
    """
    scheme = url.partition("://")[0]
    make = DIALECTS.get(scheme)
    if make is None:
        known = ", ".join(sorted(DIALECTS))
        raise ConfigError([f"[database] url: {scheme!r} is not one of {known}"])
    return make(url)
