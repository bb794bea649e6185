"""
What both sides of a call share once they speak SIP: the life of the dialog.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import Protocol

import attrs

from vos3000.call.leg import NO_CONTENT, Content, Exchange, InboundUser, Kind, Stage
from vos3000.call.sipleg.again import GIVE_UP, Locate, expire
from vos3000.call.sipleg.parts import SDP, session_part
from vos3000.call.sipleg.settings import SipSettings
from vos3000.errors import ParseError
from vos3000.model.causes import EndCause, EndCauses
from vos3000.model.gateways import Protocol as Signaling
from vos3000.model.sipoptions import ORDINARY, SipOptions
from vos3000.sip.core import ACCEPT, ALLOW, UserAgentCore, acknowledged
from vos3000.sip.dialog import Dialog
from vos3000.sip.message import Message, Request, Response, respond
from vos3000.sip.transaction import (
    ClientTransaction,
    InviteClientTransaction,
    InviteServerTransaction,
    ServerTransaction,
)
from vos3000.timers import Timer

LONGEST_ASKING = 60.0
"""Seconds that a re-INVITE may be worked on before it is canceled."""

AGENT = "vos3000"
"""What we call ourselves in User-Agent and Server."""

_KINDS = {
    "INVITE": Kind.MODIFY,
    "UPDATE": Kind.UPDATE,
    "INFO": Kind.INFO,
    "OPTIONS": Kind.PING,
}
_LATER = ("Retry-After", "2")
_METHODS = {kind: method for method, kind in _KINDS.items()}

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


class LegState(IntEnum):
    """What a leg is doing."""

    SETUP = 0
    CANCELING = 1
    CANCELED = 2
    ANSWERED = 3
    CONFIRMED = 4
    ENDED = 5


class Pending(Protocol):
    """
    Our INVITE whose ACK waits for the answer to the peer's offer.

    @ivar invite: Its transaction, once there is a 2xx to acknowledge.
    @ivar cseq: Its number.
    """

    invite: InviteClientTransaction | None
    cseq: int


@attrs.frozen(slots=True)
class SipLegs:
    """
    What every SIP leg needs.

    @ivar settings: The system parameters of legs, as they are now.
    @ivar locate: Where a URI leads to.
    """

    core: UserAgentCore
    causes: EndCauses
    settings: Callable[[], SipSettings]
    locate: Locate

    def content(self, message: Message) -> Content:
        """What a message carries; of several parts the description."""
        body = message.body
        if not body:
            return NO_CONTENT
        kind = message.get("content-type") or SDP
        if kind[:10].lower() == "multipart/":
            return Content(session_part(body, kind), SDP)
        return Content(body, kind)


class SipLeg:
    """
    The part that both sides share: what happens inside the dialog.

    @ivar options: How SIP is spoken with the peer.
    """

    __slots__ = (
        "_asked",
        "_legs",
        "_pending",
        "call",
        "options",
        "product",
        "state",
    )

    protocol = Signaling.SIP

    def __init__(self, legs: SipLegs, options: SipOptions = ORDINARY) -> None:
        self._legs = legs
        self.options = options
        self.call: InboundUser | None = None
        self.state = LegState.SETUP
        self._asked: InviteServerTransaction | None = None
        self._pending: Pending | None = None
        self.product = ""

    dialog: Dialog
    identifier: str
    local_host: str
    peer: tuple[str, int]

    # What the dialog's table calls

    def requested(self, transaction: ServerTransaction) -> None:
        """A request came inside the dialog, in order (12.2.2)."""
        request = transaction.request
        core = self._legs.core
        if request.method == "BYE":
            core.answer(transaction, 200)
            self._byed(request)
        elif self.state is LegState.CONFIRMED and self.call is not None:
            self._talked(transaction)
        elif self.state in (LegState.ENDED, LegState.CONFIRMED):
            core.refuse(transaction, 481)
        elif request.method == "OPTIONS":
            core.answer(transaction, 200, [ALLOW, ACCEPT])
        else:
            # 14.2, RFC 3311 5.2: an offer is still under way
            core.refuse(transaction, 500, headers=[_LATER])

    def _talked(self, transaction: ServerTransaction) -> None:
        """A request during an answered call."""
        request = transaction.request
        if isinstance(transaction, InviteServerTransaction):
            self._reinvited(transaction)
        else:
            if request.method == "UPDATE":
                self._retarget(transaction)
            self._hand_on(transaction, request)

    def _reinvited(self, transaction: InviteServerTransaction) -> None:
        if self._asked is not None:
            # 14.2: one at a time
            self._legs.core.refuse(transaction, 500, headers=[_LATER])
        elif self._pending is not None:
            self._legs.core.refuse(transaction, 491)
        else:
            self._retarget(transaction)
            self._asked = transaction
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
        source = transaction.address
        users = self._legs.core.users
        if self.dialog.is_peer(source[0]) or users.knows(*source):
            self.dialog.refresh(transaction.request)

    def _hand_on(self, transaction: ServerTransaction, request: Request) -> None:
        exchange = _SipExchange(self, transaction, self._legs.content(request))
        if self.call is not None:
            self.call.asked(self, exchange)

    def acked(self, request: Request) -> None:
        """The ACK of a 2xx came: of the call's, or of a re-INVITE's."""
        transaction = self._asked
        if transaction is None or transaction.request.cseq != request.cseq:
            # of an earlier INVITE, sent again
            return
        self._asked = None
        acknowledged(transaction)
        if self.call is not None and not transaction.request.body:
            self.call.confirmed(self, self._legs.content(request))

    def canceled(self) -> None:
        """A CANCEL of a re-INVITE: the other end is not asked to take it back."""

    def unacknowledged(self) -> None:
        """No ACK came for the 2xx of a re-INVITE: the session is over (14.2)."""
        self._asked = None
        self._lost("no ACK")

    def _lost(self, why: str) -> None:
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
            call.released(self, cause, text(request.get("reason")))

    # What the call asks of it

    def ask(self, exchange: Exchange) -> None:
        """Ask the peer during an answered call."""
        if self.state is not LegState.CONFIRMED:
            exchange.refuse(self._legs.causes.by_sip(491))
            return
        if exchange.kind is Kind.MODIFY:
            if self._pending is not None or self._asked is not None:
                exchange.refuse(self._legs.causes.by_sip(491))
                return
            asking = _Asking(self, exchange)
            self._pending = asking
            self._send(exchange, asking)
        else:
            self._send(exchange, _Asking(self, exchange))

    def _send(self, exchange: Exchange, asking: _Asking) -> None:
        dialog, core = self.dialog, self._legs.core
        method = _METHODS[exchange.kind]
        branch = core.tokens.branch()
        dialog.local_cseq += 1
        asking.cseq = dialog.local_cseq
        content = exchange.content
        data = dialog.request(
            method, asking.cseq, branch, (), content.body, content.type or None
        )
        channel, address = dialog.channel, dialog.address
        if method == "INVITE":
            core.layer.invite(branch, data, channel, address, asking)
        else:
            core.layer.send(branch, method, data, channel, address, asking)

    def confirm(self, content: Content) -> None:
        """Send the ACK that carries the answer to the peer's late offer."""
        pending, self._pending = self._pending, None
        if pending is not None and pending.invite is not None:
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
            (),
            content.body,
            content.type or None,
        )
        invite.acknowledge(ack, dialog.remote_tag, dialog.channel, dialog.address)

    def bye(self) -> None:
        """End the dialog with BYE (15.1.1); it is remembered until the answer."""
        if self.state is LegState.ENDED:
            return
        self.state = LegState.ENDED
        self.call = None
        self._drop_unanswered()
        dialog, core = self.dialog, self._legs.core
        branch = core.tokens.branch()
        dialog.local_cseq += 1
        data = dialog.request("BYE", dialog.local_cseq, branch)
        core.layer.send(
            branch, "BYE", data, dialog.channel, dialog.address, _Leaving(core, dialog)
        )

    def _drop_unanswered(self) -> None:
        if self._asked is not None and not self._asked.answered:
            self._legs.core.refuse(self._asked, 487)
        self._asked = None
        pending, self._pending = self._pending, None
        if pending is not None and pending.invite is not None:
            self.acknowledge(pending.invite, pending.cseq, NO_CONTENT)

    def release(self, cause: EndCause) -> None:
        """End it, whatever state it is in; harmless when said twice."""
        raise NotImplementedError

    def end(self) -> None:
        """The dialog is over on both sides: forget it."""
        if self.state is LegState.ENDED:
            return
        self.state = LegState.ENDED
        self.call = None
        self._drop_unanswered()
        _forget(self._legs.core, self.dialog)


