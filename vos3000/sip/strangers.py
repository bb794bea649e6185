"""
Connections of peers that nobody knows yet: there is room for few, and none of them
may take all of it.
"""

from __future__ import annotations

from vos3000.sip.connection import Connection

MOST_STRANGERS = 200
"""Connections of strangers at once."""

FEW = 8
"""Connections that one source has whatever others want: a household."""


class Strangers:
    """
    The connections of strangers, by source.

    Where there are as many as may be, a source that has more than others gives one
    up: its newest, so that what is under way may come to its end.
    """

    def __init__(self) -> None:
        self._by_source: dict[str, dict[Connection, None]] = {}
        self._source: dict[Connection, str] = {}

    def __len__(self) -> int:
        return len(self._source)

    def room(self, source: str) -> bool:
        """Whether one more of a source has room, or was made room for."""
        if len(self) < MOST_STRANGERS:
            return True
        greedy = max(self._by_source.values(), key=len)
        if len(greedy) <= max(FEW, len(self._by_source.get(source, ())) + 1):
            return False
        newest = next(reversed(greedy))
        self.remove(newest)
        newest.abort()
        return True

    def add(self, connection: Connection, source: str) -> None:
        """One more."""
        self._source[connection] = source
        self._by_source.setdefault(source, {})[connection] = None

    def remove(self, connection: Connection) -> None:
        """It is gone, or no stranger's any more."""
        source = self._source.pop(connection, None)
        if source is not None:
            of_source = self._by_source[source]
            del of_source[connection]
            if not of_source:
                del self._by_source[source]
