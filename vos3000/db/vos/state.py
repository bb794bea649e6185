"""
How far an import is: kept in the target, in the transactions that do the work.
"""

from __future__ import annotations

import attrs

from vos3000.db import ids
from vos3000.db.cursor import Cursor
from vos3000.db.dialects import Dialect
from vos3000.db.vos.numbers import reach
from vos3000.errors import StorageError

_BEGUN = "import:begun:"
_FINISHED = "import:finished"
_PLACE = "import:at:"
_ROWS = "import:rows:"
_EMPTY = (
    *("e_customer", "e_gatewaymapping", "e_gatewayrouting", "e_phone"),
    *("e_feerategroup", "e_limit_e164_group", "e_payhistory", "e_consumption"),
    "e_cdr",
)


def _set(cursor: Cursor, kind: str, value: int) -> None:
    cursor.execute("DELETE FROM e_othermaxid WHERE type = ?", (kind,))
    cursor.execute(
        "INSERT INTO e_othermaxid (type, maxid) VALUES (?, ?)", (kind, value)
    )


def _begun(cursor: Cursor) -> str:
    """The name of the source whose import was begun; empty for none."""
    cursor.execute("SELECT type FROM e_othermaxid WHERE type LIKE ?", (f"{_BEGUN}%",))
    row = cursor.fetchone()
    return "" if row is None else str(row[0]).removeprefix(_BEGUN)


def begin(cursor: Cursor, dialect: Dialect, name: str, when_ms: int) -> bool:
    """
    Begin an import, or go on with one.

    @param name: The name of the source's database.
    @return: Whether it goes on.
    @raise StorageError: If the target holds anything else, or was taken over.
    """
    finished = ids.highest(cursor, _FINISHED)
    if finished:
        raise StorageError(
            "this database has taken over a VOS3000 already: to do it again begin with"
            " an empty one"
        )
    begun = _begun(cursor)
    name = name[:100]
    if begun and begun != name:
        raise StorageError(
            f"an import of the database {begun} is under way here, not of {name}"
        )
    if begun:
        return True
    for table in (*_EMPTY, *dialect.tables(cursor, "e_cdr_")):
        cursor.execute(f"SELECT COUNT(*) FROM {table}")
        (count,) = cursor.fetchone()
        if count:
            raise StorageError(
                f"this database is in use, {table} has {count} rows: an import needs"
                " an empty one"
            )
    _set(cursor, f"{_BEGUN}{name}", when_ms)
    return False


def finish(cursor: Cursor, when_ms: int) -> None:
    """The import is complete; what it kept of its way is removed."""
    cursor.execute("DELETE FROM e_othermaxid WHERE type LIKE ?", (f"{_PLACE}%",))
    cursor.execute("DELETE FROM e_othermaxid WHERE type LIKE ?", (f"{_ROWS}%",))
    _set(cursor, _FINISHED, when_ms)


def unfinished(cursor: Cursor) -> str:
    """The name of the source of an import that is under way; empty for none."""
    return "" if ids.highest(cursor, _FINISHED) else _begun(cursor)


@attrs.frozen(slots=True)
class Place:
    """
    How far a table of the source was carried.

    @ivar after: The key of its last row that was handled.
    @ivar rows: How many were.
    """

    after: int = -1
    rows: int = 0

    @classmethod
    def of(cls, cursor: Cursor, table: str) -> Place:
        """The place in a table; before its first row for none."""
        rows = ids.highest(cursor, _ROWS + table)
        return cls(ids.highest(cursor, _PLACE + table) if rows else -1, rows)

    def put(self, cursor: Cursor, table: str) -> None:
        """Keep it, in the transaction that wrote what it tells of."""
        _set(cursor, _PLACE + table, self.after)
        _set(cursor, _ROWS + table, self.rows)


def numbered(cursor: Cursor, highest: int) -> None:
    """Records go on above the numbers of the source."""
    reach(cursor, ids.FLOWNO, highest)
