"""
How long the switch keeps a 180: a caller and a callee in one process.

The callee notes the time just before it sends a 180; the kernel stamps the
same 180's arrival at the caller's socket (SO_TIMESTAMPNS), so that neither
this process's own queue nor two clocks blur the figure. Both use the one
real-time clock of the machine. Legs are matched by the called number, unique
in each call, because a B2BUA changes everything else.

Run as C{python -m bench.pair SWITCH_PORT CALLER_PORT CALLEE_PORT RATE CALLS};
prints one line of JSON.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from collections import deque

import attrs

_SO_TIMESTAMPNS = 35
_BUFFER = 4 * 1024 * 1024
_HOLD = 1_000_000_000
_ANSWER = 20_000_000
_DRAIN = 4_000_000_000

_SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 6000 RTP/AVP 0 8 18 101\r\na=rtpmap:0 PCMU/8000\r\n"
    "a=rtpmap:8 PCMA/8000\r\na=rtpmap:18 G729/8000\r\n"
    "a=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\na=sendrecv\r\n"
)


@attrs.frozen(slots=True)
class Passing:
    """
    What was measured.

    @ivar passed: Calls whose 180 arrived at the caller.
    @ivar ended: Calls that went through to the 200 for the BYE.
    @ivar mean: Milliseconds on average.
    @ivar p99: Milliseconds that 99 of 100 did not exceed.
    """

    calls: int
    passed: int
    ended: int
    mean: float
    p99: float


def _socket(port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    made.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    made.bind(("127.0.0.1", port))
    made.setblocking(False)
    return made


def _stamp(ancillary: list[tuple[int, int, bytes]]) -> int:
    """The kernel's receive time in nanoseconds, from a control message."""
    for _level, kind, data in ancillary:
        if kind == _SO_TIMESTAMPNS:
            seconds = int.from_bytes(data[:8], sys.byteorder)
            return seconds * 1_000_000_000 + int.from_bytes(data[8:16], sys.byteorder)
    return time.time_ns()


def _number(head: str) -> int:
    """The call's serial number: the digits after 8613800 of To."""
    begin = head.index("8613800", head.index("\nTo:")) + 7
    end = begin
    while head[end].isdigit():
        end += 1
    return int(head[begin:end])


def _lines(head: str, *names: str) -> str:
    wanted = tuple(f"{name}:" for name in names)
    return "".join(
        f"{line}\r\n" for line in head.split("\r\n") if line.startswith(wanted)
    )


def _header(head: str, name: str) -> str:
    begin = head.index(f"\n{name}:") + len(name) + 2
    return head[begin : head.index("\r", begin)].strip()


class Callee:
    """
    Answers 100 and 180 at once, 200 after 20 ms, and every BYE.

    @ivar left: By call number, when its 180 left, in nanoseconds.
    """

    def __init__(self, port: int) -> None:
        self.socket = _socket(port)
        self.left: dict[int, int] = {}
        self._contact = f"Contact: <sip:127.0.0.1:{port}>\r\n"
        self._answers: deque[tuple[int, bytes, tuple[str, int]]] = deque()

    def due(self) -> int | None:
        """When the next answer must leave."""
        return self._answers[0][0] if self._answers else None

    def receive(self) -> None:
        """Read one datagram and react."""
        data, _control, _flags, peer = self.socket.recvmsg(65535, 64)
        head = data.decode("utf-8")
        if head.startswith("INVITE "):
            self._invited(head, peer)
        elif head.startswith("BYE "):
            copied = _lines(head, "Via", "From", "To", "Call-ID", "CSeq")
            bye = f"SIP/2.0 200 OK\r\n{copied}Content-Length: 0\r\n\r\n"
            self.socket.sendto(bye.encode(), peer)

    def _invited(self, head: str, peer: tuple[str, int]) -> None:
        number = _number(head)
        if number in self.left:
            return
        copied = _lines(head, "Via", "From", "Call-ID", "CSeq")
        to = _lines(head, "To")
        trying = f"SIP/2.0 100 Trying\r\n{copied}{to}Content-Length: 0\r\n\r\n"
        self.socket.sendto(trying.encode(), peer)
        tagged = f"{copied}{to.rstrip()};tag=b{number}\r\n{self._contact}"
        ringing = f"SIP/2.0 180 Ringing\r\n{tagged}Content-Length: 0\r\n\r\n".encode()
        answer = (
            f"SIP/2.0 200 OK\r\n{tagged}Content-Type: application/sdp\r\n"
            f"Content-Length: {len(_SDP)}\r\n\r\n{_SDP}"
        )
        now = time.time_ns()
        self.left[number] = now
        self.socket.sendto(ringing, peer)
        self._answers.append((now + _ANSWER, answer.encode(), peer))

    def send_due(self, now: int) -> None:
        """Send the answers whose time has come."""
        while self._answers and self._answers[0][0] <= now:
            _due, answer, peer = self._answers.popleft()
            self.socket.sendto(answer, peer)


