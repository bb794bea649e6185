"""
The user agent core: both halves of section 8 of RFC 3261, and dialogs' table.

Requests end here that need no call: those outside any dialog that are not an
INVITE, and every one that the RFC wants refused before a user hears of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

import attrs

from vos3000.errors import ParseError
from vos3000.metrics import Metrics
from vos3000.sip.dialog import Dialog, via_of
from vos3000.sip.fields import parse_name_addr
from vos3000.sip.layer import COOKIE, TransactionLayer
from vos3000.sip.message import REASONS, Request, Response, build, respond
from vos3000.sip.parser import validate
from vos3000.sip.transaction import (
    Address,
    Channel,
    ClientTransaction,
    Input,
    InviteServerTransaction,
    ServerTransaction,
)
from vos3000.timers import TimerWheel

METHODS = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "UPDATE")
"""What we understand, as the Allow header tells it."""

ALLOW = ("Allow", ", ".join(METHODS))
ACCEPT = ("Accept", "application/sdp")

KNOWN_METHODS = frozenset(
    (*METHODS, "REGISTER", "SUBSCRIBE", "NOTIFY", "REFER", "MESSAGE", "PUBLISH")
    + ("PRACK",)
)
"""Methods that are refused with 405; any other with 501 (8.2.1)."""

SCHEMES = frozenset(("sip", "tel"))
"""Request-URIs that can be served; others get 416 (8.2.2.1)."""


class Users(Protocol):
    """Who uses the core: call control's side of SIP."""

    def knows(self, host: str, port: int) -> bool:
        """Whether the source belongs to anybody (SS_REPLY_UNAUTHORIZED)."""

    def answers_strangers(self) -> bool:
        """Whether unknown sources get any answer (SS_REPLY_UNAUTHORIZED)."""

    def invited(self, transaction: InviteServerTransaction) -> None:
        """A new INVITE came that the core has no objection to."""


@attrs.define(slots=True)
class Tokens:
    """
    Makes what must be unique: tags, branches, Call-IDs.

    @ivar random: Gives a fresh random text, letters and digits.
    @ivar mark: Stands in every branch of this process, so that a request of
        ours that comes back is recognized (16.3, loop detection).
    """

    random: Callable[[], str]
    mark: str

    def branch(self) -> str:
        """A new branch (8.1.1.7)."""
        return f"{COOKIE}{self.mark}{self.random()}"


