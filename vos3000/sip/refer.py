"""
Transfers as SIP writes them: Refer-To (RFC 3515), Replaces (RFC 3891), Refer-Sub
(RFC 4488), and what a NOTIFY tells of a transfer (message/sipfrag, RFC 3420).
"""

from __future__ import annotations

import re
from urllib.parse import unquote

import attrs

from vos3000.errors import ParseError
from vos3000.sip.fields import MAX_VALUE, parse_name_addr, parse_params
from vos3000.sip.message import REASONS, Message
from vos3000.sip.uri import Uri, find_param

SIPFRAG = "message/sipfrag;version=2.0"
"""The Content-Type of what a transfer has come to (RFC 3515 section 2.4.5)."""

SUPPORTED = ("Supported", "replaces, norefersub")
"""What tells a peer that it may ask for the place of one side of a call, and not to
be told what becomes of a transfer."""

SCHEMES = frozenset(("sip", "tel"))
"""Where a call can be referred to."""

SECURE = SCHEMES | {"sips"}
"""The same from where nobody on the way can read it: SIPS says how its sender is
reached."""

_ESCAPED = re.compile(r"(?:[^%]|%[0-9A-Fa-f]{2})*")


@attrs.frozen(slots=True)
class Replaces:
    """
    The dialog that an INVITE takes the place of (RFC 3891 section 6.1).

    @ivar to_tag: The tag of whoever gets the INVITE.
    @ivar from_tag: The tag of the other end.
    @ivar early_only: Whether it shall only be replaced before it is answered.
    """

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False

    def __str__(self) -> str:
        """As the header's value."""
        early = ";early-only" if self.early_only else ""
        return f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}{early}"


@attrs.frozen(slots=True)
class Referred:
    """
    Where a REFER sends its receiver.

    @ivar uri: Whom to call, without the headers that the INVITE shall have.
    @ivar replaces: The dialog that the INVITE shall take the place of.
    """

    uri: Uri
    replaces: Replaces | None = None


def parse_replaces(text: str) -> Replaces:
    """
    Read a Replaces.

    @raise ParseError: Malformed, or one of its two tags is missing or doubled.
    """
    if len(text) > MAX_VALUE:
        raise ParseError("too long to be a Replaces")
    call_id, _, rest = text.partition(";")
    call_id = call_id.strip()
    if not call_id or not _is_word(call_id):
        raise ParseError("a Replaces without a Call-ID")
    params = parse_params(";" + rest)
    names = [name.lower() for name, _ in params]
    if names.count("to-tag") != 1 or names.count("from-tag") != 1:
        raise ParseError("a Replaces has one to-tag and one from-tag")
    to_tag, from_tag = find_param(params, "to-tag"), find_param(params, "from-tag")
    if not to_tag or not from_tag:
        raise ParseError("a tag of a Replaces is empty")
    return Replaces(call_id, to_tag, from_tag, "early-only" in names)


def replaces_of(message: Message) -> Replaces | None:
    """
    The dialog that an INVITE takes the place of; None if it names none.

    @raise ParseError: Malformed, or there are several (section 3).
    """
    values = message.all("replaces")
    if not values:
        return None
    if len(values) > 1:
        raise ParseError("more than one Replaces")
    return parse_replaces(values[0])


def referred_by(message: Message, secure: bool = False) -> Referred:
    """
    Where a REFER sends us.

    @param secure: Whether nobody could read it on the way.
    @raise ParseError: Refer-To is missing, doubled (RFC 3515 section 2.4.2),
        malformed or asks for anything but an INVITE; status 416 for a scheme
        that cannot be called.
    """
    values = message.all("refer-to")
    if len(values) != 1:
        raise ParseError("not one Refer-To")
    uri = _address(values[0], SECURE if secure else SCHEMES)
    if (uri.param("method") or "INVITE").upper() != "INVITE":
        raise ParseError("a Refer-To that asks for no INVITE")
    replaces = _replaces_in(uri.headers) if uri.headers else None
    return Referred(attrs.evolve(uri, headers=""), replaces)


def _address(text: str, schemes: frozenset[str]) -> Uri:
    """
    The URI of a Refer-To. Many leave the brackets out, as RFC 3515's own examples
    do, or do not escape the @ of a Call-ID in its headers.
    """
    if "<" not in text and "?" in text:
        text = f"<{text.strip()}>"
    uri, mark, headers = text.partition("?")
    if mark and "@" in uri:
        text = uri + mark + headers.replace("@", "%40")
    bare = text.partition("<")[2] if "<" in text else text
    scheme, colon, _ = bare.strip().partition(":")
    if colon and scheme.isalnum() and scheme.lower() not in schemes:
        raise ParseError("a Refer-To that cannot be called", 416)
    return parse_name_addr(text).uri


def _replaces_in(headers: str) -> Replaces | None:
    """The Replaces among a URI's headers; others say nothing (RFC 3261 19.1.5)."""
    found = None
    for header in headers.split("&"):
        name, _, value = header.partition("=")
        if unquote(name).lower() != "replaces":
            continue
        if found is not None or not _ESCAPED.fullmatch(value):
            raise ParseError("a Refer-To with a Replaces that cannot be read")
        found = parse_replaces(unquote(value))
    return found


def wants_notice(message: Message) -> bool:
    """
    Whether who sent a REFER wants to know what comes of it (RFC 4488).

    @raise ParseError: If Refer-Sub is doubled or neither true nor false.
    """
    values = message.all("refer-sub")
    if not values:
        return True
    word = values[0].partition(";")[0].strip().lower()
    if len(values) > 1 or word not in ("true", "false"):
        raise ParseError("Refer-Sub is neither true nor false")
    return word == "true"


def fragment(status: int) -> bytes:
    """What a transfer has come to, as the body of a NOTIFY."""
    reason = REASONS.get(status) or REASONS.get(status // 100 * 100, "")
    return f"SIP/2.0 {status} {reason}\r\n".encode()


def _is_word(text: str) -> bool:
    """Whether it can be a Call-ID (RFC 3261 section 25.1)."""
    return text.isascii() and text.isprintable() and " " not in text and "," not in text
