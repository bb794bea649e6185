"""The new calls of the last seconds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from vos3000.security.callrate import CallRates


class CallRateTests(SynchronousTestCase):
    """Calls counted, and the next one waited for."""

    def setUp(self) -> None:
        """A clock, and no calls."""
        self.clock = Clock()
        self.rates = CallRates(self.clock.seconds)

    def test_the_call_beyond_the_rate_is_refused(self) -> None:
        """And not counted; it would have to wait for the oldest to be forgotten."""
        taken = []
        for _ in range(4):
            taken.append(self.rates.take("gw", (3, 10)))
            self.clock.advance(1)
        self.assertEqual(taken, [True, True, True, False])
        self.assertEqual(self.rates.wait("gw", (3, 10)), 6.0)
        self.clock.advance(6)
        self.assertEqual(self.rates.wait("gw", (3, 10)), 0.0)
        self.assertTrue(self.rates.take("gw", (3, 10)))
        self.assertFalse(self.rates.take("gw", (3, 10)))

    def test_no_limit(self) -> None:
        """0 and less are no limit, and nothing is kept for it."""
        for rate in ((0, 1), (-1, 1)):
            self.assertTrue(self.rates.take("gw", rate))
            self.assertEqual(self.rates.wait("gw", rate), 0.0)
        self.assertFalse(self.rates._begun)

    def test_a_limit_that_changes_holds_for_the_next_call(self) -> None:
        """Lowered: the calls there were count against it. Raised: at once."""
        for _ in range(4):
            self.rates.take("gw", (4, 10))
            self.clock.advance(1)
        self.assertFalse(self.rates.take("gw", (2, 10)))
        self.assertEqual(self.rates.wait("gw", (2, 10)), 8.0)
        self.assertTrue(self.rates.take("gw", (5, 10)))

    def test_gateways_apart(self) -> None:
        """One at its limit leaves the others alone."""
        self.rates.take("a", (1, 1))
        self.assertTrue(self.rates.take("b", (1, 1)))

    def test_gateways_that_are_gone_are_forgotten(self) -> None:
        """With all that was counted of them."""
        self.rates.take("a", (1, 1))
        self.rates.take("b", (1, 1))
        self.rates.keep(["b"])
        self.assertTrue(self.rates.take("a", (1, 1)))
        self.assertFalse(self.rates.take("b", (1, 1)))

    @given(
        calls=st.integers(1, 4),
        unit=st.integers(1, 3),
        gaps=st.lists(st.sampled_from((0.0, 0.25, 0.5, 1.0, 2.0)), max_size=40),
    )
    def test_no_stretch_of_time_has_more(
        self, calls: int, unit: int, gaps: list[float]
    ) -> None:
        """Wherever it begins; and who waits as told is let in."""
        self.setUp()
        taken: list[float] = []
        for gap in gaps:
            self.clock.advance(gap)
            now = self.clock.seconds()
            wait = self.rates.wait("gw", (calls, unit))
            if self.rates.take("gw", (calls, unit)):
                self.assertEqual(wait, 0.0)
                taken.append(now)
            else:
                self.assertTrue(0 < wait <= unit)
        for begin in taken:
            within = [at for at in taken if begin <= at < begin + unit]
            self.assertLessEqual(len(within), calls)
        self.clock.advance(self.rates.wait("gw", (calls, unit)))
        self.assertTrue(self.rates.take("gw", (calls, unit)))
