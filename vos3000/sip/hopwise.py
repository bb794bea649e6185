"""
What follows a request and is made of it as it went out: the ACK of a refused
INVITE, its CANCEL, and the same request once more.
"""

from __future__ import annotations

from collections.abc import Sequence

from vos3000.sip.message import Response

_COPIED = ("Via: ", "Max-Forwards: ", "Route: ", "From: ", "Call-ID: ")


def ack_of(invite: bytes, response: Response) -> bytes:
    """
    The ACK of a final response other than 2xx (17.1.1.3): the INVITE's own
    Request-URI, top Via, Route, From, Call-ID and number, the response's To.
    """
    return _following(invite, "ACK", response.get("to"))


def cancel_of(invite: bytes, headers: Sequence[tuple[str, str]] = ()) -> bytes:
    """
    The CANCEL of an INVITE (9.1): as its ACK, but with its own To.

    @param headers: More of them, such as Reason (RFC 3326).
    @raise ValueError: A line end inside one of them.
    """
    return _following(invite, "CANCEL", None, headers)


def once_more(
    request: bytes,
    via: str,
    cseq: int,
    headers: Sequence[tuple[str, str]] = (),
    uri: str | None = None,
    contact: str | None = None,
    without: Sequence[str] = (),
) -> bytes:
    """
    A request again, as a new one (8.1.3.4, 22.2; RFC 3263 4.3): all of it
    stays but what is given.

    @param headers: These stand in place of those of the same names.
    @param uri: Where it goes now; None for where it went.
    @param contact: Our Contact now; None to leave it.
    @param without: Headers that are left out.
    """
    head, _, body = request.partition(b"\r\n\r\n")
    start, *lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    method, target, _ = start.split(" ", 2)
    new = [("Via", via), ("CSeq", f"{cseq} {method}")]
    if contact is not None:
        new.append(("Contact", contact))
    new.extend(headers)
    replaced = {name.lower() for name, _ in new}
    replaced.update(map(str.lower, without))
    made = [f"{method} {uri or target} SIP/2.0"]
    made += [f"{name}: {value}" for name, value in new]
    made += [line for line in lines if line.partition(":")[0].lower() not in replaced]
    if any("\r" in line or "\n" in line for line in made):
        raise ValueError("a line end inside a header")
    text = "\r\n".join(made)
    return text.encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


def lines_of(request: bytes, names: Sequence[str]) -> list[tuple[str, str]]:
    """The headers of a request of ours that have one of these names."""
    head = request.partition(b"\r\n\r\n")[0].decode("utf-8", "surrogateescape")
    pairs = [line.partition(": ") for line in head.split("\r\n")[1:]]
    return [(name, value) for name, _, value in pairs if name in names]


def _following(
    invite: bytes,
    method: str,
    to: str | None,
    headers: Sequence[tuple[str, str]] = (),
) -> bytes:
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
    kept += [f"{name}: {value}" for name, value in headers]
    if headers and any("\r" in line or "\n" in line for line in kept):
        raise ValueError("a line end inside a header")
    kept.append("Content-Length: 0\r\n\r\n")
    return "\r\n".join(kept).encode("utf-8", "surrogateescape")
