"""
The database that is taken over: read, never written.

What tables and columns it has is asked of C{information_schema}. Values travel as
the bytes that are stored, so that no conversion of the server's stands between a
column and what becomes of it: a DOUBLE arrives as the decimal text the server
prints, a name in the character set of its column.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import pymysql
from pymysql import converters

from vos3000.db import mariadriver
from vos3000.db.mariadb import MariaDb
from vos3000.db.vos.findings import Finding
from vos3000.errors import ConfigError, StorageError

ANSWER_SECONDS = 3600
"""How long one statement may take: counting a table of MyISAM's is quick, adding
up the records of a day is not."""

PAGE = 2000
"""Rows that are read at once."""

Value = str | bytes | None
"""A value of a row: text, or bytes of a column that is none."""

Row = Mapping[str, Value]
"""A row, by column in lower case."""

_CODECS = {
    "ascii": "ascii",
    "big5": "big5hkscs",
    "cp1250": "cp1250",
    "cp1251": "cp1251",
    "cp1256": "cp1256",
    "euckr": "cp949",
    "gb18030": "gb18030",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "greek": "iso8859-7",
    "koi8r": "koi8-r",
    "latin1": "cp1252",
    "latin2": "iso8859-2",
    "latin5": "iso8859-9",
    "sjis": "cp932",
    "cp932": "cp932",
    "tis620": "cp874",
    "ucs2": "utf-16-be",
    "ujis": "euc-jp",
    "utf16": "utf-16-be",
    "utf32": "utf-32-be",
    "utf8": "utf-8",
    "utf8mb3": "utf-8",
    "utf8mb4": "utf-8",
}
"""Python's codec of each of the server's character sets."""

_BYTES = frozenset(
    ["bit", "blob", "tinyblob", "mediumblob", "longblob", "binary", "varbinary"]
)
_WHOLE = frozenset(["tinyint", "smallint", "mediumint", "int", "bigint", "bit"])
_SYNTAX = 1064


@attrs.frozen(slots=True)
class Column:
    """
    A column as C{information_schema} knows it.

    @ivar kind: Its type without length, such as C{varchar}.
    @ivar charset: The character set of its texts; empty for none.
    @ivar unique: Whether no two rows have the same value, as an index says.
    """

    name: str
    kind: str
    charset: str = ""
    unique: bool = False

    @property
    def key(self) -> bool:
        """Whether rows can be read page by page in its order."""
        return self.unique and self.whole

    @property
    def whole(self) -> bool:
        """Whether it holds whole numbers."""
        return self.kind in _WHOLE


def quoted(name: str) -> str:
    """A name of the source's in a statement."""
    return "`" + name.replace("`", "``") + "`"


