"""
The media of one call: where its streams go and what each side is told.

Call control hands every description through here, whichever way it travels,
and does not know whether media goes end to end or through a relay.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol

from vos3000.media.options import rules_of
from vos3000.media.terms import Terms, mended, refusal
from vos3000.model.sipoptions import SipOptions
from vos3000.sdp.describe import Description, describe
from vos3000.sdp.moved import moved
from vos3000.sdp.nat import is_public, with_address
from vos3000.sdp.origin import Origin
from vos3000.sdp.rules import PLAIN


class Side(IntEnum):
    """The two ends of a call; each indexes what is kept for it."""

    CALLER = 0
    CALLEE = 1


class MediaSession(Protocol):
    """
    What call control asks of media.

    A description comes from C{side} and is returned as the other side may see
    it. Either side may offer, and offers may come again (re-INVITE, UPDATE);
    an answer may come several times, in provisional responses and at last.

    @ivar rtp_forward: 1 if the streams pass through this host (the column
        C{rtpforward}), else 0.
    @ivar offerer: Whose offer waits for its answer; None if nobody's does.
    """

    offerer: Side | None

    @property
    def rtp_forward(self) -> int:
        """1 if the streams pass through this host, else 0."""

    def toward(
        self, session_id: int, local: str, source: str, options: SipOptions
    ) -> None:
        """
        A callee is about to be called: a dialog of its own begins.

        @param session_id: A number for the o= lines, of our own making.
        @param local: The address it will know us by.
        @param source: Where its signaling comes from.
        @param options: How SIP is spoken with it.
        """

    def offer(self, side: Side, body: bytes) -> bytes:
        """
        An offer from C{side}.

        @raise MediaRefused: If it leaves the other side nothing to use; then
            nothing was offered.
        """

    def answer(self, side: Side, body: bytes) -> bytes:
        """
        An answer from C{side} to the other side's offer.

        @raise MediaRefused: If it takes nothing that the other side may use.
        """

    def seat(self, side: Side, source: str, options: SipOptions) -> None:
        """
        Another peer takes the place of C{side} in the call.

        @param source: Where its signaling comes from; empty if what it describes
            is complete.
        @param options: How SIP is spoken with it.
        """

    def declined(self) -> None:
        """The offer that waits gets no answer: what was agreed before holds."""

    def refusal(self, side: Side, offer: bytes = b"") -> bytes:
        """
        The answer to an offer of C{side} that refuses every stream; empty if
        none can be given.

        @param offer: The offer; empty for the last that was taken from there.
        """

    def last(self, side: Side) -> bytes:
        """
        The description that C{side} holds of the other side, to be sent again;
        empty if there is none.
        """

    def moved(self, side: Side, body: bytes) -> bool:
        """
        Whether an answer from C{side}, to what it held already, is news to the
        other side.
        """

    def description(self, side: Side) -> Description:
        """The stream that C{side} last described; nothing if it never did."""

    def close(self) -> None:
        """The call is over; harmless when said twice."""


class DirectMedia:
    """
    Media end to end: descriptions pass through apart from their origin, and
    from what the peers' options want otherwise.

    @param session_id: A number for the o= lines, of our own making.
    @param local: The address the caller knows us by.
    @param source: Where the caller's signaling comes from.
    @param options: How SIP is spoken with it.
    """

    __slots__ = (
        "_before",
        "_latest",
        "_origins",
        "_rules",
        "_sources",
        "_terms",
        "offerer",
    )

    rtp_forward = 0

    def __init__(
        self, session_id: int, local: str, source: str, options: SipOptions
    ) -> None:
        origin = Origin(session_id, local)
        self._origins = (origin, origin)
        self._sources = (_public(source, options), "")
        self._rules = rules_of(options)
        self._terms: Terms | None = None
        self._latest = [b"", b""]
        self._before = b""
        self.offerer: Side | None = None

    def toward(
        self, session_id: int, local: str, source: str, options: SipOptions
    ) -> None:
        """A dialog of its own: the version of its o= line begins anew."""
        self._origins = (self._origins[0], Origin(session_id, local))
        self._sources = (self._sources[0], _public(source, options))
        rules = rules_of(options)
        if self._terms is not None:
            self._terms.meet(rules)
        elif rules is not PLAIN or self._rules is not PLAIN:
            self._terms = Terms(self._rules, rules)

    def seat(self, side: Side, source: str, options: SipOptions) -> None:
        """Its own rules hold, and its own address in place of private ones."""
        sources = list(self._sources)
        sources[side] = _public(source, options) if source else ""
        self._sources = (sources[0], sources[1])
        rules = rules_of(options)
        if side is Side.CALLER:
            self._rules = rules
        if self._terms is not None:
            self._terms.seat(side, rules)
        elif rules is not PLAIN:
            pair = (rules, PLAIN) if side is Side.CALLER else (PLAIN, rules)
            self._terms = Terms(*pair)

    def offer(self, side: Side, body: bytes) -> bytes:
        """Pass C{body} on under our own origin."""
        source = self._sources[side]
        if source:
            body = with_address(body, source)
        if self._terms is not None:
            body = self._terms.offer(side, body)
        if self.offerer is not side:
            self._before = self._latest[side]
            self.offerer = side
        self._latest[side] = body
        return self._origins[1 - side].present(body)

    def answer(self, side: Side, body: bytes) -> bytes:
        """Pass C{body} on under our own origin."""
        source = self._sources[side]
        if source:
            body = with_address(body, source)
        offer = self._latest[1 - side]
        if self._terms is not None:
            body = self._terms.answer(side, body, offer)
        elif body.count(b"\nm=") != offer.count(b"\nm="):
            body = mended(body, offer)
        self._before = b""
        self.offerer = None
        self._latest[side] = body
        return self._origins[1 - side].present(body)

    def declined(self) -> None:
        """What the offerer had described before counts again."""
        if self.offerer is not None:
            self._latest[self.offerer] = self._before
            self._before = b""
            self.offerer = None
        if self._terms is not None:
            self._terms.forget()

    def refusal(self, side: Side, offer: bytes = b"") -> bytes:
        """An answer of ours, in the other side's place."""
        body = refusal(offer or self._latest[side])
        return self._origins[side].present(body) if body else body

    def last(self, side: Side) -> bytes:
        """What C{side} was told last and holds, under the same version."""
        body = self._latest[1 - side]
        return self._origins[side].present(body) if body else body

    def moved(self, side: Side, body: bytes) -> bool:
        """Compared as the other side would see it."""
        source, other = self._sources[side], self._latest[1 - side]
        if source:
            body = with_address(body, source)
        if body.count(b"\nm=") != other.count(b"\nm="):
            body = mended(body, other)
        return moved(self._latest[side], body, other)

    def description(self, side: Side) -> Description:
        """What C{side} last described, read when somebody asks."""
        return describe(self._latest[side])

    def close(self) -> None:
        """Nothing is held."""


def _public(source: str, options: SipOptions) -> str:
    """
    The address that takes the place of private ones (sipSdpIpFirst off);
    empty if they are to stay.
    """
    return "" if options.sdp_ip_first or not is_public(source) else source
