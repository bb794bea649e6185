"""
The header fields that are read apart: names with addresses, Via, CSeq.

All functions take one value with its folding undone, and run in time linear
in its length whatever it holds.
"""

from __future__ import annotations

import re
from functools import lru_cache

from vos3000.errors import ParseError
from vos3000.sip.uri import (
    TOKEN,
    Params,
    Uri,
    bracketed,
    find_param,
    parse_host,
    parse_uri,
)
from vos3000.values import fixed

MAX_VALUE = 4096
"""Characters of a value that is read apart; longer ones are refused unread."""

# Possessive: one that has no end is given up at once. pydoctor cannot read such
# expressions where they are compiled.
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_QUOTED = re.compile(_STRING, re.S)
_TOKENS = {
    separator: re.compile(rf'{_STRING}|<[^>]*+>|["<{separator}]', re.S)
    for separator in ",;"
}
_PAUSE = r"([0-9]{1,10})\s*+(?:\([^()]*+\)\s*+)?(|;.*+)"
_RETRY_AFTER = re.compile(_PAUSE, re.S)
_CSEQ_LIMIT = 1 << 32
_CSEQ_DIGITS = 32
_NAMES = frozenset(("branch", "rport", "received", "tag", "lr", "expires", "q"))
"""Parameters of nearly all messages, which need no look at their characters: 1 us
each."""

_SHORT = 32
"""Characters of a CSeq that is worth remembering."""


@fixed
class NameAddr:
    """
    A value of From, To, Contact, Route and their kin (RFC 3261 section 20.10).

    @ivar display: The display name without quotes and escapes.
    @ivar params: The parameters of the header, not those of the URI; quoted
        values keep their quotes (see L{unquote}).
    """

    display: str
    uri: Uri
    params: Params

    def param(self, name: str) -> str | None:
        """
        The value of a parameter, C{""} if it has none, None if it is absent.

        @param name: Lower case.
        """
        return find_param(self.params, name)

    @property
    def tag(self) -> str | None:
        """The tag of From and To, or None."""
        return find_param(self.params, "tag")

    def __str__(self) -> str:
        """The value as to be sent: the URI always in angle brackets."""
        text = f"<{self.uri}>{_params_text(self.params)}"
        return f"{quote(self.display)} {text}" if self.display else text


@fixed
class Via:
    """
    One hop (RFC 3261 section 20.42).

    @ivar transport: Upper case.
    @ivar host: Of sent-by: lower case, IPv6 without brackets.
    @ivar port: Of sent-by, None where it is left to the transport's default.
    """

    transport: str
    host: str
    port: int | None
    params: Params

    def param(self, name: str) -> str | None:
        """
        The value of a parameter, C{""} if it has none, None if it is absent.

        @param name: Lower case.
        """
        return find_param(self.params, name)

    @property
    def branch(self) -> str | None:
        """The branch as written, or None."""
        return find_param(self.params, "branch")

    @property
    def rport(self) -> str | None:
        """None if absent, C{""} if asked for, else its value (RFC 3581)."""
        return find_param(self.params, "rport")

    @property
    def received(self) -> str | None:
        """The address that the next hop saw, brackets removed, or None."""
        value = find_param(self.params, "received")
        return None if value is None else value.strip("[]")

    def __str__(self) -> str:
        """The value as to be sent."""
        port = "" if self.port is None else f":{self.port}"
        place = bracketed(self.host) + port
        return f"SIP/2.0/{self.transport} {place}{_params_text(self.params)}"


def quote(text: str) -> str:
    """A quoted string (RFC 3261 section 25.1)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def unquote(text: str) -> str:
    """The text of a quoted string; anything else is returned as it is."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    inner = text[1:-1]
    if "\\" not in inner:
        return inner
    # Pairs of backslashes first: what is left before a letter escapes it.
    return "\\".join(part.replace("\\", "") for part in inner.split("\\\\"))


def split_commas(text: str) -> list[str]:
    """
    The values that share a line: cut at the commas outside quotes and angle
    brackets, stripped, empty ones left out.
    """
    if "," not in text:
        pieces = [text]
    elif '"' in text or "<" in text:
        pieces = _split(text, ",")
    else:
        pieces = text.split(",")
    return [piece for piece in map(str.strip, pieces) if piece]


def _split(text: str, separator: str) -> list[str]:
    """Cut at a separator outside quotes and angle brackets, in one pass."""
    pieces = []
    start = 0
    for match in _TOKENS[separator].finditer(text):
        token = match[0]
        if token == separator:
            pieces.append(text[start : match.start()])
            start = match.end()
        elif token in ('"', "<"):
            break  # of one without an end all the rest is part
    pieces.append(text[start:])
    return pieces


