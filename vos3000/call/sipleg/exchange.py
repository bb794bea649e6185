"""
Requests inside the dialog of a call, from one leg to the other and back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from vos3000.call.leg import NO_CONTENT, Content, Exchange, Headers, Kind
from vos3000.call.sipleg.again import GIVE_UP, authorize, expire
from vos3000.call.sipleg.lifetime import Lifetime
from vos3000.call.sipleg.terms import LegState, SipLegs
from vos3000.errors import ParseError
from vos3000.model.causes import EndCause
from vos3000.sip.access import CHALLENGES, Access, Realm
from vos3000.sip.core import ALLOW
from vos3000.sip.dialog import Dialog
from vos3000.sip.message import Request, Response, respond
from vos3000.sip.transaction import (
    ClientTransaction,
    InviteClientTransaction,
    ServerTransaction,
)
from vos3000.timers import Timer

LONGEST_ASKING = 60.0
"""Seconds that a re-INVITE may be worked on before it is canceled."""

KINDS = {
    "INVITE": Kind.MODIFY,
    "UPDATE": Kind.UPDATE,
    "INFO": Kind.INFO,
    "OPTIONS": Kind.PING,
    "PRACK": Kind.UPDATE,
}
_LASTING = ("INVITE", "UPDATE")
"""Requests that refresh a session (RFC 4028)."""

_UNKNOWN = (405, 501)
"""Answers of a peer that does not know a method."""

METHODS = {
    Kind.MODIFY: "INVITE",
    Kind.UPDATE: "UPDATE",
    Kind.INFO: "INFO",
    Kind.PING: "OPTIONS",
}


def negotiates(exchange: Exchange) -> bool:
    """Whether it is about the session, and must not meet another such."""
    kind = exchange.kind
    return kind is Kind.MODIFY or (kind is Kind.UPDATE and bool(exchange.content.body))


class Pending(Protocol):
    """
    Our offer, or our INVITE whose ACK waits for the answer to the peer's.

    @ivar invite: The INVITE, once there is a 2xx to acknowledge.
    @ivar cseq: Its number.
    """

    invite: InviteClientTransaction | None
    cseq: int


class ExchangingLeg(Protocol):
    """
    A leg, as the requests inside its dialog see it.

    @ivar asked: The peer's INVITE or offer that is not finished.
    @ivar pending: Ours.
    """

    asked: ServerTransaction | None
    lifetime: Lifetime | None
    pending: Pending | None
    state: LegState

    @property
    def dialog(self) -> Dialog:
        """The dialog."""

    def lost(self, why: str) -> None:
        """The peer no longer knows the call, or cannot be reached."""

    def agreed(self, theirs: Content, ours: Content) -> None:
        """
        An offer was answered.

        @param theirs: What the peer described.
        @param ours: What it was told.
        """

    def acknowledge(
        self, invite: InviteClientTransaction, cseq: int, content: Content
    ) -> None:
        """Send the ACK of a 2xx."""

    def send(self, exchange: Exchange, asking: Asking) -> None:
        """Send our request."""

    def kept(self, request: Request) -> Headers:
        """What our 2xx to a re-INVITE or an UPDATE says of the session's time."""

    def extended(self, response: Response) -> None:
        """The peer's 2xx to such a request of ours came."""

    def credentials(self) -> Access | None:
        """What answers the peer's challenges; None where we have no password."""


class PeerExchange:
    """A request inside a dialog, to be answered by the other leg's peer."""

    __slots__ = ("_leg", "_transaction", "content", "kind")

    def __init__(
        self, leg: ExchangingLeg, transaction: ServerTransaction, content: Content
    ) -> None:
        self._leg = leg
        self._transaction = transaction
        self.kind = KINDS[transaction.request.method]
        self.content = content

    def accept(self, content: Content) -> None:
        """The other end agreed; C{content} is its answer."""
        leg = self._leg
        if self.kind is Kind.UPDATE:
            self._finished()
        if self.content.body and content.body:
            leg.agreed(self.content, content)
        request = self._transaction.request
        lasting = leg.kept(request) if request.method in _LASTING else ()
        self._answer(200, (("Contact", leg.dialog.contact), ALLOW, *lasting), content)

    def refuse(self, cause: EndCause) -> None:
        """The other end declined or cannot be asked."""
        self._finished()
        # RFC 3261 21.4.6
        headers = (ALLOW,) if cause.sip == 405 else ()
        self._answer(cause.sip, headers, NO_CONTENT)

    def _finished(self) -> None:
        if self._leg.asked is self._transaction:
            self._leg.asked = None

    def _answer(
        self, status: int, headers: Iterable[tuple[str, str]], content: Content
    ) -> None:
        transaction = self._transaction
        if transaction.answered:
            return
        data = respond(
            transaction.request,
            status,
            None,
            None,
            headers,
            content.body,
            content.type or None,
            transaction.address,
        )
        transaction.send(status, data)


