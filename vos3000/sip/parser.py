"""
Bytes to messages (RFC 3261 sections 7, 18.3 and 20.14).

Size limits come before work, and one pass over the head finds its headers;
see L{vos3000.sip.message} for what is left for later.

CPython 3.11, an INVITE of 838 bytes and 14 headers: 5.8 us to parse, 9.4 us with
branch, tags, Call-ID, CSeq and Contact read; C{python -m bench.codec} measures it.
"""

from __future__ import annotations

import enum
from typing import Final

from vos3000.errors import ParseError
from vos3000.sip.fields import parse_cseq, parse_name_addr, parse_number, parse_via
from vos3000.sip.message import (
    REASONS,
    MessageError,
    Request,
    Response,
    top_branch,
)
from vos3000.sip.names import SINGLE, SPELLINGS, key_of
from vos3000.sip.uri import TOKEN

MAX_SIZE: Final = 65535
"""Bytes of a message."""

MAX_HEAD: Final = 24576
"""Bytes of a head: of all that is read before it is known who sent it."""

MAX_LINES: Final = 256
"""Lines of a head, the continuation lines of folded headers counted."""

MAX_LINE: Final = 16384
"""Characters of a line, its continuation lines counted."""

MAX_HOPS: Final = 128
"""Via, Route or Contact values that L{validate} reads."""

_KNOWN: Final = """
INVITE ACK BYE CANCEL OPTIONS REGISTER PRACK UPDATE INFO SUBSCRIBE NOTIFY REFER
MESSAGE PUBLISH
"""
_METHODS: Final = frozenset(_KNOWN.split())
_MANDATORY: Final = frozenset(("via", "from", "to", "call-id", "cseq"))
_ROUTES: Final = frozenset(("route", "record-route"))
_END: Final = b"\r\n\r\n"

_STATUS_LINES: Final = {
    f"SIP/2.0 {status} {reason}": (status, reason) for status, reason in REASONS.items()
}
"""Status lines as nearly all peers write them: 1.5 us a response less."""

_First = dict[str, str]
_More = dict[str, list[str]]


class _FoldedError(ParseError):
    """
    There are folded lines: the slow way. A folded line that has no header
    above it is found twice, and then this is the error it looks like.
    """


class KeepAlive(enum.Enum):
    """What a stream carries besides messages."""

    PING = b"\r\n\r\n"
    """A double CRLF: answer it with a single one (RFC 5626 section 4.4.1)."""


PING: Final = KeepAlive.PING


def parse(data: bytes) -> Request | Response:
    """
    Read a datagram. Bytes after the body are dropped (RFC 3261 section 18.3).

    Checked here: start line, version, header names, that the headers every
    message needs are there and once, CSeq, Content-Length, the branch. The
    rest is checked when it is read, or by L{validate}.

    @raise MessageError: A L{ParseError} with the status to answer and, where
        there can be an answer, a request to answer to.
    """
    try:
        return _datagram(data)
    except ParseError as error:
        raise MessageError(str(error), error.status, _salvage(data)) from error


def _datagram(data: bytes) -> Request | Response:
    if len(data) > MAX_SIZE:
        raise ParseError("a message of more than 65535 bytes", 513)
    end = data.find(_END)
    if end <= 0:
        data = data.lstrip(b"\r\n")
        end = data.find(_END)
        if end < 0:
            raise ParseError("a head without an end")
    message, length = _read_head(data[:end])
    body = data[end + 4 :]
    if length is not None and length != len(body):
        if length > len(body):
            raise ParseError("a Content-Length larger than the datagram")
        body = body[:length]
    message.body = body
    return message


def _read_head(head: bytes) -> tuple[Request | Response, int | None]:
    """The message of a head, and its Content-Length if it has one."""
    if len(head) > MAX_HEAD:
        raise ParseError("a head that is too large", 513)
    lines = _lines(head)
    try:
        first, more = _headers(lines)
    except _FoldedError:
        lines = _unfold(lines)
        first, more = _headers(lines)
    if len(head) > MAX_LINE:
        _refuse_long(lines)
    if not first.keys() >= _MANDATORY:
        raise ParseError("a header that every message needs is missing")
    if more is not None:
        _refuse_repetitions(first, more)
    cseq = parse_cseq(first["cseq"])
    message = _start(lines, first, more, cseq)
    if not message.call_id:
        raise ParseError("an empty Call-ID")
    message.branch = top_branch(first["via"])
    length = first.get("content-length")
    if length is None:
        return message, None
    return message, parse_number(length.strip(), MAX_SIZE + 1)


