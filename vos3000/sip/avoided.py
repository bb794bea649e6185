"""
Servers that failed a moment ago: of several that do the same they come last.

RFC 3263 4.3 sends a request that one server does not take to the next. Without
a memory every call would wait for the dead one first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from vos3000.sip.transaction import Address
from vos3000.timers import TimerWheel

AVOIDED = 30.0
"""Seconds for which a server comes last."""

MOST_AVOIDED = 1000

T = TypeVar("T")


class Avoided:
    """The addresses of such servers."""

    def __init__(self, timers: TimerWheel) -> None:
        self._timers = timers
        self._failed: dict[Address, None] = {}

    def __len__(self) -> int:
        return len(self._failed)

    def add(self, address: Address) -> None:
        """One did not answer, or said that it cannot (503)."""
        if address not in self._failed and len(self._failed) < MOST_AVOIDED:
            self._failed[address] = None
            self._timers.later(AVOIDED, self._forget, address)

    def _forget(self, address: Address) -> None:
        self._failed.pop(address, None)

    def last(self, found: Sequence[T], address: Callable[[T], Address]) -> Sequence[T]:
        """
        The same in the same order, those that failed behind the others.

        @param address: Gives the address of one.
        """
        failed = self._failed
        if not failed or len(found) < 2:
            return found
        return sorted(found, key=lambda each: address(each) in failed)
