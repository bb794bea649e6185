"""Tests of L{vos3000.db.callnumbers}: no number twice, none waited for."""

from __future__ import annotations

from random import Random
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from vos3000.db.callnumbers import BLOCK, LARGEST, UPPER, CallNumbers
from vos3000.errors import StorageError


class Sequence:
    """
    A database as far as it hands out numbers.

    @ivar down: Whether it refuses.
    @ivar slow: Whether it does not answer.
    """

    def __init__(self) -> None:
        self.down = self.slow = False
        self.taken = self.asked = 0

    def calls(self, name: str, function: Any, kind: str, count: int) -> Deferred[int]:
        """The first of some numbers."""
        self.asked += 1
        if self.slow:
            return Deferred()
        if self.down:
            return fail(StorageError("down"))
        self.taken += count
        return succeed(self.taken - count + 1)


class CallNumbersTests(SynchronousTestCase):
    """Switches on one database."""

    def setUp(self) -> None:
        """A database that nobody asked yet."""
        self.sequence = Sequence()

    def switch(self, seed: int = 1) -> CallNumbers:
        """A switch that has started."""
        pool: Any = self.sequence
        made = CallNumbers(pool, Random(seed).randrange)
        self.successResultOf(made.start())
        return made

    def test_one(self) -> None:
        """Its numbers rise by one."""
        switch = self.switch()
        numbers = [switch() for _ in range(BLOCK * 3)]
        self.assertEqual(numbers, list(range(1, BLOCK * 3 + 1)))

    def test_two_switches(self) -> None:
        """Of one database: neither has a number of the other's."""
        one, other = self.switch(1), self.switch(2)
        numbers = [switch() for _ in range(BLOCK * 3) for switch in (one, other)]
        self.assertEqual(len(set(numbers)), len(numbers))

    def test_database_down(self) -> None:
        """Numbers go on, and no later run has them again."""
        first = self.switch(1)
        numbers = [first() for _ in range(BLOCK // 4)]
        self.sequence.down = True
        numbers += [first() for _ in range(BLOCK * 12)]
        self.assertLess(self.sequence.asked, 20)
        self.assertTrue(all(0 < number <= LARGEST for number in numbers))
        self.assertGreater(sum(number > UPPER for number in numbers), BLOCK * 10)
        self.sequence.down = False
        numbers += [first() for _ in range(BLOCK * 4)]
        self.assertLess(numbers[-1], UPPER)
        later = self.switch(2)
        numbers += [later() for _ in range(BLOCK * 4)]
        self.assertEqual(len(set(numbers)), len(numbers))

    def test_database_does_not_answer(self) -> None:
        """It is not waited for."""
        switch = self.switch()
        self.sequence.slow = True
        numbers = [switch() for _ in range(BLOCK * 3)]
        self.assertEqual(len(set(numbers)), len(numbers))
        self.assertEqual(self.sequence.asked, 2)

    def test_around(self) -> None:
        """After the largest comes 1."""
        self.sequence.taken = LARGEST - 2
        switch = self.switch()
        self.assertEqual([switch() for _ in range(4)], [LARGEST - 1, LARGEST, 1, 2])