class _Instead:
    """An offer in UPDATE, to a peer that does not know that, as re-INVITE."""

    __slots__ = ("_exchange", "content")

    kind = Kind.MODIFY

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.content = exchange.content

    def accept(self, content: Content) -> None:
        """The peer agreed."""
        self._exchange.accept(content)

    def refuse(self, cause: EndCause) -> None:
        """The peer declined or cannot be asked."""
        self._exchange.refuse(cause)


class Asking:
    """Our request inside a dialog, until the peer's answer went back."""

    __slots__ = (
        "_exchange",
        "_leg",
        "_legs",
        "_timer",
        "_tried",
        "_larger",
        "cseq",
        "invite",
    )

    def __init__(self, leg: ExchangingLeg, legs: SipLegs, exchange: Exchange) -> None:
        self._timer: Timer | None = None
        self._leg = leg
        self._legs = legs
        self._exchange = exchange
        self._tried: list[Realm] | None = None
        self.cseq = 0
        self.invite: InviteClientTransaction | None = None
        self._larger = False

    def responded(self, transaction: ClientTransaction, response: Response) -> None:
        """The peer's answer."""
        if response.status < 200:
            self._watch(transaction)
            return
        leg = self._leg
        if response.status in CHALLENGES and self._authorized(transaction, response):
            return
        if response.status == 422 and self._longer(response):
            return
        if response.status in _UNKNOWN and self._otherwise():
            return
        if response.status >= 300:
            self._finished()
            self._exchange.refuse(self._legs.causes.by_sip(response.status))
            if response.status in (408, 481):
                leg.lost(f"{response.status} to a {transaction.key.split()[-1]}")
            return
        try:
            leg.dialog.refresh(response)
        except ParseError:
            pass
        if isinstance(transaction, InviteClientTransaction):
            self._accepted(transaction)
        else:
            self._finished()
        if self._exchange.kind in (Kind.MODIFY, Kind.UPDATE):
            leg.extended(response)
        content, offer = self._legs.content(response), self._exchange.content
        if offer.body and content.body:
            leg.agreed(content, offer)
        self._exchange.accept(content)

    def _longer(self, response: Response) -> bool:
        """Whether the request goes out once more, for a longer session (422)."""
        lifetime = self._leg.lifetime
        if lifetime is None or self._larger or not lifetime.larger(response):
            return False
        self._larger = True
        self._settled()
        self._leg.send(self._exchange, self)
        return True

    def _otherwise(self) -> bool:
        """
        Whether an offer goes out once more as re-INVITE. The extensions of one
        leg are not those of the other: who sends UPDATE here may do so.
        """
        exchange, leg = self._exchange, self._leg
        if exchange.kind is not Kind.UPDATE or not exchange.content.body:
            return False
        if leg.state is not LegState.CONFIRMED:
            return False
        self._exchange = _Instead(exchange)
        self._settled()
        leg.send(self._exchange, self)
        return True

    def _authorized(self, transaction: ClientTransaction, response: Response) -> bool:
        """Whether the request goes out once more, with credentials (22.2)."""
        access, tried = self._leg.credentials(), self._tried or []
        again = self._legs.settings().authentication_retry
        if access is None or not access.learn(response, tried, again):
            return False
        self._tried = tried
        self._settled()
        dialog = self._leg.dialog
        authorize(self._legs.core, dialog, access, transaction, self)
        self.cseq = dialog.local_cseq
        return True

    def _settled(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _accepted(self, transaction: InviteClientTransaction) -> None:
        self._settled()
        if self._exchange.content.body or self._leg.state is LegState.ENDED:
            self._finished()
            self._leg.acknowledge(transaction, self.cseq, NO_CONTENT)
        else:
            self.invite = transaction

    def timed_out(self, transaction: ClientTransaction) -> None:
        """
        The peer does not answer. That ends the dialog (12.2.1.2) where it was
        asked for a session; a peer that merely ignores INFO or OPTIONS talks on.
        """
        self._finished()
        self._exchange.refuse(self._legs.causes.by_sip(408))
        if self._exchange.kind in (Kind.MODIFY, Kind.UPDATE):
            self._leg.lost(f"no answer to {transaction.key.split()[-1]}")

    def _watch(self, transaction: ClientTransaction) -> None:
        """A re-INVITE that is worked on may take long, but not for ever."""
        if self._timer is None and isinstance(transaction, InviteClientTransaction):
            later = self._legs.core.timers.later
            self._timer = later(LONGEST_ASKING, self._overdue, transaction)

    def _overdue(self, transaction: ClientTransaction) -> None:
        core = self._legs.core
        core.cancel(transaction)
        self._timer = core.timers.later(GIVE_UP, expire, transaction)

    def _finished(self) -> None:
        self._settled()
        if self._leg.pending is self:
            self._leg.pending = None
