"""
The numbers of calls: unique over restarts and over the switches of one database,
and never waited for.

Numbers are taken from the database a block ahead of their use. A crash skips
what is left of a block. While the database is down, or does not answer in time,
blocks begin at a place of chance in the upper half of what a number may be: no
other switch and no later run has the same ones, but for odds of one to thousands.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from vos3000.db import ids
from vos3000.db.pool import Pool

KIND = "call"
"""The sequence in e_othermaxid."""

BLOCK = 10_000
"""Numbers taken at once."""

LARGEST = 2**31 - 1
"""The interface's callId is a positive 32-bit integer; then comes 1 again."""

UPPER = 2**30
"""Where numbers begin that are taken without the database."""


class CallNumbers:
    """
    Hands out the numbers of calls; L{start} first.

    @param choose: Chooses one of so many.
    """

    _log = Logger()

    def __init__(self, pool: Pool, choose: Callable[[int], int]) -> None:
        self._pool = pool
        self._choose = choose
        self._last = self._end = 0
        self._blocks: deque[int] = deque()
        self._left = 0
        self._asking = False

    def start(self) -> Deferred[None]:
        """
        Take the first block.

        @return: Fails with L{StorageError}.
        """
        return self._take().addCallback(self._add)

    def __call__(self) -> int:
        """The next number."""
        if self._last == self._end:
            self._turn()
        self._last += 1
        self._left -= 1
        if self._left < BLOCK // 2 and not self._asking:
            self._asking = True
            self._take().addCallbacks(self._more, self._failed)
        return (self._last - 1) % LARGEST + 1

    def _take(self) -> Deferred[int]:
        return self._pool.calls("call_numbers", ids.take, KIND, BLOCK)

    def _turn(self) -> None:
        """Begin with the next block."""
        if not self._blocks:
            self._alone()
        self._last = self._blocks.popleft() - 1
        self._end = self._last + BLOCK

    def _add(self, first: int) -> None:
        self._blocks.append(first)
        self._left += BLOCK

    def _more(self, first: int) -> None:
        self._asking = False
        self._add(first)

    def _failed(self, failure: object) -> None:
        self._asking = False
        self._alone()

    def _alone(self) -> None:
        self._log.warn("call numbers go on without the database")
        self._add(UPPER + self._choose(LARGEST - UPPER - BLOCK))
