"""
The user agent core: both halves of section 8 of RFC 3261, and dialogs' table.

Requests end here that need no call: those outside any dialog that are not an
INVITE, and every one that the RFC wants refused before a user hears of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import attrs
from twisted.logger import Logger

from vos3000.errors import ParseError
from vos3000.metrics import Metrics
from vos3000.sip.dialog import Dialog
from vos3000.sip.extensions import EXTENSIONS
from vos3000.sip.fields import parse_name_addr
from vos3000.sip.hopwise import cancel_of
from vos3000.sip.layer import TransactionLayer
from vos3000.sip.matching import COOKIE
from vos3000.sip.message import Request, Response, respond
from vos3000.sip.modest import modest, phrase
from vos3000.sip.parser import validate
from vos3000.sip.transaction import (
    SECURE,
    Address,
    Channel,
    ClientTransaction,
    Input,
    InviteServerTransaction,
    ServerTransaction,
)
from vos3000.timers import TimerWheel

METHODS = (
    *("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "UPDATE"),
    *("PRACK", "REFER", "NOTIFY"),
)
"""What we understand, as the Allow header tells it."""

ALLOW = ("Allow", ", ".join(METHODS))
ACCEPT = ("Accept", "application/sdp")

_OTHER_METHODS = "REGISTER SUBSCRIBE MESSAGE PUBLISH"
KNOWN_METHODS = frozenset((*METHODS, *_OTHER_METHODS.split()))
"""Methods that are refused with 405; any other with 501 (8.2.1)."""

SCHEMES = frozenset(("sip", "sips", "tel"))
"""Request-URIs that can be served; others get 416 (8.2.2.1)."""


Headers = Sequence[tuple[str, str]]
_NO_SIPS = ("Warning", '380 vos3000 "SIPS Not Allowed"')

Service = Callable[["ServerTransaction"], None]
"""Answers requests of one method outside any dialog."""


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
    @ivar extensions: Option tags that a request may require, lower case; who
        makes one work adds it.
    """

    _log = Logger()

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
        self._services: dict[str, Service] = {}
        self.extensions: set[str] = set(EXTENSIONS)
        self.layer = TransactionLayer(timers, resend, self, metrics)
        self._refused = metrics.labelled(
            "sip_refused_requests_total", "Requests the core refused", "status"
        )
        self._ignored = metrics.counter(
            "sip_ignored_strangers_total", "Requests of unknown sources not answered"
        )
        metrics.gauge("sip_dialogs", "Dialogs", lambda: len(self.dialogs))

    # Server side

    def serve(self, method: str, service: Service) -> None:
        """
        Let C{service} answer requests of a method outside any dialog, those of
        strangers too: who it is for is the service's own question. It is asked
        nothing that is malformed, too far from home or requires what we do
        not know.
        """
        self._services[method] = service

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
            self.turn_away(transaction, error.status, str(error))
        except Exception:
            self._log.failure("a {method} could not be served", method=request.method)
            self.refuse(transaction, 500)

    def knows(self, address: Address) -> bool:
        """Whether a source belongs to anybody."""
        return self.users.knows(*address)

    def ack(self, request: Request) -> None:
        """An ACK that belongs to no transaction came: it answers a 2xx."""
        dialog = self.dialogs.get(request.to_tag or "")
        if dialog is not None and dialog.matches(request):
            dialog.user.acked(request)

    def _cancel(self, transaction: ServerTransaction) -> None:
        """Section 9.2."""
        source = transaction.address[0]
        invite = self.layer.invite_of(transaction.request, source)
        if invite is None:
            self.turn_away(transaction, 481)
            return
        self.answer(transaction, 200)
        if not invite.answered and invite.user is not None:
            invite.user.canceled(transaction.request)

    def _inside(self, transaction: ServerTransaction, request: Request) -> None:
        """Section 12.2.2."""
        dialog = self.dialogs.get(request.to_tag or "")
        if dialog is None or not dialog.matches(request):
            self.turn_away(transaction, 481)
        elif request.cseq < dialog.remote_cseq:
            self.refuse(transaction, 500, "CSeq out of order")
        elif self._understood(transaction, request):
            dialog.remote_cseq = request.cseq
            dialog.user.requested(transaction)

    def _outside(self, transaction: ServerTransaction, request: Request) -> None:
        """Section 8.2, for what is in no dialog."""
        method = request.method
        if method == "INVITE":
            self._invite(transaction, request)
        elif method in self._services:
            validate(request)
            if self._understood(transaction, request):
                self._services[method](transaction)
        elif self._ignores(transaction):
            return
        elif not self.users.knows(*transaction.address):
            self.refuse(transaction, 403)
        elif method == "OPTIONS":
            self._options(transaction, request)
        elif method == "REFER":
            # RFC 3515 section 2.4.2: nobody is called on an order from nowhere
            self.refuse(transaction, 403)
        elif method in METHODS:
            self.refuse(transaction, 481)
        else:
            validate(request)
            self._understood(transaction, request)

    def _ignores(self, transaction: ServerTransaction) -> bool:
        """Whether it is forgotten: strangers get no answer if so configured."""
        users = self.users
        if users.answers_strangers() or users.knows(*transaction.address):
            return False
        self._ignore(transaction)
        return True

    def _ignore(self, transaction: ServerTransaction) -> None:
        self._ignored.value += 1
        if isinstance(transaction, InviteServerTransaction):
            self.layer.retire(transaction, b"")
        else:
            self.layer.drop(transaction)

    def turn_away(
        self, transaction: ServerTransaction, status: int, reason: str | None = None
    ) -> None:
        """Refuse what may come from anywhere, or forget it, as configured."""
        if not self._ignores(transaction):
            self.refuse(transaction, status, reason)

    def _invite(self, transaction: ServerTransaction, request: Request) -> None:
        if not isinstance(transaction, InviteServerTransaction):
            return
        # Of a stranger, who it is comes before all else that may be wrong.
        if not self.users.knows(*transaction.address) or self.admits(transaction):
            self.users.invited(transaction)

    def admits(self, transaction: InviteServerTransaction) -> bool:
        """
        Whether nothing is wrong with a new INVITE (8.2); else it was refused.

        @raise ParseError: If something in it is malformed.
        """
        request = transaction.request
        validate(request)
        if self.layer.merged(transaction):
            self.refuse(transaction, 482, "Merged Request")
        elif self._looped(request):
            self.refuse(transaction, 482)
        elif request.max_forwards == 0:
            self.refuse(transaction, 483)
        else:
            return self._understood(transaction, request) and self._acceptable(
                transaction, request
            )
        return False

    def _options(self, transaction: ServerTransaction, request: Request) -> None:
        """Section 11.2."""
        validate(request)
        if self._understood(transaction, request):
            supported = ("Supported", ", ".join(sorted(self.extensions)))
            self.answer(transaction, 200, [ALLOW, ACCEPT, supported])

    def _understood(self, transaction: ServerTransaction, request: Request) -> bool:
        """Method, Request-URI and Require (8.2.1 to 8.2.3); refuses if not."""
        method = request.method
        if method not in METHODS and method not in self._services:
            self.refuse(transaction, 405 if method in KNOWN_METHODS else 501)
            return False
        if not request.uri_text.startswith("sip:") and (
            not self._addressed(transaction, request)
        ):
            return False
        required = request.all("require")
        if required:
            known = self.extensions
            unknown = [tag for tag in required if tag.lower() not in known]
            if unknown:
                data = [("Unsupported", ", ".join(unknown))]
                self.refuse(transaction, 420, headers=data)
                return False
        return True

    def _addressed(self, transaction: ServerTransaction, request: Request) -> bool:
        """
        Whether the scheme of the Request-URI is served here (8.2.2.1). SIPS is
        only where nobody listens on the way; elsewhere we can be reached by SIP
        alone (RFC 5630 5.3).
        """
        scheme = request.uri.scheme
        if scheme == "sips" and transaction.channel.name not in SECURE:
            self.refuse(transaction, 480, headers=[_NO_SIPS])
        elif scheme not in SCHEMES:
            self.refuse(transaction, 416)
        else:
            return True
        return False

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
        """
        Whether a request of ours came back (16.3): through a proxy, or straight
        from this switch where a route leads to itself.
        """
        mark = COOKIE + self.tokens.mark
        return any(mark in via for via in request.all("via"))

    def answer(
        self,
        transaction: ServerTransaction,
        status: int,
        headers: Iterable[tuple[str, str]] = (),
        reason: str | None = None,
    ) -> None:
        """Answer a request that no dialog's user answers itself."""
        transaction.send(status, self._answer(transaction, status, headers, reason))

    def _answer(
        self,
        transaction: ServerTransaction,
        status: int,
        headers: Iterable[tuple[str, str]],
        reason: str | None,
    ) -> bytes:
        tag = self.tokens.random()
        request, source = transaction.request, transaction.address
        return respond(request, status, reason, tag, headers, received=source)

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
        more = [*headers, ALLOW] if status in (405, 501) else [*headers]
        data = self._answer(transaction, status, more, phrase(status, reason))
        if self.users.knows(*transaction.address):
            transaction.send(status, data)
            return
        if not self._modest(transaction, data):
            # the shortest of several challenges is MD5's, which everybody understands
            least = sorted(more, key=_length)[:1]
            data = self._answer(transaction, status, least, None)
        self._refuse_once(transaction, data)

    def _modest(self, transaction: ServerTransaction, data: bytes) -> bool:
        return modest(transaction.request.size, data, transaction.channel)

    def _refuse_once(self, transaction: ServerTransaction, data: bytes) -> None:
        """Refuse an unknown source, if that is not more than it sent."""
        if not self._modest(transaction, data):
            self._ignore(transaction)
        elif isinstance(transaction, InviteServerTransaction):
            transaction.send_once(data)
        else:
            # Sent again, it is refused again: nothing of it need be kept.
            transaction.channel.send(data, transaction.reply)
            self.layer.drop(transaction)

    def refuse_stranger(
        self, transaction: InviteServerTransaction, data: bytes
    ) -> None:
        """
        Refuse the INVITE of an unknown source, or forget it, as configured.

        @param data: The response that says so.
        """
        if self.users.answers_strangers():
            self._refuse_once(transaction, data)
        else:
            self._ignore(transaction)

    # Client side

    def stray(self, response: Response, channel: Channel, address: Address) -> bytes:
        """
        Another fork answered our INVITE: take its call and end it at once
        (13.2.2.4).

        @return: The ACK that was sent; empty if it cannot be called back.
        """
        try:
            fork = _fork(response, channel, address)
        except ParseError:
            return b""
        ack = fork.request("ACK", response.cseq, self.tokens.branch())
        channel.send(ack, fork.address)
        branch = self.tokens.branch()
        bye = fork.request("BYE", response.cseq + 1, branch)
        self.layer.send(branch, "BYE", bye, channel, fork.address, _nobody)
        return ack

    def cancel(self, invite: ClientTransaction, headers: Headers = ()) -> None:
        """Cancel an INVITE of ours that got a provisional response (9.1)."""
        branch = invite.key.partition(" ")[0]
        data = cancel_of(invite.data, headers)
        self.layer.send(branch, "CANCEL", data, invite.channel, invite.address, _nobody)


def _fork(response: Response, channel: Channel, address: Address) -> Dialog:
    """
    The dialog of a 2xx that nobody waits for.

    @raise ParseError: If From, To, Contact or Record-Route is malformed, or
        there is no Contact.
    """
    if response.contact is None:
        raise ParseError("a 2xx without Contact")
    local = response.get("from") or ""
    tag = parse_name_addr(local).tag or ""
    call_id = response.call_id
    fork = Dialog(call_id, tag, local, "", "", "", channel, address, _nobody)
    fork.confirm(response)
    return fork


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


def _length(header: tuple[str, str]) -> int:
    return len(header[1])


def _accepts_sdp(request: Request) -> bool:
    kinds = [value.partition(";")[0].strip().lower() for value in request.all("accept")]
    wanted = ("application/sdp", "application/*", "*/*")
    return any(kind in wanted for kind in kinds)


def acknowledged(transaction: ServerTransaction) -> None:
    """The ACK of our 2xx came: stop sending it again."""
    transaction.receive(Input.ACK)
