"""
Rate groups, rates and their sections.

A carrier has a million rates. They are read into memory once, with equal
strings and prices shared, and written by one import: staged where nobody sees
them, then put into the tables by a few statements of one transaction.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from itertools import islice
from typing import Any, cast

import attrs
from twisted.internet.defer import Deferred

from vos3000.db import ids
from vos3000.db.cursor import Cursor
from vos3000.db.pool import Pool
from vos3000.errors import AlreadyExists, NotFound, Referenced
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
        self, name: str, fake_minute: int = 60, memo: str = ""
    ) -> Deferred[RateGroup]:
        """
        Make an empty group.

        @param fake_minute: Seconds told to card users for a minute.
        @return: Fails with L{AlreadyExists}.
        """
        return self._pool.interact(
            "rate_group_create", self._create_group, name, fake_minute, memo
        )

    def delete_group(self, name: str) -> Deferred[None]:
        """
        Remove a group and its rates.

        @return: Fails with L{NotFound}, or with L{Referenced} while an account
            uses it.
        """
        return self._pool.interact("rate_group_delete", self._delete_group, name)

    def group_rates(self, name: str) -> Deferred[PrefixMap[Rate]]:
        """
        The rates of one group.

        @return: Fails with L{NotFound}.
        """
        return self._pool.bulk("rate_group_rates", self._group_rates, name)

    def all_rates(self) -> Deferred[dict[str, PrefixMap[Rate]]]:
        """Every group's rates by the group's name."""
        return self._pool.bulk("rate_all", self._all_rates)

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
    ) -> Deferred[Imported]:
        """
        Put rates into groups: new prefixes are added, known ones replaced,
        all others stay. All or nothing.

        @param rows: Pairs of group name and rate. It is consumed in the bulk
            lane's thread; if it raises, nothing was changed and the error
            comes out of the Deferred. Unknown groups are made.
        @param progress: Told the number of rows taken so far, in that thread.
        """
        return self._pool.bulk("rate_import", self._replace, rows, progress)

    @staticmethod
    def _groups(cursor: Cursor) -> list[RateGroup]:
        cursor.execute(
            "SELECT id, name, fakeminute, memo FROM e_feerategroup ORDER BY id"
        )
        return [RateGroup(*row) for row in cursor.fetchall()]

    @staticmethod
    def _create_group(
        cursor: Cursor, name: str, fake_minute: int, memo: str
    ) -> RateGroup:
        cursor.execute("SELECT 1 FROM e_feerategroup WHERE name = ?", (name,))
        if cursor.fetchone() is not None:
            raise AlreadyExists("feeRateGroup", name)
        group = RateGroup(ids.take(cursor, ids.OBJECT), name, fake_minute, memo)
        cursor.execute(
            "INSERT INTO e_feerategroup (id, name, fakeminute, memo)"
            " VALUES (?, ?, ?, ?)",
            (group.id, name, fake_minute, memo),
        )
        return group

    @staticmethod
    def _number(cursor: Cursor, name: str) -> int:
        cursor.execute("SELECT id FROM e_feerategroup WHERE name = ?", (name,))
        row = cursor.fetchone()
        if row is None:
            raise NotFound("feeRateGroup", name)
        return int(row[0])

    def _delete_group(self, cursor: Cursor, name: str) -> None:
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
        number = self._number(cursor, name)
        sections = self._sections(cursor, number)
        cursor.execute(
            f"SELECT {_RATE} FROM e_feerate r WHERE r.feerategroupid = ?", (number,)
        )
        rates = self._rates(cursor, sections, shared)
        return PrefixMap((rate.prefix, rate) for rate in rates)

    def _sections(self, cursor: Cursor, number: int) -> dict[int, list[RateSection]]:
        cursor.execute(
            "SELECT s.feerateid, s.time, s.fee FROM e_feeratesection s"
            " JOIN e_feerate r ON r.id = s.feerateid WHERE r.feerategroupid = ?"
            " ORDER BY s.feerateid, s.position",
            (number,),
        )
        sections: dict[int, list[RateSection]] = {}
        while rows := cursor.fetchmany(CHUNK):
            for rate, time, fee in rows:
                section = RateSection(time, self._dialect.read_price(fee))
                sections.setdefault(rate, []).append(section)
        return sections

    def _rates(
        self,
        cursor: Cursor,
        sections: dict[int, list[RateSection]],
        shared: dict[Any, Any],
    ) -> Iterator[Rate]:
        """
        Rates of the rows that C{cursor} holds.

        @param shared: One object for each distinct text and price, which is
            what keeps a million rates small.
        """
        share = shared.setdefault
        price = self._dialect.read_price
        while rows := cursor.fetchmany(CHUNK):
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

    def _find(
        self, cursor: Cursor, group: str, area_codes: tuple[str, ...]
    ) -> list[Rate]:
        number = self._number(cursor, group)
        sections = self._sections(cursor, number)
        condition, values = "r.feerategroupid = ?", [number, *area_codes]
        if area_codes:
            condition += f" AND r.areacode IN ({', '.join('?' * len(area_codes))})"
        cursor.execute(
            f"SELECT {_RATE} FROM e_feerate r WHERE {condition} ORDER BY r.feeprefix",
            values,
        )
        return list(self._rates(cursor, sections, {}))

    def _replace(
        self,
        cursor: Cursor,
        rows: Iterable[tuple[str, Rate]],
        progress: Callable[[int], object],
    ) -> Imported:
        for statement in self._dialect.staging.create:
            cursor.execute(statement)
        names = self._stage(cursor, iter(rows), progress)
        cursor.execute(self._dialect.staging.count)
        count, highest = cursor.fetchone()
        added, groups = 0, cast("tuple[str, ...]", ())
        if count:
            added, groups = self._put(cursor, names, highest)
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
        first = ids.take(cursor, ids.OBJECT, highest)
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
