"""
The alarm for records that wait (type 20006 of VOS3000): told once when too many do,
each minute while they do, and when they no longer do.

A database that refuses is told of at once by the writer; this also notices one that
takes records, but slower than they come.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from vos3000.events import Events, RecordsWaiting
from vos3000.metrics import Metrics

PERIOD = 10.0
"""Seconds between two looks."""

AGAIN = 6
"""Looks after which it is told once more."""

MANY = 1_000
"""Records that are too many [decided: five seconds of a busy switch]."""


class Backlog:
    """
    Watches how many records wait.

    @param waiting: Says how many.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        waiting: Callable[[], int],
        events: Events,
        metrics: Metrics,
    ) -> None:
        self._clock = clock
        self._waiting = waiting
        self._events = events
        self._timer: IDelayedCall | None = None
        self._looks = 0
        metrics.gauge(
            "db_cdr_waiting_alarm",
            "1 while too many records wait (alarm 20006).",
            lambda: int(self._looks > 0),
        )

    def start(self) -> None:
        """Watch."""
        self._timer = self._clock.callLater(PERIOD, self._look)

    def stop(self) -> None:
        """Watch no more."""
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def _look(self) -> None:
        self._timer = self._clock.callLater(PERIOD, self._look)
        waiting = self._waiting()
        # between the two bounds nothing changes, lest it be told again and again
        if waiting >= MANY or (self._looks and waiting > MANY // 2):
            if self._looks % AGAIN == 0:
                self._log.error("{waiting} records wait", waiting=waiting)
                self._events.publish(RecordsWaiting(waiting, True))
            self._looks += 1
        elif self._looks:
            self._looks = 0
            self._log.info("{waiting} records wait, no more", waiting=waiting)
            self._events.publish(RecordsWaiting(waiting, False))
