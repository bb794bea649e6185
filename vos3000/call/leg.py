"""
What a leg of a call is, whatever protocol it speaks.

Call control sees legs only through this module: a leg tells its user what its
peer did, and does what its user asks, in these words.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Protocol

from vos3000.call.presented import Forward, Presented
from vos3000.instant import Instant
from vos3000.model.causes import EndCause
from vos3000.model.gateways import MappingGateway, RoutingGateway
from vos3000.model.gateways import Protocol as Signaling
from vos3000.model.states import CallState
from vos3000.values import fixed

Headers = tuple[tuple[str, str], ...]
"""Headers with their values, for peers that speak a protocol that has them."""


@fixed
class Content:
    """
    What a message carries: mostly a session description.

    @ivar body: The bytes; empty for nothing.
    @ivar type: Their media type, such as C{application/sdp}.
    @ivar headers: What else of the message the other side is let see.
    """

    body: bytes = b""
    type: str = ""
    headers: Headers = ()

    @property
    def is_session(self) -> bool:
        """Whether it is a session description, for media to look at."""
        if self.type == "application/sdp":
            return True
        return self.type.partition(";")[0].strip().lower() == "application/sdp"


NO_CONTENT = Content()


class Stage(IntEnum):
    """How far the callee has come before it answers."""

    PROCEEDING = 0
    PROGRESS = 1
    FORWARDED = 2
    QUEUED = 3
    RINGING = 4


_STATES: dict[int, dict[Stage, tuple[CallState, CallState]]] = {
    Signaling.SIP: {
        Stage.PROCEEDING: (CallState.TRYING, CallState.TRYING),
        Stage.PROGRESS: (CallState.SESSION_PROGRESS, CallState.SESSION_PROGRESS_SDP),
        Stage.FORWARDED: (CallState.SESSION_PROGRESS, CallState.SESSION_PROGRESS_SDP),
        Stage.QUEUED: (CallState.SESSION_PROGRESS, CallState.SESSION_PROGRESS_SDP),
        Stage.RINGING: (CallState.RINGING, CallState.RINGING),
    },
    Signaling.H323: {
        Stage.PROCEEDING: (CallState.CALL_PROCEEDING, CallState.CALL_PROCEEDING_RTP),
        Stage.PROGRESS: (CallState.PROGRESS, CallState.PROGRESS),
        Stage.FORWARDED: (CallState.PROGRESS, CallState.PROGRESS),
        Stage.QUEUED: (CallState.PROGRESS, CallState.PROGRESS),
        Stage.RINGING: (CallState.ALERTING, CallState.ALERTING),
    },
}


def state_of(protocol: int, stage: Stage, media: bool) -> CallState:
    """
    The state of a call whose callee has come to C{stage} (behaviour 8.1).

    @param media: Whether the callee described its media with it.
    """
    return _STATES[protocol][stage][media]


class Kind(IntEnum):
    """What one end asks of the other during a call."""

    MODIFY = 0
    """A new offer, or the wish for one, that the other end may take time for."""
    UPDATE = 1
    """A new offer that must be answered at once."""
    INFO = 2
    """Something for the other end's application, such as a key press."""
    PING = 3
    """Whether the other end is there and what it can."""


class Exchange(Protocol):
    """A request during a call, from the leg it came on to the other one."""

    kind: Kind
    content: Content

    def accept(self, content: Content) -> None:
        """The other end agreed; C{content} is its answer."""

    def refuse(self, cause: EndCause) -> None:
        """The other end declined or cannot be asked."""


class Referral(Protocol):
    """
    One end's wish that the other be connected to somebody else.

    @ivar number: Whom to connect it to.
    @ivar attended: Whether that is who it talks to in another call of its own.
    @ivar consulted: Its leg of that other call; None if there is none.
    """

    number: str
    attended: bool
    consulted: Leg | None

    def accept(self) -> None:
        """It is worked on."""

    def refuse(self, cause: EndCause) -> None:
        """It will not be done."""

    def tell(self, stage: Stage) -> None:
        """Tell how far whoever is called now has come."""

    def finish(self, cause: EndCause | None) -> None:
        """
        Tell what came of it.

        @param cause: Why it failed; None if it did not.
        """


