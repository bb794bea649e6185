"""
Who calls, beside From: Privacy, asserted and preferred identities, and
Remote-Party-ID.

RFC 3323 (Privacy), RFC 3325 (P-Asserted-Identity, P-Preferred-Identity and the
value C{id}), RFC 7044 (the value C{history}), draft-ietf-sip-privacy-04
(Remote-Party-ID). What cannot be read says nothing: a call does not fail by
the name of its caller.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from urllib.parse import quote as escaped

from vos3000.errors import ParseError
from vos3000.sip.fields import NameAddr, parse_name_addr, quote
from vos3000.sip.uri import TOKEN

MOST_VALUES = 8
"""Values of one header that are looked at, be they readable or not; RFC 3325
knows two."""

HIDING = frozenset(("id", "user", "header"))
"""Privacy values that ask for the caller's number to be withheld (RFC 3323
section 4.2, RFC 3325 section 9.3; TS 29.163 table 19a reads them the same)."""

OBSCURING = frozenset(("history", "header"))
"""Privacy values that ask for the forwarding numbers to be withheld (RFC 7044
section 10.1.2)."""

KNOWN = frozenset(("header", "session", "user", "none", "critical", "id", "history"))
"""Privacy values that are registered."""

ANONYMOUS = "sip:anonymous@anonymous.invalid"
"""The address of who is not to be known (RFC 3323 section 4.1.1.3)."""

ANONYMOUS_FROM = f'"Anonymous" <{ANONYMOUS}>'

_WITHHELD = frozenset(("full", "uri"))
_USER = "-_.!~*'()&=+$,?/"
_GROUPING = str.maketrans("", "", " -.()/")
_DIALLED = "0123456789*#"


def privacy_values(lines: Iterable[str]) -> tuple[str, ...]:
    """
    What Privacy asks for, lower case, each once. Its values stand between
    semicolons (RFC 3323 section 4.2); a comma is taken for one.
    """
    found: dict[str, None] = {}
    for line in lines:
        for value in line.replace(",", ";").split(";"):
            value = value.strip().lower()
            if value and not value.strip(TOKEN) and len(found) < MOST_VALUES:
                found[value] = None
    return tuple(found)


def addresses(values: Iterable[str]) -> tuple[NameAddr, ...]:
    """Those of a header's values that can be read."""
    found: list[NameAddr] = []
    for value in islice(values, MOST_VALUES):
        try:
            found.append(parse_name_addr(value))
        except ParseError:
            continue
    return tuple(found)


def first_number(values: Iterable[str]) -> str:
    """The number of the first value that has one; empty if none has."""
    for address in addresses(values):
        if address.uri.number:
            return address.uri.number
    return ""


def calling_party(values: Iterable[str]) -> NameAddr | None:
    """The Remote-Party-ID of the caller: the first that is of no other party."""
    for address in addresses(values):
        party = address.param("party")
        if party is None or party.lower() == "calling":
            return address
    return None


def withholds(remote_party: NameAddr) -> bool:
    """Whether a Remote-Party-ID asks for its number to be withheld."""
    privacy = (remote_party.param("privacy") or "").strip('"').lower()
    return privacy.partition("-")[0] in _WITHHELD


def is_number(text: str) -> bool:
    """Whether C{text} is a telephone number, and not a name."""
    digits = text[1:] if text.startswith("+") else text
    return bool(digits) and not digits.strip(_DIALLED)


def names_a_number(display: str) -> bool:
    """Whether a display name is a telephone number, in groups or not."""
    return is_number(display.translate(_GROUPING))


def user_part(number: str) -> str:
    """A number as the user part of a URI: what may not stand there escaped."""
    if number.isascii() and number.isalnum():
        return number
    return escaped(number, safe=_USER)


def address_of(number: str, host: str, phone: bool) -> str:
    """
    The SIP URI of a number.

    @param host: As it stands in a URI, with its port if any.
    @param phone: Whether a telephone number is marked as one (C{user=phone}).
    """
    if phone and is_number(number):
        return f"sip:{user_part(number)}@{host};user=phone"
    return f"sip:{user_part(number)}@{host}"


def named(display: str, uri: str) -> str:
    """A URI in angle brackets, after a display name if there is one."""
    return f"{quote(display)} <{uri}>" if display else f"<{uri}>"


def remote_party_id(display: str, uri: str, withheld: bool) -> str:
    """The Remote-Party-ID of a caller whom we know."""
    privacy = "full" if withheld else "off"
    return f"{named(display, uri)};party=calling;screen=yes;privacy={privacy}"
