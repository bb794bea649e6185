"""
The wall clock steps by an hour while calls are up: durations, money, timers and what
the next start makes of the journal come from the clock that never steps.
"""

from __future__ import annotations

from tests.test_journaled import PRICE, JournaledCase, Run

HOUR = 3600
MS = 1000


class ClockStepTests(JournaledCase):
    """Forward, back, and both."""

    def step(self, run: Run, hours: int) -> None:
        """Set the wall clock."""
        run.switch.stepped += hours * HOUR

    def talks(self, *hours: int) -> None:
        """A call of 90 s during which the clock steps, then one after it."""
        run = self.run_()
        caller = run.call(1)
        for each in hours:
            run.switch.advance(90 / len(hours))
            self.step(run, each)
        run.hang_up(caller)
        run.switch.advance(1)
        begun = run.switch.now().wall
        after = run.call(2)
        run.switch.advance(5)
        run.hang_up(after)
        run.switch.advance(2)
        columns = "holdtime, stoptime - starttime, fee, starttime"
        (hold, lasted, fee, _), (other, length, price, start) = self.records(columns)
        self.assertEqual((hold, lasted, fee), (90, 90 * MS, 2 * PRICE))
        self.assertEqual((other, length, price), (5, 5 * MS, PRICE))
        self.assertEqual(start, begun)
        self.check()
        self.assertEqual(run.switch.accounts.get("acme").reserved, 0)  # type: ignore[union-attr]

    def test_forward(self) -> None:
        """By an hour: nobody pays for it."""
        self.talks(1)

    def test_back(self) -> None:
        """By an hour: nobody talks for nothing, and no record ends before it began."""
        self.talks(-1)

    def test_to_and_fro(self) -> None:
        """Several times in one call."""
        self.talks(1, -1, -1, 1)

    def interrupted(self, hours: int) -> None:
        """The process ends after the step, and the machine is right at once."""
        run = self.run_()
        run.call(1)
        start = run.switch.now().wall
        run.switch.advance(60)
        self.step(run, hours)
        run.switch.advance(30.5)
        run.die()
        self.run_()
        columns = "holdtime, stoptime - starttime, fee, starttime, endreason"
        ((hold, lasted, fee, began, why),) = self.records(columns)
        self.assertEqual((hold, fee, began, why), (90, 2 * PRICE, start, -1031))
        self.assertLessEqual(abs(lasted - 90_500), MS)
        self.check()

    def test_interrupted_after_a_step_forward(self) -> None:
        """It is completed with the length that it had."""
        self.interrupted(1)

    def test_interrupted_after_a_step_back(self) -> None:
        """Likewise."""
        self.interrupted(-1)

    def test_its_end_is_missing_after_a_step_back(self) -> None:
        """
        A record that ended, by its clock, an hour before the call was set up is
        found all the same: no second charge.
        """
        run = self.run_()
        caller = run.call(1)
        self.step(run, -1)
        run.switch.advance(70)
        before = {
            name: bytes(content.now())
            for name, content in self.machine.disk.files.items()
        }
        run.hang_up(caller)
        run.switch.advance(2)
        run.die()
        for name, data in before.items():
            self.machine.disk.files[name].kept = bytearray(data)
            self.machine.disk.files[name].loose.clear()
        self.run_()
        self.assertEqual(self.records("fee"), [(2 * PRICE,)])
        self.check()

    def test_timers(self) -> None:
        """The longest duration of a call is not reached by a step."""
        run = self.run_()
        run.call(1)
        self.step(run, 24)
        run.switch.advance(10)
        self.assertEqual(len(run.switch.registry), 1)
        self.step(run, -48)
        run.switch.advance(10)
        self.assertEqual(len(run.switch.registry), 1)
