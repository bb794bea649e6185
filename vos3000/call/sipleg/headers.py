"""
Headers beside those that legs write themselves: lines that the operator adds
to INVITEs (sipInviteHeaders), and those of the other side that are let through
(sipExtraHeaders).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

import attrs

from vos3000.call.leg import Headers, InboundLeg
from vos3000.call.sipleg.terms import NOTHING
from vos3000.errors import ParseError
from vos3000.model.sipoptions import SipOptions
from vos3000.sip import passing
from vos3000.sip.names import SENT, key_of
from vos3000.sip.passing import OURS, wanted

MOST_LINES = 20
"""Lines that are added to one INVITE."""

LONGEST_LINE = 1000
"""Characters of one of them, and of what comes of it."""

VARIABLES = {
    "caller": "the caller's number as it is sent out",
    "callee": "the callee's number as it is sent out",
    "billed-caller": "the caller's number after the rules of its gateway",
    "billed-callee": "the callee's number after the rules of the caller's gateway",
    "received-caller": "the caller's number as it came",
    "received-callee": "the callee's number as it came",
    "source": "the gateway or phone that calls",
    "gateway": "the gateway that the INVITE goes to",
    "account": "the account that pays",
    "customer-ip": "where the call comes from",
    "local-ip": "our own address as the gateway sees it",
    "call-id": "the Call-ID of the caller's side",
    "call": "the number of the call in this switch, as in its record",
}
"""What may stand between C{${} and C{}}."""

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_STRUCTURE = str.maketrans("", "", '<>"\\,;')
"""Signs that mean something in many headers. What a peer chose loses them: a
number shall not become an address of its own."""


@attrs.frozen(slots=True)
class Template:
    """
    A header with variables.

    @ivar parts: Text and names of variables by turns; text first and last.
    """

    name: str
    parts: tuple[str, ...]

    def filled(self, values: Mapping[str, str]) -> str:
        """The value; empty where there is nothing to say."""
        parts = list(self.parts)
        for place in range(1, len(parts), 2):
            parts[place] = _plain(values[parts[place]])
        return "".join(parts)[:LONGEST_LINE].strip()


def _plain(value: str) -> str:
    return "".join(filter(str.isprintable, value.translate(_STRUCTURE)))


def read(text: str) -> tuple[tuple[Template, ...], tuple[str, ...]]:
    """The lines of a sipInviteHeaders that can be used, and what others lack."""
    templates: list[Template] = []
    problems: list[str] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        try:
            if len(templates) == MOST_LINES:
                raise ValueError(f"only {MOST_LINES} lines are added")
            templates.append(_template(line))
        except ValueError as problem:
            problems.append(f"{line[:80]!r}: {problem}")
    return tuple(templates), tuple(problems)


def _template(line: str) -> Template:
    name, colon, value = line.partition(":")
    if not colon:
        raise ValueError("it is not of the form Name: value")
    try:
        key = key_of(name)
    except ParseError:
        raise ValueError("its name is none that a header can have") from None
    if key in OURS:
        raise ValueError(f"{name.strip()} is not the operator's to write")
    if len(line) > LONGEST_LINE:
        raise ValueError(f"it has more than {LONGEST_LINE} characters")
    if not value.isprintable():
        raise ValueError("it has signs that cannot be printed")
    parts = _VARIABLE.split(value.strip())
    unknown = [part for part in parts[1::2] if part not in VARIABLES]
    if unknown:
        raise ValueError(f"there is no variable {unknown[0]!r}")
    if any("${" in part for part in parts[::2]):
        raise ValueError("a variable has no end")
    if parts == [""]:
        raise ValueError("it has no value")
    return Template(SENT.get(key, name.strip()), tuple(parts))


@lru_cache(1024)
def _templates(text: str) -> tuple[Template, ...]:
    return read(text)[0]


@lru_cache(1024)
def _names(text: str) -> frozenset[str]:
    return wanted(text)


def unusable(text: str) -> tuple[str, ...]:
    """The entries of a sipExtraHeaders that no header has, or that never pass."""
    return passing.unusable(text)


def wants(options: SipOptions) -> frozenset[str]:
    """Which headers of the other side a peer is let see."""
    return _names(options.extra_headers) if options.extra_headers else NOTHING


def further(
    options: SipOptions, caller: InboundLeg, facts: Mapping[str, str]
) -> Headers:
    """
    The headers of an INVITE beside ours: those of the caller that pass, and
    those that are added; a line that is added stands in place of the caller's
    own of that name.
    """
    added = [
        (template.name, value)
        for template in _templates(options.invite_headers)
        if (value := template.filled(facts))
    ]
    passed: Headers = ()
    if options.extra_headers:
        taken = {name.lower() for name, _ in added}
        passed = tuple(
            pair
            for pair in caller.passing(_names(options.extra_headers))
            if pair[0].lower() not in taken
        )
    return (*passed, *added)
