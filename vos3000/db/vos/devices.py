"""
Gateways and phones, with their settings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from vos3000.db import fieldvalues, gatewayfields, phonefields
from vos3000.db.cursor import Cursor
from vos3000.db.dialects import Dialect
from vos3000.db.gatewayfields import (
    BIG,
    BOOL,
    CORE,
    INT,
    JSON,
    LIST,
    PRICE,
    SECRET,
    TEXT,
    Field,
)
from vos3000.db.vos.choices import CAREFUL, CHOICES
from vos3000.db.vos.findings import Report
from vos3000.db.vos.numbers import Numbers
from vos3000.db.vos.source import Row, Source
from vos3000.db.vos.values import (
    LARGEST,
    LARGEST_LONG,
    Known,
    Reading,
    Table,
    shown,
    text,
)
from vos3000.model.limits import comma_list
from vos3000.model.money import PRICE_DIGITS

_LONGEST = 255
_CUT = frozenset(("memo", "language", "colorRingName"))
"""Texts that may be cut; another that is too long would mean something else."""

_SPLIT = re.compile(r"[,;|\s]+")

_NAMES: dict[str, tuple[str, ...]] = {
    "remoteIps": ("remoteips", "remoteip", "ips", "ip"),
    "remoteIp": ("remoteip", "ip"),
    "localIp": ("localip",),
    "signalPort": ("signalport", "port"),
    "prefix": ("prefix", "prefixes", "e164prefix"),
    "stopSwitchSipCodes": ("stopswitchsipcodes",),
    "rewriteRulesOutCallee": ("rewriterulesoutcallee", "rewriterulesout"),
    "rewriteRulesInCallee": ("rewriterulesincallee", "rewriterulesin"),
}
"""Names a column has had beside its field's in lower case."""

_ACCOUNT = ("account", "customeraccount")
_ACCOUNT_ID = ("account_id", "accountid", "customer_id", "customerid", "account")
_CLEARING = ("clearingaccount", "clearingcustomeraccount")
_CLEARING_ID = (
    *("clearingaccount_id", "clearingaccountid", "clearingcustomer_id"),
    *("clearingcustomerid", "clearing_id", "customer_id", "customerid"),
)
_GROUP = ("feerategroup", "feerategroupname")
_GROUP_ID = ("feerategroup_id", "feerategroupid", "feerategroup")


_LIMITS = frozenset(("callerLimitE164Groups", "calleeLimitE164Groups"))


@attrs.frozen(slots=True)
class Objects:
    """
    What devices may name.

    @ivar accounts: By number.
    @ivar rates: The rate groups.
    @ivar limits: The number groups.
    """

    accounts: Known
    rates: Known
    limits: Known


@attrs.frozen(slots=True)
class Part:
    """
    One of the rows of a device.

    @ivar table: Where it is, here and in the source.
    """

    table: str
    fields: tuple[Field, ...]


@attrs.frozen(slots=True)
class Kind:
    """
    One kind of device.

    @ivar what: What an operator calls it.
    @ivar key: The field that is its visible key.
    @ivar parts: Its rows, its own first.
    """

    what: str
    key: str
    parts: tuple[Part, ...]

    @property
    def table(self) -> str:
        """The table of its own row."""
        return self.parts[0].table


def _gateway(what: str, table: str, fields: tuple[Field, ...]) -> Kind:
    core = tuple(field for field in fields if field.name in CORE)
    rest = tuple(field for field in fields if field.name not in CORE)
    return Kind(what, "name", (Part(table, core), Part(f"{table}setting", rest)))


MAPPING = _gateway(
    "mapping gateway",
    "e_gatewaymapping",
    gatewayfields.MAPPING + gatewayfields.MAPPING_MORE,
)
ROUTING = _gateway(
    "routing gateway",
    "e_gatewayrouting",
    gatewayfields.ROUTING + gatewayfields.ROUTING_MORE,
)
PHONE = Kind(
    "phone",
    "e164",
    (
        Part("e_phone", phonefields.PHONE),
        Part("e_phonesetting", phonefields.ADDITIONAL + phonefields.ADDITIONAL_MORE),
        Part("e_phoneservice", phonefields.SERVICES),
    ),
)
KINDS = (MAPPING, ROUTING, PHONE)


@attrs.frozen(slots=True)
class Device:
    """
    A device of the source.

    @ivar number: Its number there.
    @ivar rows: The values of the fields of each part, in their order.
    """

    number: int
    rows: tuple[tuple[Any, ...], ...]


class _Tables:
    """
    The tables of one kind: a field is looked for in its own first, then in the
    others, since older layouts have one table where newer ones have two.
    """

    def __init__(self, source: Source, report: Report, kind: Kind) -> None:
        self.tables = [
            Table(
                source, part.table, report.table(part.table), source.tables[part.table]
            )
            for part in kind.parts
            if part.table in source.tables
        ]
        owner = kind.table.removeprefix("e_")
        keys = (f"{owner}_id", f"{owner}id", "gateway_id", "phone_id", "moid", "id")
        self._beside = [self._rows(source, table, keys) for table in self.tables[1:]]
        for table in self.tables:
            table.report.into = table.name
            table.report.rows = source.count(table.name)

    @staticmethod
    def _rows(source: Source, table: Table, keys: tuple[str, ...]) -> dict[str, Row]:
        key = table.find(keys)
        return {text(row[key]): row for row in source.rows(table.name)} if key else {}

    def readings(self, row: Row, label: str) -> list[Reading]:
        """A device's rows."""
        made = [Reading(self.tables[0], row, label)]
        number = text(row.get("id"))
        for table, rows in zip(self.tables[1:], self._beside, strict=True):
            beside = rows.get(number)
            if beside is not None:
                made.append(Reading(table, beside, label))
        return made


