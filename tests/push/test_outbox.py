"""
Tests of letters on their way: order, repetition, bounds, end.
"""

from __future__ import annotations

import json
from pathlib import Path

from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.push.consumer import Consumer
from vos3000.metrics import Metrics
from vos3000.push.deadletters import DeadLetters
from vos3000.push.letter import Letter
from vos3000.push.outbox import Outbox, OutboxLimits
from vos3000.push.poster import Poster

URL = "http://there/"


class OutboxCase(SynchronousTestCase):
    """An outbox with a consumer in memory and a dead-letter file."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.metrics = Metrics()
        self.consumer = Consumer()
        self.path = Path(self.mktemp())
        self.dead = DeadLetters(self.path, self.metrics)
        self.outbox = self.make(OutboxLimits())
        self.number = 0

    def make(self, limits: OutboxLimits) -> Outbox:
        poster = Poster(self.consumer, self.clock, URL)
        self.metrics = Metrics()
        return Outbox(poster, self.dead, self.clock, limits, self.metrics)

    def add(self, key: str, text: str) -> None:
        self.number += 1
        body = json.dumps(text).encode()
        self.outbox.add(Letter(key, "Page", body, 1000, self.number))

    def sent(self) -> list[str]:
        return [json.loads(body) for _, body in self.consumer.sent]

    def dead_bodies(self) -> list[str]:
        if not self.path.exists():
            return []
        return [json.loads(x)["body"] for x in self.path.read_text().splitlines()]

    def value(self, name: str) -> object:
        return {s.name: s.value for s in self.metrics.samples()}[name]

    def pump(self, seconds: float, step: float = 0.05) -> None:
        self.clock.pump([step] * round(seconds / step))


class DeliveryTests(OutboxCase):
    """What a consumer that answers is sent."""

    def test_nothing_happens_in_the_callers_time(self) -> None:
        """Handing a letter in sends nothing: that is the reactor's next turn."""
        self.add("1", "a")
        self.assertEqual(self.consumer.sent, [])
        self.clock.advance(0)
        self.assertEqual(self.consumer.sent, [(URL + "Page", b'"a"')])

    def test_headers(self) -> None:
        """Letters are JSON in UTF-8."""
        self.add("1", "a")
        self.clock.advance(0)
        (headers,) = self.consumer.headers
        self.assertEqual(
            headers.getRawHeaders("content-type"), ["application/json;charset=UTF-8"]
        )

    def test_one_of_a_key_at_a_time(self) -> None:
        """The second letter of a call waits until the first is delivered."""
        self.consumer.manual = True
        self.add("1", "a")
        self.add("1", "b")
        self.clock.advance(0)
        self.assertEqual(self.sent(), ["a"])
        self.consumer.answer_next()
        self.clock.advance(0)
        self.assertEqual(self.sent(), ["a", "b"])

    def test_keys_do_not_wait_for_each_other(self) -> None:
        """A call whose push hangs does not hold up another call's."""
        self.consumer.manual = True
        self.add("1", "a")
        self.add("2", "b")
        self.clock.advance(0)
        self.assertEqual(self.sent(), ["a", "b"])

    def test_at_once_is_bounded(self) -> None:
        """No more letters are under way than allowed."""
        self.outbox = self.make(OutboxLimits(at_once=2))
        self.consumer.manual = True
        for key in "123":
            self.add(key, key)
        self.clock.advance(0)
        self.assertEqual(self.sent(), ["1", "2"])
        self.consumer.answer_next()
        self.clock.advance(0)
        self.assertEqual(self.sent(), ["1", "2", "3"])

    def test_delivered_is_forgotten(self) -> None:
        """Nothing of a delivered letter stays in memory or on the clock."""
        self.add("1", "a")
        self.clock.advance(0)
        self.assertEqual(len(self.outbox), 0)
        self.assertEqual(self.outbox._queues, {})
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.value("push_delivered_total"), 1)

    def test_other_retcode_is_delivered(self) -> None:
        """A consumer that answers another retCode has the letter; it is counted."""
        self.consumer.body = b'{"retCode":-5}'
        self.add("1", "a")
        self.pump(10)
        self.assertEqual(self.sent(), ["a"])
        self.assertEqual(self.value("push_declined_total"), {"Page": 1})
        self.assertEqual(self.value("push_delivered_total"), 1)

    def test_unreadable_answer_is_delivered(self) -> None:
        """HTTP 200 with a body that is no JSON has taken the letter."""
        self.consumer.body = b"<html>thanks</html>"
        self.add("1", "a")
        self.pump(10)
        self.assertEqual(self.sent(), ["a"])
        self.assertEqual(self.value("push_declined_total"), {})


