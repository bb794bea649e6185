"""
Passing records on, in the order of their numbers, from where it ended last time.

What cannot be passed on stays in the database: a page of it is in memory, whatever
the trouble, and it is tried again until it goes through. Nothing else waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import attrs
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from vos3000.db.cdrfeed import CdrFeed
from vos3000.db.cdrs import PAGE
from vos3000.errors import StorageError
from vos3000.events import Events, ReportFailed, ReportRecovered
from vos3000.metrics import LabelledCounter
from vos3000.model.cdr import Cdr

EVERY = 3.0
"""Seconds between two looks at the database when nobody says there is something."""

RETRY = 1.0
"""Seconds between two tries."""

LAST = 1.0
"""Seconds that an output may take to note how far it is when the switch stops."""


class Output(Protocol):
    """
    A way out for records.

    @ivar name: What it is called in the log.
    @ivar patience: Seconds that records may wait for company.
    """

    name: str
    patience: float

    @property
    def reached(self) -> int:
        """The last record that was dealt with."""

    @property
    def needed(self) -> int:
        """Records above this number may have to be read again."""

    def wanted(self) -> bool:
        """Whether the parameters want it now."""

    async def open(self, newest: int) -> None:
        """Find out where it ended; the first time, begin behind C{newest}."""

    async def take(self, records: list[Cdr]) -> None:
        """
        Pass records on; L{reached} says how many it were. It raises OSError if it
        cannot go on.
        """

    async def rest(self, complete: bool) -> None:
        """There is nothing; nothing waits to be written either if C{complete}."""

    async def give_up(self) -> None:
        """It is not wanted: close what is open, forget how far it was."""

    async def close(self) -> None:
        """The switch stops: keep how far it is."""


@attrs.frozen(slots=True)
class Counts:
    """What outputs count, by their names."""

    passed: LabelledCounter
    failed: LabelledCounter


class Follower:
    """
    One output and what it needs: a loop that ends with the switch.

    @param waiting: How many records wait to be written to the database.
    """

    _log = Logger()

    def __init__(
        self,
        output: Output,
        feed: CdrFeed,
        waiting: Callable[[], int],
        clock: IReactorTime,
        events: Events,
        counts: Counts,
    ) -> None:
        self._output = output
        self._feed = feed
        self._waiting = waiting
        self._clock = clock
        self._events = events
        self._counts = counts
        self._opened: bool | None = None
        self._failed_at: float | None = None
        self._loop: Deferred[None] | None = None
        self._resting: Deferred[None] | None = None
        self._timer: IDelayedCall | None = None
        self._news = False

    @property
    def name(self) -> str:
        """The output's."""
        return self._output.name

    @property
    def failing(self) -> int:
        """Seconds since when nothing can be passed on; 0 if all is well."""
        if self._failed_at is None:
            return 0
        return max(1, int(self._clock.seconds() - self._failed_at))

    @property
    def needed(self) -> int | None:
        """
        Records above this number must stay in the database; None if the output
        needs none. All of them until it is known how far it is.
        """
        if self._output.wanted() or self._opened:
            return self._output.needed if self._opened else 0
        return None

    def start(self) -> None:
        """Begin."""
        loop = self._loop = Deferred.fromCoroutine(self._follow())
        loop.addErrback(lambda why: why.trap(CancelledError) and None)
        loop.addErrback(lambda why: self._log.failure(self.name, why))

    def wake(self) -> None:
        """There are new records."""
        self._news = True
        if self._opened and self._resting is not None and self._failed_at is None:
            self._until(self._output.patience)

    def tuned(self) -> None:
        """The parameters may have changed."""
        if self._resting is not None:
            self._until(0)

    async def stop(self) -> None:
        """End; whatever is under way is left."""
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.cancel()
        self._cancel()
        closing = Deferred.fromCoroutine(self._output.close())
        try:
            await closing.addTimeout(LAST, self._clock)
        except Exception as error:
            self._log.warn("{name}: {why}", name=self.name, why=error)

    # The loop

    async def _follow(self) -> None:
        while True:
            self._news = False
            try:
                more = await self._turn()
            except CancelledError:
                raise
            except Exception as error:
                self._failed(error)
                await self._rest(RETRY)
                continue
            self._recovered()
            if not more:
                await self._rest(self._pause())

    def _pause(self) -> float | None:
        """For how long to rest when all is done."""
        if not self._opened:
            return None
        return self._output.patience if self._news else EVERY

    async def _turn(self) -> bool:
        """Pass a page on; whether there may be more."""
        output = self._output
        if not output.wanted():
            if self._opened is not False:
                await output.give_up()
                self._opened = False
            return False
        if not self._opened:
            await output.open(await self._feed.newest())
            self._opened = True
        complete = not self._waiting()
        page = await self._feed.after(output.reached)
        if not page:
            await output.rest(complete)
            return False
        before = output.reached
        try:
            await output.take(page)
        finally:
            passed = sum(before < cdr.flowno <= output.reached for cdr in page)
            self._counts.passed.add(self.name, passed)
        return len(page) == PAGE or output.reached != page[-1].flowno

    # Waiting

    def _rest(self, seconds: float | None) -> Deferred[None]:
        """Wait, or until something happens if C{seconds} is None."""
        resting = self._resting = Deferred(self._not_resting)
        if seconds is not None:
            self._timer = self._clock.callLater(seconds, self._rested)
        return resting

    def _not_resting(self, resting: Deferred[None]) -> None:
        self._resting = None
        self._cancel()

    def _until(self, seconds: float) -> None:
        """Rest no longer than that."""
        timer = self._timer
        if timer is None:
            self._timer = self._clock.callLater(seconds, self._rested)
        elif timer.getTime() > self._clock.seconds() + seconds:
            timer.reset(seconds)

    def _rested(self) -> None:
        self._timer = None
        resting, self._resting = self._resting, None
        if resting is not None:
            resting.callback(None)

    def _cancel(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    # Trouble

    def _failed(self, error: Exception) -> None:
        self._counts.failed.add(self.name)
        if self._failed_at is not None:
            return
        self._failed_at = self._clock.seconds()
        if isinstance(error, OSError | StorageError):
            self._log.error(
                "{name} stands still, records wait in the database: {why}",
                name=self.name,
                why=error,
            )
        else:
            self._log.failure("{name} stands still", name=self.name)
        self._events.publish(ReportFailed(self.name, str(error)))

    def _recovered(self) -> None:
        failed_at, self._failed_at = self._failed_at, None
        if failed_at is not None:
            waited = self._clock.seconds() - failed_at
            self._log.info(
                "{name} goes on after {waited:.1f} s", name=self.name, waited=waited
            )
            self._events.publish(ReportRecovered(self.name, waited))
