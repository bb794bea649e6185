"""
A switch without sockets: its peers are in L{tests.peers}.

Everything between the wire and the record is real: codec, transactions, call
control, routing, billing. Time is a Clock's; what is sent lands in a list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC
from decimal import Decimal
from typing import Any

from twisted.internet.task import Clock

from vos3000.billing.accounts import Accounts
from vos3000.billing.pipeline import Billing
from vos3000.billing.rates import Rates
from vos3000.call.control import CallControl, Engines
from vos3000.call.hunting import Hunter
from vos3000.call.journaling import CallJournal
from vos3000.call.phoneterms import PhoneTerms
from vos3000.call.registry import Registry
from vos3000.call.sipleg.callers import Callers
from vos3000.call.sipleg.gate import SipGate
from vos3000.call.sipleg.terms import SipLegs
from vos3000.call.trunk.redirects import RedirectServers
from vos3000.call.trunk.trunks import Trunks
from vos3000.config import Sip
from vos3000.db import phonefields, phonevalues
from vos3000.events import CallEnded, CallStateChanged, Events
from vos3000.inforce import InForce
from vos3000.instant import instants
from vos3000.journal.entries import Kind, end_text
from vos3000.metrics import Metrics
from vos3000.model import causes
from vos3000.model.accounts import Customer
from vos3000.model.cdr import Cdr, CdrEntry
from vos3000.model.gateways import MappingGateway, RoutingGateway
from vos3000.model.numbers import PrefixMap
from vos3000.model.phones import Phone
from vos3000.model.rates import Rate
from vos3000.model.schedules import week_clock
from vos3000.parameters import Parameters, registry
from vos3000.phone.forwarding import Forwarding
from vos3000.phone.transfer import Transfers
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
from vos3000.security.throttle import Throttle
from vos3000.sip.avoided import Avoided
from vos3000.sip.core import Tokens, UserAgentCore
from vos3000.sip.locate import Place, Target, plain
from vos3000.sip.message import Request, Response
from vos3000.sip.parser import parse
from vos3000.sip.transaction import ANYWHERE, Address
from vos3000.sip.transport import Reception
from vos3000.timers import TimerWheel

SWITCH = ("192.0.2.1", 5060)
CALLER = ("192.0.2.10", 5060)
CALLEE = ("192.0.2.20", 5060)
SECOND = ("192.0.2.21", 5060)
STRANGER = ("198.51.100.66", 5060)

OFFER = (
    b"v=0\r\no=alice 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\n"
    b"t=0 0\r\nm=audio 4000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\n"
    b"a=rtpmap:101 telephone-event/8000\r\n"
)
ANSWER = OFFER.replace(b"192.0.2.10", b"192.0.2.20").replace(b"4000", b"6000")


class FakeChannel:
    """
    What a socket is to the switch; keeps what was sent.

    @ivar late: Seconds that what comes has waited to be read.
    """

    def __init__(self, name: str = "UDP", reliable: bool = False) -> None:
        self.name = name
        self.reliable = reliable
        self.sent: list[tuple[bytes, Address]] = []
        self.here = SWITCH
        self.late = 0.0
        self.closed = False

    def send(self, data: bytes, address: Address) -> None:
        """Keep it."""
        self.sent.append((data, address))

    def local(self, address: Address) -> Address:
        """The switch's own address."""
        return self.here

    def waited(self) -> float:
        """As long as the test says."""
        return self.late

    def welcome(self, idle: float = 0.0) -> None:
        """Nobody is a stranger to it."""

    def live(self, address: Address) -> FakeChannel:
        """This one: it never closes."""
        return self


class FakeTransport:
    """
    One channel for every gateway; none for WebSocket.

    @ivar asked: Transport, whom the peer must be, and whether it must prove it.
    @ivar local: Our own address that had to be used last.
    """

    local = ANYWHERE

    def __init__(self, channel: Callable[[], FakeChannel]) -> None:
        self._channel = channel
        self.asked: list[tuple[str, str, bool]] = []

    def channel(
        self,
        name: str,
        address: Address,
        local: Address = ANYWHERE,
        domain: str = "",
        verify: bool = True,
    ) -> FakeChannel | None:
        """The one channel."""
        self.asked.append((name, domain, verify))
        self.local = local
        return None if name == "ws" else self._channel()


