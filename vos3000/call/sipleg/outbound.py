"""
The callee's leg: an INVITE that we send, and what comes of it.
"""

from __future__ import annotations

from vos3000.call.leg import (
    NO_CONTENT,
    Content,
    Exchange,
    Headers,
    Kind,
    OutboundUser,
    Setup,
    Stage,
)
from vos3000.call.presented import Presented
from vos3000.call.sipleg.again import (
    GIVE_UP,
    PAUSING,
    Forsaken,
    expire,
    pause_of,
)
from vos3000.call.sipleg.extending import extensions
from vos3000.call.sipleg.hearing import Hearing
from vos3000.call.sipleg.identity import caller_in, identities
from vos3000.call.sipleg.invitation import told_by, uri_of
from vos3000.call.sipleg.lifetime import answered
from vos3000.call.sipleg.onward import Onward
from vos3000.call.sipleg.reach import Reach
from vos3000.call.sipleg.reasons import said_in, told
from vos3000.call.sipleg.shared import SipLeg
from vos3000.call.sipleg.terms import AGENT, STAGES, LegState, SipLegs, text
from vos3000.errors import ParseError
from vos3000.model.causes import EndCause
from vos3000.model.gateways import RoutingGateway
from vos3000.sip.aim import AIMS
from vos3000.sip.core import ALLOW
from vos3000.sip.dialog import Dialog, via_of
from vos3000.sip.hopwise import once_more
from vos3000.sip.message import Request, Response
from vos3000.sip.outside import Target
from vos3000.sip.reliable import rseq_of
from vos3000.sip.transaction import (
    ClientTransaction,
    InviteClientTransaction,
    ServerTransaction,
    State,
)
from vos3000.timers import Timer

_BASIC = (ALLOW, ("User-Agent", AGENT))


