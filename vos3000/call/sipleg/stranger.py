"""
The leg of a caller that nobody knows: enough of it to say no and to record it.

An INVITE of a stranger is not read any further than its numbers: whatever
else it holds, and however long, the answer is the same.
"""

from __future__ import annotations

from vos3000.call.leg import NO_CONTENT, Content, Exchange, Headers, InboundUser, Stage
from vos3000.call.presented import PLAIN, Presented
from vos3000.call.sipleg.terms import NOTHING, SipLegs, text
from vos3000.errors import ParseError
from vos3000.instant import Instant
from vos3000.model.causes import EndCause
from vos3000.model.gateways import MappingGateway
from vos3000.model.gateways import Protocol as Signaling
from vos3000.sip.challenger import Outcome, Verdict
from vos3000.sip.fields import parse_name_addr
from vos3000.sip.message import respond
from vos3000.sip.transaction import InviteServerTransaction


class SipStrangerLeg:
    """
    An inbound leg that can only be refused.

    @param verdict: What came of its credentials, if they were asked for.
    """

    __slots__ = (
        "_legs",
        "_transaction",
        "arrived",
        "identifier",
        "local_host",
        "peer",
        "product",
        "tells",
        "unknown",
        "user",
        "verdict",
    )

    gateway = None
    origin: MappingGateway | None = None
    protocol = Signaling.SIP
    content: Content = NO_CONTENT
    presented: Presented = PLAIN
    original = ("", "")
    wants = NOTHING
    hops = 0

    def __init__(
        self,
        legs: SipLegs,
        transaction: InviteServerTransaction,
        verdict: Verdict | None = None,
    ) -> None:
        request = transaction.request
        self._legs = legs
        self._transaction = transaction
        self.user: InboundUser | None = None
        self.tells = NOTHING
        self.arrived: Instant = transaction.arrived
        self.identifier = request.call_id
        self.peer = transaction.address
        self.local_host = transaction.channel.local(transaction.address)[0]
        self.product = text(request.get("user-agent"))
        self.verdict = verdict
        self.unknown = f"no gateway or phone at {self.peer[0]}"
        if verdict is not None:
            who = text(verdict.user)
            self.unknown += f"; user {who!r}: {verdict.outcome.name.lower()}"

    def recognize(self, gateway: MappingGateway | None) -> tuple[str, str]:
        """From and To as received; empty where they cannot be read."""
        request = self._transaction.request
        return _number(request.get("from")), _number(request.get("to"))

    def refuse(
        self,
        cause: EndCause,
        status: int,
        stranger: bool,
        reason: str = "",
        q850: int = 0,
    ) -> None:
        """
        Send the final response, once, or nothing (SS_REPLY_UNAUTHORIZED); who
        was challenged has his answer already. It does not say by what it was
        refused: that would tell a scanner what to try next.
        """
        transaction, core = self._transaction, self._legs.core
        verdict = self.verdict
        if verdict is not None and verdict.outcome is Outcome.CHALLENGED:
            self.user = None
            return
        if verdict is not None and verdict.outcome is Outcome.REFUSED:
            status = verdict.status
        data = respond(
            transaction.request,
            status or cause.sip,
            None,
            core.tokens.random(),
            received=transaction.address,
        )
        self.user = None
        core.refuse_stranger(transaction, data)

    reliable = False

    def objection(self) -> int:
        """Nothing that counts beside who it is."""
        return 0

    def supervised(self) -> bool:
        """There is no talk."""
        return False

    def proceed(self) -> None:
        """A stranger is told nothing but the end."""

    def progress(self, stage: Stage, content: Content) -> None:
        """A stranger is told nothing but the end."""

    def answer(self, content: Content) -> None:
        """Not reached: nobody answers a stranger."""

    def ask(self, exchange: Exchange) -> None:
        """Not reached: there is no talk."""

    def confirm(self, content: Content) -> None:
        """Not reached: there is no talk."""

    def passing(self, names: frozenset[str]) -> Headers:
        """Not reached: nobody is called for a stranger."""
        return ()

    def release(self, cause: EndCause, reason: str = "", headers: Headers = ()) -> None:
        """Refuse it."""
        self.refuse(cause, 0, True)


def _number(value: str | None) -> str:
    try:
        return parse_name_addr(value or "").uri.number[:64]
    except ParseError:
        return ""
