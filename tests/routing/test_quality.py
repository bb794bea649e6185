"""The sliding windows over the calls of gateways."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from vos3000.routing.quality import Figures, Quality, QualitySettings


class QualityTests(SynchronousTestCase):
    """A window of an hour in twelve slices."""

    def setUp(self) -> None:
        """Nothing was counted yet."""
        self.clock = Clock()
        self.clock.advance(1000 * 300)
        self.settings = QualitySettings()
        self.quality = Quality(self.clock.seconds, lambda: self.settings)

    def test_definitions(self) -> None:
        """Of five: two answered, three connected, four with a reply."""
        for replied, connected, talk in (
            (False, False, None),
            (True, False, None),
            (True, True, None),
            (True, True, 10_000),
            (True, True, 61_999),
        ):
            self.quality.count("gw", replied, connected, talk)
        expected = Figures(Decimal("0.4"), 35, Decimal("0.8"), Decimal("0.6"))
        self.assertEqual(self.quality.figures("gw"), expected)
        self.assertEqual(self.quality.figures("other"), Figures())

    def test_rounding(self) -> None:
        """Shares have four digits."""
        self.quality.count("gw", True, True, 1)
        self.quality.count("gw", True, False)
        self.quality.count("gw", True, False)
        self.assertEqual(self.quality.figures("gw").asr, Decimal("0.3333"))
        self.assertEqual(self.quality.figures("gw").acd, 0)

    def test_the_oldest_slice_drops_out(self) -> None:
        """A call counts for eleven to twelve slices, no longer."""
        self.quality.count("gw", True, True, 1000)
        self.clock.advance(150)
        self.quality.count("gw", False, False)
        self.clock.advance(300)
        self.quality.count("gw", False, False)
        for _ in range(10):
            self.assertEqual(self.quality.figures("gw").asr, Decimal("0.3333"))
            self.clock.advance(300)
        self.clock.advance(300)
        self.assertEqual(self.quality.figures("gw").asr, 0)
        self.clock.advance(300)
        self.assertEqual(self.quality.figures("gw"), Figures())

    def test_after_a_long_silence(self) -> None:
        """What is older than the window does not come back with a new call."""
        self.quality.count("gw", True, True, 1000)
        self.clock.advance(36_000)
        self.quality.count("gw", False, False)
        self.assertEqual(self.quality.figures("gw"), Figures())

    def test_parameters(self) -> None:
        """Another window, or other slices, begin anew."""
        self.quality.count("gw", True, True, 1000)
        self.settings = QualitySettings(600, 2)
        self.assertEqual(self.quality.figures("gw").asr, 1)
        self.settings = QualitySettings(600, 3)
        self.assertEqual(self.quality.figures("gw"), Figures())

    def test_gateways_that_are_gone(self) -> None:
        """They are forgotten; those that stay are kept."""
        self.quality.count("gw", True, True, 1000)
        self.quality.count("gone", True, True, 1000)
        self.quality.keep(["gw", "new"])
        self.assertEqual(self.quality.figures("gw").asr, 1)
        self.assertEqual(self.quality.figures("gone"), Figures())

    @given(
        st.lists(
            st.tuples(
                st.floats(0, 500), st.booleans(), st.none() | st.integers(0, 10**6)
            ),
            max_size=60,
        )
    )
    def test_like_a_plain_count(
        self, calls: list[tuple[float, bool, int | None]]
    ) -> None:
        """Whatever happens when, it is what counting the slices by hand gives."""
        quality = Quality(self.clock.seconds, QualitySettings)
        seen: list[tuple[int, int | None]] = []
        for wait, replied, talk in calls:
            self.clock.advance(wait)
            quality.count("gw", replied, False, talk)
            seen.append((int(self.clock.seconds() / 300), talk))
        now = int(self.clock.seconds() / 300)
        kept = [talk for index, talk in seen if index > now - 12]
        answered = [talk for talk in kept if talk is not None]
        figures = quality.figures("gw")
        if kept:
            share = Decimal(len(answered)) / len(kept)
            self.assertEqual(figures.asr, share.quantize(Decimal("0.0001")))
        acd = sum(answered) // len(answered) // 1000 if answered else 0
        self.assertEqual(figures.acd, acd)
