"""
Flows that must show that they are open (RFC 5626): who promised keep-alives
and sends none is offline before its registration ends.
"""

from __future__ import annotations

from collections.abc import Callable

from vos3000.metrics import Metrics
from vos3000.model.bindings import Address, Key
from vos3000.timers import Timer, TimerWheel

GRACE = 10.0
"""Seconds beyond the Flow-Timer that we wait for a keep-alive (section 4.4.1)."""

Place = tuple[str, Address]
"""Transport of a flow, as in a binding, and where its device sends from."""


class _Flow:
    """One flow: its last sign of life."""

    __slots__ = ("heard", "key", "limit", "place", "timer")

    def __init__(self, key: Key, place: Place, limit: float, heard: float) -> None:
        self.key = key
        self.place = place
        self.limit = limit
        self.heard = heard
        self.timer: Timer | None = None


class Flows:
    """
    Watches flows. A keep-alive costs a look-up: the timer is set anew when it
    fires, not when something comes.

    @param seconds: A clock that never steps.
    @param silent: Told of each flow that was silent for too long.
    """

    def __init__(
        self,
        timers: TimerWheel,
        seconds: Callable[[], float],
        silent: Callable[[Key], object],
        metrics: Metrics,
    ) -> None:
        self._timers = timers
        self._seconds = seconds
        self._silent = silent
        self._flows: dict[Key, _Flow] = {}
        self._places: dict[Place, dict[Key, _Flow]] = {}
        self._ended = metrics.counter(
            "routing_silent_flows_total", "Flows that ended for want of a keep-alive"
        )

    def __len__(self) -> int:
        return len(self._flows)

    def watch(self, key: Key, place: Place, limit: float) -> None:
        """
        Watch a flow from now on.

        @param limit: Seconds that it may be silent.
        """
        self.forget(key)
        flow = _Flow(key, place, limit, self._seconds())
        self._flows[key] = flow
        self._places.setdefault(place, {})[key] = flow
        flow.timer = self._timers.later(limit, self._look, flow)

    def forget(self, key: Key) -> None:
        """Watch it no more, if it was."""
        flow = self._flows.pop(key, None)
        if flow is None:
            return
        there = self._places[flow.place]
        del there[key]
        if not there:
            del self._places[flow.place]
        if flow.timer is not None:
            flow.timer.cancel()

    def heard(self, place: Place) -> None:
        """A keep-alive came from there."""
        found = self._places.get(place)
        if found is not None:
            now = self._seconds()
            for flow in found.values():
                flow.heard = now

    def _look(self, flow: _Flow) -> None:
        left = flow.heard + flow.limit - self._seconds()
        if left > 0:
            flow.timer = self._timers.later(left, self._look, flow)
            return
        self._ended.value += 1
        self.forget(flow.key)
        self._silent(flow.key)
