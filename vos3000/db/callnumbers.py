"""
The numbers of calls: unique over restarts, and never waited for.

Numbers are taken from the database a block ahead of their use. A crash skips
what is left of a block; a database that is down is left out, since nothing
else hands out numbers of this switch.
"""

from __future__ import annotations

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


class CallNumbers:
    """
    Hands out the numbers of calls; L{start} first.
    """

    _log = Logger()

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._last = 0
        self._taken = 0
        self._asking = False

    def start(self) -> Deferred[None]:
        """
        Take the first block.

        @return: Fails with L{StorageError}.
        """
        return self._take().addCallback(self._begin)

    def _take(self) -> Deferred[int]:
        return self._pool.calls("call_numbers", ids.take, KIND, BLOCK)

    def _begin(self, first: int) -> None:
        self._last = first - 1
        self._taken = first - 1 + BLOCK

    def __call__(self) -> int:
        """The next number."""
        self._last += 1
        if self._taken - self._last < BLOCK // 2 and not self._asking:
            self._asking = True
            self._take().addCallbacks(self._more, self._failed)
        return (self._last - 1) % LARGEST + 1

    def _more(self, first: int) -> None:
        self._asking = False
        self._taken = max(self._taken, first - 1 + BLOCK)

    def _failed(self, failure: object) -> None:
        self._asking = False
        self._taken += BLOCK
        self._log.warn("call numbers go on without the database")
