"""
What one call costs in memory, without sockets: C{python -m bench.calls}.

The whole switch of L{tests.switch} carries answered calls; the two peers'
messages are put together from text, at some 20 us a call.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable
from time import process_time

from tests.switch import ANSWER, CALLEE, CALLER, OFFER, Switch
from vos3000.model.accounts import Customer

CALLS = 2000
HELD = 1000

_HEAD = (
    "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;rport;"
    "branch=z9hG4bK{call}{cseq}{method}\r\nMax-Forwards: 70\r\n"
    "From: <sip:1000@192.0.2.10>;tag=a{call}\r\nTo: <sip:2000@192.0.2.1>{tag}\r\n"
    "Call-ID: {call}@192.0.2.10\r\nCSeq: {cseq} {method}\r\n"
    "Contact: <sip:a@192.0.2.10:5060>\r\nUser-Agent: bench\r\n"
)
_OFFER = f"Content-Type: application/sdp\r\nContent-Length: {len(OFFER)}\r\n\r\n"
_EMPTY = "Content-Length: 0\r\n\r\n"


def _after(data: bytes, name: bytes) -> bytes:
    start = data.index(name) + len(name)
    return data[start : data.index(b"\r\n", start)]


class Load:
    """Answered calls through one switch, placed by text and not by a stack."""

    def __init__(self) -> None:
        rich = Customer(1, "acme", "Acme", money=10**9, fee_rate_group="retail")  # type: ignore[arg-type]
        self.switch = Switch(customers=[rich])
        self.sent = self.switch.channel.sent
        self.count = 0

    def _ask(self, method: str, call: int, cseq: int, tag: str, rest: bytes) -> None:
        uri = "sip:2000@192.0.2.1"
        head = _HEAD.format(method=method, uri=uri, call=call, cseq=cseq, tag=tag)
        self.switch.receive(head.encode() + rest, CALLER)

    def _answer(self, request: bytes, status: bytes, rest: bytes) -> None:
        kept = [
            line
            for line in request.split(b"\r\n\r\n", 1)[0].split(b"\r\n")[1:]
            if line.startswith((b"Via:", b"From:", b"To:", b"Call-ID:", b"CSeq:"))
        ]
        head = b"SIP/2.0 " + status + b"\r\n" + b"\r\n".join(kept)
        if b";tag=b" not in head:
            head = head.replace(b":5060>", b":5060>;tag=b", 1)
        head += b"\r\nContact: <sip:b@192.0.2.20:5060>\r\n"
        self.switch.receive(head + rest, CALLEE)

    def answered(self) -> tuple[int, str]:
        """Place a call that is answered; its number and the switch's tag."""
        self.count += 1
        call = self.count
        self._ask("INVITE", call, 1, "", _OFFER.encode() + OFFER)
        invite, _ = self.sent[-1]
        self._answer(invite, b"100 Trying", _EMPTY.encode())
        self._answer(invite, b"180 Ringing", _EMPTY.encode())
        self._answer(invite, b"200 OK", _OFFER.encode() + ANSWER)
        ok, _ = self.sent[-1]
        to = _after(ok, b"\r\nTo: ")
        tag = to[to.index(b";tag=") :].decode()
        self._ask("ACK", call, 1, tag, _EMPTY.encode())
        return call, tag

    def hung_up(self, call: int, tag: str) -> None:
        """The caller ends a call."""
        self._ask("BYE", call, 2, tag, _EMPTY.encode())
        bye = next(data for data, _ in self.sent if data.startswith(b"BYE "))
        self._answer(bye, b"200 OK", _EMPTY.encode())
        self.sent.clear()
        self.switch.clock.advance(0.01)

    def call(self) -> None:
        """One call from INVITE to the 200 of BYE."""
        self.hung_up(*self.answered())


def microseconds(work: Callable[[], object], count: int) -> float:
    """The best of three rounds, for one time of C{work}."""
    best = float("inf")
    for _ in range(3):
        gc.collect()
        begin = process_time()
        for _ in range(count):
            work()
        best = min(best, process_time() - begin)
    return best / count * 1e6


def held(count: int) -> float:
    """Bytes that one call takes while it is up."""
    load = Load()
    for _ in range(100):
        load.call()
    load.switch.advance(100)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(count):
        load.answered()
        load.sent.clear()
    load.switch.records.entries.clear()
    # what lingers of finished transactions goes by itself
    load.switch.clock.pump([1.0] * 100)
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return (after - before) / count


def main() -> int:
    """Print the figures."""
    sys.stdout.write(
        f"one call      {microseconds(Load().call, CALLS):7.1f} us of CPU\n"
    )
    sys.stdout.write(f"one held call {held(HELD) / 1024:7.2f} KiB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
