"""
Session descriptions: text to values and back (RFC 8866).

For tests, checks and everything that changes a description. The call path
reads with L{vos3000.sdp.describe} and passes the bytes on.

Read tolerantly, written strictly: bare LF, a missing C{s=} or C{t=}, lines out
of order, zero bytes at the end and a user name with blanks in it are accepted;
what is written has CRLF, the mandatory lines and the order of the RFC (section
5). Lines nobody here knows are kept.
"""

from __future__ import annotations

import attrs

from vos3000.errors import ParseError
from vos3000.sdp.payloads import BESIDE, STATIC, codec_name

MAX_SIZE = 65535
MAX_LINES = 2000
MAX_MEDIA = 64
MAX_FORMATS = 256
"""Of one stream; there are 128 payload types."""

Line = tuple[str, str]
"""A line's letter and what follows the equals sign."""

_RANKS = {letter: rank for rank, letter in enumerate("vosiuepcbtzka")} | {"r": 9}
_LAST = len(_RANKS)


@attrs.frozen(slots=True)
class Origin:
    """The o= line: who made the session, and which version of it this is."""

    username: str
    session_id: int
    version: int
    family: str
    address: str

    def __str__(self) -> str:
        return (
            f"{self.username} {self.session_id} {self.version}"
            f" IN {self.family} {self.address}"
        )


@attrs.frozen(slots=True)
class Connection:
    """
    A c= line.

    @ivar suffix: What follows the address of a multicast group, from the slash.
    """

    family: str
    address: str
    suffix: str = ""

    def __str__(self) -> str:
        return f"IN {self.family} {self.address}{self.suffix}"


@attrs.frozen(slots=True)
class Media:
    """
    An m= line and the lines below it.

    @ivar kind: C{audio}, C{video}, C{image} ...
    @ivar count: The number of ports from L{port} on, mostly 1.
    @ivar lines: Every line below except c=, in order.
    """

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    count: int = 1
    connections: tuple[Connection, ...] = ()
    lines: tuple[Line, ...] = ()

    def __str__(self) -> str:
        ports = f"{self.port}/{self.count}" if self.count != 1 else str(self.port)
        return " ".join((self.kind, ports, self.protocol, *self.formats))

    def attributes(self, name: str) -> tuple[str, ...]:
        """The values of a stream's a= lines of this name; empty for a flag."""
        return _attributes(self.lines, name)


@attrs.frozen(slots=True)
class Session:
    """
    A whole description.

    @ivar lines: Every line of the session's part except v=, o=, s= and c=.
    """

    origin: Origin
    name: str = "-"
    connection: Connection | None = None
    lines: tuple[Line, ...] = ()
    media: tuple[Media, ...] = ()

    def attributes(self, name: str) -> tuple[str, ...]:
        """The values of the session's own a= lines of this name."""
        return _attributes(self.lines, name)


def _attributes(lines: tuple[Line, ...], name: str) -> tuple[str, ...]:
    pairs = (value.partition(":") for letter, value in lines if letter == "a")
    return tuple(value for key, _, value in pairs if key == name)


def parse(body: bytes) -> Session:
    """
    Read a description.

    @raise ParseError: If it is too large, or a line has no form at all, or
        v=, o=, m= or c= cannot be understood.
    """
    if len(body) > MAX_SIZE:
        raise ParseError("session description too large", 413)
    lines = [_line(text) for text in _texts(body)]
    starts = [i for i, (letter, _) in enumerate(lines) if letter == "m"]
    if len(starts) > MAX_MEDIA:
        raise ParseError(f"more than {MAX_MEDIA} streams")
    if not lines or lines[0] != ("v", "0"):
        raise ParseError("a session description begins with v=0")
    ends = [*starts[1:], len(lines)]
    head = lines[1 : starts[0]] if starts else lines[1:]
    media = tuple(_media(lines[i:j]) for i, j in zip(starts, ends, strict=False))
    return _session(head, media)


def _texts(body: bytes) -> list[str]:
    texts = body.decode("utf-8", "surrogateescape").split("\n")
    if len(texts) > MAX_LINES:
        raise ParseError(f"more than {MAX_LINES} lines")
    return [text for text in (t.rstrip("\r\0") for t in texts) if text]


