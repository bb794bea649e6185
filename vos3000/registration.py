"""
Who registers with us, put together: passwords, challenges, suspension, the
registrar and the location service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import attrs
from twisted.logger import Logger

from vos3000.config import Sip
from vos3000.errors import ParseError
from vos3000.events import Events
from vos3000.inforce import InForce
from vos3000.instant import Now
from vos3000.metrics import Metrics
from vos3000.model.bindings import Address, Binding, Key
from vos3000.model.gateways import MappingGateway, RoutingGateway
from vos3000.model.phones import Phone
from vos3000.routing.flows import GRACE, Flows
from vos3000.routing.keepalive import NatKeepAlive
from vos3000.routing.location import Location
from vos3000.security.directory import Directory
from vos3000.security.suspension import Suspension
from vos3000.sip import digest
from vos3000.sip.bindings import named
from vos3000.sip.challenger import Challenger, Nonces
from vos3000.sip.core import UserAgentCore
from vos3000.sip.reception import Reception
from vos3000.sip.registrar import EXTENSIONS, Registrar
from vos3000.sip.transaction import Channel
from vos3000.sip.transport import UdpChannel
from vos3000.sip.uri import parse_uri
from vos3000.timers import TimerWheel

Sockets = Callable[[Address], UdpChannel | None]
"""The datagram socket that an address of ours is."""


class Registration:
    """
    Everything between a REGISTER and a binding.

    @param gateway: Whether a host and port belong to a gateway.
    @param token: Gives a fresh random text.
    @ivar keep: Hears of each binding that changes, so that it is stored.
    """

    _log = Logger()

    def __init__(
        self,
        sip: Sip,
        core: UserAgentCore,
        timers: TimerWheel,
        now: Now,
        in_force: InForce,
        events: Events,
        metrics: Metrics,
        gateway: Callable[[str, int], bool],
        token: Callable[[], str],
    ) -> None:
        self._gateway = gateway
        self._told: frozenset[str] = frozenset()
        self._told_of_weak = self._stopped = False
        self._in_force = in_force
        self.keep: Callable[[Key, Binding | None], object] = _nowhere
        self.directory = Directory(sip.realm, digest.secret, sip.digest)
        self.location = Location(
            timers,
            now,
            events,
            self.directory.last_dids,
            self._changed,
            metrics,
        )
        metrics.gauge(
            "security_weak_passwords",
            "Phones that have their number for a password",
            lambda: len(self.directory.weak),
        )
        self.flows = Flows(timers, lambda: now().mono, self._silent, metrics)
        self.keep_alive = NatKeepAlive(
            timers, lambda: in_force.keep_alive, self.location, metrics
        )
        self.suspension = Suspension(
            lambda: in_force.suspension, lambda: now().mono, self._exempt, metrics
        )
        self.challenger = Challenger(
            sip.realm,
            lambda: in_force.challenges,
            self.directory,
            self.suspension,
            Nonces((token() + token()).encode(), now),
            token(),
            now,
            metrics,
            sip.digest,
        )
        registrar = Registrar(
            core,
            self.challenger,
            self.location,
            self._bind,
            self._registers,
            lambda: in_force.registrar,
            now,
        )
        core.extensions.update(EXTENSIONS)
        core.serve("REGISTER", registrar)

    def kind(self, aor: str) -> str:
        """What a registered device is: C{phone} or C{gateway}."""
        return "gateway" if self.directory.dids(aor) is None else "phone"

    def phone_online(self, e164: str) -> bool:
        """Whether a phone is registered, and no gateway of its name."""
        found = self.directory.find(e164)
        return bool(found and found.phone) and self.location.find(e164) is not None

    def gateway_online(self, name: str) -> bool:
        """Whether a routing gateway is registered, and no other of its name."""
        found = self.directory.find(name)
        return bool(found and found.routing) and self.location.find(name) is not None

    def hear(self, reception: Reception) -> None:
        """Hear of keep-alives, and of connections that are gone."""
        reception.alive = self.alive
        reception.watchers.append(self.closed)

    def load_phones(self, phones: Iterable[Phone]) -> None:
        """
        Take over the phones; who may not register any more, or has another
        password, is offline: else a thief who is known would go on to be called.
        """
        self.directory.load_phones(phones)
        self._prune()
        self._tell_of_weak()

    def put_phone(self, e164: str, phone: Phone | None) -> None:
        """Replace one phone, or take it away; likewise."""
        self.directory.put_phone(e164, phone)
        self._drop(self.location.of(e164))
        self._tell_of_weak()

    def load_mapping(self, gateways: Iterable[MappingGateway]) -> None:
        """Take over the mapping gateways, likewise."""
        self.directory.load_mapping(gateways)
        self._prune()

    def load_routing(self, gateways: Iterable[RoutingGateway]) -> None:
        """Take over the routing gateways, likewise."""
        self.directory.load_routing(gateways)
        self._prune()

    def _prune(self) -> None:
        for problem in self.directory.problems:
            if problem not in self._told:
                self._log.warn("{problem}", problem=problem)
        self._told = frozenset(self.directory.problems)
        self._drop(self.location.bindings())

    def _drop(self, bindings: Iterable[Binding]) -> None:
        """Forget those of them that may not stay as the tables are now."""
        for binding in bindings:
            if not self._stays(binding):
                self.location.remove(*binding.key)

    def _stays(self, binding: Binding) -> bool:
        found = self.directory.find(binding.aor)
        return found is not None and found.registers and found.mark == binding.mark

    def _tell_of_weak(self) -> None:
        """Say once that there are phones which the first guess opens."""
        weak = self.directory.weak
        if not weak or self._told_of_weak:
            return
        self._told_of_weak = True
        self._log.warn(
            "phones with their number for a password: {count}, such as {e164!r};"
            " it is what scanners try first",
            count=len(weak),
            e164=min(weak),
        )

    def _bind(self, **attributes: Any) -> Binding:
        """Make a binding, see L{vos3000.sip.registrar.Registrar}."""
        found = self.directory.find(attributes["aor"])
        mark = "" if found is None else found.mark
        return self._honest(Binding(mark=mark, **attributes))

    def _honest(self, binding: Binding) -> Binding:
        """
        The binding without a place that is not its device's own: a gateway, or
        this switch, would take a call there for one of ours.
        """
        place, source = binding.named, binding.remote
        if place is None or place[0] == source[0]:
            return binding
        if place[0] != binding.local[0] and not self._gateway(*place):
            return binding
        return attrs.evolve(binding, named=None)

    def restore(self, bindings: Iterable[Binding], sockets: Sockets) -> None:
        """
        Take bindings that were kept over a restart. A device on UDP can be
        called at once; one whose connection died with the last process only if
        a new one can be made to its Contact. Whoever may not register any more,
        or got another password meanwhile, is offline.
        """
        found, ended = [], []
        for binding in bindings:
            reachable = self._reachable(binding, sockets)
            if reachable is None or not self._stays(binding):
                ended.append(binding)
            else:
                found.append(reachable)
        self.location.restore(found, ended)
        for binding in found:
            if binding.flow and self.location.current(binding.key) is binding:
                self._watch(binding)

    def _changed(self, key: Key, binding: Binding | None) -> None:
        """A binding is new or renewed, or gone."""
        if binding is None or not binding.flow:
            self.flows.forget(key)
        else:
            self._watch(binding)
        self.keep(key, binding)

    def _watch(self, binding: Binding) -> None:
        limit = self._in_force.registrar.flow_timer + GRACE
        self.flows.watch(binding.key, (binding.transport, binding.remote), limit)

    def _silent(self, key: Key) -> None:
        """A flow showed no sign of life (SS_ENDPOINTTIMETOLIVE)."""
        self.location.remove(*key)

    def alive(self, transport: str, address: Address) -> bool:
        """
        A keep-alive came.

        @param transport: As in Via.
        @return: Whether a device is registered from there.
        """
        name = transport.lower()
        self.flows.heard((name, address))
        found = self.location.at(address)
        return found is not None and found.transport == name

    def stop(self) -> None:
        """
        The switch ends, and closes connections: whose registration ends by that
        is found out, and told, by the next start.
        """
        self._stopped = True

    def closed(self, channel: Channel) -> None:
        """A connection is gone."""
        peer = getattr(channel, "peer", None)
        if peer is not None and not self._stopped:
            self.location.lost(channel, peer)

    def _reachable(self, binding: Binding, sockets: Sockets) -> Binding | None:
        """The binding with what is not stored of it; None if it is of no use."""
        try:
            uri = parse_uri(binding.contact)
        except ParseError:
            return None
        there = named(uri, binding.transport.upper(), binding.remote)
        whole = self._honest(attrs.evolve(binding, named=there))
        if binding.transport == "udp":
            return attrs.evolve(whole, channel=sockets(binding.local))
        return whole if whole.calls_back else None

    def _exempt(self, user: str, host: str) -> bool:
        """Who is not suspended with its host; see L{Suspension}."""
        return self.location.registered(user, host) or self._gateway(host, 0)

    def _registers(self, user: str) -> bool:
        found = self.directory.find(user)
        return found is not None and found.registers


def _nowhere(key: Key, binding: Binding | None) -> None:
    """Until there is a store: bindings live as long as the process."""
