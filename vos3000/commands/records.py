"""
The command cdr: records.
"""

from __future__ import annotations

import datetime
import re
from zoneinfo import ZoneInfo

import attrs
import click

from vos3000.commands.context import Setup, console, fitted, shared, show_json, wait
from vos3000.db.cdrs import CdrQuery, CdrStore
from vos3000.model import causes
from vos3000.model.causes import EndCauses
from vos3000.model.cdr import Cdr
from vos3000.model.money import plain
from vos3000.model.states import EndDirection

FILTERED_DAYS = 31
"""How far back a filter looks when no C{--since} is given."""

MOST = 1_000_000
"""Records that are listed at once."""

_DAY = 86_400
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": _DAY}
_AGO = re.compile(r"(\d{1,6})([smhd])")
_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d")

_COLUMNS = (
    *("end", "caller", "callee", "from", "to", "held", "charged", "fee"),
    *("account", "cost", "ended by", "reason"),
)
_DISPENSABLE = ("charged", "ended by", "cost", "from", "account", "to", "caller")


def since_ms(text: str, zone: ZoneInfo, now: float, hint: str = "--since") -> int:
    """
    Read the beginning of a span of time.

    @param text: C{90m}, C{24h}, C{7d} ago, or a day or moment in C{zone}.
    @param now: Seconds since the epoch.
    @param hint: The option that says it.
    @raise click.BadParameter: If it is neither.
    """
    ago = _AGO.fullmatch(text)
    if ago:
        return int((now - int(ago[1]) * _UNITS[ago[2]]) * 1000)
    for form in _FORMATS:
        try:
            moment = datetime.datetime.strptime(text, form).replace(tzinfo=zone)
        except ValueError:
            continue
        return int(moment.timestamp() * 1000)
    raise click.BadParameter(
        f"{text!r} is neither 90m, 24h or 7d nor 2026-01-31 or '2026-01-31 13:45'",
        param_hint=hint,
    )


@click.command()
@click.option("--account", help="Only calls that this account pays.")
@click.option("--caller", help="Only calls from this billed number.")
@click.option("--callee", help="Only calls to this billed number.")
@click.option("--since", help="A day, a moment, or 90m, 24h, 7d ago.")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(1, MOST),
    default=20,
    show_default=True,
    help="How many at most.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, every column.")
@shared
def cdr(
    setup: Setup,
    account: str | None,
    caller: str | None,
    callee: str | None,
    since: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """
    List the newest records, newest first.

    They come from the database, so the switch need not run. A filter without
    --since looks at the last 31 days. A narrow screen shows fewer columns;
    --json has them all.
    """
    zone = setup.config.state.zone
    begin = since_ms(since, zone, setup.now()) if since else 0
    filtered = bool(account or caller or callee)
    if filtered and not begin:
        begin = since_ms(f"{FILTERED_DAYS}d", zone, setup.now())
    query = CdrQuery(
        accounts=(account,) if account else (),
        caller=caller or "",
        callee=callee or "",
        begin_ms=begin,
    )
    with setup.pool() as pool:
        store = CdrStore(pool, zone)
        if filtered or begin:
            found = wait(store.query(query))[: -limit - 1 : -1]
        else:
            found = wait(store.recent(limit))
    if as_json:
        show_json([attrs.asdict(each) for each in found])
        return
    screen = console()
    if not found:
        screen.print("no records")
        return
    reasons = causes.load()
    rows = [row(each, reasons, zone) for each in found]
    numbers = "held,charged,fee,cost"
    made = fitted(rows, _COLUMNS, _DISPENSABLE, screen.width, numbers)
    screen.print(made, crop=False, no_wrap=True)


def row(record: Cdr, reasons: EndCauses, zone: ZoneInfo) -> tuple[str, ...]:
    """A record's main columns as text."""
    end = datetime.datetime.fromtimestamp(record.stoptime / 1000, zone)
    reason = reasons.by_code(record.endreason)
    return (
        f"{end:%Y-%m-%d %H:%M:%S}",
        record.callere164,
        record.calleee164,
        record.callergatewayid,
        record.calleegatewayid,
        str(record.holdtime),
        str(record.feetime),
        plain(record.fee),
        record.customeraccount,
        plain(record.agentfee),
        EndDirection(record.enddirection).name.lower(),
        f"{record.endreason} {reason.name}" if reason else str(record.endreason),
    )
