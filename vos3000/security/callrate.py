"""
The new calls of each gateway in the last seconds, and the limit on them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

Rate = tuple[int, int]
"""Most calls, and the seconds in which (maxCallRate, maxCallRateUnit)."""


class CallRates:
    """
    Counts new calls by the name of their gateway.

    The count is exact: in no stretch of that many seconds, wherever it begins, are
    there more calls than the limit. So a moment is kept for each call of the last
    seconds, where there is a limit, and nothing where there is none. As with lines,
    the limit comes with the question.

    @param seconds: A clock that never steps.
    """

    __slots__ = ("_begun", "_seconds")

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._begun: dict[str, deque[float]] = {}

    def wait(self, gateway: str, rate: Rate) -> float:
        """
        Seconds until C{gateway} may have another call; 0 if it may now.

        @param rate: Its limit; 0 or fewer calls for none.
        """
        calls, unit = rate
        if calls <= 0:
            return 0.0
        begun = self._begun.get(gateway)
        if begun is None or len(begun) < calls:
            return 0.0
        return max(0.0, begun[-calls] + unit - self._seconds())

    def take(self, gateway: str, rate: Rate) -> bool:
        """
        Count a call of C{gateway}.

        @return: Whether it may have one now; a refusal is not counted.
        """
        calls, unit = rate
        if calls <= 0:
            return True
        begun = self._begun.get(gateway)
        if begun is None:
            begun = self._begun[gateway] = deque()
        now = self._seconds()
        while begun and begun[0] <= now - unit:
            begun.popleft()
        if len(begun) >= calls:
            return False
        begun.append(now)
        return True

    def keep(self, gateways: Iterable[str]) -> None:
        """Forget the calls of all gateways but these."""
        for name in self._begun.keys() - set(gateways):
            del self._begun[name]
