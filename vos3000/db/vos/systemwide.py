"""
System parameters and the access list of the web interface.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network

from vos3000.db import ids
from vos3000.db.cursor import Cursor
from vos3000.db.vos.findings import Report, TableReport
from vos3000.db.vos.source import Source
from vos3000.db.vos.values import Reading, Table, shown, text
from vos3000.model.limits import comma_list
from vos3000.parameters import Registry

PARAMETERS = ("e_moconfig", "e_syspara")
ACCESS = "e_web_access_control"

_PATH = ("path", "directory", "uri", "url")
_IPS = ("ips", "ip", "allowips", "addresses", "allowip")
_SECRET = ("PASSWORD", "KEY")


def parameters(source: Source, report: Report, known: Registry) -> dict[str, str]:
    """The system parameters that are carried, by our names."""
    name = source.has(*PARAMETERS)
    if not name:
        report.notes.append("the source has no table of system parameters")
        return {}
    table = Table(source, name, report.table(name), source.tables[name])
    table.report.into = "e_moconfig"
    table.report.rows = source.count(name)
    found: dict[str, tuple[bool, str]] = {}
    for row in source.rows(name):
        table.report.read += 1
        reading = Reading(table, row, text(row.get("name")))
        taken = _parameter(reading, known)
        if taken is not None:
            _take(table.report, found, reading, *taken)
    for unused in ("editable", "moid", "motype", "id"):
        table.find((unused,))
    table.tell_left()
    return {own: value for own, (_, value) in found.items()}


def _parameter(reading: Reading, known: Registry) -> tuple[str, str] | None:
    """Name and value of one row, if it is to be carried."""
    report = reading.table.report
    given = reading.text(("name",)).strip()
    value = text(reading.value(("value",))).strip()
    example = f"{given} = {_shown(given, value)}"
    try:
        parameter = known.canonical(given)
        if not value:
            report.refuse("without a value: the default stays", given)
            return None
        parameter.parse(value)
    except ValueError as error:
        unknown = known.find(given) is None
        report.refuse(
            "no parameter of this release" if unknown else str(error), example
        )
        return None
    if parameter.name != given:
        report.change(f"{given}: becomes {parameter.name}", example)
    if not parameter.in_effect:
        report.change("stored, but not in effect in this release", example)
    return parameter.name, value


def _take(
    report: TableReport,
    found: dict[str, tuple[bool, str]],
    reading: Reading,
    own: str,
    value: str,
) -> None:
    """
    Keep a value: that of the whole installation wins over one of a part of it,
    since here a parameter has one value.
    """
    whole = not reading.number(("moid",)) and not reading.number(("motype",))
    if own not in found:
        found[own] = (whole, value)
        report.carried += 1
        return
    before = found[own]
    if before[1] != value:
        report.change("has several values: that of the whole system counts", own)
        if whole and not before[0]:
            found[own] = (whole, value)


def _shown(name: str, value: str) -> str:
    return "..." if any(word in name for word in _SECRET) else shown(value)


def write_parameters(cursor: Cursor, values: Mapping[str, str]) -> None:
    """Put parameters into the target; others stay."""
    for name, value in values.items():
        cursor.execute(
            "DELETE FROM e_moconfig WHERE name = ? AND moid = 0 AND motype = 0",
            (name,),
        )
        cursor.execute(
            "INSERT INTO e_moconfig (name, value, editable, moid, motype)"
            " VALUES (?, ?, 1, 0, 0)",
            (name, value),
        )


def access(source: Source, report: Report) -> dict[str, tuple[str, ...]]:
    """Who may ask what of the web interface: addresses by path."""
    if not source.has(ACCESS):
        return {}
    table = Table(source, ACCESS, report.table(ACCESS), source.tables[ACCESS])
    table.report.into = ACCESS
    table.report.rows = source.count(ACCESS)
    found: dict[str, tuple[str, ...]] = {}
    for row in source.rows(ACCESS):
        table.report.read += 1
        reading = Reading(table, row, f"row {text(row.get('id'))}")
        path = reading.text(_PATH).strip()
        if not path.startswith("/"):
            table.report.refuse("it has no path", f"{reading.label}: {path}")
            continue
        addresses = tuple(_good(reading))
        table.report.carried += 1
        if path in found:
            reading.change(path, "several rows become one", ",".join(addresses))
        both = (*found.get(path, ()), *addresses)
        found[path] = tuple(dict.fromkeys(both))
    for unused in ("id", "webdevice"):
        table.find((unused,))
    table.tell_left()
    return found


def _good(reading: Reading) -> Iterator[str]:
    """The addresses, blocks and ranges among a row's entries."""
    given = text(reading.value(_IPS)).replace(";", ",").replace("\n", ",")
    for entry in comma_list(given):
        try:
            first, dash, last = entry.partition("-")
            if dash:
                ip_address(first.strip()), ip_address(last.strip())
            else:
                ip_network(entry, strict=False)
        except ValueError:
            reading.change("ips", "no address, left out", entry)
        else:
            yield entry


def write_access(cursor: Cursor, rules: Mapping[str, tuple[str, ...]]) -> None:
    """Put the access list into the target; what was said of other paths stays."""
    for path, addresses in rules.items():
        cursor.execute("DELETE FROM e_web_access_control WHERE path = ?", (path,))
        cursor.execute(
            "INSERT INTO e_web_access_control (id, path, ips) VALUES (?, ?, ?)",
            (ids.take(cursor, ids.OBJECT), path, ",".join(addresses)),
        )
