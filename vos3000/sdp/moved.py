"""
Whether a peer that describes itself again says something that its far end must
know (RFC 3264 section 8).
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable

from vos3000.sdp.describe import describe

_PLACES = re.compile(
    rb"(?m)^(?:c=[^\r\n]*|m=\S+ \S+ \S+|a=(?:sendonly|recvonly|inactive)(?=[\r\n]|$))"
)
_KEYS = re.compile(rb"(?m)inline:[^|\s]+|^a=(?:ice-ufrag|ice-pwd|fingerprint):[^\r\n]*")


def moved(before: bytes, after: bytes, other: bytes) -> bool:
    """
    Whether what a peer describes now is elsewhere, goes another way, is secured
    by other keys, or is in another codec than before. It may leave out what its
    far end does not use.

    @param other: What the far end described.
    """
    if _PLACES.findall(before) != _PLACES.findall(after):
        return True
    if not set(_KEYS.findall(after)) <= set(_KEYS.findall(before)):
        return True
    theirs = describe(other).codecs
    now = _first(describe(after).codecs, theirs)
    return bool(now) and now != _first(describe(before).codecs, theirs)


def _first(codecs: Iterable[str], theirs: Container[str]) -> str:
    return next((codec for codec in codecs if codec in theirs), "")
