"""
What SIP's layers cost: microseconds of one CPU for each call.

Run it as C{python -m bench.sip}. Bytes go in and bytes come out, there are no
sockets and the leg does nothing: codec, transactions, timers, dialogs. The
messages that come are made beforehand. The figures are the best of several
rounds, since everything else on the machine can only make them worse.
"""

from __future__ import annotations

import gc
import itertools
import sys
from collections.abc import Callable
from time import perf_counter
from typing import TypeVar

from twisted.internet.task import Clock

from bench.codec import INVITE
from vos3000.instant import instants
from vos3000.metrics import Metrics
from vos3000.sip.core import ALLOW, Tokens, UserAgentCore, acknowledged
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

ROUNDS = 7
CALLS = 2000
HERE = ("198.51.100.7", 5060)
PEER = ("203.0.113.10", 5060)
RESEND = (0.5, 1.0, 2.0, 4.0, 4.0, 4.0)

T = TypeVar("T")

_SDP = INVITE.partition(b"\r\n\r\n")[2]


class Wire:
    """A socket that keeps the last datagram."""

    name = "UDP"
    reliable = False

    def __init__(self) -> None:
        self.last = b""

    def send(self, data: bytes, address: Address) -> None:
        """Keep it."""
        self.last = data

    def live(self, address: Address) -> Wire:
        """This one."""
        return self

    def local(self, address: Address) -> Address:
        """Our address."""
        return HERE

    def waited(self) -> float:
        """Not at all."""
        return 0.0


class Callee:
    """Answers at once and hangs up when told."""

    def __init__(self, stack: Stack, invite: InviteServerTransaction) -> None:
        self.stack = stack
        self.invite = invite
        core = stack.core
        tag = core.tokens.random()
        self.dialog = dialog = Dialog.of_request(invite, tag, self)
        core.dialogs[tag] = dialog
        invite.user = self
        request, address = invite.request, invite.address
        invite.send(100, respond(request, 100, None, None, received=address))
        headers = (("Contact", dialog.contact), ALLOW)
        kind = "application/sdp"
        for status in (180, 200):
            body = _SDP if status == 200 else b""
            data = respond(
                request, status, None, tag, headers, body, kind, received=address
            )
            invite.send(status, data)

    def acked(self, request: Request) -> None:
        """The call is up."""
        acknowledged(self.invite)

    def requested(self, transaction: ServerTransaction) -> None:
        """BYE."""
        self.stack.core.answer(transaction, 200)
        del self.stack.core.dialogs[self.dialog.local_tag]

    def canceled(self, cancel: Request) -> None:
        """Not here."""

    def unacknowledged(self) -> None:
        """Not here."""


