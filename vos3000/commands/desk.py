"""
The desk at which route-test tries a call: the engines that calls go through,
filled from the database.
"""

from __future__ import annotations

import random

import attrs
import click
from twisted.internet.task import Clock

from vos3000.billing.accounts import Accounts
from vos3000.billing.meter import Meter
from vos3000.billing.pipeline import Billing
from vos3000.billing.rates import Rates
from vos3000.call.phoneterms import PhoneTerms, caller_for, is_free, origin_of
from vos3000.commands.context import Complaint, Setup, wait
from vos3000.commands.remote import Switch
from vos3000.conffile import port
from vos3000.db.customers import CustomerStore
from vos3000.db.gateways import MAPPING, ROUTING, GatewayStore
from vos3000.db.numbergroups import NumberGroupStore
from vos3000.db.phones import PhoneStore
from vos3000.db.pool import Pool
from vos3000.db.rates import RateStore
from vos3000.db.registrations import RegistrationStore
from vos3000.events import Events
from vos3000.inforce import InForce
from vos3000.instant import instants
from vos3000.metrics import Metrics
from vos3000.model import causes
from vos3000.model.causes import CallRejected
from vos3000.model.gateways import MappingGateway, RoutingGateway
from vos3000.model.phones import Phone
from vos3000.model.rates import Rate
from vos3000.model.schedules import week_clock
from vos3000.routing.availability import Availability
from vos3000.routing.capacity import Capacity
from vos3000.routing.destinations import Destinations
from vos3000.routing.lines import LinesIn, PhoneLines
from vos3000.routing.phones import Phones
from vos3000.routing.proportions import with_prefix
from vos3000.routing.rewriting import Rewriting
from vos3000.routing.routes import Selection
from vos3000.routing.selector import Selector
from vos3000.security.auth import SIP_PORT, Authenticator
from vos3000.security.screening import Screening
from vos3000.timers import TimerWheel

_NOTHING = Selection((), ())
_draw = random.SystemRandom().randrange


@attrs.define(slots=True)
class Way:
    """
    What became of a call, step by step.

    @ivar gateway: Where it comes from: a mapping gateway, or a phone.
    @ivar received: Caller and callee as they came.
    @ivar caller: The caller as it is billed, and C{callee} likewise.
    @ivar phone: The phone that calls, if its settings hold.
    @ivar payer: Whose account pays.
    @ivar refusals: Why it does not go out, in the order of the steps; what
        counts is the first.
    """

    gateway: MappingGateway
    received: tuple[str, str]
    caller: str
    callee: str
    payer: MappingGateway
    selection: Selection = _NOTHING
    meter: Meter | None = None
    phone: Phone | None = None
    holds_phone_line: bool = False
    refusals: list[CallRejected] = attrs.field(factory=list)


