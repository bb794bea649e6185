"""
Limits on numbers that hold at certain times only (scheduledCallinPrefixes).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, tzinfo
from enum import IntEnum
from typing import Any

import attrs

DAY = 86_400
"""Seconds of a day, as the hours of a rule count them."""

Moment = tuple[int, int]
"""A day of the week, 0 for Sunday, and the seconds since its midnight."""


class Matched(IntEnum):
    """Which number the prefixes of a rule are about (type)."""

    CALLER = 0
    CALLEE = 1


def week_clock(seconds: Callable[[], float], zone: tzinfo) -> Callable[[], Moment]:
    """
    What says where in the week we are.

    @param seconds: Seconds since the epoch.
    @param zone: Where the days begin.
    """

    def moment() -> Moment:
        now = datetime.fromtimestamp(seconds(), zone)
        day = now.isoweekday() % 7
        return day, now.hour * 3600 + now.minute * 60 + now.second

    return moment


@attrs.frozen(slots=True)
class Hours:
    """
    Hours of some days.

    @ivar days: Days on which they begin.
    @ivar begin: Seconds since midnight.
    @ivar end: Likewise, exclusive; before C{begin}, they end on the next day.
    """

    days: frozenset[int]
    begin: int
    end: int

    def hold(self, moment: Moment) -> bool:
        """Whether they do now."""
        day, second = moment
        if self.begin < self.end:
            return day in self.days and self.begin <= second < self.end
        if second >= self.begin:
            return day in self.days
        return second < self.end and (day - 1) % 7 in self.days


@attrs.frozen(slots=True)
class Rule:
    """
    What may be called in some hours.

    @ivar allow: Whether only these prefixes may be, or none of them (action).
    @ivar prefixes: Of what; none for every number.
    """

    hours: Hours
    allow: bool
    matched: Matched
    prefixes: tuple[str, ...]


def rules_of(given: object) -> tuple[Rule, ...]:
    """The rules of a gateway; what is no rule was not written by us."""
    made = (_rule(each) for each in (given if isinstance(given, list) else ()))
    return tuple(rule for rule in made if rule is not None)


def _rule(given: Mapping[str, Any]) -> Rule | None:
    try:
        return Rule(
            Hours(
                frozenset(map(int, given["days"])),
                int(given["beginTime"]),
                int(given["endTime"]),
            ),
            given["action"] == 1,
            Matched(given["type"]),
            tuple(map(str, given["prefixes"])),
        )
    except (KeyError, TypeError, ValueError):
        return None


def refusal(
    rules: Iterable[Rule], moment: Moment, callee: str, caller: str | None
) -> str:
    """
    Why a call may not be made now; empty if it may.

    A number that a rule forbids in its hours may not; where rules of these hours
    allow prefixes, only numbers with one of them may.

    @param caller: None to leave the limits on callers alone.
    """
    held: dict[Matched, bool] = {}
    for rule in rules:
        number = callee if rule.matched is Matched.CALLEE else caller
        if number is None or not rule.hours.hold(moment):
            continue
        fits = not rule.prefixes or number.startswith(rule.prefixes)
        if rule.allow:
            held[rule.matched] = held.get(rule.matched, False) or fits
        elif fits:
            return f"{rule.matched.name.lower()}: forbidden at this time"
    for matched, fits in held.items():
        if not fits:
            return f"{matched.name.lower()}: not allowed at this time"
    return ""
