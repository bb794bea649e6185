"""
Letters on their way: in order for each key, repeated, and bounded.

One letter of a key is under way at a time; the next follows when it is
delivered or given up. A letter is tried once and then repeated some times at
an interval before it goes to the dead-letter file. Nobody waits for any of
this: handing a letter in costs an append.

A consumer that is down costs little: after L{DOUBTS} failures in a row there
are at most 1/L{PAUSE} tries a second until one succeeds.
"""

from __future__ import annotations

from collections import deque

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from vos3000.metrics import Metrics
from vos3000.push.deadletters import DeadLetters
from vos3000.push.letter import Letter
from vos3000.push.poster import Poster

DOUBTS = 10
"""Failures in a row after which the consumer is taken to be down."""

PAUSE = 0.05
"""Seconds between two tries while it is down."""


@attrs.frozen(slots=True)
class OutboxLimits:
    """
    @ivar repeats: Tries after the first (IVR_CALL_REPORT_RETRY).
    @ivar interval: Seconds between them (IVR_CALL_REPORT_RETRY_INTERVAL).
    @ivar at_once: Letters that may be under way at once.
    @ivar most: Letters that may wait; the next goes to the dead-letter file.
    """

    repeats: int = 6
    interval: float = 3.0
    at_once: int = 32
    most: int = 10_000


class Outbox:
    """
    The letters that are not delivered yet.
    """

    _log = Logger()

    def __init__(
        self,
        poster: Poster,
        dead: DeadLetters,
        clock: IReactorTime,
        limits: OutboxLimits,
        metrics: Metrics,
    ) -> None:
        self._poster = poster
        self._dead = dead
        self._clock = clock
        self._limits = limits
        self._queues: dict[str, deque[Letter]] = {}
        self._ready: deque[str] = deque()
        self._under_way: dict[str, Deferred[None]] = {}
        self._repeats: dict[str, IDelayedCall] = {}
        self._waiting = 0
        self._failures = 0
        self._pump_call: IDelayedCall | None = None
        self._stopping: Deferred[None] | None = None
        self._count(metrics)

    def _count(self, metrics: Metrics) -> None:
        self._delivered = metrics.counter(
            "push_delivered_total", "Pushes that the consumer took."
        )
        self._failed = metrics.counter(
            "push_failed_total", "Attempts to push that failed."
        )
        self._declined = metrics.labelled(
            "push_declined_total", "Pushes answered by a retCode but 0.", "page"
        )
        self._overflowed = metrics.counter(
            "push_overflow_total", "Pushes given up because too many waited."
        )
        metrics.gauge(
            "push_waiting", "Pushes not delivered yet.", lambda: self._waiting
        )

    def __len__(self) -> int:
        return self._waiting

    def add(self, letter: Letter) -> None:
        """Send C{letter} after those of its key that were added before."""
        if self._stopping is not None:
            self._dead.add(letter, "the switch is stopping")
            return
        if self._waiting >= self._limits.most:
            self._overflowed.value += 1
            self._dead.add(letter, "too many pushes are waiting")
            return
        self._waiting += 1
        queue = self._queues.get(letter.key)
        if queue is not None:
            queue.append(letter)
            return
        self._queues[letter.key] = deque((letter,))
        self._ready.append(letter.key)
        self._pump_soon(0)

    def _pump_soon(self, delay: float) -> None:
        if self._pump_call is None:
            self._pump_call = self._clock.callLater(delay, self._pump)

    def _pump(self) -> None:
        """Start what may be started."""
        self._pump_call = None
        while self._ready and len(self._under_way) < self._limits.at_once:
            self._try(self._ready.popleft())
            if self._failures >= DOUBTS:
                self._pump_soon(PAUSE)
                return

    def _try(self, key: str) -> None:
        letter = self._queues[key][0]
        attempt = self._poster.post(letter.page, letter.body)
        done = attempt.addCallbacks(
            lambda code: self._taken(letter, code),
            lambda failure: self._not_taken(letter, failure),
        )
        if not done.called:
            self._under_way[key] = done
            done.addBoth(lambda _: self._landed(key))
        done.addErrback(lambda f: self._log.failure("a push was mislaid", f))

    def _landed(self, key: str) -> None:
        self._under_way.pop(key, None)
        if self._ready:
            self._pump_soon(PAUSE if self._failures >= DOUBTS else 0)
        self._check_stopped()

    def _taken(self, letter: Letter, code: int) -> None:
        if letter.key not in self._queues:
            return
        self._failures = 0
        self._delivered.value += 1
        if code:
            self._declined.add(letter.page)
        self._next(letter)

    def _not_taken(self, letter: Letter, failure: Failure) -> None:
        if letter.key not in self._queues:
            return
        letter.tries += 1
        self._failures += 1
        self._failed.value += 1
        if self._failures == DOUBTS:
            self._log.warn(
                "pushes fail and are repeated: {reason}; [push] url, or else"
                " OUT_POST_URL, says where they go",
                reason=_reason(failure),
            )
        if letter.tries > self._limits.repeats:
            self._dead.add(letter, _reason(failure))
            self._next(letter)
        else:
            key = letter.key
            self._repeats[key] = self._clock.callLater(
                self._limits.interval, self._repeat, key
            )

    def _repeat(self, key: str) -> None:
        del self._repeats[key]
        self._ready.append(key)
        self._pump_soon(0)

    def _next(self, letter: Letter) -> None:
        """Go on with what waits behind C{letter}, which is done with."""
        self._waiting -= 1
        queue = self._queues[letter.key]
        queue.popleft()
        if queue:
            self._ready.append(letter.key)
            self._pump_soon(0)
        else:
            del self._queues[letter.key]
        self._check_stopped()

    def stop(self, seconds: float) -> Deferred[None]:
        """
        Take no more letters, and wait for those that are here.

        @param seconds: How long; what is left then goes to the dead-letter
            file.
        @return: Fires when nothing is left.
        """
        stopped: Deferred[None] = Deferred()
        self._stopping = stopped
        late = self._clock.callLater(seconds, self._give_up)
        self._check_stopped()

        def clean(result: None) -> None:
            if late.active():
                late.cancel()
            if self._pump_call is not None:
                self._pump_call.cancel()
                self._pump_call = None
            self._dead.close()

        return stopped.addCallback(clean)

    def _check_stopped(self) -> None:
        stopping = self._stopping
        if stopping is not None and not self._waiting and not stopping.called:
            stopping.callback(None)

    def _give_up(self) -> None:
        """Put away what could not be delivered in time."""
        for call in self._repeats.values():
            call.cancel()
        self._repeats.clear()
        self._ready.clear()
        queues, self._queues, self._waiting = self._queues, {}, 0
        for attempt in list(self._under_way.values()):
            attempt.cancel()
        for queue in queues.values():
            for letter in queue:
                self._dead.add(letter, "the switch stopped")
        self._check_stopped()


def _reason(failure: Failure) -> str:
    return f"{failure.type.__name__ if failure.type else ''}: {failure.value}"
