"""
The web side of a switch in memory: real stores on SQLite, real engines' tables,
requests as bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from ipaddress import ip_address
from typing import Any
from zoneinfo import ZoneInfo

import attrs
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from tests.rows import empty_database, memory_pool
from vos3000.billing.accounts import Accounts
from vos3000.db.cdrs import CdrStore
from vos3000.db.changes import ChangeStore
from vos3000.db.customers import CustomerStore
from vos3000.db.gateways import MAPPING, ROUTING, GatewayStore
from vos3000.db.numbergroups import NumberGroupStore
from vos3000.db.phones import PhoneStore
from vos3000.db.rates import RateStore
from vos3000.db.settings import AccessStore, ParameterStore
from vos3000.events import Events
from vos3000.instant import instants
from vos3000.metrics import Metrics
from vos3000.model import causes
from vos3000.model.cdr import AMOUNT_COLUMNS, COLUMNS, Cdr
from vos3000.model.current import CurrentCall
from vos3000.model.gateways import RoutingGateway
from vos3000.model.money import to_micros
from vos3000.model.phones import Phone
from vos3000.routing import phones as routing_phones
from vos3000.routing.availability import Availability
from vos3000.routing.capacity import Capacity
from vos3000.routing.lines import PhoneLines
from vos3000.routing.location import Location
from vos3000.routing.quality import Quality as Window
from vos3000.routing.quality import QualitySettings
from vos3000.security.auth import first_address
from vos3000.tables import Engines, Stores, Tables
from vos3000.timers import TimerWheel
from vos3000.web import contract
from vos3000.web.access import Access
from vos3000.web.api import gateways
from vos3000.web.api.calls import Calls
from vos3000.web.api.cdrs import CdrLimits, Cdrs
from vos3000.web.api.customers import Customers
from vos3000.web.api.gateways import Gateways
from vos3000.web.api.numbergroups import NumberGroups
from vos3000.web.api.online import Online, Quality, Side
from vos3000.web.api.phones import Phones, passwords
from vos3000.web.api.rates import Rates
from vos3000.web.api.system import System
from vos3000.web.dispatch import Dispatcher
from vos3000.web.endpoint import Answering
from vos3000.web.prometheus import Exposition
from vos3000.web.server import WebSite

NOON = 1_772_366_400
"""2026-03-01 12:00:00 UTC, s."""

SHANGHAI = ZoneInfo("Asia/Shanghai")
CONTRACT = contract.load()


class Registry:
    """The calls of the moment, as the test says."""

    def __init__(self) -> None:
        self.calls: list[CurrentCall] = []
        self.hung_up: list[int] = []

    def __len__(self) -> int:
        return len(self.calls)

    def current(self) -> Iterable[CurrentCall]:
        """Every call."""
        return self.calls

    def hang_up(self, call_id: int) -> bool:
        """Note it."""
        self.hung_up.append(call_id)
        return any(call.call_id == call_id for call in self.calls)


class Queue:
    """A CDR writer with nothing but its queue."""

    waiting = 0


class Switch:
    """
    Everything behind the web interface.

    @ivar handed: What the engines were last handed, by table.
    @ivar servers: Where names of gateways lead, as far as that is known.
    @ivar towards: Towards whom our own address was asked for.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOON)
        self.now = instants(self.clock.seconds, self.clock.seconds)
        self.metrics = Metrics()
        self.connection = empty_database()
        self.pool = memory_pool(self.connection)
        self.access = Access()
        self.accounts = Accounts(self.now, causes.load())
        self.registry = Registry()
        self.queue = Queue()
        self.limits = CdrLimits()
        self.health = ""
        self.servers: dict[str, str] = {}
        self.towards: list[str] = []
        self.handed: dict[str, Any] = {"mapping": (), "routing": ()}
        self.events = Events()
        self.phones = routing_phones.Phones()
        self.phone_lines = PhoneLines(self.phones)
        self.location = Location(
            TimerWheel(self.clock),
            self.now,
            self.events,
            lambda e164: (),
            lambda key, binding: None,
            self.metrics,
        )
        self.mapping = self.side("mapping")
        self.routing = self.side("routing")
        self.password_length = 10
        self.chosen = -1
        customers = CustomerStore(self.pool)
        self.stores = Stores(
            customers,
            GatewayStore(self.pool, MAPPING),
            GatewayStore(self.pool, ROUTING),
            RateStore(self.pool),
            ParameterStore(self.pool),
            AccessStore(self.pool),
            PhoneStore(self.pool, customers),
            NumberGroupStore(self.pool),
            ChangeStore(self.pool),
        )
        self.tables = Tables(self.stores, self._engines())
        self.dispatcher = self.dispatch_to(self.endpoints())
        self.site = self._site(self.dispatcher, self.metrics)

    def side(self, name: str) -> Side:
        """The gateways of one side, with no calls and nothing against them."""
        lines = Capacity()
        standing = Availability(name, self.now, lines.used, self.events, self.metrics)
        quality = Window(self.clock.seconds, QualitySettings)
        address = first_address if name == "mapping" else self._leads_to
        return Side(lambda: self.handed[name], lines, standing, quality, address)

    def _leads_to(self, gateway: RoutingGateway) -> str:
        """What stands in L{servers}, for who is no address."""
        return self.servers.get(gateway.remote_ip, gateway.remote_ip)

    def _local_host(self, host: str) -> str:
        """One address of ours for everybody; whoever asks gives an address."""
        self.towards.append(str(ip_address(host)))
        return "203.0.113.1"

    def load_phones(self, phones: Sequence[Phone]) -> None:
        """As the signaling does."""
        self.handed["phones"] = phones
        self.phones.load(phones)

    def put_phone(self, e164: str, phone: Phone | None) -> None:
        """As the signaling does."""
        kept = [each for each in self.handed.get("phones", ()) if each.e164 != e164]
        self.handed["phones"] = kept + [phone] * (phone is not None)
        self.phones.put(e164, phone)

    def _engines(self) -> Engines:
        def take(name: str) -> Any:
            return lambda values: self.handed.__setitem__(name, values)

        return Engines(
            self.accounts.load,
            take("mapping"),
            take("routing"),
            take("rates"),
            take("parameters"),
            self.access.load,
            self.load_phones,
            self.put_phone,
            take("numbers"),
        )

    def endpoints(self) -> list[Answering]:
        """Every endpoint there is, over the real stores."""
        stores, refresh = self.stores, self.tables.refresh
        nouns: list[Any] = [
            Customers(
                stores.customers,
                self.accounts,
                stores.mapping,
                stores.phones,
                refresh,
                self.now,
                SHANGHAI,
            ),
            Rates(stores.rates),
            NumberGroups(stores.numbers, refresh),
            Gateways(gateways.MAPPING, stores.mapping, self.accounts, refresh),
            Gateways(gateways.ROUTING, stores.routing, self.accounts, refresh),
            Phones(
                stores.phones,
                refresh,
                self.tables.refresh_phone,
                self.now,
                passwords(lambda: self.password_length, lambda: "-", self.choose),
            ),
            Online(
                self.phones,
                self.phone_lines,
                self.location,
                self.mapping,
                self.routing,
                "vos3000",
                self._local_host,
                self.now,
            ),
            Calls(self.registry, stores.changes),
            Cdrs(
                CdrStore(self.pool, SHANGHAI), lambda: self.limits, self.now, SHANGHAI
            ),
            System(self.registry, self.queue),
        ]
        return [endpoint for noun in nouns for endpoint in noun.endpoints()]

    def choose(self, count: int) -> int:
        """No chance: 0, 1, 2, ... as far as there are as many."""
        self.chosen += 1
        return self.chosen % count

    def dispatch_to(self, endpoints: Iterable[Answering]) -> Dispatcher:
        """A dispatcher with these endpoints and counters of its own."""
        metrics = Metrics() if hasattr(self, "dispatcher") else self.metrics
        return Dispatcher(CONTRACT, endpoints, self.clock, self.now, metrics)

    def record(self, *cdrs: Cdr) -> None:
        """Put records into e_cdr; C{flowno} is their place in the call."""
        marks = ", ".join("?" * len(COLUMNS))
        for number, cdr in enumerate(cdrs, 1):
            values = {name: getattr(cdr, name) for name in COLUMNS}
            amounts = {name: to_micros(values[name]) for name in AMOUNT_COLUMNS}
            row = {**values, **amounts, "flowno": number}
            sql = f"INSERT INTO e_cdr ({', '.join(COLUMNS)}) VALUES ({marks})"
            self.connection.execute(sql, tuple(row.values()))
        self.connection.commit()

    def _site(self, dispatcher: Dispatcher, metrics: Metrics) -> WebSite:
        return WebSite(
            dispatcher,
            self.access,
            Exposition(metrics),
            lambda: self.health,
            ("/external/server", "/external_new/server"),
            self.clock,
            metrics,
        )

    def measure(self, quality: Quality) -> None:
        """Let the online lists show the figures of C{quality}."""
        self.routing = attrs.evolve(self.routing, quality=quality)
        self.mapping = attrs.evolve(self.mapping, quality=quality)
        self.site = self._site(self.dispatch_to(self.endpoints()), Metrics())

    def connect(self, host: str = "127.0.0.1") -> tuple[Any, StringTransport]:
        """A connection to the site."""
        transport = StringTransport(peerAddress=IPv4Address("TCP", host, 40000))
        channel = self.site.buildProtocol(transport.getPeer())
        channel.makeConnection(transport)
        return channel, transport

    def send(self, request: bytes, host: str = "127.0.0.1") -> bytes:
        """What the site answers to the bytes of a request."""
        channel, transport = self.connect(host)
        channel.dataReceived(request)
        return transport.value()


