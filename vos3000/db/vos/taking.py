"""
Taking a VOS3000 over: the steps, their order, and the check at the end.

Configuration is read whole and put in whole, anew each time; records, payments and
rents are carried page by page, each page with the balances it moves and with how
far that is, in one transaction. So an import that was killed goes on where it was,
and the law of the ledger holds at each moment. When all is there each account gets
its balance, by a payment for what the rows that were carried do not explain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import tzinfo
from decimal import Decimal
from typing import Any

from vos3000.db import ids
from vos3000.db.cursor import Cursor
from vos3000.db.days import ROLLING
from vos3000.db.pool import Pool
from vos3000.db.rates import RateStore
from vos3000.db.vos import (
    accounts,
    devices,
    elsewhere,
    ledger,
    limits,
    records,
    state,
    systemwide,
    tariffs,
)
from vos3000.db.vos.findings import Report, Sum
from vos3000.db.vos.numbers import OBJECTS, Numbers, reach
from vos3000.db.vos.source import PAGE, Row, Source, quoted
from vos3000.db.vos.values import LARGEST_LONG, Table, number, text
from vos3000.model.cdr import Cdr
from vos3000.model.money import ZERO
from vos3000.parameters import Registry

SAMPLE = 1000
"""Records of each table that a dry run looks at, the newest ones."""

Progress = Callable[[str, int, int], object]
"""Told a step, how many rows of it are done, and how many it has."""


class Taking:
    """
    One import, or its dry run.

    @ivar report: What it has to tell.
    @param zone: The zone whose days the day tables have.
    @param known: The system parameters.
    @param now_ms: The moment of the import, UTC ms.
    """

    def __init__(
        self,
        source: Source,
        zone: tzinfo,
        known: Registry,
        now_ms: int,
        progress: Progress,
    ) -> None:
        self._source = source
        self._zone = zone
        self._parameters = known
        self._now_ms = now_ms
        self._progress = progress
        self.report = Report()
        self._accounts = accounts.known(source)
        self._groups = tariffs.known(source)
        self._limits = limits.known(source)
        self._objects = devices.Objects(self._accounts, self._groups, self._limits)

    # Reading

    def _read_accounts(self) -> list[accounts.Account]:
        return list(
            accounts.read(
                self._source, self.report, self._accounts, self._groups, self._zone
            )
        )

    def _devices(self, kind: devices.Kind) -> list[devices.Device]:
        return list(devices.read(self._source, self.report, kind, self._objects))

    def _rates(self) -> Iterable[Any]:
        total = self._source.count(tariffs.RATES) if self._has(tariffs.RATES) else 0
        reader = tariffs.RateReader(self._source, self.report, self._groups)
        for count, pair in enumerate(reader, 1):
            if count % PAGE == 0 or count == total:
                self._progress("rates", count, total)
            yield pair

    def _has(self, table: str) -> bool:
        return table in self._source.tables

    def _reader(self, table: str) -> records.RecordReader:
        return records.RecordReader.of(self._source, self.report, table, self._zone)

    def _ledger(self, name: str) -> ledger.LedgerReader:
        told = self.report.table(name)
        table = Table(self._source, name, told, self._source.tables[name])
        reader = ledger.LedgerReader(table, self._accounts, self._zone)
        told.into = reader.into
        told.rows = self._source.count(name)
        return reader

    def _tell_rest(self) -> None:
        """What concerns the whole, and the tables that are not carried."""
        known = set(self.report.tables)
        elsewhere.tell(self._source, self.report, known)
        for (table, column), finding in sorted(self._source.guessed.items()):
            what = f"{column}: not in the character set its column says"
            self.report.table(table).changed[what] = finding
        if not self._source.read_only:
            self.report.notes.append(
                "the source is too old to be told that we only read; nothing but SELECT"
                " is sent to it"
            )

    # A dry run

    def look(self) -> Report:
        """Tell what an import would do; nothing is changed anywhere."""
        self._progress("accounts", 0, 1)
        self._read_accounts()
        list(tariffs.groups(self._source, self.report))
        for _ in self._rates():
            pass
        list(limits.groups(self._source, self.report))
        for _ in limits.numbers(self._source, self.report, self._limits):
            pass
        for kind in devices.KINDS:
            self._progress(f"{kind.what}s", 0, 1)
            self._devices(kind)
        systemwide.parameters(self._source, self.report, self._parameters)
        systemwide.access(self._source, self.report)
        for name in ledger.tables(self._source):
            self._look_at_ledger(name)
        names = records.tables(self._source)
        for count, name in enumerate(names, 1):
            if self._keyed(name, records.KEY):
                page = self._source.page(name, records.KEY, None, SAMPLE)
                self._reader(name).records(page)
            self._progress("records", count, len(names))
        self.report.notes.append(
            f"of each table of records the newest {SAMPLE} were looked at"
        )
        self._tell_rest()
        return self.report

    def _look_at_ledger(self, name: str) -> None:
        reader = self._ledger(name)
        reader.moved(self._source.rows(name))
        reader.table.find(("id",))
        reader.table.tell_left()

    def _keyed(self, table: str, key: str) -> bool:
        column = self._source.tables[table].get(key)
        if column is not None and column.whole:
            return True
        told = self.report.table(table)
        told.rows = self._source.count(table)
        if told.rows:
            told.why = f"it has no {key}, by which its rows could be told apart"
        return False

    # An import

    async def take(self, pool: Pool, ahead: str = "") -> Report:
        """
        Carry everything over, or go on with that.

        @param ahead: Only accounts and the records of days before this one
            (C{YYYYMMDD}); empty for everything.
        @raise StorageError: If the target is in use, or cannot be written.
        """
        goes_on = await pool.interact(
            "import_begin", state.begin, pool.dialect, self._source.name, self._now_ms
        )
        if goes_on:
            self.report.notes.append(
                "it went on where an earlier run had ended; what that one told is not"
                " told again"
            )
        found = self._read_accounts()
        await pool.interact("import_accounts", self._put_accounts, pool, found)
        if not ahead:
            await self._take_configuration(pool)
        for name in records.tables(self._source):
            if not ahead or "" < records.day_text(name) < ahead:
                await self._take_records(pool, name)
        if not ahead:
            await self._take_ledger(pool)
            await pool.interact("import_finish", self._finish, pool, found)
            await self._check(pool, found)
            self.report.finished = True
            self._tell_rest()
        return self.report

    def _put_accounts(
        self, cursor: Cursor, pool: Pool, found: Sequence[accounts.Account]
    ) -> None:
        tables = [name for name in OBJECTS if self._has(name)]
        highest = [
            self._source.highest(name, "id")
            for name in tables
            if "id" in self._source.tables[name]
        ]
        reach(cursor, ids.OBJECT, max(highest, default=0))
        self._numbers = Numbers.read(cursor, "e_customer", "e_web_access_control")
        accounts.write(cursor, pool.dialect, self._numbers, found)

    async def _take_configuration(self, pool: Pool) -> None:
        groups = list(tariffs.groups(self._source, self.report))
        await pool.interact("import_groups", tariffs.write, self._numbers, groups)
        if self._has(tariffs.RATES):
            await RateStore(pool).replace_rates(self._rates())
        await pool.interact("import_number_groups", self._put_limits)
        for kind in devices.KINDS:
            self._progress(f"{kind.what}s", 0, 1)
            found = self._devices(kind)
            await pool.interact(
                "import_devices",
                devices.write,
                pool.dialect,
                self._numbers,
                kind,
                found,
            )
            self._progress(f"{kind.what}s", 1, 1)
        values = systemwide.parameters(self._source, self.report, self._parameters)
        await pool.interact("import_parameters", systemwide.write_parameters, values)
        rules = systemwide.access(self._source, self.report)
        await pool.interact("import_access", systemwide.write_access, rules)

    def _put_limits(self, cursor: Cursor) -> None:
        limits.write(
            cursor,
            self._numbers,
            limits.groups(self._source, self.report),
            limits.numbers(self._source, self.report, self._limits),
        )

    # Records

    async def _take_records(self, pool: Pool, name: str) -> None:
        if not self._keyed(name, records.KEY):
            return
        reader = self._reader(name)
        step = f"records of {records.day_text(name) or 'the last minutes'}"
        place = await pool.read("import_place", state.Place.of, name)
        total = reader.report.rows
        earlier = place.rows
        reader.report.carried = earlier
        place = await self._carry(pool, reader, step, name, place, total)
        if earlier and place.rows != total:
            # rows came below the place since the earlier run: all are looked at again
            reader.report.carried = reader.report.read = 0
            await self._carry(pool, reader, step, name, state.Place(), total)

    async def _carry(
        self,
        pool: Pool,
        reader: records.RecordReader,
        step: str,
        name: str,
        place: state.Place,
        total: int,
    ) -> state.Place:
        self._progress(step, place.rows, total)
        while page := self._source.page(name, records.KEY, place.after):
            found = reader.records(page)
            place = _behind(page, records.KEY, place)
            days = records.days_of(found, self._zone)
            await self._make_days(pool, days)
            await pool.interact(
                "import_records", self._put_records, pool, name, days, place
            )
            self._progress(step, place.rows, total)
        return place

    async def _make_days(self, pool: Pool, days: Iterable[str]) -> None:
        there = await pool.read(
            "import_tables", lambda cursor: pool.dialect.tables(cursor, f"{ROLLING}_")
        )
        lacking = sorted(set(days) - set(there))
        if lacking:
            await pool.interact("import_days", records.make, pool.dialect, lacking)

    @staticmethod
    def _put_records(
        cursor: Cursor,
        pool: Pool,
        name: str,
        days: dict[str, list[Cdr]],
        place: state.Place,
    ) -> None:
        records.write(cursor, pool.dialect, days)
        state.numbered(cursor, place.after)
        place.put(cursor, name)

    # Payments and rents

    async def _take_ledger(self, pool: Pool) -> None:
        for name in ledger.tables(self._source):
            reader = self._ledger(name)
            told = reader.table.report
            place = await pool.read("import_place", state.Place.of, name)
            told.carried = place.rows
            while page := self._ledger_page(name, place):
                found = reader.moved(page)
                place = _behind(page, "id", place)
                await pool.interact(
                    "import_ledger", self._put_ledger, pool, name, found, place
                )
                self._progress(name, place.rows, told.rows)
            reader.table.find(("id",))
            reader.table.tell_left()

    def _ledger_page(self, name: str, place: state.Place) -> Sequence[Row]:
        """The rows behind a place; all at once where no key tells them apart."""
        column = self._source.tables[name].get("id")
        if column is not None and column.key:
            return self._source.page(name, "id", place.after)
        return () if place.rows else list(self._source.rows(name))

    @staticmethod
    def _put_ledger(
        cursor: Cursor,
        pool: Pool,
        name: str,
        found: Sequence[ledger.Moved],
        place: state.Place,
    ) -> None:
        ledger.write(cursor, pool.dialect, found)
        place.put(cursor, name)

    # The end

    def _finish(
        self, cursor: Cursor, pool: Pool, found: Sequence[accounts.Account]
    ) -> None:
        balances = {each.account: each.money for each in found}
        opened = accounts.settle(cursor, pool.dialect, balances, self._now_ms)
        highest = [
            self._source.highest(name, records.KEY)
            for name in records.tables(self._source)
            if records.KEY in self._source.tables[name]
        ]
        state.numbered(cursor, max([*highest, *self._handed_out()], default=0))
        state.finish(cursor, self._now_ms)
        self.report.notes.append(
            f"{opened} of {len(balances)} accounts have a payment of type 2 for what"
            " the payments, charges and rents that were carried do not explain"
        )

    def _handed_out(self) -> list[int]:
        """The number of the last record, as e_othermaxid of the source has it."""
        if not self._has("e_othermaxid"):
            return []
        return [
            number(row.get("maxid"), LARGEST_LONG)
            for row in self._source.rows("e_othermaxid")
            if records.KEY in text(row.get("type")).lower()
        ]

    async def _check(self, pool: Pool, found: Sequence[accounts.Account]) -> None:
        """Compare what the source has with what the target has now."""
        self._progress("check of sums", 0, 1)
        target = await pool.read("import_check", self._sums, pool)
        wanted = [Decimal(len(found)), sum((each.money for each in found), ZERO)]
        names = [
            n for n in records.tables(self._source) if not self.report.table(n).why
        ]
        refused = sum(
            finding.count
            for name in names
            for finding in self.report.table(name).refused.values()
        )
        wanted += self._record_sums(names)
        if refused:
            self.report.notes.append(
                f"{refused} records could not be carried; the check of sums shows what"
                " they come to"
            )
        for what, ours, theirs in zip(_CHECKED, target, wanted, strict=True):
            self.report.sums.append(Sum(what, theirs, ours))
        self._progress("check of sums", 1, 1)

    def _record_sums(self, names: Iterable[str]) -> list[Decimal]:
        totals = [ZERO, ZERO, ZERO]
        for name in names:
            columns = self._source.tables[name]
            parts = ["COUNT(*)"] + [
                f"SUM(CAST({quoted(columns[each].name)} AS DECIMAL(30,6)))"
                if each in columns
                else "0"
                for each in ("fee", "agentfee")
            ]
            (row,) = self._source.ask(
                f"SELECT {', '.join(parts)} FROM {self._source.sql_name(name)}"
            )
            for place, value in enumerate(row):
                totals[place] += Decimal((value or b"0").decode())
        return totals

    @staticmethod
    def _sums(cursor: Cursor, pool: Pool) -> list[Decimal]:
        dialect = pool.dialect
        cursor.execute("SELECT COUNT(*), SUM(money) FROM e_customer")
        count, money = cursor.fetchone()
        totals = [Decimal(count), dialect.read_amount(money), ZERO, ZERO, ZERO]
        for name in dialect.tables(cursor, ROLLING):
            cursor.execute(f"SELECT COUNT(*), SUM(fee), SUM(agentfee) FROM {name}")
            count, fee, agent_fee = cursor.fetchone()
            totals[2] += count
            totals[3] += dialect.read_amount(fee)
            totals[4] += dialect.read_amount(agent_fee)
        return totals


_CHECKED = (
    "accounts",
    "accounts: balances",
    "records",
    "records: fee",
    "records: agentfee",
)


def _behind(page: Sequence[Row], key: str, place: state.Place) -> state.Place:
    """The place behind a page."""
    after = number(page[-1].get(key), LARGEST_LONG)
    return state.Place(after, place.rows + len(page))