def _lines(head: bytes) -> list[str]:
    """The lines of a head, folded as they came."""
    text = str(head, "utf-8", "surrogateescape")
    lines = text.split("\r\n", MAX_LINES)
    if len(lines) > MAX_LINES:
        raise ParseError("too many header lines", 513)
    # what is left of them; to count them in the text takes a third longer
    left = "".join(lines)
    if "\n" in left or "\r" in left:
        raise ParseError("a bare CR or LF")
    return lines


def _refuse_long(lines: list[str]) -> None:
    if len(lines[0]) > MAX_LINE:
        raise ParseError("a start line that is too long", 414)
    if max(map(len, lines)) > MAX_LINE:
        raise ParseError("a header that is too long", 513)


def _unfold(lines: list[str]) -> list[str]:
    """Join continuation lines by one space (RFC 3261 section 7.3.1)."""
    joined: list[list[str]] = []
    for line in lines:
        if line[:1] in (" ", "\t") and len(joined) > 1:
            joined[-1].append(line.strip(" \t"))
        else:
            joined.append([line])
    return [" ".join(parts) for parts in joined]


def _headers(lines: list[str]) -> tuple[_First, _More | None]:
    """
    The values by key, neither stripped nor split. The one loop that every
    byte of signalling goes through: 0.13 us a header. A name is looked up by
    its subscript, which costs a seventh less than C{get}. A folded line is
    found here, where its name is no known spelling, and not by a search of
    the head for line ends followed by blanks (0.9 us a message).

    @raise _FoldedError: There is a folded line.
    """
    first: _First = {}
    more: _More | None = None
    known = SPELLINGS
    rest = iter(lines)
    next(rest)
    for line in rest:
        name, colon, value = line.partition(":")
        try:
            key = known[name]
        except KeyError:
            if line[:1] in (" ", "\t"):
                raise _FoldedError("a folded line") from None
            key = key_of(name)
        if not colon:
            raise ParseError("a header without a colon")
        if key not in first:
            first[key] = value
        elif more is None:
            more = {key: [value]}
        else:
            more.setdefault(key, []).append(value)
    return first, more


def _refuse_repetitions(first: _First, more: _More) -> None:
    for key in SINGLE & more.keys():
        value = first[key].strip()
        if any(other.strip() != value for other in more[key]):
            raise ParseError("two values of a header that has one")


def _start(
    lines: list[str], first: _First, more: _More | None, cseq: tuple[int, str]
) -> Request | Response:
    """Read the start line (RFC 3261 sections 7.1 and 7.2)."""
    line = lines[0]
    if line.startswith("SIP/"):
        status, reason = _STATUS_LINES.get(line) or _status(line)
        return Response(lines, first, more, cseq, status, reason)
    words = line.split(" ")
    if len(words) != 3 or not words[1]:
        raise ParseError("a malformed start line")
    method, uri, version = words
    if version != "SIP/2.0" and version.upper() != "SIP/2.0":
        known = version.upper().startswith("SIP/")
        raise ParseError("an unknown version", 505 if known else 400)
    if method not in _METHODS and (not method or method.strip(TOKEN)):
        raise ParseError("a method that is not a token")
    if cseq[1] != method:
        status = 400 if method in _METHODS else 501
        raise ParseError("a CSeq of another method", status)
    return Request(lines, first, more, cseq, method, uri)


def _status(line: str) -> tuple[int, str]:
    version, _, rest = line.partition(" ")
    status, _, reason = rest.partition(" ")
    if version != "SIP/2.0" or len(status) != 3:
        raise ParseError("a malformed status line")
    number = parse_number(status, 700)
    if number < 100:
        raise ParseError("a status below 100")
    return number, reason


def _salvage(data: bytes) -> Request | None:
    """
    What an answer to a request that cannot be read needs. None unless Via
    and CSeq are there; None for ACK, which is never answered.
    """
    head = data[:MAX_SIZE].lstrip(b"\r\n").partition(_END)[0]
    text = str(head, "utf-8", "surrogateescape")
    lines = text.split("\r\n", MAX_LINES)[:MAX_LINES]
    lines = [line.replace("\r", " ").replace("\n", " ") for line in _unfold(lines)]
    words = lines[0].split()
    if len(words) < 3 or not words[-1].upper().startswith("SIP/"):
        return None
    first: _First = {}
    more: _More = {}
    for line in lines[1:]:
        _keep(line, first, more)
    number = first.get("cseq", "").split()
    readable = len(number) == 2 and number[0].isdigit()
    if not readable or words[0] == "ACK" or words[0].strip(TOKEN):
        return None
    if not first.get("via", "").strip():
        return None
    kept = [f"{key}: {value}" for key, value in first.items()]
    request = Request([lines[0], *kept], first, more, (0, words[0]), words[0], words[1])
    return request


