"""
One call: the back-to-back user agent between its two legs.

The legs tell the call what their peers did; the call tells the other leg, the
meter, the media and whoever listens. It ends once, in L{Call.end}, whoever
ends it: there every refusal, hang-up and failure turns into the answer, the
record and the event.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Protocol, cast

from twisted.internet.defer import Deferred

from vos3000.billing.meter import Meter, Settlement
from vos3000.call import ringback
from vos3000.call.leg import (
    NO_CONTENT,
    Content,
    Exchange,
    Headers,
    InboundLeg,
    Leg,
    OutboundLeg,
    Referral,
    Stage,
    state_of,
)
from vos3000.call.passed import Passed, again, answered, offered, refusal
from vos3000.call.presented import Forward
from vos3000.errors import MediaRefused
from vos3000.instant import Instant
from vos3000.media.session import DirectMedia, MediaSession, Side
from vos3000.model.causes import EndCause
from vos3000.model.gateways import MappingGateway, RoutingGateway
from vos3000.model.gateways import Protocol as Signaling
from vos3000.model.phones import Phone
from vos3000.model.sipoptions import ORDINARY
from vos3000.model.states import CallState, EndDirection
from vos3000.timers import Timer


class Phase(IntEnum):
    """What a call is doing."""

    ADMISSION = 0
    HUNTING = 1
    TALKING = 2
    ENDED = 3


class Hunting(Protocol):
    """The search for a gateway that answers, as its call sees it."""

    def stop(self, cause: EndCause, reason: str) -> None:
        """Give up the attempt under way: the call ended."""


class Moving(Protocol):
    """A change of who is in the call, while it goes on."""

    def left(self, call: Call, leg: Leg) -> bool:
        """
        One side of the call hung up.

        @return: Whether the call goes on without it for now.
        """

    def stopped(self, call: Call, cause: EndCause) -> None:
        """The call ended, and nobody was told yet."""


class Owner(Protocol):
    """
    Call control, as a call sees it.

    @ivar transfers: Takes the wish of one side to have the other connected to
        somebody else.
    """

    exhausted: EndCause
    lost: EndCause
    expired: EndCause
    too_long: EndCause
    abandoned: EndCause
    mismatch: EndCause
    transfers: Callable[[Call, Leg, Referral], None]

    def now(self) -> Instant:
        """The time."""

    def stepped(self, call: Call) -> None:
        """The call's state changed."""

    def longest(self, call: Call) -> float:
        """Seconds after which an answered call is ended; 0 for no limit."""

    def later(
        self, delay: float, function: Callable[[Call], None], call: Call
    ) -> Timer:
        """Call C{function(call)} after C{delay} seconds."""

    def placed(self, call: Call, identifier: str) -> None:
        """The call goes out, with this id of the callee's."""

    def answered(self, call: Call) -> None:
        """The call was answered, and its caller does not know yet."""

    def reserved(self, call: Call) -> None:
        """The call's reservation grew."""

    def over(self, call: Call, ended: Ended) -> None:
        """
        The call is over: let go of both sides, give back what it held, record
        and report it.
        """


class Ended:
    """
    How a call ended.

    @ivar reason: The Reason text of the side that ended it.
    @ivar headers: What else that side said to the other.
    @ivar detail: What an operator needs to find out why; never sent out.
    @ivar settlement: What it costs; None if no account was found.
    """

    __slots__ = (
        "cause",
        "detail",
        "direction",
        "headers",
        "reason",
        "settlement",
        "when",
    )

    def __init__(
        self,
        cause: EndCause,
        direction: EndDirection,
        when: Instant,
        reason: str,
        detail: str,
        headers: Headers = (),
    ) -> None:
        self.cause = cause
        self.direction = direction
        self.when = when
        self.reason = reason
        self.detail = detail
        self.headers = headers
        self.settlement: Settlement | None = None


