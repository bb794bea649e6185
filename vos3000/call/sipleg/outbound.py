"""
The callee's leg: an INVITE that we send, and what comes of it.
"""

from __future__ import annotations

from urllib.parse import quote

from vos3000.call.leg import NO_CONTENT, OutboundUser, Setup, Stage
from vos3000.call.sipleg.shared import (
    AGENT,
    GIVE_UP,
    STAGES,
    LegState,
    SipLeg,
    SipLegs,
    expire,
    text,
)
from vos3000.errors import ParseError
from vos3000.model.causes import EndCause
from vos3000.model.gateways import RoutingGateway
from vos3000.sip.core import ALLOW
from vos3000.sip.dialog import Dialog, host_port
from vos3000.sip.message import Request, Response
from vos3000.sip.transaction import (
    Address,
    Channel,
    ClientTransaction,
    InviteClientTransaction,
    State,
)
from vos3000.timers import Timer

_ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'
_USER_AGENT = ("User-Agent", AGENT)
_USER_UNRESERVED = "-_.!~*'()&=+$,;?/"


class SipOutboundLeg(SipLeg):
    """
    The callee's side of a call, on one route. Making it sends the INVITE.
    """

    __slots__ = (
        "_expiry",
        "_invite",
        "_late",
        "dialog",
        "identifier",
        "local_host",
        "peer",
        "user",
    )

    def __init__(
        self,
        legs: SipLegs,
        gateway: RoutingGateway,
        channel: Channel,
        address: Address,
        setup: Setup,
        user: OutboundUser,
    ) -> None:
        super().__init__(legs, gateway.sip)
        tokens = legs.core.tokens
        self.user: OutboundUser | None = user
        self._expiry: Timer | None = None
        self.peer = address
        self.local_host = channel.local(address)[0]
        self.identifier = f"{tokens.random()}@{self.local_host}"
        content = setup.offer(self.local_host)
        self._late = not content.body
        self.dialog = self._dial(channel, address, setup, tokens.random())
        legs.core.dialogs[self.dialog.local_tag] = self.dialog
        branch = tokens.branch()
        data = self.dialog.request(
            "INVITE",
            1,
            branch,
            (ALLOW, _USER_AGENT),
            content.body,
            content.type or None,
            setup.hops,
        )
        self._invite: InviteClientTransaction | None = legs.core.layer.invite(
            branch, data, channel, address, self
        )

    def _dial(
        self, channel: Channel, address: Address, setup: Setup, tag: str
    ) -> Dialog:
        there = host_port(*address)
        if channel.name != "UDP":
            there += f";transport={channel.name.lower()}"
        callee = f"sip:{_user(setup.callee)}@{there}"
        caller = _ANONYMOUS
        if setup.caller and setup.caller.lower() != "anonymous":
            here = f"[{self.local_host}]" if ":" in self.local_host else self.local_host
            caller = f"<sip:{_user(setup.caller)}@{here}>"
        dialog = Dialog(
            self.identifier,
            tag,
            f"{caller};tag={tag}",
            "",
            f"<{callee}>",
            callee,
            channel,
            address,
            self,
        )
        dialog.local_cseq = 1
        return dialog

    def responded(self, transaction: ClientTransaction, response: Response) -> None:
        """A response to our INVITE (13.2.2)."""
        if not self.product:
            self.product = text(response.get("server") or response.get("user-agent"))
        if response.status < 200:
            self._provisional(transaction, response)
        elif response.status < 300:
            self._accepted(response)
        else:
            user = self.user
            self.end()
            if user is not None:
                cause = self._legs.causes.by_sip(response.status)
                user.failed(self, cause, text(response.get("reason")))

    def _provisional(self, transaction: ClientTransaction, response: Response) -> None:
        if self.state is LegState.CANCELING:
            self._cancel(transaction)
        elif self.user is not None and response.status != 199:
            if not self.dialog.remote_tag:
                # an early dialog (12.1.2): its requests can be told apart
                self.dialog.remote_tag = response.to_tag or ""
            stage = STAGES.get(response.status, Stage.PROGRESS)
            self.user.progressed(self, stage, self._legs.content(response))

    def _accepted(self, response: Response) -> None:
        invite, self._invite = self._invite, None
        if invite is None:
            return
        self._expire_no_more()
        try:
            self.dialog.confirm(response)
        except ParseError as error:
            self._unreadable(invite, error)
            return
        if self.state is not LegState.SETUP:
            self.acknowledge(invite, 1, NO_CONTENT)
            self.bye()
            return
        self.state = LegState.CONFIRMED
        content = self._legs.content(response)
        if self._late and content.body:
            self._pending = _LateOffer(invite)
        else:
            self.acknowledge(invite, 1, NO_CONTENT)
        user, self.user = self.user, None
        if user is not None:
            user.answered(self, content)

    def _unreadable(self, invite: InviteClientTransaction, error: ParseError) -> None:
        """The answer names no one that could be called back: no call."""
        user, self.user = self.user, None
        self.dialog.routes = ()
        self.acknowledge(invite, 1, NO_CONTENT)
        self.bye()
        if user is not None:
            user.failed(self, self._legs.causes.by_sip(502), "")

    def timed_out(self, transaction: ClientTransaction) -> None:
        """No final response came."""
        user = self.user
        self.end()
        if user is not None:
            user.failed(self, self._legs.causes["ConnectionTimeout"], "")

    def _byed(self, request: Request) -> None:
        """The callee hung up; before its answer that is a refusal."""
        user = self.user
        if self.state >= LegState.ANSWERED:
            super()._byed(request)
            return
        self.cancel()
        if user is not None:
            cause = self._legs.causes.by_sip(480)
            user.failed(self, cause, text(request.get("reason")))

    def cancel(self) -> None:
        """
        Give the attempt up (9.1): CANCEL goes out once there is a provisional
        response to cancel; a 2xx that comes all the same is ended with BYE.
        """
        self.user = None
        if self.state is not LegState.SETUP:
            return
        self.state = LegState.CANCELING
        invite = self._invite
        if invite is not None and invite.state is State.PROCEEDING:
            self._cancel(invite)

    def _cancel(self, transaction: ClientTransaction) -> None:
        if self._invite is None:
            return
        core = self._legs.core
        core.cancel(transaction)
        self._expiry = core.timers.later(GIVE_UP, expire, transaction)
        self.state = LegState.CANCELED

    def end(self) -> None:
        """The dialog is over on both sides: forget it."""
        self._expire_no_more()
        self._invite = None
        self.user = None
        super().end()

    def _expire_no_more(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None

    def release(self, cause: EndCause) -> None:
        """Cancel, or hang up."""
        if self.state is LegState.SETUP:
            self.cancel()
        else:
            self.user = None
            self.bye()


class _LateOffer:
    """The callee's answer held an offer: its ACK waits for the caller's."""

    __slots__ = ("cseq", "invite")

    def __init__(self, invite: InviteClientTransaction) -> None:
        self.invite: InviteClientTransaction | None = invite
        self.cseq = 1


def _user(number: str) -> str:
    if number.isascii() and number.isalnum():
        return number
    return quote(number, safe=_USER_UNRESERVED)
