"""
One of the calls that a change of parties is about: the far end stays, the near
end leaves.
"""

from __future__ import annotations

from collections.abc import Callable

from vos3000.call.call import Call, Phase
from vos3000.call.leg import Content, Headers, Kind, Leg
from vos3000.call.passed import refusal
from vos3000.media.session import Side
from vos3000.model.causes import EndCause, EndCauses
from vos3000.model.sipoptions import ORDINARY, SipOptions
from vos3000.phone.joint import Joint
from vos3000.timers import Timer, TimerWheel

SDP = "application/sdp"

PENDING = 491
"""The status of a peer whose own offer is under way (RFC 3261 section 14.2)."""

AGAIN = 2.1
"""Seconds after which it is asked once more (section 14.1)."""

MOST_TRIES = 4


class Offer:
    """
    An offer of ours to the far end of a call, until it is answered.

    @param call: The call.
    @param caller: Whether the offer stands in for the caller's.
    @param content: What is offered; nothing to have the far end offer.
    @param agreed: Takes its answer, or its offer.
    @param failed: Takes why there is none.
    """

    __slots__ = (
        "_agreed",
        "_call",
        "_caller",
        "_failed",
        "_timer",
        "_timers",
        "_tries",
        "content",
        "kind",
    )

    def __init__(
        self,
        timers: TimerWheel,
        call: Call,
        caller: bool,
        content: Content,
        agreed: Callable[[Content], None],
        failed: Callable[[EndCause], None],
    ) -> None:
        self.kind = Kind.MODIFY
        self.content = content
        self._timers = timers
        self._call = call
        self._caller = caller
        self._agreed = agreed
        self._failed = failed
        self._tries = 0
        self._timer: Timer | None = None

    def send(self, _: object = None) -> None:
        """Ask the far end, if the call is still there."""
        self._timer = None
        self._tries += 1
        call = self._call
        near: Leg | None = call.leg if self._caller else call.out
        if call.phase is Phase.TALKING and near is not None:
            call.asked(near, self)

    def stop(self) -> None:
        """Do not ask again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._tries = MOST_TRIES

    def accept(self, content: Content) -> None:
        """The far end agreed."""
        self._agreed(content)

    def refuse(self, cause: EndCause) -> None:
        """It did not; it may do so later."""
        if cause.sip == PENDING and self._tries < MOST_TRIES:
            self._timer = self._timers.later(AGAIN, self.send, None)
        else:
            self._failed(cause)


class Half:
    """
    One call and its near end, which is about to leave.

    @ivar call: The call.
    @ivar caller: Whether the near end is the caller's side.
    @ivar joint: What takes the near end's place, if nobody else does.
    @ivar before: What tells the far end that it talks to the near end again, if it
        was told of another.
    @ivar changed: Whether the far end was told other media than the near end's.
    """

    __slots__ = (
        "_held",
        "_offer",
        "_options",
        "_source",
        "_timers",
        "before",
        "call",
        "caller",
        "changed",
        "joint",
    )

    def __init__(
        self, call: Call, leg: Leg, timers: TimerWheel, causes: EndCauses
    ) -> None:
        self.call = call
        self.caller = leg is call.leg
        if isinstance(leg, Joint):
            self.joint = leg
        else:
            self.joint = Joint(leg, call.leg.arrived, causes)
            self.joint.call = call
        self.before: Headers = ()
        self.changed = False
        self._timers = timers
        self._source = leg.peer[0]
        self._options = ORDINARY if leg.gateway is None else leg.gateway.sip
        self._offer: Offer | None = None
        self._held = b""

    @property
    def near(self) -> Leg:
        """Who stands at the near end now."""
        leg = self.call.leg if self.caller else self.call.out
        return self.joint if leg is None else leg

    @property
    def far(self) -> Leg | None:
        """Who stays."""
        return self.call.out if self.caller else self.call.leg

    @property
    def side(self) -> Side:
        """The near end, as media sees it."""
        return Side.CALLER if self.caller else Side.CALLEE

    @property
    def far_side(self) -> Side:
        """The far end, as media sees it."""
        return Side(1 - self.side)

    @property
    def over(self) -> bool:
        """Whether the call ended."""
        return self.call.phase is Phase.ENDED

    @property
    def abandoned(self) -> bool:
        """Whether the near end left."""
        return self.near is self.joint

    def described(self) -> bytes:
        """What the far end described last, as the near end holds it."""
        media = self.call.media
        return b"" if media is None else media.last(self.side)

    def holds(self) -> bytes:
        """What the far end was told last."""
        media = self.call.media
        return b"" if media is None else media.last(self.far_side)

    def offer(
        self,
        content: Content,
        agreed: Callable[[Content], None],
        failed: Callable[[EndCause], None],
        source: str = "",
        options: SipOptions = ORDINARY,
    ) -> None:
        """
        Offer the far end another's media in place of the near end's.

        @param content: What is offered; nothing to have the far end offer.
        @param source: Where the other's signaling comes from; empty if its
            description is complete.
        """
        media = self.call.media
        if media is not None:
            if not self.changed:
                self._held = media.last(self.far_side)
            media.seat(self.side, source, options)
        self.changed = True

        def refused(cause: EndCause) -> None:
            # RFC 3261 section 14.1: what was agreed before holds
            self.changed = False
            failed(cause)

        self._send(content, agreed, refused)

    def _send(
        self,
        content: Content,
        agreed: Callable[[Content], None],
        failed: Callable[[EndCause], None],
    ) -> None:
        self.settle()
        self._offer = Offer(
            self._timers, self.call, self.caller, content, agreed, failed
        )
        self._offer.send()

    def settle(self) -> None:
        """Ask the far end no more for what it was asked."""
        if self._offer is not None:
            self._offer.stop()
            self._offer = None

    def leave(self) -> None:
        """The near end left; the joint keeps its place."""
        self.call.replace(self.near, self.joint)

    def give_up(self, cause: EndCause) -> None:
        """
        Nothing comes of it: both ends talk on as they did, or, if the near end
        has left, the call is over.
        """
        self.settle()
        if self.call.moving is not None:
            self.call.moving = None
        if self.over:
            return
        if self.abandoned:
            if self.call.phase is Phase.TALKING:
                self.call.released(self.joint, cause, "")
            else:
                self.call.canceled(self.joint)
        elif self.changed:
            self._restore()

    def _restore(self) -> None:
        media = self.call.media
        self.changed = False
        if media is None or not self._held:
            return
        media.seat(self.side, self._source, self._options)
        self._send(Content(self._held, SDP, self.before), _ignore, _ignore)

    def decline(self, offer: Content) -> None:
        """The far end was made to offer, and nobody wants to hear it any more."""
        far = self.far
        if far is not None and not self.over:
            far.confirm(refusal(self.call.media, self.far_side, offer))


def _ignore(_: object) -> None:
    """Whatever the far end says to what it had before."""
