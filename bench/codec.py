"""
What the SIP codec costs: microseconds of one CPU for each operation.

Run it as C{python -m bench.codec}. The figures are the best of several
rounds, since everything else on the machine can only make them worse.
"""

from __future__ import annotations

import sys
import timeit
from collections.abc import Callable

from vos3000.errors import ParseError
from vos3000.sip.message import Request, respond
from vos3000.sip.parser import parse, validate

ROUNDS = 7
CALLS = 5000
SECONDS = 0.05
"""What a round may take, so that the slow operations do not hold up the rest."""

_SDP = b"""v=0\r
o=- 20518 0 IN IP4 203.0.113.10\r
s=call\r
c=IN IP4 203.0.113.10\r
t=0 0\r
m=audio 41000 RTP/AVP 18 8 0 101\r
a=rtpmap:18 G729/8000\r
a=fmtp:18 annexb=no\r
a=rtpmap:101 telephone-event/8000\r
a=fmtp:101 0-15\r
a=ptime:20\r
"""

INVITE = (
    b"""INVITE sip:8613912345678@198.51.100.7:5060;user=phone SIP/2.0\r
Via: SIP/2.0/UDP 203.0.113.10:5060;branch=z9hG4bK-524287-1---d87543;rport\r
Max-Forwards: 70\r
From: "02112345678" <sip:02112345678@203.0.113.10>;tag=8f3b21c7\r
To: <sip:8613912345678@198.51.100.7;user=phone>\r
Call-ID: 5f0c1d2e3b4a59687766@203.0.113.10\r
CSeq: 102 INVITE\r
Contact: <sip:02112345678@203.0.113.10:5060;transport=udp>\r
Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, UPDATE, INFO, PRACK\r
Supported: timer, 100rel\r
Session-Expires: 1800\r
User-Agent: Gateway 4.1\r
Date: Mon, 23 Nov 2026 07:00:00 GMT\r
Content-Type: application/sdp\r
Content-Length: """
    + str(len(_SDP)).encode()
    + b"\r\n\r\n"
    + _SDP
)


def read(data: bytes = INVITE) -> tuple[object, ...]:
    """What the switch reads of every INVITE."""
    message = parse(data)
    return (
        message.branch,
        message.from_tag,
        message.to_tag,
        message.call_id,
        message.cseq,
        message.contact,
    )


def answer_anew() -> bytes:
    """The first answer to a request: nothing of it is kept yet."""
    _REQUEST._head = None
    return answer_again()


def answer_again() -> bytes:
    """The later answers to a request."""
    return respond(_REQUEST, 200, None, "b2c3d4", received=("203.0.113.10", 5060))


def cost(operation: Callable[[], object]) -> float:
    """Microseconds of one call."""
    once = timeit.timeit(operation, number=1)
    calls = max(10, min(CALLS, int(SECONDS / once)))
    best = min(timeit.repeat(operation, number=calls, repeat=ROUNDS))
    return best / calls * 1e6


def main() -> None:
    """Print a line for each operation."""
    answered = answer_again()
    operations: dict[str, Callable[[], object]] = {
        f"parse an INVITE of {len(INVITE)} bytes": lambda: parse(INVITE),
        "  and read what every INVITE is asked for": read,
        f"parse an answer of {len(answered)} bytes": lambda: parse(answered),
        "validate an INVITE just parsed": lambda: validate(_fresh()),
        "refuse 64 KiB of commas and quotes": _hostile(b'",', 65000),
        "read a Via of 16 KiB of commas and quotes": _hostile(b'",', 16000),
        "respond, first answer": answer_anew,
        "respond, later answers": answer_again,
    }
    for name, operation in operations.items():
        sys.stdout.write(f"{cost(operation):8.2f} us  {name}\n")


def _hostile(unit: bytes, size: int) -> Callable[[], object]:
    """Reading an INVITE whose top Via is a run of delimiters."""
    data = INVITE.replace(b"Via: ", b"Via: " + unit * (size // len(unit)), 1)

    def attempt() -> None:
        try:
            parse(data)
        except ParseError:
            return

    return attempt


def _fresh() -> Request:
    message = parse(INVITE)
    assert isinstance(message, Request)
    return message


_REQUEST = _fresh()

if __name__ == "__main__":
    main()
