"""
A moment, with its wall-clock side and its monotonic side.

Durations come from the monotonic side, which never steps; start and end
stamps of records come from the wall side.
"""

from __future__ import annotations

from collections.abc import Callable

from vos3000.values import fixed


@fixed
class Instant:
    """
    One moment.

    @ivar wall: Milliseconds since 1970-01-01 UTC.
    @ivar mono: Seconds on a clock that never steps; its zero means nothing.
    """

    wall: int
    mono: float

    def since(self, earlier: Instant) -> int:
        """
        Milliseconds from C{earlier} to this moment, on the monotonic side.

        Rounded to the nearest microsecond before it is cut to milliseconds,
        so that 2.010 s is 2010 ms and not 2009.
        """
        return round((self.mono - earlier.mono) * 1_000_000) // 1000


Now = Callable[[], Instant]
"""What code that needs the time is given."""


def instants(wall: Callable[[], float], mono: Callable[[], float]) -> Now:
    """
    Make a source of moments.

    @param wall: Seconds since the epoch (C{time.time}, or a test's clock).
    @param mono: Seconds that never step (C{time.monotonic}).
    """

    def now() -> Instant:
        return Instant(int(wall() * 1000), mono())

    return now