class KeptRecords:
    """Takes records as the writer does, and keeps them, in the journal as well."""

    def __init__(self, accounts: Accounts, journal: KeptEntries) -> None:
        self.healthy = True
        self._journal = journal
        self.entries: list[CdrEntry] = []
        self._accounts = accounts

    @property
    def waiting(self) -> int:
        """What a database that is down has not written."""
        return 0 if self.healthy else len(self.entries)

    def write(self, entry: CdrEntry, call: int = 0) -> None:
        """Keep the record."""
        self._journal.append(Kind.END, end_text(call, entry))
        self.entries.append(entry)


class KeptEntries:
    """
    A journal in memory.

    @ivar entries: Kind and text of what was appended.
    """

    def __init__(self) -> None:
        self.entries: list[tuple[int, bytes]] = []

    @property
    def sequence(self) -> int:
        """The number of the last entry."""
        return len(self.entries)

    def append(self, kind: int, text: bytes, urgent: bool = False) -> int:
        """Keep an entry."""
        self.entries.append((kind, text))
        return len(self.entries)

    def release(self, user: str, before: int) -> None:
        """Everything is kept."""


def mapping_gateway(**settings: Any) -> MappingGateway:
    """The ordinary customer's gateway, but for C{settings}."""
    given = {"id": 1, "name": "ingress", "remote_ips": (CALLER[0],), "account": "acme"}
    return MappingGateway(**{**given, **settings})


def routing_gateway(**settings: Any) -> RoutingGateway:
    """The ordinary vendor's first gateway, but for C{settings}."""
    given = {"id": 2, "name": "first", "remote_ip": CALLEE[0]}
    return RoutingGateway(**{**given, "clearing_account": "vendor", **settings})


def phone(e164: str, /, **fields: Any) -> Phone:
    """
    The value of a phone of acme's, by the interface's names.

    @param fields: What differs from the defaults, nested ones beside the others.
    """
    given = {"e164": e164, "account": "acme", "password": "secret", **fields}
    records = [
        {field.name: given.pop(field.name, field.default) for field in record}
        for record in (
            phonefields.PHONE,
            phonefields.ADDITIONAL + phonefields.ADDITIONAL_MORE,
            phonefields.SERVICES,
        )
    ]
    assert not given, given
    return phonevalues.phone(0, *records)


def _in_memory(switch: Switch) -> tuple[Any, Any]:
    journal = KeptEntries()
    return KeptRecords(switch.accounts, journal), journal


