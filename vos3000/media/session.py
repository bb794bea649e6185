"""
The media of one call: where its streams go and what each side is told.

Call control hands every description through here, whichever way it travels,
and does not know whether media goes end to end or through a relay.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol

from vos3000.sdp.describe import Description, describe
from vos3000.sdp.origin import Origin


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

    def declined(self) -> None:
        """The offer that waits gets no answer: what was agreed before holds."""

    def last(self, side: Side) -> bytes:
        """
        The description that C{side} holds of the other side, to be sent again;
        empty if there is none.
        """

    def description(self, side: Side) -> Description:
        """The stream that C{side} last described; nothing if it never did."""

    def close(self) -> None:
        """The call is over; harmless when said twice."""


class DirectMedia:
    """
    Media end to end: descriptions pass through apart from their origin.

    @param session_id: A number for the o= lines, of our own making.
    @param caller_address: The address the caller knows us by.
    @param callee_address: The address the callee knows us by.
    """

    __slots__ = ("_before", "_latest", "_origins", "offerer")

    rtp_forward = 0

    def __init__(
        self, session_id: int, caller_address: str, callee_address: str
    ) -> None:
        self._origins = (
            Origin(session_id, caller_address),
            Origin(session_id, callee_address),
        )
        self._latest = [b"", b""]
        self._before = b""
        self.offerer: Side | None = None

    def offer(self, side: Side, body: bytes) -> bytes:
        """Pass C{body} on under our own origin."""
        if self.offerer is not side:
            self._before = self._latest[side]
            self.offerer = side
        self._latest[side] = body
        return self._origins[1 - side].present(body)

    def answer(self, side: Side, body: bytes) -> bytes:
        """Pass C{body} on under our own origin."""
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

    def last(self, side: Side) -> bytes:
        """What C{side} was told last and holds, under the same version."""
        body = self._latest[1 - side]
        return self._origins[side].present(body) if body else body

    def description(self, side: Side) -> Description:
        """What C{side} last described, read when somebody asks."""
        return describe(self._latest[side])

    def close(self) -> None:
        """Nothing is held."""