class Desk:
    """
    The engines of call control.

    No other call is up: every line is free and no money is held in reserve.

    @ivar asked: Whether the switch that runs told which gateways it can reach.
    """

    def __init__(self, setup: Setup, pool: Pool) -> None:
        self._in_force = InForce(setup.parameters(pool))
        self._causes = causes.load()
        self._pool = pool
        self._zone = setup.config.state.zone
        self._now = instants(setup.now, setup.now)
        self._customers = CustomerStore(pool)
        self.mapping = wait(GatewayStore(pool, MAPPING).values())
        self._authenticator = Authenticator()
        self._authenticator.load(self.mapping)
        self._phones = Phones()
        phones = wait(PhoneStore(pool, self._customers).values())
        self._phones.load(phones)
        self._make_routing(setup)
        self._make_billing()

    def _make_routing(self, setup: Setup) -> None:
        reasons, in_force, now = self._causes, self._in_force, self._now
        rewriting = Rewriting(_draw)
        groups: dict[str, tuple[str, ...]] = wait(NumberGroupStore(self._pool).all())
        rewriting.groups.load(groups)
        holds = rewriting.groups.has
        self._screening = Screening(reasons, holds)
        self._rewrite = rewriting.rewrite
        lines, phone_lines = Capacity(), PhoneLines(self._phones)
        availability = Availability("routing", now, lines.used, Events(), Metrics())
        online = self._registered()
        moment = week_clock(lambda: now().wall / 1000, self._zone)
        selector = Selector(
            lines,
            availability,
            reasons,
            lambda: in_force.switching,
            online=online.__contains__,
            moment=moment,
            holds=holds,
        )
        routing = wait(GatewayStore(self._pool, ROUTING).values())
        selector.load(routing)
        self.asked = _ask_running(setup, availability)
        self._destinations = Destinations(
            selector,
            self._phones,
            phone_lines,
            online.__contains__,
            reasons,
            moment,
            holds,
        )
        self._terms = PhoneTerms(
            self._phones,
            self._screening,
            rewriting,
            LinesIn(Capacity(), phone_lines),
            reasons,
        )

    def _registered(self) -> frozenset[str]:
        """The phones and gateways that are registered, as the switch wrote it."""
        kept = wait(RegistrationStore(self._pool, Clock(), Metrics()).load())
        now = self._now().wall
        return frozenset(binding.aor for binding in kept if binding.expires > now)

    def _make_billing(self) -> None:
        in_force, reasons = self._in_force, self._causes
        self._accounts = Accounts(self._now, reasons)
        customers = wait(self._customers.all())
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
        The mapping gateway of a name or an address, or the phone of a number.

        @raise Complaint: If there is none.
        """
        for gateway in self.mapping:
            if gateway.name == source:
                return gateway
        phone = self._phones.get(source)
        if phone is not None:
            return phone.origin
        found = self._authenticator.mapping_gateway(*_address(source))
        if found is None:
            unknown = self._causes["IllegalCall"]
            raise Complaint(
                f"{source} is neither the name nor an address of a mapping gateway,"
                " nor the number of a phone: such a call is asked for a password if"
                " any phone or gateway has one, and otherwise, or if the password is"
                f" wrong, refused with {unknown.sip} ({unknown.name})"
            )
        return found

    def walk(self, gateway: MappingGateway, caller: str, callee: str) -> Way:
        """Take a call through every step, also behind the one that refuses."""
        way = Way(
            gateway,
            (caller, callee),
            self._rewrite(gateway.rewrite_caller, caller),
            self._rewrite(gateway.rewrite_callee, with_prefix(gateway, callee, _draw)),
            gateway,
        )
        for step in (self._screen, self._enter, self._select, self._authorize):
            try:
                step(way)
            except CallRejected as refusal:
                way.refusals.append(refusal)
        return way

    def _screen(self, way: Way) -> None:
        self._screening.check(way.gateway, *way.received)

    def _enter(self, way: Way) -> None:
        self._terms.enter(way, way.gateway)

    def _select(self, way: Way) -> None:
        origin = origin_of(way, way.gateway)
        if origin is not way.gateway:
            self._destinations.permit(way.gateway, way.callee)
        way.selection = self._destinations.select(way.callee, origin, way.caller)
        if not way.selection.routes:
            cause = way.selection.cause or self._causes["NoAvailableRouter"]
            raise CallRejected(cause, "no gateway is left")

    def _authorize(self, way: Way) -> None:
        way.payer = self._terms.payer(way, way.gateway)
        self._load_rates(way)
        level = origin_of(way, way.gateway).call_level
        free = bool(way.selection.routes) and is_free(way, way.selection)
        way.meter = self._billing.authorize(way.payer, way.callee, level, free)

    def _load_rates(self, way: Way) -> None:
        """The rate groups that the call can need, and no others."""
        accounts = [way.payer.account]
        accounts += (route.gateway.clearing_account for route in way.selection.routes)
        groups = dict.fromkeys(filter(None, map(self._group, accounts)))
        groups[way.payer.fee_rate_group] = None
        store = RateStore(self._pool)
        known = {group.name for group in wait(store.groups())}
        self._rates.load(
            {name: wait(store.group_rates(name)) for name in groups if name in known}
        )

    def _group(self, name: str) -> str:
        account = self._accounts.get(name)
        return account.customer.fee_rate_group if account is not None else ""

    def numbers_out(
        self, way: Way, gateway: RoutingGateway, callee: str = ""
    ) -> tuple[str, str]:
        """
        The numbers that a routing gateway or a phone is sent.

        @param callee: What is called whatever the rules say, if anything.
        """
        return (
            caller_for(way, gateway, self._rewrite),
            callee or self._rewrite(gateway.rewrite_callee, way.callee),
        )

    def cost(self, way: Way, gateway: RoutingGateway) -> Rate | None:
        """What the vendor's clearing account is charged by; None for nothing."""
        callee = way.callee
        if gateway.clearing_uses_callout:
            callee = self.numbers_out(way, gateway)[1]
        return self._rates.find(self._group(gateway.clearing_account), callee)


def _ask_running(setup: Setup, availability: Availability) -> bool:
    """
    Learn from the running switch which gateways cannot be called just now.

    @return: Whether it runs.
    """
    switch = Switch(setup.config, setup.connect)
    try:
        availability.adopt(
            switch.by_gateway("routing_gateway_obstacle"),
            switch.by_gateway("routing_gateway_pause_seconds"),
            {
                name: known["why"]
                for name, known in switch.page("/obstacles")["routing"].items()
            },
        )
    except Complaint:
        return False
    return True


def _address(source: str) -> tuple[str, int]:
    """C{host}, C{host:port} or C{[host]:port}; 5060 where no port is said."""
    host, colon, number = source.rpartition(":")
    if colon and (host.startswith("[") or ":" not in host):
        try:
            return host.strip("[]"), port(number)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--from") from None
    return source, SIP_PORT
