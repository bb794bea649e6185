"""
What both sides of a call share once they speak SIP: the life of the dialog.
"""

from __future__ import annotations

from vos3000.call.leg import NO_CONTENT, Content, Exchange, Headers, InboundUser, Kind
from vos3000.call.sipleg.again import access_to
from vos3000.call.sipleg.exchange import (
    METHODS,
    Asking,
    PeerExchange,
    Pending,
    negotiates,
)
from vos3000.call.sipleg.headers import wants
from vos3000.call.sipleg.keys import REFUSED, unheard, untold
from vos3000.call.sipleg.leaving import Leaving, forget
from vos3000.call.sipleg.lifetime import (
    TOO_SHORT,
    Lifetime,
    answered,
    kept,
    too_short,
)
from vos3000.call.sipleg.reasons import said_in
from vos3000.call.sipleg.referral import SipReferral
from vos3000.call.sipleg.terms import NOTHING, LegState, SipLegs
from vos3000.model.causes import EndCause
from vos3000.model.gateways import MappingGateway, RoutingGateway
from vos3000.model.gateways import Protocol as Signaling
from vos3000.model.sipoptions import ORDINARY, SipOptions
from vos3000.sip.access import CREDENTIALS, Access
from vos3000.sip.aim import AIMS, answer_at
from vos3000.sip.core import ACCEPT, ALLOW, acknowledged
from vos3000.sip.dialog import Dialog
from vos3000.sip.hopwise import lines_of
from vos3000.sip.message import Request, Response, respond
from vos3000.sip.passing import passing
from vos3000.sip.refer import SUPPORTED
from vos3000.sip.transaction import (
    Address,
    InviteClientTransaction,
    InviteServerTransaction,
    ServerTransaction,
)

LATER = ("Retry-After", "2")
_REPLACES: Headers = (SUPPORTED,)
_EVENTS = ("Allow-Events", "refer")


