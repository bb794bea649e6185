"""Tests of L{vos3000.db.backlog}: the alarm for records that wait."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from vos3000.db.backlog import AGAIN, MANY, PERIOD, Backlog
from vos3000.events import Events, RecordsWaiting
from vos3000.metrics import Metrics


class BacklogTests(SynchronousTestCase):
    """A queue whose length the test sets."""

    def setUp(self) -> None:
        """An empty queue."""
        self.clock = Clock()
        self.waiting = 0
        self.told: list[tuple[int, bool]] = []
        self.metrics = Metrics()
        events = Events()
        events.subscribe(
            RecordsWaiting, lambda event: self.told.append((event.waiting, event.many))
        )
        self.backlog = Backlog(self.clock, lambda: self.waiting, events, self.metrics)
        self.backlog.start()

    def look(self, waiting: int, times: int = 1) -> None:
        """Let so many wait for a while."""
        self.waiting = waiting
        self.clock.pump([PERIOD] * times)

    def alarm(self) -> float:
        """What the metric says."""
        found = {each.name: each.value for each in self.metrics.samples()}
        return found["db_cdr_waiting_alarm"]

    def test_few(self) -> None:
        """A queue that is written is no alarm."""
        self.look(MANY - 1, 20)
        self.assertEqual((self.told, self.alarm()), ([], 0))

    def test_many(self) -> None:
        """It tells how many wait: once, each minute, and when it is over."""
        self.look(MANY)
        self.assertEqual((self.told, self.alarm()), ([(MANY, True)], 1))
        self.look(MANY * 9, AGAIN)
        self.assertEqual(self.told[1:], [(MANY * 9, True)])
        self.look(MANY - 1)
        self.assertEqual(self.alarm(), 1)
        self.look(3)
        self.assertEqual(self.told[2:], [(3, False)])
        self.assertEqual(self.alarm(), 0)
        self.look(0, 20)
        self.assertEqual(len(self.told), 3)

    def test_stop(self) -> None:
        """Nothing is left of it."""
        self.backlog.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
