"""
Adding up what a database holds, row by row: counts, checksums, and the ledger.

The same sums are taken while a backup is written and when it was put back; a
difference is damage.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import attrs

from vos3000.db.backup.manifest import Books, TableSum
from vos3000.model.money import to_micros

_SHOWN = 20
"""Accounts that are named when their books do not balance."""

_JOURNAL = "journal:"

_MOVES = {
    "e_payhistory": (("account", "fee", 1, 0),),
    "e_consumption": (("account", "money", -1, 2),),
    "e_cleaned": (("account", "money", 1, 3),),
    "e_cdr": (("customeraccount", "fee", -1, 1), ("agentaccount", "agentfee", -1, 1)),
}
"""
Which columns of a table move whose balance, in which direction, and which sum of
an account that belongs to: payments, records, rents, what was cleaned away.
"""


def _other(value: Any) -> Any:
    """Values that JSON has no word for."""
    if isinstance(value, (bytes, bytearray)):
        return {"x": bytes(value).hex()}
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{type(value).__name__} is of no type that a column has")


_encode = json.JSONEncoder(
    default=_other, separators=(",", ":"), check_circular=False
).encode


def line_of(row: Sequence[Any]) -> bytes:
    """A row as one line of text, the same for the same values."""
    return _encode(list(row)).encode("ascii") + b"\n"


def row_of(line: bytes) -> list[Any]:
    """
    The row of a line.

    @raise ValueError: If it is none.
    """
    row: list[Any] = json.loads(line)
    for place, value in enumerate(row):
        if isinstance(value, dict):
            row[place] = bytes.fromhex(value["x"])
    return row


def _micros(value: Any) -> int:
    """
    An amount of either database, or of a line. What is no amount, because another
    program wrote it, is none: the books do not balance then, which is told.
    """
    if isinstance(value, int):
        return value
    try:
        return to_micros(Decimal(value))
    except (ArithmeticError, TypeError, ValueError):
        return 0


@attrs.define(slots=True)
class _Account:
    balance: int | None = None
    sums: list[int] = attrs.Factory(lambda: [0, 0, 0, 0])


class Tally:
    """
    The sums of a database.

    @ivar tables: Of each table that was taken.
    @ivar journals: Up to where each journal was written.
    @ivar revision: The schema.
    """

    def __init__(self) -> None:
        self.tables: dict[str, TableSum] = {}
        self.journals: dict[str, int] = {}
        self.revision = ""
        self._accounts: dict[str, _Account] = {}

    def take(
        self, table: str, columns: Sequence[str], pages: Iterable[Sequence[Any]]
    ) -> Iterator[bytes]:
        """
        Add up a table, whose lines come out page by page.

        @param pages: Its rows, in the order of their keys, some at a time.
        """
        digest, count = hashlib.sha256(), 0
        for page in pages:
            lines = b"".join(map(line_of, page))
            digest.update(lines)
            count += len(page)
            self._book(table, columns, page)
            yield lines
        self.tables[table] = TableSum(count, digest.hexdigest())

    def books(self) -> Books:
        """The ledger, when every table was taken."""
        digest, wrong = hashlib.sha256(), []
        count = balances = moves = 0
        for name, account in sorted(self._accounts.items()):
            if account.balance is None:
                continue
            moved = sum(account.sums)
            digest.update(line_of((name, account.balance, *account.sums)))
            count, balances, moves = (
                count + 1,
                balances + account.balance,
                moves + moved,
            )
            if moved != account.balance:
                wrong.append(name)
        shown = tuple(wrong[:_SHOWN])
        return Books(count, balances, moves, digest.hexdigest(), shown)

    def _book(self, table: str, columns: Sequence[str], page: Sequence[Any]) -> None:
        if table == "alembic_version":
            self.revision = str(page[0][0])
        elif table == "e_othermaxid":
            self._places(columns, page)
        elif table == "e_customer":
            self._balances(columns, page)
        else:
            name = "e_cdr" if table.startswith("e_cdr_") else table
            for who, what, sign, which in _MOVES.get(name, ()):
                self._moves(page, columns.index(who), columns.index(what), sign, which)

    def _places(self, columns: Sequence[str], page: Sequence[Any]) -> None:
        kind, number = columns.index("type"), columns.index("maxid")
        for row in page:
            if row[kind].startswith(_JOURNAL):
                self.journals[row[kind].removeprefix(_JOURNAL)] = row[number]

    def _balances(self, columns: Sequence[str], page: Sequence[Any]) -> None:
        account, money = columns.index("account"), columns.index("money")
        for row in page:
            self._of(row[account]).balance = _micros(row[money])

    def _moves(
        self, page: Sequence[Any], who: int, what: int, sign: int, which: int
    ) -> None:
        for row in page:
            if row[what] and row[who]:
                self._of(row[who]).sums[which] += sign * _micros(row[what])

    def _of(self, account: str) -> _Account:
        found = self._accounts.get(account)
        if found is None:
            found = self._accounts[account] = _Account()
        return found