class UserAgentCore:
    """
    The core of one switch.

    @param users: Takes new calls. Set before the first message comes.
    """

    def __init__(
        self,
        timers: TimerWheel,
        resend: Callable[[], tuple[float, ...]],
        tokens: Tokens,
        users: Users,
        metrics: Metrics,
    ) -> None:
        self.timers = timers
        self.tokens = tokens
        self.users = users
        self.dialogs: dict[str, Dialog] = {}
        self.layer = TransactionLayer(timers, resend, self, metrics)
        self._refused = metrics.labelled(
            "sip_refused_requests_total", "Requests the core refused", "status"
        )
        self._ignored = metrics.counter(
            "sip_ignored_strangers_total", "Requests of unknown sources not answered"
        )
        metrics.gauge("sip_dialogs", "Dialogs", lambda: len(self.dialogs))

    # Server side

    def request(self, transaction: ServerTransaction) -> None:
        """A new request other than ACK came (8.2)."""
        request = transaction.request
        try:
            if request.method == "CANCEL":
                self._cancel(transaction)
            elif request.to_tag:
                self._inside(transaction, request)
            else:
                self._outside(transaction, request)
        except ParseError as error:
            self.refuse(transaction, error.status, str(error))

    def ack(self, request: Request) -> None:
        """An ACK that belongs to no transaction came: it answers a 2xx."""
        dialog = self.dialogs.get(request.to_tag or "")
        if dialog is not None and dialog.matches(request):
            dialog.user.acked(request)

    def _cancel(self, transaction: ServerTransaction) -> None:
        """Section 9.2."""
        invite = self.layer.invite_of(transaction.request)
        if invite is None:
            self.refuse(transaction, 481)
            return
        self.answer(transaction, 200)
        if not invite.answered and invite.user is not None:
            invite.user.canceled()

    def _inside(self, transaction: ServerTransaction, request: Request) -> None:
        """Section 12.2.2."""
        dialog = self.dialogs.get(request.to_tag or "")
        if dialog is None or not dialog.matches(request):
            self.refuse(transaction, 481)
        elif request.cseq < dialog.remote_cseq:
            self.refuse(transaction, 500, "CSeq out of order")
        elif self._understood(transaction, request):
            dialog.remote_cseq = request.cseq
            dialog.user.requested(transaction)

    def _outside(self, transaction: ServerTransaction, request: Request) -> None:
        """Section 8.2, for what is in no dialog."""
        method = request.method
        known = self.users.knows(*transaction.address)
        if not known and not self.users.answers_strangers():
            self._ignored.value += 1
            self.layer.drop(transaction)
        elif method == "INVITE":
            self._invite(transaction, request)
        elif not known:
            self.refuse(transaction, 403)
        elif method == "OPTIONS":
            self._options(transaction, request)
        elif method in METHODS:
            self.refuse(transaction, 481)
        else:
            self._understood(transaction, request)

    def _invite(self, transaction: ServerTransaction, request: Request) -> None:
        validate(request)
        if not isinstance(transaction, InviteServerTransaction):
            return
        if self.layer.merged(transaction):
            self.refuse(transaction, 482, "Merged Request")
        elif self._looped(request):
            self.refuse(transaction, 482)
        elif request.max_forwards == 0:
            self.refuse(transaction, 483)
        elif self._understood(transaction, request) and self._acceptable(
            transaction, request
        ):
            self.users.invited(transaction)

    def _options(self, transaction: ServerTransaction, request: Request) -> None:
        """Section 11.2."""
        validate(request)
        if self._understood(transaction, request):
            self.answer(transaction, 200, [ALLOW, ACCEPT, ("Supported", "")])

    def _understood(self, transaction: ServerTransaction, request: Request) -> bool:
        """Method, Request-URI and Require (8.2.1 to 8.2.3); refuses if not."""
        method = request.method
        if method not in METHODS:
            self.refuse(transaction, 405 if method in KNOWN_METHODS else 501)
            return False
        if request.uri.scheme not in SCHEMES:
            self.refuse(transaction, 416)
            return False
        required = request.all("require")
        if required:
            data = [("Unsupported", ", ".join(required))]
            self.refuse(transaction, 420, headers=data)
            return False
        return True

    def _acceptable(self, transaction: ServerTransaction, request: Request) -> bool:
        """Content and Accept of an INVITE (8.2.3, 13.2.1); refuses if not."""
        kind = (request.get("content-type") or "").partition(";")[0].strip().lower()
        if request.body and kind not in ("application/sdp", "multipart/mixed"):
            self.refuse(transaction, 415, headers=[ACCEPT])
            return False
        encoding = (request.get("content-encoding") or "identity").strip().lower()
        if request.body and encoding != "identity":
            self.refuse(transaction, 415, headers=[("Accept-Encoding", "identity")])
            return False
        if request.get("accept") is not None and not _accepts_sdp(request):
            self.refuse(transaction, 406)
            return False
        return True

    def _looped(self, request: Request) -> bool:
        """Whether one of the Vias below the top is ours (16.3)."""
        vias = request.all("via")
        mark = COOKIE + self.tokens.mark
        return len(vias) > 1 and any(mark in via for via in vias[1:])

    def answer(
        self,
        transaction: ServerTransaction,
        status: int,
        headers: Iterable[tuple[str, str]] = (),
        reason: str | None = None,
    ) -> None:
        """Answer a request that no dialog's user answers itself."""
        request = transaction.request
        tag = None if request.to_tag else self.tokens.random()
        data = respond(
            request,
            status,
            reason,
            tag,
            headers,
            received=transaction.address,
        )
        transaction.send(status, data)

    def refuse(
        self,
        transaction: ServerTransaction,
        status: int,
        reason: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Answer with a failure, and count it."""
        if transaction.answered:
            return
        self._refused.add(str(status))
        more = [*headers, ALLOW] if status in (405, 501) else headers
        self.answer(transaction, status, more, _phrase(status, reason))

    # Client side

    def stray(self, response: Response, channel: Channel, address: Address) -> None:
        """
        Another fork answered our INVITE: take its call and end it at once
        (13.2.2.4).
        """
        try:
            fork = self._fork(response, channel, address)
        except ParseError:
            return
        ack = fork.request("ACK", response.cseq, self.tokens.branch())
        channel.send(ack, fork.address)
        branch = self.tokens.branch()
        bye = fork.request("BYE", response.cseq + 1, branch)
        self.layer.send(branch, "BYE", bye, channel, fork.address, _nobody)

    def _fork(self, response: Response, channel: Channel, address: Address) -> Dialog:
        local = response.get("from") or ""
        tag = parse_name_addr(local).tag or ""
        fork = Dialog(
            response.call_id, tag, local, "", "", "", channel, address, _Nobody()
        )
        fork.confirm(response)
        return fork

    def cancel(self, invite: ClientTransaction, dialog: Dialog) -> None:
        """
        Cancel an INVITE of ours that got a provisional response (9.1): same
        Request-URI, branch, From, To, Call-ID and number.
        """
        branch = invite.key.partition(" ")[0]
        head = invite.data.partition(b"\r\n")[0].decode("utf-8", "surrogateescape")
        lines = [
            ("Via", via_of(invite.channel, invite.address, branch)),
            ("Max-Forwards", "70"),
            ("From", dialog.local),
            ("To", dialog.remote.partition(";tag=")[0]),
            ("Call-ID", dialog.call_id),
            ("CSeq", f"{dialog.local_cseq} CANCEL"),
        ]
        data = build(f"CANCEL {head.split(' ', 2)[1]} SIP/2.0", lines)
        self.layer.send(branch, "CANCEL", data, invite.channel, invite.address, _nobody)


class _Nobody:
    """Sends a request whose outcome interests nobody; owns a fork's dialog."""

    def responded(self, transaction: ClientTransaction, response: Response) -> None:
        """The answer to a CANCEL, or to the BYE of a fork."""

    def timed_out(self, transaction: ClientTransaction) -> None:
        """The peer is gone: so much the better."""

    def requested(self, transaction: ServerTransaction) -> None:
        """Not reached: the dialog is not in the table."""

    def acked(self, request: Request) -> None:
        """Not reached: the dialog is not in the table."""


_nobody = _Nobody()


def _phrase(status: int, reason: str | None) -> str:
    """A reason phrase that tells more than the standard one, on one line."""
    standard = REASONS.get(status, "Refused")
    return f"{standard} - {reason[:120]}" if reason else standard


def _accepts_sdp(request: Request) -> bool:
    kinds = [value.partition(";")[0].strip().lower() for value in request.all("accept")]
    wanted = ("application/sdp", "application/*", "*/*")
    return any(kind in wanted for kind in kinds)


def acknowledged(transaction: ServerTransaction) -> None:
    """The ACK of our 2xx came: stop sending it again."""
    transaction.receive(Input.ACK)


def answer_statelessly(
    request: Request, status: int, text: str, channel: Channel, address: Address
) -> None:
    """
    Answer a request that could not be read to its end (8.2.7); an ACK gets no
    answer.

    @param request: What could be read of it.
    """
    if request.method != "ACK":
        data = respond(request, status, _phrase(status, text), received=address)
        channel.send(data, address)
