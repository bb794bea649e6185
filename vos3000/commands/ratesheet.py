"""
Rates as CSV: rows to rates, and what is wrong with each bad row.

The first line names the columns, in any order and any case. A sheet is read
once, row by row: a million rates never stand in memory together.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

import attrs

from vos3000.errors import ParseError
from vos3000.model.money import PRICE_DIGITS, PRICE_LIMIT, ZERO, parse_decimal
from vos3000.model.rates import Rate, RateSection

SHOWN = 100
"""Bad rows that are kept with their reasons; the others are counted."""

COLUMNS = (
    *("feeRateGroup", "feePrefix", "areaCode", "areaName", "type", "fee"),
    *("period", "lockType", "ivrFee", "ivrPeriod"),
)
REQUIRED = ("feePrefix", "fee", "period")

_BY_LOWER = {name.lower(): name for name in COLUMNS}
_SECTION = re.compile(r"section([1-9]\d?)(time|fee)", re.IGNORECASE)
_PREFIX = re.compile(r"[0-9A-Za-z*#+]{1,64}")
_LONGEST_GROUP = 64
_LONGEST_NAME = 255
_LONGEST = 1 << 16
_LONGEST_ROW = 1 << 18
_STEP = 2000
_CACHE = 100_000


@attrs.frozen(slots=True)
class Row:
    """
    One good row.

    @ivar line: Its line in the file; the last one where it spans several.
    """

    line: int
    group: str
    rate: Rate


@attrs.frozen(slots=True)
class BadRow:
    """A row that cannot be taken, and why."""

    line: int
    reason: str


@attrs.frozen(slots=True)
class _Layout:
    """
    Which column holds what.

    @ivar sections: Columns of time and fee, in the order of the sections.
    """

    columns: dict[str, int]
    sections: tuple[tuple[int, int], ...]
    width: int


def _layout(header: list[str], group: str | None) -> _Layout:
    columns: dict[str, int] = {}
    parts: dict[tuple[int, str], int] = {}
    for index, given in enumerate(header):
        name = given.strip().lower()
        section = _SECTION.fullmatch(name)
        if section:
            number = (int(section[1]), section[2])
            if number in parts:
                raise ParseError(f"the column {given!r} stands there twice")
            parts[number] = index
        elif name in _BY_LOWER:
            if _BY_LOWER[name] in columns:
                raise ParseError(f"the column {given!r} stands there twice")
            columns[_BY_LOWER[name]] = index
        else:
            known = ", ".join((*COLUMNS, "section1Time", "section1Fee ..."))
            raise ParseError(f"unknown column {given!r}; the columns are {known}")
    needed = REQUIRED if group else ("feeRateGroup", *REQUIRED)
    missing = [name for name in needed if name not in columns]
    if missing:
        hint = ": name it, or give --group" if missing[0] == "feeRateGroup" else ""
        raise ParseError(f"the column {missing[0]} is missing{hint}")
    return _Layout(columns, _sections(parts), len(header))


def _sections(parts: dict[tuple[int, str], int]) -> tuple[tuple[int, int], ...]:
    numbers = sorted({number for number, _ in parts})
    if numbers != list(range(1, len(numbers) + 1)):
        raise ParseError("sections are numbered section1, section2 ... without a gap")
    for number in numbers:
        for part in ("time", "fee"):
            if (number, part) not in parts:
                raise ParseError(f"the column section{number}{part.title()} is missing")
    return tuple((parts[number, "time"], parts[number, "fee"]) for number in numbers)


def _whole(text: str, name: str, least: int, most: int = 2**31 - 1) -> int:
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        limits = f"at least {least}" if most > 2**30 else f"{least} to {most}"
        raise ValueError(f"{name} is {text!r}, not a whole number {limits}")
    return int(text)


class RateSheet:
    """
    One file of rates.

    Iterate once; afterwards L{bad} and L{bad_count} say what was left out.

    @ivar groups: Every rate group met so far.
    @param group: The rate group of rows that name none.
    @param progress: Told the bytes read so far, now and then.
    """

    def __init__(
        self,
        path: Path,
        group: str | None,
        encoding: str,
        progress: Callable[[int], object],
    ) -> None:
        self._path = path
        self._group = group
        self._encoding = encoding
        self._progress = progress
        self._prices: dict[tuple[str, str], Decimal] = {}
        self._seen: dict[str, set[str]] = {}
        self.bad: list[BadRow] = []
        self.bad_count = 0
        self.good_count = 0

    @property
    def groups(self) -> list[str]:
        """Every rate group met so far, in order."""
        return list(self._seen)

    def __iter__(self) -> Iterator[Row]:
        """
        The good rows.

        @raise ParseError: If the header cannot be used: no row is read then.
        """
        with self._path.open("rb") as raw:
            yield from self._rows(raw)

    def _rows(self, raw: BinaryIO) -> Iterator[Row]:
        text = io.TextIOWrapper(
            raw, encoding=self._encoding, errors="surrogateescape", newline=""
        )
        first = self._first(text)
        delimiter = max(",;\t", key=first.count)
        try:
            header = next(csv.reader([first], delimiter=delimiter), [])
        except csv.Error as error:
            raise ParseError(f"the first line is no CSV: {error}") from None
        layout = _layout(header, self._group)
        rows = iter(lambda: text.readline(_LONGEST_ROW), "")
        reader = csv.reader(rows, delimiter=delimiter)
        for cells in self._cells(reader):
            line = reader.line_num + 1
            if not any(cells):
                continue
            try:
                group, rate = self._read(layout, cells)
            except ValueError as error:
                self._refuse(line, str(error))
                continue
            self.good_count += 1
            if not line % _STEP:
                self._progress(raw.tell())
            yield Row(line, group, rate)
        self._progress(raw.tell())

    def _first(self, text: io.TextIOWrapper) -> str:
        """
        The first line, which names the columns.

        @raise ParseError: If there is none, or it is no text.
        """
        try:
            first = text.readline(_LONGEST).removeprefix("\ufeff")
        except UnicodeError:
            raise ParseError(self._no_text()) from None
        if "\0" in first or any("\udc80" <= sign <= "\udcff" for sign in first):
            raise ParseError(self._no_text())
        if len(first) == _LONGEST:
            raise ParseError("the first line is too long to name columns")
        if not first:
            raise ParseError("the file is empty: its first line names the columns")
        return first

    def _no_text(self) -> str:
        name = self._encoding.upper()
        return (
            f"the file is not {name}, see --encoding: spreadsheets also write utf-16,"
            " gb18030 or latin-1"
        )

    def _cells(self, reader: Iterator[list[str]]) -> Iterator[list[str]]:
        """The reader's rows; one that is no CSV at all ends the file."""
        try:
            yield from reader
        except csv.Error as error:
            line = getattr(reader, "line_num", 0) + 1
            self._refuse(line, f"no CSV from here on: {error}")
        except UnicodeError:
            self._refuse(getattr(reader, "line_num", 0) + 2, self._no_text())

    def _refuse(self, line: int, reason: str) -> None:
        self.bad_count += 1
        if len(self.bad) < SHOWN:
            self.bad.append(BadRow(line, reason))

    def _read(self, layout: _Layout, cells: list[str]) -> tuple[str, Rate]:
        if len(cells) != layout.width:
            raise ValueError(f"{len(cells)} columns, the header has {layout.width}")
        columns = layout.columns
        get = {name: cells[index].strip() for name, index in columns.items()}.get
        group = get("feeRateGroup") or self._group or ""
        prefix = get("feePrefix", "")
        self._check_text(group, get("areaCode", ""), get("areaName", ""))
        kind = _whole(get("type") or "5", "type", 1, 5)
        if kind == 3:
            raise ValueError("type is '3', not 1, 2, 4 or 5")
        rate = Rate(
            prefix=prefix,
            fee=self._price(get("fee", ""), "fee"),
            period=_whole(get("period", ""), "period", 1),
            sections=self._stepped(layout, cells) if layout.sections else (),
            type=kind,
            lock_type=_whole(get("lockType") or "0", "lockType", 0, 1),
            area_code=get("areaCode", ""),
            area_name=get("areaName", ""),
            ivr_fee=self._price(get("ivrFee") or "0", "ivrFee"),
            ivr_period=_whole(get("ivrPeriod") or "60", "ivrPeriod", 1),
        )
        self._check_new(group, prefix)
        return group, rate

    def _check_text(self, group: str, code: str, name: str) -> None:
        if not group:
            raise ValueError("feeRateGroup is empty, and no --group was given")
        if len(group) > _LONGEST_GROUP or len(code) > _LONGEST_GROUP:
            raise ValueError(f"feeRateGroup and areaCode hold {_LONGEST_GROUP} letters")
        if len(name) > _LONGEST_NAME:
            raise ValueError(f"areaName holds {_LONGEST_NAME} letters")
        text = group + code + name
        if not text.isascii() and any(
            "\udc80" <= letter <= "\udcff" for letter in text
        ):
            raise ValueError(f"not {self._encoding} text; give --encoding")

    def _check_new(self, group: str, prefix: str) -> None:
        """Refuse what is no prefix, or comes a second time."""
        if not _PREFIX.fullmatch(prefix):
            raise ValueError(
                f"feePrefix is {prefix!r}, not 1 to 64 digits, letters, *, # or +"
            )
        seen = self._seen.setdefault(group, set())
        if prefix in seen:
            raise ValueError(f"feePrefix {prefix} stands in group {group} already")
        seen.add(prefix)

    def _stepped(self, layout: _Layout, cells: list[str]) -> tuple[RateSection, ...]:
        found = []
        for number, (time, fee) in enumerate(layout.sections, 1):
            seconds, price = cells[time].strip(), cells[fee].strip()
            if not seconds and not price:
                break
            found.append(
                RateSection(
                    _whole(seconds, f"section{number}Time", 1),
                    self._price(price, f"section{number}Fee"),
                )
            )
        rest = layout.sections[len(found) :]
        if any(cells[index].strip() for pair in rest for index in pair):
            raise ValueError(f"section{len(found) + 1} is empty and a later one is not")
        return tuple(found)

    def _price(self, text: str, name: str) -> Decimal:
        """
        An amount per cycle, not negative. Sheets repeat few prices often, so
        each is read once.
        """
        if text == "0":
            return ZERO
        price = self._prices.get((name, text))
        if price is None:
            try:
                price = parse_decimal(text, PRICE_DIGITS)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
            if price < 0:
                raise ValueError(f"{name} is {text}, below zero")
            if price >= PRICE_LIMIT:
                raise ValueError(f"{name} is {text}, not below {PRICE_LIMIT}")
            if len(self._prices) < _CACHE:
                self._prices[name, text] = price
        return price
