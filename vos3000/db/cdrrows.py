"""
A record as a row, and a batch of entries as one transaction.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Sequence
from decimal import Decimal
from operator import attrgetter
from typing import Any, cast

import attrs

from vos3000.db import ids
from vos3000.db.cdrs import COLUMN_LIST
from vos3000.db.cursor import Cursor
from vos3000.db.days import ROLLING, day_of, day_tables
from vos3000.db.dialects import Dialect
from vos3000.errors import StorageError
from vos3000.model.accounts import Movement
from vos3000.model.cdr import AMOUNTS, COLUMNS, Cdr, CdrEntry
from vos3000.model.money import ZERO

_DAY = 86_400_000
_PAGE = 10_000
_FIELDS = attrs.fields(Cdr)
_WIDE = frozenset(
    [
        "customeraccount",
        "customername",
        "agentaccount",
        "agentname",
        "calleroriginalinfo",
    ]
)
_TEXTS = tuple(
    (index, 255 if field.name in _WIDE else 64)
    for index, field in enumerate(cast("tuple[attrs.Attribute[Any], ...]", _FIELDS))
    if field.default == "" and field.name != "dynamicValue"
)
_STORABLE = frozenset((int, str, bytes, Decimal, type(None)))
_FLOWNO = COLUMNS.index("flowno")
_MARKS = "(" + ", ".join("?" * len(COLUMNS)) + ")"
_INSERT = f"INSERT INTO e_cdr ({COLUMN_LIST})"

_values = attrgetter(*COLUMNS)


def to_row(dialect: Dialect, cdr: Cdr) -> list[Any]:
    """
    A record as the values of its row.

    Texts come from the network: they are cut to the column's length, and
    bytes that were no UTF-8 become replacement characters, because a text the
    database refuses would hold up every record behind it.

    @raise ArithmeticError: If an amount has more than six digits.
    @raise TypeError: If a value is of a type that no column takes.
    """
    row = list(_values(cdr))
    for index in AMOUNTS:
        amount = row[index]
        row[index] = dialect.amount(amount) if amount else 0
    for index, length in _TEXTS:
        text = row[index]
        if len(text) > length or not text.isascii():
            readable = text.encode("utf-8", "surrogateescape")
            row[index] = readable.decode("utf-8", "replace")[:length]
    if not _STORABLE.issuperset(map(type, row)):
        row = [_storable(name, v) for name, v in zip(COLUMNS, row, strict=True)]
    return row


def _storable(name: str, value: Any) -> Any:
    """A value of a type that drivers take as it is."""
    if type(value) in _STORABLE:
        return value
    if isinstance(value, int):
        return int(value)
    raise TypeError(f"{name}: {value!r} is of no type that a column takes")


class PositionConflict(StorageError):
    """
    The database's place in the journal is none where our last batch ended.

    @ivar found: Where it is.
    """

    def __init__(self, name: str, after: int, found: int) -> None:
        super().__init__(
            f"the database is at entry {found} of the journal {name}, not at {after}:"
            " was a backup put back?"
        )
        self.found = found


@attrs.frozen(slots=True)
class Held:
    """
    An entry that waits to be written.

    @ivar number: Its number in the journal.
    @ivar row: The row of its record; None without one.
    """

    number: int
    entry: CdrEntry
    row: list[Any] | None


@attrs.frozen(slots=True)
class Batch:
    """
    Entries that are written together.

    @ivar after: The number of the last entry before them.
    """

    after: int
    held: Sequence[Held]

    @property
    def last(self) -> int:
        """The number of its last entry."""
        return self.held[-1].number

    def movements(self) -> tuple[Movement, ...]:
        """One movement for each account, exactly the sum of its entries'."""
        sums: dict[str, Decimal] = {}
        for held in self.held:
            for moved in held.entry.movements:
                sums[moved.account] = sums.get(moved.account, ZERO) + moved.amount
        return tuple(Movement(account, total) for account, total in sums.items())

    def number(self) -> None:
        """Tell the records the numbers their rows got."""
        for held in self.held:
            if held.entry.cdr is not None and held.row is not None:
                held.entry.cdr.flowno = held.row[_FLOWNO]


def _sequence(name: str) -> str:
    """The row of e_othermaxid that says how far a journal was written."""
    return f"journal:{name}"


def position(cursor: Cursor, name: str) -> int:
    """How far the database has written a journal: the number of an entry."""
    return ids.highest(cursor, _sequence(name))


def recorded(
    cursor: Cursor, dialect: Dialect, calls: Collection[int], since: int
) -> frozenset[int]:
    """
    Which calls have a record.

    @param since: None of them can have one that ended before it; UTC ms.
    """
    first = day_of(since - _DAY, datetime.UTC).table
    found: set[int] = set()
    for table in [*day_tables(cursor, dialect), ROLLING]:
        if table == ROLLING or table >= first:
            cursor.execute(
                f"SELECT softswitchcallid FROM {table} WHERE stoptime >= ?", (since,)
            )
            while rows := cursor.fetchmany(_PAGE):
                found.update(number for (number,) in rows if number in calls)
    return frozenset(found)


def claim(cursor: Cursor, name: str, batch: Batch) -> bool:
    """
    Move the database's place in the journal over a batch; the transaction that
    does is the only one that writes it.

    @return: Whether it is to be written; False if an earlier commit, whose
        outcome was unknown, had come through.
    @raise PositionConflict: If the database is somewhere else.
    """
    cursor.execute(
        "UPDATE e_othermaxid SET maxid = ? WHERE type = ? AND maxid = ?",
        (batch.last, _sequence(name), batch.after),
    )
    if cursor.rowcount == 1:
        return True
    found = position(cursor, name)
    if found == batch.last:
        return False
    if found == batch.after == 0:
        ids.take(cursor, _sequence(name), batch.last)
        return True
    raise PositionConflict(name, batch.after, found)


def put(cursor: Cursor, dialect: Dialect, batch: Batch) -> tuple[str, ...]:
    """
    Write the records and move the balances.

    @return: Accounts that do not exist; their movements were left out.
    """
    rows = [held.row for held in batch.held if held.row is not None]
    if rows:
        first = ids.take(cursor, ids.FLOWNO, len(rows))
        for offset, row in enumerate(rows):
            row[_FLOWNO] = first + offset
        dialect.insert(cursor, _INSERT, _MARKS, rows)
    return _move(cursor, dialect, batch)


def _move(cursor: Cursor, dialect: Dialect, batch: Batch) -> tuple[str, ...]:
    moved = [(m.account, m.amount) for m in batch.movements()]
    if not moved or dialect.add_to_balances(cursor, moved) == len(moved):
        return ()
    missing = []
    for account, _ in moved:
        cursor.execute("SELECT 1 FROM e_customer WHERE account = ?", (account,))
        if cursor.fetchone() is None:
            missing.append(account)
    return tuple(missing)
