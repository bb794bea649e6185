"""
Records: e_cdr and its day tables, with every layout they have had.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from decimal import Decimal
from typing import Any

import attrs

from vos3000.db.cdrrows import to_row
from vos3000.db.cdrs import COLUMN_LIST
from vos3000.db.cursor import Cursor
from vos3000.db.days import ROLLING, day_of
from vos3000.db.dialects import Dialect
from vos3000.db.vos.findings import Finding, Report, TableReport
from vos3000.db.vos.source import Column, Row, Source
from vos3000.db.vos.values import (
    LARGEST,
    LARGEST_LONG,
    decimal,
    moment,
    number,
    shown,
    text,
)
from vos3000.model.cdr import COLUMNS, Cdr
from vos3000.model.money import AMOUNT_DIGITS, ZERO, plain

KEY = "flowno"

_DAY = re.compile(r"e_cdr_(\d{8})")

_OLD: dict[str, tuple[str, ...]] = {
    "callerpdd": ("pdd",),
    "callerareacode": ("feeprefix",),
    "calleeareacode": ("agentfeeprefix",),
    "billingtype": ("calleebilling",),
    "softswitchname": ("softswitchdn",),
    "callergatewayid": ("callergatewayh323id",),
    "calleegatewayid": ("calleegatewayh323id",),
    "starttime": ("start",),
    "stoptime": ("stop",),
}
"""What older releases called a column."""

_MOMENTS = frozenset(("starttime", "stoptime", "recordstarttime"))
_LONG = frozenset((KEY, "softswitchcallid", "flownofirst"))
_DEFAULTS = attrs.asdict(Cdr())
_LENGTHS = {
    **dict.fromkeys(COLUMNS, 64),
    **dict.fromkeys(
        (
            *("customeraccount", "customername", "agentaccount", "agentname"),
            "calleroriginalinfo",
        ),
        255,
    ),
}
_LATEST = 4_102_444_800_000
"""2100, UTC ms: what is later is no moment."""

_MARKS = ", ".join("?" * len(COLUMNS))


def tables(source: Source) -> list[str]:
    """The tables with records, oldest day first, the rolling one last."""
    days = sorted(name for name in source.tables if _DAY.fullmatch(name))
    return [*days, *([ROLLING] if ROLLING in source.tables else [])]


def day_text(table: str) -> str:
    """The day of a table as C{YYYYMMDD}; empty for the rolling one."""
    match = _DAY.fullmatch(table)
    return match[1] if match else ""


@attrs.frozen(slots=True)
class _Place:
    """Where the value of one of our columns stands in the source."""

    name: str
    column: str
    kind: str


def _kind(name: str) -> str:
    default = _DEFAULTS[name]
    if name in _MOMENTS:
        return "moment"
    if isinstance(default, Decimal):
        return "amount"
    if isinstance(default, int):
        return "long" if name in _LONG else "int"
    if name == "additional":
        return "bytes"
    return "text"


@attrs.frozen(slots=True)
class Layout:
    """
    What one table of records has of our columns.

    @ivar lacking: Our columns that it has no value for.
    @ivar left: Its columns that we have no place for.
    """

    table: str
    places: tuple[_Place, ...]
    lacking: tuple[str, ...]
    left: tuple[str, ...]

    @classmethod
    def of(cls, table: str, columns: Mapping[str, Column]) -> Layout:
        """The layout of a table."""
        places, lacking = [], []
        for name in COLUMNS:
            names = (name.lower(), *_OLD.get(name, ()))
            column = next((each for each in names if each in columns), "")
            if column:
                places.append(_Place(name, column, _kind(name)))
            else:
                lacking.append(name)
        used = {place.column for place in places}
        return cls(
            table,
            tuple(places),
            tuple(lacking),
            tuple(each for each in columns if each not in used),
        )


@attrs.frozen(slots=True)
class RecordReader:
    """
    Makes records of the rows of one table.

    @ivar zone: What the DATETIME columns of old releases are in.
    """

    layout: Layout
    report: TableReport
    zone: tzinfo

    @classmethod
    def of(
        cls, source: Source, report: Report, table: str, zone: tzinfo
    ) -> RecordReader:
        """The reader of a table; tells how its layout differs from ours."""
        layout = Layout.of(table, source.tables[table])
        told = report.table(table)
        told.into = f"{ROLLING}_YYYYMMDD"
        told.rows = source.count(table)
        for place in layout.places:
            if place.column != place.name.lower():
                told.change(f"{place.column}: becomes {place.name}", "")
        return cls(layout, told, zone)

    def records(self, rows: Iterable[Row]) -> list[Cdr]:
        """The records of those rows that can be carried."""
        found = []
        for row in rows:
            self.report.read += 1
            label = f"flowno {text(row.get(KEY))}"
            for column in self.layout.left:
                self._left(column, row)
            try:
                record = self._record(row, label)
            except ValueError as error:
                self.report.refuse(str(error), label)
                continue
            self.report.carried += 1
            found.append(record)
        return found

    def _left(self, column: str, row: Row) -> None:
        given = text(row[column])
        if given in ("", "0", "-1"):
            return
        from_rows = self.report.left.setdefault(column, Finding())
        from_rows.add(shown(given))

    def _record(self, row: Row, label: str) -> Cdr:
        values: dict[str, Any] = {}
        for place in self.layout.places:
            given = row[place.column]
            if given is None:
                continue
            if place.kind == "text":
                values[place.name] = self._text(place, text(given), label)
            elif place.kind == "amount":
                values[place.name] = self._amount(place, given, label)
            elif place.kind == "bytes":
                values[place.name] = (
                    given if isinstance(given, bytes) else given.encode()
                )
            else:
                values[place.name] = self._number(place, given, label)
        record = Cdr(**values)
        if record.flowno <= 0:
            raise ValueError("it has no flowno")
        if record.stoptime <= 0:
            raise ValueError("the call was running: it has no stoptime")
        if record.starttime <= 0:
            record.starttime = record.stoptime
        if max(record.starttime, record.stoptime) >= _LATEST:
            raise ValueError("its time is out of bounds")
        return record

    def _text(self, place: _Place, given: str, label: str) -> str:
        longest = _LENGTHS[place.name]
        if len(given) > longest and place.name != "dynamicValue":
            self.report.change(f"{place.column}: cut to {longest} characters", label)
        return given.replace("\0", "")

    def _amount(self, place: _Place, given: Any, label: str) -> Decimal:
        kept, moved = decimal(given, AMOUNT_DIGITS)
        if moved:
            example = f"{label}: {text(given)} is {plain(kept)}"
            self.report.rounded(place.column, AMOUNT_DIGITS, moved, example)
        return kept

    def _number(self, place: _Place, given: Any, label: str) -> int:
        try:
            if place.kind == "moment":
                return moment(given, self.zone)
            return number(given, LARGEST_LONG if place.kind == "long" else LARGEST)
        except ValueError as error:
            if place.name in (KEY, "starttime", "stoptime"):
                raise ValueError(f"{place.column}: {error}") from None
            default: int = _DEFAULTS[place.name]
            self.report.change(
                f"{place.column}: no number of ours, {default} instead",
                f"{label}: {shown(text(given))}",
            )
            return default


def days_of(records: Iterable[Cdr], zone: tzinfo) -> dict[str, list[Cdr]]:
    """Records by the table of the day that they belong to here."""
    found: dict[str, list[Cdr]] = {}
    for record in records:
        found.setdefault(day_of(record.starttime, zone).table, []).append(record)
    return found


def write(cursor: Cursor, dialect: Dialect, days: Mapping[str, Sequence[Cdr]]) -> int:
    """
    Write records, under the numbers they have, and charge their accounts. Those
    that are there already are left alone.

    @return: How many were written.
    """
    fresh: list[Cdr] = []
    for table, records in days.items():
        there = _there(cursor, table, records)
        new = [record for record in records if record.flowno not in there]
        if new:
            cursor.executemany(
                f"INSERT INTO {table} ({COLUMN_LIST}) VALUES ({_MARKS})",
                [to_row(dialect, record) for record in new],
            )
        fresh += new
    charges: dict[str, Decimal] = {}
    for record in fresh:
        for account, amount in (
            (record.customeraccount, record.fee),
            (record.agentaccount, record.agentfee),
        ):
            if amount:
                charges[account] = charges.get(account, ZERO) + amount
    move(cursor, dialect, {account: -charge for account, charge in charges.items()})
    return len(fresh)


def move(cursor: Cursor, dialect: Dialect, amounts: Mapping[str, Decimal]) -> None:
    """Move balances; accounts that are not there have none."""
    moved = [(dialect.amount(value), key) for key, value in amounts.items() if value]
    if moved:
        cursor.executemany(
            "UPDATE e_customer SET money = money + ? WHERE account = ?", moved
        )


def _there(cursor: Cursor, table: str, records: Sequence[Cdr]) -> set[int]:
    numbers = [record.flowno for record in records]
    cursor.execute(
        f"SELECT flowno FROM {table} WHERE flowno BETWEEN ? AND ?",
        (min(numbers), max(numbers)),
    )
    return {found for (found,) in cursor.fetchall()}


def make(cursor: Cursor, dialect: Dialect, names: Iterable[str]) -> None:
    """Make tables of days; not in a transaction that does anything else."""
    for name in names:
        dialect.create_like(cursor, name, ROLLING)
