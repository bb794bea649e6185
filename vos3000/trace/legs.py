"""
Which call a Call-ID belongs to: the caller's and the callee's are not the same.

Kept only while somebody follows messages; a call that is over is remembered for the
last of its messages.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Protocol

from vos3000.model.gateways import MappingGateway, RoutingGateway

MOST_OVER = 5000
"""Calls that are over and still known."""


class FollowedCall(Protocol):
    """A call, as far as it concerns who follows it."""

    @property
    def id(self) -> int:
        """Its number."""

    @property
    def gateway(self) -> MappingGateway | None:
        """Where it comes from, once that is known."""

    @property
    def route(self) -> RoutingGateway | None:
        """Where it went last."""


class Followed:
    """
    One call and the Call-IDs of its legs, the caller's first.

    @ivar number: The call's number.
    @ivar origin: The number of the call that it was placed from by a transfer, or
        joined with; 0 for none.
    """

    __slots__ = ("_call", "_gateways", "identifiers", "number", "origin")

    def __init__(self, call: FollowedCall) -> None:
        self.number = call.id
        self.origin = 0
        self.identifiers: list[str] = []
        self._call: FollowedCall | None = call
        self._gateways: list[str] = []

    @property
    def gateways(self) -> list[str]:
        """The names of the gateways that it came from and went to."""
        if self._call is not None:
            for gateway in (self._call.gateway, self._call.route):
                if gateway is not None and gateway.name not in self._gateways:
                    self._gateways.append(gateway.name)
        return self._gateways

    @property
    def lives(self) -> bool:
        """Whether the call goes on."""
        return self._call is not None

    def over(self) -> None:
        """The call ended: let go of it."""
        self._gateways = self.gateways
        self._call = None


class Legs:
    """
    Every call by the Call-IDs of its legs.

    It hears of calls from their registry (L{vos3000.call.registry.Follower}).
    """

    def __init__(self) -> None:
        self._calls: dict[str, Followed] = {}
        self._numbers: dict[int, Followed] = {}
        self._over: deque[Followed] = deque()

    def begin(self, calls: Iterable[tuple[FollowedCall, Iterable[str]]]) -> None:
        """
        Learn the calls there are, and nothing else.

        @param calls: Each with the Call-IDs of its legs.
        """
        self._calls.clear()
        self._numbers.clear()
        self._over.clear()
        for call, identifiers in calls:
            for identifier in identifiers:
                self.leg(call, identifier)

    def leg(self, call: FollowedCall, identifier: str) -> None:
        """A call has one more leg: its first one, or another attempt."""
        followed = self._numbers.get(call.id)
        if followed is None:
            followed = self._numbers[call.id] = Followed(call)
        if identifier not in followed.identifiers:
            followed.identifiers.append(identifier)
        known = self._calls.get(identifier)
        if known is not None and known.lives and known is not followed:
            # the dialog stays its; the other was placed in it, or joined with it
            followed.origin = known.number
        else:
            self._calls[identifier] = followed

    def ended(self, call: FollowedCall) -> None:
        """A call is over."""
        followed = self._numbers.pop(call.id, None)
        if followed is None:
            return
        followed.over()
        self._over.append(followed)
        if len(self._over) > MOST_OVER:
            forgotten = self._over.popleft()
            for identifier in forgotten.identifiers:
                if self._calls.get(identifier) is forgotten:
                    del self._calls[identifier]

    def call_of(self, identifier: str) -> Followed | None:
        """The call of a leg; None for what is in no call."""
        return self._calls.get(identifier)
