"""Rules of numbers that hold in some hours of the week."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from twisted.trial.unittest import SynchronousTestCase

from vos3000.model.schedules import DAY, Hours, refusal, rules_of, week_clock

SATURDAY, SUNDAY, MONDAY = 6, 0, 1
NOON = DAY // 2
ALLOW, FORBID = 1, 0
CALLER, CALLEE = 0, 1


def rule(**changes: Any) -> dict[str, Any]:
    """A record of the interface: on every day, all day, no callee with 86."""
    record = {
        "days": [0, 1, 2, 3, 4, 5, 6],
        "beginTime": 0,
        "endTime": DAY,
        "action": FORBID,
        "type": CALLEE,
        "prefixes": ["86"],
    }
    return {**record, **changes}


class HoursTests(SynchronousTestCase):
    """When rules hold."""

    def held(self, days: list[int], begin: int, end: int) -> set[tuple[int, int]]:
        """At which hours of a weekend they hold."""
        hours = Hours(frozenset(days), begin * 3600, end * 3600)
        return {
            (day, hour)
            for day in (SATURDAY, SUNDAY, MONDAY)
            for hour in (0, 9, 12, 23)
            if hours.hold((day, hour * 3600))
        }

    def test_hours_of_a_day(self) -> None:
        """From the begin to before the end, on the days named."""
        self.assertEqual(self.held([SUNDAY], 9, 12), {(SUNDAY, 9)})
        self.assertEqual(
            self.held([SUNDAY], 0, 24), {(SUNDAY, hour) for hour in (0, 9, 12, 23)}
        )
        self.assertEqual(self.held([], 0, 24), set())

    def test_over_midnight(self) -> None:
        """What ends before it begins ends on the next day, in the week after, too."""
        self.assertEqual(self.held([SATURDAY], 23, 9), {(SATURDAY, 23), (SUNDAY, 0)})

    def test_zone(self) -> None:
        """Days and hours are those of the zone."""
        seconds = datetime(2026, 7, 4, 22, 30, tzinfo=UTC).timestamp()
        clock = week_clock(lambda: seconds, UTC)
        self.assertEqual(clock(), (SATURDAY, 22 * 3600 + 1800))
        clock = week_clock(lambda: seconds, ZoneInfo("Europe/Berlin"))
        self.assertEqual(clock(), (SUNDAY, 1800))


class RefusalTests(SynchronousTestCase):
    """What rules keep from whom."""

    def refused(self, *given: dict[str, Any], caller: str | None = "44") -> str:
        """Why a call of C{caller} to 8610 is refused on Monday at noon."""
        return refusal(rules_of(list(given)), (MONDAY, NOON), "8610", caller)

    def test_forbidden(self) -> None:
        """Only with the prefix, only in its hours, only the number it is about."""
        self.assertEqual(self.refused(rule()), "callee: forbidden at this time")
        self.assertEqual(self.refused(rule(prefixes=["87"])), "")
        self.assertEqual(self.refused(rule(days=[SUNDAY])), "")
        self.assertEqual(self.refused(rule(type=CALLER)), "")
        self.assertEqual(
            self.refused(rule(type=CALLER, prefixes=["44"])),
            "caller: forbidden at this time",
        )

    def test_allowed(self) -> None:
        """Of all that are allowed in these hours one is enough; without it, none."""
        other = rule(action=ALLOW, prefixes=["87"])
        self.assertEqual(self.refused(other), "callee: not allowed at this time")
        self.assertEqual(self.refused(other, rule(action=ALLOW)), "")
        self.assertEqual(
            self.refused(rule(action=ALLOW), rule()), "callee: forbidden at this time"
        )
        self.assertEqual(
            self.refused(rule(action=ALLOW), rule(**{**other, "type": CALLER})),
            "caller: not allowed at this time",
        )

    def test_every_number(self) -> None:
        """No prefixes are all numbers."""
        self.assertTrue(self.refused(rule(prefixes=[])))
        self.assertEqual(self.refused(rule(action=ALLOW, prefixes=[])), "")

    def test_no_caller(self) -> None:
        """Where no caller is known rules about callers are left alone."""
        mine = rule(type=CALLER, prefixes=[])
        self.assertEqual(self.refused(mine, caller=None), "")

    def test_no_rules(self) -> None:
        """What another program wrote and is no rule counts as none."""
        wrong: list[Any] = [{}, None, rule(days=["x"]), rule(type=7)]
        for given in (None, "x", wrong):
            self.assertEqual(rules_of(given), ())
