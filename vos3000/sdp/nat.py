"""
Connection addresses that nobody outside can reach.

A device behind a NAT names its private address. Where its signaling comes
from a public one, that is the better guess: many NATs keep port numbers, and
who sends to the wrong port is at least answered from the right one.
"""

from __future__ import annotations

import re
from functools import lru_cache

_PRIVATE = (
    rb"(?:10\.|127\.|192\.168\.|169\.254\.|172\.(?:1[6-9]|2\d|3[01])\."
    rb"|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)[0-9.]+"
)
"""RFC 1918, RFC 6598 (carrier grade NAT), RFC 3927, and the host itself."""

_private = re.compile(_PRIVATE)
_lines = re.compile(rb"(?m)^(c=|a=rtcp:\d+ )IN IP4 " + _PRIVATE + rb"(?=[\r\n/ ]|$)")
_BEGINNINGS = (b"10.", b"192.168.", b"172.", b"100.", b"169.254.", b"127.")
"""How private addresses begin, and a few others: quicker than the expression."""

_CONNECTION = b"\nc=IN IP4 "
_ICE = b"\na=ice-ufrag:"


@lru_cache(4096)
def is_public(host: str) -> bool:
    """
    Whether signaling from C{host} says where a peer is as the Internet sees
    it. IPv6 needs no NAT and does not count.
    """
    return ":" not in host and _private.match(host.encode("ascii", "replace")) is None


def with_address(body: bytes, address: str) -> bytes:
    """
    The description with C{address} in place of private ones, ports as they are;
    the same object if there is none.

    One with ICE finds its own way (RFC 8445), and 0.0.0.0 is no address but
    a hold (RFC 3264 8.4).

    @param address: Where the peer's signaling comes from, as L{is_public}.
    """
    at = body.find(_CONNECTION)
    while at >= 0 and not body.startswith(_BEGINNINGS, at + 10):
        at = body.find(_CONNECTION, at + 1)
    if at < 0 or _ICE in body:
        return body
    return _lines.sub(rb"\1IN IP4 " + address.encode("ascii"), body)
