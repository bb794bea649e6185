"""
Commands that ask the running switch: status, calls, hangup, reload.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from vos3000.commands import remote
from vos3000.commands.context import (
    PROBLEM,
    Complaint,
    Setup,
    console,
    fitted,
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
_MOST_REASONS = 4

_DISPENSABLE = ("callee media", "caller media", "codec", "from", "to", "caller")


@click.command()
@JSON
@click.option("--all", "everything", is_flag=True, help="Show every metric.")
@shared
def status(setup: Setup, as_json: bool, everything: bool) -> None:
    """
    Show whether the switch runs and is well, and its main figures.

    Exits with 0 if it is, with 1 if it runs and something is wrong with it,
    with 3 if it cannot be reached.
    """
    switch = Switch(setup.config, setup.connect)
    performance = switch.ask("GetPerformance").get("infoPerformance", {})
    numbers = switch.metrics()
    problem = switch.problem()
    if as_json:
        show_json({**performance, "health": problem or "ok", "metrics": numbers})
    else:
        _show_status(switch, performance, numbers, problem, setup.now())
        if everything:
            _show_metrics(numbers)
    click.get_current_context().exit(PROBLEM if problem else 0)


def _show_status(
    switch: Switch,
    performance: Mapping[str, Any],
    numbers: Mapping[str, float],
    problem: str,
    now: float,
) -> None:
    screen = console()
    if problem:
        screen.print(f"vos3000 runs at {switch.address}: {problem}", style="bold red")
    else:
        screen.print(f"vos3000 runs at {switch.address} and is well", style="green")
    lines = {
        "calls up": performance.get("callSize"),
        "records waiting": performance.get("cdrQueueSize"),
        "registered": int(numbers.get("vos3000_routing_registered", 0)),
        **_since_start(numbers),
        **_turned_away(numbers),
        "pushes": _pushes(numbers),
        "up for": _days(now - numbers.get("process_start_time_seconds", now)),
        "memory": f"{numbers.get('process_resident_memory_bytes', 0) / 2**20:.1f} MiB",
    }
    for name, value in lines.items():
        screen.print(f"{name:<17}{value}")


def _since_start(numbers: Mapping[str, float]) -> dict[str, str]:
    """What became of the calls."""
    setups = int(numbers.get("vos3000_call_setups_total", 0))
    answers = int(numbers.get("vos3000_call_answers_total", 0))
    ratio = f", ASR {100 * answers / setups:.1f} %" if setups else ""
    start = 'vos3000_call_ends_total{reason="'
    ends = sorted(
        (
            (int(count), name.removeprefix(start).removesuffix('"}'))
            for name, count in numbers.items()
            if name.startswith(start)
        ),
        key=lambda end: (-end[0], end[1]),
    )
    told = ", ".join(f"{reason} {count}" for count, reason in ends[:_MOST_REASONS])
    return {
        "since its start": f"{setups} setups, {answers} answered{ratio}",
        "calls ended": told or "none",
    }


_TURNED_AWAY = (
    ("wrong passwords", 'vos3000_sip_authentications_total{outcome="wrong"}'),
    ("suspended now", "vos3000_security_suspended"),
    ("over a call rate", "vos3000_throttle_rate_exceeded_total"),
    ("over SS_MAX_CPS", "vos3000_throttle_switch_rate_exceeded_total"),
    ("overload", "vos3000_throttle_overload_total"),
    ("failed TLS", "vos3000_sip_failed_handshakes_total"),
)
"""What is told of those who were not let in, and the metric; of one that has
labels all together."""


def _turned_away(numbers: Mapping[str, float]) -> dict[str, str]:
    """Who was not let in and leaves no record; nothing if nobody was."""
    told = []
    for what, metric in _TURNED_AWAY:
        start = f"{metric}{{"
        found = (n for key, n in numbers.items() if key.startswith(start))
        count = int(numbers.get(metric, 0) + sum(found))
        if count:
            told.append(f"{what} {count}")
    return {"turned away": ", ".join(told)} if told else {}


def _pushes(numbers: Mapping[str, float]) -> str:
    """What other systems were told of."""
    waiting, delivered, dead = (
        int(numbers.get(f"vos3000_push_{name}", 0))
        for name in ("waiting", "delivered_total", "dead_letters_total")
    )
    if "vos3000_push_waiting" not in numbers:
        return "nobody is told"
    return f"{delivered} delivered, {waiting} waiting, {dead} dead letters"


def _days(seconds: float) -> str:
    days, rest = divmod(int(max(0, seconds)), 86_400)
    return f"{f'{days} d ' if days else ''}{clock(rest)}"


def _show_metrics(numbers: Mapping[str, float]) -> None:
    made = table("metric", "value", numbers="value")
    for name, value in numbers.items():
        made.add_row(name, f"{value:.15g}")
    console().print(made)


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
    screen = console()
    if not found:
        screen.print("no calls in progress")
        return
    rows = [_call_row(call, setup.now() * 1000) for call in found]
    made = fitted(rows, _CALL_COLUMNS, _DISPENSABLE, screen.width, "id,for")
    screen.print(made, crop=False, no_wrap=True)


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
        clock(int(lasts) // 1000),
        call["callCodec"],
        call["callerRtpIp"],
        call["calleeRtpIp"],
    )


def clock(seconds: int) -> str:
    """A duration as hours, minutes and seconds."""
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
    calls_up = "call" if len(wanted) == 1 else "calls"
    console().print(f"{len(wanted)} {calls_up} hung up")
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
