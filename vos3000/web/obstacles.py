"""
Which gateways are not called just now and why, as C{/obstacles} lists them for
the operator's commands.

The metric of that name has numbers only; what a registrar said is text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from vos3000.model.gateways import MappingGateway, RoutingGateway
from vos3000.routing.availability import Availability


def listed(
    gateways: Iterable[MappingGateway | RoutingGateway], standing: Availability
) -> Mapping[str, Any]:
    """Those of one side by name, each with the reason and where it should be."""
    reasons = standing.reasons()
    return {
        each.name: {"why": reasons[each.name], "address": _address(each)}
        for each in gateways
        if each.name in reasons
    }


def _address(gateway: MappingGateway | RoutingGateway) -> str:
    if isinstance(gateway, RoutingGateway):
        return gateway.remote_ip
    return ",".join(gateway.remote_ips)
