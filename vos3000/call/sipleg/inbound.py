"""
The caller's leg: an INVITE that came, and what we answer it.
"""

from __future__ import annotations

from vos3000.call.leg import NO_CONTENT, Content, Headers, InboundUser, Stage
from vos3000.call.presented import PLAIN, Presented
from vos3000.call.sipleg.headers import wants
from vos3000.call.sipleg.reasons import said_in, told, told_in_refusal
from vos3000.call.sipleg.recognition import callee_of, caller_of, presented_by
from vos3000.call.sipleg.shared import SipLeg
from vos3000.call.sipleg.terms import AGENT, STATUSES, LegState, SipLegs, text
from vos3000.instant import Instant
from vos3000.model.causes import EndCause
from vos3000.model.gateways import MappingGateway
from vos3000.sip.core import ALLOW, acknowledged
from vos3000.sip.dialog import Dialog
from vos3000.sip.message import Request, respond
from vos3000.sip.passing import passing
from vos3000.sip.transaction import InviteServerTransaction

_SERVER = ("Server", AGENT)


class SipInboundLeg(SipLeg):
    """
    The caller's side of a call.

    @raise ParseError: If From, To, Contact or Record-Route is malformed.
    """

    __slots__ = (
        "_farewell",
        "_invite",
        "arrived",
        "content",
        "dialog",
        "hops",
        "identifier",
        "local_host",
        "origin",
        "peer",
        "presented",
        "user",
    )

    unknown = ""

    def __init__(
        self,
        legs: SipLegs,
        transaction: InviteServerTransaction,
        origin: MappingGateway,
    ) -> None:
        super().__init__(legs)
        self.origin: MappingGateway | None = origin
        request = transaction.request
        tag = legs.core.tokens.random()
        self._invite: InviteServerTransaction | None = transaction
        self._farewell: Headers | None = None
        self.user: InboundUser | None = None
        self.arrived: Instant = transaction.arrived
        self.identifier = request.call_id
        self.peer = transaction.address
        self.local_host = transaction.channel.local(transaction.address)[0]
        self.product = text(request.get("user-agent"))
        self.content = legs.content(request)
        hops = request.max_forwards
        self.hops = 70 if hops is None else hops
        self.presented: Presented = PLAIN
        self.dialog = Dialog.of_request(transaction, tag, self)
        legs.core.dialogs[tag] = self.dialog
        transaction.user = self

    def passing(self, names: frozenset[str]) -> Headers:
        """The headers of the INVITE that pass."""
        transaction = self._invite
        return () if transaction is None else passing(transaction.request, names)

    def supervised(self) -> bool:
        """No: that takes a session timer (RFC 4028)."""
        return False

    def recognize(self, gateway: MappingGateway | None) -> tuple[str, str]:
        """
        It is known whose the leg is: from here on its options hold.

        @param gateway: None for a stranger: the numbers of From and To.
        @return: Caller and callee as received, from where the gateway says they
            stand (sipCallerE164Domain, sipCalleeE164Domain); empty where there
            is none.
        """
        if self._invite is None:
            return "", ""
        request = self._invite.request
        from_ = to = 0
        if gateway is not None:
            self.gateway = gateway
            self.options = gateway.sip
            self.wants = wants(gateway.sip)
            from_, to = gateway.caller_domain, gateway.callee_domain
        forwards = self.options.recognizes_forward
        forwards = forwards or self._legs.settings().recognizes_forward
        self.presented = presented_by(request, self.options, forwards)
        return caller_of(request, from_)[:64], callee_of(request, to)[:64]

    def proceed(self) -> None:
        """Send 100 Trying, so that the caller stops sending again."""
        self._respond(100, NO_CONTENT, None)

    def progress(self, stage: Stage, content: Content) -> None:
        """Send 18x."""
        if stage is not Stage.PROCEEDING:
            self._respond(STATUSES[stage], content, self.dialog.local_tag)

    def answer(self, content: Content) -> None:
        """Send 200, again until the ACK comes."""
        if self.state is not LegState.SETUP:
            return
        self._respond(200, content, self.dialog.local_tag)
        self.state = LegState.ANSWERED
        self.asked, self._invite = self._invite, None
        self.content = NO_CONTENT
        self.presented = PLAIN
        self.call, self.user = self.user, None

    def _respond(self, status: int, content: Content, tag: str | None) -> None:
        transaction = self._invite
        if transaction is None or self.state is not LegState.SETUP:
            return
        headers: Headers = ()
        if tag is not None:
            headers = (("Contact", self.dialog.contact), ALLOW, _SERVER)
            headers += content.headers
        data = respond(
            transaction.request,
            status,
            None,
            tag,
            headers,
            content.body,
            content.type or None,
            transaction.address,
        )
        transaction.send(status, data)

    def refuse(
        self,
        cause: EndCause,
        status: int,
        stranger: bool,
        reason: str = "",
        q850: int = 0,
    ) -> None:
        """Send the final response that means no call."""
        transaction = self._invite
        if transaction is None or self.state is not LegState.SETUP:
            return
        status = status or cause.sip
        why = told_in_refusal(self.options.reason, cause, reason, q850)
        data = respond(
            transaction.request,
            status,
            None,
            self.dialog.local_tag,
            (_SERVER, *why),
            received=transaction.address,
        )
        if stranger:
            self._legs.core.refuse_stranger(transaction, data)
        else:
            transaction.send(status, data)
        self._over()

    def _over(self) -> None:
        self._invite = None
        self.user = None
        self.end()

    def canceled(self, cancel: Request) -> None:
        """The caller gave up: the INVITE gets its 487 (9.2)."""
        if self.state is not LegState.SETUP:
            super().canceled(cancel)
            return
        user = self.user
        self.refuse(self._legs.causes.by_sip(487), 0, False)
        if user is not None:
            user.canceled(self, said_in(cancel))

    def _byed(self, request: Request) -> None:
        """The caller hung up; before the answer, too (15.1.2)."""
        if self.state is LegState.SETUP:
            self.canceled(request)
        else:
            super()._byed(request)

    def acked(self, request: Request) -> None:
        """The ACK of a 2xx came: of the first, or of a re-INVITE's."""
        super().acked(request)
        if self.state is LegState.ANSWERED and self.asked is None:
            self.state = LegState.CONFIRMED
        if self._farewell is not None and self.asked is None:
            self.bye(self._farewell)

    def unacknowledged(self) -> None:
        """No ACK came for a 2xx (13.3.1.4): end what was answered."""
        if self._farewell is not None:
            self.asked = None
            self.bye(self._farewell)
        else:
            super().unacknowledged()

    def release(self, cause: EndCause, reason: str = "", headers: Headers = ()) -> None:
        """
        Refuse, or hang up; what was answered but not yet acknowledged is hung
        up as soon as the ACK is there (15).
        """
        if self.state is LegState.SETUP:
            self.refuse(cause, 0, False, reason)
            return
        why = headers + told(self.options.reason, cause, reason)
        if self.state is LegState.ANSWERED:
            self.call = None
            self._farewell = why
        else:
            self.bye(why)

    def end(self) -> None:
        """The dialog is over on both sides: forget it."""
        if self.state is LegState.ANSWERED and self.asked is not None:
            # BYE came before the ACK: the 2xx need not be sent again.
            acknowledged(self.asked)
            self.asked = None
        super().end()
