"""
The tables once more, as views of a database C{vos3000db}: programs written for
VOS3000 look for them under that name. They exist if an operator asked for them
(C{vos3000 migrate --views}), and then follow the schema and the tables of days.

Who may use a view needs no right on the table behind it.
"""

from __future__ import annotations

from vos3000.db.cursor import Cursor
from vos3000.db.dialects import Dialect
from vos3000.errors import StorageError

SCHEMA = "vos3000db"
"""The database of the views."""

_NOT_SHOWN = frozenset(["alembic_version"])

_OURS = (
    "SELECT table_name FROM information_schema.views WHERE table_schema = ?"
    " AND LOCATE(CONCAT('`', DATABASE(), '`.'), view_definition) > 0"
)


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def present(cursor: Cursor, kind: Dialect) -> bool:
    """Whether there are views of this database."""
    if not kind.other_schemas:
        return False
    cursor.execute(f"{_OURS} LIMIT 1", (SCHEMA,))
    return cursor.fetchone() is not None


def add(cursor: Cursor, kind: Dialect, table: str) -> None:
    """Show a new table too, if others are shown; commits."""
    if present(cursor, kind):
        _show(cursor, _database(cursor), table)


def forget(cursor: Cursor, kind: Dialect, table: str) -> None:
    """Show a table no longer that is gone; commits."""
    if present(cursor, kind):
        cursor.execute(f"DROP VIEW IF EXISTS {SCHEMA}.{_quoted(table)}")


def renew(cursor: Cursor, kind: Dialect) -> int:
    """
    Show every table there is, and nothing that is gone; commits.

    @return: How many are shown.
    @raise StorageError: If this database can have no views.
    """
    if not kind.other_schemas:
        raise StorageError(
            f"views are for a server: this database is the file {kind.place}"
        )
    database = _database(cursor)
    if database == SCHEMA:
        raise StorageError(f"the tables themselves are in {SCHEMA}: no need of views")
    cursor.execute(
        f"CREATE DATABASE IF NOT EXISTS {SCHEMA}"
        " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
    )
    tables = [name for name in kind.tables(cursor, "") if name not in _NOT_SHOWN]
    for table in tables:
        _show(cursor, database, table)
    cursor.execute(_OURS, (SCHEMA,))
    for (name,) in cursor.fetchall():
        if name not in tables:
            cursor.execute(f"DROP VIEW {SCHEMA}.{_quoted(name)}")
    return len(tables)


def _database(cursor: Cursor) -> str:
    cursor.execute("SELECT DATABASE()")
    return str(cursor.fetchone()[0])


def _show(cursor: Cursor, database: str, table: str) -> None:
    cursor.execute(
        f"CREATE OR REPLACE VIEW {SCHEMA}.{_quoted(table)}"
        f" AS SELECT * FROM {_quoted(database)}.{_quoted(table)}"
    )
