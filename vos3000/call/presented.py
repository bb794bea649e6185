"""
How a caller presents itself beside its number, whatever it signals with.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

import attrs

LONGEST_NUMBER = 64
"""Characters of a number: what a record's columns hold."""


class Withheld(IntEnum):
    """What a caller asks to be withheld from the callee."""

    NOTHING = 0
    NUMBER = 1
    """Its name and number."""
    TOO_MUCH = 2
    """Something that we cannot withhold, and no call is to be made then."""


@attrs.frozen(slots=True)
class Forward:
    """
    A number that the call was for, and that sent it on.

    @ivar reason: Why, in the words of RFC 5806: C{unconditional},
        C{user-busy}, C{no-answer}, C{deflection}, C{unavailable}, C{unknown} or
        another.
    @ivar counter: How often it did.
    @ivar withheld: Whether its number shall not be shown.
    """

    number: str
    reason: str
    counter: int = 1
    withheld: bool = False

    def __str__(self) -> str:
        """As the record tells it."""
        return f"{self.number} ({self.reason})"


def rewritten(
    forwards: tuple[Forward, ...],
    rewrite: Callable[[str], str],
    instead: Callable[[str], str],
) -> tuple[Forward, ...]:
    """
    Those who sent a call on, with their numbers as one side has them.

    @param rewrite: Applies that side's rules; one that it leaves nothing of is
        left out.
    @param instead: The number that stands for the last one's.
    """
    found: list[Forward] = []
    for forward in forwards:
        number = rewrite(forward.number)[:LONGEST_NUMBER]
        if number and not found:
            number = instead(number)
        if number:
            found.append(attrs.evolve(forward, number=number))
    return tuple(found)


@attrs.frozen(slots=True)
class Presented:
    """
    What a caller says of itself.

    @ivar display: Its name; empty for none.
    @ivar withheld: What it asks to be withheld.
    @ivar forwarded: Who sent the call on, the last one first.
    @ivar shown: The number that callees are shown in place of its own, before
        their rules; empty for its own.
    @ivar privacy: What it asks for, in the words of RFC 3323.
    @ivar asserted: Who it is, as others vouch for it: names with addresses as
        SIP writes them.
    @ivar preferred: Who it would like to be, likewise.
    """

    display: str = ""
    withheld: Withheld = Withheld.NOTHING
    forwarded: tuple[Forward, ...] = ()
    privacy: tuple[str, ...] = ()
    asserted: tuple[str, ...] = ()
    preferred: tuple[str, ...] = ()
    shown: str = ""


PLAIN = Presented()
"""A caller that is a number and nothing else."""

HIDDEN = Presented(withheld=Withheld.NUMBER)
"""A caller that asks for its number to be withheld."""
