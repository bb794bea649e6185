"""
What is online: GetPhoneOnline, GetAllPhoneOnline, GetGatewayMappingOnline,
GetGatewayRoutingOnline.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import attrs

from vos3000.instant import Now
from vos3000.model.gateways import (
    MappingGateway,
    RegisterType,
    RoutingGateway,
)
from vos3000.model.gateways import (
    Protocol as Signaling,
)
from vos3000.routing.availability import Availability, Status
from vos3000.routing.capacity import Capacity
from vos3000.routing.lines import PhoneLines
from vos3000.routing.location import Binding, Location
from vos3000.routing.phones import Phones
from vos3000.routing.quality import Figures
from vos3000.web.endpoint import Endpoint
from vos3000.web.requests import Fields

_NO_CRYPTO = 0
_CONTACT = re.compile(r"sips?:(?:[^@]*@)?(\[[^\]]*\]|[^:;?]+)", re.IGNORECASE)
"""The URI of a Contact, and the host in it."""

_STATIC = {"registerTime": 0, "updateTime": 0, "keepTime": 0}
"""What a gateway of a fixed address has: it is always there."""


class Quality(Protocol):
    """Tells how the calls of a gateway went."""

    def figures(self, gateway: str) -> Figures:
        """Those of the sliding window."""


@attrs.frozen(slots=True)
class Side:
    """
    The gateways of one side.

    @ivar gateways: All there are, in the order of making.
    @ivar lines: Their calls.
    @ivar standing: What is known of them.
    @ivar quality: How their calls went.
    @ivar address: An address of one that does not register, as far as it is known
        now; empty for none. A name is not looked up for it.
    """

    gateways: Callable[[], Sequence[Any]]
    lines: Capacity
    standing: Availability
    quality: Quality
    address: Callable[[Any], str]


@attrs.frozen(slots=True)
class Online:
    """
    The interfaces about what is online.

    @ivar softswitch: What this switch is called.
    @ivar local_host: Our own address towards a peer's.
    """

    phones: Phones
    phone_lines: PhoneLines
    location: Location
    mapping: Side
    routing: Side
    softswitch: str
    local_host: Callable[[str], str]
    now: Now

    def endpoints(self) -> list[Endpoint]:
        """What this module answers."""
        return [
            Endpoint("GetPhoneOnline", self._phone),
            Endpoint("GetAllPhoneOnline", self._all_phones),
            Endpoint("GetGatewayMappingOnline", self._mapping),
            Endpoint("GetGatewayRoutingOnline", self._routing),
        ]

    # Phones

    async def _phone(self, fields: Fields) -> Mapping[str, Any]:
        return {"infoPhoneOnlines": self._registered(fields["e164s"])}

    def _registered(self, e164s: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        for e164 in dict.fromkeys(e164s):
            binding = self._binding(e164)
            if binding is not None:
                yield {
                    "e164": e164,
                    "currentCall": self.phone_lines.used(e164),
                    "remoteIp": binding.remote[0],
                    "localIp": binding.local[0],
                    "registerTime": binding.registered,
                    "updateTime": binding.updated,
                    "protocol": int(Signaling.SIP),
                    "cryptoType": _NO_CRYPTO,
                    "productId": binding.product,
                }

    def _binding(self, e164: str) -> Binding | None:
        """Where a phone is registered."""
        return None if self.phones.get(e164) is None else self.location.find(e164)

    async def _all_phones(self, fields: Fields) -> Mapping[str, Any]:
        found = dict.fromkeys(binding.aor for binding in self.location.bindings())
        return {"e164s": [aor for aor in found if self.phones.get(aor) is not None]}

    # Gateways

    async def _mapping(self, fields: Fields) -> Mapping[str, Any]:
        return {"infoGatewayMappingOnlines": self._there(self.mapping, fields, _source)}

    async def _routing(self, fields: Fields) -> Mapping[str, Any]:
        return {"infoGatewayRoutingOnlines": self._there(self.routing, fields, _place)}

    def _there(
        self,
        side: Side,
        fields: Fields,
        shown: Callable[[Any, Status, str], Mapping[str, Any]],
    ) -> Iterator[Mapping[str, Any]]:
        """
        The gateways that are online, of those asked for.

        @param shown: What only this kind has.
        """
        wanted = frozenset(fields.get("names") or ())
        if fields.get("softswitchName", self.softswitch) != self.softswitch:
            return
        for gateway in side.gateways():
            if wanted and gateway.name not in wanted:
                continue
            status = side.standing.status(gateway.name)
            where = self._where(side, gateway, status)
            if where is not None:
                yield {
                    **self._common(side, gateway),
                    **where,
                    **shown(gateway, status, where["remote"]),
                }

    def _common(self, side: Side, gateway: Any) -> Mapping[str, Any]:
        figures = side.quality.figures(gateway.name)
        return {
            "id": gateway.id,
            "name": gateway.name,
            "currentCall": side.lines.used(gateway.name),
            "capacity": gateway.capacity,
            "asr": figures.asr,
            "acd": figures.acd,
            "responseRatio": figures.responded,
            "connectedRatio": figures.connected,
            "cryptoType": _NO_CRYPTO,
            "softswitchName": self.softswitch,
        }

    def _where(self, side: Side, gateway: Any, status: Status) -> dict[str, Any] | None:
        """Addresses and times of a gateway; None if it is offline."""
        if gateway.register_type == RegisterType.DYNAMIC:
            binding = self.location.find(gateway.name)
            return None if binding is None else self._of_binding(binding)
        remote = _fixed(gateway)
        if not (remote and status.online):
            return None
        times: Mapping[str, int] = _STATIC
        registered = status.registered
        if gateway.register_type == RegisterType.REGISTERS:
            if registered is None:
                return None
            times = self._times(registered.since.wall, registered.updated.wall)
        here = getattr(gateway, "local_ip", "") or self._here(side.address(gateway))
        return {"remote": remote, "localIp": here, "softswitchIp": here, **times}

    def _of_binding(self, binding: Binding) -> dict[str, Any]:
        return {
            "remote": binding.remote[0],
            "natIp": _inside(binding),
            "localIp": binding.local[0],
            "softswitchIp": binding.local[0],
            **self._times(binding.registered, binding.updated),
        }

    def _times(self, since: int, updated: int) -> dict[str, int]:
        keep = max(0, (self.now().wall - since) // 1000)
        return {"registerTime": since, "updateTime": updated, "keepTime": keep}

    def _here(self, address: str) -> str:
        """Our own address towards another; empty for none."""
        return self.local_host(address) if address else ""


def _fixed(gateway: MappingGateway | RoutingGateway) -> str:
    """Where a gateway is that does not register; empty for nowhere."""
    if isinstance(gateway, RoutingGateway):
        return gateway.remote_ip
    return ",".join(gateway.remote_ips)


def _inside(binding: Binding) -> str | None:
    """The address behind a NAT, as the device itself names it."""
    found = _CONTACT.match(binding.contact) if binding.behind_nat else None
    return None if found is None else found[1].strip("[]")


def _source(gateway: MappingGateway, status: Status, remote: str) -> Mapping[str, Any]:
    return {"remoteIps": remote}


def _place(gateway: RoutingGateway, status: Status, remote: str) -> Mapping[str, Any]:
    registered = status.registered
    return {
        "prefix": ",".join(gateway.prefixes),
        "remoteIp": remote,
        "registerName": None if registered is None else registered.name,
        "retryAfter": status.pause,
    }
