"""
What a peer describes anew in its answer to a refresh of ours: the other side
has to know it, too.
"""

from __future__ import annotations

from typing import Protocol

from vos3000.call.leg import Content, InboundUser, Kind, Leg
from vos3000.model.causes import EndCause
from vos3000.timers import TimerWheel

MOST_TRIES = 4
"""How often it is offered while it meets other offers."""

AGAIN = 3.0
"""Seconds until it is offered again."""


class RefreshedLeg(Leg, Protocol):
    """A leg whose session was refreshed."""

    call: InboundUser | None


class Renewal:
    """
    The offer to the other side of what a peer now describes.
    """

    __slots__ = ("_leg", "_timers", "_tries", "content")

    kind = Kind.MODIFY

    def __init__(self, leg: RefreshedLeg, timers: TimerWheel, content: Content) -> None:
        self._leg = leg
        self._timers = timers
        self._tries = 0
        self.content = content

    def offer(self, _: object = None) -> None:
        """Tell the other side, if there is something that it does not know."""
        call = self._leg.call
        if call is not None and call.moved(self._leg, self.content):
            self._tries += 1
            call.asked(self._leg, self)

    def accept(self, content: Content) -> None:
        """The other side knows it now."""

    def refuse(self, cause: EndCause) -> None:
        """It declines, or has an offer of its own under way."""
        if cause.sip == 491 and self._tries < MOST_TRIES:
            self._timers.later(AGAIN, self.offer)
