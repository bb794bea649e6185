"""
What the journal is told of calls, so that they can be completed by the next start
if this process ends without warning.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from vos3000.call.call import Call, Ended, Phase
from vos3000.call.record import begun, record_of
from vos3000.call.registry import Registry
from vos3000.instant import Now
from vos3000.journal.entries import Kind, billing_values, text_of, values_of
from vos3000.model.causes import EndCause
from vos3000.model.states import EndDirection

HEARTBEAT = 1.0
"""Seconds between two signs of life: what a call that is interrupted may lack."""

PORTION = 50
"""Calls that are told of again before others get their turn."""

USER = "calls"
"""As whom the journal knows us."""


class Appends(Protocol):
    """
    The journal.

    @ivar sequence: The number of its last entry.
    """

    sequence: int

    def append(self, kind: int, text: bytes, urgent: bool = False) -> int:
        """Append an entry; its number."""

    def release(self, user: str, before: int) -> None:
        """Entries below C{before} are needed no longer."""


class CallJournal:
    """
    Tells the journal of the steps that money depends on.

    @param interrupted: How a call ends that nobody ends.
    @param softswitch: What the records name this switch.
    """

    def __init__(
        self,
        journal: Appends,
        registry: Registry,
        clock: IReactorTime,
        now: Now,
        interrupted: EndCause,
        softswitch: Callable[[], str],
    ) -> None:
        self._journal = journal
        self._registry = registry
        self._clock = clock
        self._now = now
        self._interrupted = interrupted
        self._softswitch = softswitch
        self._timer: IDelayedCall | None = None
        self._turns = 0

    def placed(self, call: Call) -> None:
        """The call was let in and goes out."""
        known = begun(call, self._now(), self._softswitch())
        self._journal.append(Kind.SETUP, text_of(call.id, known))

    def answered(self, call: Call) -> None:
        """The call was answered; whoever hears of that hears it after this."""
        self._journal.append(Kind.ANSWER, self._answer(call), True)

    def reserved(self, call: Call) -> None:
        """The call's reservation grew."""
        if call.meter is not None:
            covered = call.meter.covered
            self._journal.append(Kind.RESERVE, text_of(call.id, covered))

    def gone(self, call: Call) -> None:
        """The call is over, and nothing is to be written of it."""
        self._journal.append(Kind.GONE, text_of(call.id))

    def start(self) -> None:
        """Give signs of life."""
        self._timer = self._clock.callLater(HEARTBEAT, self._beat)

    def stop(self) -> None:
        """Give none."""
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def turned(self) -> None:
        """
        A segment has begun: tell of the calls there are again, a few at a time,
        and then let go of the segments before it.
        """
        self._turns += 1
        begun = self._journal.sequence + 1
        self._again(list(self._registry), begun, self._turns)

    def _again(self, calls: list[Call], begun: int, turn: int) -> None:
        if turn != self._turns:
            return
        for call in calls[-PORTION:]:
            if call.phase is Phase.TALKING:
                self._journal.append(Kind.ANSWER, self._answer(call))
            elif call.phase is Phase.HUNTING:
                self.placed(call)
        del calls[-PORTION:]
        if calls:
            self._clock.callLater(0, self._again, calls, begun, turn)
        else:
            self._journal.release(USER, begun)

    def _beat(self) -> None:
        self._timer = self._clock.callLater(HEARTBEAT, self._beat)
        if len(self._registry):
            self._journal.append(Kind.ALIVE, text_of(self._now().wall))

    def _answer(self, call: Call) -> bytes:
        answered, meter = call.answered_at, call.meter
        since = 0 if answered is None else int(answered.mono * 1000)
        facts = None if meter is None else meter.facts()
        return text_of(call.id, since, self._record(call), billing_values(facts))

    def _record(self, call: Call) -> object:
        ended = Ended(self._interrupted, EndDirection.SERVER, self._now(), "", "")
        return values_of(record_of(call, ended, self._softswitch()))