class Switch:
    """
    A switch with one customer, one mapping gateway and two routing gateways.

    @param parameters: System parameters, as in mbx2008.conf.
    @param keeping: Makes what takes its records, and its journal; lists do by
        default.
    @ivar servers: Where names lead.
    @ivar stepped: Seconds that the wall clock was set forward since it was right.
    """

    def __init__(
        self,
        mapping: Iterable[MappingGateway] = (),
        routing: Iterable[RoutingGateway] = (),
        customers: Iterable[Customer] = (),
        rates: dict[str, Iterable[Rate]] | None = None,
        parameters: dict[str, str] | None = None,
        keeping: Callable[[Switch], tuple[Any, Any]] | None = None,
    ) -> None:
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.stepped = 0.0
        self.now = instants(
            lambda: self.clock.seconds() + self.stepped, self.clock.seconds
        )
        self.metrics = Metrics()
        self.events = Events()
        self.causes = causes.load()
        self.timers = TimerWheel(self.clock)
        self.parameters = Parameters(registry(), {})
        assert self.parameters.replace(parameters or {}) == ()
        self.in_force = InForce(self.parameters.values)
        self.channel = FakeChannel()
        self.transport = FakeTransport(lambda: self.channel)
        self.servers: dict[str, tuple[Target, ...]] = {}
        self._count = 0
        self._calls = 0
        self._keeping = keeping or _in_memory
        self._engines()
        self._signaling()
        self._call_control()
        self.registration = Registration(
            Sip(),
            self.core,
            self.timers,
            self.now,
            self.in_force,
            self.events,
            self.metrics,
            self.gate.knows,
            self.token,
        )
        self.registration.hear(self.reception)
        self.location = self.registration.location
        self.gate.callers = Callers(
            self.book,
            self.location,
            self.registration.directory,
            self.registration.challenger,
        )
        self.phones: list[Phone] = []
        self._make_trunks()
        self.load(mapping, routing, customers, rates)

    def _engines(self) -> None:
        self.accounts = Accounts(self.now, self.causes)
        self.rates = Rates()
        self.records, self.journal = self._keeping(self)
        self.lines_in = Capacity()
        self.lines_out = Capacity()
        self.book = Phones()
        self.phone_lines = PhoneLines(self.book)
        self.called = LinesOut(self.lines_out, self.phone_lines)
        self.calling = LinesIn(self.lines_in, self.phone_lines)
        in_force = self.in_force
        self.rates_out = CallRates(self.clock.seconds)
        self.availability = Availability(
            "routing", self.now, self.lines_out.used, self.events, self.metrics
        )
        self.rewriting = Rewriting(self.choose)
        holds = self.rewriting.groups.has
        moment = week_clock(self.clock.seconds, UTC)
        self.selector = Selector(
            self.lines_out,
            self.availability,
            self.causes,
            lambda: in_force.switching,
            self.rates_out.wait,
            lambda name: self.registration.gateway_online(name),
            moment,
            holds,
        )
        self.destinations = Destinations(
            self.selector,
            self.book,
            self.phone_lines,
            lambda e164: self.registration.phone_online(e164),
            self.causes,
            moment,
            holds,
            lambda numbers: numbers.reverse(),
        )
        self.authenticator = Authenticator()
        self.throttle = Throttle(
            self.authenticator.mapping_gateway,
            lambda address: in_force.answers_strangers,
            lambda: in_force.calls.most_per_second,
            self.clock.seconds,
            self.causes,
            self.metrics,
        )
        self.screening = Screening(self.causes, holds)
        self.billing = Billing(
            self.accounts,
            self.rates,
            lambda: in_force.billing,
            self.timers,
            self.causes,
            self.metrics,
        )

    def _signaling(self) -> None:
        in_force = self.in_force
        self.gate = SipGate(
            lambda: self.transport,  # type: ignore[arg-type, return-value]
            self.authenticator.mapping_gateway,
            self.throttle.exceeds,
            self.knows,
            lambda: in_force.answers_strangers,
            lambda leg: self.control.incoming(leg),
            self.located,
            Avoided(self.timers),
        )
        self.core = UserAgentCore(
            self.timers,
            lambda: in_force.resend,
            Tokens(self.token, "m"),
            self.gate,
            self.metrics,
        )
        self.core.layer.door = self.throttle
        self.gate.legs = SipLegs(
            self.core,
            self.causes,
            lambda: in_force.sip,
            self.gate.locate,
            self.gate.avoided.add,
        )
        self.reception = Reception(
            self.core.layer, lambda address: True, self.now, self.metrics
        )

    def _make_trunks(self) -> None:
        self.presence = Availability(
            "mapping", self.now, self.lines_in.used, self.events, self.metrics
        )
        self.trunks = Trunks(
            self.core,
            self.gate,
            self.availability,
            self.presence,
            lambda: self.in_force.registering,
            lambda: self.in_force.publish_expire,
            self.named,
            self.choose,
            self.metrics,
        )

    def _call_control(self) -> None:
        in_force = self.in_force
        seconds = self.clock.seconds
        self.quality_in = Quality(seconds, lambda: in_force.quality)
        self.quality_out = Quality(seconds, lambda: in_force.quality)
        self.forwarding = Forwarding(
            self.book,
            self.gate.dial,
            lambda: in_force.forward_shows_caller,
            self.timers,
            self.now,
            self.causes,
        )
        hunter = Hunter(
            self.selector,
            self.called,
            self.quality_out,
            self.rates_out,
            self.rewriting,
            self.forwarding.dial,
            self.timers,
            in_force,
            self.causes,
        )
        self.registry = Registry(
            self._next_call, self.now, self.causes["AdministratorHangup"]
        )
        self.redirects = RedirectServers(
            self.core,
            self.gate.locate,
            self.causes,
            lambda: self.in_force.redirect_timeout,
            lambda: self.in_force.sip.authentication_retry,
            self.metrics,
        )
        self.call_journal = CallJournal(
            self.journal,
            self.registry,
            self.clock,
            self.now,
            self.causes["RestartRecovery"],
            lambda: in_force.calls.softswitch,
        )
        self.control = CallControl(
            Engines(
                self.throttle,
                self.screening,
                self.rewriting,
                self.destinations,
                self.calling,
                PhoneTerms(
                    self.book,
                    self.screening,
                    self.rewriting,
                    self.calling,
                    self.causes,
                ),
                self.billing,
                hunter,
                self.redirects.ask,
                self.quality_in,
            ),
            self.called,
            self.registry,
            self.records,
            self.call_journal,
            self.events,
            self.timers,
            self.now,
            self.choose,
            lambda: in_force.calls,
            lambda: in_force.billing,
            self.causes,
            self.metrics,
        )
        self.transfers = Transfers(
            self.control,
            self.book,
            self.authenticator.mapping_gateway,
            lambda name: self.gate.callers.gateway(name),
            lambda: in_force.transfers,
            self.timers,
            self.now,
            self.causes,
        )
        self.control.transfers = self.transfers.referred
        self.forwarding.control = self.control
        self.gate.replaces = self.transfers.replaces

    def load(
        self,
        mapping: Iterable[MappingGateway] = (),
        routing: Iterable[RoutingGateway] = (),
        customers: Iterable[Customer] = (),
        rates: dict[str, Iterable[Rate]] | None = None,
    ) -> None:
        """Fill the tables; what is not given gets the ordinary carrier."""
        sources = list(mapping) or [mapping_gateway()]
        routes = list(routing) or [
            routing_gateway(),
            RoutingGateway(3, "second", remote_ip=SECOND[0]),
        ]
        self.sources = [each.name for each in sources]
        self.routes = [each.name for each in routes]
        self.vendors = routes
        self.authenticator.load(sources)
        self.throttle.load(sources)
        self.gate.callers.load(sources)
        self.selector.load(routes)
        self.registration.load_mapping(sources)
        self.registration.load_routing(routes)
        self.trunks.load_mapping(sources)
        self.trunks.load_routing(routes)
        self.accounts.load(
            list(customers)
            or [
                Customer(
                    1, "acme", "Acme", money=Decimal(100), fee_rate_group="retail"
                ),
                Customer(2, "vendor", "Vendor", fee_rate_group="cost"),
            ]
        )
        groups = rates or {
            "retail": [Rate("", Decimal("0.06"), 60)],
            "cost": [Rate("", Decimal("0.02"), 60)],
        }
        self.rates.load(
            {name: PrefixMap((r.prefix, r) for r in g) for name, g in groups.items()}
        )

    def phone(self, e164: str, /, **fields: Any) -> Phone:
        """
        Make a phone of acme's that may register, beside those there are.

        @param fields: By the interface's names, nested ones beside the others.
        """
        made = phone(e164, **fields)
        self.phones = [each for each in self.phones if each.e164 != e164] + [made]
        self.book.put(e164, made)
        self.registration.put_phone(e164, made)
        return made

    def knows(self, host: str, port: int) -> bool:
        """Whether a source is a gateway's or a phone's."""
        if self.authenticator.mapping_gateway(host, port) is not None:
            return True
        return self.gate.callers.knows(host, port)

    def online(self, name: str) -> bool:
        """Whether it is registered."""
        return self.location.find(name) is not None

    def named(self, host: str, port: int) -> frozenset[str]:
        """The names of the gateways at a host and port."""
        found = {each.name for each in self.vendors if each.remote_ip == host}
        gateway = self.authenticator.mapping_gateway(host, port)
        registered = self.gate.callers.gateway_at((host, port))
        return frozenset(
            found
            | ({gateway.name} if gateway is not None else set())
            | ({registered} if registered is not None else set())
        )

    def choose(self, count: int) -> int:
        """No chance: always the first."""
        return 0

    def token(self) -> str:
        """The next of t1, t2, ..."""
        self._count += 1
        return f"t{self._count}"

    def _next_call(self) -> int:
        self._calls += 1
        return self._calls

    def located(self, name: str, transport: str, port: int) -> tuple[Target, ...]:
        """What C{servers} say of a name; what they do not know is an address."""
        if name in self.servers or not name:
            return self.servers.get(name, ())
        return plain(Place(name, transport, port), [name]).targets

    # The wire

    def receive(self, data: bytes | str, source: Address) -> None:
        """A datagram comes from C{source}."""
        if isinstance(data, str):
            data = data.encode()
        self.reception.datagram(data, self.channel, source)

    def advance(self, seconds: float) -> None:
        """Let time pass, in steps small enough for every timer."""
        step = 1 / 32
        whole, rest = divmod(seconds, step)
        self.clock.pump([step] * int(whole) + [rest] * bool(rest))

    def taken(self, address: Address | None = None) -> list[Request | Response]:
        """What was sent (to C{address}) since the last time, read."""
        keep = [each for each in self.channel.sent if address not in (None, each[1])]
        out = [each for each in self.channel.sent if address in (None, each[1])]
        self.channel.sent = keep
        return [parse(data) for data, _ in out]

    def one(self, address: Address) -> Request | Response:
        """The one message sent to C{address} since the last time."""
        taken = self.taken(address)
        assert len(taken) == 1, [start_line(each) for each in taken]
        return taken[0]

    def request(self, address: Address) -> Request:
        """The one request sent to C{address} since the last time."""
        message = self.one(address)
        assert isinstance(message, Request), start_line(message)
        return message

    def response(self, address: Address) -> Response:
        """The one response sent to C{address} since the last time."""
        message = self.one(address)
        assert isinstance(message, Response), start_line(message)
        return message

    # What came of it

    @property
    def cdrs(self) -> list[Cdr]:
        """The records written."""
        return [each.cdr for each in self.records.entries if each.cdr is not None]

    def watch(self) -> None:
        """Keep every state and end that is published from now on."""
        self.states: list[CallStateChanged] = []
        self.ends: list[CallEnded] = []
        self.events.subscribe(CallStateChanged, self.states.append)
        self.events.subscribe(CallEnded, self.ends.append)

    def left(self) -> dict[str, object]:
        """
        What is still held; empty once every call is over and its last
        messages are answered.
        """
        accounts = [self.accounts.get(name) for name in ("acme", "vendor")]
        lines = [(self.lines_in, self.sources), (self.lines_out, self.routes)]
        numbers = {each.name: each.value for each in self.metrics.samples()}
        held: dict[str, object] = {
            "calls": len(self.registry),
            "dialogs": len(self.core.dialogs),
            "asked by peers": numbers["sip_server_transactions"],
            "asked of peers": numbers["sip_client_transactions"],
            "reserved": sum(each.reserved for each in accounts if each is not None),
            "lines": sum(pool.used(name) for pool, names in lines for name in names),
            # the transaction layer's own turns, and the ends of registrations
            "timers": len(self.timers) - 1 - len([*self.location.bindings()]),
        }
        return {name: value for name, value in held.items() if value}


def start_line(message: Request | Response) -> str:
    """What the message is, for a failing assertion."""
    if isinstance(message, Request):
        return f"{message.method} {message.uri_text}"
    return f"{message.status} {message.reason} ({message.cseq_method})"