class Call:
    """
    One call.

    @ivar id: Its number, unique in this switch.
    @ivar leg: The caller's side.
    @ivar out: The callee's side, of the last attempt.
    @ivar gateway: Where it comes from; None for a caller that nobody knows.
    @ivar holds_line: Whether it counts against that gateway's line limit.
    @ivar phone: The platform phone that calls, if its settings hold.
    @ivar holds_phone_line: Whether it counts against the limits of a phone
        that calls through a gateway.
    @ivar payer: Whose account pays; None before that is known.
    @ivar admission: What it waits for before it may go out; None if nothing.
    @ivar route: Where it went last.
    @ivar forwarded: Who sent it on before it came here, the last one first, with
        their numbers after the mapping side's rules.
    @ivar caller_access: The caller's number as received.
    @ivar caller: The caller's number after the mapping side's rules.
    @ivar caller_out: The caller's number as it was sent out last.
    @ivar rang: When the caller first heard of ringing, or the answer.
    @ivar dialed: When the last attempt began.
    @ivar callee_rang: When its callee first rang or answered.
    @ivar described: Whether the callee of the last attempt told its media.
    @ivar early: What it described before the answer, as the caller was told,
        where that is to be told again (sipRemoteRingSignal).
    @ivar moving: What changes who is in it; None if nothing does.
    """

    __slots__ = (
        "_limit",
        "_limit_of_new",
        "admission",
        "answered_at",
        "callee",
        "callee_access",
        "callee_out",
        "callee_rang",
        "caller",
        "caller_access",
        "caller_out",
        "described",
        "early",
        "forwarded",
        "dialed",
        "gateway",
        "holds_line",
        "holds_phone_line",
        "hunt",
        "id",
        "leg",
        "media",
        "meter",
        "moving",
        "out",
        "owner",
        "payer",
        "phase",
        "phone",
        "rang",
        "route",
        "state",
    )

    def __init__(self, owner: Owner, call_id: int, leg: InboundLeg) -> None:
        self.owner = owner
        self.id = call_id
        self.leg = leg
        leg.user = self
        self.phase = Phase.ADMISSION
        sip = leg.protocol is Signaling.SIP
        self.state = CallState.INVITE if sip else CallState.SETUP
        self.gateway: MappingGateway | None = None
        self.holds_line = self.holds_phone_line = False
        self.phone: Phone | None = None
        self.payer: MappingGateway | None = None
        self.admission: Deferred[None] | None = None
        self.caller_access = self.caller = self.caller_out = ""
        self.callee_access = self.callee = self.callee_out = ""
        self.forwarded: tuple[Forward, ...] = ()
        self.route: RoutingGateway | None = None
        self.out: OutboundLeg | None = None
        self.hunt: Hunting | None = None
        self.meter: Meter | None = None
        self.media: MediaSession | None = None
        self.moving: Moving | None = None
        self.rang: Instant | None = None
        self.dialed: Instant | None = None
        self.callee_rang: Instant | None = None
        self.answered_at: Instant | None = None
        self.described = False
        self.early = NO_CONTENT
        self._limit: Timer | None = None
        self._limit_of_new: Timer | None = None

    # What the hunt tells

    def dialing(self, route: RoutingGateway) -> None:
        """An attempt on C{route} begins."""
        self.route = route
        self.out = None
        self.early = NO_CONTENT
        self.dialed = self.owner.now()
        self.callee_rang = None
        self.described = False

    def placed(self, identifier: str) -> None:
        """
        A leg to the callee is made, and nothing was sent yet; or another takes
        the place of one side, or is joined with it.

        @param identifier: Its peer's id of the call.
        """
        self.owner.placed(self, identifier)

    def offer(self, out_host: str, peer_host: str) -> Content:
        """
        The caller's offer as the callee may see it.

        @param out_host: Our address that the callee will see.
        @param peer_host: The callee's.
        @raise MediaRefused: If it leaves the callee nothing to use.
        """
        media, gateway, route = self.media, self.gateway, self.route
        if media is None:
            options = ORDINARY if gateway is None else gateway.sip
            leg = self.leg
            media = DirectMedia(self.id, leg.local_host, leg.peer[0], options)
            self.media = media
        options = ORDINARY if route is None else route.sip
        media.toward(self.id, out_host, peer_host, options)
        return offered(media, Side.CALLER, self.leg.content)

    def heard(self, content: Content) -> Content:
        """
        What a response of the callee carries, as the caller may see it: an
        answer if the caller offered, else an offer (RFC 3261 13.2.1).

        @raise MediaRefused: If it leaves the caller nothing to use.
        """
        if not content.body or not content.is_session:
            return content
        offer = self.leg.content
        passes = answered if offer.body and offer.is_session else offered
        passed = passes(self.media, Side.CALLEE, content)
        self.described = True
        return passed

    def progressed(self, stage: Stage, content: Content) -> None:
        """
        The callee came further: tell the caller.

        @param content: As the caller may see it.
        """
        protocol = self.leg.protocol if self.out is None else self.out.protocol
        self.step(state_of(protocol, stage, content.is_session))
        if stage is Stage.RINGING:
            now = self.owner.now()
            self.callee_rang = self.callee_rang or now
            self.rang = self.rang or now
        gateway = self.gateway
        if gateway is not None and gateway.sip.remote_ring:
            if content.body and content.is_session:
                self.early = content
            ring = gateway.sip.remote_ring
            stage, content = ringback.told(ring, stage, content, self.early)
        self.leg.progress(stage, content)

    def connected(self, out: OutboundLeg, content: Content) -> None:
        """
        The callee answered: the talk begins.

        @param content: As the caller may see it.
        """
        now = self.owner.now()
        self.phase = Phase.TALKING
        self.hunt = None
        self.early = NO_CONTENT
        self.out = out
        out.call = self
        self.leg.tells = out.wants
        self.answered_at = now
        self.callee_rang = self.callee_rang or now
        self.rang = self.rang or now
        if self.meter is not None:
            if self.route is not None:
                self.meter.routed(self.route, self.callee_out)
            self.meter.answered(now, self._exhausted, self._extended)
        self.owner.answered(self)
        self._limit = self._limited()
        sip = out.protocol is Signaling.SIP
        self.step(CallState.OK if sip else CallState.CONNECT)
        self.leg.answer(content)

    def _limited(self) -> Timer | None:
        longest = self.owner.longest(self)
        return self.owner.later(longest, _too_long, self) if longest > 0 else None

    def step(self, state: CallState) -> None:
        """The call came to another state."""
        if state is not self.state:
            self.state = state
            self.owner.stepped(self)

    def _exhausted(self) -> None:
        self.end(self.owner.exhausted, EndDirection.SERVER)

    def _extended(self) -> None:
        self.owner.reserved(self)

    # What the legs tell

    def canceled(self, leg: Leg, reason: str = "") -> None:
        """The caller gave up before the answer."""
        self.end(self.owner.abandoned, EndDirection.CALLER, reason)

    def released(
        self, leg: Leg, cause: EndCause, reason: str, headers: Headers = ()
    ) -> None:
        """One side hung up, or was lost."""
        if self.moving is not None and self.moving.left(self, leg):
            return
        if cause is self.owner.lost or cause is self.owner.expired:
            self.end(cause, EndDirection.SERVER, detail=reason)
        elif leg is self.leg:
            self.end(cause, EndDirection.CALLER, reason, headers=headers)
        else:
            self.end(cause, EndDirection.CALLEE, reason, headers=headers)

    def asked(self, leg: Leg, exchange: Exchange) -> None:
        """One side asks something of the other."""
        caller = leg is self.leg
        other: Leg | None = self.out if caller else self.leg
        side = Side.CALLER if caller else Side.CALLEE
        mismatch = self.owner.mismatch
        if other is None:
            exchange.refuse(mismatch)
            return
        try:
            passed = Passed(self.media, side, exchange, other, mismatch)
        except MediaRefused:
            exchange.refuse(mismatch)
        else:
            other.ask(passed)

    def confirmed(self, leg: Leg, content: Content) -> None:
        """One side answered the offer that the other's answer held."""
        caller = leg is self.leg
        other: Leg | None = self.out if caller else self.leg
        if other is None:
            return
        if not content.body and self.media is not None:
            self.media.declined()
        side = Side.CALLER if caller else Side.CALLEE
        try:
            passed = answered(self.media, side, content)
        except MediaRefused:
            other.confirm(refusal(self.media, Side(1 - side), NO_CONTENT))
            self.end(self.owner.mismatch, EndDirection.SERVER)
        else:
            other.confirm(passed)

    def referred(self, leg: Leg, referral: Referral) -> None:
        """One side wants the other to be connected to somebody else."""
        self.owner.transfers(self, leg, referral)

    def replace(self, leg: Leg, other: Leg) -> None:
        """
        C{other} takes the place of a side that was answered; nothing is asked
        of it that both kinds of legs do not do.
        """
        if leg is self.leg:
            self.leg = cast(InboundLeg, other)
            if self.phase is Phase.TALKING:
                # it may be one who would not be missed
                before, self._limit_of_new = self._limit_of_new, self._limited()
                if before is not None:
                    before.cancel()
        elif leg is self.out:
            self.out = cast(OutboundLeg, other)

    def said(self, leg: Leg) -> Content:
        """What one side holds of the other, to be said again."""
        return again(self.media, Side.CALLER if leg is self.leg else Side.CALLEE)

    def moved(self, leg: Leg, content: Content) -> bool:
        """Whether what one side describes is news to the other."""
        side = Side.CALLER if leg is self.leg else Side.CALLEE
        return self.media is not None and self.media.moved(side, content.body)

    # The end

    def end(
        self,
        cause: EndCause,
        direction: EndDirection,
        reason: str = "",
        detail: str = "",
        headers: Headers = (),
    ) -> None:
        """
        End the call, whatever it is doing; harmless when said twice.

        @param direction: Who ended it.
        """
        if self.phase is Phase.ENDED:
            return
        self.phase = Phase.ENDED
        ended = Ended(cause, direction, self.owner.now(), reason, detail, headers)
        for limit in (self._limit, self._limit_of_new):
            if limit is not None:
                limit.cancel()
        self._limit = self._limit_of_new = None
        if self.media is not None:
            self.media.close()
        self._settle(ended)
        self.owner.over(self, ended)
        admission, self.admission = self.admission, None
        if admission is not None:
            admission.cancel()

    def _settle(self, ended: Ended) -> None:
        if self.meter is None:
            return
        talked = 0
        if self.answered_at is not None:
            talked = ended.when.since(self.answered_at)
        ended.settlement = self.meter.settle(
            talked, self.route, self.callee_out, ended.direction
        )

    def facts(self) -> dict[str, str]:
        """
        What headers that an operator adds may be made of, by the names of
        L{vos3000.call.sipleg.headers.VARIABLES}; a leg knows the rest.
        """
        gateway, meter = self.gateway, self.meter
        return {
            "caller": self.caller_out,
            "callee": self.callee_out,
            "billed-caller": self.caller,
            "billed-callee": self.callee,
            "received-caller": self.caller_access,
            "received-callee": self.callee_access,
            "source": gateway.name if gateway else "",
            "gateway": self.route.name if self.route else "",
            "account": meter.customer.account if meter else "",
            "customer-ip": self.leg.peer[0],
            "call-id": self.leg.identifier,
            "call": str(self.id),
        }


def _too_long(call: Call) -> None:
    call.end(call.owner.too_long, EndDirection.SERVER)
