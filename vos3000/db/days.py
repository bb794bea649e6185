"""
Days of the configured zone, and the table of records each has.
"""

from __future__ import annotations

import datetime

import attrs

from vos3000.db.cursor import Cursor
from vos3000.db.dialects import Dialect

ROLLING = "e_cdr"
"""The table of the newest records."""


@attrs.frozen(slots=True)
class Day:
    """
    One calendar day.

    @ivar begin: Its first millisecond, UTC.
    @ivar end: The first millisecond after it, UTC.
    """

    date: datetime.date
    begin: int
    end: int

    @property
    def table(self) -> str:
        """The name of its table of records."""
        return f"{ROLLING}_{self.date:%Y%m%d}"


def _midnight(date: datetime.date, zone: datetime.tzinfo) -> int:
    """The first moment of a day, UTC ms (fold 0: the first of two midnights)."""
    moment = datetime.datetime.combine(date, datetime.time(), zone)
    return int(moment.timestamp()) * 1000


def day_of(moment: int, zone: datetime.tzinfo) -> Day:
    """
    The day that a moment belongs to.

    @param moment: UTC ms.
    """
    date = datetime.datetime.fromtimestamp(moment // 1000, zone).date()
    following = date + datetime.timedelta(days=1)
    return Day(date, _midnight(date, zone), _midnight(following, zone))


def day_tables(cursor: Cursor, dialect: Dialect) -> list[str]:
    """The day tables there are, oldest first."""
    prefix = f"{ROLLING}_"
    return [
        name
        for name in dialect.tables(cursor, prefix)
        if len(name) == len(prefix) + 8 and name[len(prefix) :].isdecimal()
    ]
