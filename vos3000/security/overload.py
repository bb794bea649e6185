"""
Whether the switch has more to do than it can: by how long new requests waited
before they were read.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

TARGET = 0.1
"""Seconds that a request may wait in the queue of its socket."""

PATIENCE = 0.25
"""Seconds that all of them may go on waiting longer than that: a pause of the
process is no overload."""

LIMIT = 0.5
"""Seconds after which a request is stale at once: its sender repeats it then."""

MEMORY = 1.0
"""Seconds after the last refusal in which there is no new L{PATIENCE}."""

_NEVER = float("-inf")


class Overload:
    """
    Tells which new requests are not taken, so that the others are served in time.

    As in CoDel (RFC 8289) not the length of the queue counts but for how long
    every request has been waiting too long. A queue that is short and never empty
    keeps the switch as busy as it can be; a longer one makes peers send again.

    @param seconds: A clock that never steps.
    """

    _log = Logger()

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._since: float | None = None
        self._seen = self._refused = _NEVER

    def sheds(self, waited: float) -> bool:
        """
        Whether a new request is to be refused.

        @param waited: Seconds since it arrived.
        """
        if waited < TARGET:
            self._since = None
            return False
        now = self._seconds()
        if self._since is None or now - self._seen > PATIENCE:
            self._since = now
        self._seen = now
        again = now - self._refused < MEMORY
        if not again and waited < LIMIT and now - self._since < PATIENCE:
            return False
        if not again:
            self._log.warn(
                "overload: new requests wait {waited:.0f} ms and are refused",
                waited=waited * 1000,
            )
        self._refused = now
        return True
