"""
Reason (RFC 3326): why a request, or a refusal, was sent.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from vos3000.errors import ParseError
from vos3000.sip.fields import (
    MAX_VALUE,
    parse_number,
    parse_params,
    quote,
    split_commas,
    unquote,
)
from vos3000.sip.uri import TOKEN, Params, find_param

MOST_REASONS = 4
"""Values that are read; each protocol may stand there once."""

LONGEST_TEXT = 128

SIP = "SIP"
Q850 = "Q.850"


@attrs.frozen(slots=True)
class Reason:
    """
    One value.

    @ivar protocol: As written: C{SIP}, C{Q.850} or another.
    @ivar cause: The number in that protocol; None if there is none.
    @ivar text: For people; empty if there is none.
    @ivar params: The other parameters.
    """

    protocol: str
    cause: int | None = None
    text: str = ""
    params: Params = ()

    def is_of(self, protocol: str) -> bool:
        """Whether it speaks of C{protocol}."""
        return self.protocol.lower() == protocol.lower()

    def __str__(self) -> str:
        """The value as to be sent."""
        text = self.protocol
        if self.cause is not None:
            text += f";cause={self.cause}"
        if self.text:
            text += f";text={quote(self.text)}"
        for name, value in self.params:
            text += f";{name}" if value is None else f";{name}={value}"
        return text


def parse_reason(text: str) -> Reason:
    """
    Read one value.

    @raise ParseError: Malformed, too long, or a cause that is no number.
    """
    if len(text) > MAX_VALUE:
        raise ParseError("too long to be a reason")
    protocol, semicolon, rest = text.partition(";")
    protocol = protocol.strip()
    if not protocol or protocol.strip(TOKEN):
        raise ParseError("a reason without its protocol")
    params = parse_params(";" + rest) if semicolon else ()
    cause = find_param(params, "cause")
    said = unquote(find_param(params, "text") or "")
    return Reason(
        protocol,
        None if cause is None else parse_number(cause, 1000),
        "".join(filter(str.isprintable, said))[:LONGEST_TEXT],
        tuple(pair for pair in params if pair[0].lower() not in ("cause", "text")),
    )


def parse_reasons(text: str) -> tuple[Reason, ...]:
    """The values on a line, each protocol once; what is no reason is left out."""
    found: dict[str, Reason] = {}
    for value in split_commas(text):
        if len(found) == MOST_REASONS:
            break
        try:
            reason = parse_reason(value)
        except ParseError:
            continue
        found.setdefault(reason.protocol.lower(), reason)
    return tuple(found.values())


def line_of(reasons: Iterable[Reason]) -> str:
    """The values as they share a line."""
    return ", ".join(map(str, reasons))
