"""
Keeping the way open to devices behind NAT (SS_SIP_NAT_KEEP_ALIVE_...).

A NAT forgets a way that nobody uses, after 30 s on many, and calls no longer
get in. So each device on UDP that sends from elsewhere than its Contact says
gets a short datagram in every round, from the socket that it registered at.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

import attrs

from vos3000.metrics import Metrics
from vos3000.model.bindings import Key
from vos3000.routing.location import Location
from vos3000.timers import TimerWheel


@attrs.frozen(slots=True)
class KeepAliveSettings:
    """
    What is sent, and how fast.

    @ivar message: SS_SIP_NAT_KEEP_ALIVE_MESSAGE; empty for nothing.
    @ivar period: SS_SIP_NAT_KEEP_ALIVE_PERIOD, s.
    @ivar pause: SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL, in seconds.
    @ivar batch: SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME.
    """

    message: bytes = b"HELLO"
    period: float = 30.0
    pause: float = 0.1
    batch: int = 100


class NatKeepAlive:
    """
    Sends rounds, each in batches.

    The period is a promise to the NATs: batches grow beyond their size where
    a round of so many devices would not end in time.
    """

    def __init__(
        self,
        timers: TimerWheel,
        settings: Callable[[], KeepAliveSettings],
        location: Location,
        metrics: Metrics,
    ) -> None:
        self._timers = timers
        self._settings = settings
        self._location = location
        self._left: list[Key] = []
        self._size = 0
        self._sent = metrics.counter(
            "routing_nat_keep_alives_total", "Datagrams sent to keep NATs open"
        )

    def start(self) -> None:
        """Send the first round after one period."""
        self._timers.later(self._settings().period, self._round)

    def _round(self, _: object) -> None:
        settings = self._settings()
        self._timers.later(settings.period, self._round)
        unfinished = bool(self._left)
        self._left = self._location.behind_nat() if settings.message else []
        batches = max(1, int(settings.period / settings.pause) - 1)
        self._size = max(settings.batch, ceil(len(self._left) / batches))
        if not unfinished:
            self._batch(None)

    def _batch(self, _: object) -> None:
        """Send as many as go at once, and the rest after a pause."""
        settings, size = self._settings(), self._size
        keys, self._left = self._left[:size], self._left[size:]
        for key in keys:
            binding = self._location.current(key)
            if binding is not None and binding.behind_nat and binding.channel:
                binding.channel.send(settings.message, binding.remote)
                self._sent.value += 1
        if self._left:
            self._timers.later(settings.pause, self._batch)
