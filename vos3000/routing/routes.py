"""
What a selection of routes is made of, and what comes of it.
"""

from __future__ import annotations

import attrs

from vos3000.model.causes import EndCause
from vos3000.model.gateways import RoutingGateway
from vos3000.values import fixed


@attrs.frozen(slots=True)
class Directed:
    """
    Where an outside authority wants a call to go: a place, or a gateway's name
    in the place of one, and the number to call there.
    """

    host: str
    port: int
    callee: str


@attrs.frozen(slots=True)
class Route:
    """
    A gateway that may be tried, and the prefix that led to it.

    @ivar callee: The number to call there as it is; empty for the billing
        number after the gateway's rules.
    @ivar forward: Why a phone sends the call on this way
        (L{vos3000.model.forwards}); empty where none does.
    @ivar awaits: Whether only after it could not be rung for that reason.
    """

    gateway: RoutingGateway
    prefix: str
    callee: str = ""
    forward: str = ""
    awaits: bool = False


@attrs.frozen(slots=True)
class LeftOut:
    """A gateway whose prefix fits but that is not tried, and why."""

    gateway: RoutingGateway
    prefix: str
    reason: str


@fixed
class Selection:
    """
    The routes in the order in which they are tried, and those left out.

    @ivar cause: What a call without a route is refused with; None for that
        there is no gateway.
    """

    routes: tuple[Route, ...]
    left_out: tuple[LeftOut, ...]
    cause: EndCause | None = None
