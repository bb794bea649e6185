"""
Number groups: e_limit_e164_group with e_limit_e164.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from vos3000.db.cursor import Cursor
from vos3000.db.vos.findings import Report
from vos3000.db.vos.numbers import Numbers
from vos3000.db.vos.source import Source
from vos3000.db.vos.values import LARGEST_LONG, Known, Reading, Table, text

GROUPS = "e_limit_e164_group"
NUMBERS = "e_limit_e164"

_GROUP = ("limite164group", "limite164groupname", "groupname")
_GROUP_ID = (
    *("limite164group_id", "limite164groupid", "limit_e164_group_id"),
    *("e_limit_e164_group_id", "group_id", "groupid"),
)
_TOGETHER = 1000
_LONGEST = 64


@attrs.frozen(slots=True)
class Group:
    """
    A number group of the source.

    @ivar id: Its number there.
    """

    id: int
    name: str
    memo: str


def known(source: Source) -> Known:
    """The number groups of the source, by number."""
    if not source.has(GROUPS):
        return Known({})
    return Known(
        {
            text(row.get("id")): text(row.get("name")).strip()
            for row in source.rows(GROUPS)
            if text(row.get("name")).strip()
        }
    )


def _table(source: Source, report: Report, name: str) -> Table:
    table = Table(source, name, report.table(name), source.tables[name])
    table.report.into = name
    table.report.rows = source.count(name)
    return table


def groups(source: Source, report: Report) -> Iterator[Group]:
    """Every number group."""
    if not source.has(GROUPS):
        return
    table = _table(source, report, GROUPS)
    seen: set[str] = set()
    for row in source.rows(GROUPS):
        table.report.read += 1
        reading = Reading(table, row, f"number group {text(row.get('name'))}")
        name = reading.text(("name",)).strip()
        if not name or name in seen:
            table.report.refuse("it has no name of its own", reading.label)
            continue
        seen.add(name)
        table.report.carried += 1
        number = reading.number(("id",), largest=LARGEST_LONG)
        yield Group(number, name, reading.text(("memo",)))
    table.tell_left()


def numbers(source: Source, report: Report, there: Known) -> Iterator[tuple[str, ...]]:
    """Name of the group, number and memo of every number."""
    if not source.has(NUMBERS):
        return
    table = _table(source, report, NUMBERS)
    for row in source.rows(NUMBERS):
        table.report.read += 1
        reading = Reading(table, row, f"number {text(row.get('e164'))}")
        number = text(reading.value(("e164",))).strip()
        group = reading.reference(_GROUP, _GROUP_ID, there)
        if not group or not number or len(number) > _LONGEST:
            table.report.refuse("it has no group, or is no number", reading.label)
            continue
        table.report.carried += 1
        yield group, number, reading.text(("memo",))
    table.find(("id",))
    table.tell_left()


def write(
    cursor: Cursor,
    taken: Numbers,
    found: Iterable[Group],
    members: Iterable[tuple[str, ...]],
) -> None:
    """Put number groups in the place of those that are there."""
    for table in (NUMBERS, GROUPS):
        cursor.execute(f"DELETE FROM {table}")
    ids: dict[str, int] = {}
    for group in found:
        ids[group.name] = taken.take(cursor, group.id)
        cursor.execute(
            f"INSERT INTO {GROUPS} (id, name, memo) VALUES (?, ?, ?)",
            (ids[group.name], group.name, group.memo),
        )
    seen: set[tuple[int, str]] = set()
    rows: list[tuple[int, str, str]] = []
    for name, number, memo in members:
        key = (ids[name], number)
        if key not in seen:
            seen.add(key)
            rows.append((*key, memo))
        if len(rows) >= _TOGETHER:
            _insert(cursor, rows)
            rows = []
    _insert(cursor, rows)


def _insert(cursor: Cursor, rows: list[tuple[int, str, str]]) -> None:
    if rows:
        cursor.executemany(
            f"INSERT INTO {NUMBERS} (limite164groupid, e164, memo) VALUES (?, ?, ?)",
            rows,
        )
