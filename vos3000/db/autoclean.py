"""
Automatic clean-up: rows older than e_autoclean allows are removed, a few at a time.

What they did to balances stays: it is added up in C{e_cleaned}, in the transaction
that removes them, so that the ledger goes on to explain every balance. A table of a
day is emptied first and dropped then, because dropping a full one would hold up the
writing of records for as long as that takes.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from datetime import tzinfo
from decimal import Decimal
from typing import Any

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from vos3000.db import changes, views
from vos3000.db.changes import By
from vos3000.db.cursor import Cursor
from vos3000.db.days import ROLLING, day_of, day_tables
from vos3000.db.dialects import Dialect
from vos3000.db.pool import Pool
from vos3000.errors import StorageError
from vos3000.events import Cleaned, Events
from vos3000.instant import Now
from vos3000.metrics import Metrics
from vos3000.model.money import ZERO

FIRST = 120.0
"""Seconds after a start until the first look."""

EVERY = 3600.0
"""Seconds between two looks."""

STEP = 500
"""Rows of one step."""

PAUSE = 0.2
"""Seconds between two steps: others write meanwhile."""

LONGEST = 36_500
"""Days that a rule may say."""


@attrs.frozen(slots=True)
class Kind:
    """
    One kind of rows that grow old.

    @ivar content: Its table; of e_cdr those of its days.
    @ivar when: The column of their time, UTC ms.
    @ivar key: Their key.
    @ivar moves: Columns of accounts and of amounts, and in which direction the
        amounts moved the balance.
    """

    content: str
    when: str
    key: str = "id"
    moves: tuple[tuple[str, str, int], ...] = ()


RECORDS = Kind(
    ROLLING,
    "starttime",
    "flowno",
    (("customeraccount", "fee", -1), ("agentaccount", "agentfee", -1)),
)

KINDS = {
    0: RECORDS,
    1: Kind("e_payhistory", "paytime", moves=(("account", "fee", 1),)),
    2: Kind("e_consumption", "time", moves=(("account", "money", -1),)),
    3: Kind("e_syslog", "time"),
}
"""What C{type} of e_autoclean means."""


@attrs.frozen(slots=True)
class Rule:
    """
    A row of e_autoclean.

    @ivar days: Rows that are older are removed.
    """

    kind: Kind
    enabled: bool
    days: int


def rules(cursor: Cursor) -> list[Rule]:
    """
    What e_autoclean says. A row with less than one day counts as disabled: nobody
    means to remove what is written right now.
    """
    cursor.execute("SELECT type, enabled, expiredays FROM e_autoclean ORDER BY type")
    return [
        Rule(KINDS[kind], bool(enabled) and days > 0, days)
        for kind, enabled, days in cursor.fetchall()
        if kind in KINDS
    ]


def put_rule(cursor: Cursor, content: str, days: int, by: By | None = None) -> bool:
    """
    Change a rule, or make it again.

    @param days: 0 to disable it; the days it has stay then.
    @param by: Who stands in the list of changes; None for nobody.
    @return: Whether there is such a content.
    """
    number = {kind.content: number for number, kind in KINDS.items()}.get(content)
    if number is None:
        return False
    cursor.execute(
        "SELECT expiredays, enabled FROM e_autoclean WHERE type = ?", (number,)
    )
    had = cursor.fetchone()
    old = {"days": had[0] if had[1] else 0} if had else {}
    told = changes.differences(old, {"days": days})
    changes.record(cursor, by, changes.CHANGED, f"clean-up of {content}", *told)
    cursor.execute("DELETE FROM e_autoclean WHERE type = ?", (number,))
    cursor.execute(
        "INSERT INTO e_autoclean (type, enabled, content, expiredays)"
        " VALUES (?, ?, ?, ?)",
        (number, int(days > 0), content, days or (had[0] if had else LONGEST)),
    )
    return True


def _nowhere() -> int | None:
    """Records belong nowhere else."""
    return None


class AutoClean:
    """
    Cleans up while the switch runs.

    @ivar passed_on: Asked up to which number records were written wherever else
        they belong, such as to files; those above stay until they are. None if they
        belong nowhere else.
    @param zone: Whose days the day tables are.
    """

    _log = Logger()

    def __init__(
        self,
        pool: Pool,
        clock: IReactorTime,
        now: Now,
        events: Events,
        metrics: Metrics,
        zone: tzinfo,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._now = now
        self._events = events
        self._zone = zone
        self._timer: IDelayedCall | None = None
        self._stopped = False
        self.passed_on: Callable[[], int | None] = _nowhere
        self._removed = metrics.labelled(
            "db_cleaned_total", "Rows that the automatic clean-up removed.", "table"
        )

    def start(self) -> None:
        """Look in a while, and then from time to time."""
        self._timer = self._clock.callLater(FIRST, self._turn)

    def stop(self) -> None:
        """Remove nothing more; a step under way ends by itself."""
        self._stopped = True
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def run(self) -> Deferred[None]:
        """Remove everything that is too old."""
        return Deferred.fromCoroutine(self._run())

    def _turn(self) -> None:
        done = self.run().addErrback(self._failed)
        done.addCallback(lambda _: self._later())

    def _later(self) -> None:
        if not self._stopped:
            self._timer = self._clock.callLater(EVERY, self._turn)

    def _failed(self, why: Failure) -> None:
        if why.check(StorageError):
            reason = why.getErrorMessage()
            self._log.error("the clean-up was broken off: {why}", why=reason)
        else:
            self._log.failure("the clean-up was broken off", why)

    async def _run(self) -> None:
        now = self._now().wall
        for rule in await self._pool.read("clean_rules", rules):
            if not rule.enabled:
                continue
            before = self._before(now, rule.days)
            if rule.kind is RECORDS:
                await self._days(before)
            else:
                await self._rows(rule.kind, rule.kind.content, before)

    def _before(self, now: int, days: int) -> int:
        """The first millisecond that is not too old: days are kept whole."""
        today = day_of(now, self._zone).date
        oldest = max(today.toordinal() - days, 1)
        noon = datetime.datetime.combine(
            datetime.date.fromordinal(oldest), datetime.time(12), self._zone
        )
        return day_of(int(noon.timestamp() * 1000), self._zone).begin

    async def _days(self, before: int) -> None:
        """Empty and drop the tables of days that are too old."""
        first = day_of(before, self._zone).table
        kind = self._pool.dialect
        for table in await self._pool.read("clean_days", day_tables, kind):
            if table >= first or self._stopped:
                return
            reached = self.passed_on()
            newest = await self._pool.read("clean_newest", _newest, table)
            if reached is not None and newest > reached:
                self._log.warn(
                    "{table} is kept: its records were not written to the files yet",
                    table=table,
                )
                continue
            await self._rows(RECORDS, table, None)
            if not self._stopped:
                await self._pool.interact("clean_drop", _drop, kind, table)
                self._log.info("{table} was dropped", table=table)

    async def _rows(self, kind: Kind, table: str, before: int | None) -> None:
        """Remove the rows of a table, all or those before a moment."""
        pool, total = self._pool, 0
        while not self._stopped:
            found = await pool.read("clean_find", _find, kind, table, before)
            if not found:
                break
            await pool.interact("clean_step", _step, pool.dialect, kind, table, found)
            total += len(found)
            self._removed.add(kind.content, len(found))
            await self._pause()
        if total:
            self._log.info(
                "{count} old rows of {table} were removed", count=total, table=table
            )
            self._events.publish(Cleaned(table, total))

    def _pause(self) -> Deferred[None]:
        done: Deferred[None] = Deferred()
        self._clock.callLater(PAUSE, done.callback, None)
        return done


def _newest(cursor: Cursor, table: str) -> int:
    """The highest number of a table's records."""
    cursor.execute(f"SELECT MAX(flowno) FROM {table}")
    return int(cursor.fetchone()[0] or 0)


