"""Who is suspended for guessing, and who is not for being near."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from vos3000.metrics import Metrics
from vos3000.security import suspension
from vos3000.security.suspension import (
    ANSWER_TIME,
    MOST_AT_ONCE,
    MOST_USERS,
    Suspension,
    SuspensionSettings,
    network,
)

HOST = "198.51.100.7"
OTHER = "203.0.113.9"


class Guarded(SynchronousTestCase):
    """A suspension, its clock and its log."""

    def setUp(self) -> None:
        """Nobody is exempt; the defaults are in force."""
        self.clock = Clock()
        self.settings = SuspensionSettings()
        self.exempt: set[tuple[str, str]] = set()
        self.metrics = Metrics()
        self.guard = Suspension(
            lambda: self.settings,
            self.clock.seconds,
            lambda user, host: (user, host) in self.exempt,
            self.metrics,
        )
        self.told: list[str] = []
        globalLogPublisher.addObserver(self._told)
        self.addCleanup(globalLogPublisher.removeObserver, self._told)

    def _told(self, event: dict[str, object]) -> None:
        if event.get("log_namespace") == suspension.__name__ + ".Suspension":
            self.told.append(str(event["who"]))

    def fail_times(self, count: int, user: str = "1001", host: str = HOST) -> None:
        """A user's password was wrong so often."""
        for _ in range(count):
            self.guard.failed(user, host)

    def metric(self, name: str) -> object:
        """The value of a metric."""
        (value,) = [s.value for s in self.metrics.samples() if s.name == name]
        return value


class UserTests(Guarded):
    """A user at a source."""

    def test_at_the_limit(self) -> None:
        """SS_AUTHENTICATION_MAX_RETRY wrong passwords, and not before."""
        self.fail_times(5)
        self.assertFalse(self.guard.barred("1001", HOST))
        self.fail_times(1)
        self.assertTrue(self.guard.barred("1001", HOST))
        self.assertEqual(self.metric("security_suspended"), 1)
        self.assertEqual(self.metric("security_barred_requests_total"), 1)

    def test_for_a_time(self) -> None:
        """SS_AUTHENTICATION_FAILED_SUSPEND; then it counts anew."""
        self.fail_times(6)
        self.clock.advance(179.9)
        self.assertTrue(self.guard.barred("1001", HOST))
        self.clock.advance(0.2)
        self.assertFalse(self.guard.barred("1001", HOST))
        self.fail_times(5)
        self.assertFalse(self.guard.barred("1001", HOST))

    def test_nobody_else(self) -> None:
        """Neither the user elsewhere nor another user there."""
        self.fail_times(6)
        self.assertFalse(self.guard.barred("1001", OTHER))
        self.assertFalse(self.guard.barred("1002", HOST))

    def test_success_clears(self) -> None:
        """A right password makes good for wrong ones before it."""
        for _ in range(3):
            self.fail_times(5)
            self.guard.passed("1001", HOST)
        self.assertFalse(self.guard.barred("1001", HOST))

    def test_old_failures_are_forgotten(self) -> None:
        """What was wrong long ago does not count."""
        self.fail_times(5)
        self.clock.advance(181)
        self.fail_times(5)
        self.assertFalse(self.guard.barred("1001", HOST))

    def test_told_once(self) -> None:
        """One line in the log and one count for each suspension."""
        self.fail_times(6)
        for _ in range(10):
            self.guard.barred("1001", HOST)
        self.assertEqual(self.told, [f"'1001' at {HOST}"])
        self.assertEqual(self.metric("security_suspensions_total"), {"user": 1})

    def test_switched_off(self) -> None:
        """By 0 retries, or by SS_ENDPOINTREGISTERSUSPEND."""
        for self.settings in (
            SuspensionSettings(most=0),
            SuspensionSettings(enabled=False),
        ):
            self.fail_times(50)
            for user in range(50):
                self.guard.asked(str(user), HOST)
            self.clock.advance(ANSWER_TIME)
            self.assertFalse(self.guard.barred("1001", HOST))

    def test_ipv6_counts_by_network(self) -> None:
        """Another address of the same /64 does not help."""
        self.fail_times(3, host="2001:db8::1")
        self.fail_times(3, host="2001:db8::ffff:1")
        self.assertTrue(self.guard.barred("1001", "2001:db8::2"))
        self.assertFalse(self.guard.barred("1001", "2001:db8:0:1::2"))
        self.assertEqual(network("::ffff:192.0.2.1"), "192.0.2.1")
        self.assertEqual(network("fe80::1%eth0"), "fe80::/64")
        self.assertEqual(network(":"), ":")


