"""
How long the session of a leg lasts unless somebody refreshes it (RFC 4028).

Each leg has a lifetime of its own, negotiated with its own peer. What passes
from one side to the other (re-INVITE, UPDATE) refreshes both.
"""

from __future__ import annotations

from typing import Protocol

from vos3000.billing.meter import CUT
from vos3000.call.leg import NO_CONTENT, Content, Headers, InboundUser, Kind, Leg
from vos3000.call.sipleg.renewal import Renewal
from vos3000.call.sipleg.terms import SipLegs, chance
from vos3000.errors import ParseError
from vos3000.model.causes import EndCause
from vos3000.model.sipoptions import SipOptions
from vos3000.sip.extensions import names
from vos3000.sip.message import Message, Request, Response
from vos3000.sip.session_timer import (
    LONGEST,
    SHORTEST,
    TAG,
    Session,
    SessionTimer,
    Wish,
    accepted,
    agreed,
    shortest_of,
    wish_of,
)
from vos3000.timers import TimerWheel

TOO_SHORT = ("Min-SE", str(SHORTEST))
"""What a 422 of ours says."""

AGAIN = 10.0
"""Seconds until a refresh that was declined is tried again."""

_OTHER_WAY = frozenset((405, 415, 420, 488, 501, 606))
"""Refusals of UPDATE after which re-INVITE is tried."""


class LastingLeg(Leg, Protocol):
    """
    A leg, as its lifetime sees it.

    @cvar owner: Whether we made the Call-ID (RFC 3261 14.1).
    """

    call: InboundUser | None
    lifetime: Lifetime | None
    options: SipOptions
    owner: bool

    def timed_out_session(self, why: str) -> None:
        """The session is over."""


class Lifetime:
    """
    The lifetime of one leg's session.

    @ivar by_update: Whether the peer takes UPDATE.
    """

    __slots__ = ("_leg", "_legs", "_shortest", "_timer", "by_update")

    def __init__(self, leg: LastingLeg, legs: SipLegs, message: Message) -> None:
        self._leg = leg
        self._legs = legs
        self._timer = SessionTimer(self)
        self._shortest = SHORTEST
        self.by_update = names(message, "allow", "update")

    # As the peer wants it

    def accept(self, wish: Wish) -> Headers:
        """
        Answer a request that begins or refreshes the session. A peer that lets
        go of timers is kept watch over all the same, by refreshes of ours.

        @return: What the 2xx says of it (section 9).
        """
        ours = self._timer.ours
        session = accepted(wish, self._legs.settings().session_ttl, ours)
        self._timer.agree(session)
        value = f"{session.interval};refresher={'uas' if session.ours else 'uac'}"
        if not wish.supported:
            return (("Session-Expires", value),)
        return (("Require", TAG), ("Session-Expires", value))

    # As we want it

    def asking(self) -> Headers:
        """What a re-INVITE or an UPDATE of ours says (section 7.4)."""
        timer = self._timer
        refresher = "uac" if timer.ours else "uas"
        return (
            ("Supported", TAG),
            ("Session-Expires", f"{timer.interval};refresher={refresher}"),
            ("Min-SE", str(self._shortest)),
        )

    def agree(self, session: Session | None) -> None:
        """The peer answered: the session's time begins anew."""
        self._timer.agree(session or Session(self._timer.interval, True))

    def larger(self, response: Response) -> bool:
        """
        Whether a 422 wants a longer session than asked for, and may have it
        (section 7.3).
        """
        shortest = shortest_of(response)
        if not self._shortest < shortest <= LONGEST:
            return False
        self._shortest = shortest
        self._timer.interval = max(self._timer.interval, shortest)
        return True

    def stop(self) -> None:
        """The dialog is over."""
        self._timer.stop()

    # What the timer asks

    @property
    def timers(self) -> TimerWheel:
        """Where time comes from."""
        return self._legs.core.timers

    def limits(self, interval: int) -> tuple[float, float]:
        """
        When a session is refreshed (SS_SIP_SESSION_UPDATE_SEGMENT), and when it
        is over (SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP, a third of it at most): a
        little sooner, so that no second beyond it is charged.
        """
        settings = self._legs.settings()
        early = min(settings.early_hangup, interval / 3) + CUT / 1000
        return interval / settings.session_segments, interval - early

    def refresh(self) -> None:
        """
        Refresh the session: by UPDATE, or by a re-INVITE that says once more
        what the peer holds.
        """
        call = self._leg.call
        content = NO_CONTENT
        if not self.by_update and call is not None:
            content = call.said(self._leg)
        self._leg.ask(_Refresh(self, content))

    def described(self, content: Content) -> None:
        """The peer took our refresh, and says where it is now."""
        Renewal(self._leg, self.timers, content).offer()

    def expired(self) -> None:
        """Nobody refreshed it."""
        self._leg.timed_out_session(f"not refreshed in {self._timer.interval} s")

    def declined(self, cause: EndCause, by_update: bool) -> None:
        """The peer did not take our refresh: try again, perhaps in another way."""
        if cause.sip == 491:
            # RFC 3261 14.1
            since, span = (210, 190) if self._leg.owner else (0, 200)
            self._timer.failed((since + chance(self._legs.core, span + 1)) / 100)
        elif by_update and self.by_update and cause.sip in _OTHER_WAY:
            self.by_update = False
            self._timer.failed(0)
        else:
            self._timer.failed(AGAIN)


class _Refresh:
    """A refresh of ours on its way to the peer."""

    __slots__ = ("_lifetime", "content", "kind")

    def __init__(self, lifetime: Lifetime, content: Content) -> None:
        self._lifetime = lifetime
        self.content = content
        self.kind = Kind.MODIFY if content.body else Kind.UPDATE

    def accept(self, content: Content) -> None:
        """The peer goes on: the leg has told the lifetime."""
        if content.body and content.is_session:
            self._lifetime.described(content)

    def refuse(self, cause: EndCause) -> None:
        """The peer does not take it now, or not like this."""
        self._lifetime.declined(cause, self.kind is Kind.UPDATE)


def offered(ttl: int) -> Headers:
    """What our INVITE says, beside the option tag (section 7.1)."""
    return (("Session-Expires", str(max(ttl, SHORTEST))), TOO_SHORT)


def too_short(request: Request) -> bool:
    """
    Whether a request of a peer asks for a session that is too short.

    @raise ParseError: What it says of session timers is malformed.
    """
    if request.get("session-expires") is None:
        return False
    wish = wish_of(request)
    return wish is not None and wish.too_short


def kept(leg: LastingLeg, legs: SipLegs, request: Request) -> Headers:
    """
    What our 2xx says to a request that may begin or refresh a session; from
    here on it lasts for as long as that says.
    """
    if not leg.options.timer:
        return ()
    wish = wish_of(request)
    lifetime = leg.lifetime
    if lifetime is None:
        if wish is None:
            return ()
        lifetime = leg.lifetime = Lifetime(leg, legs, request)
    return lifetime.accept(wish or Wish(False))


def answered(leg: LastingLeg, legs: SipLegs, response: Response) -> None:
    """The peer's 2xx to a request of ours that begins or refreshes a session."""
    if not leg.options.timer:
        return
    try:
        session = agreed(wish_of(response))
    except ParseError:
        session = None
    if leg.lifetime is None:
        if session is None:
            return
        leg.lifetime = Lifetime(leg, legs, response)
    leg.lifetime.agree(session)
