"""
One timer wheel for all the timers of signalling.

A busy switch sets and cancels thousands of timers a second and nearly all of
them are cancelled. The reactor's own timers cost 5 us each; here setting and
cancelling one costs about 1 us, a cancelled timer is gone at once, and the
reactor sees a single delayed call however many timers run: that of the first
granule with a timer that is still wanted.

Timers fire less than two granules late and never early.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

GRANULE = 0.05
"""Seconds whose timers fire together."""

SHARE = 0.005
"""Seconds of a turn of the reactor after which further timers wait for the next:
thousands of one moment, as after a flood, do not stop everything else."""

_ENOUGH = 16
"""Timers between two looks at the time."""

_NEVER = 1 << 62


_Bucket = dict["Timer", None]
"""The timers of one granule, in the order in which they were set."""

_SPARE = 200
"""Granules that may stand empty, besides as many as are in use."""


class Timer:
    """
    A pending call. L{cancel} may be called at any time, any number of times.
    """

    __slots__ = ("_argument", "_bucket", "_call")

    def __init__(
        self, bucket: _Bucket, call: Callable[[Any], object], argument: Any
    ) -> None:
        self._bucket: _Bucket | None = bucket
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


class TimerWheel:
    """
    Timers in buckets of one granule, driven by one delayed call.

    A bucket stays when its last timer is cancelled, since the next that is set is
    mostly of the same granule: to make one costs as much as a timer.

    @ivar clock: Where time comes from: the reactor, or a test's Clock.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, granule: float = GRANULE) -> None:
        self.clock = clock
        self._granule = granule
        self._buckets: dict[int, _Bucket] = {}
        self._ticks: list[int] = []
        self._most = _SPARE
        self._done = self._tick()
        self._wake = _NEVER
        self._next: IDelayedCall | None = None

    def __len__(self) -> int:
        return sum(map(len, self._buckets.values()))

    def _tick(self) -> int:
        """The last granule that has come, by the same reckoning as L{_set}'s."""
        now, granule = self.clock.seconds(), self._granule
        tick = int(now / granule)
        return tick + 1 if (tick + 1) * granule <= now else tick

    def later(
        self, delay: float, call: Callable[[Any], object], argument: Any = None
    ) -> Timer:
        """
        Call C{call(argument)} no sooner than C{delay} seconds from now.
        """
        granule = self._granule
        due = self.clock.seconds() + delay
        tick = int(due / granule) + 1
        if tick * granule < due:
            tick += 1
        if tick <= self._done:
            tick = self._done + 1
        bucket = self._buckets.get(tick)
        if bucket is None:
            bucket = self._buckets[tick] = {}
            heappush(self._ticks, tick)
            if tick < self._wake:
                self._set(tick)
        return Timer(bucket, call, argument)

    def _set(self, tick: int) -> None:
        """Have the reactor wake us when C{tick} has come."""
        self._wake = tick
        delay = max(0.0, tick * self._granule - self.clock.seconds())
        if self._next is None:
            self._next = self.clock.callLater(delay, self._turn)
        else:
            self._next.reset(delay)

    def _turn(self) -> None:
        # the product of a granule and its length may round to the one before
        now = max(self._tick(), self._wake)
        self._next, self._wake = None, _NEVER
        self._done = max(now, self._done)
        buckets, ticks = self._buckets, self._ticks
        end = self.clock.seconds() + SHARE
        while ticks and ticks[0] <= now:
            tick = heappop(ticks)
            if not self._fire_all(buckets.get(tick), end):
                heappush(ticks, tick)
                self._set(tick)
                return
            buckets.pop(tick, None)
        self._sleep()

    def _fire_all(self, bucket: _Bucket | None, end: float) -> bool:
        """
        Fire the timers of a granule; whether all of them were, by C{end}. None is
        added meanwhile, but any may be cancelled. To take the first over and over
        would walk past all that went before, each time.
        """
        if bucket is None:
            return True
        seconds = self.clock.seconds
        for place, timer in enumerate(tuple(bucket), 1):
            if timer._bucket is not None:
                self._fire(timer)
            if place % _ENOUGH == 0 and seconds() > end:
                return not bucket
        return True

    def _fire(self, timer: Timer) -> None:
        call, argument = timer._call, timer._argument
        timer.cancel()
        try:
            if call is not None:
                call(argument)
        except Exception:
            self._log.failure("a timer's call failed")

    def _sleep(self) -> None:
        """Until the first granule that still has a timer."""
        buckets, ticks = self._buckets, self._ticks
        if len(ticks) > self._most:
            # Long timers that were cancelled long before their time.
            self._buckets = buckets = {t: b for t, b in buckets.items() if b}
            ticks[:] = buckets
            heapify(ticks)
            self._most = 2 * len(ticks) + _SPARE
        while ticks and not buckets[ticks[0]]:
            del buckets[heappop(ticks)]
        if ticks and ticks[0] < self._wake:
            self._set(ticks[0])

    def stop(self) -> None:
        """Forget every timer and release the reactor."""
        for bucket in list(self._buckets.values()):
            for timer in list(bucket):
                timer.cancel()
        self._buckets.clear()
        self._ticks.clear()
        self._wake = _NEVER
        if self._next is not None:
            self._next.cancel()
            self._next = None
