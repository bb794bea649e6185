"""
Where messages to a peer go: the place that it names, or the one it sends from.

RFC 3261 sends requests to the Contact (12.2.1.1) and responses to the sent-by
of the Via (18.2.2). A peer behind a NAT names places that lead nowhere; many a
switch answers to the socket instead, unless it is told otherwise.
"""

from __future__ import annotations

from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, ip_address

from vos3000.sip.hosts import is_address
from vos3000.sip.message import Request
from vos3000.sip.transaction import Address, default_port
from vos3000.sip.uri import Uri


class Aim(IntEnum):
    """How much of what a peer names is believed."""

    SOCKET = 0
    """Nothing: messages go where it sends from, or where it was called."""
    PORT = 1
    """The port, at the address that it sends from."""
    PLACE = 2
    """Address and port, if that is an address that can be meant."""


AIMS = tuple(Aim)
"""By their numbers, as options have them: a call of the enumeration costs 1 us."""


def aimed(uri: Uri, here: Address, transport: str, aim: Aim) -> Address:
    """
    Where requests to a peer go that names C{uri}. A name that stands for an
    address is left alone, for a call never waits for a look-up, and so is an
    address that cannot be reached from here: then the peer is behind a NAT, and
    where it sends from is where it hears.

    @param here: Where it is without that.
    @param aim: PORT or PLACE.
    """
    return _aimed(uri.host, uri.port or default_port(transport), here, aim)


def answer_at(request: Request, transport: str, source: Address, aim: Aim) -> Address:
    """
    Where responses to a request go whose sender is known. C{rport} (RFC 3581) is
    not looked at: it asks for the socket.

    @raise ParseError: If its Via is malformed.
    """
    if aim is Aim.SOCKET:
        return source
    via = request.via
    return _aimed(via.host, via.port or default_port(transport), source, aim)


def _aimed(host: str, port: int, here: Address, aim: Aim) -> Address:
    if aim is Aim.PORT or host == here[0]:
        return here[0], port
    if is_address(host) and reachable(host, here[0]):
        return host, port
    return here


def reachable(host: str, source: str) -> bool:
    """Whether a peer that sends from C{source} can be meant by C{host}."""
    there, seen = _plain(host), _plain(source)
    if there.is_unspecified or there.is_multicast:
        return False
    if there.is_loopback:
        return seen.is_loopback
    return not (there.is_private and seen.is_global)


def _plain(host: str) -> IPv4Address | IPv6Address:
    """An address; one of IPv4 that is written as IPv6 is what it is."""
    address = ip_address(host)
    return getattr(address, "ipv4_mapped", None) or address
