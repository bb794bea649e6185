"""
Who forwarded a call: Diversion (RFC 5806) and History-Info (RFC 7044, and RFC
4244 before it), and how one is told as the other (RFC 7544).

Both say the same: the numbers that the call was for and that sent it on, and
why each did. What cannot be read is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from urllib.parse import unquote as unescaped

import attrs

from vos3000.errors import ParseError
from vos3000.sip.fields import NameAddr, parse_name_addr, unquote
from vos3000.sip.identity import ANONYMOUS, OBSCURING
from vos3000.sip.uri import TOKEN

MOST_DIVERSIONS = 10
"""Diversions of one call that are looked at, be they readable or not; a call
that was sent on more often runs in a circle."""

MOST_ENTRIES = 40
"""Entries of History-Info that are looked at."""

UNKNOWN = "unknown"

REASONS = {
    404: UNKNOWN,
    302: "unconditional",
    486: "user-busy",
    408: "no-answer",
    480: "deflection",
    487: "deflection",
    503: "unavailable",
}
"""Cause of History-Info (RFC 4458) to reason of Diversion (RFC 7544 section
6.2)."""

CAUSES = {
    "unconditional": 302,
    "user-busy": 486,
    "no-answer": 408,
    "deflection": 480,
    "unavailable": 503,
}
"""Reason to cause (RFC 7544 section 7.2); any other is 404."""


@attrs.frozen(slots=True)
class Diversion:
    """
    One number that sent the call on.

    @ivar number: As C{Uri.number} gives it.
    @ivar reason: Why, in the words of RFC 5806; C{unknown} if nobody says.
    @ivar counter: How often it did.
    @ivar withheld: Whether its number shall not be shown.
    """

    number: str
    reason: str = UNKNOWN
    counter: int = 1
    withheld: bool = False


@attrs.frozen(slots=True)
class _Entry:
    """
    One entry of History-Info.

    @ivar cause: Why the call came here; 0 if that was no diversion.
    @ivar left: Why it left again (RFC 4244); 0 if nobody says.
    @ivar parent: The index of the entry that sent it here (C{mp}).
    """

    index: str
    number: str
    cause: int
    left: int
    parent: str
    withheld: bool


def from_diversion(values: Iterable[str]) -> tuple[Diversion, ...]:
    """Those of Diversion, the last one first, as the header has them."""
    found: list[Diversion] = []
    for value in islice(values, MOST_DIVERSIONS):
        try:
            address = parse_name_addr(value)
        except ParseError:
            continue
        if address.uri.number:
            found.append(_diversion(address))
    return tuple(found)


def _diversion(address: NameAddr) -> Diversion:
    reason = unquote(address.param("reason") or UNKNOWN).lower()
    counter = address.param("counter") or "1"
    privacy = unquote(address.param("privacy") or "off").lower()
    return Diversion(
        address.uri.number,
        UNKNOWN if reason.strip(TOKEN) else reason,
        int(counter) if counter.isdecimal() and len(counter) < 4 else 1,
        privacy != "off",
    )


def from_history(values: Iterable[str]) -> tuple[Diversion, ...]:
    """
    Those of History-Info, the last one first. An entry sent the call on if
    another came of it with a cause, or if it says so itself.
    """
    entries = _entries(values)
    places = {entry.index: place for place, entry in enumerate(entries)}
    found: dict[int, int] = {}
    for place, entry in enumerate(entries):
        if entry.cause and place:
            found[places.get(entry.parent, place - 1)] = entry.cause
        if entry.left and place < len(entries) - 1:
            found.setdefault(place, entry.left)
    diversions = [
        Diversion(entries[place].number, REASONS[cause], 1, entries[place].withheld)
        for place, cause in sorted(found.items(), reverse=True)
        if entries[place].number
    ]
    return tuple(diversions[:MOST_DIVERSIONS])


def _entries(values: Iterable[str]) -> list[_Entry]:
    entries: list[_Entry] = []
    for value in islice(values, MOST_ENTRIES):
        try:
            entries.append(_entry(parse_name_addr(value)))
        except ParseError:
            continue
    return entries


def _entry(address: NameAddr) -> _Entry:
    headers = unescaped(address.uri.headers).lower()
    return _Entry(
        address.param("index") or "",
        address.uri.number,
        _cause(address.uri.param("cause") or ""),
        _cause(_after(headers, "cause=")),
        address.param("mp") or "",
        _after(headers, "privacy=") in OBSCURING,
    )


def _after(headers: str, name: str) -> str:
    """What stands behind C{name} in the escaped headers of a URI."""
    _, _, rest = headers.partition(name)
    end = len(rest) - len(rest.lstrip("abcdefghijklmnopqrstuvwxyz0123456789-"))
    return rest[:end]


def _cause(text: str) -> int:
    cause = int(text) if text.isdecimal() and len(text) == 3 else 0
    return cause if cause in REASONS else 0


def diversion_values(diversions: Sequence[Diversion], uris: Sequence[str]) -> list[str]:
    """
    The values of Diversion, the last one first.

    @param uris: The address of each, C{ANONYMOUS} of one that is not shown.
    """
    return [
        f"<{uri}>;reason={each.reason};counter={each.counter}"
        f";privacy={'full' if each.withheld else 'off'}"
        for each, uri in zip(diversions, uris, strict=True)
    ]


def history_value(
    diversions: Sequence[Diversion], uris: Sequence[str], target: str
) -> str:
    """
    History-Info: those that sent the call on, the first one first, then where
    it goes now.

    @param diversions: The last one first, as everywhere.
    @param target: The Request-URI.
    """
    index, value = "1", ""
    cause = 0
    steps = [*zip(reversed(diversions), reversed(uris), strict=True), (None, target)]
    for diversion, uri in steps:
        where = f"{uri};cause={cause}" if cause else uri
        if diversion is not None and diversion.withheld and uri != ANONYMOUS:
            where += "?Privacy=history"
        parent = f";mp={index.rpartition('.')[0]}" if cause else ""
        value += f"<{where}>;index={index}{parent}, "
        index += ".1"
        cause = CAUSES.get(diversion.reason, 404) if diversion is not None else 0
    return value[:-2]
