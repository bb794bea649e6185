"""
Whether other programs have written to the configuration's tables.

A mark is anything that is another one after a write. SQLite tells that somebody
else has written, and not where; MariaDB tells of each table when it was written
last, and not by whom.
"""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet.defer import Deferred

from vos3000.db import changes, ids
from vos3000.db.cursor import Cursor
from vos3000.db.pool import Pool

TABLES = (
    "e_moconfig",
    "e_web_access_control",
    "e_feerategroup",
    "e_feerate",
    "e_feeratesection",
    "e_gatewaymapping",
    "e_gatewaymappingsetting",
    "e_gatewayrouting",
    "e_gatewayroutingsetting",
    "e_phone",
    "e_phonesetting",
    "e_phoneservice",
    "e_limit_e164",
    "e_limit_e164_group",
    "e_customer",
)
"""The tables that are kept in memory."""

RATES = frozenset(("e_feerategroup", "e_feerate", "e_feeratesection"))
"""Those that are too large to be read for a look."""

Marks = Mapping[str, object]
"""A mark for each table."""

_MODULUS = 1_000_000_007


def _sum(value: str) -> str:
    """Adds a value up so that it counts where it stands, and nothing overflows."""
    return f"SUM(({value}) % {_MODULUS} * (id % 9973 + 1))"


_RATE_SUMS = (
    "COUNT(*)",
    "MAX(id)",
    *map(
        _sum,
        (
            "feerategroupid",
            "period",
            "type",
            "locktype * 7 + ivrperiod",
            "CAST(fee * 1000000 AS INTEGER)",
            "CAST(ivrfee * 1000000 AS INTEGER)",
            "CAST(feeprefix AS INTEGER) + length(feeprefix) + unicode(feeprefix)",
            "length(areaname) + unicode(areaname) + length(areacode)",
        ),
    ),
)
_SECTION_SUMS = (
    "COUNT(*)",
    "MAX(feerateid)",
    f"SUM((time * 31 + CAST(fee * 1000000 AS INTEGER)) % {_MODULUS}"
    " * (feerateid % 9973 + position + 1))",
)
_SUMS = (
    f"SELECT {', '.join(_RATE_SUMS)} FROM e_feerate",
    f"SELECT {', '.join(_SECTION_SUMS)} FROM e_feeratesection",
    "SELECT COUNT(*), MAX(id), group_concat(name) FROM e_feerategroup",
)
"""What SQLite makes of the rates, without a lock that anybody would notice and
without the interpreter: 0.6 s of a million."""


class OutsideStore:
    """What others wrote. Every method is one interaction."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._dialect = pool.dialect

    def marks(self) -> Deferred[Marks]:
        """The marks of all tables as they are now."""
        return self._pool.interact("outside_marks", self._marks)

    def rates(self) -> Deferred[object]:
        """A mark of the rates, where L{marks} does not tell one table from another."""
        return self._pool.bulk("outside_rates", self._rates)

    def last_told(self) -> Deferred[int]:
        """The number of the last change that anybody told."""
        return self._pool.read("outside_last_told", ids.highest, changes.SYSLOG)

    def told(self, after: int) -> Deferred[tuple[int, frozenset[str]]]:
        """
        What our own programs say they changed.

        @param after: The number of a change; only later ones count.
        @return: The number of the last, and what they were about.
        """
        return self._pool.read("outside_told", self._told, after)

    def _marks(self, cursor: Cursor) -> Marks:
        return self._dialect.marks(cursor, TABLES)

    def _rates(self, cursor: Cursor) -> object:
        if self._dialect.marks_tables:
            return None
        found = []
        for sql in _SUMS:
            cursor.execute(sql)
            found.append(tuple(cursor.fetchone()))
        return tuple(found)

    @staticmethod
    def _told(cursor: Cursor, after: int) -> tuple[int, frozenset[str]]:
        cursor.execute(
            "SELECT id, event FROM e_syslog WHERE id > ? AND username <> ?",
            (after, changes.OUTSIDE),
        )
        rows = cursor.fetchall()
        last = max((number for number, _ in rows), default=after)
        return last, frozenset(event for _, event in rows)
