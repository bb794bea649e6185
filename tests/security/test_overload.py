"""When new requests are not taken because they all come too late."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.logger import LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from vos3000.security.overload import LIMIT, MEMORY, PATIENCE, TARGET, Overload


class OverloadTests(SynchronousTestCase):
    """Requests that waited, one after the other."""

    def setUp(self) -> None:
        """A clock, and a switch that has kept up so far."""
        self.clock = Clock()
        self.overload = Overload(self.clock.seconds)
        self.told: list[str] = []
        globalLogPublisher.addObserver(self._hear)
        self.addCleanup(globalLogPublisher.removeObserver, self._hear)

    def _hear(self, event: object) -> None:
        assert isinstance(event, dict)
        if event.get("log_level") is LogLevel.warn:
            self.told.append(event["log_format"])

    def shed(self, waited: float, seconds: float, step: float = 0.01) -> list[bool]:
        """What becomes of requests that each waited so long, for some seconds."""
        found = []
        for _ in range(round(seconds / step)):
            found.append(self.overload.sheds(waited))
            self.clock.advance(step)
        return found

    def test_on_time(self) -> None:
        """All are taken, for however long."""
        self.assertFalse(any(self.shed(TARGET * 0.9, 10)))
        self.assertEqual(self.told, [])

    def test_a_pause_is_no_overload(self) -> None:
        """Some that waited are taken, as long as the queue gets empty again."""
        for _ in range(5):
            self.assertFalse(any(self.shed(0.2, PATIENCE * 0.9)))
            self.assertFalse(any(self.shed(0, 0.1)))

    def test_lasting_lateness_is_overload(self) -> None:
        """Refused from when it lasted too long; told once."""
        found = self.shed(TARGET, 2)
        self.assertEqual(found.index(True), round(PATIENCE / 0.01))
        self.assertTrue(all(found[found.index(True) :]))
        self.assertEqual(len(self.told), 1)

    def test_those_on_time_are_taken_at_once(self) -> None:
        """The first one after the queue became short; no patience after that."""
        self.shed(TARGET, 1)
        self.assertFalse(self.overload.sheds(TARGET / 2))
        self.assertTrue(self.overload.sheds(TARGET))
        self.assertEqual(len(self.told), 1)

    def test_an_overload_is_forgotten(self) -> None:
        """Then there is patience again, and one more line in the log."""
        self.shed(TARGET, 1)
        self.clock.advance(MEMORY)
        self.assertFalse(self.overload.sheds(TARGET))
        self.shed(TARGET, 1)
        self.assertEqual(len(self.told), 2)

    def test_stale_requests_are_refused_at_once(self) -> None:
        """Their senders have given them up, or sent them again."""
        self.assertTrue(self.overload.sheds(LIMIT))

    def test_late_ones_far_apart_are_no_overload(self) -> None:
        """Nobody knows what was between them."""
        found = self.shed(TARGET, 20, step=PATIENCE * 1.5)
        self.assertFalse(any(found))
