"""
Reliable provisional responses (RFC 3262).

Who receives them keeps the last number of each early dialog (L{Arrivals}); who
sends them has a machine that repeats each one until its PRACK comes and lets
nothing past that must wait for it (L{ReliableSender}).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any, Protocol

import attrs

from vos3000.errors import ParseError
from vos3000.sip.extensions import names
from vos3000.sip.fields import parse_number
from vos3000.sip.message import Request, Response
from vos3000.timers import Timer, TimerWheel

TAG = "100rel"

T1 = 0.5
"""Seconds before the first repetition (section 3); each wait doubles."""

PATIENCE = 64 * T1
"""Seconds without a PRACK after which the INVITE is refused (section 3)."""

LAST_FIRST = (1 << 31) - 1
"""The highest number that a sequence may begin with (section 3)."""

MOST_QUEUED = 8
"""Provisional responses that wait for a PRACK; further ones are left out."""

_LIMIT = 1 << 32


def rseq_of(response: Response) -> int | None:
    """
    The number of a reliable provisional response; None if it is not one
    (sections 4 and 7.1).
    """
    value = response.get("rseq")
    if value is None or not 100 < response.status < 200:
        return None
    if not names(response, "require", TAG):
        return None
    try:
        return parse_number(value, _LIMIT) or None
    except ParseError:
        return None


@attrs.frozen(slots=True)
class RAck:
    """What a PRACK acknowledges (section 7.2)."""

    rseq: int
    cseq: int
    method: str

    def __str__(self) -> str:
        return f"{self.rseq} {self.cseq} {self.method}"


def rack_of(request: Request) -> RAck:
    """
    What C{request} acknowledges.

    @raise ParseError: RAck is missing or malformed.
    """
    words = (request.get("rack") or "").split()
    if len(words) != 3:
        raise ParseError("a PRACK that does not say what it acknowledges")
    rseq, cseq = (parse_number(word, _LIMIT) for word in words[:2])
    return RAck(rseq, cseq, words[2])


class Arrivals:
    """
    The reliable responses of one early dialog as they come in (section 4).

    @ivar last: The number of the last one that was taken; 0 before the first.
    """

    __slots__ = ("last",)

    def __init__(self) -> None:
        self.last = 0

    def take(self, rseq: int) -> bool:
        """
        Whether it is the next one. One that came before is a retransmission,
        one that is ahead of its turn will be sent again: neither is to be
        acknowledged.
        """
        if self.last and rseq != self.last + 1:
            return False
        self.last = rseq
        return True


class SenderUser(Protocol):
    """Who sends reliable provisional responses: the caller's leg."""

    def build(self, message: Any, rseq: int) -> bytes:
        """C{message} as it goes out under a number."""

    def free(self) -> None:
        """The final answer that had to wait may go out."""

    def unacknowledged(self) -> None:
        """No PRACK came: the INVITE is to be refused (section 3)."""


class Phase(IntEnum):
    """What a sender waits for."""

    FREE = 1
    SENT = 2
    """The PRACK of a response without a description."""
    BOUND = 3
    """The PRACK of a response with one: no 2xx before it."""
    HELD = 4
    """The same, and then the 2xx goes out."""
    OVER = 5


class Event(IntEnum):
    """What happens to a sender."""

    PROVIDE = 1
    DESCRIBE = 2
    ACKNOWLEDGE = 3
    RESEND = 4
    EXPIRE = 5
    FINISH = 6
    STOP = 7