class Source:
    """
    An open database of a VOS3000.

    @ivar name: The database's name.
    @ivar place: What an operator knows it by; no secret in it.
    @ivar read_only: Whether the server itself refuses writes of ours; one older
        than MySQL 5.6 cannot be told to.
    @ivar tables: Its tables, by name in lower case, with their columns.
    @ivar guessed: Texts that were not in their column's character set, by table
        and column.
    @param url: C{mysql://user:password@host:port/database}, with the options of
        C{[database] url}.
    @param encoding: What texts are in whose column says C{latin1}; empty to look.
    @raise ConfigError: If the URL says something else.
    @raise StorageError: If it cannot be opened.
    """

    def __init__(self, url: str, encoding: str = "") -> None:
        if url.partition("://")[0] != "mysql":
            raise ConfigError([f"{_shown(url)} is not mysql://user:password@host/name"])
        kind = MariaDb(url)
        self.place = kind.place
        self._errors = kind.errors
        self._encoding = encoding
        self.guessed: dict[tuple[str, str], Finding] = {}
        try:
            self._open(kind)
            self.tables = self._discover()
        except kind.errors as error:
            raise StorageError(_told(self.place, error)) from error

    def _open(self, kind: MariaDb) -> None:
        arguments = {
            **kind.arguments(),
            "charset": "utf8",
            "use_unicode": False,
            "conv": converters.encoders,
            "init_command": None,
            "cursorclass": pymysql.cursors.Cursor,
            "read_timeout": ANSWER_SECONDS,
            "statement_seconds": 0,
        }
        self.name = str(arguments["database"])
        self._connection = mariadriver.connect(**arguments)
        self._cursor = self._connection.cursor()
        self._cursor.execute("SET character_set_results = NULL")
        self.read_only = True
        try:
            self._cursor.execute(
                "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
            )
        except pymysql.err.ProgrammingError as error:
            if error.args[0] != _SYNTAX:
                raise
            self._cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
            self.read_only = False

    def close(self) -> None:
        """Close the connection; nothing was changed."""
        self._connection.close()

    def _discover(self) -> dict[str, dict[str, Column]]:
        found: dict[str, dict[str, Column]] = {}
        self._names: dict[str, str] = {}
        self._cursor.execute(
            "SELECT table_name, MIN(column_name) FROM information_schema.statistics"
            " WHERE table_schema = DATABASE() AND non_unique = 0"
            " GROUP BY table_name, index_name HAVING COUNT(*) = 1"
        )
        unique = {(_ascii(t), _ascii(c)) for t, c in self._cursor.fetchall()}
        self._cursor.execute(
            "SELECT c.table_name, c.column_name, c.data_type, c.character_set_name"
            " FROM information_schema.columns c JOIN information_schema.tables t"
            " ON t.table_schema = c.table_schema AND t.table_name = c.table_name"
            " WHERE c.table_schema = DATABASE() AND t.table_type = 'BASE TABLE'"
            " ORDER BY c.table_name, c.ordinal_position"
        )
        for row in self._cursor.fetchall():
            table, column, kind, charset = (_ascii(value) for value in row)
            self._names[table.lower()] = table
            once = (table, column) in unique
            made = Column(column, kind.lower(), charset.lower(), once)
            found.setdefault(table.lower(), {})[column.lower()] = made
        return found

    def has(self, *names: str) -> str:
        """The first of these tables that is there; empty for none."""
        return next((name for name in names if name in self.tables), "")

    def sql_name(self, table: str) -> str:
        """A table in a statement."""
        return quoted(self._names[table])

    def ask(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """
        What a query answers, as bytes.

        @raise StorageError: If the server refuses.
        """
        try:
            self._cursor.execute(sql, tuple(values))
            return list(self._cursor.fetchall())
        except self._errors as error:
            raise StorageError(_told(self.place, error)) from error

    def count(self, table: str) -> int:
        """How many rows a table has."""
        return int(self.ask(f"SELECT COUNT(*) FROM {self.sql_name(table)}")[0][0])

    def highest(self, table: str, column: str) -> int:
        """The highest number in a column; 0 for none."""
        name = quoted(self.tables[table][column].name)
        value = self.ask(f"SELECT MAX({name}) FROM {self.sql_name(table)}")[0][0]
        return int(value or 0)

    def page(
        self, table: str, key: str, after: int | None, size: int = PAGE
    ) -> list[Row]:
        """
        Rows in the order of a whole number.

        @param after: The key of the last row that was had; None for the newest
            rows, the last one first.
        """
        name = quoted(self.tables[table][key].name)
        where = f"WHERE {name} > %s ORDER BY {name}"
        if after is None:
            where = f"WHERE {name} > %s ORDER BY {name} DESC"
        return self._rows(
            table, f" {where} LIMIT {size}", (-1 if after is None else after,)
        )

    def rows(self, table: str) -> Iterator[Row]:
        """Every row, in pages if the table has a C{id} that is its key."""
        column = self.tables[table].get("id")
        if column is None or not column.key:
            yield from self._rows(table, "", ())
            return
        after = -1
        while page := self.page(table, "id", after):
            yield from page
            after = max(int(row["id"] or 0) for row in page)

    def _rows(self, table: str, rest: str, values: Sequence[Any]) -> list[Row]:
        columns = self.tables[table]
        names = ", ".join(quoted(column.name) for column in columns.values())
        found = self.ask(f"SELECT {names} FROM {self.sql_name(table)}{rest}", values)
        readers = [(key, column) for key, column in columns.items()]
        return [
            {
                key: value if value is None else self._read(table, column, value)
                for (key, column), value in zip(readers, row, strict=True)
            }
            for row in found
        ]

    def _read(self, table: str, column: Column, value: bytes) -> Value:
        if column.kind in _BYTES:
            return value
        if value.isascii() and not column.charset.startswith(("ucs", "utf16", "utf32")):
            return value.decode("ascii")
        return self._text(table, column, value)

    def _text(self, table: str, column: Column, value: bytes) -> str:
        """A text with signs beyond ASCII, in whatever set it is."""
        codec = _CODECS.get(column.charset, "")
        tries = [codec] if codec else []
        if column.charset in ("latin1", ""):
            # what was written through a connection of the same wrong set
            tries = [self._encoding or "utf-8", *tries]
        for place, name in enumerate(tries):
            try:
                text = value.decode(name)
            except UnicodeDecodeError:
                continue
            if name != codec or place:
                self._guess(table, column, f"is {name}: {text}")
            return text
        text = value.decode(tries[-1] if tries else "utf-8", "replace")
        self._guess(table, column, f"broken: {text}")
        return text

    def _guess(self, table: str, column: Column, example: str) -> None:
        key = (table, column.name)
        self.guessed.setdefault(key, Finding()).add(example)


def _told(place: str, error: BaseException) -> str:
    reason = error.args[-1] if error.args else error
    return f"the VOS3000 in the database {place} cannot be read: {_ascii(reason)}"


def _ascii(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value or "")


def _shown(url: str) -> str:
    """A URL without its password."""
    before, at, after = url.rpartition("@")
    return f"{before.partition('://')[0]}://...@{after}" if at else url
