"""
Commands that ask the running switch: status, calls, hangup, reload.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from vos3000.commands import remote
from vos3000.commands.context import (
    Complaint,
    Setup,
    console,
    shared,
    show_json,
    table,
)
from vos3000.commands.remote import Switch
from vos3000.model.states import CallState

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")

_CALL_COLUMNS = (
    *("id", "caller", "callee", "from", "to", "state", "for", "codec"),
    *("caller media", "callee media"),
)


@click.command()
@JSON
@click.option("--all", "everything", is_flag=True, help="Show every metric.")
@shared
def status(setup: Setup, as_json: bool, everything: bool) -> None:
    """
    Show whether the switch runs, and its main figures.

    Exits with 0 if it runs and answers, with 3 if it cannot be reached.
    """
    switch = Switch(setup.config, setup.connect)
    performance = switch.ask("GetPerformance").get("infoPerformance", {})
    numbers = switch.metrics()
    if as_json:
        show_json({**performance, "metrics": numbers})
        return
    screen = console()
    screen.print(f"vos3000 runs at {switch.address}", style="green")
    screen.print(f"calls up              {performance.get('callSize')}")
    screen.print(f"records to be written {performance.get('cdrQueueSize')}")
    made = table("metric", "value", numbers="value")
    for name, value in numbers.items():
        if everything or (value and _telling(name)):
            made.add_row(name, f"{value:g}")
    screen.print(made)


def _telling(name: str) -> bool:
    """Whether a metric belongs on the short list."""
    plain = name.partition("{")[0]
    return not plain.endswith(("_bucket", "_sum", "_created"))


@click.command()
@JSON
@click.option("--caller", help="Only calls from this number.")
@click.option("--callee", help="Only calls to this number.")
@click.option("--mapping", help="Only calls in from this mapping gateway.")
@click.option("--routing", help="Only calls out to this routing gateway.")
@shared
def calls(
    setup: Setup,
    as_json: bool,
    caller: str | None,
    callee: str | None,
    mapping: str | None,
    routing: str | None,
) -> None:
    """List the calls in progress."""
    request: dict[str, Any] = {
        "callerE164s": [caller] if caller else None,
        "calleeE164s": [callee] if callee else None,
        "gatewayMappingName": mapping,
        "gatewayRoutingName": routing,
    }
    given = {name: value for name, value in request.items() if value}
    answer = Switch(setup.config, setup.connect).ask("GetCurrentCall", given)
    found = answer.get("infoCurrentCalls", [])
    if as_json:
        show_json(found)
        return
    made = table(*_CALL_COLUMNS, numbers="id,for")
    for call in found:
        made.add_row(*_call_row(call, setup.now() * 1000))
    console().print(made if found else "no calls in progress")


def _call_row(call: Mapping[str, Any], now: float) -> tuple[str, ...]:
    keep = call["keepTime"]
    state = CallState(keep).name.lower() if keep < 0 else "answered"
    lasts = keep if keep >= 0 else max(0, now - call["connectedTime"])
    return (
        str(call["callId"]),
        call["callerE164"],
        call["calleeE164"],
        call["callerGatewayId"],
        call["calleeGatewayId"],
        state,
        _clock(int(lasts) // 1000),
        call["callCodec"],
        call["callerRtpIp"],
        call["calleeRtpIp"],
    )


def _clock(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


@click.command()
@click.argument("call_ids", metavar="ID...", type=int, nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Hang up every call.")
@shared
def hangup(setup: Setup, call_ids: tuple[int, ...], everything: bool) -> None:
    """
    Hang up calls, by the ids that `vos3000 calls` shows.

    Both sides are told; the calls are charged up to now.
    """
    if bool(call_ids) == everything:
        raise click.UsageError("give the ids of calls, or --all")
    switch = Switch(setup.config, setup.connect)
    current = switch.ask("GetCurrentCall").get("infoCurrentCalls", [])
    running = [call["callId"] for call in current]
    wanted = running if everything else [n for n in call_ids if n in running]
    if wanted:
        switch.ask("DisconnectCurrentCall", {"callIds": wanted})
    console().print(f"{len(wanted)} calls hung up")
    missing = [str(number) for number in call_ids if number not in running]
    if missing:
        raise Complaint(
            f"not in progress: {', '.join(missing)}. `vos3000 calls` lists what is"
        )


@click.command()
@shared
def reload(setup: Setup) -> None:
    """
    Make the switch read both files and all tables again.

    No call is touched. Listeners are opened at start only. What is wrong with
    the files is told here, and the switch is not told to read them then.
    """
    pid = remote.reload(setup.config.state.dir, setup.kill)
    console().print(f"the switch (process {pid}) reads its configuration again")