def parse_name_addr(text: str) -> NameAddr:
    """
    Read one value of From, To, Contact, Route, Record-Route, Refer-To ...

    Without angle brackets all parameters belong to the header (RFC 3261
    section 20.10). A display name that needs quotes and has none is taken,
    and quoted when it is sent on.

    @raise ParseError: Malformed, too long, or a URI of an unknown scheme; 400.
    """
    if len(text) > MAX_VALUE:
        raise ParseError("too long to be an address")
    display = ""
    if text.startswith("<"):
        opened = 0
    elif text.startswith('"'):
        closed = _closing_quote(text)
        display = unquote(text[: closed + 1])
        opened = text.find("<", closed)
        if opened < 0 or text[closed + 1 : opened].strip():
            raise ParseError("a display name without an address")
    else:
        opened = text.find("<")
        if opened < 0:
            return _bare(text)
        display = text[:opened].rstrip()
        if '"' in display:
            raise ParseError("a quote inside a display name")
    closed = text.find(">", opened)
    if closed < 0:
        raise ParseError("an address without its closing bracket")
    rest = text[closed + 1 :]
    params = parse_params(rest) if rest else ()
    return NameAddr(display, _uri(text[opened + 1 : closed]), params)


def _bare(text: str) -> NameAddr:
    address, semicolon, params = text.partition(";")
    if "?" in address or "," in address:
        raise ParseError("an address that needs angle brackets")
    uri = _uri(address.rstrip())
    return NameAddr("", uri, parse_params(";" + params) if semicolon else ())


def _uri(text: str) -> Uri:
    """416 is an answer about the Request-URI only."""
    try:
        return parse_uri(text)
    except ParseError as error:
        raise ParseError(str(error)) from error


def _closing_quote(text: str) -> int:
    """The index of the quote that closes the one at index 0."""
    match = _QUOTED.match(text)
    if match is None:
        raise ParseError("a quoted string without an end")
    return match.end() - 1


def parse_params(text: str) -> Params:
    """
    Read C{;name=value;name ...} with any white space around its parts.

    @raise ParseError: An empty parameter or value, or text before the first.
    """
    quoted = '"' in text
    pieces = _split(text, ";") if quoted else text.split(";")
    if pieces[0].strip():
        raise ParseError("text where a parameter was expected")
    del pieces[0]
    pairs: list[tuple[str, str | None]] = []
    for piece in pieces:
        name, equals, value = piece.partition("=")
        name = name.strip()
        if name not in _NAMES and (not name or name.strip(TOKEN)):
            raise ParseError("a parameter whose name is not a token")
        pairs.append((name, _param_value(value.strip()) if equals else None))
    return tuple(pairs)


def _param_value(value: str) -> str:
    if value.startswith('"'):
        if _closing_quote(value) == len(value) - 1:
            return value
    elif value and '"' not in value and " " not in value and "\t" not in value:
        return value
    raise ParseError("a malformed parameter value")


def _params_text(params: Params) -> str:
    return "".join(
        [f";{name}" if value is None else f";{name}={value}" for name, value in params]
    )


def parse_via(text: str) -> Via:
    """
    Read one value of Via, with white space wherever the grammar has it.

    @raise ParseError: Malformed, or too long.
    """
    if len(text) > MAX_VALUE:
        raise ParseError("too long to be a Via")
    hop, semicolon, rest = text.partition(";")
    parts = hop.split("/", 2)
    if len(parts) != 3 or not _is_sip2(parts[0], parts[1]):
        raise ParseError("a Via that is not of SIP/2.0")
    words = parts[2].split(None, 1)
    if len(words) != 2 or (words[0] != "UDP" and words[0].strip(TOKEN)):
        raise ParseError("a Via without transport or sent-by")
    place = words[1]
    if " " in place or "\t" in place:
        place = ":".join(map(str.strip, place.split(":")))
    host, port = parse_host(place)
    params = parse_params(";" + rest) if semicolon else ()
    return Via(words[0].upper(), host, port, params)


def _is_sip2(name: str, version: str) -> bool:
    return name.strip().upper() == "SIP" and version.strip() == "2.0"


@lru_cache(4096)
def parse_number(text: str, limit: int) -> int:
    """
    Read a decimal number. Lengths, hops and the like are the same over and over:
    remembered, one costs a third. What is refused is not remembered.

    @param limit: The first number that is too large.
    @raise ParseError: Not a number, or not below the limit.
    """
    if text.isdigit() and text.isascii() and len(text) <= _CSEQ_DIGITS:
        number = int(text)
        if number < limit:
            return number
    raise ParseError("not a number, or one out of range")


def parse_retry_after(text: str) -> int:
    """
    Read a Retry-After: the seconds, whatever comment and parameters say
    beside them (20.33). What would be weeks is cut to C{2**31}.

    @raise ParseError: Malformed.
    """
    if len(text) > MAX_VALUE:
        raise ParseError("too long to be a Retry-After")
    match = _RETRY_AFTER.fullmatch(text.strip())
    if match is None:
        raise ParseError("not a Retry-After")
    parse_params(match[2])
    return min(int(match[1]), 1 << 31)


def parse_cseq(text: str) -> tuple[int, str]:
    """
    Read a CSeq: its number, below 2**32, and its method.

    @raise ParseError: Malformed or out of range.
    """
    return _known_cseq(text) if len(text) <= _SHORT else _cseq(text)


def _cseq(text: str) -> tuple[int, str]:
    words = text.split()
    if len(words) != 2:
        raise ParseError("a CSeq without number or method")
    return parse_number(words[0], _CSEQ_LIMIT), words[1]


_known_cseq = lru_cache(1024)(_cseq)
"""Nearly every message has one of a few: 1 us a message less."""
