"""
The command route-test: the way a call would take, and why.

It goes the steps of call control in their order, with the engines that calls
go through, filled from the database.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
import click

from vos3000.billing.meter import Meter
from vos3000.commands.context import (
    PROBLEM,
    Setup,
    console,
    shared,
    show_json,
    table,
)
from vos3000.commands.desk import Desk, Way
from vos3000.model.gateways import (
    Device,
    MappingGateway,
    RoutingGateway,
    gateway_name,
)
from vos3000.model.money import plain
from vos3000.model.rates import Rate
from vos3000.routing.routes import Route


@click.command(name="route-test")
@click.option(
    "--from",
    "source",
    required=True,
    metavar="GATEWAY|PHONE|ADDRESS",
    help="A mapping gateway's name, a phone's number, or an address, with :port"
    " if you like.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.argument("caller")
@click.argument("callee")
@shared
def route_test(
    setup: Setup, source: str, as_json: bool, caller: str, callee: str
) -> None:
    """
    Show the way a call from CALLER to CALLEE would take, and why.

    The numbers after the rules, the rate, the longest duration, the gateways
    in the order in which they are tried with the numbers each is sent, and
    every gateway left out with the reason. It is the code that routes calls,
    on the tables in the database, as if no other call were up; which gateways
    can be reached just now is asked of the running switch, and which phones are
    online is what it wrote last. Exits with 1
    if the call would be refused. `?` and ranges in rules are drawn anew.
    """
    with setup.pool() as pool:
        desk = Desk(setup, pool)
        way = desk.walk(desk.caller(source), caller, callee)
        if as_json:
            show_json(_document(desk, way))
        else:
            _print(desk, way)
    if way.refusals:
        click.get_current_context().exit(PROBLEM)


def _rate_text(rate: Rate | None) -> str:
    if rate is None:
        return "no rate"
    where = f"{rate.prefix} {rate.area_name}".rstrip()
    sections = (f"{s.time} s for {plain(s.fee)}, then " for s in rate.sections)
    return f"{where}: {''.join(sections)}{plain(rate.fee)} per {rate.period} s"


def _print(desk: Desk, way: Way) -> None:
    screen = console()
    caller, callee = way.received
    made = table("what", "is")
    if way.gateway.device is Device.GATEWAY:
        made.add_row("mapping gateway", way.gateway.name)
    if way.phone is not None:
        made.add_row("phone", way.phone.e164)
    made.add_row("caller", f"{caller}, billed as {way.caller}")
    made.add_row("callee", f"{callee}, billed as {way.callee}")
    made.add_row("account", way.payer.account or "none")
    if way.meter is not None:
        made.add_row("rate", _price(way.meter))
        made.add_row("longest", _longest(way.meter))
    screen.print(made)
    _print_routes(desk, way)
    for number, refusal in enumerate(way.refusals):
        also = "also" if number else f"refused with SIP {refusal.cause.sip}"
        screen.print(f"{also}: {refusal}", style="red")


def _price(meter: Meter) -> str:
    if meter.no_cdr:
        return "none: on SERVER_BILLING_NO_CDR_E164S, neither record nor charge"
    return "none: charged 0" if meter.rate is None else _rate_text(meter.rate)


def _longest(meter: Meter) -> str:
    if meter.longest is None:
        return "no limit by the balance"
    return f"{meter.longest} s by the balance"


def _print_routes(desk: Desk, way: Way) -> None:
    made = table("try", "to", "prefix", "caller", "callee", "cost")
    for place, route in enumerate(way.selection.routes, 1):
        gateway = route.gateway
        cost = _rate_text(desk.cost(way, gateway)) if gateway.clearing_account else "-"
        made.add_row(
            str(place),
            _name(gateway) + _sent_on(route),
            route.prefix,
            *desk.numbers_out(way, gateway, route.callee),
            cost,
        )
    for out in way.selection.left_out:
        made.add_row("-", _name(out.gateway), out.prefix, f"left out: {out.reason}")
    if made.row_count:
        console().print(made)
    else:
        console().print("no routing gateway has a prefix of this number")
    if not desk.asked:
        console().print(
            "the switch does not run: which gateways it could reach is not known"
        )


def _name(device: MappingGateway | RoutingGateway) -> str:
    """A gateway's name, or which phone it is."""
    phone = device.device is not Device.GATEWAY
    return f"phone {device.name}" if phone else device.name


def _sent_on(route: Route) -> str:
    """That a phone sends the call on, and why."""
    return f", forwards: {route.forward}" if route.forward else ""


def _document(desk: Desk, way: Way) -> dict[str, Any]:
    caller, callee = way.received
    meter = way.meter
    rate = meter.rate if meter is not None else None
    return {
        "mappingGateway": gateway_name(way.gateway),
        "phone": way.phone.e164 if way.phone is not None else "",
        "account": way.payer.account,
        "callerAccessE164": caller,
        "calleeAccessE164": callee,
        "callerE164": way.caller,
        "calleeE164": way.callee,
        "rate": attrs.asdict(rate) if rate is not None else None,
        "longest": meter.longest if meter is not None else None,
        "switchRuns": desk.asked,
        "routes": list(_routes(desk, way)),
        "leftOut": [
            {**_device(o.gateway), "prefix": o.prefix, "reason": o.reason}
            for o in way.selection.left_out
        ],
        "refusals": [
            {
                "endReason": refusal.cause.code,
                "name": refusal.cause.name,
                "sip": refusal.cause.sip,
                "detail": refusal.detail,
            }
            for refusal in way.refusals
        ],
    }


def _device(device: RoutingGateway) -> dict[str, str]:
    """A gateway, or a phone, by its name."""
    kind = "gateway" if device.device is Device.GATEWAY else "phone"
    return {kind: device.name}


def _routes(desk: Desk, way: Way) -> Iterable[dict[str, Any]]:
    for route in way.selection.routes:
        caller, callee = desk.numbers_out(way, route.gateway, route.callee)
        cost = desk.cost(way, route.gateway)
        yield {
            **_device(route.gateway),
            **({"forward": route.forward} if route.forward else {}),
            "prefix": route.prefix,
            "callerToGatewayE164": caller,
            "calleeToGatewayE164": callee,
            "cost": attrs.asdict(cost) if cost is not None else None,
        }