class Caller:
    """Calls, acknowledges and hangs up."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        core = stack.core
        tag = core.tokens.random()
        target = f"sip:8613912345678@{PEER[0]}:{PEER[1]}"
        self.dialog = Dialog(
            f"{tag}@{HERE[0]}",
            tag,
            f"<sip:02112345678@{HERE[0]}>;tag={tag}",
            "",
            f"<{target}>",
            target,
            stack.wire,
            PEER,
            self,
        )
        core.dialogs[tag] = self.dialog
        branch = core.tokens.branch()
        data = self.dialog.request(
            "INVITE", 1, branch, (ALLOW,), _SDP, "application/sdp"
        )
        self.invite = core.layer.invite(branch, data, stack.wire, PEER, self)

    def responded(self, transaction: ClientTransaction, response: Response) -> None:
        """ACK for a 200; nothing for what else comes."""
        if response.status < 200 or response.cseq_method != "INVITE":
            return
        dialog, stack = self.dialog, self.stack
        dialog.confirm(response)
        ack = dialog.request("ACK", 1, stack.core.tokens.branch())
        assert isinstance(transaction, InviteClientTransaction)
        transaction.acknowledge(ack, dialog.remote_tag, stack.wire, dialog.address)

    def hang_up(self) -> None:
        """BYE."""
        dialog, core = self.dialog, self.stack.core
        branch = core.tokens.branch()
        data = dialog.request("BYE", 2, branch)
        core.layer.send(branch, "BYE", data, dialog.channel, dialog.address, self)
        del core.dialogs[dialog.local_tag]

    def timed_out(self, transaction: ClientTransaction) -> None:
        """Not here."""

    def requested(self, transaction: ServerTransaction) -> None:
        """Not here."""

    def acked(self, request: Request) -> None:
        """Not here."""


class Stack:
    """The layers, with a leg that does nothing above them."""

    def __init__(self) -> None:
        self.wire = Wire()
        self.clock = Clock()
        metrics = Metrics()
        numbers = itertools.count(10_000_000)
        tokens = Tokens(lambda: str(next(numbers)), "mark")
        self.core = UserAgentCore(
            TimerWheel(self.clock), lambda: RESEND, tokens, self, metrics
        )
        now = instants(self.clock.seconds, self.clock.seconds)
        self.reception = Reception(self.core.layer, lambda a: True, now, metrics)

    def knows(self, host: str, port: int) -> bool:
        """Everybody is known."""
        return True

    def answers_strangers(self) -> bool:
        """Nobody is strange."""
        return True

    def invited(self, transaction: InviteServerTransaction) -> None:
        """Answer."""
        Callee(self, transaction)

    def receive(self, data: bytes) -> None:
        """A datagram comes."""
        self.reception.datagram(data, self.wire, PEER)

    def receive_all(self, datagrams: list[bytes]) -> None:
        """Several come."""
        for data in datagrams:
            self.receive(data)


def _inside(invite: bytes, method: bytes, cseq: bytes, ok: bytes) -> bytes:
    """A request of the caller, inside the dialog that the 200 made."""
    head = invite.partition(b"\r\n\r\n")[0].replace(b" INVITE", b" " + method)
    head = head.replace(b"INVITE sip:8613912345678@", method + b" sip:")
    head = head.replace(b"CSeq: 102", b"CSeq: " + cseq)
    head = head.replace(b"z9hG4bK", b"z9hG4bK" + method)
    to = parse(ok).get("to") or ""
    lines = [
        b"To: " + to.encode() if line.startswith(b"To:") else line
        for line in head.split(b"\r\n")
        if not line.startswith((b"Content", b"Allow:", b"Supported:", b"Session"))
    ]
    return b"\r\n".join([*lines, b"Content-Length: 0\r\n\r\n"])


def server(calls: int) -> float:
    """Seconds of C{calls} calls that come: INVITE, ACK and BYE."""
    stack = Stack()
    invites = [
        INVITE.replace(b"5f0c1d2e", b"%08d" % n).replace(b"524287", b"%06d" % n)
        for n in range(calls)
    ]
    spent = _timed(lambda: [_kept(stack, each) for each in invites])
    (kept, seconds), later = spent, []
    for invite, ok in zip(invites, kept, strict=True):
        later.append(_inside(invite, b"ACK", b"102", ok))
        later.append(_inside(invite, b"BYE", b"103", ok))
    _, more = _timed(lambda: stack.receive_all(later))
    assert not stack.core.dialogs and stack.wire.last.startswith(b"SIP/2.0 200")
    return seconds + more


def _kept(stack: Stack, data: bytes) -> bytes:
    stack.receive(data)
    return stack.wire.last


def client(calls: int) -> float:
    """Seconds of C{calls} calls that we place: INVITE, ACK and BYE."""
    stack = Stack()
    (made, seconds) = _timed(
        lambda: [(Caller(stack), stack.wire.last) for _ in range(calls)]
    )
    answers = [each for _, invite in made for each in _answers(invite)]
    _, more = _timed(lambda: stack.receive_all(answers))

    def hang_up() -> list[bytes]:
        byes = []
        for caller, _ in made:
            caller.hang_up()
            byes.append(stack.wire.last)
        return byes

    byes, last = _timed(hang_up)
    done = [respond(_read(each), 200) for each in byes]
    _, end = _timed(lambda: stack.receive_all(done))
    assert not stack.core.layer.busy()
    return seconds + more + last + end


def _answers(invite: bytes) -> list[bytes]:
    request = _read(invite)
    contact = [("Contact", f"<sip:8613912345678@{PEER[0]}:{PEER[1]}>")]
    kind = "application/sdp"
    return [
        respond(request, 100),
        respond(request, 180, None, "callee", contact),
        respond(request, 200, None, "callee", contact, _SDP, kind),
    ]


def _read(data: bytes) -> Request:
    message = parse(data)
    assert isinstance(message, Request)
    return message


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    begin = perf_counter()
    result = work()
    return result, perf_counter() - begin


def main() -> None:
    """Print a line for each side."""
    gc.disable()
    for name, side in (("calls that come", server), ("calls that we place", client)):
        best = min(side(CALLS) for _ in range(ROUNDS)) / CALLS
        sys.stdout.write(f"{best * 1e6:8.1f} us  {name}\n")
        gc.collect()


if __name__ == "__main__":
    main()
