"""
Whether a database's server can be reached, as the log tells it: one line when it
cannot, one when it can again, however many interactions failed meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

from vos3000.db.dialects import Dialect
from vos3000.metrics import Metrics


class Contact:
    """
    Hears of every interaction's end.

    @param seconds: A clock that never steps.
    """

    _log = Logger()

    def __init__(
        self, kind: Dialect, metrics: Metrics, seconds: Callable[[], float]
    ) -> None:
        self._kind = kind
        self._seconds = seconds
        self._since = 0.0
        self._without: set[object] = set()
        self._lost = metrics.counter(
            "db_connection_lost_total",
            "Connections to the database that were lost or could not be made.",
        )

    def failed(self, lane: object, error: BaseException, again: bool = False) -> None:
        """
        An interaction failed; perhaps because its connection is gone.

        @param again: Whether it is tried once more: a server that closed what was
            idle, and answers at once, is not worth a line.
        """
        if not self._kind.lost(error):
            return
        self._lost.value += 1
        if again:
            return
        if not self._without:
            self._since = self._seconds()
            self._log.warn(
                "the connection to the database {place} was lost: {why}",
                place=self._kind.place,
                why=str(error),
            )
        self._without.add(lane)

    def works(self, lane: object) -> None:
        """An interaction was committed."""
        if lane not in self._without:
            return
        self._without.clear()  # one server: who has not tried yet will find it too
        self._log.info(
            "the database {place} answers again, after {took:.1f} s",
            place=self._kind.place,
            took=self._seconds() - self._since,
        )