def _keep(line: str, first: _First, more: _More) -> None:
    """Note a header if an answer needs it."""
    name, colon, value = line.partition(":")
    try:
        key = SPELLINGS.get(name) or key_of(name)
    except ParseError:
        return
    if not colon or key not in _MANDATORY or len(line) > MAX_LINE:
        return
    if key not in first:
        first[key] = value
    elif key == "via":
        more.setdefault(key, []).append(value)


def validate(request: Request) -> None:
    """
    The full check of what a user agent server uses: for new dialogs, where
    the answer to a malformed header is a 400 and not a surprise later on.

    @raise ParseError: 416 for a Request-URI of an unknown scheme, else 400.
    """
    if request.uri.headers:
        raise ParseError("headers in a Request-URI")
    _ = request.via
    for value in _few(request, "via")[1:]:
        parse_via(value)
    for address in (request.from_, request.to):
        if address.tag == "":
            raise ParseError("an empty tag")
    if " " in request.call_id or "\t" in request.call_id:
        raise ParseError("white space in a Call-ID")
    for key in () if request.lacks(_ROUTES) else _ROUTES:
        for value in _few(request, key):
            parse_name_addr(value)
    contacts = _few(request, "contact")
    if contacts != ["*"] or request.method != "REGISTER":
        _ = request.contact
        for value in contacts[1:]:
            parse_name_addr(value)
    _ = request.max_forwards


def _few(request: Request, key: str) -> list[str]:
    """
    The values of a list header.

    @raise ParseError: There are more of them than a call has hops.
    """
    values = request.all(key)
    if len(values) > MAX_HOPS:
        raise ParseError("too many values of one header")
    return values


class StreamParser:
    """
    Cuts a stream into messages by Content-Length (RFC 3261 section 18.3).
    How the stream is cut into pieces makes no difference to what comes out.

    @ivar failure: Set once the stream cannot be followed any further: what
        came before it has been returned, close the connection.
    """

    def __init__(self, max_size: int = MAX_SIZE) -> None:
        """
        @param max_size: Bytes that a message may have.
        """
        self.failure: MessageError | None = None
        self._max_size = max_size
        self._buffer = bytearray()
        self._seen = 0
        self._waiting: Request | Response | None = None
        self._length = 0

    @property
    def pending(self) -> bool:
        """Whether a message has begun that is not complete."""
        return self._waiting is not None or len(self._buffer) > 0

    def feed(self, data: bytes) -> list[Request | Response | KeepAlive]:
        """
        Take the next bytes of the stream.

        @return: The messages and pings they complete.
        @raise MessageError: Nothing was completed before the stream broke,
            now or earlier. Where something was, it is returned and
            C{failure} is set.
        """
        found: list[Request | Response | KeepAlive] = []
        if self.failure is None:
            self._buffer += data
            try:
                while (item := self._next()) is not None:
                    found.append(item)
            except ParseError as error:
                request = _salvage(bytes(self._buffer[: self._max_size]))
                self.failure = MessageError(str(error), error.status, request)
                self._buffer.clear()
        if self.failure is not None and not found:
            raise self.failure
        return found

    def _next(self) -> Request | Response | KeepAlive | None:
        """What the buffer begins with, None if that is not complete."""
        if self._waiting is None:
            if self._skip_line_ends():
                return PING
            if not self._begin():
                return None
        message = self._waiting
        if message is None or len(self._buffer) < self._length:
            return None
        message.body = bytes(self._buffer[: self._length])
        del self._buffer[: self._length]
        self._waiting = None
        return message

    def _skip_line_ends(self) -> bool:
        """Drop line ends before a message; whether they were a ping."""
        buffer = self._buffer
        while buffer.startswith(b"\r\n"):
            if buffer.startswith(_END):
                del buffer[:4]
                return True
            if len(buffer) < 4 and _END.startswith(buffer):
                return False
            del buffer[:2]
        return False

    def _begin(self) -> bool:
        """
        Read a head once all of it is there; whether it was.

        @raise ParseError: It cannot be read, or is too large.
        """
        buffer = self._buffer
        end = buffer.find(_END, max(0, self._seen - 3))
        if end < 0:
            self._seen = len(buffer)
            if self._seen > self._max_size:
                raise ParseError("a head that is too large", 513)
            return False
        if end > self._max_size:
            raise ParseError("a head that is too large", 513)
        message, length = _read_head(bytes(buffer[:end]))
        if length is None:
            raise ParseError("a message without Content-Length on a stream")
        if end + 4 + length > self._max_size:
            raise ParseError("a message that is too large", 513)
        del buffer[: end + 4]
        self._seen = 0
        self._waiting, self._length = message, length
        return True
