"""
Rate groups, rates and their sections.

A carrier has a million rates. They are read into memory once, with equal
strings and prices shared, and written by one import: staged where nobody sees
them, then put into the tables by a few statements of one transaction.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from itertools import islice
from typing import Any, cast

import attrs
from twisted.internet.defer import Deferred

from vos3000.db import changes, ids
from vos3000.db.changes import By
from vos3000.db.cursor import Cursor
from vos3000.db.fieldvalues import UNREADABLE, readable
from vos3000.db.pool import Pool
from vos3000.db.ratechanges import RateChange, compared
from vos3000.errors import AlreadyExists, BadRow, NotFound, Referenced
from vos3000.model.money import PRICE_LIMIT, ZERO
from vos3000.model.numbers import PrefixMap
from vos3000.model.rates import Rate, RateGroup, RateSection

CHUNK = 1000
"""Rows between two moments at which another thread may run, at the latest."""

_RATE = (
    "r.id, r.feeprefix, r.fee, r.period, r.type, r.locktype, r.areacode,"
    " r.areaname, r.ivrfee, r.ivrperiod"
)

_STAGED_IDS = (
    "SELECT r.id FROM staged_rate s"
    " JOIN e_feerategroup g ON g.name = s.groupname"
    " JOIN e_feerate r ON r.feerategroupid = g.id AND r.feeprefix = s.feeprefix"
)

_PUT_SECTIONS = (
    "INSERT INTO e_feeratesection (feerateid, position, time, fee)"
    " SELECT r.id, s.position, s.time, s.fee FROM staged_section s"
    " JOIN e_feerategroup g ON g.name = s.groupname"
    " JOIN e_feerate r ON r.feerategroupid = g.id AND r.feeprefix = s.feeprefix"
)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """
    Keep the cyclic collector away from a million fresh objects.

    They have no cycles, and each of its passes would stop every thread: with
    it, loading takes 20 s and the reactor stands still for 1.5 s at a time;
    without it 4.6 s and 0.08 s. Afterwards they are set aside for good, so
    that no later pass looks at them; they still go when nobody refers to them.
    """
    running = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if running:
            gc.enable()


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _nothing(rows: int) -> None:
    """Progress that nobody wants to see."""


@attrs.frozen(slots=True)
class Imported:
    """
    What an import did.

    @ivar rates: Distinct rates it held (of two for a prefix the last counts).
    @ivar added: How many of them are new.
    @ivar groups: Rate groups that it made.
    """

    rates: int
    added: int
    groups: tuple[str, ...]


def _sound(fee: Decimal, sections: tuple[RateSection, ...]) -> bool:
    """
    Whether a call can be charged by a rate. What another program wrote may
    have prices below zero or beyond all bounds; such a rate counts as locked.
    """
    if not ZERO <= fee < PRICE_LIMIT:
        return False
    return all(s.time >= 0 and ZERO <= s.fee < PRICE_LIMIT for s in sections)


class RateStore:
    """The rates. Every method is one interaction."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._dialect = pool.dialect

    def groups(self) -> Deferred[list[RateGroup]]:
        """Every rate group, in the order of making."""
        return self._pool.read("rate_groups", self._groups)

    def create_group(
        self,
        name: str,
        fake_minute: int = 60,
        memo: str = "",
        by: By | None = None,
    ) -> Deferred[RateGroup]:
        """
        Make an empty group.

        @param fake_minute: Seconds told to card users for a minute.
        @param by: Who stands in the list of changes; None for nobody.
        @return: Fails with L{AlreadyExists}.
        """
        return self._pool.interact(
            "rate_group_create", self._create_group, name, fake_minute, memo, by
        )

    def delete_group(self, name: str, by: By | None = None) -> Deferred[None]:
        """
        Remove a group and its rates.

        @return: Fails with L{NotFound}, or with L{Referenced} while an account
            uses it.
        """
        return self._pool.interact("rate_group_delete", self._delete_group, name, by)

    def group_rates(self, name: str) -> Deferred[PrefixMap[Rate]]:
        """
        The rates of one group.

        @return: Fails with L{NotFound}.
        """
        return self._pool.bulk("rate_group_rates", self._group_rates, name)

    def all_rates(self) -> Deferred[dict[str, PrefixMap[Rate]]]:
        """Every group's rates by the group's name."""
        return self._pool.bulk("rate_all", self._all_rates)

    def release(self, groups: Mapping[str, PrefixMap[Rate]]) -> Deferred[None]:
        """
        Let go of rates that nobody looks into any more, beside the reactor's
        thread (L{PrefixMap.dismantle}).
        """
        return self._pool.bulk("rate_release", self._release, groups)

    def compare(
        self, old: Mapping[str, PrefixMap[Rate]], new: Mapping[str, PrefixMap[Rate]]
    ) -> Deferred[list[RateChange]]:
        """What is different, group by group, beside the reactor's thread."""
        return self._pool.bulk("rate_compare", self._compare, old, new)

    @staticmethod
    def _compare(
        cursor: Cursor,
        old: Mapping[str, PrefixMap[Rate]],
        new: Mapping[str, PrefixMap[Rate]],
    ) -> list[RateChange]:
        found = (compared(n, old.get(n), new.get(n)) for n in {**old, **new})
        return [each for each in found if each is not None]

    @staticmethod
    def _release(cursor: Cursor, groups: Mapping[str, PrefixMap[Rate]]) -> None:
        for rates in groups.values():
            rates.dismantle()

    def find(self, group: str, area_codes: Iterable[str] = ()) -> Deferred[list[Rate]]:
        """
        The rates of a group by prefix, or those of some area codes only.

        @return: Fails with L{NotFound} for an unknown group.
        """
        return self._pool.read("rate_find", self._find, group, tuple(area_codes))

    def replace_rates(
        self,
        rows: Iterable[tuple[str, Rate]],
        progress: Callable[[int], object] = _nothing,
        by: By | None = None,
    ) -> Deferred[Imported]:
        """
        Put rates into groups: new prefixes are added, known ones replaced,
        all others stay. All or nothing.

        @param rows: Pairs of group name and rate. It is consumed in the bulk
            lane's thread; if it raises, nothing was changed and the error
            comes out of the Deferred. Unknown groups are made.
        @param progress: Told the number of rows taken so far, in that thread.
        @param by: Who stands in the list of changes; None for nobody.
        """
        return self._pool.bulk("rate_import", self._replace, rows, progress, by)

    @staticmethod
    def _groups(cursor: Cursor) -> list[RateGroup]:
        cursor.execute(
            "SELECT id, name, fakeminute, memo FROM e_feerategroup ORDER BY id"
        )
        return [RateGroup(*row) for row in cursor.fetchall()]

    @staticmethod
    def _create_group(
        cursor: Cursor,
        name: str,
        fake_minute: int,
        memo: str,
        by: By | None = None,
    ) -> RateGroup:
        cursor.execute("SELECT 1 FROM e_feerategroup WHERE name = ?", (name,))
        if cursor.fetchone() is not None:
            raise AlreadyExists("feeRateGroup", name)
        number = ids.fresh(cursor, "e_feerategroup")
        group = RateGroup(number, name, fake_minute, memo)
        cursor.execute(
            "INSERT INTO e_feerategroup (id, name, fakeminute, memo)"
            " VALUES (?, ?, ?, ?)",
            (group.id, name, fake_minute, memo),
        )
        made = {"name": name, "fakeMinute": fake_minute, "memo": memo}
        changes.record(cursor, by, changes.CREATED, f"rate group {name}", {}, made)
        return group

    @staticmethod
    def _number(cursor: Cursor, name: str) -> int:
        cursor.execute("SELECT id FROM e_feerategroup WHERE name = ?", (name,))
        row = cursor.fetchone()
        if row is None:
            raise NotFound("feeRateGroup", name)
        return int(row[0])

    def _delete_group(self, cursor: Cursor, name: str, by: By | None) -> None:
        number = self._number(cursor, name)
        cursor.execute(
            "SELECT account FROM e_customer WHERE feerategroup = ? ORDER BY id", (name,)
        )
        users = [f"account {account}" for (account,) in cursor.fetchall()]
        if users:
            raise Referenced("feeRateGroup", name, users)
        cursor.execute(
            "DELETE FROM e_feeratesection WHERE feerateid IN"
            " (SELECT id FROM e_feerate WHERE feerategroupid = ?)",
            (number,),
        )
        cursor.execute("DELETE FROM e_feerate WHERE feerategroupid = ?", (number,))
        gone = {"name": name, "rates": cursor.rowcount}
        changes.record(cursor, by, changes.DELETED, f"rate group {name}", gone, {})
        cursor.execute("DELETE FROM e_feerategroup WHERE id = ?", (number,))

    def _all_rates(self, cursor: Cursor) -> dict[str, PrefixMap[Rate]]:
        shared: dict[Any, Any] = {}
        names = [group.name for group in self._groups(cursor)]
        with _collector_paused():
            return {name: self._load(cursor, name, shared) for name in names}

    def _group_rates(self, cursor: Cursor, name: str) -> PrefixMap[Rate]:
        return self._load(cursor, name, {})

    def _load(
        self, cursor: Cursor, name: str, shared: dict[Any, Any]
    ) -> PrefixMap[Rate]:
        pages = self._pages(cursor, name, (), shared)
        return PrefixMap((rate.prefix, rate) for rate in pages)

    def _pages(
        self,
        cursor: Cursor,
        name: str,
        area_codes: tuple[str, ...],
        shared: dict[Any, Any],
    ) -> Iterator[Rate]:
        """
        The rates of a group, some at a time: a million rows that a driver holds
        would stop every thread when it lets them go.
        """
        number = self._number(cursor, name)
        only = f" AND r.areacode IN ({_marks(area_codes)})" if area_codes else ""
        cursor.execute("SELECT 1 FROM e_feeratesection LIMIT 1")
        some = cursor.fetchone() is not None
        last, more = "", "feeprefix >= ?"
        while True:
            cursor.execute(
                f"SELECT {_RATE} FROM e_feerate r WHERE r.feerategroupid = ?"
                f" AND r.{more}{only} ORDER BY r.feeprefix LIMIT {CHUNK}",
                (number, last, *area_codes),
            )
            rows = cursor.fetchall()
            if not rows:
                return
            between = (number, rows[0][1], rows[-1][1])
            sections = self._sections(cursor, name, between) if some else {}
            yield from self._rates(name, rows, sections, shared)
            last, more = rows[-1][1], "feeprefix > ?"

    def _sections(
        self, cursor: Cursor, name: str, between: tuple[int, str, str]
    ) -> dict[int, list[RateSection]]:
        """
        The sections of rates by their number.

        @param between: Their group's number, the first prefix and the last.
        """
        cursor.execute(
            "SELECT s.feerateid, s.time, s.fee, r.feeprefix FROM e_feeratesection s"
            " JOIN e_feerate r ON r.id = s.feerateid WHERE r.feerategroupid = ?"
            " AND r.feeprefix >= ? AND r.feeprefix <= ?"
            " ORDER BY s.feerateid, s.position",
            between,
        )
        sections: dict[int, list[RateSection]] = {}
        for rate, time, fee, prefix in cursor.fetchall():
            with readable("e_feeratesection", name, prefix):
                section = RateSection(int(time), self._dialect.read_price(fee))
            sections.setdefault(rate, []).append(section)
        return sections

    def _rates(
        self,
        name: str,
        rows: Iterable[Sequence[Any]],
        sections: Mapping[int, list[RateSection]],
        shared: dict[Any, Any],
    ) -> Iterator[Rate]:
        """
        The rates of rows of C{e_feerate}.

        @param name: Their group.
        @param shared: One object for each distinct text and price, which is
            what keeps a million rates small.
        """
        share = shared.setdefault
        price = self._dialect.read_price
        prefix = ""
        try:
            for number, prefix, fee, period, kind, lock, code, area, ivr, step in rows:
                if fee not in shared:
                    shared[fee] = price(fee)
                if ivr not in shared:
                    shared[ivr] = price(ivr)
                steps = tuple(sections.get(number, ()))
                sound = period > 0 and _sound(shared[fee], steps)
                yield Rate(
                    prefix,
                    shared[fee],
                    period if period > 0 else 1,
                    steps,
                    kind,
                    lock if sound else 1,
                    prefix if code == prefix else share((code,), code),
                    share((area,), area),
                    shared[ivr],
                    step,
                )
        except UNREADABLE as error:
            raise BadRow("e_feerate", f"{name} {prefix}", error) from error

    def _find(
        self, cursor: Cursor, group: str, area_codes: tuple[str, ...]
    ) -> list[Rate]:
        return list(self._pages(cursor, group, area_codes, {}))

    def _replace(
        self,
        cursor: Cursor,
        rows: Iterable[tuple[str, Rate]],
        progress: Callable[[int], object],
        by: By | None,
    ) -> Imported:
        for statement in self._dialect.staging.create:
            cursor.execute(statement)
        names = self._stage(cursor, iter(rows), progress)
        cursor.execute(self._dialect.staging.count)
        count, highest = cursor.fetchone()
        added, groups = 0, cast("tuple[str, ...]", ())
        if count:
            added, groups = self._put(cursor, names, highest)
            told = {"rates": count, "added": added, "groups made": list(groups)}
            event = f"rates of {', '.join(names)}"
            changes.record(cursor, by, changes.DONE, event, {}, told)
        for statement in self._dialect.staging.drop:
            cursor.execute(statement)
        return Imported(count, added, groups)

    def _stage(
        self,
        cursor: Cursor,
        rows: Iterator[tuple[str, Rate]],
        progress: Callable[[int], object],
    ) -> list[str]:
        """Copy the rows to where nobody else sees them; returns the groups."""
        taken = sections = 0
        names: dict[str, None] = {}
        while taking := list(islice(rows, CHUNK)):
            chunk = list({(name, r.prefix): (name, r) for name, r in taking}.values())
            names.update(dict.fromkeys(name for name, _ in chunk))
            cursor.executemany(
                "REPLACE INTO staged_rate (groupname, feeprefix, areacode, areaname,"
                " type, fee, period, locktype, ivrfee, ivrperiod)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [self._rate_row(name, rate) for name, rate in chunk],
            )
            sections += self._stage_sections(cursor, chunk, bool(sections))
            taken += len(taking)
            progress(taken)
        return list(names)

    def _rate_row(self, name: str, rate: Rate) -> tuple[Any, ...]:
        price = self._dialect.price
        return (
            name,
            rate.prefix,
            rate.area_code,
            rate.area_name,
            rate.type,
            price(rate.fee),
            rate.period,
            rate.lock_type,
            price(rate.ivr_fee),
            rate.ivr_period,
        )

    def _stage_sections(
        self, cursor: Cursor, chunk: Sequence[tuple[str, Rate]], some: bool
    ) -> int:
        """
        Stage the sections of rates; returns how many.

        @param some: Whether there are any yet, perhaps of an earlier rate for
            the same prefix.
        """
        if some:
            cursor.executemany(
                "DELETE FROM staged_section WHERE groupname = ? AND feeprefix = ?",
                [(name, rate.prefix) for name, rate in chunk],
            )
        price = self._dialect.price
        rows = [
            (name, rate.prefix, position, section.time, price(section.fee))
            for name, rate in chunk
            for position, section in enumerate(rate.sections)
        ]
        if rows:
            cursor.executemany(
                "INSERT INTO staged_section (groupname, feeprefix, position, time, fee)"
                " VALUES (?, ?, ?, ?, ?)",
                rows,
            )
        return len(rows)

    def _put(
        self, cursor: Cursor, names: Sequence[str], highest: int
    ) -> tuple[int, tuple[str, ...]]:
        """Move what was staged into the tables; from here on others wait."""
        first = ids.fresh(cursor, "e_feerate", highest)
        made = []
        for name in names:
            cursor.execute("SELECT 1 FROM e_feerategroup WHERE name = ?", (name,))
            if cursor.fetchone() is None:
                self._create_group(cursor, name, 60, "")
                made.append(name)
        cursor.execute("SELECT COUNT(*) FROM e_feerate")
        (before,) = cursor.fetchone()
        cursor.execute(self._dialect.staging.put, (first - 1,))
        cursor.execute("SELECT COUNT(*) FROM e_feerate")
        (after,) = cursor.fetchone()
        cursor.execute(
            f"DELETE FROM e_feeratesection WHERE feerateid IN ({_STAGED_IDS})"
        )
        cursor.execute(_PUT_SECTIONS)
        return after - before, tuple(made)
