"""
Session timers (RFC 4028): a session that nobody refreshes is over.

What both sides agree on is worked out by functions; L{SessionTimer} then
watches one leg's session: it refreshes it, or waits for the peer's refreshes,
and says when it expired.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any, Protocol

import attrs

from vos3000.errors import ParseError
from vos3000.sip.extensions import names
from vos3000.sip.fields import parse_number, parse_params
from vos3000.sip.message import Message
from vos3000.sip.uri import find_param
from vos3000.timers import Timer, TimerWheel

TAG = "timer"

SHORTEST = 90
"""The shortest session, s (section 5), and what 422 asks for."""

BRIEFEST = 4
"""The shortest session, s, of a peer that does not know timers: it cannot be told by
422 that it asks for less than L{SHORTEST}, and is asked every 2 s at most."""

LONGEST = 86_400
"""The longest session, s, whatever a peer asks for: nobody is missed later."""

_LIMIT = 1 << 31

_TELLING = frozenset(("session-expires", "supported"))
"""Keys of the headers without which a message says nothing of timers."""


@attrs.frozen(slots=True)
class Wish:
    """
    What a message says of session timers.

    @ivar supported: Whether its sender knows them.
    @ivar expires: Session-Expires, s; 0 if there is none.
    @ivar refresher: C{uac}, C{uas}, or empty.
    @ivar shortest: Min-SE, s.
    """

    supported: bool
    expires: int = 0
    refresher: str = ""
    shortest: int = SHORTEST

    @property
    def too_short(self) -> bool:
        """Whether it gets 422; who does not know timers never does (section 9)."""
        return self.supported and 0 < self.expires < SHORTEST


def wish_of(message: Message) -> Wish | None:
    """
    What a message says of session timers; None if nothing.

    @raise ParseError: Session-Expires is malformed.
    """
    if message.lacks(_TELLING):
        return None
    expires = message.get("session-expires")
    supported = names(message, "supported", TAG)
    shortest = max(SHORTEST, shortest_of(message))
    if expires is None:
        return Wish(True, shortest=shortest) if supported else None
    seconds, params = _delta(expires)
    refresher = (find_param(params, "refresher") or "").lower()
    return Wish(supported, seconds, refresher, shortest)


def shortest_of(message: Message) -> int:
    """
    Min-SE, s (section 5), of a 422 above all; 0 if it is missing or malformed.
    """
    value = message.get("min-se")
    try:
        return 0 if value is None else _delta(value)[0]
    except ParseError:
        return 0


def _delta(value: str) -> tuple[int, tuple[tuple[str, str | None], ...]]:
    seconds, semicolon, rest = value.partition(";")
    params = parse_params(";" + rest) if semicolon else ()
    return parse_number(seconds.strip(), _LIMIT), params


@attrs.frozen(slots=True)
class Session:
    """
    What is agreed on.

    @ivar interval: Seconds after which an unrefreshed session is over.
    @ivar ours: Whether it is we who refresh it.
    """

    interval: int
    ours: bool


def accepted(wish: Wish, ttl: int, ours: bool = True) -> Session:
    """
    What we answer to a request (section 9, table 2): never more than it asks
    for, nor less than it allows, unless that is more than a day; and not less
    than L{BRIEFEST}.

    @param ttl: The lifetime that we want, s.
    @param ours: Who refreshes where the sender leaves it open.
    """
    interval = min(max(ttl, wish.shortest), LONGEST)
    if wish.expires:
        interval = max(min(wish.expires, interval), BRIEFEST)
    if not wish.supported:
        return Session(interval, True)
    if wish.refresher in ("uac", "uas"):
        ours = wish.refresher == "uas"
    return Session(interval, ours)


def agreed(wish: Wish | None) -> Session | None:
    """
    What the answer to a request of ours settles (section 7.2). It cannot be
    shorter than what every session may be, nor longer than what any of ours is; if
    it says so, that is not heard.
    """
    if wish is None or not wish.expires:
        return None
    interval = min(max(wish.expires, SHORTEST), LONGEST)
    return Session(interval, wish.refresher != "uas")


class SessionUser(Protocol):
    """Whose session it is: a leg."""

    @property
    def timers(self) -> TimerWheel:
        """Where time comes from."""

    def limits(self, interval: int) -> tuple[float, float]:
        """
        When a session is refreshed, and when it is given up: seconds after it
        was agreed on.
        """

    def refresh(self) -> None:
        """Refresh the session: send UPDATE or re-INVITE."""

    def expired(self) -> None:
        """Nobody refreshed it: hang up."""


class State(IntEnum):
    """What a session waits for."""

    OFF = 1
    OURS = 2
    """The time to refresh it."""
    ASKING = 3
    """The answer to our refresh."""
    RETRYING = 4
    """The time to try once more."""
    THEIRS = 5
    """The peer's refresh."""
    OVER = 6