class SourceTests(Guarded):
    """A source that tries many users."""

    def scan(self, count: int, host: str = HOST) -> None:
        """Ask for so many users and answer no challenge."""
        for user in range(count):
            self.guard.asked(str(user), host)

    def test_guessing_over_many_users(self) -> None:
        """A wrong password for each of many users."""
        for user in range(MOST_USERS):
            self.assertFalse(self.guard.barred("1001", HOST))
            self.guard.failed(str(user), HOST)
        self.assertTrue(self.guard.barred("1001", HOST))
        self.assertFalse(self.guard.barred("1001", OTHER))
        self.assertEqual(self.told, [HOST])

    def slowed(self, host: str = HOST, user: str = "1001") -> bool:
        """Whether a source has one challenge, and not another one at once."""
        first, second = (self.guard.barred(user, host) for _ in range(2))
        return (first, second) == (False, True)

    def test_looking_for_users(self) -> None:
        """Many users that are asked for and never authenticated: one a second."""
        self.scan(MOST_USERS)
        self.assertFalse(self.slowed())
        self.clock.advance(ANSWER_TIME)
        self.assertTrue(self.slowed())
        self.clock.advance(suspension.BETWEEN)
        self.assertTrue(self.slowed())
        self.clock.advance(181)
        self.assertFalse(self.slowed())

    def test_questions_that_may_be_forged(self) -> None:
        """They keep nobody out who shows that it is there, unless it guesses."""
        self.scan(MOST_USERS)
        self.clock.advance(ANSWER_TIME)
        self.assertTrue(self.slowed())
        for user in range(MOST_USERS):
            self.assertFalse(self.guard.barred("1001", HOST, True))
            self.guard.failed(f"guess{user}", HOST)
        self.assertTrue(self.guard.barred("1001", HOST, True))
        self.scan(MOST_USERS)
        self.clock.advance(ANSWER_TIME)
        self.assertTrue(self.guard.barred("1001", HOST, True))
        self.clock.advance(181)
        self.assertFalse(self.slowed())

    def test_thousands_at_once(self) -> None:
        """Of those that were forged in a moment some are counted for each request."""
        for number in range(5 * MOST_AT_ONCE):
            self.guard.asked(str(number), f"203.0.113.{number % 7}")
        self.clock.advance(ANSWER_TIME)
        for left in (4, 3, 2, 1, 0, 0):
            self.guard.barred("1001", HOST)
            self.assertEqual(len(self.guard._asked), left * MOST_AT_ONCE)

    def test_an_office_that_comes_back(self) -> None:
        """Hundreds of phones behind one address that all know their password."""
        self.scan(500)
        for user in range(500):
            self.guard.passed(str(user), HOST)
        self.clock.advance(ANSWER_TIME)
        self.assertFalse(self.guard.barred("1001", HOST))

    def test_one_user_again_and_again(self) -> None:
        """A phone without a password is one user, however often it asks."""
        for _ in range(100):
            self.guard.asked("1001", HOST)
            self.clock.advance(ANSWER_TIME)
            self.assertFalse(self.guard.barred("1001", HOST))

    def test_registered_phones_stay(self) -> None:
        """Who is registered from there goes on."""
        self.exempt.add(("1001", HOST))
        self.scan(MOST_USERS)
        self.clock.advance(ANSWER_TIME)
        self.assertFalse(self.slowed())
        self.assertTrue(self.slowed(user="1002"))

    def test_slow_scan(self) -> None:
        """Users are counted together for ten minutes."""
        for user in range(3 * MOST_USERS):
            self.guard.failed(str(user), HOST)
            self.clock.advance(suspension.WINDOW / (MOST_USERS - 1) + 1)
            self.assertFalse(self.guard.barred("1001", HOST), user)

    def test_long_suspension(self) -> None:
        """One that is longer than the window lasts."""
        self.settings = SuspensionSettings(seconds=3600)
        for user in range(MOST_USERS):
            self.guard.failed(str(user), HOST)
        self.assertTrue(self.guard.barred("1001", HOST))
        self.clock.advance(suspension.WINDOW + 1)
        self.guard.failed("1001", HOST)
        self.assertTrue(self.guard.barred("1002", HOST))


class MemoryTests(Guarded):
    """What strangers can fill is bounded."""

    def test_tables(self) -> None:
        """A flood of users and sources; the newest are kept."""
        most = max(suspension.MOST_ASKED, suspension.MOST_PAIRS)
        for number in range(most + 100):
            host = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
            self.guard.asked(f"u{number}", host)
            self.guard.failed(f"v{number}", host)
        sizes = [
            len(table)
            for table in (self.guard._pairs, self.guard._sources, self.guard._asked)
        ]
        limits = [
            suspension.MOST_PAIRS,
            suspension.MOST_SOURCES,
            suspension.MOST_ASKED,
        ]
        self.assertEqual(sizes, limits)

    def test_log(self) -> None:
        """A few lines, then one a second, however many are suspended."""
        for number in range(100):
            self.fail_times(self.settings.most, host=f"203.0.113.{number}")
        self.assertEqual(len(self.told), suspension.LINES)
        self.clock.advance(suspension.QUIET)
        self.fail_times(self.settings.most)
        self.fail_times(self.settings.most, host="203.0.113.200")
        self.assertEqual(self.told[suspension.LINES :], [f"'1001' at {HOST}"])
        self.assertEqual(self.metric("security_suspended"), 102)

    def test_long_users(self) -> None:
        """A name is cut before it is kept."""
        self.guard.failed("x" * 4000, HOST)
        ((user, _),) = self.guard._pairs
        self.assertEqual(len(user), 128)
