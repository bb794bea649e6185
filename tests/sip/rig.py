"""
A transaction layer and core without sockets: bytes in, bytes out, and a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twisted.internet.task import Clock

from vos3000.instant import instants
from vos3000.metrics import Histogram, Metrics
from vos3000.sip.core import Tokens, UserAgentCore, acknowledged
from vos3000.sip.dialog import Dialog
from vos3000.sip.message import Request, Response, respond
from vos3000.sip.parser import parse
from vos3000.sip.reception import Reception
from vos3000.sip.transaction import (
    Address,
    ClientTransaction,
    InviteClientTransaction,
    InviteServerTransaction,
    ServerTransaction,
)
from vos3000.timers import TimerWheel

HERE = ("192.0.2.1", 5060)
PEER = ("192.0.2.10", 5060)
STRANGER = ("198.51.100.66", 5060)
RESEND = (0.5, 1.0, 2.0, 4.0, 4.0, 4.0)
GIVEN_UP = sum(RESEND) + RESEND[-1]
"""Seconds after which what nobody answered is given up."""

SDP = b"v=0\r\no=a 1 1 IN IP4 192.0.2.10\r\ns=-\r\nt=0 0\r\n"


class FakeChannel:
    """
    What a socket is to the layers; keeps what was sent.

    @ivar next: What takes the place of this channel once it is set.
    @ivar late: Seconds that what comes has waited to be read.
    """

    def __init__(self, name: str = "UDP", here: Address = HERE) -> None:
        self.name = name
        self.reliable = name != "UDP"
        self.here = here
        self.sent: list[tuple[bytes, Address]] = []
        self.next: FakeChannel | None = None
        self.late = 0.0
        self.closed = False

    def send(self, data: bytes, address: Address) -> None:
        """Keep it."""
        (self.next or self).sent.append((data, address))

    def live(self, address: Address) -> FakeChannel:
        """This one, or the next."""
        return self.next or self

    def local(self, address: Address) -> Address:
        """Our own address."""
        return self.here

    def waited(self) -> float:
        """As long as the test says."""
        return self.late

    def welcome(self, idle: float = 0.0) -> None:
        """Nobody is a stranger to it."""


class FakeUsers:
    """Call control's side: knows who is known, keeps the calls that came."""

    def __init__(self) -> None:
        self.known = {PEER[0]}
        self.silent = False
        self.calls: list[InviteServerTransaction] = []
        self.take: Callable[[InviteServerTransaction], object] = self.calls.append

    def knows(self, host: str, port: int) -> bool:
        """Whether the host was made known."""
        return host in self.known

    def answers_strangers(self) -> bool:
        """Unless told to be silent."""
        return not self.silent

    def invited(self, transaction: InviteServerTransaction) -> None:
        """Keep it, or do with it what the test said."""
        self.take(transaction)


class FakeClient:
    """Sent a request, keeps what it heard."""

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.responses: list[Response] = []
        self.timeouts = 0

    def responded(self, transaction: ClientTransaction, response: Response) -> None:
        """Keep it."""
        self.heard.append(response.status)
        self.responses.append(response)

    def timed_out(self, transaction: ClientTransaction) -> None:
        """Count it."""
        self.timeouts += 1


class FakeLeg:
    """
    A call's leg: answers INVITEs with 200 and everything inside with 200.

    @ivar kept: What came inside and is left for the test to answer, once
        it is a list.
    """

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.invite: InviteServerTransaction | None = None
        self.requests: list[Request] = []
        self.acks: list[Request] = []
        self.cancels = 0
        self.missing = 0
        self.kept: list[ServerTransaction] | None = None
        self.dialog: Dialog

    def requested(self, transaction: ServerTransaction) -> None:
        """Answer it, or keep it."""
        self.requests.append(transaction.request)
        if self.kept is not None:
            self.kept.append(transaction)
            return
        if isinstance(transaction, InviteServerTransaction):
            self.invite = transaction
            transaction.user = self
        self.rig.core.answer(transaction, 200)

    def acked(self, request: Request) -> None:
        """Stop sending the 200."""
        self.acks.append(request)
        if self.invite is not None:
            acknowledged(self.invite)

    def canceled(self, cancel: Request) -> None:
        """Refuse the INVITE with 487."""
        self.cancels += 1
        assert self.invite is not None
        self.rig.core.refuse(self.invite, 487)

    def unacknowledged(self) -> None:
        """Count it."""
        self.missing += 1


