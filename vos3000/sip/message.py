"""
SIP messages: reading them, and building those we send.

A message is read only. The parser finds its lines and keeps them as text; a
value is read apart when somebody asks for it, and kept. What we send is
built from text as well, since most of an answer is a copy of its request.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import attrs

from vos3000.errors import ParseError
from vos3000.sip.fields import (
    NameAddr,
    Via,
    parse_name_addr,
    parse_number,
    parse_via,
    split_commas,
)
from vos3000.sip.names import LISTS, SENT, SPELLINGS, key_of
from vos3000.sip.reasons import REASONS
from vos3000.sip.uri import Uri, bracketed, parse_uri

__all__ = [
    "BRANCH_COOKIE",
    "REASONS",
    "Message",
    "MessageError",
    "Request",
    "Response",
    "Source",
    "build",
    "respond",
    "top_branch",
    "top_via_with",
]

BRANCH_COOKIE: Final = "z9hG4bK"
"""What every branch made by RFC 3261 begins with (section 8.1.1.7)."""

_STATUS_LINES: Final = {
    status: f"SIP/2.0 {status} {reason}\r\n" for status, reason in REASONS.items()
}
_EMPTY: Final = "Content-Length: 0\r\n\r\n"
_UNREAD: Final = "\0unread"
_HOPS: Final = 256

Source = tuple[str, int]
"""The address and port a request came from."""


class MessageError(ParseError):
    """
    Bytes that are no message.

    @ivar request: As much of the request as an answer needs (its Via and
        CSeq could be read), or None where nothing can be answered.
    """

    def __init__(self, message: str, status: int, request: Request | None) -> None:
        super().__init__(message, status)
        self.request = request


class Message:
    """
    What requests and responses share. Header names are keys: long form,
    lower case (C{call-id}). Plain slots, not attrs: made once per datagram,
    an attrs class of these fields costs 0.5 us more; so does C{super} 0.2 us.

    @ivar branch: Of the top Via; None where there is none, or where it is
        the bare magic cookie (RFC 4475 section 3.2.1): then RFC 2543 applies.
    @ivar body: The body, cut to Content-Length.
    """

    __slots__ = (
        "_contact",
        "_first",
        "_from",
        "_from_tag",
        "_lines",
        "_more",
        "_to",
        "_to_tag",
        "_via",
        "body",
        "branch",
        "call_id",
        "cseq",
        "cseq_method",
    )

    def __init__(
        self,
        lines: list[str],
        first: dict[str, str],
        more: dict[str, list[str]] | None,
        cseq: tuple[int, str],
    ) -> None:
        """
        @param lines: The start line and the header lines, unfolded.
        @param first: The first value of each header, not yet stripped.
        @param more: The values of its repetitions.
        """
        self._lines = lines
        self._first = first
        self._more = more
        self.body = b""
        self.call_id = first.get("call-id", "").strip()
        self.cseq, self.cseq_method = cseq
        self._via: Via | None = None
        self._from: NameAddr | None = None
        self._to: NameAddr | None = None
        self._contact: NameAddr | None = None
        self._from_tag: str | None = _UNREAD
        self._to_tag: str | None = _UNREAD
        self.branch: str | None = None

    def get(self, name: str) -> str | None:
        """The first value of a header, stripped, or None."""
        value = self._first.get(name)
        if value is None:
            return None
        if name in LISTS and "," in value:
            values = self.all(name)
            return values[0] if values else ""
        return value.strip()

    def lacks(self, names: frozenset[str]) -> bool:
        """Whether none of these headers is there: what L{get} of one costs."""
        return names.isdisjoint(self._first)

    def all(self, name: str) -> list[str]:
        """
        Every value of a header in order. Lines of a list header
        (L{vos3000.sip.names.LISTS}) are cut at their commas.
        """
        if name not in self._first:
            return []
        values = self._values(name)
        if name not in LISTS:
            return [value.strip() for value in values]
        return [one for value in values for one in split_commas(value)]

    def _values(self, name: str) -> list[str]:
        value = self._first.get(name)
        if value is None:
            return []
        if self._more is None or name not in self._more:
            return [value]
        return [value, *self._more[name]]

    def items(self) -> Iterator[tuple[str, str]]:
        """Every header line in order: name as to be sent, value."""
        for _, name, value in self.named():
            yield name, value

    def named(self) -> Iterator[tuple[str, str, str]]:
        """Every header line in order: key, name as to be sent, value."""
        for line in self._lines[1:]:
            name, _, value = line.partition(":")
            key = SPELLINGS.get(name) or key_of(name)
            yield key, SENT.get(key) or name.rstrip(" \t"), value.strip()

    def data(self) -> bytes:
        """The message as it came, but for folded lines, which are one."""
        head = "\r\n".join(self._lines).encode("utf-8", "surrogateescape")
        return head + b"\r\n\r\n" + self.body

    @property
    def size(self) -> int:
        """Bytes that it took, to some: an escaped one counts once."""
        lines = self._lines
        return sum(map(len, lines)) + 2 * len(lines) + 2 + len(self.body)

    @property
    def via(self) -> Via:
        """The top Via."""
        if self._via is None:
            self._via = parse_via(self.get("via") or "")
        return self._via

    @property
    def from_(self) -> NameAddr:
        """From."""
        if self._from is None:
            self._from = parse_name_addr(self._first.get("from", "").strip())
        return self._from

    @property
    def to(self) -> NameAddr:
        """To."""
        if self._to is None:
            self._to = parse_name_addr(self._first.get("to", "").strip())
        return self._to

    @property
    def from_tag(self) -> str | None:
        """The tag of From, read without reading the rest."""
        if self._from_tag is _UNREAD:
            self._from_tag = _tag(self._first.get("from", ""))
        return self._from_tag

    @property
    def to_tag(self) -> str | None:
        """The tag of To, read without reading the rest."""
        if self._to_tag is _UNREAD:
            self._to_tag = _tag(self._first.get("to", ""))
        return self._to_tag

    @property
    def contact(self) -> NameAddr | None:
        """The first Contact, or None."""
        if self._contact is None and "contact" in self._first:
            value = self.get("contact")
            self._contact = parse_name_addr(value) if value else None
        return self._contact

    @property
    def max_forwards(self) -> int | None:
        """Max-Forwards, 0 to 255, or None."""
        value = self._first.get("max-forwards")
        return None if value is None else parse_number(value.strip(), _HOPS)


class Request(Message):
    """
    A request.

    @ivar uri_text: The Request-URI as it stands in the request line.
    """

    __slots__ = ("_head", "_uri", "method", "uri_text")

    def __init__(
        self,
        lines: list[str],
        first: dict[str, str],
        more: dict[str, list[str]] | None,
        cseq: tuple[int, str],
        method: str,
        uri_text: str,
    ) -> None:
        Message.__init__(self, lines, first, more, cseq)
        self.method = method
        self.uri_text = uri_text
        self._uri: Uri | None = None
        self._head: tuple[Source | None, str, str] | None = None

    @property
    def uri(self) -> Uri:
        """The Request-URI; reading it may raise L{ParseError} 416."""
        if self._uri is None:
            self._uri = parse_uri(self.uri_text)
        return self._uri


class Response(Message):
    """A response."""

    __slots__ = ("reason", "status")

    def __init__(
        self,
        lines: list[str],
        first: dict[str, str],
        more: dict[str, list[str]] | None,
        cseq: tuple[int, str],
        status: int,
        reason: str,
    ) -> None:
        Message.__init__(self, lines, first, more, cseq)
        self.status = status
        self.reason = reason


def _tag(value: str) -> str | None:
    """The tag of a From or To: 0.2 us where all is plain, 3 us where not."""
    address, found, tag = value.rpartition(";tag=")
    if found and address.endswith(">"):
        if not (";" in tag or '"' in tag or ">" in tag):
            return tag.strip()
    elif not found and value.endswith(">"):
        return None
    closed = value.rfind(">") + 1
    at = value.find(";tag=", closed)
    if at >= 0 and value.find('"', closed) < 0:
        end = value.find(";", at + 5)
        return value[at + 5 :].strip() if end < 0 else value[at + 5 : end].strip()
    if value.find(";", closed) < 0:
        return None
    return parse_name_addr(value.strip()).tag


def top_branch(value: str) -> str | None:
    """
    The branch of the first value on a Via line, None where RFC 2543 applies.

    @raise ParseError: The Via is malformed. (A plain one is not looked at
        beyond its branch: 0.3 us.)
    """
    _, found, rest = value.partition(";branch=")
    if not found or "," in value or '"' in value:
        values = split_commas(value)
        branch = parse_via(values[0] if values else "").branch
    else:
        branch = rest.partition(";")[0].strip()
    return None if not branch or branch == BRANCH_COOKIE else branch


def build(
    head: str,
    headers: Iterable[tuple[str, str]],
    body: bytes = b"",
    content_type: str | None = None,
    lines: int = 1,
) -> bytes:
    """
    A message as bytes. Content-Type where there is a body, and
    Content-Length always, come last.

    @param head: The start line and any first headers, without the last line end.
    @param lines: How many lines these are.
    @raise ValueError: A line end inside the start line or a header.
    """
    pairs = [f"{name}: {value}\r\n" for name, value in headers]
    text = f"{head}\r\n{''.join(pairs)}"
    _refuse_other_lines(text, lines + len(pairs))
    return _finish(text, body, content_type)


def _header_lines(headers: Iterable[tuple[str, str]]) -> str:
    """
    Header lines with their line ends.

    @raise ValueError: A line end inside one of them.
    """
    lines = [f"{name}: {value}\r\n" for name, value in headers]
    text = "".join(lines)
    _refuse_other_lines(text, len(lines))
    return text


def _refuse_other_lines(text: str, lines: int) -> None:
    if text.count("\n") != lines or text.count("\r") != lines:
        raise ValueError("a line end inside a start line or a header")


def _refuse_line_ends(text: str) -> None:
    _refuse_other_lines(text, 0)


def _finish(head: str, body: bytes, content_type: str | None) -> bytes:
    if not body:
        return (head + _EMPTY).encode("utf-8", "surrogateescape")
    if content_type is not None:
        _refuse_line_ends(content_type)
        head = f"{head}Content-Type: {content_type}\r\n"
    head = f"{head}Content-Length: {len(body)}\r\n\r\n"
    return head.encode("utf-8", "surrogateescape") + body


def respond(
    request: Request,
    status: int,
    reason: str | None = None,
    to_tag: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    content_type: str | None = None,
    received: Source | None = None,
) -> bytes:
    """
    An answer as bytes (RFC 3261 section 8.2.6): Via, From, To, Call-ID and
    CSeq as they came, Record-Route where the answer can make a dialog,
    Timestamp in a 100. The first answer to a request costs 1.9 us, the next
    ones 0.4 us, since the copied lines are kept with the request.

    It is sent to many requests that could not be read: what the request
    lacks, the answer lacks.

    @param reason: The reason phrase, None for the usual one.
    @param to_tag: Added to To unless it has a tag.
    @param headers: These follow CSeq.
    @param received: Where the request came from: fills in C{received} and
        C{rport} of the top Via (RFC 3581).
    @raise ValueError: A line end inside what was given.
    """
    if reason is None and status in _STATUS_LINES:
        start = _STATUS_LINES[status]
    else:
        reason = reason if reason is not None else ""
        _refuse_line_ends(reason)
        start = f"SIP/2.0 {status} {reason}\r\n"
    kept = request._head
    if kept is None or kept[0] != received:
        kept = request._head = (received, *_copied(request, received))
    _, before, after = kept
    if to_tag is not None and before and not _has_tag(request):
        before = f"{before};tag={to_tag}"
    head = start + before + after
    if headers:
        head += _header_lines(headers)
    if 100 < status < 300 and "record-route" in request._first:
        head += _copy(request, "record-route", "Record-Route")
    elif status == 100 and "timestamp" in request._first:
        head += _copy(request, "timestamp", "Timestamp")
    return _finish(head, body, content_type)


def _copied(request: Request, received: Source | None) -> tuple[str, str]:
    """The copied lines up to the end of To, and those after it."""
    first = request._first
    before = _copy_vias(request, received)
    if "from" in first:
        before += f"From: {first['from'].strip()}\r\n"
    if "to" in first:
        before += f"To: {first['to'].strip()}"
    else:
        before = before[:-2]
    after = f"\r\nCall-ID: {request.call_id}\r\n" if request.call_id else "\r\n"
    if "cseq" in first:
        after += f"CSeq: {first['cseq'].strip()}\r\n"
    return before, after


def _copy_vias(request: Request, received: Source | None) -> str:
    if received is None or "via" not in request._first:
        return _copy(request, "via", "Via")
    top = top_via_with(request, *received)
    rest = request._first["via"]
    if "," in rest:
        top = ", ".join([top, *split_commas(rest)[1:]])
    lines = f"Via: {top}\r\n"
    if request._more is not None:
        for value in request._more.get("via", ()):
            lines += f"Via: {value.strip()}\r\n"
    return lines


def _copy(request: Request, key: str, name: str) -> str:
    return "".join([f"{name}: {value.strip()}\r\n" for value in request._values(key)])


def _has_tag(request: Request) -> bool:
    """Whether To is not to be given a tag."""
    try:
        return "to" not in request._first or request.to_tag is not None
    except ParseError:
        return True


def top_via_with(request: Request, host: str, port: int) -> str:
    """
    The top Via as it goes back (RFC 3261 section 18.2.1, RFC 3581): with
    C{received} where sent-by is another address or C{rport} is asked for,
    with C{rport} filled in where it came without a value. A C{received} that
    came with the request is not believed. A Via that cannot be read comes
    back as it is.

    @param host: The source address, IPv6 without brackets.
    """
    value = request.get("via") or ""
    place, _, params = value.partition(";")
    lowered = params.lower()
    at = value.find(";rport")
    if "received" in lowered or '"' in params or " " in params or "\t" in params:
        return _rewritten(request, value, host, port)
    if "rport" not in lowered:
        shown = " " + bracketed(host)
        if place.endswith(shown) or shown + ":" in place:
            return value
        return f"{value};received={host}"
    if at >= 0 and value[at + 6 : at + 7] in ("", ";"):
        return f"{value[:at]};received={host};rport={port}{value[at + 6 :]}"
    return _rewritten(request, value, host, port)


def _rewritten(request: Request, value: str, host: str, port: int) -> str:
    """The slow way of L{top_via_with}, for Vias that are not plain."""
    try:
        via = request.via
    except ParseError:
        return value
    pairs: list[tuple[str, str | None]] = []
    for name, given in via.params:
        key = name.lower()
        if key == "rport" and given is None:
            pairs.append((name, str(port)))
        elif key != "received":
            pairs.append((name, given))
    if via.rport is not None or via.host.lower() != host.lower():
        pairs.append(("received", host))
    return str(attrs.evolve(via, params=tuple(pairs)))
