"""
From what a column of the source holds to a value of ours.

The layouts of VOS3000 differ from release to release: a table is asked for a value
under every name it is known to have had.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, tzinfo
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

import attrs

from vos3000.db.vos.findings import Finding, TableReport
from vos3000.db.vos.source import Column, Row, Source, Value, quoted
from vos3000.model.money import AMOUNT_DIGITS, BALANCE_LIMIT, ZERO, plain

LARGEST = (1 << 31) - 1
LARGEST_LONG = (1 << 63) - 1

_YES = frozenset(("1", "true", "on", "yes", "y", "t"))
_NO = frozenset(("0", "false", "off", "no", "n", "f", ""))


def text(value: Value) -> str:
    """Any value as a text; nothing is an empty one."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value or ""


def number(value: Value, largest: int = LARGEST) -> int:
    """
    A whole number.

    @raise ValueError: If it is none, or passes C{largest}.
    """
    if isinstance(value, bytes):  # BIT
        found = int.from_bytes(value, "big")
    else:
        try:
            exact = Decimal((value or "0").strip() or "0")
            found = int(exact)
        except (InvalidOperation, ValueError, OverflowError):
            raise ValueError(f"{value!r} is no number") from None
        if exact != found:
            raise ValueError(f"{value} is no whole number")
    if not -largest - 1 <= found <= largest:
        raise ValueError(f"{found} is too large")
    return found


def flag(value: Value) -> bool:
    """
    A switch.

    @raise ValueError: If it is none.
    """
    if isinstance(value, bytes):
        return any(value)
    word = (value or "").strip().lower()
    if word in _YES or word in _NO:
        return word in _YES
    return number(value) != 0


def decimal(value: Value, digits: int) -> tuple[Decimal, Decimal]:
    """
    An amount or price, rounded half up to C{digits}, and what that added to it.

    @raise ValueError: If it is no number, or beyond all bounds.
    """
    try:
        exact = Decimal((text(value) or "0").strip() or "0")
    except InvalidOperation:
        raise ValueError(f"{value!r} is no number") from None
    if not exact.is_finite() or abs(exact) >= BALANCE_LIMIT:
        raise ValueError(f"{text(value)} is out of bounds")
    kept = exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return kept, kept - exact


def moment(value: Value, zone: tzinfo) -> int:
    """
    UTC milliseconds: of a number that is that, or of a DATETIME in C{zone}.

    @raise ValueError: If it is neither.
    """
    given = text(value).strip()
    if "-" not in given.removeprefix("-"):
        return number(given, LARGEST_LONG)
    if given.startswith("0000"):
        return 0
    when = datetime.fromisoformat(given)
    if when.tzinfo is None:
        when = when.replace(tzinfo=zone)
    seconds = when.astimezone(UTC).replace(microsecond=0).timestamp()
    return int(seconds) * 1000 + when.microsecond // 1000


@attrs.define(slots=True)
class Table:
    """
    A table of the source, and which of its columns are made use of.

    @ivar columns: By name in lower case.
    @ivar used: Those that were asked for.
    """

    source: Source
    name: str
    report: TableReport
    columns: dict[str, Column]
    used: set[str] = attrs.field(factory=set)
    _found: dict[tuple[str, ...], str] = attrs.field(factory=dict)

    def find(self, names: tuple[str, ...]) -> str:
        """The first of these columns that is there; empty for none."""
        found = self._found.get(names)
        if found is None:
            found = next((name for name in names if name in self.columns), "")
            self._found[names] = found
            if found:
                self.used.add(found)
        return found

    def tell_left(self) -> None:
        """Report the columns that hold values nobody asked for."""
        left = [column for key, column in self.columns.items() if key not in self.used]
        for column in left:
            name = quoted(column.name)
            where = f"{name} IS NOT NULL"
            if column.whole or column.kind in ("double", "float", "decimal"):
                where += f" AND {name} <> 0"
            elif column.kind.endswith(("char", "text")):
                where += f" AND {name} <> ''"
            self._tell(column, f"FROM {self.source.sql_name(self.name)} WHERE {where}")

    def _tell(self, column: Column, rest: str) -> None:
        ((count,),) = self.source.ask(f"SELECT COUNT(*) {rest}")
        if not int(count):
            return
        finding = self.report.left.setdefault(column.name, Finding())
        finding.count = int(count)
        if _secret(column.name):
            return
        for (value,) in self.source.ask(
            f"SELECT DISTINCT {quoted(column.name)} {rest} LIMIT 3"
        ):
            finding.examples.append(shown(text(value)))


