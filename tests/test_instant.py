"""
L{vos3000.instant}: durations from one side, stamps from the other.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from vos3000.instant import Instant, instants


class InstantTests(SynchronousTestCase):
    """Moments."""

    def test_duration_is_monotonic(self) -> None:
        """A wall clock that steps back an hour changes no duration."""
        answer = Instant(wall=7_200_000, mono=10.0)
        release = Instant(wall=3_600_000, mono=12.5)
        self.assertEqual(release.since(answer), 2500)

    def test_a_duration_is_not_cut_by_a_binary_fraction(self) -> None:
        """2.010 s is 2010 ms, though its float lies below."""
        self.assertEqual(Instant(0, 3.010).since(Instant(0, 1.0)), 2010)
        self.assertEqual(Instant(0, 0.0029994).since(Instant(0, 0.0)), 2)

    @given(
        st.integers(min_value=0, max_value=10**9),
        st.integers(min_value=0, max_value=86_400_000),
    )
    def test_whole_milliseconds_survive(self, start: int, length: int) -> None:
        """Whatever the uptime, a duration of whole milliseconds is exact."""
        begin = Instant(0, start / 1000)
        end = Instant(0, (start + length) / 1000)
        self.assertEqual(end.since(begin), length)

    def test_a_source_reads_both_clocks(self) -> None:
        """The wall side is whole milliseconds, the monotonic side seconds."""
        now = instants(lambda: 1_700_000_000.9876, lambda: 42.5)
        self.assertEqual(now(), Instant(1_700_000_000_987, 42.5))