class Leg(Protocol):
    """
    One side of a call.

    @ivar protocol: How it signals.
    @ivar identifier: The peer's own id of the call (SIP Call-ID).
    @ivar peer: The peer's signaling host and port.
    @ivar local_host: Our address as the peer sees it.
    @ivar product: What the peer says it is (User-Agent, Server).
    @ivar wants: The headers of the other side that the peer is let see, in lower
        case; C{*} for all.
    @ivar tells: The headers of the peer that the other side is let see.
    """

    protocol: Signaling
    identifier: str
    peer: tuple[str, int]
    local_host: str
    product: str
    wants: frozenset[str]
    tells: frozenset[str]

    @property
    def gateway(self) -> MappingGateway | RoutingGateway | None:
        """Whose the leg is; None while that is not known."""

    def ask(self, exchange: Exchange) -> None:
        """Ask the peer during an answered call."""

    def confirm(self, content: Content) -> None:
        """
        The other end answered the offer that the peer made in its answer.
        """

    def release(self, cause: EndCause, reason: str = "", headers: Headers = ()) -> None:
        """
        End it, whatever state it is in; harmless when said twice.

        @param reason: What the side that ended the call said of it.
        @param headers: What else it said.
        """


class InboundLeg(Leg, Protocol):
    """
    The caller's side.

    @ivar origin: The gateway or phone that calls; None for a caller that
        nobody knows.
    @ivar unknown: Why nobody knows it, for the operator.
    @ivar arrived: When it came.
    @ivar content: The caller's offer; none for a late offer.
    @ivar hops: How many more switches the call may pass.
    @ivar presented: What the caller says of itself, once it is recognized.
    @ivar original: Of a call that a transfer placed, the Call-ID of the call that
        was transferred and who transferred it; else empty.
    """

    origin: MappingGateway | None
    unknown: str
    arrived: Instant
    content: Content
    hops: int
    presented: Presented
    original: tuple[str, str]
    user: InboundUser | None

    @property
    def reliable(self) -> bool:
        """Whether the caller can answer an offer before the callee answers."""

    def objection(self) -> int:
        """
        What the caller requires and cannot have, now that its options hold.

        @return: The status that refuses it; 0 if there is nothing.
        """

    def recognize(self, gateway: MappingGateway | None) -> tuple[str, str]:
        """
        It is known whose the leg is: from here on its options hold.

        @param gateway: None for a stranger.
        @return: Caller and callee as received, from where the gateway says they
            stand; empty where there is none.
        """

    def passing(self, names: frozenset[str]) -> Headers:
        """
        The headers of the caller's INVITE that a route is let see.

        @param names: In lower case; C{*} for all.
        """

    def supervised(self) -> bool:
        """Whether the peer will be missed soon after it vanished."""

    def proceed(self) -> None:
        """Tell the caller that the call is being worked on."""

    def progress(self, stage: Stage, content: Content) -> None:
        """Tell the caller how far the callee has come."""

    def answer(self, content: Content) -> None:
        """Tell the caller that the callee answered."""

    def refuse(
        self,
        cause: EndCause,
        status: int,
        stranger: bool,
        reason: str = "",
        q850: int = 0,
    ) -> None:
        """
        Tell the caller that there will be no call.

        @param status: The SIP status to tell it with, after the gateway's own
            map; 0 for the cause's own.
        @param stranger: Keep nothing of a caller that nobody knows.
        @param reason: What the side that ended the call said of it.
        @param q850: The Q.850 cause to tell it with, likewise.
        """


