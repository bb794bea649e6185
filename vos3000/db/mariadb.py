"""
MariaDB, and MySQL, by PyMySQL.

Amounts are DECIMAL and come back as Decimal. Every session is UTC and strict: a
value that does not fit is refused, never cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pymysql.err
from pymysql.constants import CLIENT, ER
from twisted.enterprise.adbapi import ConnectionLost

from vos3000.db import mariadriver
from vos3000.db.cursor import Cursor
from vos3000.db.ratestaging import MARIADB
from vos3000.db.secrets import Clear, Secrets
from vos3000.errors import ConfigError
from vos3000.model.money import to_micros

CONNECT_SECONDS = 5
"""How long a connection may take to be made."""

ANSWER_SECONDS = 600.0
"""How long one statement of the operator's commands may take."""

GRACE_SECONDS = 10
"""
How much longer than a statement may take we wait for what the server says of it.
A server that says nothing at all by then is lost.
"""

LOCK_SECONDS = 5
"""How long a statement waits for another transaction's lock."""

_PORT = 3306

_SETTLED = 2.0
"""Seconds after which what was written in a second is all there."""

_CHANGES = 100
"""Balances that one statement changes: it looks through the list for each row."""

_LOST = frozenset((0, 2006, 2013, 2055, ER.SERVER_SHUTDOWN, 1927, 4031))
"""
Closed, gone away, lost during a query, lost at a system error, shut down, killed,
idle for too long: whatever was under way, the server undoes it.
"""

_AWAY = frozenset((1040, 2002, 2003))
"""Too many connections, nobody there: a connection could not be made."""

_CONFLICTS = frozenset((ER.LOCK_DEADLOCK, ER.LOCK_WAIT_TIMEOUT, 1020))
"""The loser of a deadlock, a lock not had in time, a row changed meanwhile."""

_SESSION = (
    "SET SESSION time_zone = '+00:00',"
    " sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO',"
    f" innodb_lock_wait_timeout = {LOCK_SECONDS}"
)

_OPTIONS = frozenset(("unix_socket", "ssl_ca", "ssl_cert", "ssl_key", "charset"))


