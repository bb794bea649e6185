"""
The trunks of a switch: everything that it does with its gateways outside of
calls, put together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from vos3000.call.sipleg.gate import SipGate
from vos3000.call.trunk.checks import Checked, Checks
from vos3000.call.trunk.publications import Publications
from vos3000.call.trunk.registrations import Registrations
from vos3000.errors import ParseError
from vos3000.metrics import Metrics
from vos3000.model.gateways import (
    MappingGateway,
    Protocol,
    RegisterType,
    RoutingGateway,
)
from vos3000.routing.availability import Availability
from vos3000.sip.core import UserAgentCore
from vos3000.sip.hosts import is_address
from vos3000.sip.outside import Target
from vos3000.sip.register import RegisterSettings
from vos3000.sip.transaction import ANYWHERE, Address, default_port
from vos3000.sip.uri import parse_host

MOST_PLACES = 8
"""Addresses of a mapping gateway that are checked."""

_PLACED = (RegisterType.STATIC, RegisterType.REGISTERS)
"""Gateways of which we know where they are."""


class Trunks:
    """
    The trunks to both sides' gateways.

    @param availability: What is known of the routing gateways.
    @param presence: What is known of the mapping gateways.
    @param settings: The system parameters of registrations, as they are now.
    @param published: Gives SS_SIP_PUBLISH_EXPIRE, s.
    @param named: The names of the gateways at a host and port.
    @param choose: Randomness: from C{n} to 0..n-1.
    """

    def __init__(
        self,
        core: UserAgentCore,
        gate: SipGate,
        availability: Availability,
        presence: Availability,
        settings: Callable[[], RegisterSettings],
        published: Callable[[], int],
        named: Callable[[str, int], frozenset[str]],
        choose: Callable[[int], int],
        metrics: Metrics,
    ) -> None:
        self._gate = gate
        self._checks_out = Checks(core, availability, choose)
        self._checks_in = Checks(core, presence, choose)
        self._registrations = Registrations(
            core, gate, availability, settings, choose, metrics
        )
        self._publications = Publications(
            core, availability, presence, published, named
        )
        self._presence = presence

    def load_routing(self, gateways: Iterable[RoutingGateway]) -> None:
        """Take over the routing gateways, after the selector did."""
        gateways = tuple(gateways)
        self._publications.load("routing", _publishing(gateways))
        self._registrations.load(gateways)
        self._checks_out.load(
            Checked(
                gateway.name,
                gateway.sip.options_period,
                partial(self._gate.targets, gateway),
                (
                    gateway.remote_ip,
                    gateway.signal_port,
                    gateway.transport,
                    gateway.local,
                ),
            )
            for gateway in gateways
            if gateway.sip.options_period > 0
            and gateway.protocol == Protocol.SIP
            and gateway.register_type in _PLACED
        )

    def load_mapping(self, gateways: Iterable[MappingGateway]) -> None:
        """Take over the mapping gateways."""
        gateways = tuple(gateways)
        self._presence.load(gateway.name for gateway in gateways)
        self._publications.load("mapping", _publishing(gateways))
        self._checks_in.load(
            Checked(
                gateway.name,
                gateway.sip.options_period,
                partial(self._places, _addresses(gateway)),
                (gateway.remote_ips, gateway.by_port),
            )
            for gateway in gateways
            if gateway.sip.options_period > 0
            and gateway.register_type == RegisterType.STATIC
            and _addresses(gateway)
        )

    def _places(self, addresses: tuple[Address, ...]) -> tuple[Target, ...]:
        found: tuple[Target, ...] = ()
        for host, port in addresses:
            found += self._gate.places(host, port, "udp", ANYWHERE)
        return found

    def stop(self) -> None:
        """The switch ends: unregister, and ask nobody any more."""
        self._registrations.stop()
        self._checks_out.stop()
        self._checks_in.stop()


def _publishing(
    gateways: Iterable[MappingGateway | RoutingGateway],
) -> frozenset[str]:
    return frozenset(each.name for each in gateways if each.sip.allows_publish)


def _addresses(gateway: MappingGateway) -> tuple[Address, ...]:
    """Where a mapping gateway is, as far as C{remoteIps} name single addresses."""
    found: list[Address] = []
    for entry in gateway.remote_ips:
        try:
            host, port = (entry, None) if is_address(entry) else parse_host(entry)
        except ParseError:
            continue
        if is_address(host):
            found.append(
                (host, (port if gateway.by_port else None) or default_port("UDP"))
            )
    return tuple(found[:MOST_PLACES])
