"""
The command route-test: the way a call would take, and why.

It goes the steps of call control in their order, with the engines that calls
go through, filled from the database.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Any

import attrs
import click
from twisted.internet.task import Clock

from vos3000.billing.accounts import Accounts
from vos3000.billing.meter import Meter
from vos3000.billing.pipeline import Billing
from vos3000.billing.rates import Rates
from vos3000.commands.context import (
    PROBLEM,
    Complaint,
    Setup,
    console,
    shared,
    show_json,
    table,
    wait,
)
from vos3000.commands.remote import Switch
from vos3000.conffile import port
from vos3000.db.customers import CustomerStore
from vos3000.db.gateways import MAPPING, ROUTING, GatewayStore
from vos3000.db.pool import Pool
from vos3000.db.rates import RateStore
from vos3000.events import Events
from vos3000.inforce import InForce
from vos3000.instant import instants
from vos3000.metrics import Metrics
from vos3000.model import causes
from vos3000.model.causes import CallRejected
from vos3000.model.gateways import MappingGateway, RoutingGateway
from vos3000.model.money import plain
from vos3000.model.rates import Rate
from vos3000.routing.availability import Availability
from vos3000.routing.capacity import Capacity
from vos3000.routing.rewriting import Rewriting
from vos3000.routing.routes import Selection
from vos3000.routing.selector import Selector
from vos3000.security.auth import SIP_PORT, Authenticator
from vos3000.security.screening import Screening
from vos3000.timers import TimerWheel


@attrs.define(slots=True)
class Way:
    """
    What became of a call, step by step.

    @ivar numbers: Caller and callee as they came, and as they are billed.
    @ivar refusals: Why it does not go out, in the order of the steps; what
        counts is the first.
    """

    gateway: MappingGateway
    numbers: tuple[tuple[str, str], tuple[str, str]]
    selection: Selection
    meter: Meter | None = None
    refusals: list[CallRejected] = attrs.field(factory=list)


class Desk:
    """
    The engines of call control, filled from a database.

    No other call is up: every line is free and no money is held in reserve.

    @ivar asked: Whether the switch that runs told which gateways it can reach.
    """

    def __init__(self, setup: Setup, pool: Pool) -> None:
        in_force = InForce(setup.parameters(pool))
        reasons = causes.load()
        self._causes = reasons
        self._pool = pool
        self.mapping = wait(GatewayStore(pool, MAPPING).values())
        self._authenticator = Authenticator()
        self._authenticator.load(self.mapping)
        self._screening = Screening(reasons)
        self._rewrite = Rewriting(random.SystemRandom().randrange).rewrite
        lines, now = Capacity(), instants(setup.now, setup.now)
        availability = Availability("routing", now, lines.used, Events(), Metrics())
        self._selector = Selector(
            lines, availability, reasons, lambda: in_force.switching
        )
        routing = wait(GatewayStore(pool, ROUTING).values())
        self._selector.load(routing)
        self.asked = _ask_running(setup, availability)
        self._accounts = Accounts(now, reasons)
        customers = wait(CustomerStore(pool).all())
        self._accounts.load(customers)
        self._rates = Rates()
        self._billing = Billing(
            self._accounts,
            self._rates,
            lambda: in_force.billing,
            TimerWheel(Clock()),
            reasons,
            Metrics(),
        )

    def caller(self, source: str) -> MappingGateway:
        """
        The mapping gateway of a name or an address.

        @raise Complaint: If there is none.
        """
        for gateway in self.mapping:
            if gateway.name == source:
                return gateway
        found = self._authenticator.mapping_gateway(*_address(source))
        if found is None:
            unknown = self._causes["IllegalCall"]
            raise Complaint(
                f"{source} is neither the name nor an address of a mapping gateway:"
                f" such a call is answered {unknown.sip} ({unknown.name})"
            )
        return found

    def walk(self, gateway: MappingGateway, caller: str, callee: str) -> Way:
        """Take a call through every step, also behind the one that refuses."""
        refusals: list[CallRejected] = []
        try:
            self._screening.check(gateway, caller, callee)
        except CallRejected as refusal:
            refusals.append(refusal)
        billed = (
            self._rewrite(gateway.rewrite_caller, caller),
            self._rewrite(gateway.rewrite_callee, callee),
        )
        selection = self._selector.select(billed[1], gateway, billed[0])
        way = Way(gateway, ((caller, callee), billed), selection, None, refusals)
        if not selection.routes:
            refusals.append(
                CallRejected(self._causes["NoAvailableRouter"], "no gateway is left")
            )
        self._load_rates(gateway, selection)
        try:
            way.meter = self._billing.authorize(gateway, billed[1])
        except CallRejected as refusal:
            refusals.append(refusal)
        return way

    def _load_rates(self, gateway: MappingGateway, selection: Selection) -> None:
        """The rate groups that the call can need, and no others."""
        accounts = [gateway.account]
        accounts += (route.gateway.clearing_account for route in selection.routes)
        groups = dict.fromkeys(filter(None, map(self._group, accounts)))
        store = RateStore(self._pool)
        known = {group.name for group in wait(store.groups())}
        self._rates.load(
            {name: wait(store.group_rates(name)) for name in groups if name in known}
        )

    def _group(self, name: str) -> str:
        account = self._accounts.get(name)
        return account.customer.fee_rate_group if account is not None else ""

    def numbers_out(self, way: Way, gateway: RoutingGateway) -> tuple[str, str]:
        """The numbers that a routing gateway is sent."""
        caller, callee = way.numbers[1]
        return (
            self._rewrite(gateway.rewrite_caller, caller),
            self._rewrite(gateway.rewrite_callee, callee),
        )

    def cost(self, way: Way, gateway: RoutingGateway) -> Rate | None:
        """What the vendor's clearing account is charged by; None for nothing."""
        callee = way.numbers[1][1]
        if gateway.clearing_uses_callout:
            callee = self.numbers_out(way, gateway)[1]
        return self._rates.find(self._group(gateway.clearing_account), callee)


