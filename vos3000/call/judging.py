"""
What a call says about its gateways once it is over.
"""

from __future__ import annotations

from vos3000.call.call import Call, Ended
from vos3000.model.gateways import Device, MappingGateway, RoutingGateway
from vos3000.routing.quality import Quality

_BUSY = 486


def judge(call: Call, ended: Ended, callers: Quality, callees: Quality) -> None:
    """
    Count a call for its gateways' figures. The hunt counted the attempts that
    nobody answered when they ended.
    """
    gateway, route, answered = call.gateway, call.route, call.answered_at
    talk = None if answered is None else ended.when.since(answered)
    if route is not None and talk is not None and not _is_phone(route):
        callees.count(route.name, True, True, talk)
    if gateway is not None and not _is_phone(gateway):
        rang = call.rang is not None or ended.cause.sip == _BUSY
        callers.count(gateway.name, rang or route is not None, rang, talk)


def _is_phone(device: MappingGateway | RoutingGateway) -> bool:
    return device.device is not Device.GATEWAY