class InboundUser(Protocol):
    """The call, as the caller's side tells it."""

    def canceled(self, leg: Leg, reason: str = "") -> None:
        """
        The caller gave up before the answer.

        @param reason: What it said of it (RFC 3326).
        """

    def released(
        self, leg: Leg, cause: EndCause, reason: str, headers: Headers = ()
    ) -> None:
        """
        The peer ended an answered call, or was lost.

        @param reason: What the peer said of it (RFC 3326).
        @param headers: What else it said.
        """

    def asked(self, leg: Leg, exchange: Exchange) -> None:
        """The peer asks something of the other end."""

    def confirmed(self, leg: Leg, content: Content) -> None:
        """The peer answered the offer that it was given in an answer."""

    def referred(self, leg: Leg, referral: Referral) -> None:
        """The peer wants the other end to be connected to somebody else."""

    def said(self, leg: Leg) -> Content:
        """What the peer holds of the other side, to be said again."""

    def moved(self, leg: Leg, content: Content) -> bool:
        """Whether what the peer describes is news to the other side."""


class OutboundUser(Protocol):
    """Who placed a call on a route: the hunt."""

    def asked(self, leg: Leg, exchange: Exchange) -> None:
        """The callee asks something of the caller before it answers."""

    def redialed(self, leg: Leg, elsewhere: bool) -> bool:
        """
        The leg is about to call once more, without a new attempt.

        @param elsewhere: Whether at another place than before.
        @return: Whether it may.
        """

    def progressed(self, leg: Leg, stage: Stage, content: Content) -> None:
        """The callee came further."""

    def answered(self, leg: Leg, content: Content) -> None:
        """The callee answered."""

    def paused(self, leg: Leg, seconds: int) -> None:
        """The gateway asks not to be called for so long; C{failed} follows."""

    def failed(self, leg: Leg, cause: EndCause, reason: str) -> None:
        """The callee refused, or cannot be reached."""


class OutboundLeg(Leg, Protocol):
    """The callee's side, on one route."""

    user: OutboundUser | None
    call: InboundUser | None

    def move_on(self) -> bool:
        """
        Nothing came from where the call went: try another address of the same
        gateway.

        @return: Whether there is one.
        """

    def introducing(self, number: str, presented: Presented) -> Headers:
        """
        What tells the peer of an answered call that somebody else talks to it
        now, in the headers of its next offer; empty if it is told no identities.

        @param number: Whom it is shown; empty for nobody.
        """

    def cancel(self, cause: EndCause | None = None, reason: str = "") -> None:
        """
        Give the attempt up. Should the callee answer all the same, the leg
        ends that call by itself.

        @param cause: Why, for the peer; None if that is not its concern.
        @param reason: What the side that ended the call said of it.
        """


@fixed
class Setup:
    """
    What an outbound leg is to do.

    @ivar caller: The caller's number as it is sent out.
    @ivar callee: The callee's number as it is sent out.
    @ivar offer: Gives the caller's offer as the callee may see it, from the
        address of ours that the callee will see, and the callee's own.
    @ivar hops: How many more switches the call may pass.
    @ivar dialed: The callee's number as the caller gave it.
    @ivar caller_leg: The caller's side.
    @ivar placed: Takes the callee's id of the call, before anything is sent.
    @ivar forwarded: Who sent the call on, the last one first, if the route is to
        be told.
    @ivar facts: Gives what headers may be made of, by names of variables.
    @ivar forward: Why a phone sends the call on; empty if none does.
    """

    caller: str
    callee: str
    offer: Callable[[str, str], Content]
    hops: int
    dialed: str
    caller_leg: InboundLeg
    placed: Callable[[str], None]
    facts: Callable[[], dict[str, str]]
    forwarded: tuple[Forward, ...] = ()
    forward: str = ""


Dial = Callable[[RoutingGateway, Setup, OutboundUser], OutboundLeg | None]
"""Places a call on a route; None if the gateway cannot be addressed now."""
