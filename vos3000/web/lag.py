"""
How late the reactor is: the first sign that a switch has too much to do.
"""

from __future__ import annotations

from collections import deque

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from vos3000.instant import Instant, Now
from vos3000.metrics import Metrics

INTERVAL = 0.5
"""Seconds between two probes."""

KEPT = 30
"""Probes whose worst is shown: the last 15 s, a scrape's usual distance."""


class LagProbe:
    """
    A timer that measures how late it is called.

    The gauge C{reactor_lag_seconds} is the worst of the last L{KEPT} probes.

    @param now: Measures; the clock's own time may step.
    """

    def __init__(self, clock: IReactorTime, now: Now, metrics: Metrics) -> None:
        self._clock = clock
        self._now = now
        self._late: deque[float] = deque(maxlen=KEPT)
        self._set: Instant | None = None
        self._call: IDelayedCall | None = None
        metrics.gauge(
            "reactor_lag_seconds",
            "Worst delay of a timer in the last 15 s.",
            lambda: max(self._late, default=0.0),
        )

    def start(self) -> None:
        """Begin to probe."""
        self._set = self._now()
        self._call = self._clock.callLater(INTERVAL, self._probe)

    def _probe(self) -> None:
        assert self._set is not None
        waited = self._now().mono - self._set.mono
        self._late.append(max(0.0, waited - INTERVAL))
        self.start()

    def stop(self) -> None:
        """Probe no more."""
        if self._call is not None:
            self._call.cancel()
            self._call = None