class SipOutboundLeg(SipLeg):
    """
    The callee's side of a call, on one route. Making it sends the INVITE.

    @param reach: How the callee can be reached; the first target is called, each
        of the others if the one before it is not there (RFC 3263 4.3).
    """

    __slots__ = (
        "_expiry",
        "_hearing",
        "_invite",
        "_late",
        "_onward",
        "_why",
        "dialog",
        "identifier",
        "local_host",
        "others",
        "peer",
        "user",
    )

    gateway: RoutingGateway
    owner = True

    def __init__(
        self,
        legs: SipLegs,
        gateway: RoutingGateway,
        reach: Reach,
        setup: Setup,
        user: OutboundUser,
    ) -> None:
        super().__init__(legs, gateway.sip)
        tokens = legs.core.tokens
        channel, address = reach.targets[0]
        self.gateway = gateway
        self.others = reach.targets[1:]
        self._onward: Onward | None = None
        self._why: Headers = ()
        self.user: OutboundUser | None = user
        self._expiry: Timer | None = None
        self.peer = address
        self.local_host = channel.local(address)[0]
        self.identifier = f"{tokens.random()}@{self.local_host}"
        setup.placed(self.identifier)
        content = setup.offer(self.local_host, address[0])
        self._late = not content.body
        self._hearing: Hearing | None = None
        self.dialog = self._dial(reach, setup, tokens.random())
        branch = tokens.branch()
        self.tells = setup.caller_leg.wants
        here, target = self.local_host, self.dialog.target
        more = told_by(setup, gateway, legs.settings(), here, target)
        data = self.dialog.request(
            "INVITE",
            1,
            branch,
            (*_BASIC, *self.supports(), *self._extensions(setup), *more),
            content.body,
            content.type or None,
            setup.hops,
        )
        legs.core.dialogs[self.dialog.local_tag] = self.dialog
        self._invite: InviteClientTransaction | None = legs.core.layer.invite(
            branch, data, channel, address, self
        )

    def _dial(self, reach: Reach, setup: Setup, tag: str) -> Dialog:
        channel, address = reach.targets[0]
        options, settings = self.options, self._legs.settings()
        called = callee = uri_of(setup.callee, self.gateway, channel, address)
        if settings.invite_use_contact and setup.dialed:
            called = uri_of(setup.dialed, self.gateway, channel, address)
        caller = caller_in(setup, options, settings, self.local_host)
        dialog = Dialog(
            self.identifier,
            tag,
            f"{caller};tag={tag}",
            "",
            f"<{called}>",
            reach.uri(callee),
            channel,
            address,
            self,
        )
        dialog.aim = AIMS[options.request_address]
        dialog.routes = reach.routes
        dialog.local_cseq = 1
        return dialog

    def _extensions(self, setup: Setup) -> Headers:
        """
        What the callee may use with us. An offer of its own before the answer
        needs a caller that can answer it then.
        """
        options = self.options
        if options.rel100 and (setup.caller_leg.reliable or not self._late):
            self._hearing = Hearing(self, self._legs, self._late)
        ttl = self._legs.settings().session_ttl
        return extensions(self._hearing is not None, options.timer, ttl)

    def responded(self, transaction: ClientTransaction, response: Response) -> None:
        """A response to our INVITE (13.2.2)."""
        if not self.product:
            self.product = text(response.get("server") or response.get("user-agent"))
        if response.status < 200:
            self._provisional(transaction, response)
        elif response.status < 300:
            self._accepted(response)
        else:
            self._refused(transaction, response)

    def _refused(self, transaction: ClientTransaction, response: Response) -> None:
        """A final response that is no answer: go on elsewhere, or give up."""
        user, onward = self.user, self._go_on()
        if user is not None and onward.refused(transaction, response, user):
            return
        self.end()
        if user is not None:
            if response.status in PAUSING and onward.redirects is None:
                user.paused(self, pause_of(response))
            cause = self._legs.causes.by_sip(response.status)
            user.failed(self, cause, said_in(response))

    def _go_on(self) -> Onward:
        """What knows how the attempt may go on."""
        if self._onward is None:
            self._onward = Onward(self, self._legs)
        return self._onward

    def send_again(
        self,
        transaction: ClientTransaction,
        uri: str,
        target: Target,
        headers: Headers = (),
        without: tuple[str, ...] = (),
    ) -> None:
        """
        Send the INVITE of C{transaction} to a place, or there once more.

        @param headers: What is added to it.
        @param without: The names of what is left out.
        """
        channel, address = target
        core, dialog = self._legs.core, self.dialog
        self.peer = address
        self.product = ""
        if self._hearing is not None:
            self._hearing = Hearing(self, self._legs, self._late)
        dialog.begin_again(uri, channel, address)
        branch = core.tokens.branch()
        body = transaction.data.partition(b"\r\n\r\n")[2]
        data = once_more(
            transaction.data,
            via_of(channel, address, branch),
            dialog.local_cseq,
            [*headers, *self.authorized("INVITE", body)],
            uri,
            dialog.contact,
            without,
        )
        self._invite = core.layer.invite(branch, data, channel, address, self)

    def move_on(self) -> bool:
        """
        Nothing came from where the INVITE went: try another address of the
        gateway. What the one before it may still say reaches nobody.

        @return: Whether there is one.
        """
        user, invite = self.user, self._invite
        if user is None or invite is None or not self.others:
            return False
        if not self._go_on().elsewhere(invite, user):
            return False
        invite.user = Forsaken(self._legs.core)
        return True

    def _provisional(self, transaction: ClientTransaction, response: Response) -> None:
        if self.state is LegState.CANCELING:
            self._cancel(transaction)
        elif self.user is not None and response.status != 199:
            content = self._heard(response)
            if content is None:
                return
            if not self.dialog.remote_tag:
                # an early dialog (12.1.2): its requests can be told apart
                self.dialog.remote_tag = response.to_tag or ""
            stage = STAGES.get(response.status, Stage.PROGRESS)
            self.user.progressed(self, stage, content)

    def _heard(self, response: Response) -> Content | None:
        """What a provisional response carries; None if it is to be ignored."""
        content = self._legs.content(response, self.tells)
        rseq = rseq_of(response)
        if rseq is not None and self._hearing is not None:
            return self._hearing.take(response, rseq, content)
        if self._late:
            # what cannot be answered is no offer (13.2.1)
            return Content(b"", "", content.headers)
        return content

    def _accepted(self, response: Response) -> None:
        invite, self._invite = self._invite, None
        if invite is None:
            return
        self._expire_no_more()
        self.others = ()
        self._onward = None
        try:
            self.dialog.confirm(response)
        except ParseError:
            self._unreadable(invite, response.cseq)
            return
        if self.state is not LegState.SETUP:
            self.acknowledge(invite, response.cseq, NO_CONTENT)
            self.bye(self._why)
            return
        self.state = LegState.CONFIRMED
        answered(self, self._legs, response)
        content = self._legs.content(response, self.tells)
        hearing, self._hearing = self._hearing, None
        if hearing is not None:
            content = hearing.answer(response, content)
        if self._late and content.body:
            self.pending = _LateOffer(invite, response.cseq)
        else:
            self.acknowledge(invite, response.cseq, NO_CONTENT)
        user, self.user = self.user, None
        if user is not None:
            user.answered(self, content)

    def _unreadable(self, invite: InviteClientTransaction, cseq: int) -> None:
        """The answer names no one that could be called back: no call."""
        user, self.user = self.user, None
        self.dialog.routes = ()
        self.acknowledge(invite, cseq, NO_CONTENT)
        self.bye()
        if user is not None:
            user.failed(self, self._legs.causes.by_sip(502), "")

    def timed_out(self, transaction: ClientTransaction) -> None:
        """No final response came, or the connection is gone."""
        user = self.user
        if user is not None and self._go_on().silent(transaction, user):
            return
        self.end()
        if user is not None:
            user.failed(self, self._legs.causes["ConnectionTimeout"], "")

    def hand_on(self, exchange: Exchange) -> None:
        """Ask the caller what the callee asks, before the answer, too."""
        if self.user is not None:
            self.user.asked(self, exchange)
        else:
            super().hand_on(exchange)

    def _unready(self, transaction: ServerTransaction) -> bool:
        """Before the answer there is an offer of ours, or a PRACK (RFC 3311 5.2)."""
        if self.state is not LegState.SETUP:
            return False
        if self._hearing is not None and not self._hearing.objection(False):
            return False
        self._legs.core.refuse(transaction, 491)
        return True

    def _early_objection(self, exchange: Exchange) -> int:
        """What the callee can be asked before it answers: offers, after the first."""
        if self.state is not LegState.SETUP or exchange.kind is not Kind.UPDATE:
            return 491
        return 488 if self._hearing is None else self._hearing.objection(True)

    def agreed(self, theirs: Content, ours: Content) -> None:
        """An offer was answered: of interest before the answer to the INVITE."""
        if self._hearing is not None:
            self._hearing.agreed(theirs)

    def confirm(self, content: Content) -> None:
        """The caller answered the callee's offer: in PRACK, or in the ACK."""
        if self._hearing is None or not self._hearing.confirm(content):
            super().confirm(content)

    def introducing(self, number: str, presented: Presented) -> Headers:
        """The identities that it is told; From stays as it was (RFC 4916)."""
        settings, here = self._legs.settings(), self.local_host
        return identities(number, presented, self.gateway, settings, here)

    def _byed(self, request: Request) -> None:
        """The callee hung up; before its answer that is a refusal."""
        user = self.user
        if self.state >= LegState.ANSWERED:
            super()._byed(request)
            return
        self.cancel()
        if user is not None:
            cause = self._legs.causes.by_sip(480)
            user.failed(self, cause, said_in(request))

    def cancel(self, cause: EndCause | None = None, reason: str = "") -> None:
        """
        Give the attempt up (9.1): CANCEL goes out once there is a provisional
        response to cancel; a 2xx that comes all the same is ended with BYE.
        """
        self.user = None
        if self.state is not LegState.SETUP:
            return
        self.state = LegState.CANCELING
        self._why = told(self.options.reason, cause, reason)
        invite = self._invite
        if invite is not None and invite.state is State.PROCEEDING:
            self._cancel(invite)

    def _cancel(self, transaction: ClientTransaction) -> None:
        if self._invite is None:
            return
        core = self._legs.core
        core.cancel(transaction, self._why)
        self._expiry = core.timers.later(GIVE_UP, expire, transaction)
        self.state = LegState.CANCELED

    def end(self) -> None:
        """The dialog is over on both sides: forget it."""
        self._expire_no_more()
        self._hearing = None
        self._onward = None
        self._invite = None
        self.user = None
        super().end()

    def _expire_no_more(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None

    def release(self, cause: EndCause, reason: str = "", headers: Headers = ()) -> None:
        """Cancel, or hang up."""
        if self.state is LegState.SETUP:
            self.cancel(cause, reason)
        else:
            self.user = None
            self.bye(headers + told(self.options.reason, cause, reason))


class _LateOffer:
    """The callee's answer held an offer: its ACK waits for the caller's."""

    __slots__ = ("cseq", "invite")

    def __init__(self, invite: InviteClientTransaction, cseq: int) -> None:
        self.invite: InviteClientTransaction | None = invite
        self.cseq = cseq