class _SipExchange:
    """A request inside a dialog, to be answered by the other leg's peer."""

    __slots__ = ("_leg", "_transaction", "content", "kind")

    def __init__(
        self, leg: SipLeg, transaction: ServerTransaction, content: Content
    ) -> None:
        self._leg = leg
        self._transaction = transaction
        self.kind = _KINDS[transaction.request.method]
        self.content = content

    def accept(self, content: Content) -> None:
        """The other end agreed; C{content} is its answer."""
        headers = [("Contact", self._leg.dialog.contact), ALLOW]
        self._answer(200, headers, content)

    def refuse(self, cause: EndCause) -> None:
        """The other end declined or cannot be asked."""
        if self._leg._asked is self._transaction:
            self._leg._asked = None
        self._answer(cause.sip, (), NO_CONTENT)

    def _answer(
        self, status: int, headers: Iterable[tuple[str, str]], content: Content
    ) -> None:
        transaction = self._transaction
        if transaction.answered:
            return
        data = respond(
            transaction.request,
            status,
            None,
            None,
            headers,
            content.body,
            content.type or None,
            transaction.address,
        )
        transaction.send(status, data)


class _Asking:
    """Our request inside a dialog, until the peer's answer went back."""

    __slots__ = ("_exchange", "_leg", "_timer", "cseq", "invite")

    def __init__(self, leg: SipLeg, exchange: Exchange) -> None:
        self._timer: Timer | None = None
        self._leg = leg
        self._exchange = exchange
        self.cseq = 0
        self.invite: InviteClientTransaction | None = None

    def responded(self, transaction: ClientTransaction, response: Response) -> None:
        """The peer's answer."""
        if response.status < 200:
            self._watch(transaction)
            return
        leg = self._leg
        if response.status >= 300:
            self._finished()
            self._exchange.refuse(leg._legs.causes.by_sip(response.status))
            if response.status in (408, 481):
                leg._lost(f"{response.status} to a {transaction.key.split()[-1]}")
            return
        try:
            leg.dialog.refresh(response)
        except ParseError:
            pass
        if isinstance(transaction, InviteClientTransaction):
            self._accepted(transaction)
        self._exchange.accept(leg._legs.content(response))

    def _settled(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _accepted(self, transaction: InviteClientTransaction) -> None:
        self._settled()
        if self._exchange.content.body or self._leg.state is LegState.ENDED:
            self._finished()
            self._leg.acknowledge(transaction, self.cseq, NO_CONTENT)
        else:
            self.invite = transaction

    def timed_out(self, transaction: ClientTransaction) -> None:
        """
        The peer does not answer. That ends the dialog (12.2.1.2) where it was
        asked for a session; a peer that merely ignores INFO or OPTIONS talks on.
        """
        self._finished()
        self._exchange.refuse(self._leg._legs.causes.by_sip(408))
        if self._exchange.kind in (Kind.MODIFY, Kind.UPDATE):
            self._leg._lost(f"no answer to {transaction.key.split()[-1]}")

    def _watch(self, transaction: ClientTransaction) -> None:
        """A re-INVITE that is worked on may take long, but not for ever."""
        if self._timer is None and isinstance(transaction, InviteClientTransaction):
            later = self._leg._legs.core.timers.later
            self._timer = later(LONGEST_ASKING, self._overdue, transaction)

    def _overdue(self, transaction: ClientTransaction) -> None:
        core = self._leg._legs.core
        core.cancel(transaction)
        self._timer = core.timers.later(GIVE_UP, expire, transaction)

    def _finished(self) -> None:
        self._settled()
        if self._leg._pending is self:
            self._leg._pending = None


class _Leaving:
    """Keeps a dialog in the table until its BYE is answered."""

    __slots__ = ("_core", "_dialog")

    def __init__(self, core: UserAgentCore, dialog: Dialog) -> None:
        self._core = core
        self._dialog = dialog

    def responded(self, transaction: ClientTransaction, response: Response) -> None:
        """The peer knows."""
        if response.status >= 200:
            _forget(self._core, self._dialog)

    def timed_out(self, transaction: ClientTransaction) -> None:
        """The peer is gone."""
        _forget(self._core, self._dialog)


class _Gone:
    """Owns the dialogs that are over."""

    def requested(self, transaction: ServerTransaction) -> None:
        """Not reached: the dialog is not in the table."""

    def acked(self, request: Request) -> None:
        """Not reached: the dialog is not in the table."""


_gone = _Gone()


def _forget(core: UserAgentCore, dialog: Dialog) -> None:
    """
    Nothing more comes for this dialog. It lets go of its leg, so that both go
    away without the garbage collector: 8 objects a call.
    """
    core.dialogs.pop(dialog.local_tag, None)
    dialog.user = _gone