class Input(IntEnum):
    """What happens to a session."""

    AGREE_OURS = 1
    AGREE_THEIRS = 2
    DUE = 3
    AGAIN = 4
    FAIL = 5
    STOP = 6


class SessionTimer:
    """
    One leg's session. A pair of state and input that is not in the table is
    ignored. One timer at a time, except while a refresh is tried once more.

    @ivar interval: Seconds after which it is over, unrefreshed.
    """

    __slots__ = (
        "_again",
        "_timer",
        "_user",
        "interval",
        "state",
    )

    def __init__(self, user: SessionUser) -> None:
        self._user = user
        self._timer: Timer | None = None
        self._again: Timer | None = None
        self.interval = SHORTEST
        self.state = State.OFF

    @property
    def ours(self) -> bool:
        """Whether it is we who refresh it."""
        return self.state is not State.THEIRS

    def agree(self, session: Session) -> None:
        """The session is agreed on, or was refreshed: its time begins anew."""
        self.interval = session.interval
        self.receive(Input.AGREE_OURS if session.ours else Input.AGREE_THEIRS)

    def failed(self, delay: float) -> None:
        """Our refresh was declined; it is tried again after C{delay} seconds."""
        self.receive(Input.FAIL, delay)

    def stop(self) -> None:
        """The dialog is over."""
        self.receive(Input.STOP)

    def receive(self, given: Input, delay: float = 0.0) -> None:
        """Take one input."""
        row = _TABLE.get((self.state, given))
        if row is not None:
            action, self.state = row
            action(self, delay)

    def _wait(self, _: float) -> None:
        """Until the session is to be refreshed by us."""
        self._end(_)
        refresh, _lapse = self._user.limits(self.interval)
        self._timer = self._user.timers.later(refresh, _due, self)

    def _watch(self, _: float) -> None:
        """Until it is over, if the peer does not refresh it."""
        self._end(_)
        _refresh, lapse = self._user.limits(self.interval)
        self._timer = self._user.timers.later(lapse, _due, self)

    def _ask(self, _: float) -> None:
        refresh, lapse = self._user.limits(self.interval)
        self._timer = self._user.timers.later(lapse - refresh, _due, self)
        self._user.refresh()

    def _put_off(self, delay: float) -> None:
        self._again = self._user.timers.later(delay, _try, self)

    def _retry(self, _: float) -> None:
        self._again = None
        self._user.refresh()

    def _lapse(self, _: float) -> None:
        self._end(_)
        self._user.expired()

    def _end(self, _: float) -> None:
        for timer in (self._timer, self._again):
            if timer is not None:
                timer.cancel()
        self._timer = self._again = None


def _due(timer: SessionTimer) -> None:
    timer.receive(Input.DUE)


def _try(timer: SessionTimer) -> None:
    timer.receive(Input.AGAIN)


_S = SessionTimer
_TABLE: dict[tuple[State, Input], tuple[Callable[[SessionTimer, Any], None], State]] = {
    # section 7.2, 9: agreed on, and again with each refresh by either side
    (State.OFF, Input.AGREE_OURS): (_S._wait, State.OURS),
    (State.OURS, Input.AGREE_OURS): (_S._wait, State.OURS),
    (State.ASKING, Input.AGREE_OURS): (_S._wait, State.OURS),
    (State.RETRYING, Input.AGREE_OURS): (_S._wait, State.OURS),
    (State.THEIRS, Input.AGREE_OURS): (_S._wait, State.OURS),
    (State.OFF, Input.AGREE_THEIRS): (_S._watch, State.THEIRS),
    (State.OURS, Input.AGREE_THEIRS): (_S._watch, State.THEIRS),
    (State.ASKING, Input.AGREE_THEIRS): (_S._watch, State.THEIRS),
    (State.RETRYING, Input.AGREE_THEIRS): (_S._watch, State.THEIRS),
    (State.THEIRS, Input.AGREE_THEIRS): (_S._watch, State.THEIRS),
    # section 10: who refreshes does so in time, and again if it is declined
    (State.OURS, Input.DUE): (_S._ask, State.ASKING),
    (State.ASKING, Input.FAIL): (_S._put_off, State.RETRYING),
    (State.RETRYING, Input.AGAIN): (_S._retry, State.ASKING),
    # section 10: what nobody refreshed is over, for both sides
    (State.ASKING, Input.DUE): (_S._lapse, State.OVER),
    (State.RETRYING, Input.DUE): (_S._lapse, State.OVER),
    (State.THEIRS, Input.DUE): (_S._lapse, State.OVER),
    (State.OFF, Input.STOP): (_S._end, State.OVER),
    (State.OURS, Input.STOP): (_S._end, State.OVER),
    (State.ASKING, Input.STOP): (_S._end, State.OVER),
    (State.RETRYING, Input.STOP): (_S._end, State.OVER),
    (State.THEIRS, Input.STOP): (_S._end, State.OVER),
}
