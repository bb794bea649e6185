"""
Whether records reach the database, for C{/healthz}: a database that is locked
refuses nothing for a while, and all looks well.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from vos3000.instant import Instant, Now

MANY = 1000
"""Records that may wait."""

LONG = 10_000
"""Milliseconds that a record may wait."""

INTERVAL = 1.0
"""Seconds between two looks."""


class Writer(Protocol):
    """What is watched."""

    @property
    def waiting(self) -> int:
        """Records that are not committed yet."""

    def flush(self) -> Deferred[None]:
        """Fires when all that waits now is committed."""


class Backlog:
    """
    Watches how many records wait, and for how long.

    @param now: Measures; the clock's own time may step.
    """

    def __init__(self, writer: Writer, clock: IReactorTime, now: Now) -> None:
        self._writer = writer
        self._clock = clock
        self._now = now
        self._since: Instant | None = None
        self._call: IDelayedCall | None = None

    def start(self) -> None:
        """Begin to watch."""
        self._call = self._clock.callLater(INTERVAL, self._look)

    def _look(self) -> None:
        self.start()
        if self._since is None and self._writer.waiting:
            self._since = self._now()
            self._writer.flush().addBoth(self._written)

    def _written(self, _: object) -> None:
        """What waited at the last look is in the database."""
        self._since = None

    def stop(self) -> None:
        """Watch no more."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def problem(self) -> str:
        """What is wrong; empty while records are written in time."""
        waited = 0 if self._since is None else self._now().since(self._since)
        waiting = self._writer.waiting
        if waiting <= MANY and waited <= LONG:
            return ""
        return f"{waiting} records wait for the database, some for {waited // 1000} s"
