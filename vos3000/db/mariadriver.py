"""
PyMySQL as our lanes want it: what adbapi takes for a driver (PEP 249).

It differs in three things. TLS that was asked for is had, or there is no
connection: some releases of the driver go on in clear where a server, or somebody
between, says that it knows no TLS. A statement may take so long and no longer, by
the server's own clock. And values become text in a third of the time, which is most
of what a record costs on our side.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import lru_cache
from typing import Any

import pymysql.connections
import pymysql.cursors
from pymysql.constants import CLIENT, CR
from pymysql.converters import escape_string
from pymysql.err import OperationalError

apilevel = "2.0"
threadsafety = 1
paramstyle = "qmark"

_LITERALS: dict[type, Callable[[Any], str]] = {
    int: int.__repr__,
    bool: lambda value: "1" if value else "0",
    str: lambda value: f"'{escape_string(value)}'",
    type(None): lambda value: "NULL",
    Decimal: lambda value: format(value, "f"),
    bytes: lambda value: f"_binary X'{value.hex()}'",
}
"""
How a value stands in a statement. Sessions are utf8mb4 and without
NO_BACKSLASH_ESCAPES (L{vos3000.db.mariadb} sets both), so that escaping is exact.
"""


def _literal(value: Any) -> str:
    """A value whose type is derived from one that stands there."""
    for kind, literal in _LITERALS.items():
        if isinstance(value, kind):
            return literal(kind(value))
    raise TypeError(f"{type(value).__name__} is no type that a column takes")


PACKET = 1_000_000
"""Characters of one statement of many rows; servers take 16 MiB by default."""


@lru_cache(1024)
def _pieces(sql: str) -> tuple[str, ...]:
    """What stands between the parameters."""
    return tuple(sql.split("?"))


def bound(sql: str, values: Iterable[Any]) -> str:
    """
    A statement with its parameters in place.

    @raise TypeError: If there are more or fewer than it has places for, or one is
        of a type that no column takes.
    """
    pieces = _pieces(sql)
    literals = [_LITERALS.get(type(value), _literal)(value) for value in values]
    if len(literals) != len(pieces) - 1:
        raise TypeError(f"{len(literals)} parameters for {len(pieces) - 1} places")
    mixed = [""] * (2 * len(pieces) - 1)
    mixed[::2], mixed[1::2] = pieces, literals
    return "".join(mixed)


class _Cursor(pymysql.cursors.Cursor):
    """Takes statements as the stores write them, with C{?} for parameters."""

    def execute(self, query: Any, args: Any = None) -> int:
        """Run one statement; without parameters it is taken as it is."""
        return int(super().execute(bound(query, args) if args else query))

    def executemany(self, query: str, args: Any) -> int:
        """Run one statement for each row; rows of an INSERT go together."""
        rows = list(args)
        start, values, row = query.partition(" VALUES ")
        if len(rows) > 1 and values and row.endswith(")") and "INSERT" in start:
            return self._insert(start + values, row, rows)
        self.rowcount = sum(self.execute(query, row) for row in rows)
        return self.rowcount

    def _insert(self, start: str, row: str, rows: list[Any]) -> int:
        done, size = 0, len(start)
        texts: list[str] = []
        for values in rows:
            text = bound(row, values)
            if texts and size + len(text) > PACKET:
                done += self.execute(start + ", ".join(texts))
                texts, size = [], len(start)
            texts.append(text)
            size += len(text) + 2
        self.rowcount = done + self.execute(start + ", ".join(texts))
        return self.rowcount


class _ServerConnection(pymysql.connections.Connection):
    """
    One connection.

    @param statement_seconds: How long one statement may take; 0 for ever.
    @param tls: Whether it must be encrypted.
    """

    def __init__(
        self, statement_seconds: float = 0, tls: bool = False, **kwargs: Any
    ) -> None:
        self._statement_seconds = statement_seconds
        self._tls = tls
        super().__init__(**{"cursorclass": _Cursor, **kwargs})

    def connect(self, sock: Any = None) -> None:
        """Connect, and tell the server how patient we are."""
        super().connect(sock)
        limit = self._statement_seconds
        if not limit:
            return
        if "MariaDB" in str(self.get_server_info()):
            self.query(f"SET SESSION max_statement_time = {limit:.3f}")
        else:
            self.query(f"SET SESSION max_execution_time = {int(limit * 1000)}")

    def _request_authentication(self) -> None:
        """Authenticate, but never in clear where TLS was asked for."""
        given: Any = self
        if self._tls and not given.server_capabilities & CLIENT.SSL:
            raise OperationalError(
                CR.CR_SSL_CONNECTION_ERROR, "the server offers no TLS"
            )
        try:
            super()._request_authentication()  # type: ignore[misc]
        except ssl.SSLError as error:  # the driver would tell of no server at all
            code = CR.CR_SSL_CONNECTION_ERROR
            raise OperationalError(code, str(error)) from error


def connect(**arguments: Any) -> Any:
    """A connection (PEP 249)."""
    return _ServerConnection(**arguments)
