"""
Platform phones: terminals that belong to an account and have a number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from vos3000.model.forwards import Forwards
from vos3000.model.gateways import MappingGateway, RegisterType, RoutingGateway

_NOTHING: Mapping[str, Any] = {}


@attrs.frozen(slots=True)
class Phone:
    """
    A platform phone.

    It calls and is called as a gateway does, so it carries the two values that
    call control works with; both have its number for a name and
    L{vos3000.model.gateways.Device.PHONE} for a device.

    @ivar e164: Its number, the user of its address of record.
    @ivar dids: Further numbers that ring it.
    @ivar password: What it registers with and calls with.
    @ivar origin: The phone as a caller.
    @ivar route: The phone as a callee.
    @ivar line_in: Most calls to it at once; 0 or less for no limit.
    @ivar line_out: Most calls from it at once; likewise.
    @ivar lines: Most calls in both directions together; likewise.
    @ivar unreachable_by_gateway: Whether routing gateways are tried while it
        is offline (useRoutingGatewayNotOnline 1).
    @ivar forwards: Where its calls go instead; None for nowhere.
    """

    id: int
    e164: str
    origin: MappingGateway
    route: RoutingGateway
    dids: tuple[str, ...] = ()
    password: str = attrs.field(default="", repr=False)
    register_type: int = RegisterType.DYNAMIC
    display_number: str = ""
    line_in: int = 0
    line_out: int = 0
    lines: int = 0
    unreachable_by_gateway: bool = False
    forwards: Forwards | None = None
    settings: Mapping[str, Any] = attrs.field(default=_NOTHING, eq=False, repr=False)
