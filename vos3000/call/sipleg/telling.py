"""
What a caller is told before the answer that acknowledges it (RFC 3262, as UAS).

Whatever carries a description is sent reliably: it is the answer to the
caller's offer, or the offer that the caller answers in its PRACK. What is
described later and differs (by another gateway, or another device behind it)
cannot be said in a response to the INVITE any more (RFC 3261 13.2.1): it is
offered to the caller, in UPDATE before the answer, or else once the call is up.
"""

from __future__ import annotations

from typing import Protocol

from vos3000.call.leg import NO_CONTENT, Content, Exchange, Headers, Kind
from vos3000.call.sipleg.exchange import ExchangingLeg, PeerExchange
from vos3000.call.sipleg.terms import LegState, SipLegs, chance, saying
from vos3000.model.causes import EndCause
from vos3000.sip.extensions import names
from vos3000.sip.reliable import LAST_FIRST, TAG, ReliableSender, rack_of
from vos3000.sip.transaction import InviteServerTransaction, ServerTransaction
from vos3000.timers import Timer

AGAIN = 2.1
"""Seconds until an offer that met another one is made again (14.1)."""

_MOST_TRIES = 5
_REQUIRE = ("Require", TAG)


class TellingLeg(ExchangingLeg, Protocol):
    """The caller's leg, as what it is told sees it."""

    def provisional(self, status: int, content: Content, headers: Headers) -> bytes:
        """Make a provisional response to the INVITE."""

    def ring(self, data: bytes) -> None:
        """Send it."""

    def accept(self, content: Content) -> None:
        """Send the 200 to the INVITE."""

    def unheard(self) -> None:
        """The caller acknowledges nothing: there will be no call."""

    def hand_on(self, exchange: Exchange) -> None:
        """Ask the other side."""

    def settled(self, content: Content) -> None:
        """The caller answered the offer that it was given."""

    def ask(self, exchange: Exchange) -> None:
        """Ask the caller."""


class Telling:
    """
    The responses to one INVITE whose sender knows 100rel.

    @ivar given: The description that the caller holds of the other side.
    @ivar agreed: Whether offer and answer are exchanged.
    @ivar updates: Whether the caller takes UPDATE (RFC 3311 section 4).
    """

    __slots__ = (
        "_final",
        "_invite",
        "_late",
        "_leg",
        "_legs",
        "_owed",
        "_required",
        "_sender",
        "_timer",
        "_tries",
        "agreed",
        "given",
        "updates",
    )

    def __init__(
        self, leg: TellingLeg, legs: SipLegs, invite: InviteServerTransaction
    ) -> None:
        core, request = legs.core, invite.request
        self._leg = leg
        self._legs = legs
        self._invite = request
        self._late = not request.body
        self._required = names(request, "require", TAG)
        self.updates = names(request, "allow", "update")
        self.given = self._owed = self._final = NO_CONTENT
        self.agreed = False
        self._timer: Timer | None = None
        self._tries = 0
        first = 1 + chance(core, LAST_FIRST)
        self._sender = ReliableSender(core.timers, first, leg.ring, self)

    # Before the answer

    def tell(self, status: int, content: Content) -> None:
        """Send a provisional response, reliably where it must be."""
        described = bool(content.body) and content.is_session
        if described or self._required:
            self._sender.provide((status, content), described)
        else:
            self._leg.ring(self._leg.provisional(status, content, ()))

    def build(self, message: tuple[int, Content], rseq: int) -> bytes:
        """A reliable response as it goes out."""
        status, content = message
        if content.body and content.is_session:
            if not self.given.body:
                self.given = content
            elif content.body != self.given.body:
                self._owed, content = content, saying(content, NO_CONTENT)
        return self._leg.provisional(status, content, (_REQUIRE, ("RSeq", str(rseq))))

    def pracked(self, transaction: ServerTransaction) -> None:
        """
        A PRACK came. One that acknowledges what waits for it always gets a 2xx
        (RFC 3262 section 3); an offer in it is put to the other side.

        @raise ParseError: If it does not say what it acknowledges.
        """
        request, sender = transaction.request, self._sender
        rack = rack_of(request)
        ours = rack.cseq == self._invite.cseq and rack.method == "INVITE"
        if not ours or not sender.waiting or rack.rseq != sender.waiting:
            self._legs.core.refuse(transaction, 481)
            return
        content = self._legs.content(request)
        agreed, self.agreed = self.agreed, bool(self.given.body)
        answers = self._late and self.agreed and not agreed
        if content.body and not answers:
            exchange = PrackExchange(self._leg, transaction, content, self.given)
            self._leg.hand_on(exchange)
        else:
            self._legs.core.answer(transaction, 200)
        sender.acknowledge(rack.rseq)
        if answers:
            self._leg.settled(content)
        self.settle()

    # The answer, and after it

    def finish(self, content: Content) -> None:
        """Send the answer, once the description before it is acknowledged."""
        if self.given.body:
            if content.body and content.body != self.given.body:
                self._owed = content
            said = NO_CONTENT if self._late else self.given
            content = saying(content, said)
        self._final = content
        if self._sender.finish():
            self._leg.accept(content)

    def free(self) -> None:
        """The description is acknowledged, and the answer is there."""
        self._leg.accept(self._final)

    def unacknowledged(self) -> None:
        """No PRACK came in half a minute."""
        self._leg.unheard()

    def stop(self) -> None:
        """The call is over, or there will be none."""
        self._sender.stop()
        self._owed = NO_CONTENT
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def over(self) -> bool:
        """Whether nothing is left to say or to hear."""
        return not self._owed.body and not self._sender.waiting

    def settle(self, _: object = None) -> None:
        """Offer the caller what it could not be told in a response, if it may."""
        early = self._leg.state is LegState.SETUP
        if not self._owed.body or (early and not self.updates):
            return
        if early or self._leg.state is LegState.CONFIRMED:
            kind = Kind.UPDATE if self.updates else Kind.MODIFY
            self._leg.ask(_Owed(self, kind, saying(NO_CONTENT, self._owed)))

    def offered(self, given: Content, answer: Content) -> None:
        """The caller took what it was owed."""
        self.given = given
        if self._owed.body == given.body:
            self._owed = NO_CONTENT
        if self._late:
            self._leg.settled(answer)

    def put_off(self) -> None:
        """The caller could not take it now."""
        self._tries += 1
        if self._tries < _MOST_TRIES and self._owed.body:
            self._timer = self._legs.core.timers.later(AGAIN, self.settle)


class _Owed:
    """The offer of what the callee described later."""

    __slots__ = ("_telling", "content", "kind")

    def __init__(self, telling: Telling, kind: Kind, content: Content) -> None:
        self._telling = telling
        self.kind = kind
        self.content = content

    def accept(self, content: Content) -> None:
        """The caller answered it."""
        self._telling.offered(self.content, content)

    def refuse(self, cause: EndCause) -> None:
        """It met another offer, or is declined."""
        self._telling.put_off()


class PrackExchange(PeerExchange):
    """An offer in a PRACK, which cannot be refused: then the session stays."""

    __slots__ = ("_given",)

    def __init__(
        self,
        leg: ExchangingLeg,
        transaction: ServerTransaction,
        content: Content,
        given: Content,
    ) -> None:
        super().__init__(leg, transaction, content)
        self._given = given

    def refuse(self, cause: EndCause) -> None:
        """The other side cannot take it: what it described before is the answer."""
        self._answer(200, (), self._given)
