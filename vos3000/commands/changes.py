"""
The command about who changed what: changes.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from typing import Any

import attrs
import click

from vos3000.commands.context import (
    Setup,
    console,
    printable,
    shared,
    show_json,
    wait,
)
from vos3000.commands.records import since_ms
from vos3000.db.changes import KINDS, MOST, Change, ChangeStore


@click.command()
@click.option("--who", default="", help="Part of the name of who did it.")
@click.option("--about", default="", help="Part of what it was about.")
@click.option("--since", help="A day, a moment, or 90m, 24h, 7d ago.")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(1, MOST),
    default=20,
    show_default=True,
    help="How many at most.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@shared
def changes(
    setup: Setup, who: str, about: str, since: str | None, limit: int, as_json: bool
) -> None:
    """
    List who changed what, from what to what; newest first.

    WHO is a login for commands, the device and address of a client of the web
    interface, or `outside` for what another program wrote. It comes from the
    database (e_syslog), so the switch need not run.
    """
    zone = setup.config.state.zone
    begin = since_ms(since, zone, setup.now()) if since else 0
    with setup.pool() as pool:
        found = wait(ChangeStore(pool).newest(limit, who, about, begin))
    if as_json:
        show_json([_for_programs(each) for each in found])
        return
    screen = console()
    if not found:
        screen.print("no changes")
    for each in found:
        moment = datetime.datetime.fromtimestamp(each.time_ms / 1000, zone)
        kind = KINDS.get(each.kind, str(each.kind))
        head = f"{moment:%Y-%m-%d %H:%M:%S}  {each.who}: {each.event} {kind}"
        screen.print(printable(head), soft_wrap=True)
        for line in described(each):
            screen.print(printable(f"    {line}"), soft_wrap=True)


def described(change: Change) -> list[str]:
    """A line for each field: what it was and what it is."""
    old, new = _read(change.old), _read(change.new)
    if old is None or new is None:
        return [text for text in (change.old, change.new) if text]
    lines = []
    for name in {**old, **new}:
        if name in old and name in new:
            lines.append(f"{name}: {_short(old[name])} -> {_short(new[name])}")
        else:
            lines.append(f"{name}: {_short(new.get(name, old.get(name)))}")
    return lines


def _read(text: str) -> Mapping[str, Any] | None:
    """The fields of one state; None for one that was too long to be kept whole."""
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _short(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _for_programs(change: Change) -> dict[str, Any]:
    row = attrs.asdict(change)
    row["kind"] = KINDS.get(change.kind, str(change.kind))
    for name in ("old", "new"):
        read = _read(row[name])
        row[name] = row[name] if read is None else read
    return row
