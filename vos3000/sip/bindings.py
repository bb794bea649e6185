"""
What a REGISTER says: its Contacts, flows, routes and lifetimes (RFC 3261
section 10, RFC 3327, RFC 5626 section 6).
"""

from __future__ import annotations

import attrs

from vos3000.errors import ParseError, VosError
from vos3000.sip.aim import reachable
from vos3000.sip.fields import NameAddr, parse_name_addr, parse_number, quote, unquote
from vos3000.sip.hosts import is_address
from vos3000.sip.message import Request
from vos3000.sip.transaction import Address
from vos3000.sip.uri import Uri

MOST_CONTACTS = 8
"""Contacts of one REGISTER, and routes of its Path."""

LONGEST = 512
"""Characters of a Contact that is kept; of a whole Path, twice as many."""

LONGEST_INSTANCE = 200
"""Characters of an instance (RFC 5626) that is kept."""

UNREADABLE = 3600
"""Seconds that an Expires means which is no number (20.19)."""

_ENDLESS = 1 << 32
_REG_IDS = 1 << 31
_PORTS = {"TLS": 5061, "WSS": 443, "WS": 80}


class Refused(VosError):
    """
    A REGISTER that was authenticated is not carried out.

    @ivar status: What answers it, with the error's text as its reason phrase.
    @ivar headers: What that answer needs.
    """

    def __init__(
        self, status: int, reason: str, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.headers = headers


@attrs.frozen(slots=True)
class Offer:
    """
    A Contact of a REGISTER.

    @ivar flow: Instance and reg-id, where RFC 5626 is used; else empty.
    @ivar lifetime: Seconds asked for, 0 to be forgotten.
    @ivar rank: Its q.
    """

    uri: Uri
    flow: str
    lifetime: int
    rank: float


def offers_of(request: Request, contacts: list[str], longest: int) -> list[Offer]:
    """
    The Contacts of a REGISTER.

    @param contacts: Its values of Contact.
    @param longest: Seconds that are meant where none are named.
    @raise Refused: If one cannot be called, or RFC 5626 is misused.
    @raise ParseError: If one is malformed.
    """
    if len(contacts) > MOST_CONTACTS:
        raise Refused(400, "Bad Request - too many contacts")
    default = expires_of(request.get("expires"), longest)
    outbound = "outbound" in _tags(request, "supported") | _tags(request, "require")
    offers = []
    for text in contacts:
        contact = parse_name_addr(text)
        uri = contact.uri
        if uri.scheme == "tel" or len(str(uri)) > LONGEST:
            raise Refused(400, "Bad Request - a contact that cannot be called")
        flow = _flow(request, contact) if outbound else ""
        lifetime = expires_of(contact.param("expires"), default)
        offers.append(Offer(uri, flow, lifetime, _rank(contact)))
    if sum(bool(offer.flow) for offer in offers) > 1:
        raise Refused(400, "Bad Request - one reg-id at a time")
    return offers


def expires_of(text: str | None, default: int) -> int:
    """
    The seconds of an Expires, or of a Contact's parameter.

    @param default: What is meant where there is none.
    """
    if text is None:
        return default
    try:
        return parse_number(text, _ENDLESS)
    except ParseError:
        return UNREADABLE


def _rank(contact: NameAddr) -> float:
    """The q of a Contact; 1 where there is none that can be read."""
    text = contact.param("q") or ""
    digits = text.replace(".", "", 1)
    plain = digits.isascii() and digits.isdigit() and len(digits) < 8
    return float(text) if plain else 1.0


def _tags(request: Request, name: str) -> set[str]:
    return {tag.strip().lower() for tag in request.all(name)}


def _flow(request: Request, contact: NameAddr) -> str:
    """
    What tells a flow of a device (RFC 5626 section 6): its instance and its
    reg-id; empty if the Contact has not both.

    @raise Refused: 400 for reg-id 0, 439 where a proxy on the way would not
        keep the flow.
    """
    number = contact.param("reg-id")
    instance = unquote(contact.param("+sip.instance") or "")
    if number is None or not 0 < len(instance) <= LONGEST_INSTANCE:
        return ""
    if not (instance.isascii() and instance.isprintable()):
        return ""
    if parse_number(number, _REG_IDS) == 0:
        raise Refused(400, "Bad Request - reg-id starts at 1")
    if len(request.all("via")) > 1:
        path = request.all("path")
        if not path or parse_name_addr(path[0]).uri.param("ob") is None:
            raise Refused(439, "First Hop Lacks Outbound Support")
    return f"{instance} {int(number)}"


def instance_of(flow: str) -> str:
    """The device that a flow belongs to; empty for none."""
    return flow.rpartition(" ")[0]


def shown(contact: str, flow: str, left: int) -> str:
    """
    A binding as the 200 lists it.

    @param left: Seconds that are left of it.
    """
    text = f"<{contact}>;expires={left}"
    if flow:
        instance, _, number = flow.rpartition(" ")
        text += f";+sip.instance={quote(instance)};reg-id={number}"
    return text


def path_of(request: Request) -> tuple[str, ...]:
    """
    The routes to the device (RFC 3327), as values of Route.

    @raise ParseError: If one is malformed, or all are too long.
    """
    values = request.all("path")
    if len(values) > MOST_CONTACTS or sum(map(len, values)) > 2 * LONGEST:
        raise ParseError("a Path that is too long")
    for value in values:
        parse_name_addr(value)
    return tuple(values)


def same_uri(uri: Uri, text: str) -> bool:
    """
    Whether a Contact is the one that is kept as C{text}. As text, in any case:
    devices repeat themselves, and none has two Contacts that differ by case.
    """
    return str(uri).lower() == text.lower()


def named(uri: Uri, transport: str, source: Address) -> Address | None:
    """
    Where a Contact says that its sender is; None if nothing can be sent there:
    it is a host name, which a call does not wait for, or a private address
    behind a public source.

    @param transport: What the REGISTER came by, as in Via.
    """
    if not is_address(uri.host) or not reachable(uri.host, source[0]):
        return None
    secure = "TLS" if uri.scheme == "sips" else transport
    return uri.host, uri.port or _PORTS.get(secure, 5060)
