"""
Sees what other programs write to the configuration's tables, and has it used.

Every few seconds the database is asked whether somebody wrote (L{OutsideStore});
only then are tables read and compared with what is in use, beside the calls. What
is different is used and noted in the list of changes: by whom is not known, so it
is `outside`, unless one of our own programs says that it was it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from vos3000.db.changes import (
    CHANGED,
    CREATED,
    DELETED,
    OUTSIDE,
    By,
    ChangeStore,
    differences,
)
from vos3000.db.outside import RATES, TABLES, Marks, OutsideStore
from vos3000.db.ratechanges import RateChange
from vos3000.errors import BadRow, StorageError
from vos3000.instant import Now
from vos3000.metrics import Metrics
from vos3000.model.money import ZERO
from vos3000.tables import Tables, different

PERIOD = 3.0
"""Seconds between two looks."""

PATIENCE = 10.0
"""How many times as long as the last look took the next one waits, at least."""

TOGETHER = 100
"""Values that are compared before others have their turn."""

MOST_NOTED = 1000
"""Changes that are noted one by one; of more, only how many."""

_SECRET = frozenset(("password",))

_UNTOLD = frozenset(("id", "money"))

Difference = tuple[int, str, Mapping[str, Any], Mapping[str, Any]]
"""What L{ChangeStore.note_all} takes."""


@attrs.frozen(slots=True)
class Seen:
    """
    Marks, and when they were taken.

    @ivar rates: The mark of the rates, where the tables' do not tell.
    """

    tables: Marks
    rates: object


class Watch:
    """
    Looks for what others wrote.

    @param clock: Where the next look waits.
    """

    _log = Logger()

    def __init__(
        self,
        store: OutsideStore,
        tables: Tables,
        changes: ChangeStore,
        clock: IReactorTime,
        now: Now,
        metrics: Metrics,
    ) -> None:
        self._store = store
        self._tables = tables
        self._changes = changes
        self._clock = clock
        self._now = now
        self._seen: Seen | None = None
        self._told = 0
        self._known: dict[str, Any] = {}
        self._rates: list[RateChange] = []
        self._next: IDelayedCall | None = None
        self._busy = self._stopped = False
        self._complained = ""
        self._count = metrics.counter(
            "outside_changes_total", "Changes that other programs wrote."
        )
        tables.rates_changed = self._rates.extend
        tables.breathe = self._breathe

    def start(self) -> None:
        """Look again and again; everything was read just now."""
        self._wait(PERIOD)

    def stop(self) -> None:
        """Look no more."""
        self._stopped = True
        if self._next is not None and self._next.active():
            self._next.cancel()

    def _wait(self, seconds: float) -> None:
        if not self._stopped:
            self._next = self._clock.callLater(seconds, self._look_again)

    def _look_again(self) -> None:
        begun = self._now()

        def done(result: object) -> None:
            took = self._now().since(begun) / 1000
            self._wait(max(PERIOD, took * PATIENCE))

        self.look().addErrback(self._failed).addCallback(done)

    def _failed(self, failure: Any) -> None:
        if failure.check(StorageError) is None:
            self._log.failure("outside changes are not seen", failure)
            return
        told = str(failure.value)
        if told != self._complained and not self._stopped:
            self._log.error("not taken over: {why}", why=told)
        self._complained = told

    # What is in use

    async def marks(self) -> Seen:
        """The marks as they are now: taken before everything is read."""
        return Seen(await self._store.marks(), await self._store.rates())

    async def settled(self, seen: Seen) -> None:
        """
        Everything was read after C{seen} was taken, and is in use. What is
        different from the last time is noted.
        """
        first = self._seen is None
        self._seen = seen
        if first:
            self._told = await self._store.last_told()
            self._known = self._tables.in_use()
        else:
            await self._note(self._tables.in_use())

    # Looking

    def look(self) -> Deferred[None]:
        """
        Look once.

        @return: Fails with L{StorageError}.
        """
        return Deferred.fromCoroutine(self._look())

    async def _look(self) -> None:
        if self._busy or self._seen is None:
            return
        self._busy = True
        try:
            await self._compare(self._seen)
        finally:
            self._busy = False

    async def _compare(self, seen: Seen) -> None:
        now = self._tables.in_use()
        if any(now[name] is not self._known[name] for name in now):
            await self._note(now)  # ours; who writes the same next is somebody else
        marks = await self._store.marks()
        written = {name for name in TABLES if marks.get(name) != seen.tables.get(name)}
        if not written:
            return
        rates = seen.rates
        if written & RATES:
            rates = await self._store.rates()
            if rates is not None and rates == seen.rates:
                written -= RATES
        try:
            await self._tables.look(written)
        except BadRow:
            if self._seen is seen:  # it stays bad until somebody writes again
                self._seen = Seen(marks, rates)
            raise
        self._complained = ""
        if self._seen is seen:
            self._seen = Seen(marks, rates)
        await self._note(self._tables.in_use())

    def _breathe(self) -> Awaitable[None]:
        """Let others have their turn."""
        return deferLater(self._clock, 0)

    # Noting

    async def _note(self, now: Mapping[str, Any]) -> None:
        before, self._known = self._known, dict(now)
        found: list[Difference] = []
        for name, describe in _DESCRIBED.items():
            if before.get(name) is not now.get(name):
                old, new = describe(before.get(name)), describe(now.get(name))
                found += [each async for each in self._differences(old, new)]
        found += self._money(self._tables.moved())
        rates, self._rates[:] = list(self._rates), []
        self._told, ours = await self._store.told(self._told)
        found = [each for each in found if each[1] not in ours]
        found += _rate_differences(rates, ours)
        if not found:
            return
        self._count.value += len(found)
        self._log.info(
            "{count} changes of other programs are in use: {some}",
            count=len(found),
            some=", ".join(each[1] for each in found[:5]),
        )
        more = len(found) - MOST_NOTED
        if more > 0:
            found = [
                *found[:MOST_NOTED],
                (CHANGED, "further objects", {}, {"count": more}),
            ]
        by = By(OUTSIDE, self._now().wall)
        await self._changes.note_all(by, found)

    async def _differences(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> Any:
        for number, event in enumerate({**old, **new}):
            if number % TOGETHER == TOGETHER - 1:
                await self._breathe()
            before, after = old.get(event), new.get(event)
            if before is after or not different(before, after):
                continue
            kind = CHANGED
            if before is None or after is None:
                kind = CREATED if before is None else DELETED
            told = differences(_fields(before), _fields(after), _SECRET)
            if told != ({}, {}):
                yield kind, event, *told

    def _money(self, moved: Iterable[tuple[str, Any, Any]]) -> Iterator[Difference]:
        for account, before, after in moved:
            yield CHANGED, f"account {account}", {"money": before}, {"money": after}


def _rate_differences(
    rates: Sequence[RateChange], ours: Iterable[str]
) -> Iterator[Difference]:
    imported = {
        name
        for event in ours
        if event.startswith("rates of ")
        for name in event.removeprefix("rates of ").split(", ")
    }
    for change in rates:
        if change.group not in imported:
            yield CHANGED, f"rates of {change.group}", change.old, change.new


def _fields(value: Any) -> Mapping[str, Any]:
    """The fields of a gateway, a phone, an account or a setting."""
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return value
    settings: Mapping[str, Any] | None = getattr(value, "settings", None)
    if settings is not None:
        return settings
    return {n: v for n, v in attrs.asdict(value).items() if n not in _UNTOLD}


_DESCRIBED: dict[str, Callable[[Any], Mapping[str, Any]]] = {
    "parameters": lambda rows: {
        f"parameter {name}": {"value": text} for name, text in (rows or {}).items()
    },
    "access": lambda rules: {
        f"access to {each.path}": {"ips": ",".join(each.addresses)}
        for each in rules or ()
    },
    "mapping": lambda rows: {f"mapping gateway {each.name}": each for each in rows},
    "routing": lambda rows: {f"routing gateway {each.name}": each for each in rows},
    "phones": lambda rows: {f"phone {e164}": each for e164, each in rows.items()},
    "numbers": lambda groups: {
        f"number group {name}": {"numbers": numbers} for name, numbers in groups.items()
    },
    "customers": lambda rows: {
        f"account {each.account}": attrs.evolve(each, money=ZERO) for each in rows
    },
}
"""What is in use of each table, by what the list of changes calls it."""
