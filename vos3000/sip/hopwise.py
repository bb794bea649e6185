"""
What follows an INVITE hop by hop: the ACK of its refusal, and its CANCEL.

Both are made of the INVITE as it went out, so that they match it wherever it
was seen.
"""

from __future__ import annotations

from vos3000.sip.message import Response

_COPIED = ("Via: ", "Max-Forwards: ", "Route: ", "From: ", "Call-ID: ")


def ack_of(invite: bytes, response: Response) -> bytes:
    """
    The ACK of a final response other than 2xx (17.1.1.3): the INVITE's own
    Request-URI, top Via, Route, From, Call-ID and number, the response's To.
    """
    return _following(invite, "ACK", response.get("to"))


def cancel_of(invite: bytes) -> bytes:
    """The CANCEL of an INVITE (9.1): as its ACK, but with its own To."""
    return _following(invite, "CANCEL", None)


def _following(invite: bytes, method: str, to: str | None) -> bytes:
    head = invite[: invite.index(b"\r\n\r\n")].decode("utf-8", "surrogateescape")
    start, *lines = head.split("\r\n")
    kept = [f"{method} {start.split(' ', 2)[1]} SIP/2.0"]
    for line in lines:
        if line.startswith(_COPIED):
            kept.append(line)
        elif line.startswith("CSeq: "):
            kept.append(f"CSeq: {line.split()[1]} {method}")
        elif line.startswith("To: "):
            kept.append(line if to is None else f"To: {to}")
    kept.append("Content-Length: 0\r\n\r\n")
    return "\r\n".join(kept).encode("utf-8", "surrogateescape")