def _find(cursor: Cursor, kind: Kind, table: str, before: int | None) -> list[int]:
    """The keys of some of the oldest rows."""
    where, values = (
        ("", ()) if before is None else (f" WHERE {kind.when} < ?", (before,))
    )
    cursor.execute(
        f"SELECT {kind.key} FROM {table}{where} ORDER BY {kind.key} LIMIT {STEP}",
        values,
    )
    return [key for (key,) in cursor.fetchall()]


def _step(
    cursor: Cursor, dialect: Dialect, kind: Kind, table: str, keys: Sequence[int]
) -> None:
    """Remove rows, and keep what they did to balances."""
    where = f" WHERE {kind.key} IN ({', '.join('?' * len(keys))})"
    sums: dict[str, Decimal] = {}
    for who, what, sign in kind.moves:
        cursor.execute(
            f"SELECT {who}, SUM({what}) FROM {table}{where} GROUP BY {who}", keys
        )
        for account, amount in cursor.fetchall():
            if account and amount:
                moved = sign * dialect.read_amount(amount)
                sums[account] = sums.get(account, ZERO) + moved
    for account, moved in sums.items():
        _carry(cursor, account, dialect.amount(moved))
    cursor.execute(f"DELETE FROM {table}{where}", keys)
    if cursor.rowcount != len(keys):
        raise StorageError(f"{len(keys)} rows found, {cursor.rowcount} removed")


def _carry(cursor: Cursor, account: str, amount: Any) -> None:
    cursor.execute(
        "UPDATE e_cleaned SET money = money + ? WHERE account = ?", (amount, account)
    )
    if cursor.rowcount == 0:
        cursor.execute(
            "INSERT INTO e_cleaned (account, money) VALUES (?, ?)", (account, amount)
        )


def _drop(cursor: Cursor, dialect: Dialect, table: str) -> None:
    """Drop a table of a day, unless a record came into it again."""
    cursor.execute(f"SELECT COUNT(*) FROM {table}")
    if cursor.fetchone()[0] == 0:
        dialect.drop(cursor, table)
        views.forget(cursor, dialect, table)
