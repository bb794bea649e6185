"""
The numbers of objects: those of the source, as far as they are free.
"""

from __future__ import annotations

import attrs

from vos3000.db import ids
from vos3000.db.cursor import Cursor

OBJECTS = (
    *("e_customer", "e_gatewaymapping", "e_gatewayrouting", "e_phone"),
    *("e_feerategroup", "e_feerate", "e_web_access_control", "e_limit_e164_group"),
)
"""Tables of objects, in the source and here."""


@attrs.define(slots=True)
class Numbers:
    """
    Which numbers are taken.

    An object keeps the one it had: scripts may know it. In a source that gave one
    to two objects of different kinds the second gets a fresh one.
    """

    _taken: set[int] = attrs.field(factory=set)

    @classmethod
    def read(cls, cursor: Cursor, *tables: str) -> Numbers:
        """The numbers that the target's objects have."""
        taken: set[int] = set()
        for table in tables or OBJECTS:
            cursor.execute(f"SELECT id FROM {table}")
            taken.update(number for (number,) in cursor.fetchall())
        return cls(taken)

    def take(self, cursor: Cursor, wanted: int) -> int:
        """C{wanted}, or a fresh number."""
        number = wanted
        if number <= 0 or number in self._taken:
            number = ids.take(cursor, ids.OBJECT)
        self._taken.add(number)
        return number


def reach(cursor: Cursor, kind: str, highest: int) -> None:
    """See to it that the numbers of a sequence go on above C{highest}."""
    now = ids.highest(cursor, kind)
    if highest > now:
        ids.take(cursor, kind, highest - now)
