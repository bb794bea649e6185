"""
Commands that show who is online: gateways, phones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from vos3000.commands.context import Setup, console, fitted, shared, show_json
from vos3000.commands.remote import Switch

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")

_AT_ONCE = 500
"""Phones that are asked about in one request."""


@click.command()
@JSON
@shared
def phones(setup: Setup, as_json: bool) -> None:
    """Show the phones that are registered with the running switch."""
    switch = Switch(setup.config, setup.connect)
    numbers = switch.ask("GetAllPhoneOnline").get("e164s", [])
    found: list[Mapping[str, Any]] = []
    for start in range(0, len(numbers), _AT_ONCE):
        wanted = {"e164s": numbers[start : start + _AT_ONCE]}
        found += switch.ask("GetPhoneOnline", wanted).get("infoPhoneOnlines", [])
    if as_json:
        show_json(found)
        return
    rows = [
        (
            each["e164"],
            each["remoteIp"],
            each["productId"],
            _since(setup, each["registerTime"]),
            _since(setup, each["updateTime"]),
            str(each["currentCall"]),
        )
        for each in found
    ]
    columns = ("phone", "address", "device", "online for", "renewed", "calls")
    _print(rows, columns, ("renewed", "device"), "calls", "no phone is registered")


@click.command()
@JSON
@shared
def gateways(setup: Setup, as_json: bool) -> None:
    """
    Show the gateways that are online at the running switch, and those that
    are not called just now, and why.
    """
    switch = Switch(setup.config, setup.connect)
    answer = switch.ask("GetGatewayMappingOnline")
    mapping = answer.get("infoGatewayMappingOnlines", [])
    answer = switch.ask("GetGatewayRoutingOnline")
    routing = answer.get("infoGatewayRoutingOnlines", [])
    sides = {"mapping": mapping, "routing": routing}
    obstacles = switch.page("/obstacles")
    if as_json:
        show_json({**sides, "obstacles": obstacles})
        return
    rows = [
        _gateway(setup, side, each, obstacles[side].pop(each["name"], {}))
        for side, found in sides.items()
        for each in found
    ]
    rows += [
        (name, side, known["address"], "offline", *("-",) * 4, known["why"])
        for side, names in obstacles.items()
        for name, known in names.items()
    ]
    columns = (
        *("gateway", "side", "address", "online for", "calls", "lines"),
        *("asr", "acd", "note"),
    )
    spare = ("acd", "asr", "note", "lines")
    _print(rows, columns, spare, "calls,lines,asr,acd", "no gateway is online")


def _gateway(
    setup: Setup, side: str, each: Mapping[str, Any], obstacle: Mapping[str, str]
) -> tuple[str, ...]:
    note = each.get("registerName", "")
    if note:
        note = f"as {note}"
    note = obstacle.get("why", note)
    if each.get("retryAfter"):
        note = f"disabled for {each['retryAfter'] // 1000} s"
    return (
        each["name"],
        side,
        each.get("remoteIps", each.get("remoteIp", "")),
        _since(setup, each["registerTime"]) if each["registerTime"] else "always",
        str(each["currentCall"]),
        str(each["capacity"]) if each["capacity"] > 0 else "-",
        f"{100 * each['asr']:.1f} %",
        str(each["acd"]),
        note,
    )


def _print(
    rows: Sequence[tuple[str, ...]],
    columns: Sequence[str],
    spare: Sequence[str],
    numbers: str,
    nothing: str,
) -> None:
    screen = console()
    if rows:
        screen.print(fitted(rows, columns, spare, screen.width, numbers))
    else:
        screen.print(nothing)


def _since(setup: Setup, stamp: int) -> str:
    """How long ago that was."""
    seconds = max(0, int(setup.now()) - stamp // 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} d {hours % 24} h"
    return f"{hours}:{minutes:02}:{seconds:02}"
