"""
The calls there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from vos3000.call.call import Call
from vos3000.call.showing import current_of
from vos3000.instant import Now
from vos3000.model.causes import EndCause
from vos3000.model.current import CurrentCall
from vos3000.model.states import EndDirection


class Follower(Protocol):
    """Who wants to know which messages belong to which call."""

    def leg(self, call: Call, identifier: str) -> None:
        """A call has one more leg, with the peer's own id of it (SIP Call-ID)."""

    def ended(self, call: Call) -> None:
        """A call is over."""


class Registry:
    """
    Every call by its number.

    @param next_id: Gives the number of a new call.
    @param hung_up: What an operator's hang-up is recorded as.
    @ivar follower: Who is told of calls; None for nobody.
    """

    def __init__(self, next_id: Callable[[], int], now: Now, hung_up: EndCause) -> None:
        self._next_id = next_id
        self._now = now
        self._hung_up = hung_up
        self._calls: dict[int, Call] = {}
        self.follower: Follower | None = None

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[Call]:
        return iter(list(self._calls.values()))

    def new_id(self) -> int:
        """A number that no call has."""
        return self._next_id()

    def add(self, call: Call) -> None:
        """A call was let in."""
        self._calls[call.id] = call
        if self.follower is not None:
            self.follower.leg(call, call.leg.identifier)

    def placed(self, call: Call, identifier: str) -> None:
        """A call goes out; nothing was sent yet."""
        if self.follower is not None:
            self.follower.leg(call, identifier)

    def remove(self, call: Call) -> None:
        """It is over."""
        self._calls.pop(call.id, None)
        if self.follower is not None:
            self.follower.ended(call)

    def current(self) -> list[CurrentCall]:
        """Every call as it stands now (GetCurrentCall)."""
        now = self._now()
        return [current_of(call, now) for call in self._calls.values()]

    def hang_up(self, call_id: int) -> bool:
        """
        End a call for the operator (DisconnectCurrentCall).

        @return: Whether there was such a call.
        """
        call = self._calls.get(call_id)
        if call is None:
            return False
        call.end(self._hung_up, EndDirection.SERVER)
        return True
