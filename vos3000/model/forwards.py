"""
Where a phone's calls go instead of to it (InfoPhoneValueAdded).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from vos3000.model.limits import comma_list
from vos3000.model.schedules import DAY, Hours, Moment

ALWAYS = "unconditional"
AT_TIMES = "time-of-day"
BUSY = "user-busy"
NO_ANSWER = "no-answer"
OFFLINE = "unavailable"
"""Why a call is sent on, in the words of RFC 5806."""

_RANDOM = 2

MOST_TARGETS = 10
"""Numbers of one list: each may ring for minutes."""


@attrs.frozen(slots=True)
class Targets:
    """
    Numbers that calls are sent on to, one after the other.

    @ivar shuffled: Whether their order is drawn for each call (forwardMethod 2).
    @ivar alert: Seconds that each but the last may ring; 0 for the system's.
    """

    numbers: tuple[str, ...]
    shuffled: bool = False
    alert: int = 0


@attrs.frozen(slots=True)
class Forwards:
    """
    What a phone has switched on.

    @ivar always: Where every call goes.
    @ivar at_times: Where calls go in some hours.
    @ivar shows: callForwardDisplay: 1 for the original caller's number, 2 for
        the phone's own; 0 leaves it to the system.
    """

    always: Targets | None = None
    at_times: tuple[tuple[Hours, Targets], ...] = ()
    busy: Targets | None = None
    no_answer: Targets | None = None
    offline: Targets | None = None
    shows: int = 0

    def now(self, moment: Moment) -> tuple[str, Targets] | None:
        """Where calls go without the phone being rung, and why; None if it is."""
        if self.always is not None:
            return ALWAYS, self.always
        for hours, targets in self.at_times:
            if hours.hold(moment):
                return AT_TIMES, targets
        return None


_NONE = Forwards()


def forwards_of(services: Mapping[str, Any]) -> Forwards | None:
    """What a phone's services say; None if nothing is on."""
    made = Forwards(
        _targets(services, "unconditionalForward", "unconditionalForwardE164"),
        tuple(_at_times(services)),
        _targets(services, "busyForward", "busyForwardE164"),
        _targets(services, "noAnswerForward", "noAnswerForwardE164"),
        _targets(services, "offlineForward", "offlineForwardE164"),
    )
    if made == _NONE:
        return None
    return attrs.evolve(made, shows=services.get("callForwardDisplay") or 0)


def _targets(services: Mapping[str, Any], switch: str, record: str) -> Targets | None:
    return _read(services.get(record)) if services.get(switch) else None


def _read(given: object) -> Targets | None:
    """A record of targets; None for what names nobody."""
    if not isinstance(given, dict):
        return None
    numbers = tuple(dict.fromkeys(comma_list(given.get("e164"))))[:MOST_TARGETS]
    alert = given.get("alertSecond")
    seconds = alert if isinstance(alert, int) and alert > 0 else 0
    shuffled = given.get("forwardMethod") == _RANDOM
    return Targets(numbers, shuffled, seconds) if numbers else None


def _at_times(services: Mapping[str, Any]) -> list[tuple[Hours, Targets]]:
    rules = services.get("infoPhoneValueAddedPeriodForwardings")
    if not services.get("periodForwarding") or not isinstance(rules, list):
        return []
    found = []
    for rule in rules:
        targets = _read(rule.get("forwardE164"))
        if targets is not None:
            found.append((_hours(rule), targets))
    return found


def _hours(rule: Mapping[str, Any]) -> Hours:
    """Hours of a rule; every day, all day, where it does not say."""
    days = rule.get("weekOfDay")
    begin, end = rule.get("beginSecondInDay"), rule.get("endSecondInDay")
    return Hours(
        frozenset(int(day) for day in comma_list(days) if day.isdecimal())
        if days
        else frozenset(range(7)),
        begin if isinstance(begin, int) else 0,
        end if isinstance(end, int) else DAY,
    )
