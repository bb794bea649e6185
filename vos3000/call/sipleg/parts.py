"""
Bodies of several parts (RFC 2046 section 5.1): finding the description in one.
"""

from __future__ import annotations

SDP = "application/sdp"

MOST_PARTS = 32
"""Parts of one body that are looked at."""


def session_part(body: bytes, kind: str) -> bytes:
    """
    The first session description in a body of several parts; empty if there is
    none. The other parts are the sender's own affair and are not passed on.

    @param kind: The Content-Type of the whole, with its boundary.
    """
    boundary = _boundary(kind)
    if not boundary:
        return b""
    parts = (b"\r\n" + body).split(b"\r\n--" + boundary, MOST_PARTS + 1)
    for part in parts[1 : MOST_PARTS + 1]:
        if part.startswith(b"--"):
            break
        # after the boundary: padding up to the line's end, then the headers
        head, empty, content = part[part.find(b"\r\n") :].partition(b"\r\n\r\n")
        if empty and _is_session(head):
            return content if content.endswith(b"\r\n") else content + b"\r\n"
    return b""


def _boundary(kind: str) -> bytes:
    for parameter in kind.split(";")[1:]:
        name, _, value = parameter.strip().partition("=")
        if name.strip().lower() == "boundary":
            return value.strip().strip('"').encode("utf-8", "surrogateescape")
    return b""


def _is_session(head: bytes) -> bool:
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip() in (b"content-type", b"c"):
            return value.partition(b";")[0].strip() == SDP.encode()
    return False
