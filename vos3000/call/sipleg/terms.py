"""
The words that all legs of SIP share: their states, and what each status means.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from zlib import crc32

import attrs

from vos3000.call.leg import NO_CONTENT, Content, Stage
from vos3000.call.sipleg.again import Locate
from vos3000.call.sipleg.parts import SDP, session_part
from vos3000.call.sipleg.settings import SipSettings
from vos3000.model.causes import EndCauses
from vos3000.sip.core import UserAgentCore
from vos3000.sip.message import Message
from vos3000.sip.passing import passing
from vos3000.sip.transaction import Address

NOTHING: frozenset[str] = frozenset()
"""No headers."""

AGENT = "vos3000"
"""What we call ourselves in User-Agent and Server."""

STAGES = {
    100: Stage.PROCEEDING,
    180: Stage.RINGING,
    181: Stage.FORWARDED,
    182: Stage.QUEUED,
    183: Stage.PROGRESS,
}
STATUSES = {stage: status for status, stage in STAGES.items()}


def text(value: str | None) -> str:
    """What a peer says of itself, as a record can hold it: 64 characters."""
    if not value:
        return ""
    if not value.isascii():
        value = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return value[:64]


def chance(core: UserAgentCore, below: int) -> int:
    """A number by chance, from 0 on."""
    return crc32(core.tokens.random().encode()) % below


def saying(content: Content, said: Content) -> Content:
    """What a message carries, but for the description in it: that is C{said}."""
    return Content(said.body, said.type, content.headers)


class LegState(IntEnum):
    """What a leg is doing."""

    SETUP = 0
    CANCELING = 1
    CANCELED = 2
    ANSWERED = 3
    CONFIRMED = 4
    ENDED = 5


@attrs.frozen(slots=True)
class SipLegs:
    """
    What every SIP leg needs.

    @ivar settings: The system parameters of legs, as they are now.
    @ivar locate: Where a URI leads to.
    @ivar avoid: Told of a server that does not take a request.
    """

    core: UserAgentCore
    causes: EndCauses
    settings: Callable[[], SipSettings]
    locate: Locate
    avoid: Callable[[Address], object]

    def content(self, message: Message, tells: frozenset[str] = NOTHING) -> Content:
        """
        What a message carries; of several parts the description.

        @param tells: The headers that go with it.
        """
        headers = passing(message, tells) if tells else ()
        body = message.body
        if not body:
            return Content(b"", "", headers) if headers else NO_CONTENT
        kind = message.get("content-type") or SDP
        if kind[:10].lower() == "multipart/":
            return Content(session_part(body, kind), SDP, headers)
        return Content(body, kind, headers)