class Rig:
    """
    The layers with a peer that is known, on one channel.

    @ivar sent: What was sent and not yet taken.
    """

    def __init__(self, transport: str = "UDP", here: Address = HERE) -> None:
        self.clock = Clock()
        self.timers = TimerWheel(self.clock)
        self.metrics = Metrics()
        self.users = FakeUsers()
        self.channel = FakeChannel(transport, here)
        self._count = 0
        self.core = UserAgentCore(
            self.timers,
            lambda: RESEND,
            Tokens(self._token, "mark"),
            self.users,
            self.metrics,
        )
        self.layer = self.core.layer
        now = instants(self.clock.seconds, self.clock.seconds)
        self.reception = Reception(
            self.layer,
            lambda a: not self.users.silent or self.users.knows(*a),
            now,
            self.metrics,
        )

    def _token(self) -> str:
        self._count += 1
        return f"t{self._count}"

    def receive(self, data: bytes, source: Address = PEER) -> None:
        """A datagram comes."""
        self.reception.datagram(data, self.channel, source)

    def advance(self, seconds: float) -> None:
        """Let time pass in steps that the timers see."""
        steps = max(1, round(seconds / 0.05))
        self.clock.pump([seconds / steps] * steps)

    def sent(self) -> list[tuple[bytes, Address]]:
        """What was sent since the last time, with its address."""
        sent, self.channel.sent = self.channel.sent, []
        return sent

    def taken(self) -> list[Request | Response]:
        """What was sent since the last time, read."""
        return [parse(data) for data, _ in self.sent()]

    def lines(self) -> list[str]:
        """The start of each message sent since the last time."""
        return [start_of(each) for each in self.taken()]

    def response(self) -> Response:
        """The one message sent since the last time, a response."""
        (message,) = self.taken()
        assert isinstance(message, Response)
        return message

    def request(self) -> Request:
        """The one message sent since the last time, a request."""
        (message,) = self.taken()
        assert isinstance(message, Request)
        return message

    def metric(self, name: str) -> float:
        """The value of a metric."""
        for sample in self.metrics.samples():
            if sample.name == name:
                assert not isinstance(sample.value, dict | Histogram)
                return sample.value
        raise KeyError(name)

    def quiet(self) -> bool:
        """Whether nothing is left but the layer's own periodic turn."""
        return len(self.timers) == 1 and not self.layer.busy()

    def answering(self) -> list[FakeLeg]:
        """Answer each INVITE with 200 from now on; the legs, as they come."""
        legs: list[FakeLeg] = []

        def take(transaction: InviteServerTransaction) -> None:
            leg = FakeLeg(self)
            legs.append(leg)
            self.ring(transaction, leg)
            self.accept(leg)

        self.users.take = take
        return legs

    def ring(self, transaction: InviteServerTransaction, leg: FakeLeg) -> None:
        """Make the dialog of a call that came."""
        tag = self._token()
        leg.invite = transaction
        leg.dialog = Dialog.of_request(transaction, tag, leg)
        transaction.user = leg
        self.core.dialogs[tag] = leg.dialog

    def accept(self, leg: FakeLeg) -> None:
        """Send the 200."""
        invite = leg.invite
        assert invite is not None
        contact = [("Contact", leg.dialog.contact)]
        tag = leg.dialog.local_tag
        data = respond(invite.request, 200, None, tag, contact, received=invite.address)
        invite.send(200, data)

    def call(
        self, user: FakeClient, peer: Address = PEER
    ) -> tuple[InviteClientTransaction, Dialog]:
        """Send an INVITE to the peer."""
        tag = self._token()
        host = f"[{peer[0]}]" if ":" in peer[0] else peer[0]
        target = f"sip:2000@{host}:{peer[1]}"
        local = f"<sip:1000@here.example>;tag={tag}"
        dialog = Dialog(
            f"call-{tag}",
            tag,
            local,
            "",
            f"<{target}>",
            target,
            self.channel,
            peer,
            FakeLeg(self),
        )
        self.core.dialogs[tag] = dialog
        branch = self.core.tokens.branch()
        data = dialog.request("INVITE", 1, branch)
        return self.layer.invite(branch, data, self.channel, peer, user), dialog


def start_of(message: Request | Response) -> str:
    """The method, or the status and its method."""
    if isinstance(message, Request):
        return message.method
    return f"{message.status} {message.cseq_method}"


def ask(
    method: str = "INVITE",
    branch: str | None = "z9hG4bK1",
    *,
    uri: str = "sip:2000@192.0.2.1",
    sent_by: str = "192.0.2.10:5060",
    via: str | None = None,
    rport: bool = True,
    transport: str = "UDP",
    from_tag: str = "ft",
    to_tag: str = "",
    call_id: str = "call-1",
    cseq: int = 1,
    contact: str | None = "<sip:1000@192.0.2.10:5060>",
    headers: Iterable[str] = (),
    body: bytes = b"",
) -> bytes:
    """A request of the peer; the test names what matters."""
    if via is None:
        via = f"SIP/2.0/{transport} {sent_by}"
        via += ";rport" if rport else ""
        via += "" if branch is None else f";branch={branch}"
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: {via}",
        f"From: <sip:1000@192.0.2.10>;tag={from_tag}",
        "To: <sip:2000@192.0.2.1>" + (f";tag={to_tag}" if to_tag else ""),
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} {method}",
    ]
    if contact is not None:
        lines.append(f"Contact: {contact}")
    lines.extend(headers)
    if body and not any(line.startswith("Content-Type") for line in lines):
        lines.append("Content-Type: application/sdp")
    lines.append(f"Content-Length: {len(body)}\r\n\r\n")
    return "\r\n".join(lines).encode() + body


def reply(
    request: Request,
    status: int,
    tag: str | None = "pt",
    contact: str | None = "<sip:2000@192.0.2.10:5060>",
    headers: Iterable[tuple[str, str]] = (),
) -> bytes:
    """The peer's response to a request of ours."""
    more = list(headers)
    if contact is not None:
        more.append(("Contact", contact))
    return respond(request, status, None, None if status == 100 else tag, more)
