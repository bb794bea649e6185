"""
L{vos3000.timers}: the wheel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from vos3000.timers import GRANULE, SHARE, Timer, TimerWheel, _Bucket

DELAYS = st.floats(min_value=0, max_value=100, allow_nan=False)


class _Watched(_Bucket):
    """A granule that counts how often somebody begins to walk through it."""

    walks = 0

    def __iter__(self) -> Iterator[Timer]:
        self.walks += 1
        return super().__iter__()


class TimerWheelTests(SynchronousTestCase):
    """Timers fire once, in time, unless they are cancelled."""

    def setUp(self) -> None:
        """A wheel on a clock, and what its timers have said."""
        self.clock = Clock()
        self.clock.advance(1000.013)
        self.wheel = TimerWheel(self.clock)
        self.fired: list[object] = []

    def tearDown(self) -> None:
        """No test leaves the reactor anything to do."""
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def advance(self, seconds: float) -> None:
        """Let time pass as a reactor does, in steps smaller than a granule."""
        end = self.clock.seconds() + seconds
        while self.clock.seconds() < end:
            self.clock.advance(min(GRANULE / 5, end - self.clock.seconds() + 1e-9))

    def test_a_timer_fires_with_its_argument(self) -> None:
        """Once, and then it is no longer active."""
        timer = self.wheel.later(0.5, self.fired.append, "a")
        self.assertTrue(timer.active)
        self.advance(0.5)
        self.assertEqual(self.fired, [])
        self.advance(2 * GRANULE)
        self.assertEqual(self.fired, ["a"])
        self.assertFalse(timer.active)
        self.advance(5)
        self.assertEqual(self.fired, ["a"])

    def test_a_cancelled_timer_is_gone(self) -> None:
        """It never fires, counts no more, and may be cancelled again."""
        timer = self.wheel.later(0.5, self.fired.append)
        other = self.wheel.later(0.5, self.fired.append, "other")
        self.assertEqual(len(self.wheel), 2)
        timer.cancel()
        timer.cancel()
        self.assertEqual(len(self.wheel), 1)
        self.assertFalse(timer.active)
        self.advance(1)
        other.cancel()
        self.assertEqual(self.fired, ["other"])

    def test_a_timer_may_cancel_its_neighbor(self) -> None:
        """One of the same moment that has not fired yet stays silent."""

        def first(_: object) -> None:
            self.fired.append("first")
            second.cancel()

        self.wheel.later(0.5, first)
        second = self.wheel.later(0.5, self.fired.append, "second")
        self.advance(1)
        self.assertEqual(self.fired, ["first"])

    def test_a_timer_may_start_the_next(self) -> None:
        """A periodic check keeps its period, even at a delay of zero."""

        def again(left: int) -> None:
            self.fired.append(left)
            if left:
                self.wheel.later(0, again, left - 1)

        self.wheel.later(0, again, 3)
        self.clock.advance(GRANULE)
        self.assertEqual(self.fired, [3])
        self.advance(6 * GRANULE)
        self.assertEqual(self.fired, [3, 2, 1, 0])

    def test_a_failing_call_hurts_nobody(self) -> None:
        """It is logged, and the others of the same moment fire."""

        def fail(_: object) -> None:
            raise ZeroDivisionError

        self.wheel.later(0.5, fail)
        self.wheel.later(0.5, self.fired.append, "other")
        self.wheel.later(0.7, self.fired.append, "later")
        self.advance(1)
        self.assertEqual(self.fired, ["other", "later"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_one_delayed_call_drives_them_all(self) -> None:
        """The reactor sees one delayed call, and none once nothing is left."""
        for delay in (0.1, 0.2, 30, 3600):
            self.wheel.later(delay, self.fired.append, delay)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.pump([GRANULE] * int(3602 / GRANULE))
        self.assertEqual(self.fired, [0.1, 0.2, 30, 3600])

    def test_a_stalled_process_catches_up_in_order(self) -> None:
        """After a long pause everything due fires, the earliest first."""
        for delay in (9, 0.1, 5, 0.5, 200):
            self.wheel.later(delay, self.fired.append, delay)
        self.clock.advance(100)
        self.assertEqual(self.fired, [0.1, 0.5, 5, 9])
        self.wheel.stop()

    def test_it_sleeps_until_a_timer_is_due(self) -> None:
        """The reactor is woken for timers that are wanted, not for granules."""
        turns = []
        self.wheel.later(30, turns.append)
        for _ in range(5):
            self.wheel.later(0.5, turns.append).cancel()
        self.clock.advance(1)
        [call] = self.clock.getDelayedCalls()
        self.assertGreaterEqual(call.getTime() - self.clock.seconds(), 29)
        self.clock.advance(29.1)
        self.assertEqual(len(turns), 1)

    def test_cancelled_timers_leave_nothing_behind(self) -> None:
        """However far ahead they were."""
        for number in range(5000):
            self.wheel.later(100 + number, len).cancel()
        self.wheel.later(0.1, lambda _: None)
        self.clock.advance(0.2)
        self.assertEqual((len(self.wheel._buckets), len(self.wheel._ticks)), (0, 0))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stop_forgets_everything(self) -> None:
        """Timers become inactive and the reactor is released."""
        timers = [self.wheel.later(n, self.fired.append) for n in range(5)]
        self.wheel.stop()
        self.assertEqual((len(self.wheel), self.fired), (0, []))
        self.assertFalse(any(timer.active for timer in timers))
        self.wheel.stop()

    def test_a_timer_may_stop_the_wheel(self) -> None:
        """Nothing that is due fires after it, at the same moment or later."""

        def stop(_: object) -> None:
            self.fired.append("stop")
            self.wheel.stop()

        self.wheel.later(0.5, stop)
        self.wheel.later(0.5, self.fired.append, "neighbor")
        self.wheel.later(0.9, self.fired.append, "later")
        self.clock.advance(10)
        self.assertEqual(self.fired, ["stop"])

    def test_a_granule_that_rounds_down(self) -> None:
        """43 * 0.05 is less than 43 of 0.05 each: woken then, it turns all the same."""
        clock = Clock()
        TimerWheel(clock).later(42.5 * GRANULE, self.fired.append, "due")
        clock.advance(43 * GRANULE)
        self.assertEqual(self.fired, ["due"])

    def test_a_full_granule_is_walked_through_once(self) -> None:
        """
        Each walk begins with all that fired before: one for each timer is
        quadratic, and 40,000 of one moment, as after a flood, hold all up.
        """
        self.wheel.later(0.5, self.fired.append, 0)
        [(tick, bucket)] = self.wheel._buckets.items()
        watched = self.wheel._buckets[tick] = _Watched(bucket)
        for timer in bucket:
            timer._bucket = watched
        for number in range(1, 1000):
            self.wheel.later(0.5, self.fired.append, number)
        self.advance(1)
        self.assertEqual(self.fired, list(range(1000)))
        self.assertEqual(watched.walks, 1)

    def test_others_have_their_turn_between_many(self) -> None:
        """
        Timers that take long together are called in several turns: what else is
        due comes in between, all of them are called, in order, and none twice.
        """

        def slow(number: object) -> None:
            self.fired.append(number)
            self.clock.rightNow += SHARE / 10

        for number in range(100):
            self.wheel.later(0.5, slow, number)
        self.wheel.later(0.5, lambda _: stopped.cancel())
        stopped = self.wheel.later(0.5, slow)
        self.clock.callLater(0.5 + 0.8 * GRANULE, self.fired.append, "other")
        self.advance(1)
        place = self.fired.index("other")
        self.assertLess(place, 40)
        self.assertEqual(self.fired[:place] + self.fired[place + 1 :], [*range(100)])
        self.assertEqual(len(self.wheel), 0)

    def test_a_long_turn_may_stop_the_wheel(self) -> None:
        """However many are left of it."""

        def slow(number: object) -> None:
            self.clock.rightNow += SHARE
            self.fired.append(number)
            if number == 20:
                self.wheel.stop()

        for number in range(100):
            self.wheel.later(0.5, slow, number)
        self.advance(2)
        self.assertEqual(self.fired, [*range(21)])

    def test_a_stopped_wheel_may_be_used_again(self) -> None:
        """Stopping is no state: the next timer starts it."""
        self.wheel.later(1, self.fired.append)
        self.wheel.stop()
        self.wheel.later(1, self.fired.append, "again")
        self.advance(1 + 2 * GRANULE)
        self.assertEqual(self.fired, ["again"])

    def test_time_that_division_rounds_down_has_come(self) -> None:
        """2.15 s is 43 granules, though 2.15 / 0.05 is less than 43."""
        clock = Clock()
        clock.advance(0.25)
        wheel = TimerWheel(clock)
        wheel.later(1.9, self.fired.append)
        turns: list[None] = []
        turn = wheel._turn

        def turned() -> None:
            turns.append(None)
            self.assertLess(len(turns), 5, "it turns without end")
            turn()

        self.patch(wheel, "_turn", turned)
        wheel.later(1.85, self.fired.append)
        clock.advance(1.9)
        self.assertEqual(self.fired, [None, None])

    @settings(max_examples=50, deadline=None)
    @given(
        st.lists(DELAYS, max_size=20),
        st.floats(min_value=0.001, max_value=7),
        st.floats(min_value=0, max_value=1),
    )
    def test_never_early_and_soon_after(
        self, delays: list[float], step: float, start: float
    ) -> None:
        """However time passes, no timer fires before its time or is forgotten."""
        clock = Clock()
        clock.advance(start)
        wheel = TimerWheel(clock)
        late: list[float] = []

        def expect(due: float) -> Callable[[object], None]:
            return lambda _: late.append(clock.seconds() - due)

        for delay in delays:
            wheel.later(delay, expect(clock.seconds() + delay))
        while clock.getDelayedCalls():
            clock.advance(step)
        self.assertEqual(len(late), len(delays))
        self.assertEqual(len(wheel), 0)
        for seconds in late:
            self.assertGreaterEqual(seconds, 0)
            self.assertLess(seconds, 2 * (GRANULE + step))
