"""
Which device a leg of a call belongs to.
"""

from __future__ import annotations

from vos3000.call.call import Call
from vos3000.call.leg import Leg
from vos3000.model.gateways import Device, MappingGateway, RoutingGateway


def device_of(call: Call, leg: Leg) -> MappingGateway | RoutingGateway | None:
    """The gateway or phone at one side of a call."""
    return call.gateway if leg is call.leg else call.route


def same_device(call: Call, leg: Leg, other: Call, others: Leg) -> bool:
    """Whether one device is at one side of either call; see L{is_device}."""
    return is_device(device_of(call, leg), leg, device_of(other, others), others)


def is_device(
    one: MappingGateway | RoutingGateway | None,
    leg: Leg,
    other: MappingGateway | RoutingGateway | None,
    others: Leg,
) -> bool:
    """
    Whether two legs lead to one device: to one phone, or to one gateway, which
    may have different names for calls from it and to it but has one address.
    """
    if one is None or other is None or one.device is not other.device:
        return False
    if one.device is Device.PHONE:
        return one.name == other.name
    return leg.peer[0] == others.peer[0]
