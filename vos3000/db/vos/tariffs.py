"""
Rate groups and rates with their sections.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs

from vos3000.db.cursor import Cursor
from vos3000.db.vos.choices import CUSTOMER_LOCKS, RATE_TYPES
from vos3000.db.vos.findings import Report
from vos3000.db.vos.numbers import Numbers
from vos3000.db.vos.source import Source
from vos3000.db.vos.values import LARGEST_LONG, Known, Reading, Table, text
from vos3000.model.money import PRICE_DIGITS, PRICE_LIMIT, ZERO, plain
from vos3000.model.rates import Rate, RateGroup, RateSection

GROUPS = "e_feerategroup"
RATES = "e_feerate"
SECTIONS = "e_feeratesection"

_GROUP = ("feerategroup", "feerategroupname")
_GROUP_ID = ("feerategroup_id", "feerategroupid", "feerategroup")
_RATE_ID = ("feerate_id", "feerateid")
_FIRST_TIME = ("firsttime", "firstfeetime", "first_time")
_FIRST_FEE = ("firstfee", "firstrate", "first_fee")
_LONGEST_PREFIX = 64


def known(source: Source) -> Known:
    """The rate groups of the source, by number."""
    if not source.has(GROUPS):
        return Known({})
    return Known(
        {
            text(row.get("id")): text(row.get("name")).strip()
            for row in source.rows(GROUPS)
            if text(row.get("name")).strip()
        }
    )


def groups(source: Source, report: Report) -> Iterator[RateGroup]:
    """Every rate group."""
    if not source.has(GROUPS):
        report.notes.append(f"the source has no table {GROUPS}: no rate is carried")
        return
    table = _table(source, report, GROUPS)
    seen: set[str] = set()
    for row in source.rows(GROUPS):
        table.report.read += 1
        reading = Reading(table, row, f"rate group {text(row.get('name'))}")
        name = reading.text(("name",)).strip()
        if not name or name in seen:
            table.report.refuse("it has no name of its own", reading.label)
            continue
        seen.add(name)
        table.report.carried += 1
        yield RateGroup(
            reading.number(("id",), largest=LARGEST_LONG),
            name,
            reading.number(("fakeminute",), 60),
            reading.text(("memo",)),
        )
    table.tell_left()


def _table(source: Source, report: Report, name: str) -> Table:
    table = Table(source, name, report.table(name), source.tables[name])
    table.report.into = name
    table.report.rows = source.count(name)
    return table


@attrs.define(slots=True)
class RateReader:
    """
    The rates of the source, each with its sections.

    Older layouts have the first section in the rate's own row.
    """

    source: Source
    report: Report
    groups: Known

    def __iter__(self) -> Iterator[tuple[str, Rate]]:
        """Pairs of group name and rate."""
        if not self.source.has(RATES):
            return
        table = _table(self.source, self.report, RATES)
        sections = self._sections()
        seen: set[tuple[str, str]] = set()
        for row in self.source.rows(RATES):
            table.report.read += 1
            label = f"rate {text(row.get('feeprefix'))} of row {text(row.get('id'))}"
            reading = Reading(table, row, label)
            try:
                group, rate = self._rate(reading, sections)
            except ValueError as error:
                table.report.refuse(str(error), label)
                continue
            if (group, rate.prefix) in seen:
                table.report.change(
                    "two rates for a prefix of a group: the last row counts", label
                )
            seen.add((group, rate.prefix))
            table.report.carried += 1
            yield group, rate
        table.tell_left()

    def _sections(self) -> Mapping[str, Sequence[RateSection]]:
        """The sections in the order of their position, by number of the rate."""
        if not self.source.has(SECTIONS):
            return {}
        table = _table(self.source, self.report, SECTIONS)
        found: dict[str, list[tuple[int, RateSection]]] = {}
        for row in self.source.rows(SECTIONS):
            table.report.read += 1
            label = f"section of rate {text(row.get(table.find(_RATE_ID)))}"
            reading = Reading(table, row, label)
            try:
                section = RateSection(
                    reading.number(("time",)), reading.amount(("fee",), PRICE_DIGITS)
                )
            except ValueError as error:
                table.report.refuse(str(error), label)
                continue
            place = reading.number(("position",))
            owner = text(reading.value(_RATE_ID))
            found.setdefault(owner, []).append((place, section))
            table.report.carried += 1
        table.find(("id",))
        table.tell_left()
        return {
            owner: [section for _, section in sorted(each, key=lambda pair: pair[0])]
            for owner, each in found.items()
        }

    def _rate(
        self, reading: Reading, sections: Mapping[str, Sequence[RateSection]]
    ) -> tuple[str, Rate]:
        group = reading.reference(_GROUP, _GROUP_ID, self.groups)
        if not group:
            raise ValueError("it belongs to no rate group")
        prefix = reading.text(("feeprefix",)).strip()
        if len(prefix) >= _LONGEST_PREFIX:
            raise ValueError(f"its prefix has {_LONGEST_PREFIX} characters or more")
        fee = reading.amount(("fee",), PRICE_DIGITS)
        period = reading.number(("period",))
        rate = Rate(
            prefix,
            fee,
            period,
            (*self._first(reading), *sections.get(text(reading.value(("id",))), ())),
            reading.number(("type",), 5, RATE_TYPES),
            reading.number(("locktype",), 0, CUSTOMER_LOCKS, otherwise=1),
            reading.text(("areacode",), 64),
            reading.text(("areaname",)),
            reading.amount(("ivrfee",), PRICE_DIGITS),
            reading.number(("ivrperiod",), 60),
        )
        if period <= 0 or not ZERO <= fee < PRICE_LIMIT:
            reading.change(
                "period, fee",
                "no call can be charged: counts as locked",
                f"{period} s for {plain(fee)}",
            )
        return group, rate

    @staticmethod
    def _first(reading: Reading) -> tuple[RateSection, ...]:
        time = reading.number(_FIRST_TIME)
        if time <= 0:
            return ()
        return (RateSection(time, reading.amount(_FIRST_FEE, PRICE_DIGITS)),)


def clear(cursor: Cursor) -> None:
    """Remove the rates that an earlier, unfinished import has put there."""
    for table in (SECTIONS, RATES, GROUPS):
        cursor.execute(f"DELETE FROM {table}")


def write(cursor: Cursor, numbers: Numbers, found: Sequence[RateGroup]) -> None:
    """Put rate groups into the target; their rates are still to come."""
    clear(cursor)
    for group in found:
        cursor.execute(
            "INSERT INTO e_feerategroup (id, name, fakeminute, memo)"
            " VALUES (?, ?, ?, ?)",
            (numbers.take(cursor, group.id), group.name, group.fake_minute, group.memo),
        )
