"""
The caller's leg: an INVITE that came, and what we answer it.
"""

from __future__ import annotations

from vos3000.call.leg import (
    NO_CONTENT,
    Content,
    Exchange,
    Headers,
    InboundUser,
    Kind,
    Stage,
)
from vos3000.call.presented import HIDDEN, PLAIN, Presented
from vos3000.call.sipleg.headers import wants
from vos3000.call.sipleg.lifetime import TOO_SHORT, too_short
from vos3000.call.sipleg.reasons import said_in, told, told_in_refusal
from vos3000.call.sipleg.recognition import callee_of, caller_of, presented_by
from vos3000.call.sipleg.shared import LATER, SipLeg
from vos3000.call.sipleg.telling import Telling
from vos3000.call.sipleg.terms import AGENT, STATUSES, LegState, SipLegs, text
from vos3000.errors import ParseError
from vos3000.instant import Instant
from vos3000.model.causes import EndCause
from vos3000.model.gateways import Device, MappingGateway
from vos3000.sip.aim import AIMS
from vos3000.sip.core import ALLOW, acknowledged
from vos3000.sip.dialog import Dialog
from vos3000.sip.extensions import names
from vos3000.sip.message import Request, respond
from vos3000.sip.passing import passing
from vos3000.sip.reliable import TAG
from vos3000.sip.session_timer import TAG as TIMER
from vos3000.sip.session_timer import wish_of
from vos3000.sip.transaction import InviteServerTransaction, ServerTransaction

_SERVER = ("Server", AGENT)


