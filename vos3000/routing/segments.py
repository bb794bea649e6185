"""
Finding the parts of an original in a number, in linear time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs

Sign = tuple[str, bool]
"""A character of the text of a rule, and whether it is a sign (not escaped)."""

_NOTHING = re.compile("")


@attrs.frozen(slots=True)
class Segment:
    """
    A part of an original without C{*}.

    @ivar text: The part itself, if it has no C{?} either.
    @ivar pattern: Else an expression that finds it as far right as it is.
    """

    text: str | None
    pattern: re.Pattern[str]
    width: int

    def begins(self, number: str) -> bool:
        """Whether the number begins with it."""
        if self.text is not None:
            return number.startswith(self.text)
        return self.pattern.match(number) is not None

    def last(self, number: str, low: int, high: int) -> int:
        """Where it stands in a part of the number, furthest right; or -1."""
        if self.text is not None:
            return number.rfind(self.text, low, high)
        found = self.pattern.match(number, low, high)
        return -1 if found is None else found.end() - self.width


def segment(signs: Sequence[Sign], before: str) -> Segment:
    """
    A part, ready to be looked for.

    @param before: The expression of what may stand before it.
    """
    if ("?", True) not in signs:
        return Segment("".join(char for char, _ in signs), _NOTHING, len(signs))
    body = "".join(
        "[0-9]" if sign == ("?", True) else re.escape(sign[0]) for sign in signs
    )
    return Segment(None, re.compile(before + body, re.DOTALL), len(signs))


def stars_of(
    segments: Sequence[Segment], whole: bool, number: str
) -> Sequence[str] | None:
    """
    What each C{*} stands for, and what is left of the number behind the last
    segment; None where they do not fit.

    An earlier C{*} takes as much as it can. So the last segment is where it
    stands furthest right, the one before it furthest right of what is left,
    and so on: nothing is tried twice.
    """
    first, *floating = segments
    if not first.begins(number):
        return None
    end = len(number)
    stars = [] if whole else [""]
    high = end
    for place, segment in enumerate(reversed(floating)):
        at = segment.last(number, first.width, high)
        if at < 0:
            return None
        behind = at + segment.width
        if place or not whole:
            stars[-1] = number[behind:end]
        stars.append("")
        end = high = at
    if stars:
        stars[-1] = number[first.width : end]
    return stars[::-1]