class MariaDb:
    """
    A database of a server.

    @param url: C{mysql://user:password@host:port/name}, with C{?unix_socket=PATH}
        for a server of this machine, C{?ssl_ca=PATH} for TLS whose certificate
        must be good and name the host (C{ssl_cert} and C{ssl_key} for ours).
    @raise ConfigError: If the URL says something else.
    """

    driver = "vos3000.db.mariadriver"
    scheme = "mysql+pymysql"
    # without DataError: no try writes a value that does not fit its column
    errors: tuple[type[Exception], ...] = (
        pymysql.err.OperationalError,
        pymysql.err.InternalError,
        pymysql.err.InterfaceError,
        pymysql.err.ProgrammingError,
        pymysql.err.IntegrityError,
        pymysql.err.NotSupportedError,
        ConnectionLost,
    )
    begin: tuple[str, ...] = (
        "SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "START TRANSACTION",
    )
    begin_read: tuple[str, ...] = (
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    )
    begin_bulk: tuple[str, ...] = ("START TRANSACTION WITH CONSISTENT SNAPSHOT",)
    staging = MARIADB
    makes_itself = False
    marks_tables = True
    reconnects = True
    one_writer = False
    other_schemas = True
    path = ""

    def __init__(self, url: str) -> None:
        self.secrets: Secrets = Clear()
        try:
            parts = urlsplit(url)
            port = parts.port or _PORT
            options = parse_qs(parts.query, strict_parsing=bool(parts.query))
        except ValueError as error:
            raise ConfigError([f"[database] url: {error}"]) from None
        name = unquote(parts.path.removeprefix("/"))
        unknown = sorted(set(options) - _OPTIONS)
        problems = [f"[database] url: {each!r} is no option" for each in unknown]
        if not name or "/" in name:
            problems.append("[database] url: the database's name is missing")
        if problems:
            raise ConfigError(problems)
        self._given = {key: values[-1] for key, values in options.items()}
        self._name = name
        self._host = parts.hostname or "localhost"
        self._port = port
        self._user = unquote(parts.username or "vos3000")
        self._password = unquote(parts.password or "")
        where = self._given.get("unix_socket") or f"{self._host}:{port}"
        self.place = f"{name} of the server at {where}"

    def arguments(self, seconds: float = ANSWER_SECONDS) -> dict[str, Any]:
        """
        What the driver's C{connect} is called with.

        @param seconds: How long one statement may take.
        """
        given: dict[str, Any] = {
            "host": self._host,
            "port": self._port,
            "user": self._user,
            "password": self._password,
            "database": self._name,
            "charset": "utf8mb4",
            "connect_timeout": CONNECT_SECONDS,
            "read_timeout": seconds + GRACE_SECONDS,
            "write_timeout": seconds + GRACE_SECONDS,
            "statement_seconds": seconds,
            "client_flag": CLIENT.FOUND_ROWS,
            "init_command": _SESSION,
        }
        if "unix_socket" in self._given:
            given.update(unix_socket=self._given["unix_socket"], ssl_disabled=True)
        if "ssl_ca" in self._given:
            given.pop("ssl_disabled", None)
            keys = {"ssl_ca", "ssl_cert", "ssl_key"} & set(self._given)
            given.update({key: self._given[key] for key in keys})
            given.update(ssl_verify_cert=True, ssl_verify_identity=True, tls=True)
        return given

    def prepare(self, connection: Any) -> None:
        """The connection was set up by its first command."""

    def connect(self) -> Any:
        """A connection, set up."""
        return mariadriver.connect(**self.arguments())

    def protect(self) -> None:
        """Who may read it is up to the server."""

    def amount(self, value: Decimal) -> Decimal:
        """An amount as a parameter."""
        to_micros(value)  # refuses a seventh digit, which the server would round
        return value

    def read_amount(self, value: Any) -> Decimal:
        """An amount from a row, or from a sum over rows; NULL is nothing."""
        return Decimal(value or 0)

    def price(self, value: Decimal) -> Decimal:
        """A price of a rate as a parameter."""
        return value

    def read_price(self, value: Any) -> Decimal:
        """A price of a rate from a row."""
        return Decimal(value or 0)

    def passing(self, error: BaseException) -> bool:
        """
        Whether the same transaction may succeed when it is run again, and
        changed nothing.
        """
        if isinstance(error, ConnectionLost):
            return True
        code = error.args[0] if error.args else None
        return code in _LOST or code in _CONFLICTS

    def lost(self, error: BaseException) -> bool:
        """Whether it says that there is no connection any more, or none to be had."""
        if isinstance(error, ConnectionLost):
            return True
        code = error.args[0] if error.args else None
        return code in _LOST or code in _AWAY

    def insert(
        self, cursor: Cursor, start: str, marks: str, rows: Sequence[Sequence[Any]]
    ) -> None:
        """Insert rows: as few statements as the server takes."""
        cursor.executemany(f"{start} VALUES {marks}", rows)

    def add_to_balances(
        self, cursor: Cursor, changes: Sequence[tuple[str, Decimal]]
    ) -> int:
        """
        Add to the balances of accounts; how many of them were found.

        One statement for all: each would cost a way to the server and back.
        """
        found = 0
        for begin in range(0, len(changes), _CHANGES):
            some = changes[begin : begin + _CHANGES]
            cases = " ".join(["WHEN ? THEN ?"] * len(some))
            marks = ", ".join("?" * len(some))
            values = [
                value
                for account, money in some
                for value in (account, self.amount(money))
            ]
            cursor.execute(
                f"UPDATE e_customer SET money = money + CASE account {cases} END"
                f" WHERE account IN ({marks})",
                (*values, *(account for account, _ in some)),
            )
            found += cursor.rowcount
        return found

    def marks(self, cursor: Cursor, tables: Sequence[str]) -> dict[str, object]:
        """
        When each was written last, by whomever. The server counts whole seconds:
        of a second that may not be over nobody knows whether more comes.
        """
        cursor.execute(
            "SELECT table_name, update_time, NOW() FROM information_schema.tables"
            " WHERE table_schema = DATABASE()"
            f" AND table_name IN ({', '.join('?' * len(tables))})",
            tuple(tables),
        )
        return {
            str(name): (written, now)
            if written is not None and (now - written).total_seconds() < _SETTLED
            else (written,)
            for name, written, now in cursor.fetchall()
        }

    def tables(self, cursor: Cursor, prefix: str) -> list[str]:
        """Names of the tables that start with C{prefix}, in order."""
        cursor.execute(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'"
            " AND LEFT(table_name, CHAR_LENGTH(?)) = ? ORDER BY table_name",
            (prefix, prefix),
        )
        return [str(name) for (name,) in cursor.fetchall()]

    def create_like(self, cursor: Cursor, table: str, model: str) -> None:
        """
        Make C{table} with the columns and indexes of C{model}; commits.

        Both names come from code, never from outside.
        """
        cursor.execute(f"CREATE TABLE IF NOT EXISTS {table} LIKE {model}")

    def drop(self, cursor: Cursor, table: str) -> None:
        """
        Drop a table; commits. Its name comes from code, never from outside.

        A backup may read it for minutes: whoever waited for that would hold up
        the records behind.
        """
        cursor.execute("SET SESSION lock_wait_timeout = 1")
        try:
            cursor.execute(f"DROP TABLE {table}")
        finally:
            cursor.execute("SET SESSION lock_wait_timeout = DEFAULT")