class Caller:
    """
    Starts calls at an even pace, acknowledges, and hangs up after 1 s.

    @ivar arrived: By call number, when its 180 arrived, in nanoseconds.
    @ivar ended: Calls whose BYE was answered.
    """

    def __init__(self, port: int, switch: tuple[str, int]) -> None:
        self.socket = _socket(port)
        self.arrived: dict[int, int] = {}
        self.ended = 0
        self._port = port
        self._switch = switch
        self._answered: set[int] = set()
        self._hang_ups: deque[tuple[int, bytes]] = deque()

    def due(self) -> int | None:
        """When the next hang-up must leave."""
        return self._hang_ups[0][0] if self._hang_ups else None

    def _request(self, method: str, number: int, uri: str, to: str, cseq: int) -> str:
        return (
            f"{method} {uri} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{self._port};"
            f"branch=z9hG4bK{method}{number}\r\n"
            f"From: <sip:2025550123@127.0.0.1:{self._port}>;tag=a{number}\r\n"
            f"To: {to}\r\nCall-ID: pair-{number}@127.0.0.1\r\n"
            f"CSeq: {cseq} {method}\r\nMax-Forwards: 70\r\n"
        )

    def call(self, number: int) -> None:
        """Send a call's INVITE."""
        uri = f"sip:8613800{number}@127.0.0.1:{self._switch[1]}"
        invite = (
            f"{self._request('INVITE', number, uri, f'<{uri}>', 1)}"
            f"Contact: <sip:2025550123@127.0.0.1:{self._port}>\r\n"
            "Content-Type: application/sdp\r\n"
            f"Content-Length: {len(_SDP)}\r\n\r\n{_SDP}"
        )
        self.socket.sendto(invite.encode(), self._switch)

    def receive(self) -> None:
        """Read one datagram and react."""
        data, control, _flags, _peer = self.socket.recvmsg(65535, 64)
        head = data.decode("utf-8")
        if head.startswith("SIP/2.0 180"):
            self.arrived.setdefault(_number(head), _stamp(control))
        elif head.startswith("SIP/2.0 200"):
            if _header(head, "CSeq").endswith("BYE"):
                self.ended += 1
            else:
                self._acknowledge(head)

    def _acknowledge(self, head: str) -> None:
        number = _number(head)
        uri = _header(head, "Contact").partition("<")[2].partition(">")[0]
        to = _header(head, "To")
        ack = f"{self._request('ACK', number, uri, to, 1)}Content-Length: 0\r\n\r\n"
        self.socket.sendto(ack.encode(), self._switch)
        if number not in self._answered:
            self._answered.add(number)
            bye = f"{self._request('BYE', number, uri, to, 2)}Content-Length: 0\r\n\r\n"
            self._hang_ups.append((time.time_ns() + _HOLD, bye.encode()))

    def send_due(self, now: int) -> None:
        """Send the hang-ups whose time has come."""
        while self._hang_ups and self._hang_ups[0][0] <= now:
            self.socket.sendto(self._hang_ups.popleft()[1], self._switch)


def _drive(caller: Caller, callee: Callee, rate: int, calls: int) -> None:
    """Place the calls and read until all have ended, for a bounded time."""
    peers: dict[int, Caller | Callee] = {
        caller.socket.fileno(): caller,
        callee.socket.fileno(): callee,
    }
    poll = select.poll()
    for descriptor in peers:
        poll.register(descriptor, select.POLLIN)
    begun = time.time_ns()
    end = begun + calls * 1_000_000_000 // rate + _HOLD + _ANSWER + _DRAIN
    placed = 0
    while caller.ended < calls and (now := time.time_ns()) < end:
        due = begun + placed * 1_000_000_000 // rate
        if placed < calls and due <= now:
            caller.call(placed)
            placed += 1
            continue
        caller.send_due(now)
        callee.send_due(now)
        times = [caller.due(), callee.due(), due if placed < calls else end]
        wait = min(moment for moment in times if moment is not None) - now
        for descriptor, _event in poll.poll(max(0.0, wait / 1_000_000)):
            peers[descriptor].receive()


def measure(switch: int, ports: tuple[int, int], rate: int, calls: int) -> Passing:
    """
    Place C{calls} calls at C{rate} a second and time every 180.

    @param switch: UDP port of the switch on loopback.
    @param ports: UDP ports of caller and callee.
    """
    caller, callee = Caller(ports[0], ("127.0.0.1", switch)), Callee(ports[1])
    try:
        _drive(caller, callee, rate, calls)
    finally:
        caller.socket.close()
        callee.socket.close()
    kept = sorted(
        (arrived - callee.left[number]) / 1_000_000
        for number, arrived in caller.arrived.items()
    )
    if not kept:
        return Passing(calls, 0, caller.ended, 0.0, 0.0)
    p99 = kept[min(len(kept) - 1, len(kept) * 99 // 100)]
    mean = sum(kept) / len(kept)
    return Passing(calls, len(kept), caller.ended, mean, p99)


if __name__ == "__main__":
    switch, caller, callee, rate, calls = (int(text) for text in sys.argv[1:])
    passing = measure(switch, (caller, callee), rate, calls)
    sys.stdout.write(json.dumps(attrs.asdict(passing)) + "\n")
