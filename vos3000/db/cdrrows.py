"""
A record as a row, and a batch of entries as one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import chain
from operator import attrgetter
from typing import Any, cast

import attrs

from vos3000.db import ids
from vos3000.db.cdrs import AMOUNTS, COLUMN_LIST
from vos3000.db.dialects import Cursor, Sqlite
from vos3000.errors import StorageError
from vos3000.model.accounts import Movement
from vos3000.model.cdr import COLUMNS, Cdr, CdrEntry
from vos3000.model.money import ZERO

TOGETHER = 10
"""
Rows of one statement. SQLite runs a statement without the interpreter's lock:
fewer, longer statements than one a row spare the reactor's thread (and the
writer's) a hand-over of the lock for every row.
"""

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
_STORABLE = frozenset((int, str, bytes, type(None)))
_FLOWNO = COLUMNS.index("flowno")
_ROW = "(" + ", ".join("?" * len(COLUMNS)) + ")"
_INSERT = f"INSERT INTO e_cdr ({COLUMN_LIST}) VALUES "
_INSERT_ONE = _INSERT + _ROW
_INSERT_MANY = _INSERT + ", ".join([_ROW] * TOGETHER)

_values = attrgetter(*COLUMNS)


def to_row(dialect: Sqlite, cdr: Cdr) -> list[Any]:
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


class BatchConflict(StorageError):
    """The numbers of a writer's batches were changed by somebody else."""


@attrs.define(slots=True)
class Batch:
    """
    Entries that are written together.

    @ivar sequence: Its number among the writer's batches; the database keeps
        the number of the last one written.
    @ivar rows: The row of each entry's record; None for an entry without.
    @ivar tried: Whether a commit was tried whose outcome is unknown.
    """

    sequence: int
    entries: Sequence[CdrEntry]
    rows: Sequence[list[Any] | None]
    tried: bool = False

    def movements(self) -> tuple[Movement, ...]:
        """One movement for each account, exactly the sum of its entries'."""
        sums: dict[str, Decimal] = {}
        for entry in self.entries:
            for moved in entry.movements:
                sums[moved.account] = sums.get(moved.account, ZERO) + moved.amount
        return tuple(Movement(account, total) for account, total in sums.items())

    def number(self) -> None:
        """Tell the records the numbers their rows got."""
        for entry, row in zip(self.entries, self.rows, strict=True):
            if entry.cdr is not None and row is not None:
                entry.cdr.flowno = row[_FLOWNO]


def counter(writer: str) -> str:
    """The row of e_othermaxid with the number of a writer's last batch."""
    return f"cdrbatch:{writer}"


def claim(cursor: Cursor, writer: str, batch: Batch) -> bool:
    """
    Take a batch's place; the transaction that follows is its only one.

    @return: Whether it is to be written; False if an earlier commit, whose
        outcome was unknown, had come through.
    @raise BatchConflict: If the number before it is not that of our last batch:
        nothing of this one has been written under it.
    """
    sequence = batch.sequence
    cursor.execute(
        "UPDATE e_othermaxid SET maxid = ? WHERE type = ? AND maxid = ?",
        (sequence, counter(writer), sequence - 1),
    )
    if cursor.rowcount == 1:
        return True
    found = ids.highest(cursor, counter(writer))
    if found == sequence and batch.tried:
        return False
    if found == 0 and sequence == 1:
        ids.take(cursor, counter(writer))
        return True
    raise BatchConflict(
        f"batch {sequence} of CDR writer {writer!r} does not follow {found}"
    )


def claim_again(cursor: Cursor, writer: str, sequence: int) -> bool:
    """
    Take the place of a batch from a spool file, unless it was written.

    The database may be older than the file (restored from a backup).
    """
    found = ids.highest(cursor, counter(writer))
    if found >= sequence:
        return False
    ids.take(cursor, counter(writer), sequence - found)
    return True


def put(cursor: Cursor, dialect: Sqlite, batch: Batch) -> tuple[str, ...]:
    """
    Write the records and move the balances.

    @return: Accounts that do not exist; their movements were left out.
    """
    rows = [row for row in batch.rows if row is not None]
    if rows:
        first = ids.take(cursor, ids.FLOWNO, len(rows))
        for offset, row in enumerate(rows):
            row[_FLOWNO] = first + offset
        whole = len(rows) - len(rows) % TOGETHER
        for begin in range(0, whole, TOGETHER):
            values = chain.from_iterable(rows[begin : begin + TOGETHER])
            cursor.execute(_INSERT_MANY, tuple(values))
        for row in rows[whole:]:
            cursor.execute(_INSERT_ONE, row)
    return _move(cursor, dialect, batch)


def _move(cursor: Cursor, dialect: Sqlite, batch: Batch) -> tuple[str, ...]:
    moved = [(dialect.amount(m.amount), m.account) for m in batch.movements()]
    if not moved:
        return ()
    cursor.executemany(
        "UPDATE e_customer SET money = money + ? WHERE account = ?", moved
    )
    if cursor.rowcount == len(moved):
        return ()
    missing = []
    for _, account in moved:
        cursor.execute("SELECT 1 FROM e_customer WHERE account = ?", (account,))
        if cursor.fetchone() is None:
            missing.append(account)
    return tuple(missing)
