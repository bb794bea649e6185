"""
The command that lists who is registered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import click

from vos3000.commands.context import Setup, console, fitted, shared, show_json
from vos3000.commands.remote import Switch
from vos3000.commands.running import JSON, clock

_COLUMNS = (
    *("name", "kind", "address", "by", "NAT", "for", "left", "device", "contact"),
)
_DISPENSABLE = ("contact", "device", "kind", "NAT", "by")


@click.command()
@click.argument("prefix", default="")
@JSON
@shared
def registrations(setup: Setup, as_json: bool, prefix: str) -> None:
    """
    List phones and gateways that are registered.

    PREFIX is how their number or name begins.
    """
    page = f"/registrations?prefix={quote(prefix)}"
    answer = Switch(setup.config, setup.connect).page(page)
    found = answer["registrations"]
    if as_json:
        show_json(found)
        return
    screen = console()
    if not found:
        screen.print("nobody is registered")
        return
    now = setup.now() * 1000
    rows = [_row(each, now) for each in found]
    made = fitted(rows, _COLUMNS, _DISPENSABLE, screen.width, "for,left")
    screen.print(made, crop=False, no_wrap=True)
    if answer["count"] > len(found):
        screen.print(f"and {answer['count'] - len(found)} more: give a longer PREFIX")


def _row(each: Mapping[str, Any], now: float) -> tuple[str, ...]:
    host, port = each["remoteIp"], each["remotePort"]
    return (
        each["name"],
        each["kind"],
        f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        each["transport"],
        "yes" if each["behindNat"] else "no",
        clock(int(max(0, now - each["registerTime"])) // 1000),
        clock(int(max(0, each["expireTime"] - now)) // 1000),
        each["productId"],
        each["contact"],
    )
