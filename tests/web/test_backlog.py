"""
Tests of the watch on records that wait.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from vos3000.instant import instants
from vos3000.web.backlog import INTERVAL, MANY, Backlog


class _Writer:
    """A writer that is done when the test says so."""

    def __init__(self) -> None:
        self.waiting = 0
        self.flushes: list[Deferred[None]] = []

    def flush(self) -> Deferred[None]:
        self.flushes.append(Deferred())
        return self.flushes[-1]


class BacklogTests(SynchronousTestCase):
    """L{Backlog}."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.writer = _Writer()
        now = instants(self.clock.seconds, self.clock.seconds)
        self.backlog = Backlog(self.writer, self.clock, now)
        self.backlog.start()

    def test_many(self) -> None:
        """More than a thousand that wait are too many, at once."""
        self.writer.waiting = MANY
        self.assertEqual(self.backlog.problem(), "")
        self.writer.waiting = MANY + 1
        self.assertEqual(
            self.backlog.problem(), "1001 records wait for the database, some for 0 s"
        )
        self.writer.waiting = 0
        self.assertEqual(self.backlog.problem(), "")

    def test_long(self) -> None:
        """One that waits for more than ten seconds waits too long."""
        self.writer.waiting = 1
        self.clock.pump([INTERVAL] * 11)
        self.assertEqual(self.backlog.problem(), "")
        self.clock.advance(INTERVAL)
        self.assertEqual(
            self.backlog.problem(), "1 records wait for the database, some for 11 s"
        )
        self.writer.waiting = 0
        self.writer.flushes.pop().callback(None)
        self.assertEqual(self.backlog.problem(), "")

    def test_records_that_come_and_go(self) -> None:
        """Records always wait in a switch at work, each for a moment."""
        self.writer.waiting = MANY
        for _ in range(30):
            self.clock.advance(INTERVAL)
            self.writer.flushes.pop().callback(None)
        self.assertEqual(self.backlog.problem(), "")

    def test_failed(self) -> None:
        """A writer that gives up is asked again."""
        self.writer.waiting = 1
        self.clock.advance(INTERVAL)
        self.writer.flushes.pop().errback(OSError())
        self.clock.advance(INTERVAL)
        self.assertEqual(len(self.writer.flushes), 1)

    def test_stop(self) -> None:
        """Nothing is left on the clock."""
        self.backlog.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.backlog.stop()
