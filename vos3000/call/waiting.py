"""
Coroutines that seldom have to wait.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import Any

from twisted.internet.defer import Deferred

Work = Coroutine["Deferred[Any]", Any, None]


def begin(work: Work) -> Deferred[None] | None:
    """
    Run C{work} up to where it waits: without a Deferred, which costs 3.5 us, if
    it never does.

    @return: Fires when it is done, and cancels what it waits for; None if it is
        done already.
    @raise Exception: What it raised before it had to wait.
    """
    try:
        first = work.send(None)
    except StopIteration:
        return None
    return Deferred.fromCoroutine(_rest(work, first))


def _rest(work: Work, waiting: Deferred[Any]) -> Generator[Deferred[Any], object, None]:
    """C{work} from its first wait on."""
    try:
        while True:
            try:
                result = yield waiting
            except Exception as error:
                waiting = work.throw(error)
            else:
                waiting = work.send(result)
    except StopIteration:
        return