class SipLeg:
    """
    The part that both sides share: what happens inside the dialog.

    @ivar options: How SIP is spoken with the peer.
    @ivar gateway: Whose the leg is; None while that is not known.
    @ivar access: What answers the peer's challenges, once there was one.
    @ivar lifetime: Of the session; None if it lasts until somebody hangs up.
    @cvar owner: Whether the Call-ID is of our making.
    """

    __slots__ = (
        "access",
        "asked",
        "_legs",
        "pending",
        "call",
        "gateway",
        "lifetime",
        "options",
        "product",
        "state",
        "tells",
        "wants",
    )

    protocol = Signaling.SIP
    owner = False

    def __init__(self, legs: SipLegs, options: SipOptions = ORDINARY) -> None:
        self._legs = legs
        self.options = options
        self.gateway: MappingGateway | RoutingGateway | None = None
        self.access: Access | None = None
        self.call: InboundUser | None = None
        self.state = LegState.SETUP
        self.asked: ServerTransaction | None = None
        self.pending: Pending | None = None
        self.lifetime: Lifetime | None = None
        self.product = ""
        self.wants = wants(options)
        self.tells = NOTHING

    dialog: Dialog
    identifier: str
    local_host: str
    peer: tuple[str, int]

    # What the dialog's table calls

    def requested(self, transaction: ServerTransaction) -> None:
        """A request came inside the dialog, in order (12.2.2)."""
        request = transaction.request
        core = self._legs.core
        if self._trusts(transaction.address):
            self.answers_to(transaction)
        if request.method == "BYE":
            core.answer(transaction, 200)
            self._byed(request)
        elif self.state is LegState.CONFIRMED and self.call is not None:
            self._talked(transaction)
        elif self.state in (LegState.ENDED, LegState.CONFIRMED):
            core.refuse(transaction, 481)
        elif request.method == "OPTIONS":
            core.answer(transaction, 200, [ALLOW, ACCEPT])
        elif request.method == "PRACK":
            self._pracked(transaction)
        elif request.method == "UPDATE" and self.state is LegState.SETUP:
            self._updated(transaction)
        else:
            # 14.2, RFC 3311 5.2: an offer is still under way
            core.refuse(transaction, 500, headers=[LATER])

    def _talked(self, transaction: ServerTransaction) -> None:
        """A request during an answered call."""
        request = transaction.request
        if isinstance(transaction, InviteServerTransaction):
            self._reinvited(transaction)
        elif request.method == "UPDATE":
            self._updated(transaction)
        elif request.method == "PRACK":
            self._pracked(transaction)
        elif request.method == "REFER":
            self._referred(transaction)
        elif request.method == "NOTIFY":
            self._notified(transaction)
        else:
            self._hand_on(transaction, request)

    def _collides(self, transaction: ServerTransaction) -> bool:
        """
        Refuse an offer while another one is under way: the peer's own (14.2), or
        one of ours (14.1); RFC 3311 5.2 says the same of UPDATE.
        """
        if self.asked is not None:
            self._legs.core.refuse(transaction, 500, headers=[LATER])
        elif self.pending is not None:
            self._legs.core.refuse(transaction, 491)
        else:
            return False
        return True

    def _updated(self, transaction: ServerTransaction) -> None:
        """UPDATE (RFC 3311 5.2): without an offer it is for this leg alone."""
        request = transaction.request
        if self._too_short(transaction):
            return
        if not request.body:
            self._retarget(transaction)
            lasting = self.kept(request) if self.state is LegState.CONFIRMED else ()
            headers = [("Contact", self.dialog.contact), ALLOW, *lasting]
            self._legs.core.answer(transaction, 200, headers)
        elif not self._unready(transaction) and not self._collides(transaction):
            self._retarget(transaction)
            self.asked = transaction
            self._hand_on(transaction, request)

    def _too_short(self, transaction: ServerTransaction) -> bool:
        """Refuse a session that is too short (RFC 4028 section 9)."""
        if not self.options.timer or not too_short(transaction.request):
            return False
        self._legs.core.refuse(transaction, 422, headers=[TOO_SHORT])
        return True

    def kept(self, request: Request) -> Headers:
        """
        What our 2xx says of how long the session lasts, from now on; of one that was
        asked for before the end, nothing.
        """
        if self.state is LegState.ENDED:
            return ()
        return kept(self, self._legs, request)

    def extended(self, response: Response) -> None:
        """The peer's 2xx says how long the session lasts, from now on."""
        if self.state is LegState.CONFIRMED:
            answered(self, self._legs, response)

    def timed_out_session(self, why: str) -> None:
        """Nobody refreshed the session: hang up (RFC 4028 section 10)."""
        call = self.call
        self.bye()
        if call is not None:
            call.released(self, self._legs.causes["SessionTimeout"], why)

    def _unready(self, transaction: ServerTransaction) -> bool:
        """Refuse an offer that comes before the first one is answered."""
        return False

    def _pracked(self, transaction: ServerTransaction) -> None:
        """A PRACK came (RFC 3262 section 3)."""
        self._legs.core.refuse(transaction, 481)

    def _reinvited(self, transaction: InviteServerTransaction) -> None:
        if not self._too_short(transaction) and not self._collides(transaction):
            self._retarget(transaction)
            self.asked = transaction
            transaction.user = self
            data = respond(
                transaction.request, 100, None, None, received=transaction.address
            )
            transaction.send(100, data)
            self._hand_on(transaction, transaction.request)

    def _retarget(self, transaction: ServerTransaction) -> None:
        """
        Take the new Contact (12.2.2), unless the request came from an address
        that is neither the peer's nor any gateway's: who has seen the tags
        shall not draw our requests to itself.
        """
        source, dialog = transaction.address, self.dialog
        if self._trusts(source):
            moved = transaction.channel is dialog.channel
            if dialog.channel.reliable or not moved:
                dialog.refresh(transaction.request)
            else:
                dialog.refresh(transaction.request, source)

    def _trusts(self, source: Address) -> bool:
        """Whether what comes from there says where the peer is."""
        return self.dialog.is_peer(source[0]) or self._legs.core.users.knows(*source)

    def answers_to(self, transaction: ServerTransaction) -> None:
        """Answer the peer's request where its options say (sipResponseAddress)."""
        channel = transaction.channel
        if not channel.reliable:
            aim = AIMS[self.options.response_address]
            request, source = transaction.request, transaction.address
            transaction.reply = answer_at(request, channel.name, source, aim)

    def _hand_on(self, transaction: ServerTransaction, request: Request) -> None:
        tells = self.tells if request.method == "INFO" else NOTHING
        content = self._legs.content(request, tells)
        if request.method == "INFO" and unheard(self.options, content):
            self._legs.core.refuse(transaction, REFUSED, headers=[ACCEPT])
            return
        self.hand_on(PeerExchange(self, transaction, content))

    def hand_on(self, exchange: Exchange) -> None:
        """Ask the other side what the peer asks."""
        if self.call is not None:
            self.call.asked(self, exchange)

    def agreed(self, theirs: Content, ours: Content) -> None:
        """An offer was answered: of interest before the answer to the INVITE."""

    def supports(self) -> Headers:
        """What a peer is told that it may use; one that may transfer calls."""
        return _REPLACES if self.options.allows_transfer else ()

    def _referred(self, transaction: ServerTransaction) -> None:
        """
        The peer wants the other end to talk to somebody else (RFC 3515), if it
        may (enableCallTransfer, callTransfer).

        @raise ParseError: If where to cannot be read.
        """
        if not self.options.allows_transfer:
            self._legs.core.refuse(transaction, 603)
            return
        self._retarget(transaction)
        if self.call is not None:
            self.call.referred(self, SipReferral(self, self._legs, transaction))

    def _notified(self, transaction: ServerTransaction) -> None:
        """Of no subscription: we send no REFER, and know no other event."""
        event = (transaction.request.get("event") or "").partition(";")[0]
        if event.strip().lower() == "refer":
            self._legs.core.refuse(transaction, 481)
        else:
            # RFC 6665 section 4.1.3
            self._legs.core.refuse(transaction, 489, headers=[_EVENTS])

    def acked(self, request: Request) -> None:
        """The ACK of a 2xx came: of the call's, or of a re-INVITE's."""
        transaction = self.asked
        if transaction is None or transaction.request.cseq != request.cseq:
            # of an earlier INVITE, sent again
            return
        if not transaction.answered:
            # of nothing
            return
        self.asked = None
        acknowledged(transaction)
        if self.call is not None and not transaction.request.body:
            self.call.confirmed(self, self._legs.content(request))

    def canceled(self, cancel: Request) -> None:
        """A CANCEL of a re-INVITE: the other end is not asked to take it back."""

    def unacknowledged(self) -> None:
        """No ACK came for the 2xx of a re-INVITE: the session is over (14.2)."""
        self.asked = None
        self.lost("no ACK")

    def lost(self, why: str) -> None:
        """
        The peer no longer knows the call, or cannot be reached. Before the
        answer the INVITE itself tells that.
        """
        if self.state < LegState.ANSWERED:
            return
        call = self.call
        self.bye()
        if call is not None:
            call.released(self, self._legs.causes["SessionLost"], why)

    def _byed(self, request: Request) -> None:
        if self.state is LegState.ENDED:
            return
        call = self.call
        self.end()
        if call is not None:
            cause = self._legs.causes["NormalHangUp"]
            headers = passing(request, self.tells) if self.tells else ()
            call.released(self, cause, said_in(request), headers)

    # Who we are

    def credentials(self) -> Access | None:
        """What answers the peer's challenges; None where we have no password."""
        if self.access is None and self.gateway is not None and self.gateway.password:
            self.access = access_to(self.gateway, self._legs.core.tokens.random)
        return self.access

    def authorized(self, method: str, body: bytes) -> list[tuple[str, str]]:
        """The credentials for a request, if the peer has asked for any (22.3)."""
        if self.access is None:
            return []
        return self.access.lines(method, self.dialog.target, body)

    # What the call asks of it

    def ask(self, exchange: Exchange) -> None:
        """Ask the peer something, unless it cannot be asked now."""
        busy = self.pending is not None or self.asked is not None
        status = 0
        if self.state is not LegState.CONFIRMED:
            status = self._early_objection(exchange)
        if busy and not status and negotiates(exchange):
            status = 491
        if not status and untold(self.options, exchange):
            status = REFUSED
        if status:
            exchange.refuse(self._legs.causes.by_sip(status))
            return
        asking = Asking(self, self._legs, exchange)
        if negotiates(exchange):
            self.pending = asking
        self.send(exchange, asking)

    def _early_objection(self, exchange: Exchange) -> int:
        """The status that says why the peer cannot be asked before the answer."""
        return 491

    def send(self, exchange: Exchange, asking: Asking) -> None:
        """Send a request of ours inside the dialog."""
        dialog, core = self.dialog, self._legs.core
        method = METHODS[exchange.kind]
        branch = core.tokens.branch()
        dialog.local_cseq += 1
        asking.cseq = dialog.local_cseq
        content = exchange.content
        headers = [*content.headers, *self.authorized(method, content.body)]
        if self.lifetime is not None and exchange.kind in (Kind.MODIFY, Kind.UPDATE):
            headers += self.lifetime.asking()
        data = dialog.request(
            method,
            asking.cseq,
            branch,
            headers,
            content.body,
            content.type or None,
        )
        channel, address = dialog.channel, dialog.address
        if method == "INVITE":
            core.layer.invite(branch, data, channel, address, asking)
        else:
            core.layer.send(branch, method, data, channel, address, asking)

    def confirm(self, content: Content) -> None:
        """Send the ACK that carries the answer to the peer's late offer."""
        pending = self.pending
        if pending is not None and pending.invite is not None:
            self.pending = None
            self.acknowledge(pending.invite, pending.cseq, content)

    def acknowledge(
        self, invite: InviteClientTransaction, cseq: int, content: Content
    ) -> None:
        """Send the ACK of a 2xx (13.2.2.4)."""
        dialog = self.dialog
        ack = dialog.request(
            "ACK",
            cseq,
            self._legs.core.tokens.branch(),
            # 13.2.2.4: those of the INVITE
            () if self.access is None else lines_of(invite.data, CREDENTIALS),
            content.body,
            content.type or None,
        )
        invite.acknowledge(ack, dialog.remote_tag, dialog.channel, dialog.address)

    def bye(self, headers: Headers = ()) -> None:
        """End the dialog with BYE (15.1.1); it is remembered until the answer."""
        if self.state is LegState.ENDED:
            return
        self._over()
        dialog, core = self.dialog, self._legs.core
        branch = core.tokens.branch()
        dialog.local_cseq += 1
        given = (*headers, *self.authorized("BYE", b""))
        data = dialog.request("BYE", dialog.local_cseq, branch, given)
        leaving = Leaving(self._legs, dialog, self.credentials())
        core.layer.send(branch, "BYE", data, dialog.channel, dialog.address, leaving)

    def _over(self) -> None:
        self.state = LegState.ENDED
        self.call = None
        lifetime, self.lifetime = self.lifetime, None
        if lifetime is not None:
            lifetime.stop()
        self._drop_unanswered()

    def _drop_unanswered(self) -> None:
        if self.asked is not None and not self.asked.answered:
            self._legs.core.refuse(self.asked, 487)
        self.asked = None
        pending, self.pending = self.pending, None
        if pending is not None and pending.invite is not None:
            self.acknowledge(pending.invite, pending.cseq, NO_CONTENT)

    def release(self, cause: EndCause, reason: str = "", headers: Headers = ()) -> None:
        """End it, whatever state it is in; harmless when said twice."""
        raise NotImplementedError

    def end(self) -> None:
        """The dialog is over on both sides: forget it."""
        if self.state is LegState.ENDED:
            return
        self._over()
        forget(self._legs.core, self.dialog)