class SipInboundLeg(SipLeg):
    """
    The caller's side of a call.

    @raise ParseError: If From, To, Contact or Record-Route is malformed.
    """

    __slots__ = (
        "_farewell",
        "_invite",
        "_telling",
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
    original = ("", "")

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
        self._telling: Telling | None = None
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
        aim = AIMS[origin.sip.request_address]
        self.dialog = Dialog.of_request(transaction, tag, self, aim)
        legs.core.dialogs[tag] = self.dialog
        transaction.user = self

    def passing(self, names: frozenset[str]) -> Headers:
        """The headers of the INVITE that pass."""
        transaction = self._invite
        return () if transaction is None else passing(transaction.request, names)

    def supervised(self) -> bool:
        """Whether its session is over unless it is refreshed (RFC 4028)."""
        if self._invite is None or not self.options.timer:
            return self.lifetime is not None
        # the 200 waits for a PRACK
        return wish_of(self._invite.request) is not None

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
            self.answers_to(self._invite)
            from_, to = gateway.caller_domain, gateway.callee_domain
            if self.options.rel100 and _acknowledges(request):
                self._telling = Telling(self, self._legs, self._invite)
        forwards = self.options.recognizes_forward
        forwards = forwards or self._legs.settings().recognizes_forward
        phone = gateway is not None and gateway.device is Device.PHONE
        self.presented = presented_by(request, self.options, forwards, phone)
        return caller_of(request, from_)[:64], callee_of(request, to)[:64]

    def proceed(self) -> None:
        """Send 100 Trying, so that the caller stops sending again."""
        transaction = self._invite
        if transaction is not None:
            source = transaction.address
            data = respond(transaction.request, 100, None, None, received=source)
            transaction.send(100, data)

    def objection(self) -> int:
        """The status that refuses what the caller requires; 0 if none does."""
        invite = self._invite
        if invite is None:
            return 0
        if invite.request.get("require") is not None and self._missing():
            return 420
        try:
            return 422 if self.options.timer and too_short(invite.request) else 0
        except ParseError:
            return 400

    def _missing(self) -> list[str]:
        """What the caller requires although its options turn it off."""
        off = [TAG] * (not self.options.rel100) + [TIMER] * (not self.options.timer)
        invite = self._invite
        if invite is None:
            return []
        return [tag for tag in off if names(invite.request, "require", tag)]

    @property
    def reliable(self) -> bool:
        """Whether the caller acknowledges what it is told (RFC 3262)."""
        return self._telling is not None

    def progress(self, stage: Stage, content: Content) -> None:
        """Send 18x."""
        if stage is Stage.PROCEEDING or self.state is not LegState.SETUP:
            return
        status = STATUSES[stage]
        if self._telling is not None:
            self._telling.tell(status, content)
        else:
            self.ring(self.provisional(status, content, ()))

    def provisional(self, status: int, content: Content, headers: Headers) -> bytes:
        """Make a response to the INVITE that begins the dialog."""
        transaction = self._invite
        if transaction is None:
            return b""
        return respond(
            transaction.request,
            status,
            None,
            self.dialog.local_tag,
            (
                ("Contact", self.dialog.contact),
                ALLOW,
                _SERVER,
                *self.supports(),
                *headers,
                *content.headers,
            ),
            content.body,
            content.type or None,
            transaction.address,
        )

    def ring(self, data: bytes) -> None:
        """Send a provisional response to the INVITE."""
        if self._invite is not None:
            self._invite.send(180, data)

    def answer(self, content: Content) -> None:
        """
        Send 200, again until the ACK comes; to a caller that was told what the
        callee described as soon as it knows that.
        """
        if self.state is not LegState.SETUP:
            return
        if self._telling is not None:
            self._telling.finish(content)
        else:
            self.accept(content)

    def accept(self, content: Content) -> None:
        """Send 200, again until the ACK comes."""
        transaction = self._invite
        if transaction is None:
            return
        lasting = self.kept(transaction.request)
        transaction.send(200, self.provisional(200, content, lasting))
        self.state = LegState.ANSWERED
        self.asked, self._invite = transaction, None
        self.content = NO_CONTENT
        self.presented = HIDDEN if self.presented.withheld else PLAIN
        self.call, self.user = self.user, None

    def unheard(self) -> None:
        """
        The caller acknowledges nothing of what it is told: it is gone, and its
        INVITE is refused (RFC 3262 section 3).
        """
        user = self.user
        self.refuse(self._legs.causes.by_sip(504), 0, False)
        if user is not None:
            user.released(self, self._legs.causes["SessionLost"], "no PRACK")

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
            (_SERVER, *self._explanation(status), *why),
            received=transaction.address,
        )
        if stranger:
            self._legs.core.refuse_stranger(transaction, data)
        else:
            transaction.send(status, data)
        self._dismiss()

    def _explanation(self, status: int) -> Headers:
        """What a refusal says beside its status: of an objection of ours, why."""
        if status == 405:
            return (ALLOW,)  # RFC 3261 21.4.6
        if status != self.objection():
            return ()
        if status == 420:
            return (("Unsupported", ", ".join(self._missing())),)
        return (TOO_SHORT,) if status == 422 else ()

    def _dismiss(self) -> None:
        self._invite = None
        self.user = None
        self.end()

    # Requests before the answer

    def _pracked(self, transaction: ServerTransaction) -> None:
        """A PRACK came."""
        if self._telling is None:
            super()._pracked(transaction)
        else:
            self._telling.pracked(transaction)

    def _unready(self, transaction: ServerTransaction) -> bool:
        """Before the answer the caller's own offer waits, or ours (RFC 3311 5.2)."""
        if self.state is not LegState.SETUP:
            return False
        telling = self._telling
        if telling is not None and telling.agreed:
            return False
        if self.content.body:
            self._legs.core.refuse(transaction, 500, headers=[LATER])
        else:
            self._legs.core.refuse(transaction, 491)
        return True

    def _early_objection(self, exchange: Exchange) -> int:
        """What the caller can be asked before the answer: offers, after the first."""
        if self.state is not LegState.SETUP or exchange.kind is not Kind.UPDATE:
            return 491
        telling = self._telling
        if telling is None or not telling.updates:
            return 488
        return 0 if telling.agreed else 491

    def hand_on(self, exchange: Exchange) -> None:
        """Ask the callee what the caller asks, before the answer, too."""
        if self.user is not None:
            self.user.asked(self, exchange)
        else:
            super().hand_on(exchange)

    def settled(self, content: Content) -> None:
        """The caller answered the offer that it was given before the answer."""
        if self.user is not None:
            self.content = content
            self.user.confirmed(self, content)
        elif self.call is not None:
            self.call.confirmed(self, content)

    def agreed(self, theirs: Content, ours: Content) -> None:
        """An offer was answered: of interest before the answer to the INVITE."""
        if self.state is LegState.SETUP and self._telling is not None:
            self.content = theirs
            self._telling.given = ours

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
            self._told()
        if self._farewell is not None and self.asked is None:
            self.bye(self._farewell)

    def _told(self) -> None:
        """The call is up: the caller may be owed a description."""
        telling = self._telling
        if telling is not None and self._farewell is None:
            telling.settle()
            if telling.over:
                self._telling = None

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

    def bye(self, headers: Headers = ()) -> None:
        """End the dialog with BYE."""
        self._hush()
        super().bye(headers)

    def _hush(self) -> None:
        telling, self._telling = self._telling, None
        if telling is not None:
            telling.stop()

    def end(self) -> None:
        """The dialog is over on both sides: forget it."""
        self._hush()
        if self.state is LegState.ANSWERED and self.asked is not None:
            # BYE came before the ACK: the 2xx need not be sent again.
            acknowledged(self.asked)
            self.asked = None
        super().end()


def _acknowledges(request: Request) -> bool:
    """Whether the caller knows reliable responses (RFC 3262 section 4)."""
    return names(request, "supported", TAG) or names(request, "require", TAG)
