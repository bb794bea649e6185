"""
The routing gateways that we register with (registerType 2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from twisted.logger import Logger

from vos3000.call.sipleg.again import access_to
from vos3000.call.sipleg.gate import SipGate
from vos3000.metrics import Metrics
from vos3000.model.gateways import Protocol, RegisterType, RoutingGateway
from vos3000.routing.availability import Availability
from vos3000.sip.core import UserAgentCore
from vos3000.sip.dialog import host_port
from vos3000.sip.identity import user_part
from vos3000.sip.register import Identity, RegisterSettings, Registration, State
from vos3000.sip.transaction import default_port
from vos3000.sip.uri import bracketed
from vos3000.timers import Timer

SPREAD = 0.05
"""Seconds between the first tries of two registrations, on the average: a start
must not send hundreds at once."""

_CHANCES = 1000
_UP = (State.REGISTERED, State.REFRESHING)


class Registrations:
    """
    All registrations of ours.

    @param availability: Hears of each: a gateway is called while it stands.
    @param choose: Randomness: from C{n} to 0..n-1.
    """

    _log = Logger()

    def __init__(
        self,
        core: UserAgentCore,
        gate: SipGate,
        availability: Availability,
        settings: Callable[[], RegisterSettings],
        choose: Callable[[int], int],
        metrics: Metrics,
    ) -> None:
        self._core = core
        self._gate = gate
        self._availability = availability
        self._settings = settings
        self._choose = choose
        self._kept: dict[str, _Kept] = {}
        metrics.gauge(
            "trunk_registrations",
            "Registrations with other platforms that stand",
            lambda: sum(each.machine.state in _UP for each in self._kept.values()),
        )
        metrics.gauge(
            "trunk_registrations_wanted",
            "Registrations with other platforms that there should be",
            lambda: len(self._kept),
        )

    def load(self, gateways: Iterable[RoutingGateway]) -> None:
        """
        Register with these, and with no other any more. One whose name,
        password or place changed is left and entered anew.
        """
        old, self._kept = self._kept, {}
        new = []
        for gateway in gateways:
            if not _registers(gateway):
                continue
            kept = old.pop(gateway.name, None)
            key = _key(gateway)
            if kept is None or kept.key != key:
                if kept is not None:
                    kept.stop()
                    self._availability.unregistered(gateway.name, "changed")
                kept = _Kept(key, gateway.name, self._availability)
                kept.machine = self._machine(gateway, kept)
                new.append(kept)
            self._kept[gateway.name] = kept
        for kept in old.values():
            kept.stop()
        for kept in new:
            share = self._choose(_CHANCES) / _CHANCES
            kept.start_in(self._core, SPREAD * (len(new) - 1) * 2 * share)

    def _machine(self, gateway: RoutingGateway, kept: _Kept) -> Registration:
        return Registration(
            self._core,
            _identity(gateway),
            partial(self._gate.targets, gateway),
            lambda uri: self._gate.locate(uri, gateway.local),
            access_to(gateway, self._core.tokens.random),
            self._settings,
            self._choose,
            kept,
        )

    def stop(self) -> None:
        """The switch ends: unregister everywhere, if so configured."""
        for kept in self._kept.values():
            kept.stop()
        self._kept.clear()


class _Kept:
    """
    One gateway's registration, and who is told of it.

    @ivar key: What it is made of.
    """

    __slots__ = ("_availability", "_name", "_start", "_told", "key", "machine")

    _log = Registrations._log

    def __init__(
        self, key: tuple[object, ...], name: str, availability: Availability
    ) -> None:
        self.key = key
        self._name = name
        self._availability = availability
        self._start: Timer | None = None
        self._told = ""
        self.machine: Registration

    def start_in(self, core: UserAgentCore, seconds: float) -> None:
        """Begin after some time."""
        self._start = core.timers.later(seconds, lambda _: self.machine.start())

    def stop(self) -> None:
        """Leave."""
        if self._start is not None:
            self._start.cancel()
        self.machine.stop()

    def registered(self) -> None:
        """The registrar has us, anew or still."""
        self._told = ""
        self._availability.registered(self._name, str(self.key[0]))

    def unregistered(self, why: str) -> None:
        """It has us not; that is said once where it never had us."""
        had = self._availability.status(self._name).registered is not None
        self._availability.unregistered(self._name, why)
        if not had and why != self._told:
            self._log.warn(
                "routing gateway {name} does not let us register as {user!r}: {why};"
                " it is tried again, and `vos3000 trace --gateway {name}` shows it",
                name=self._name,
                user=str(self.key[0]),
                why=why,
            )
        self._told = why


def _registers(gateway: RoutingGateway) -> bool:
    return (
        gateway.register_type == RegisterType.REGISTERS
        and gateway.registration is not None
        and gateway.protocol == Protocol.SIP
    )


def _key(gateway: RoutingGateway) -> tuple[object, ...]:
    """What makes a registration; the name first."""
    registration = gateway.registration
    return (
        "" if registration is None else registration.name,
        registration,
        gateway.password,
        gateway.remote_ip,
        gateway.signal_port,
        gateway.transport,
        gateway.local,
    )


def _identity(gateway: RoutingGateway) -> Identity:
    """
    Who registers there. The domain is what the gateway's fields say, else
    where it is.
    """
    registration = gateway.registration
    assert registration is not None
    domain = registration.domain
    if not domain:
        usual = default_port(gateway.transport.upper())
        port = gateway.signal_port or usual
        host = gateway.remote_ip
        domain = bracketed(host) if port == usual else host_port(host, port)
    user = user_part(registration.name)
    return Identity(
        f"sip:{domain}",
        f"sip:{user}@{domain}",
        user,
        str(gateway.id),
        registration.expire,
    )