def _line(text: str) -> Line:
    if text[1:2] != "=":
        raise ParseError(f"not a line of a session description: {text[:40]!r}")
    return text[0], text[2:]


def _session(head: list[Line], media: tuple[Media, ...]) -> Session:
    found = dict(reversed(head))
    if "o" not in found:
        raise ParseError("a session description needs an o= line")
    return Session(
        origin=_origin(found["o"]),
        name=found.get("s", "-"),
        connection=_connection(found["c"]) if "c" in found else None,
        lines=tuple(line for line in head if line[0] not in "osc"),
        media=media,
    )


def _number(text: str, line: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 20:
        raise ParseError(f"{text[:30]!r} is not a number in {line}")
    return int(text)


def _origin(value: str) -> Origin:
    words = value.split()
    if len(words) < 6 or words[-3] != "IN":
        raise ParseError(f"o={value[:60]} is not an origin")
    *user, session_id, version, _, family, address = words
    return Origin(
        "-".join(user),
        _number(session_id, "o="),
        _number(version, "o="),
        family,
        address,
    )


def _connection(value: str) -> Connection:
    words = value.split()
    if len(words) != 3 or words[0] != "IN":
        raise ParseError(f"c={value[:60]} is not a connection")
    address, slash, rest = words[2].partition("/")
    return Connection(words[1], address, slash + rest)


def _media(lines: list[Line]) -> Media:
    words = lines[0][1].split()
    if len(words) < 4:
        raise ParseError(f"m={lines[0][1][:60]} is not a stream")
    if len(words) > 3 + MAX_FORMATS:
        raise ParseError(f"more than {MAX_FORMATS} formats")
    port, slash, count = words[1].partition("/")
    number = _number(port, "m=")
    if number > 65535:
        raise ParseError(f"{number} is not a port")
    return Media(
        kind=words[0],
        port=number,
        protocol=words[2],
        formats=tuple(words[3:]),
        count=_number(count, "m=") if slash else 1,
        connections=tuple(_connection(v) for letter, v in lines if letter == "c"),
        lines=tuple(line for line in lines[1:] if line[0] != "c"),
    )


def _ordered(lines: list[Line]) -> list[Line]:
    return sorted(lines, key=lambda line: _RANKS.get(line[0], _LAST))


def serialize(session: Session) -> bytes:
    """Write a description."""
    lines = [("v", "0"), ("o", str(session.origin)), ("s", session.name)]
    if session.connection is not None:
        lines.append(("c", str(session.connection)))
    lines += session.lines
    if not any(letter == "t" for letter, _ in session.lines):
        lines.append(("t", "0 0"))
    lines = _ordered(lines)
    for media in session.media:
        below = [("c", str(each)) for each in media.connections]
        lines += [("m", str(media)), *_ordered([*below, *media.lines])]
    text = "".join(f"{letter}={value}\r\n" for letter, value in lines)
    return text.encode("utf-8", "surrogateescape")


def first_audio(session: Session) -> Media | None:
    """The first audio stream."""
    return next((media for media in session.media if media.kind == "audio"), None)


def media_address(session: Session) -> tuple[str, int]:
    """
    Where the first audio stream is received: address and port.

    @return: C{("", 0)} without audio or without a c= line that covers it.
    """
    media = first_audio(session)
    if media is None:
        return "", 0
    connection = media.connections[0] if media.connections else session.connection
    return connection.address if connection is not None else "", media.port


def codecs(session: Session) -> tuple[str, ...]:
    """
    The codecs of the first audio stream, in the order of preference.

    @return: Names as records show them; tones and comfort noise are left out.
    """
    media = first_audio(session)
    if media is None:
        return ()
    pairs = (value.partition(" ") for value in media.attributes("rtpmap"))
    maps = {payload: encoding.strip() for payload, _, encoding in pairs}
    names: dict[str, None] = {}
    for payload in media.formats:
        key = payload.encode("utf-8", "surrogateescape")
        name = "" if key in BESIDE else STATIC.get(key)
        if name is None:
            encoding = maps.get(payload, "")
            name = codec_name(encoding.encode("utf-8", "surrogateescape"))
        if name:
            names[name] = None
    return tuple(names)