def _ask_running(setup: Setup, availability: Availability) -> bool:
    """
    Learn from the running switch which gateways cannot be called just now.

    @return: Whether it runs.
    """
    try:
        numbers = Switch(setup.config, setup.connect).metrics()
    except Complaint:
        return False
    availability.adopt(
        _by_gateway(numbers, "obstacle"), _by_gateway(numbers, "pause_seconds")
    )
    return True


def _by_gateway(numbers: Mapping[str, float], name: str) -> dict[str, int]:
    start = f'vos3000_routing_gateway_{name}{{gateway="'
    return {
        key.removeprefix(start).removesuffix('"}'): int(value)
        for key, value in numbers.items()
        if key.startswith(start)
    }


def _address(source: str) -> tuple[str, int]:
    """C{host}, C{host:port} or C{[host]:port}; 5060 where no port is said."""
    host, colon, number = source.rpartition(":")
    if colon and (host.startswith("[") or ":" not in host):
        try:
            return host.strip("[]"), port(number)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--from") from None
    return source, SIP_PORT


@click.command(name="route-test")
@click.option(
    "--from",
    "source",
    required=True,
    metavar="GATEWAY|ADDRESS",
    help="A mapping gateway's name, or an address, with :port if you like.",
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
    can be reached just now is asked of the running switch. Exits with 1
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
    sections = (f"{s.time} s for {plain(s.fee)}, then " for s in rate.sections)
    return (
        f"{rate.prefix} {rate.area_name}: {''.join(sections)}"
        f"{plain(rate.fee)} per {rate.period} s"
    )


def _print(desk: Desk, way: Way) -> None:
    screen = console()
    (caller, callee), (billed_caller, billed_callee) = way.numbers
    made = table("what", "is")
    made.add_row("mapping gateway", way.gateway.name)
    made.add_row("caller", f"{caller}, billed as {billed_caller}")
    made.add_row("callee", f"{callee}, billed as {billed_callee}")
    made.add_row("account", way.gateway.account or "none")
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
    made = table("try", "routing gateway", "prefix", "caller", "callee", "cost")
    for place, route in enumerate(way.selection.routes, 1):
        gateway = route.gateway
        cost = _rate_text(desk.cost(way, gateway)) if gateway.clearing_account else "-"
        made.add_row(
            str(place),
            gateway.name,
            route.prefix,
            *desk.numbers_out(way, gateway),
            cost,
        )
    for out in way.selection.left_out:
        made.add_row("-", out.gateway.name, out.prefix, f"left out: {out.reason}")
    if made.row_count:
        console().print(made)
    else:
        console().print("no routing gateway has a prefix of this number")
    if not desk.asked:
        console().print(
            "the switch does not run: which gateways it could reach is not known"
        )


def _document(desk: Desk, way: Way) -> dict[str, Any]:
    (caller, callee), (billed_caller, billed_callee) = way.numbers
    meter = way.meter
    rate = meter.rate if meter is not None else None
    return {
        "mappingGateway": way.gateway.name,
        "account": way.gateway.account,
        "callerAccessE164": caller,
        "calleeAccessE164": callee,
        "callerE164": billed_caller,
        "calleeE164": billed_callee,
        "rate": attrs.asdict(rate) if rate is not None else None,
        "longest": meter.longest if meter is not None else None,
        "switchRuns": desk.asked,
        "routes": list(_routes(desk, way)),
        "leftOut": [
            {"gateway": o.gateway.name, "prefix": o.prefix, "reason": o.reason}
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


def _routes(desk: Desk, way: Way) -> Iterable[dict[str, Any]]:
    for route in way.selection.routes:
        caller, callee = desk.numbers_out(way, route.gateway)
        cost = desk.cost(way, route.gateway)
        yield {
            "gateway": route.gateway.name,
            "prefix": route.prefix,
            "callerToGatewayE164": caller,
            "calleeToGatewayE164": callee,
            "cost": attrs.asdict(cost) if cost is not None else None,
        }
