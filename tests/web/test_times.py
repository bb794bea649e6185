"""
Tests of times as clients write them.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from twisted.trial.unittest import SynchronousTestCase

from vos3000.web import times

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
DAY = 86_400_000


class TimesTests(SynchronousTestCase):
    """Days and seconds of a time zone as UTC ms."""

    def test_day(self) -> None:
        """A day begins at its midnight in the zone and is covered whole."""
        begin = times.begin_of("20260301", SHANGHAI)
        self.assertEqual(begin, 1_772_294_400_000)
        self.assertEqual(times.end_of("20260301", SHANGHAI), begin + DAY)

    def test_second(self) -> None:
        """A second is covered whole, too."""
        begin = times.begin_of("20260301000007", SHANGHAI)
        self.assertEqual(begin, 1_772_294_407_000)
        self.assertEqual(times.end_of("20260301000007", SHANGHAI), begin + 1000)

    def test_day_of_the_change(self) -> None:
        """The day on which the clocks go forward has 23 hours."""
        begin = times.begin_of("20260329", BERLIN)
        self.assertEqual(times.end_of("20260329", BERLIN) - begin, 23 * 3_600_000)

    def test_days(self) -> None:
        """Days are counted with both ends, whatever their hours."""
        self.assertEqual(times.days("20260301", "20260301"), 1)
        self.assertEqual(times.days("20260228235959", "20260301000000"), 2)
        self.assertEqual(times.days("20260101", "20260131"), 31)

    def test_midnight(self) -> None:
        """Today began at midnight of the zone."""
        noon = 1_772_366_400_000
        self.assertEqual(times.midnight(noon, SHANGHAI), 1_772_294_400_000)

    def test_hour(self) -> None:
        """The hour is the zone's."""
        self.assertEqual(times.hour(1_772_366_400_000, SHANGHAI), 20)
