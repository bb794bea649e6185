"""
The half of the switch that calls pass through, put together.

Engines, call control and the SIP stack, each made once. L{vos3000.service}
gives it storage and a clock, and opens its sockets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import tzinfo
from typing import Any

from twisted.internet.interfaces import IReactorTime

from vos3000.billing.accounts import Accounts
from vos3000.billing.pipeline import Billing
from vos3000.billing.rates import Rates
from vos3000.call.control import CallControl, Engines, Writer
from vos3000.call.hunting import Hunter
from vos3000.call.journaling import Appends, CallJournal
from vos3000.call.phoneterms import PhoneTerms
from vos3000.call.registry import Registry
from vos3000.call.sipleg.callers import Callers
from vos3000.call.sipleg.gate import SipGate
from vos3000.call.sipleg.terms import SipLegs
from vos3000.call.trunk.redirects import RedirectServers, server_place
from vos3000.call.trunk.trunks import Trunks
from vos3000.config import Sip
from vos3000.events import Events
from vos3000.inforce import InForce
from vos3000.instant import Now
from vos3000.metrics import Metrics
from vos3000.model.bindings import Binding
from vos3000.model.causes import EndCauses
from vos3000.model.gateways import MappingGateway, RoutingGateway
from vos3000.model.phones import Phone
from vos3000.model.schedules import week_clock
from vos3000.phone.forwarding import Forwarding
from vos3000.phone.transfer import Transfers
from vos3000.ports import Ports
from vos3000.registration import Registration
from vos3000.routing.availability import Availability
from vos3000.routing.capacity import Capacity
from vos3000.routing.destinations import Destinations
from vos3000.routing.lines import LinesIn, LinesOut, PhoneLines
from vos3000.routing.phones import Phones
from vos3000.routing.quality import Quality
from vos3000.routing.rewriting import Rewriting
from vos3000.routing.selector import Selector
from vos3000.security.auth import Authenticator
from vos3000.security.callrate import CallRates
from vos3000.security.screening import Screening
from vos3000.security.suspension import network
from vos3000.security.throttle import Throttle
from vos3000.sip.avoided import Avoided
from vos3000.sip.core import Tokens, UserAgentCore
from vos3000.sip.dns import DnsNames, asker
from vos3000.sip.hosts import Hosts
from vos3000.sip.locate import Place
from vos3000.sip.transport import Reception
from vos3000.timers import TimerWheel
from vos3000.transports import Transports


class Signaling:
    """
    Everything between the sockets and the records.

    @param next_call: Gives the number of a new call.
    @param choose: Randomness: from C{n} to 0..n-1.
    @param token: Gives a fresh random text.
    @param sip: What is configured of SIP.
    @ivar mapping: The mapping gateways there are, and C{routing} likewise.
    """

    def __init__(
        self,
        reactor: IReactorTime,
        now: Now,
        timers: TimerWheel,
        in_force: InForce,
        causes: EndCauses,
        writer: Writer,
        journal: Appends,
        next_call: Callable[[], int],
        choose: Callable[[int], int],
        token: Callable[[], str],
        events: Events,
        metrics: Metrics,
        sip: Sip,
        zone: tzinfo,
    ) -> None:
        self._reactor: Any = reactor
        self._now = now
        self._timers = timers
        self._in_force = in_force
        self._causes = causes
        self._events = events
        self._metrics = metrics
        self._zone = zone
        self._vendors: dict[str, frozenset[str]] = {}
        self.mapping: tuple[MappingGateway, ...] = ()
        self.routing: tuple[RoutingGateway, ...] = ()
        self._names: dict[str, frozenset[Place]] = {}
        self._unverified: frozenset[str] = frozenset()
        self.hosts = Hosts(self._name_servers(sip), timers, choose)
        self.registry = Registry(next_call, now, causes["AdministratorHangup"])
        self._make_engines(choose)
        self._make_sip(token)
        self.registration = Registration(
            sip, self.core, timers, now, in_force, events, metrics, self.knows, token
        )
        self.gate.callers = Callers(
            self.phones,
            self.registration.location,
            self.registration.directory,
            self.registration.challenger,
        )
        self.registration.hear(self.reception)
        self._make_trunks(choose)
        self.call_journal = CallJournal(
            journal,
            self.registry,
            reactor,
            now,
            causes["RestartRecovery"],
            lambda: in_force.calls.softswitch,
        )
        self.control = CallControl(
            self._engines(),
            self._lines_out,
            self.registry,
            writer,
            self.call_journal,
            events,
            timers,
            now,
            choose,
            lambda: in_force.calls,
            lambda: in_force.billing,
            causes,
            metrics,
        )
        self._make_transfers()

    def _make_transfers(self) -> None:
        in_force = self._in_force
        self.transfers = Transfers(
            self.control,
            self.phones,
            self.authenticator.mapping_gateway,
            lambda name: self.gate.callers.gateway(name),
            lambda: in_force.transfers,
            self._timers,
            self._now,
            self._causes,
        )
        self.control.transfers = self.transfers.referred
        self.forwarding.control = self.control
        self.gate.replaces = self.transfers.replaces

    def _make_engines(self, choose: Callable[[int], int]) -> None:
        in_force, causes = self._in_force, self._causes
        self.accounts = Accounts(self._now, causes)
        self.rates = Rates()
        self.lines_in = Capacity()
        self.lines_out = Capacity()
        self.phones = Phones()
        self.phone_lines = PhoneLines(self.phones)
        self._lines = LinesIn(self.lines_in, self.phone_lines)
        self._lines_out = LinesOut(self.lines_out, self.phone_lines)
        self.authenticator = Authenticator()
        self.rewriting = Rewriting(choose)
        holds = self.rewriting.groups.has
        moment = week_clock(lambda: self._now().wall / 1000, self._zone)
        self.screening = Screening(causes, holds)
        self.rates_out = CallRates(self._seconds)
        self.availability = Availability(
            "routing", self._now, self.lines_out.used, self._events, self._metrics
        )
        seconds = self._reactor.seconds
        self.quality_in = Quality(seconds, lambda: in_force.quality)
        self.quality_out = Quality(seconds, lambda: in_force.quality)
        self.selector = Selector(
            self.lines_out,
            self.availability,
            causes,
            lambda: in_force.switching,
            self.rates_out.wait,
            lambda name: self.registration.gateway_online(name),
            moment,
            holds,
        )
        self.destinations = Destinations(
            self.selector,
            self.phones,
            self.phone_lines,
            lambda e164: self.registration.phone_online(e164),
            causes,
            moment,
            holds,
        )
        self.throttle = Throttle(
            self.authenticator.mapping_gateway,
            self._answers,
            lambda: in_force.calls.most_per_second,
            self._seconds,
            causes,
            self._metrics,
        )
        self.billing = Billing(
            self.accounts,
            self.rates,
            lambda: in_force.billing,
            self._timers,
            causes,
            self._metrics,
        )

    def _seconds(self) -> float:
        return self._now().mono

    def _make_sip(self, token: Callable[[], str]) -> None:
        in_force = self._in_force
        self.gate = SipGate(
            lambda: self.transports.transport,
            self.authenticator.mapping_gateway,
            self.throttle.exceeds,
            self.knows,
            lambda: in_force.answers_strangers,
            lambda leg: self.control.incoming(leg),
            self.hosts.targets,
            Avoided(self._timers),
        )
        self.core = UserAgentCore(
            self._timers,
            lambda: in_force.resend,
            Tokens(token, token()),
            self.gate,
            self._metrics,
        )
        self.core.layer.door = self.throttle
        self.gate.legs = SipLegs(
            self.core,
            self._causes,
            lambda: in_force.sip,
            self.gate.locate,
            self.gate.avoided.add,
        )
        self.reception = Reception(
            self.core.layer, self._answers, self._now, self._metrics
        )
        self.transports = Transports(
            self._reactor,
            self.reception,
            self._timers,
            self.knows,
            self._now,
            self._metrics,
        )
        self.transports.connections.credentials = self._credentials
        self.transports.connections.avoid = self.gate.avoided.add
        self.transports.connections.gateway = self._gateway
        self.transports.connections.source = network

    def _make_trunks(self, choose: Callable[[int], int]) -> None:
        self.presence = Availability(
            "mapping", self._now, self.lines_in.used, self._events, self._metrics
        )
        self.trunks = Trunks(
            self.core,
            self.gate,
            self.availability,
            self.presence,
            lambda: self._in_force.registering,
            lambda: self._in_force.publish_expire,
            self.gateways_at,
            choose,
            self._metrics,
        )

    def _engines(self) -> Engines:
        self.redirects = RedirectServers(
            self.core,
            self.gate.locate,
            self._causes,
            lambda: self._in_force.redirect_timeout,
            lambda: self._in_force.sip.authentication_retry,
            self._metrics,
        )
        self.forwarding = Forwarding(
            self.phones,
            self.gate.dial,
            lambda: self._in_force.forward_shows_caller,
            self._timers,
            self._now,
            self._causes,
        )
        hunter = Hunter(
            self.selector,
            self._lines_out,
            self.quality_out,
            self.rates_out,
            self.rewriting,
            self.forwarding.dial,
            self._timers,
            self._in_force,
            self._causes,
        )
        return Engines(
            self.throttle,
            self.screening,
            self.rewriting,
            self.destinations,
            self._lines,
            PhoneTerms(
                self.phones,
                self.screening,
                self.rewriting,
                self._lines,
                self._causes,
            ),
            self.billing,
            hunter,
            self.redirects.ask,
            self.quality_in,
        )

    def knows(self, host: str, port: int) -> bool:
        """Whether a source is any gateway's, or a phone's that is there."""
        return self._gateway(host, port) or self.gate.callers.knows(host, port)

    def _gateway(self, host: str, port: int) -> bool:
        """Whether a source is that of a gateway of a fixed address."""
        if self.authenticator.mapping_gateway(host, port) is not None:
            return True
        return host in self._vendors or self.hosts.found(host)

    def named(self, host: str, port: int) -> frozenset[str]:
        """The names of the gateways and phones at a host and port."""
        found = self.gateways_at(host, port)
        registered = self.gate.callers.name_at((host, port))
        return found if registered is None else found | {registered}

    def gateways_at(self, host: str, port: int) -> frozenset[str]:
        """The names of the gateways there, and of no phone."""
        found = set(self._vendors.get(host, ()))
        for name in self.hosts.names(host):
            found |= self._vendors.get(name, frozenset())
        gateway = self.authenticator.mapping_gateway(host, port)
        if gateway is not None:
            found.add(gateway.name)
        registered = self.gate.callers.gateway_at((host, port))
        if registered is not None:
            found.add(registered)
        return frozenset(found)

    def _answers(self, address: tuple[str, int]) -> bool:
        return self._in_force.answers_strangers or self.knows(*address)

    def load_mapping(self, gateways: Sequence[MappingGateway]) -> None:
        """Take over the mapping gateways."""
        self.mapping = tuple(gateways)
        self.authenticator.load(gateways)
        self.trunks.load_mapping(gateways)
        self.quality_in.keep(gateway.name for gateway in gateways)
        self.throttle.load(gateways)
        self.gate.callers.load(gateways)
        self._look_up("gateways", map(server_place, gateways))
        self.registration.load_mapping(gateways)

    def load_routing(self, gateways: Sequence[RoutingGateway]) -> None:
        """Take over the routing gateways."""
        self.routing = tuple(gateways)
        vendors: dict[str, set[str]] = {}
        for gateway in gateways:
            vendors.setdefault(gateway.remote_ip, set()).add(gateway.name)
        self._vendors = {host: frozenset(names) for host, names in vendors.items()}
        self.transports.local_hosts.forget()
        self.transports.need(gateway.transport for gateway in gateways)
        self._unverified = frozenset(
            gateway.remote_ip for gateway in gateways if not gateway.sip.tls_verify
        )
        self._look_up("vendors", map(_place, gateways))
        self.selector.load(gateways)
        self.registration.load_routing(gateways)
        self.trunks.load_routing(gateways)
        self.quality_out.keep(gateway.name for gateway in gateways)
        self.rates_out.keep(gateway.name for gateway in gateways)

    def _look_up(self, why: str, places: Iterable[Place | None]) -> None:
        """These are the names in use for one purpose; None is none."""
        self._names[why] = frozenset(place for place in places if place is not None)
        self.hosts.load(frozenset[Place]().union(*self._names.values()))

    def _name_servers(self, sip: Sip) -> DnsNames:
        """Who is asked for names: whom the operator named, else the system."""
        servers = [(each.host, each.port) for each in sip.dns]
        system = None if servers else lambda: self._reactor.nameResolver
        reactor = self._reactor
        return DnsNames(lambda: asker(reactor, servers), system, reactor)

    def _credentials(self, host: str) -> tuple[str, bool]:
        """Whom a peer that we call back must be, and whether it has to prove it."""
        names = self.hosts.names(host)
        verify = self._unverified.isdisjoint((host, *names))
        return (names[0] if names else ""), verify

    def load_phones(self, phones: Sequence[Phone]) -> None:
        """Take over the platform phones."""
        self.phones.load(phones)
        self._look_up("phones", (server_place(phone.origin) for phone in phones))
        self.registration.load_phones(phones)

    def put_phone(self, e164: str, phone: Phone | None) -> None:
        """Replace one platform phone, or take it away."""
        self.phones.put(e164, phone)
        self.registration.put_phone(e164, phone)

    def restore(self, bindings: Iterable[Binding]) -> None:
        """
        Take registrations that were kept over a restart, after the tables, and
        keep the way to them open.
        """
        self.registration.restore(bindings, self.transports.transport.bound)
        self.registration.keep_alive.start()

    def open(self, ports: Ports, sip: Sip) -> None:
        """Open the sockets, silent for now."""
        self.transports.open(ports, sip)

    def tune(self) -> None:
        """System parameters were read."""
        in_force = self._in_force
        self.transports.tune(in_force.signal_tos, in_force.reset_connections)

    def busy(self) -> bool:
        """Whether calls or their last messages are still under way."""
        return bool(len(self.registry) or self.core.layer.busy())


def _place(gateway: RoutingGateway) -> Place:
    return Place(gateway.remote_ip, gateway.transport, gateway.signal_port)
