"""
Numbers handed out by e_othermaxid.

One sequence serves all object tables, so that an object's number says which
object it is whatever its kind; records have a sequence of their own. A number
is never handed out twice, not even after its object was deleted.
"""

from __future__ import annotations

from vos3000.db.cursor import Cursor

OBJECT = "object"
"""Objects of every kind."""

_OBJECTS = (
    "e_customer",
    "e_feerate",
    "e_feerategroup",
    "e_gatewaymapping",
    "e_gatewayrouting",
    "e_limit_e164_group",
    "e_payhistory",
    "e_phone",
    "e_web_access_control",
)
_HIGHEST_OBJECT = "SELECT MAX(id) FROM ({}) AS highest".format(
    " UNION ALL ".join(f"SELECT MAX(id) AS id FROM {table}" for table in _OBJECTS)
)

FLOWNO = "flowno"
"""Records: rises in the order of commits, over e_cdr and all day tables."""


def take(cursor: Cursor, kind: str, count: int = 1) -> int:
    """
    The first of C{count} fresh numbers in a row.

    The transaction holds the sequence until it ends, which is what makes the
    numbers rise in the order of commits.
    """
    cursor.execute(
        "UPDATE e_othermaxid SET maxid = maxid + ? WHERE type = ?", (count, kind)
    )
    if cursor.rowcount == 0:
        cursor.execute(
            "INSERT INTO e_othermaxid (type, maxid) VALUES (?, ?)", (kind, count)
        )
    first = highest(cursor, kind) - count + 1
    return _beyond(cursor, first, count) if kind == OBJECT else first


def _beyond(cursor: Cursor, first: int, count: int) -> int:
    """Step over numbers that other programs took by MAX(id) + 1."""
    cursor.execute(_HIGHEST_OBJECT)
    used = int(cursor.fetchone()[0] or 0)
    if used < first:
        return first
    cursor.execute(
        "UPDATE e_othermaxid SET maxid = ? WHERE type = ?", (used + count, OBJECT)
    )
    return used + 1


def fresh(cursor: Cursor, table: str, count: int = 1) -> int:
    """
    The first of C{count} fresh numbers for rows of a table of objects.

    Other programs give their rows C{MAX(id) + 1} and do not tell: numbers go on
    behind theirs.
    """
    first = take(cursor, OBJECT, count)
    cursor.execute(f"SELECT MAX(id) FROM {table}")
    (used,) = cursor.fetchone()
    if used is None or used < first:
        return first
    behind = int(used) + 1 - first
    return take(cursor, OBJECT, behind) + behind - count


def highest(cursor: Cursor, kind: str) -> int:
    """The last number handed out; 0 for none."""
    cursor.execute("SELECT maxid FROM e_othermaxid WHERE type = ?", (kind,))
    row = cursor.fetchone()
    return 0 if row is None else int(row[0])


def forget(cursor: Cursor, kind: str) -> None:
    """Remove a sequence that nobody will ask for again."""
    cursor.execute("DELETE FROM e_othermaxid WHERE type = ?", (kind,))
