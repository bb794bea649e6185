"""
Peers with which TLS did not come about: a phone that does not trust our
certificate, or one that speaks something else on that port.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

from vos3000.metrics import Metrics

QUIET = 60.0
"""Seconds between two lines of the log: anybody may connect and fail."""


class Handshakes:
    """
    Counts them, and tells of one now and then.

    @param seconds: A clock that never steps.
    """

    _log = Logger()

    def __init__(self, seconds: Callable[[], float], metrics: Metrics) -> None:
        self._seconds = seconds
        self._told = -QUIET
        self._untold = 0
        self._failed = metrics.counter(
            "sip_failed_handshakes_total",
            "Connections of peers that ended before TLS was agreed on",
        )

    def failed(self, host: str, why: str) -> None:
        """One more, from C{host}."""
        self._failed.value += 1
        now = self._seconds()
        if now - self._told < QUIET:
            self._untold += 1
            return
        more, self._untold, self._told = self._untold, 0, now
        self._log.warn(
            "{host} connected for TLS and it did not come about: {why}{more}",
            host=host,
            why=why,
            more=f" ({more} before it were not told)" if more else "",
        )
