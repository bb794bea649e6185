"""
The media of one call: where its streams go and what each side is told.

Call control hands every description through here, whichever way it travels,
and does not know whether media goes end to end or through a relay.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol

from vos3000.sdp.describe import NOTHING, Description, describe
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
    a provisional answer may be followed by another one.

    @ivar rtp_forward: 1 if the streams pass through this host (the column
        C{rtpforward}), else 0.
    """

    @property
    def rtp_forward(self) -> int:
        """1 if the streams pass through this host, else 0."""

    def offer(self, side: Side, body: bytes) -> bytes:
        """An offer from C{side}; an empty body stays empty."""

    def answer(self, side: Side, body: bytes) -> bytes:
        """An answer from C{side} to the other side's last offer."""

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

    __slots__ = ("_latest", "_origins")

    rtp_forward = 0

    def __init__(
        self, session_id: int, caller_address: str, callee_address: str
    ) -> None:
        self._origins = (
            Origin(session_id, caller_address),
            Origin(session_id, callee_address),
        )
        self._latest: list[bytes | Description] = [NOTHING, NOTHING]

    def offer(self, side: Side, body: bytes) -> bytes:
        """Pass C{body} on under our own origin."""
        if not body:
            return body
        self._latest[side] = body
        return self._origins[1 - side].present(body)

    answer = offer

    def description(self, side: Side) -> Description:
        """What C{side} last described, read when somebody asks."""
        latest = self._latest[side]
        if isinstance(latest, bytes):
            latest = self._latest[side] = describe(latest)
        return latest

    def close(self) -> None:
        """Nothing is held."""
