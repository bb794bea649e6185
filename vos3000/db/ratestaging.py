"""
How an import of rates is staged: in tables that nobody else sees, from where a
statement moves them into place. Each row has a number of its own, the first 1.
"""

from __future__ import annotations

import attrs

_COLUMNS = (
    "id, feerategroupid, feeprefix, areacode, areaname, type, fee, period, locktype,"
    " ivrfee, ivrperiod"
)

_REPLACED = (
    "areacode",
    "areaname",
    "type",
    "fee",
    "period",
    "locktype",
    "ivrfee",
    "ivrperiod",
)


@attrs.frozen(slots=True)
class Staging:
    """
    The statements of one database.

    @ivar create: Make the tables, whatever an import that failed left.
    @ivar count: How many rates are staged, and the highest number of one.
    @ivar put: Add them, or replace what is there; its parameter is what their
        numbers are added to.
    @ivar drop: Remove the tables.
    """

    create: tuple[str, ...]
    count: str
    put: str
    drop: tuple[str, ...]


def _put(number: str, conflict: str, value: str) -> str:
    replaced = ", ".join(f"{name} = {value.format(name)}" for name in _REPLACED)
    return (
        f"INSERT INTO e_feerate ({_COLUMNS})"
        f" SELECT ? + s.{number}, g.id, s.feeprefix, s.areacode, s.areaname, s.type,"
        " s.fee, s.period, s.locktype, s.ivrfee, s.ivrperiod"
        " FROM staged_rate s JOIN e_feerategroup g ON g.name = s.groupname"
        " WHERE true ORDER BY g.id, s.feeprefix"
        f" {conflict} {replaced}"
    )


SQLITE = Staging(
    (
        "CREATE TEMP TABLE staged_rate (groupname TEXT, feeprefix TEXT, areacode TEXT,"
        " areaname TEXT, type INTEGER, fee TEXT, period INTEGER, locktype INTEGER,"
        " ivrfee TEXT, ivrperiod INTEGER, PRIMARY KEY (groupname, feeprefix))",
        "CREATE TEMP TABLE staged_section (groupname TEXT, feeprefix TEXT,"
        " position INTEGER, time INTEGER, fee TEXT,"
        " PRIMARY KEY (groupname, feeprefix, position))",
    ),
    "SELECT COUNT(*), MAX(rowid) FROM staged_rate",
    _put(
        "rowid",
        "ON CONFLICT (feerategroupid, feeprefix) DO UPDATE SET",
        "excluded.{}",
    ),
    ("DROP TABLE staged_rate", "DROP TABLE staged_section"),
)

_ALIKE = "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"

MARIADB = Staging(
    (
        "DROP TEMPORARY TABLE IF EXISTS staged_rate, staged_section",
        "CREATE TEMPORARY TABLE staged_rate (number BIGINT AUTO_INCREMENT UNIQUE,"
        " groupname VARCHAR(255), feeprefix VARCHAR(64), areacode VARCHAR(64),"
        " areaname VARCHAR(255), type INT, fee DECIMAL(24,12), period INT,"
        " locktype INT, ivrfee DECIMAL(24,12), ivrperiod INT,"
        f" PRIMARY KEY (groupname, feeprefix)) {_ALIKE}",
        "CREATE TEMPORARY TABLE staged_section (groupname VARCHAR(255),"
        " feeprefix VARCHAR(64), position INT, time INT, fee DECIMAL(24,12),"
        f" PRIMARY KEY (groupname, feeprefix, position)) {_ALIKE}",
    ),
    "SELECT COUNT(*), MAX(number) FROM staged_rate",
    _put("number", "ON DUPLICATE KEY UPDATE", "VALUES({})"),
    ("DROP TEMPORARY TABLE staged_rate", "DROP TEMPORARY TABLE staged_section"),
)
