"""
The lines in use at each gateway, and the limit on them.
"""

from __future__ import annotations


class Capacity:
    """
    Counts the calls at each gateway by its name.

    Limits come with the question and not with a table, so a limit that an
    operator changes holds for the next call; calls above it stay up.
    """

    __slots__ = ("_used",)

    def __init__(self) -> None:
        self._used: dict[str, int] = {}

    def acquire(self, gateway: str, limit: int) -> bool:
        """
        Take a line at C{gateway}.

        @param limit: Most lines at once; 0 or less for no limit.
        @return: Whether there was one; a refusal takes none.
        """
        used = self._used.get(gateway, 0)
        if 0 < limit <= used:
            return False
        self._used[gateway] = used + 1
        return True

    def release(self, gateway: str) -> None:
        """Give a line back; one that was never taken changes nothing."""
        used = self._used.get(gateway, 0)
        if used > 1:
            self._used[gateway] = used - 1
        else:
            self._used.pop(gateway, None)

    def used(self, gateway: str) -> int:
        """How many lines are in use at C{gateway}."""
        return self._used.get(gateway, 0)
