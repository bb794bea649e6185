"""Session descriptions as devices send them."""

from __future__ import annotations

PHONE = (
    b"v=0\r\n"
    b"o=user1 53655765 2353687637 IN IP4 10.0.0.1\r\n"
    b"s=-\r\n"
    b"c=IN IP4 10.0.0.1\r\n"
    b"t=0 0\r\n"
    b"m=audio 6000 RTP/AVP 8 0 18 97 101\r\n"
    b"a=rtpmap:8 PCMA/8000\r\n"
    b"a=rtpmap:18 G729/8000\r\n"
    b"a=fmtp:18 annexb=no\r\n"
    b"a=rtpmap:97 ilbc/8000\r\n"
    b"a=rtpmap:101 telephone-event/8000\r\n"
    b"a=fmtp:101 0-16\r\n"
    b"a=ptime:20\r\n"
    b"a=sendrecv\r\n"
)
"""An audio offer with its lines in the order of RFC 8866."""


def description(*streams: str, version: int = 1, lines: str = "") -> bytes:
    """
    A description with the given m= lines; C{|} parts a stream's own lines.
    """
    head = f"v=0\no=a 7 {version} IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n"
    below = "".join(f"m={stream}\n" for stream in streams).replace("|", "\n")
    return f"{head}{lines}{below}".replace("\n", "\r\n").encode()
