"""
L{vos3000.events}: publishing cannot fail.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from vos3000.events import (
    CallEnded,
    Events,
    StorageFailed,
    StorageRecovered,
)
from vos3000.model.cdr import Cdr


class EventsTests(SynchronousTestCase):
    """Listeners and what they hear."""

    def setUp(self) -> None:
        """A process without listeners."""
        self.events = Events()
        self.heard: list[object] = []

    def test_a_listener_hears_its_own_kind(self) -> None:
        """And no other."""
        self.events.subscribe(StorageRecovered, self.heard.append)
        event = StorageRecovered(1.0)
        self.events.publish(event)
        self.events.publish(StorageFailed("disk full", 3))
        self.assertEqual(self.heard, [event])

    def test_listeners_are_told_in_order(self) -> None:
        """The one that subscribed first hears first."""
        self.events.subscribe(StorageRecovered, lambda event: self.heard.append(1))
        self.events.subscribe(StorageRecovered, lambda event: self.heard.append(2))
        self.events.publish(StorageRecovered(1.0))
        self.assertEqual(self.heard, [1, 2])

    def test_a_failing_listener_costs_nobody_else(self) -> None:
        """Its error is logged, the next listener hears, the publisher goes on."""

        def fail(event: StorageFailed) -> None:
            raise ZeroDivisionError

        self.events.subscribe(StorageFailed, fail)
        self.events.subscribe(StorageFailed, self.heard.append)
        event = StorageFailed("disk full", 3)
        self.events.publish(event)
        self.assertEqual(self.heard, [event])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_nobody_has_to_listen(self) -> None:
        """Publishing to nobody is no error, and can be avoided."""
        self.assertFalse(self.events.wanted(CallEnded))
        self.events.publish(CallEnded(Cdr(), kept=True))
        self.events.subscribe(CallEnded, self.heard.append)
        self.assertTrue(self.events.wanted(CallEnded))
