"""
Rows of an answer that are fetched while the answer is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred

Rows = Sequence[Mapping[str, Any]]
"""What a page has: the fields of each row."""


class Pages:
    """
    The value of an array whose rows come page by page.

    @ivar rows: The page that is there; empty before the first L{fetch}.
    @param fetch: Reads the next page; C{None} after the last one.
    @param release: Called once when nothing more will be read.
    """

    def __init__(
        self,
        fetch: Callable[[], Deferred[Rows] | None],
        release: Callable[[], object],
    ) -> None:
        self.rows: Rows = ()
        self._fetch = fetch
        self._release: Callable[[], object] | None = release

    def fetch(self) -> Deferred[None] | None:
        """
        Have the next page in L{rows}.

        @return: Fires when it is there; C{None} if there is none.
        """
        fetched = self._fetch() if self._release is not None else None
        return None if fetched is None else fetched.addCallback(self._take)

    def _take(self, rows: Rows) -> None:
        self.rows = rows

    def close(self) -> None:
        """Read no more, whether or not all was read."""
        release, self._release = self._release, None
        if release is not None:
            release()
