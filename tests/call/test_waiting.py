"""
L{vos3000.call.waiting}: coroutines that seldom have to wait.
"""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from vos3000.call.waiting import begin


class BeginTests(SynchronousTestCase):
    """What a coroutine does is the same, whether it has to wait or not."""

    def setUp(self) -> None:
        """Nothing was said yet."""
        self.said: list[object] = []

    async def work(self, *waits: Deferred[object]) -> None:
        """Wait for each in turn, and say what came of it."""
        for each in waits:
            try:
                self.said.append(await each)
            except ZeroDivisionError:
                self.said.append("failed")

    def test_done_at_once(self) -> None:
        """Nobody is given anything to wait for, nor where a wait is over already."""
        over: Deferred[object] = Deferred()
        over.callback(1)
        self.assertIsNone(begin(self.work()))
        self.assertIsNone(begin(self.work(over)))
        self.assertEqual(self.said, [1])

    def test_waits(self) -> None:
        """Results and failures arrive where they are waited for."""
        one, two, three = (Deferred[object]() for _ in range(3))
        done = begin(self.work(one, two, three))
        assert done is not None
        one.callback(1)
        two.errback(ZeroDivisionError())
        self.assertNoResult(done)
        three.callback(3)
        self.assertIsNone(self.successResultOf(done))
        self.assertEqual(self.said, [1, "failed", 3])

    def test_fails_at_once(self) -> None:
        """Whoever began it hears of it."""

        async def fail() -> None:
            raise ZeroDivisionError

        self.assertRaises(ZeroDivisionError, begin, fail())

    def test_fails_later(self) -> None:
        """What it raises after a wait is a failure."""
        wait: Deferred[object] = Deferred()
        done = begin(self.work(wait))
        assert done is not None
        wait.errback(KeyError())
        self.failureResultOf(done, KeyError)

    def test_canceled(self) -> None:
        """What it waits for is taken back, at the first wait and at a later one."""
        for waits in (0, 1):
            taken: list[Deferred[object]] = []
            before = [Deferred[object]() for _ in range(waits)]
            done = begin(self.work(*before, Deferred(taken.append)))
            assert done is not None
            for each in before:
                each.callback(None)
            done.cancel()
            self.assertEqual(len(taken), 1)
            self.failureResultOf(done, CancelledError)
