"""
Whether legs of calls belong to one device.
"""

from __future__ import annotations

from vos3000.call.leg import Leg
from vos3000.model.gateways import Device, MappingGateway, RoutingGateway


def same_device(leg: Leg, other: Leg) -> bool:
    """Whether one device is at either leg; see L{is_device}."""
    return is_device(leg.gateway, leg, other.gateway, other)


def is_device(
    one: MappingGateway | RoutingGateway | None,
    leg: Leg,
    other: MappingGateway | RoutingGateway | None,
    others: Leg,
) -> bool:
    """
    Whether two legs lead to one device: to one phone, or to one gateway, which
    may have different names for calls from it and to it but has one address.
    Customers behind one address are different ones.
    """
    if one is None or other is None or one.device is not other.device:
        return False
    if one.device is Device.PHONE:
        return one.name == other.name
    if leg.peer[0] != others.peer[0]:
        return False
    if isinstance(one, MappingGateway) and isinstance(other, MappingGateway):
        return one.account == other.account
    return True
