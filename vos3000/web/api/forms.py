"""
The forms that texts of gateways and phones have beyond their types.

Each function takes a field's text and raises C{ValueError} that says what is
wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address, ip_network

from vos3000.call.sipleg import headers
from vos3000.call.sipleg.identity import domain
from vos3000.model.limits import comma_list
from vos3000.routing.rewriting import Rules

Check = Callable[[str], None]
"""Takes a field's text; raises C{ValueError} that says what is wrong with it."""

TRANSPORTS = ("udp", "tcp", "tls", "ws", "wss", "auto")
"""What a gateway's C{transport} can be."""

LONGEST_NUMBER = 64
"""Characters of a number: what a record's columns hold."""

_NUMBER = re.compile(r"[0-9A-Za-z+*#_][0-9A-Za-z+*#_.-]*")
_USER = re.compile(r"[A-Za-z0-9_.!~*'()&=+$,;?/%@-]*")
_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")
_WITH_PORT = re.compile(r"(\[[^\]]*\]|[^:]*):(\d{1,5})")
_PAIR = re.compile(r"\s*-?\d+\s*:\s*(\d+)\s*")


def _port(text: str) -> None:
    if int(text) > 65535:
        raise ValueError(f"{text} is no port")


def address(text: str) -> None:
    """An address, or nothing."""
    if text:
        ip_address(text)


def _source(text: str) -> None:
    """An address, address:port, CIDR block or range a-b."""
    if "/" in text:
        ip_network(text, strict=False)
        return
    first, dash, last = text.partition("-")
    if dash:
        low, high = ip_address(first.strip()), ip_address(last.strip())
        if low.version != high.version or int(low) > int(high):
            raise ValueError(f"{text!r} is no range of addresses")
        return
    if found := _WITH_PORT.fullmatch(text):
        text = found[1].strip("[]")
        _port(found[2])
    ip_address(text)


def sources(text: str) -> None:
    """Sources by comma: addresses, with or without port, blocks, ranges."""
    for part in text.split(","):
        if part.strip():
            _source(part.strip())


def host(text: str) -> None:
    """An address or the name of a host; what looks like digits is an address."""
    if not text:
        return
    if ":" in text or text.replace(".", "").isdigit():
        ip_address(text.strip("[]"))
    elif not _HOST.fullmatch(text) or len(text) > 253:
        raise ValueError(f"{text!r} is neither an address nor a host name")


def pairs(highest: int) -> Check:
    """Pairs C{from:to} by comma, the second number at most C{highest}."""

    def check(text: str) -> None:
        for pair in filter(str.strip, text.split(",")):
            found = _PAIR.fullmatch(pair)
            if found is None or int(found[1]) > highest:
                raise ValueError(f"{pair!r} is no pair from:to")

    return check


def prefix_pairs(text: str) -> None:
    """Pairs C{caller:callee} by comma."""
    for pair in filter(str.strip, text.split(",")):
        caller, colon, callee = map(str.strip, pair.partition(":"))
        if not colon or ":" in callee or not (caller or callee):
            raise ValueError(f"{pair!r} is no pair caller:callee")


def rules(text: str) -> None:
    """Number rules."""
    Rules.parse(text)


def number(text: str) -> None:
    """A number that is called as it is written."""
    if not _NUMBER.fullmatch(text) or len(text) > LONGEST_NUMBER:
        raise ValueError(
            f"{text!r} is no number of 1 to {LONGEST_NUMBER} digits, letters"
            " and + * # _ . -"
        )
    if re.search("[.-]", text) and not re.search("[A-Za-z_]", text):
        raise ValueError(f"{text!r} has separators, which a number loses")


def numbers(text: str) -> None:
    """Numbers by comma, none of them twice."""
    seen: set[str] = set()
    for each in comma_list(text):
        number(each)
        if each in seen:
            raise ValueError(f"{each!r} stands there twice")
        seen.add(each)


def shown(text: str) -> None:
    """A number that is shown, or nothing."""
    if text:
        number(text)


def user(text: str) -> None:
    """The user part of an address, or nothing."""
    if not _USER.fullmatch(text):
        raise ValueError(f"{text!r} is no user name of an address")


def statuses(text: str) -> None:
    """SIP statuses that refuse, by comma."""
    for each in comma_list(text):
        if not (each.isascii() and each.isdigit() and 300 <= int(each) <= 699):
            raise ValueError(f"{each!r} is no SIP status of 300 to 699")


def transport(text: str) -> None:
    """A transport."""
    if text not in TRANSPORTS:
        raise ValueError(f"{text!r} is none of {', '.join(TRANSPORTS)}")


def host_port(text: str) -> None:
    """A host, with or without a port, or nothing."""
    found = _WITH_PORT.fullmatch(text)
    if found is not None:
        _port(found[2])
        text = found[1]
        if not text:
            raise ValueError("there is a port and no host")
    host(text)


def server(text: str) -> None:
    """A SIP server: C{host[:port][;transport=...]}, or nothing."""
    where, semicolon, how = text.strip().partition(";")
    host_port(where)
    name, _, value = how.partition("=")
    if semicolon and (name.strip().lower() != "transport" or not where):
        raise ValueError(f"{text!r} is no host[:port][;transport=...]")
    if semicolon:
        transport(value.strip().lower())


def local_domain(text: str) -> None:
    """What may stand as the host of our addresses."""
    if text and not domain(text):
        raise ValueError(f"{text!r} is no host")


def header_names(text: str) -> None:
    """Names of headers that can be let through, by comma, or C{*}."""
    for name in headers.unusable(text):
        raise ValueError(f"{name!r} is no header that can be let through")


def header_lines(text: str) -> None:
    """Headers that are added, one a line."""
    for problem in headers.read(text)[1]:
        raise ValueError(problem)
