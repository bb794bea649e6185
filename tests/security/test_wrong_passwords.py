"""What the log tells of wrong passwords."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from vos3000.metrics import Metrics
from vos3000.security import suspension
from vos3000.security.suspension import Suspension, SuspensionSettings

HOST = "198.51.100.7"
LINE = (
    f"'1001' at {HOST} has a wrong password, or there is no such phone or gateway"
    " that registers"
)


class WrongPasswordTests(SynchronousTestCase):
    """The first of each user at each source."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.settings = SuspensionSettings()
        self.guard = Suspension(
            lambda: self.settings,
            self.clock.seconds,
            lambda user, host: False,
            Metrics(),
        )
        self.told: list[str] = []
        globalLogPublisher.addObserver(self._told)
        self.addCleanup(globalLogPublisher.removeObserver, self._told)

    def _told(self, event: dict[str, object]) -> None:
        if str(event.get("log_namespace")).endswith(".WrongPasswords"):
            self.told.append(formatEvent(event))

    def test_first(self) -> None:
        """
        One line, not one for each; so, too, where nobody is suspended. A right
        password begins anew, and so does a while without any.
        """
        for settings in (SuspensionSettings(), SuspensionSettings(most=0)):
            self.settings = settings
            for _ in range(5):
                self.guard.failed("1001", HOST)
            self.assertEqual(self.told, [LINE])
            self.guard.passed("1001", HOST)
            self.told.clear()
        self.guard.failed("1001", HOST)
        self.clock.advance(self.settings.seconds + 1)
        self.guard.failed("1001", HOST)
        self.assertEqual(self.told, [LINE, LINE])

    def test_flood(self) -> None:
        """A few lines, then one a second, which says how many were left out."""
        for number in range(100):
            self.guard.failed("1001", f"203.0.113.{number}")
        self.assertEqual(len(self.told), suspension.LINES)
        self.clock.advance(suspension.QUIET)
        self.guard.failed("1001", HOST)
        self.assertEqual(self.told[-1], f"{LINE} (90 before it were not told)")
