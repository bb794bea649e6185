"""
Legs without a peer: where a party left two calls, its two places are joined.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from vos3000.call.call import Call
from vos3000.call.leg import (
    NO_CONTENT,
    Content,
    Exchange,
    Headers,
    InboundUser,
    Kind,
    Leg,
    Stage,
)
from vos3000.call.presented import PLAIN, Presented
from vos3000.instant import Instant
from vos3000.model.causes import EndCause, EndCauses
from vos3000.model.gateways import MappingGateway, RoutingGateway

NOTHING: frozenset[str] = frozenset()


class Placing(Protocol):
    """Who placed a call from a joint."""

    def progressed(self, stage: Stage, content: Content) -> None:
        """The callee came further."""

    def answered(self, content: Content) -> None:
        """The callee answered."""


class Trail:
    """
    How often the call that somebody made may still be sent on, in all that came
    of it: phones that name each other in long lists would else make thousands.
    """

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left

    def more(self) -> bool:
        """Whether once more; that is counted."""
        self.left -= 1
        return self.left >= 0


class Joint:
    """
    The place of a party that left its call.

    What the call asks of it is asked of the call on the other side of the joint;
    each call goes on being metered and recorded by itself. Its facts are those of
    who left, for the record. Before the other side is there it takes nothing.

    @ivar partner: The joint in the other call; None before it is there.
    @ivar numbers: Caller and callee of a call that is placed from here.
    @ivar placing: Who placed it, until it is answered.
    @ivar trail: Of a call that was sent on; None of any other.
    @ivar watched: Whether who is behind it would be missed; None if nobody knows.
    """

    __slots__ = (
        "_causes",
        "arrived",
        "call",
        "content",
        "gateway",
        "hops",
        "identifier",
        "local_host",
        "numbers",
        "origin",
        "original",
        "partner",
        "peer",
        "placing",
        "presented",
        "product",
        "protocol",
        "tells",
        "trail",
        "user",
        "watched",
    )

    unknown = ""
    reliable = False
    wants = NOTHING

    def __init__(self, like: Leg, arrived: Instant, causes: EndCauses) -> None:
        self._causes = causes
        self.protocol = like.protocol
        self.identifier = like.identifier
        self.peer = like.peer
        self.local_host = like.local_host
        self.product = like.product
        self.gateway: MappingGateway | RoutingGateway | None = like.gateway
        self.arrived = arrived
        self.tells = NOTHING
        self.content: Content = NO_CONTENT
        self.presented: Presented = PLAIN
        self.hops = 70
        self.origin: MappingGateway | None = None
        self.original = ("", "")
        self.numbers = ("", "")
        self.user: InboundUser | None = None
        self.call: Call | None = None
        self.partner: Joint | None = None
        self.placing: Placing | None = None
        self.trail: Trail | None = None
        self.watched: Callable[[], bool] | None = None

    # What an answered call asks of it

    def ask(self, exchange: Exchange) -> None:
        """Hand it on to the other call."""
        partner = self.partner
        if partner is not None and partner.call is not None:
            partner.call.asked(partner, exchange)
        elif exchange.kind is Kind.PING:
            exchange.accept(NO_CONTENT)
        else:
            exchange.refuse(self._causes.by_sip(491))

    def confirm(self, content: Content) -> None:
        """Hand it on to the other call."""
        partner = self.partner
        if partner is not None and partner.call is not None:
            partner.call.confirmed(partner, content)

    def move_on(self) -> bool:
        """There is no other way."""
        return False

    def cancel(self, cause: EndCause | None = None, reason: str = "") -> None:
        """The call that led here gives up: whoever called gave up, for the other."""
        partner, self.partner = self.partner, None
        if partner is not None:
            partner.partner = None
            if partner.call is not None:
                partner.call.canceled(partner, reason)

    def release(self, cause: EndCause, reason: str = "", headers: Headers = ()) -> None:
        """The call ended, and so does the other."""
        partner, self.partner = self.partner, None
        self.call = self.user = None
        if partner is not None and partner.call is not None:
            partner.partner = None
            partner.call.released(partner, cause, reason, headers)

    def introducing(self, number: str, presented: Presented) -> Headers:
        """Who is on the other side of a joint is told by nobody."""
        return ()

    # What a call that is placed from here asks of it; who placed it hears of its end
    # from the call itself

    def recognize(self, gateway: MappingGateway | None) -> tuple[str, str]:
        """The numbers that the transfer is about."""
        return self.numbers

    def objection(self) -> int:
        """There was no INVITE that could require anything."""
        return 0

    def passing(self, names: frozenset[str]) -> Headers:
        """There was no INVITE."""
        return ()

    def supervised(self) -> bool:
        """Nobody is asked whether he is still there, unless others ask."""
        return self.watched is not None and self.watched()

    def proceed(self) -> None:
        """Who transfers is told so by the answer to its wish."""

    def progress(self, stage: Stage, content: Content) -> None:
        """Somebody is being called."""
        if self.placing is not None:
            self.placing.progressed(stage, content)

    def answer(self, content: Content) -> None:
        """Somebody answered."""
        placing, self.placing = self.placing, None
        if placing is not None:
            placing.answered(content)

    def refuse(
        self,
        cause: EndCause,
        status: int,
        stranger: bool,
        reason: str = "",
        q850: int = 0,
    ) -> None:
        """Nobody answered."""
        self.placing = None
        self.release(cause)