@attrs.frozen(slots=True)
class Known:
    """
    Objects that others may name.

    @ivar by_number: The visible key of each, by its number in the source.
    """

    by_number: Mapping[str, str]
    keys: frozenset[str] = attrs.field(init=False)

    @keys.default
    def _keys(self) -> frozenset[str]:
        return frozenset(self.by_number.values())


@attrs.frozen(slots=True)
class Reading:
    """
    One row, read with every trouble told.

    @ivar label: What an operator knows the row by.
    """

    table: Table
    row: Row
    label: str

    def value(self, names: tuple[str, ...]) -> Value:
        """What the first of these columns holds; None without one."""
        name = self.table.find(names)
        return self.row[name] if name else None

    def text(self, names: tuple[str, ...], longest: int = 255) -> str:
        """A text, cut to its column."""
        found = text(self.value(names)).replace("\0", "")
        if len(found) > longest:
            self.change(names[0], f"cut to {longest} characters", found)
            return found[:longest]
        return found

    def number(
        self,
        names: tuple[str, ...],
        default: Any = 0,
        allowed: Collection[int] = (),
        largest: int = LARGEST,
        otherwise: int | None = None,
    ) -> Any:
        """
        A whole number.

        @param default: What NULL means, and what has no column.
        @param allowed: The values that have a meaning; none for any.
        @param otherwise: What stands for a value without one; C{default} if None.
        """
        value = self.value(names)
        if value is None or value == "":
            return default
        otherwise = default if otherwise is None else otherwise
        try:
            found = number(value, largest)
        except ValueError as error:
            self.change(names[0], f"no number of ours, {otherwise} instead", str(error))
            return otherwise
        if allowed and found not in allowed:
            self.change(
                names[0], f"unknown value, {otherwise} instead", f"value {found}"
            )
            return otherwise
        return found

    def flag(self, names: tuple[str, ...], default: bool = False) -> bool:
        """A switch."""
        value = self.value(names)
        if value is None:
            return default
        try:
            return flag(value)
        except ValueError as error:
            self.change(names[0], f"no switch, {default} instead", str(error))
            return default

    def amount(self, names: tuple[str, ...], digits: int = AMOUNT_DIGITS) -> Decimal:
        """
        An amount or price.

        @raise ValueError: If it is none: money is never guessed.
        """
        name = self.table.find(names)
        if not name or self.row[name] is None:
            return ZERO
        kept, moved = decimal(self.row[name], digits)
        if moved:
            example = f"{self.label}: {text(self.row[name])} is {plain(kept)}"
            self.table.report.rounded(name, digits, moved, example)
        return kept

    def moment(self, names: tuple[str, ...], zone: tzinfo, default: int = 0) -> int:
        """A moment, UTC ms."""
        value = self.value(names)
        if value is None or value == "":
            return default
        try:
            return moment(value, zone)
        except ValueError as error:
            self.change(names[0], f"no moment, {default} instead", str(error))
            return default

    def change(self, column: str, what: str, value: str) -> None:
        """Tell that a value is carried as another one."""
        self.table.report.change(f"{column}: {what}", f"{self.label}: {shown(value)}")

    def reference(
        self, by_key: tuple[str, ...], by_id: tuple[str, ...], known: Known
    ) -> str:
        """
        The visible key of another object, which the source names by that or by
        its number; empty for none.
        """
        names = [self.table.find(by_key), self.table.find(by_id)]
        name = next(filter(None, names), "")
        if not name:
            return ""
        given = text(self.row[name]).strip()
        if given in ("", "0", "-1"):
            return ""
        if self.table.columns[name].whole:
            found = known.by_number.get(given, "")
        else:
            found = given if given in known.keys else ""
        if not found:
            self.change(name, "names nothing that is carried, left empty", given)
        return found


def _secret(name: str) -> bool:
    return any(word in name.lower() for word in ("password", "passwd", "pwd", "secret"))


def shown(value: str) -> str:
    """A value as an example."""
    return value if len(value) <= 40 else value[:37] + "..."
