"""
What tells requests apart (RFC 3261 section 17.2.3), and where answers go (18.2.2).
"""

from __future__ import annotations

from hashlib import blake2b

from vos3000.sip.message import Request
from vos3000.sip.transaction import Address, Channel, default_port

COOKIE = "z9hG4bK"
"""What a branch of RFC 3261 starts with (8.1.1.7)."""

LONGEST_KEY = 400
"""Characters of a key; of a longer one a digest is kept."""


def server_key(request: Request, host: str, method: str | None = None) -> str:
    """
    What tells this request's transaction from all others (17.2.3), and this
    sender from all others: who repeats another's branch from elsewhere must
    not get, or cause, that other's answers.

    @param host: Where the request came from.
    @param method: The method to look for instead of the request's own.
    """
    if method is None:
        method = "INVITE" if request.method == "ACK" else request.method
    branch = request.branch
    if branch is not None and branch.startswith(COOKIE):
        # Not the parsed Via: 2 us a message.
        hop, _, _ = (request.get("via") or "").partition(";")
        _, space, sent_by = hop.partition(" ")
        if not space or " " in sent_by:
            hop = str(request.via).partition(";")[0]
        # These never differ within a transaction, but some devices use a branch twice.
        # An ACK may go to another URI than its INVITE although it must not.
        key = f"{branch} {hop.lower()} {host} {request.call_id} {request.cseq} {method}"
        if method != "INVITE":
            key = f"{key} {request.uri_text}"
    else:
        # RFC 2543: a retransmission is the same in all that the sender chose
        key = (
            f"{request.uri_text} {request.call_id} {request.cseq}"
            f" {request.get('from')} {request.via} {host} {method}"
        )
    return key if len(key) <= LONGEST_KEY else _digest(key)


def _digest(key: str) -> str:
    data = key.encode("utf-8", "surrogateescape")
    return blake2b(data, digest_size=20).hexdigest()


def reply_address(request: Request, channel: Channel, source: Address) -> Address:
    """
    Where responses to a request go (18.2.2; RFC 3581 section 4). C{maddr} is
    not followed: it would let a stranger aim our responses at others. On a
    connection it is where to call back if that is closed.

    @raise ParseError: If its Via is malformed.
    """
    if not channel.reliable and ";rport" in (request.get("via") or ""):
        return source
    via = request.via
    if not channel.reliable and via.rport is not None:
        return source
    return source[0], via.port or default_port(channel.name)
