"""
What a record and a list of calls need of a session description, and quickly.

The call path does not parse descriptions: they pass through. This looks only
for the first audio stream (3 us, where L{vos3000.sdp.session.parse} takes 10)
and it never raises, because a description that cannot be read must not end
a call that both ends understand.
"""

from __future__ import annotations

from vos3000.sdp.payloads import BESIDE, STATIC, codec_name
from vos3000.values import fixed

MAX_CODECS = 32
"""Payload types that are looked at; nobody offers more in earnest."""


FAX = "T38"
"""What stands among the codecs for a fax."""


@fixed
class Description:
    """
    The first audio stream of a description, or the fax that took its place.

    @ivar address: Where it wants to receive; empty if nothing was readable.
    @ivar port: The RTP port there; 0 for a stream that is refused or unknown.
    @ivar codecs: Names in the order of preference, none twice.
    """

    address: str = ""
    port: int = 0
    codecs: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, str]:
        """Address and codecs as the columns of a record hold them."""
        return self.address[:64], ",".join(self.codecs)[:64]


NOTHING = Description()


def describe(body: bytes) -> Description:
    """
    Find the first audio stream's address, port and codecs; those of the fax
    where there is one instead.

    @return: L{NOTHING} where C{body} has neither or cannot be read.
    """
    start = body.find(b"\nm=audio ")
    if start < 0 or body.startswith(b"0 ", start + 9):
        fax = _fax(body)
        if fax is not None:
            return fax
    if start < 0:
        return NOTHING
    end = body.find(b"\nm=", start + 9)
    section = body[start + 9 : end] if end > 0 else body[start + 9 :]
    words = section.partition(b"\n")[0].split(None, 2 + MAX_CODECS)
    if len(words) < 3:
        return NOTHING
    try:
        port = int(words[0].partition(b"/")[0])
    except ValueError:
        return NOTHING
    address = _connection(section) or _connection(body[:start])
    return Description(address, port, _codecs(section, words[2 : 2 + MAX_CODECS]))


def _fax(body: bytes) -> Description | None:
    """The T.38 stream of a description (ITU-T T.38 annex D), if it is in use."""
    start = body.find(b"\nm=image ")
    if start < 0:
        return None
    end = body.find(b"\nm=", start + 9)
    section = body[start + 9 : end] if end > 0 else body[start + 9 :]
    words = section.partition(b"\n")[0].split(None, 3)
    if (
        len(words) < 3
        or not words[0].isdigit()
        or len(words[0]) > 5
        or words[0] == b"0"
    ):
        return None
    address = _connection(section) or _connection(body[:start])
    return Description(address, int(words[0]), (FAX,))


def _connection(lines: bytes) -> str:
    start = lines.find(b"\nc=IN IP")
    if start < 0:
        return ""
    words = lines[start + 8 : start + 120].split(None, 2)
    if len(words) < 2:
        return ""
    return words[1].partition(b"/")[0].decode("ascii", "replace")


def _codecs(section: bytes, formats: list[bytes]) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for payload in formats:
        name = STATIC.get(payload)
        if name is None:
            if payload in BESIDE:
                continue
            at = section.find(b"\na=rtpmap:" + payload + b" ")
            if at < 0:
                continue
            at += 11 + len(payload)
            end = section.find(b"\n", at)
            name = codec_name(section[at:end] if end > 0 else section[at:])
            if not name:
                continue
        names[name] = None
    return tuple(names)
