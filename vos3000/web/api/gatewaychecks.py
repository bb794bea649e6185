"""
What a gateway's fields must look like beyond their types.

A mistake here would show as calls that go nowhere, days later; so it is
refused at once, by the field's name, and nothing is changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from vos3000.routing.rewriting import Rules
from vos3000.web.retcodes import BAD_INPUT, refusal

Check = Callable[[str], None]
"""Takes a field's text; raises C{ValueError} that says what is wrong with it."""

_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")
_WITH_PORT = re.compile(r"(\[[^\]]*\]|[^:]*):(\d{1,5})")
_PAIR = re.compile(r"\s*-?\d+\s*:\s*(\d+)\s*")


def _port(text: str) -> None:
    if int(text) > 65535:
        raise ValueError(f"{text} is no port")


def _address(text: str) -> None:
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


def _sources(text: str) -> None:
    for part in text.split(","):
        if part.strip():
            _source(part.strip())


def _host(text: str) -> None:
    """An address or the name of a host; what looks like digits is an address."""
    if not text:
        return
    if ":" in text or text.replace(".", "").isdigit():
        ip_address(text.strip("[]"))
    elif not _HOST.fullmatch(text) or len(text) > 253:
        raise ValueError(f"{text!r} is neither an address nor a host name")


def _pairs(highest: int) -> Check:
    """Pairs C{from:to} by comma, the second number at most C{highest}."""

    def check(text: str) -> None:
        for pair in filter(str.strip, text.split(",")):
            found = _PAIR.fullmatch(pair)
            if found is None or int(found[1]) > highest:
                raise ValueError(f"{pair!r} is no pair from:to")

    return check


def _rules(text: str) -> None:
    Rules.parse(text)


MAPPING: Mapping[str, Check] = {
    "remoteIps": _sources,
    "rewriteRulesOutCallee": _rules,
    "rewriteRulesOutCaller": _rules,
    "callFailedSipCode": _pairs(699),
    "callFailedQ931CauseValue": _pairs(127),
}
"""Texts of mapping gateways that have a form."""

ROUTING: Mapping[str, Check] = {
    "remoteIp": _host,
    "localIp": _address,
    "rewriteRulesInCaller": _rules,
    "rewriteRulesInCallee": _rules,
    "externalNumberVerifyRewriteCaller": _rules,
    "externalNumberVerifyRewriteCallee": _rules,
}
"""Texts of routing gateways that have a form."""

_PORTS = ("signalPort", "signalPortLocal")


def check(fields: Mapping[str, Any], checks: Mapping[str, Check]) -> None:
    """
    Check the fields that were sent.

    @raise ApiError: C{BAD_INPUT}, naming the field.
    """
    if not fields["name"].strip():
        raise refusal(BAD_INPUT, "name is empty")
    for name, look in checks.items():
        try:
            look(fields.get(name, ""))
        except ValueError as problem:
            raise refusal(BAD_INPUT, f"{name}: {problem}") from None
    for name in _PORTS:
        if not 0 <= fields.get(name, 0) <= 65535:
            raise refusal(BAD_INPUT, f"{name} must be 0 to 65535")


def check_durations(fields: Mapping[str, Any]) -> None:
    """
    The pair rule of the longest call: -1 (the system's) and 0 (none) stand in
    both or in neither, and the lower bound is not above the upper.

    @param fields: The whole record as it would be after the change.
    @raise ApiError: C{BAD_INPUT}.
    """
    lower, upper = fields["maxCallDurationLower"], fields["maxCallDurationUpper"]
    if lower < -1 or lower > upper or (lower <= 0 and lower != upper):
        raise refusal(
            BAD_INPUT,
            "maxCallDurationLower and maxCallDurationUpper must both be -1, both 0,"
            " or a range of seconds",
        )
