"""The lines in use."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from vos3000.routing.capacity import Capacity


class CapacityTests(SynchronousTestCase):
    """Lines taken and given back."""

    def test_limit(self) -> None:
        """The line beyond the limit is refused and not counted."""
        capacity = Capacity()
        taken = [capacity.acquire("gw", 2) for _ in range(3)]
        self.assertEqual(taken, [True, True, False])
        self.assertEqual(capacity.used("gw"), 2)

    def test_released_line_is_free(self) -> None:
        """A line given back can be taken again."""
        capacity = Capacity()
        capacity.acquire("gw", 1)
        capacity.release("gw")
        self.assertTrue(capacity.acquire("gw", 1))

    def test_no_limit(self) -> None:
        """0 and less mean no limit; calls are counted all the same."""
        capacity = Capacity()
        for limit in (0, -1):
            self.assertTrue(capacity.acquire("gw", limit))
        self.assertEqual(capacity.used("gw"), 2)

    def test_lowered_limit(self) -> None:
        """Calls above a lowered limit stay; none is added."""
        capacity = Capacity()
        for _ in range(3):
            capacity.acquire("gw", 3)
        self.assertFalse(capacity.acquire("gw", 2))
        self.assertEqual(capacity.used("gw"), 3)

    def test_gateways_apart(self) -> None:
        """A full gateway leaves the others alone."""
        capacity = Capacity()
        capacity.acquire("a", 1)
        self.assertTrue(capacity.acquire("b", 1))

    @given(st.lists(st.booleans()))
    def test_never_negative(self, steps: list[bool]) -> None:
        """Whatever is given back, the count stays between 0 and the limit."""
        capacity = Capacity()
        for take in steps:
            if take:
                capacity.acquire("gw", 3)
            else:
                capacity.release("gw")
            self.assertTrue(0 <= capacity.used("gw") <= 3)