class ReliableSender:
    """
    The provisional responses to one INVITE that must be acknowledged, one at a
    time. A pair of phase and event that is not in the table is ignored.

    @param first: The first number, by chance.
    @param send: Sends a response as it is.
    @ivar waiting: The number whose PRACK is still to come; 0 if none is.
    """

    __slots__ = (
        "_data",
        "_elapsed",
        "_next",
        "_queue",
        "_send",
        "_timer",
        "_timers",
        "_user",
        "phase",
        "waiting",
    )

    def __init__(
        self,
        timers: TimerWheel,
        first: int,
        send: Callable[[bytes], None],
        user: SenderUser,
    ) -> None:
        self._timers = timers
        self._next = first
        self._send = send
        self._user = user
        self._queue: list[tuple[Event, Any]] = []
        self._timer: Timer | None = None
        self._elapsed = 0.0
        self._data = b""
        self.waiting = 0
        self.phase = Phase.FREE

    def provide(self, message: Any, described: bool) -> None:
        """
        Send a response, or keep it until the one before it is acknowledged.

        @param message: What the user is to build it of.
        @param described: Whether it carries a session description.
        """
        self.receive(Event.DESCRIBE if described else Event.PROVIDE, message)

    def acknowledge(self, rseq: int) -> bool:
        """Take a PRACK; False if nothing of that number waits for one."""
        if not rseq or rseq != self.waiting:
            return False
        self.waiting = 0
        self.receive(Event.ACKNOWLEDGE)
        while self._queue and self.phase is Phase.FREE:
            self.receive(*self._queue.pop(0))
        return True

    def finish(self) -> bool:
        """
        A 2xx is to go out.

        @return: Whether it may now; else the user is told when it may.
        """
        self.receive(Event.FINISH)
        return self.phase is Phase.OVER

    def stop(self) -> None:
        """Nothing more is to be sent: the INVITE is refused or canceled."""
        self.receive(Event.STOP)

    def receive(self, given: Event, message: Any = None) -> None:
        """Take one event."""
        row = _TABLE.get((self.phase, given))
        if row is not None:
            action, self.phase = row
            action(self, given, message)

    def _transmit(self, given: Event, message: Any) -> None:
        self.waiting = self._next
        self._next += 1
        self._elapsed = 0.0
        self._data = self._user.build(message, self.waiting)
        self._again(given, message)

    def _again(self, given: Event, message: Any) -> None:
        """Send it; the next time comes after as long as it took so far."""
        self._send(self._data)
        wait = self._elapsed + T1
        if self._elapsed + wait < PATIENCE:
            self._elapsed += wait
            self._timer = self._timers.later(wait, self.receive, Event.RESEND)
        else:
            left = PATIENCE - self._elapsed
            self._timer = self._timers.later(left, self.receive, Event.EXPIRE)

    def _keep(self, given: Event, message: Any) -> None:
        if len(self._queue) < MOST_QUEUED:
            self._queue.append((given, message))

    def _released(self, given: Event, message: Any) -> None:
        self._end(given, message)
        self._user.free()

    def _failed(self, given: Event, message: Any) -> None:
        self._end(given, message)
        self.waiting = 0
        self._user.unacknowledged()

    def _end(self, given: Event, message: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._data = b""

    def _finished(self, given: Event, message: Any) -> None:
        # what waits is overtaken; the PRACK of what was sent may still come
        self._end(given, message)
        self._queue.clear()

    def _hold(self, given: Event, message: Any) -> None:
        self._queue.clear()


_S = ReliableSender
_TABLE: dict[
    tuple[Phase, Event], tuple[Callable[[ReliableSender, Event, Any], None], Phase]
] = {
    # RFC 3262 section 3: sent, and again with doubling waits, up to 64*T1
    (Phase.FREE, Event.PROVIDE): (_S._transmit, Phase.SENT),
    (Phase.FREE, Event.DESCRIBE): (_S._transmit, Phase.BOUND),
    (Phase.SENT, Event.RESEND): (_S._again, Phase.SENT),
    (Phase.BOUND, Event.RESEND): (_S._again, Phase.BOUND),
    (Phase.HELD, Event.RESEND): (_S._again, Phase.HELD),
    (Phase.SENT, Event.EXPIRE): (_S._failed, Phase.OVER),
    (Phase.BOUND, Event.EXPIRE): (_S._failed, Phase.OVER),
    (Phase.HELD, Event.EXPIRE): (_S._failed, Phase.OVER),
    # no second one before the first is acknowledged
    (Phase.SENT, Event.PROVIDE): (_S._keep, Phase.SENT),
    (Phase.SENT, Event.DESCRIBE): (_S._keep, Phase.SENT),
    (Phase.BOUND, Event.PROVIDE): (_S._keep, Phase.BOUND),
    (Phase.BOUND, Event.DESCRIBE): (_S._keep, Phase.BOUND),
    (Phase.SENT, Event.ACKNOWLEDGE): (_S._end, Phase.FREE),
    (Phase.BOUND, Event.ACKNOWLEDGE): (_S._end, Phase.FREE),
    (Phase.HELD, Event.ACKNOWLEDGE): (_S._released, Phase.OVER),
    # a 2xx ends the repetition, but not before the PRACK of a description
    (Phase.FREE, Event.FINISH): (_S._finished, Phase.OVER),
    (Phase.SENT, Event.FINISH): (_S._finished, Phase.OVER),
    (Phase.BOUND, Event.FINISH): (_S._hold, Phase.HELD),
    (Phase.FREE, Event.STOP): (_S._finished, Phase.OVER),
    (Phase.SENT, Event.STOP): (_S._finished, Phase.OVER),
    (Phase.BOUND, Event.STOP): (_S._finished, Phase.OVER),
    (Phase.HELD, Event.STOP): (_S._finished, Phase.OVER),
}