def read(
    source: Source, report: Report, kind: Kind, objects: Objects
) -> Iterator[Device]:
    """Every device of a kind that can be carried."""
    if not source.has(kind.table):
        report.notes.append(f"the source has no table {kind.table}")
        return
    tables = _Tables(source, report, kind)
    own = tables.tables[0]
    seen: set[str] = set()
    for row in source.rows(kind.table):
        label = f"{kind.what} {text(row.get(kind.key)).strip() or '?'}"
        readings = tables.readings(row, label)
        for reading in readings:
            reading.table.report.read += 1
        try:
            made = _device(kind, readings, objects)
            key = text(row.get(kind.key)).strip()
            if key in seen:
                raise ValueError("there are two of this name")
        except ValueError as error:
            own.report.refuse(str(error), label)
            continue
        seen.add(key)
        for reading in readings:
            reading.table.report.carried += 1
        yield made
    for table in tables.tables:
        table.find(("id",))
        table.tell_left()


def _device(kind: Kind, readings: Sequence[Reading], objects: Objects) -> Device:
    own = readings[0]
    if not own.text((kind.key.lower(),)).strip():
        raise ValueError("it has no name")
    rows = []
    for place, part in enumerate(kind.parts):
        order = [*readings[place : place + 1], *readings]
        rows.append(tuple(_value(order, field, objects) for field in part.fields))
    return Device(own.number(("id",), largest=LARGEST_LONG), tuple(rows))


def _value(readings: Sequence[Reading], field: Field, objects: Objects) -> Any:
    """The value of one field; its default where the source has none."""
    if field.name == "account":
        return _first(readings, _ACCOUNT, _ACCOUNT_ID, objects.accounts)
    if field.name == "clearingAccount":
        return _first(readings, _CLEARING, _CLEARING_ID, objects.accounts)
    if field.name == "feerateGroup":
        return _first(readings, _GROUP, _GROUP_ID, objects.rates)
    names = _NAMES.get(field.name, (field.column,))
    for reading in readings:
        if reading.value(names) is not None:
            value = _converted(reading, names, field)
            if field.name in _LIMITS:
                return _limits(reading, names, value, objects.limits)
            return value
    return field.default


def _first(
    readings: Sequence[Reading],
    by_key: tuple[str, ...],
    by_id: tuple[str, ...],
    known: Known,
) -> str:
    found = (reading.reference(by_key, by_id, known) for reading in readings)
    return next(filter(None, found), "")


def _converted(reading: Reading, names: tuple[str, ...], field: Field) -> Any:
    default = field.default
    if field.kind == BOOL:
        return reading.flag(names, bool(default))
    if field.kind in (INT, BIG):
        return reading.number(
            names,
            default,
            CHOICES.get(field.name, ()),
            LARGEST if field.kind == INT else LARGEST_LONG,
            CAREFUL.get(field.name),
        )
    if field.kind == PRICE:
        return reading.amount(names, PRICE_DIGITS)
    given = text(reading.value(names)).replace("\0", "")
    if field.kind == LIST:
        return tuple(filter(None, _SPLIT.split(given)))
    if field.kind == JSON:
        return _json(reading, field, given)
    if field.kind in (TEXT, SECRET) and len(given) > _LONGEST:
        if field.name not in _CUT:
            raise ValueError(f"{field.column} has more than {_LONGEST} characters")
        return reading.text(names)
    return given


def _limits(reading: Reading, names: tuple[str, ...], value: str, there: Known) -> str:
    """
    The number groups that are named, be it by their numbers.

    @raise ValueError: If one of them is not carried: what a list forbids would
        pass without it.
    """
    found = []
    for entry in comma_list(value):
        name = entry if entry in there.keys else there.by_number.get(entry, "")
        if not name:
            raise ValueError(f"{names[0]} names a number group that is not carried")
        found.append(name)
    return ",".join(found)


def _json(reading: Reading, field: Field, given: str) -> Any:
    """A record within a field: carried if it is written as we write it."""
    if not given:
        return field.default
    try:
        found = json.loads(given)
    except ValueError:
        found = None
    if isinstance(found, (dict, list)):
        return found
    reading.change(field.column, "not written as we write it, left unset", shown(given))
    return field.default


def write(
    cursor: Cursor,
    dialect: Dialect,
    numbers: Numbers,
    kind: Kind,
    found: Sequence[Device],
) -> None:
    """Put devices of a kind in the place of those that are there."""
    for part in reversed(kind.parts):
        cursor.execute(f"DELETE FROM {part.table}")
    rows: Mapping[str, list[Any]] = {part.table: [] for part in kind.parts}
    for device in found:
        number = numbers.take(cursor, device.number)
        for part, values in zip(kind.parts, device.rows, strict=True):
            written = (
                fieldvalues.write(dialect, field, value)
                for field, value in zip(part.fields, values, strict=True)
            )
            rows[part.table].append((number, *written))
    for part in kind.parts:
        names = ", ".join(["id", *(field.column for field in part.fields)])
        marks = ", ".join("?" * (len(part.fields) + 1))
        if rows[part.table]:
            cursor.executemany(
                f"INSERT INTO {part.table} ({names}) VALUES ({marks})", rows[part.table]
            )
