"""
What differs between databases, in one object for each.

The stores write plain SQL with C{?} for parameters and ask the dialect for
the rest: how an amount is stored, how a table is copied, which errors pass by
themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Protocol

from vos3000.db.cursor import Cursor
from vos3000.db.mariadb import MariaDb
from vos3000.db.ratestaging import Staging
from vos3000.db.secrets import Secrets
from vos3000.db.sqlite import Sqlite
from vos3000.errors import ConfigError


class Dialect(Protocol):
    """
    One database, and how it is spoken to.

    @ivar driver: The module that speaks to it (PEP 249).
    @ivar scheme: What SQLAlchemy calls it.
    @ivar errors: The driver's errors.
    @ivar begin: Statements that begin a transaction that may write.
    @ivar begin_read: Likewise for one that reads a snapshot.
    @ivar begin_bulk: Likewise for long work.
    @ivar staging: How an import of rates is staged.
    @ivar makes_itself: Whether an empty database is filled at a first start
        without asking.
    @ivar reconnects: Whether a connection can be lost and made again.
    @ivar one_writer: Whether only one transaction writes at a time.
    @ivar other_schemas: Whether it can show its tables under another name too.
    @ivar marks_tables: Whether it tells which table was written.
    @ivar path: Its file; empty if it is none.
    @ivar place: What an operator knows it by; no secret in it.
    @ivar secrets: Seals passwords; whoever opens the database and has its key
        sets it.
    """

    driver: str
    scheme: str
    errors: tuple[type[Exception], ...]
    begin: tuple[str, ...]
    begin_read: tuple[str, ...]
    begin_bulk: tuple[str, ...]
    staging: Staging
    makes_itself: bool
    reconnects: bool
    one_writer: bool
    marks_tables: bool
    other_schemas: bool
    path: str
    place: str
    secrets: Secrets

    def arguments(self, seconds: float = 0) -> dict[str, Any]:
        """
        What the driver's C{connect} is called with.

        @param seconds: How long one statement may take, where that can be said.
        """

    def prepare(self, connection: Any) -> None:
        """Set up a fresh connection."""

    def connect(self) -> Any:
        """A connection, set up."""

    def protect(self) -> None:
        """See to it that nobody else can read it, as far as that is up to us."""

    def amount(self, value: Decimal) -> Any:
        """An amount as a parameter."""

    def read_amount(self, value: Any) -> Decimal:
        """An amount from a row, or from a sum over rows; NULL is nothing."""

    def price(self, value: Decimal) -> Any:
        """A price of a rate as a parameter."""

    def read_price(self, value: Any) -> Decimal:
        """A price of a rate from a row."""

    def passing(self, error: BaseException) -> bool:
        """
        Whether the same transaction may succeed when it is run again, and
        changed nothing.
        """

    def lost(self, error: BaseException) -> bool:
        """Whether it says that there is no connection any more, or none to be had."""

    def insert(
        self, cursor: Cursor, start: str, marks: str, rows: Sequence[Sequence[Any]]
    ) -> None:
        """
        Insert rows, in as few statements as are good.

        @param start: The statement up to C{VALUES}.
        @param marks: The parameters of one row.
        """

    def add_to_balances(
        self, cursor: Cursor, changes: Sequence[tuple[str, Decimal]]
    ) -> int:
        """Add to the balances of accounts; how many of them were found."""

    def marks(self, cursor: Cursor, tables: Sequence[str]) -> dict[str, object]:
        """
        For each table something that is another one after somebody else has
        written to it: in the lane that all of our own writes go through, if the
        database has one writer.
        """

    def tables(self, cursor: Cursor, prefix: str) -> list[str]:
        """Names of the tables that start with C{prefix}, in order."""

    def create_like(self, cursor: Cursor, table: str, model: str) -> None:
        """
        Make C{table} with the columns and indexes of C{model}. The transaction
        may be committed by that: it comes first in one.
        """

    def drop(self, cursor: Cursor, table: str) -> None:
        """
        Drop a table, or fail soon if somebody uses it; may commit.

        The name comes from code, never from outside.
        """


DIALECTS: dict[str, Callable[[str], Dialect]] = {"sqlite": Sqlite, "mysql": MariaDb}
"""The dialects by the scheme of a URL."""


def dialect(url: str) -> Dialect:
    """
    The dialect of a database.

    @param url: C{sqlite:///relative}, C{sqlite:////absolute} or C{sqlite://}
        for a database in memory; C{mysql://user:password@host:3306/name}.
    @raise ConfigError: If there is none for this URL, or it lacks something.
    """
    scheme = url.partition("://")[0]
    make = DIALECTS.get(scheme)
    if make is None:
        known = ", ".join(sorted(DIALECTS))
        raise ConfigError([f"[database] url: {scheme!r} is not one of {known}"])
    return make(url)