class WebCase(SynchronousTestCase):
    """Tests that ask a switch."""

    def setUp(self) -> None:
        self.switch = Switch()

    def post(self, name: str, body: bytes | str = b"") -> str:
        """The body of the answer to a POST, which must be HTTP 200."""
        raw = body.encode() if isinstance(body, str) else body
        head = f"POST /external/server/{name} HTTP/1.0\r\nContent-Length: {len(raw)}"
        answer = self.switch.send(head.encode() + b"\r\n\r\n" + raw)
        status, _, rest = answer.partition(b"\r\n")
        self.assertEqual(status, b"HTTP/1.0 200 OK", answer)
        return rest.partition(b"\r\n\r\n")[2].decode()

    def ask(self, name: str, /, **fields: Any) -> Any:
        """The parsed answer to a request, numbers exact."""
        text = self.post(name, json.dumps(fields, default=str))
        return json.loads(text, parse_float=Decimal)

    def do(self, name: str, /, **fields: Any) -> Mapping[str, Any]:
        """The parsed answer to a request that must succeed."""
        answer: Mapping[str, Any] = self.ask(name, **fields)
        self.assertEqual(answer["retCode"], 0, answer)
        self.assertNotIn("exception", answer)
        return answer

    def code(self, name: str, /, **fields: Any) -> int:
        """The retCode of a request."""
        code: int = self.ask(name, **fields)["retCode"]
        return code
