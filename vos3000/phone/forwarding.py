"""
Calls that a phone sends on: to another number, as a call of its own.

Whoever called the phone pays for that call, and the phone for the one that it
makes: they are two calls, joined, each let in, metered and recorded by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from vos3000.call.call import Call
from vos3000.call.control import CallControl
from vos3000.call.leg import (
    NO_CONTENT,
    Content,
    Dial,
    InboundLeg,
    Leg,
    OutboundLeg,
    OutboundUser,
    Setup,
    Stage,
)
from vos3000.call.presented import Forward, Presented, Withheld
from vos3000.errors import MediaRefused
from vos3000.instant import Now
from vos3000.media.session import DirectMedia
from vos3000.model.causes import EndCause, EndCauses
from vos3000.model.gateways import Device, RoutingGateway
from vos3000.model.phones import Phone
from vos3000.model.sipoptions import ORDINARY
from vos3000.phone.joint import Joint, Trail
from vos3000.routing.phones import Phones
from vos3000.timers import TimerWheel

MOST_FORWARDS = 5
"""How often one call may be sent on."""

MOST_IN_ALL = 30
"""How often all that comes of one number of the first phone may be."""

_ORIGINAL, _OWN = 1, 2
"""Values of callForwardDisplay beside 0, the system's."""


class Forwarding:
    """
    Sends the calls of one switch on.

    @param dial: Places all other calls.
    @param shows_caller: SS_CALL_FORWARD_USING_ORIGINAL_CALLER.
    @ivar control: Call control.
    """

    control: CallControl

    def __init__(
        self,
        phones: Phones,
        dial: Dial,
        shows_caller: Callable[[], bool],
        timers: TimerWheel,
        now: Now,
        causes: EndCauses,
    ) -> None:
        self._phones = phones
        self._dial = dial
        self._shows_caller = shows_caller
        self.timers = timers
        self.now = now
        self.causes = causes

    def dial(
        self, route: RoutingGateway, setup: Setup, user: OutboundUser
    ) -> OutboundLeg | None:
        """Place a call; one that a phone sends on is made a call of its own."""
        if route.device is not Device.FORWARD:
            return self._dial(route, setup, user)
        phone = self._phones.get(route.name)
        if phone is None:
            return None
        return Forwarded(self, phone, setup, user).begin()

    def presented(self, phone: Phone, call: Call, reason: str) -> Presented:
        """
        What whom it is sent on to is told: who called, or whose phone it is
        (callForwardDisplay), and that it was sent on.
        """
        mode = 0 if phone.forwards is None else phone.forwards.shows
        original = mode == _ORIGINAL or (mode != _OWN and self._shows_caller())
        hidden = call.leg.presented.withheld is not Withheld.NOTHING
        return Presented(
            withheld=Withheld.NUMBER if hidden and original else Withheld.NOTHING,
            forwarded=(Forward(phone.e164, reason), *call.forwarded),
            shown=call.caller if original else "",
        )


class Forwarded:
    """One call that is sent on, until it is answered or fails."""

    __slots__ = ("_far", "_near", "_owner", "_phone", "_setup", "_user")

    def __init__(
        self, owner: Forwarding, phone: Phone, setup: Setup, user: OutboundUser
    ) -> None:
        self._owner = owner
        self._phone = phone
        self._setup = setup
        self._user = user
        caller = setup.caller_leg
        self._near = Joint(caller, owner.now(), owner.causes)
        self._far = Joint(caller, owner.now(), owner.causes)
        self._near.partner, self._far.partner = self._far, self._near

    def begin(self) -> OutboundLeg:
        """The way out of the call to the phone; what follows comes after this."""
        self._setup.placed(self._near.identifier)
        self._owner.timers.later(0, _start, self)
        return cast(OutboundLeg, self._near)

    def start(self) -> None:
        """Make the phone's own call, unless the caller is gone by now."""
        near, far, setup = self._near, self._far, self._setup
        call = setup.caller_leg.user
        if near.partner is None or not isinstance(call, Call):
            return
        before = setup.caller_leg
        trail = before.trail if isinstance(before, Joint) else None
        far.trail = trail = trail or Trail(MOST_IN_ALL)
        if self._circles(call) or not trail.more():
            self._fail(self._owner.causes["ForwardLimited"])
            return
        owner, phone = self._owner, self._phone
        try:
            far.content = setup.offer(far.local_host, "")
        except MediaRefused:
            self._fail(owner.causes["CodecMismatch"])
            return
        self._user.progressed(self._leg, Stage.FORWARDED, NO_CONTENT)
        far.placing = self
        far.origin = phone.origin
        far.hops = setup.hops
        far.watched = setup.caller_leg.supervised
        far.presented = owner.presented(phone, call, setup.forward)
        far.numbers = phone.e164, setup.callee
        far.original = call.leg.identifier[:64], ""
        made = owner.control.take(cast(InboundLeg, far))
        made.media = DirectMedia(made.id, far.local_host, "", ORDINARY)
        made.moving = self
        far.call = made
        owner.control.admit(made)

    @property
    def _leg(self) -> Leg:
        return cast(Leg, self._near)

    def _circles(self, call: Call) -> bool:
        """Whether the phone sent it on before, or too many did."""
        before = [forward.number for forward in call.forwarded]
        return self._phone.e164 in before or len(before) >= MOST_FORWARDS

    def _fail(self, cause: EndCause) -> None:
        near, far = self._near, self._far
        if near.partner is not None:
            near.partner = far.partner = None
            self._user.failed(self._leg, cause, "")

    # What the phone's call tells

    def progressed(self, stage: Stage, content: Content) -> None:
        """It came further."""
        if self._near.partner is not None:
            self._user.progressed(self._leg, stage, content)

    def answered(self, content: Content) -> None:
        """It was answered: from here on both go on by themselves."""
        near, call = self._near, self._far.call
        if call is None or near.partner is None:
            return
        call.moving = None
        if call.out is not None:
            near.peer, near.product = call.out.peer, call.out.product
            near.identifier = call.out.identifier
        self._user.answered(self._leg, content)

    def left(self, call: Call, leg: Leg) -> bool:
        """Nobody stays without the other."""
        return False

    def stopped(self, call: Call, cause: EndCause) -> None:
        """It ended before anybody answered."""
        self._fail(cause)


def _start(forwarded: Forwarded) -> None:
    forwarded.start()
