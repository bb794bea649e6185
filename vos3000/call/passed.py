"""
Session descriptions on their way from one side of a call to the other: which
of them offers and which answers (RFC 3264, RFC 3261 13.2.1, RFC 3311).
"""

from __future__ import annotations

from vos3000.call.leg import NO_CONTENT, Content, Exchange, Kind, Leg
from vos3000.errors import MediaRefused
from vos3000.media.session import MediaSession, Side
from vos3000.model.causes import EndCause

_SDP = "application/sdp"

_OFFERING = (Kind.MODIFY, Kind.UPDATE)
"""Requests whose description is an offer; in others it is none of ours."""


def offered(media: MediaSession | None, side: Side, content: Content) -> Content:
    """
    An offer from C{side} as the other side may see it.

    @raise MediaRefused: If it leaves that side nothing to use.
    """
    if media is None or not content.body or not content.is_session:
        return content
    return Content(media.offer(side, content.body), content.type, content.headers)


def answered(media: MediaSession | None, side: Side, content: Content) -> Content:
    """
    An answer from C{side} as the other side may see it.

    @raise MediaRefused: If it takes nothing that that side may use.
    """
    if media is None or not content.body or not content.is_session:
        return content
    return Content(media.answer(side, content.body), content.type, content.headers)


def refusal(media: MediaSession | None, side: Side, offer: Content) -> Content:
    """
    The answer to an offer of C{side} that refuses every stream.

    @param offer: The offer; nothing for the last that was taken from there.
    """
    body = media.refusal(side, offer.body) if media is not None else b""
    return Content(body, _SDP) if body else NO_CONTENT


def again(media: MediaSession | None, side: Side) -> Content:
    """What C{side} was told last of the other side, to be said again."""
    body = media.last(side) if media is not None else b""
    return Content(body, _SDP) if body else NO_CONTENT


class Passed:
    """
    A request from one side as the other leg sees it: its media passed on.

    A re-INVITE without an offer asks for one: then the 2xx offers and the ACK
    answers. Descriptions in other requests (the capabilities of OPTIONS,
    RFC 3261 11.2) would name their sender's host and are left out.

    @param other: The leg that it goes to.
    @param mismatch: What refuses an offer that leaves nothing to use.
    @raise MediaRefused: If it is such an offer.
    """

    __slots__ = (
        "_exchange",
        "_media",
        "_mismatch",
        "_offers",
        "_other",
        "_side",
        "content",
        "kind",
    )

    def __init__(
        self,
        media: MediaSession | None,
        side: Side,
        exchange: Exchange,
        other: Leg,
        mismatch: EndCause,
    ) -> None:
        self._media = media
        self._side = side
        self._exchange = exchange
        self._other = other
        self._mismatch = mismatch
        self._offers = False
        self.kind: Kind = exchange.kind
        self.content = content = exchange.content
        if content.is_session:
            self._offers = bool(content.body) and self.kind in _OFFERING
            self.content = NO_CONTENT
            if self._offers:
                self.content = offered(media, side, content)

    def accept(self, content: Content) -> None:
        """The other end agreed."""
        late = self.kind is Kind.MODIFY and not self._offers
        try:
            passed = self._accepted(content, late)
        except MediaRefused:
            self.refuse(self._mismatch)
            if late:
                asked = Side(1 - self._side)
                self._other.confirm(refusal(self._media, asked, content))
        else:
            self._exchange.accept(passed)

    def _accepted(self, content: Content, late: bool) -> Content:
        side = Side(1 - self._side)
        if late:
            return offered(self._media, side, content)
        if self._offers and content.body:
            return answered(self._media, side, content)
        self._declined()
        return NO_CONTENT if content.is_session else content

    def refuse(self, cause: EndCause) -> None:
        """The other end declined or cannot be asked."""
        self._declined()
        self._exchange.refuse(cause)

    def _declined(self) -> None:
        if self._offers and self._media is not None:
            self._media.declined()
