"""
The half of the switch that other programs talk to, put together: the web
interface with its pages, and the pushes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

from twisted.internet.defer import Deferred, succeed

from vos3000.config import Config
from vos3000.db.cdrs import CdrStore
from vos3000.db.cdrwriter import CdrWriter
from vos3000.events import Events
from vos3000.inforce import InForce
from vos3000.instant import Now
from vos3000.metrics import Metrics
from vos3000.model.gateways import RoutingGateway
from vos3000.parameters import push_url
from vos3000.ports import Ports, listen_tcp
from vos3000.push import agents
from vos3000.push.callstate import CallStatePusher
from vos3000.push.deadletters import DeadLetters
from vos3000.push.outbox import Outbox, OutboxLimits
from vos3000.push.phoneonline import PhoneOnlinePusher
from vos3000.push.poster import Poster
from vos3000.security.auth import first_address
from vos3000.signaling import Signaling
from vos3000.tables import Stores
from vos3000.tracing import Tracing
from vos3000.web import contract, obstacles, registered
from vos3000.web.access import Access
from vos3000.web.api import gateways
from vos3000.web.api.calls import Calls
from vos3000.web.api.cdrs import CdrLimits, Cdrs
from vos3000.web.api.customers import Customers
from vos3000.web.api.numbergroups import NumberGroups
from vos3000.web.api.online import Online, Side
from vos3000.web.api.phones import Phones, passwords
from vos3000.web.api.rates import Rates
from vos3000.web.api.system import System
from vos3000.web.backlog import Backlog
from vos3000.web.dispatch import Dispatcher
from vos3000.web.endpoint import Answering, Refresh
from vos3000.web.lag import LagProbe
from vos3000.web.prometheus import Exposition
from vos3000.web.server import WebSite
from vos3000.web.trace import TraceResource

LAST_PUSHES = 2.0
"""Seconds that the last pushes may take when the switch stops."""


class Interfaces:
    """
    The web interface and the pushes of one switch.

    @param problem: Empty while all is well, else what is not.
    @param choose: Randomness: from C{n} to 0..n-1.
    """

    def __init__(
        self,
        config: Config,
        in_force: InForce,
        stores: Stores,
        cdrs: CdrStore,
        signaling: Signaling,
        tracing: Tracing,
        writer: CdrWriter,
        refresh: Refresh,
        refresh_phone: Refresh,
        problem: Callable[[], str],
        now: Now,
        choose: Callable[[int], int],
        events: Events,
        metrics: Metrics,
        reactor: Any,
    ) -> None:
        self._config = config
        self._in_force = in_force
        self._stores = stores
        self._cdrs = cdrs
        self._signaling = signaling
        self._writer = writer
        self._refresh = refresh
        self._refresh_phone = refresh_phone
        self._now = now
        self._choose = choose
        self._events = events
        self._metrics = metrics
        self._reactor = reactor
        self._outbox: Outbox | None = None
        self.access = Access()
        self._lag = LagProbe(reactor, now, metrics)
        self._backlog = Backlog(writer, reactor, now)
        self._site = WebSite(
            Dispatcher(contract.load(), self._endpoints(), reactor, now, metrics),
            self.access,
            Exposition(metrics),
            lambda: problem() or self._backlog.problem(),
            config.http.prefixes,
            reactor,
            metrics,
        )
        following = TraceResource(tracing.tap, tracing.named, reactor)
        self._site.resource.putChild(b"trace", following)
        registration = signaling.registration
        self._site.show(
            "registrations",
            lambda prefix: registered.listed(
                registration.location.bindings(), registration.kind, prefix
            ),
        )
        self._site.show(
            "obstacles",
            lambda _: {
                "mapping": obstacles.listed(signaling.mapping, signaling.presence),
                "routing": obstacles.listed(signaling.routing, signaling.availability),
            },
        )

    def _endpoints(self) -> list[Answering]:
        stores, signaling, refresh = self._stores, self._signaling, self._refresh
        accounts, zone = signaling.accounts, self._config.state.zone
        nouns = (
            Customers(
                stores.customers,
                accounts,
                stores.mapping,
                stores.phones,
                refresh,
                self._now,
                zone,
            ),
            Rates(stores.rates),
            NumberGroups(stores.numbers, refresh),
            gateways.Gateways(gateways.MAPPING, stores.mapping, accounts, refresh),
            gateways.Gateways(gateways.ROUTING, stores.routing, accounts, refresh),
            Phones(
                stores.phones,
                refresh,
                self._refresh_phone,
                self._now,
                self._passwords(),
            ),
            self._online(),
            Calls(signaling.registry, stores.changes),
            Cdrs(self._cdrs, self._limits, self._now, zone),
            System(signaling.registry, self._writer),
        )
        return [endpoint for noun in nouns for endpoint in noun.endpoints()]

    def _online(self) -> Online:
        signaling = self._signaling
        return Online(
            signaling.phones,
            signaling.phone_lines,
            signaling.registration.location,
            Side(
                lambda: signaling.mapping,
                signaling.lines_in,
                signaling.presence,
                signaling.quality_in,
                first_address,
            ),
            Side(
                lambda: signaling.routing,
                signaling.lines_out,
                signaling.availability,
                signaling.quality_out,
                self._leads_to,
            ),
            self._in_force.calls.softswitch,
            signaling.transports.local_hosts,
            self._now,
        )

    def _leads_to(self, gateway: RoutingGateway) -> str:
        """An address of a routing gateway, by what is known of its name now."""
        given = gateway.remote_ip, gateway.transport, gateway.signal_port
        found = self._signaling.hosts.targets(*given)
        return found[0].address[0] if found else ""

    def _passwords(self) -> Callable[[], str]:
        in_force = self._in_force
        return passwords(
            lambda: in_force.values["SERVER_PASSWORD_LENGTH"],
            lambda: in_force.values["SERVER_TERMINAL_ADDITIONAL_CHARACTERS"],
            self._choose,
        )

    def _limits(self) -> CdrLimits:
        values = self._in_force.values
        return CdrLimits(
            values["SERVER_QUERY_CDR_MAX_DAY_INTERVAL"],
            values["SERVER_QUERY_CDR_DENY_TIME"] or frozenset(),
        )

    def open(self, ports: Ports) -> None:
        """Open the web interface's sockets, silent for now."""
        for endpoint in self._config.http.listen:
            listen = partial(listen_tcp, self._reactor, endpoint, self._site)
            ports.open("[http] listen", endpoint, listen)

    def start(self) -> None:
        """Begin to push, if anybody is to be told."""
        self._lag.start()
        self._backlog.start()
        base = push_url(self._config.push, self._in_force.values)
        if base:
            self._push_to(base)

    def _push_to(self, base: str) -> None:
        values = self._in_force.values
        limits = OutboxLimits(
            values["IVR_CALL_REPORT_RETRY"], values["IVR_CALL_REPORT_RETRY_INTERVAL"]
        )
        agent = agents.make(self._reactor, limits.at_once)
        dead = DeadLetters(self._config.state.dir / "dead-letters.jsonl", self._metrics)
        self._outbox = Outbox(
            Poster(agent, self._reactor, base),
            dead,
            self._reactor,
            limits,
            self._metrics,
        )
        numbers, in_force = count(1), self._in_force
        CallStatePusher(self._outbox, self._now, numbers).listen(self._events)
        PhoneOnlinePusher(
            self._outbox,
            lambda: in_force.values["EXTERNAL_WEB_SEND_PHONE_ONLINE"],
            self._now,
            numbers,
        ).listen(self._events)

    def stop(self) -> Deferred[None]:
        """Push what is left, for a moment; then keep it for later."""
        self._lag.stop()
        self._backlog.stop()
        if self._outbox is None:
            return succeed(None)
        return self._outbox.stop(LAST_PUSHES)
