"""
SQLite: one file, one process, every commit on the disk.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from itertools import chain
from typing import Any

from vos3000.db.cursor import Cursor
from vos3000.db.ratestaging import SQLITE
from vos3000.db.secrets import Clear, Secrets
from vos3000.model.money import from_micros, plain, to_micros

BUSY_SECONDS = 2.0
"""How long a writer waits for another program's transaction."""

TOGETHER = 10
"""
Rows of one statement. SQLite runs a statement without the interpreter's lock:
fewer, longer statements than one a row spare the reactor's thread (and the
writer's) a hand-over of the lock for every row.
"""

MEMORY = ":memory:"


class Sqlite:
    """
    SQLite in a file, write-ahead log, every commit on the disk.

    Amounts are whole millionths, prices are text: REAL never holds money.

    @ivar path: The file; C{:memory:} for a database of one connection.
    @ivar place: What an operator knows it by.
    @ivar secrets: Seals passwords; whoever opens the database and has its key
        sets it.
    """

    driver = "sqlite3"
    scheme = "sqlite"
    errors: tuple[type[Exception], ...] = (sqlite3.Error,)
    begin: tuple[str, ...] = ("BEGIN IMMEDIATE",)
    begin_read: tuple[str, ...] = ("BEGIN",)
    begin_bulk: tuple[str, ...] = ("BEGIN",)
    staging = SQLITE
    makes_itself = True
    reconnects = False
    one_writer = True
    marks_tables = False
    other_schemas = False

    def __init__(self, url: str) -> None:
        _, _, rest = url.partition("://")
        self.path = rest.removeprefix("/") or MEMORY
        self.place = self.path
        self.secrets: Secrets = Clear()

    def arguments(self, seconds: float = 0) -> dict[str, Any]:
        """What the driver's C{connect} is called with; nobody limits statements."""
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
            "cache_size=-16384",
        ):
            connection.execute(f"PRAGMA {pragma}")

    def connect(self) -> Any:
        """A connection, set up."""
        connection = sqlite3.connect(**self.arguments())
        self.prepare(connection)
        return connection

    def protect(self) -> None:
        """
        Let nobody but owner and group read the file: it holds passwords.

        SQLite gives the files beside it the same permissions.
        """
        path = self.path
        if path == MEMORY:
            return
        with suppress(OSError):  # SQLite finds the same, and is the one that tells
            if not os.path.exists(path):
                os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o640))
        for file in (path, f"{path}-wal", f"{path}-shm"):
            with suppress(OSError):
                mode = stat.S_IMODE(os.stat(file).st_mode)
                if mode & stat.S_IRWXO:
                    os.chmod(file, mode & ~stat.S_IRWXO)

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
        """
        Whether the same transaction may succeed when it is run again, and
        changed nothing.
        """
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)

    def lost(self, error: BaseException) -> bool:
        """There is no connection that could be."""
        return False

    def insert(
        self, cursor: Cursor, start: str, marks: str, rows: Sequence[Sequence[Any]]
    ) -> None:
        """Insert rows, L{TOGETHER} by a statement."""
        whole = len(rows) - len(rows) % TOGETHER
        many = f"{start} VALUES {', '.join([marks] * TOGETHER)}"
        for begin in range(0, whole, TOGETHER):
            values = chain.from_iterable(rows[begin : begin + TOGETHER])
            cursor.execute(many, tuple(values))
        for row in rows[whole:]:
            cursor.execute(f"{start} VALUES {marks}", row)

    def add_to_balances(
        self, cursor: Cursor, changes: Sequence[tuple[str, Decimal]]
    ) -> int:
        """Add to the balances of accounts; how many of them were found."""
        cursor.executemany(
            "UPDATE e_customer SET money = money + ? WHERE account = ?",
            [(self.amount(money), account) for account, money in changes],
        )
        return cursor.rowcount

    def marks(self, cursor: Cursor, tables: Sequence[str]) -> dict[str, object]:
        """One for all: it changes when another connection has committed."""
        cursor.execute("PRAGMA data_version")
        (version,) = cursor.fetchone()
        return dict.fromkeys(tables, version)

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

    def drop(self, cursor: Cursor, table: str) -> None:
        """Drop a table; its name comes from code, never from outside."""
        cursor.execute(f"DROP TABLE {table}")