class RepetitionTests(OutboxCase):
    """What happens when a consumer does not take a letter."""

    def test_repeated_at_the_interval(self) -> None:
        """A refused letter is posted again every 3 s, six times, then given up."""
        self.consumer.error = ConnectionRefusedError()
        self.add("1", "a")
        self.clock.advance(0)
        for tries in range(1, 8):
            self.assertEqual(len(self.consumer.sent), tries)
            self.pump(3.1)
        self.assertEqual(len(self.consumer.sent), 7)
        self.assertEqual(self.dead_bodies(), ["a"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_status_other_than_2xx_is_a_failure(self) -> None:
        """HTTP 500 is repeated until the consumer is well again."""
        self.consumer.code = 500
        self.add("1", "a")
        self.pump(1)
        self.consumer.code = 200
        self.pump(3)
        self.assertEqual(self.sent(), ["a", "a"])
        self.assertEqual(self.dead_bodies(), [])
        self.assertEqual(self.value("push_failed_total"), 1)

    def test_order_holds_through_repetition(self) -> None:
        """The letter behind a failing one waits for it."""
        self.consumer.error = ConnectionRefusedError()
        self.add("1", "a")
        self.add("1", "b")
        self.pump(1)
        self.consumer.error = None
        self.pump(3)
        self.assertEqual(self.sent(), ["a", "a", "b"])

    def test_goes_on_behind_a_dead_letter(self) -> None:
        """Once a letter is given up the next of its call is tried."""
        self.outbox = self.make(OutboxLimits(repeats=0))
        self.consumer.error = ConnectionRefusedError()
        self.add("1", "a")
        self.add("1", "b")
        self.pump(1)
        self.assertEqual(self.sent(), ["a", "b"])
        self.assertEqual(self.dead_bodies(), ["a", "b"])

    def test_consumer_that_never_answers(self) -> None:
        """After 5 s without an answer the attempt is cancelled and repeated."""
        self.consumer.manual = True
        self.add("1", "a")
        self.pump(5.1)
        self.assertEqual(self.consumer.cancelled, 1)
        self.assertEqual(len(self.consumer.sent), 1)
        self.pump(3.1)
        self.assertEqual(len(self.consumer.sent), 2)

    def test_body_that_never_ends(self) -> None:
        """An answer whose body does not end is cut off, too."""
        self.consumer.complete = False
        self.add("1", "a")
        self.pump(5.1)
        self.assertEqual(self.value("push_failed_total"), 1)

    def test_down_consumer_is_tried_slowly(self) -> None:
        """A consumer that refuses all is not stormed by many calls' letters."""
        self.consumer.error = ConnectionRefusedError()
        for key in range(500):
            self.add(str(key), "x")
        self.pump(1)
        self.assertLess(len(self.consumer.sent), 40)
        self.consumer.error = None
        self.pump(4)
        self.assertEqual(len(self.outbox), 0)
        self.assertEqual(self.value("push_delivered_total"), 500)


class BoundTests(OutboxCase):
    """What a consumer that is gone costs."""

    def test_overflow_goes_to_the_file(self) -> None:
        """Beyond the limit letters are not kept in memory."""
        self.outbox = self.make(OutboxLimits(most=2))
        self.consumer.manual = True
        for key in "1234":
            self.add(key, key)
        self.assertEqual(len(self.outbox), 2)
        self.assertEqual(self.dead_bodies(), ["3", "4"])
        self.assertEqual(self.value("push_overflow_total"), 2)


class StopTests(OutboxCase):
    """The end of the process."""

    def test_idle(self) -> None:
        """With nothing to do it stops at once."""
        self.successResultOf(self.outbox.stop(5))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_waits_for_delivery(self) -> None:
        """What is here is still delivered."""
        self.consumer.manual = True
        self.add("1", "a")
        self.add("1", "b")
        self.clock.advance(0)
        stopped = self.outbox.stop(5)
        self.consumer.answer_next()
        self.clock.advance(0)
        self.assertNoResult(stopped)
        self.consumer.answer_next()
        self.successResultOf(stopped)
        self.assertEqual(self.dead_bodies(), [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_gives_up_in_time(self) -> None:
        """What is not delivered in time goes to the file, each letter once."""
        self.consumer.manual = True
        self.add("1", "a")
        self.add("1", "b")
        self.add("2", "c")
        self.clock.advance(0)
        stopped = self.outbox.stop(2)
        self.pump(2.1)
        self.successResultOf(stopped)
        self.assertEqual(self.dead_bodies(), ["a", "b", "c"])
        self.assertEqual(self.consumer.cancelled, 2)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_gives_up_what_waits_for_a_repeat(self) -> None:
        """A letter between two tries goes to the file as well."""
        self.consumer.error = ConnectionRefusedError()
        self.add("1", "a")
        self.clock.advance(0)
        stopped = self.outbox.stop(1)
        self.pump(1.1)
        self.successResultOf(stopped)
        self.assertEqual(self.dead_bodies(), ["a"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_late_letters(self) -> None:
        """What comes while it stops goes to the file."""
        self.outbox.stop(5)
        self.add("1", "a")
        self.assertEqual(self.dead_bodies(), ["a"])
