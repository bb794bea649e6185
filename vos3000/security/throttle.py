"""
What the switch takes no more of just now: calls beyond a rate, and new requests
while it is overloaded.

It is asked twice. L{Throttle.delay} stands at the door, in front of all work: a
request that it turns away costs its parsing and one answer. L{Throttle.admit}
counts the calls that were let in, and has the last word.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle
from math import ceil

from vos3000.metrics import Metrics
from vos3000.model.causes import CallRejected, EndCauses
from vos3000.model.gateways import MappingGateway
from vos3000.security.callrate import CallRates
from vos3000.security.overload import Overload

LATEST = 5
"""Seconds of the longest Retry-After for overload; peers are told 1 to this many
in turn, lest they all come back at once."""

SILENCE = -1
"""The delay of who gets no answer."""

WAITS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Seconds: the histogram of how long new requests waited to be read."""

_SWITCH = ""
"""What stands for the whole switch where a gateway's name would."""


class Throttle:
    """
    The rates of the mapping gateways, that of the whole switch, and overload.

    @param whose: The mapping gateway of a source's host and port.
    @param answers: Whether a source gets any answer (SS_REPLY_UNAUTHORIZED).
    @param most: SS_MAX_CPS; 0 for no limit.
    @param seconds: A clock that never steps.
    """

    def __init__(
        self,
        whose: Callable[[str, int], MappingGateway | None],
        answers: Callable[[tuple[str, int]], bool],
        most: Callable[[], int],
        seconds: Callable[[], float],
        causes: EndCauses,
        metrics: Metrics,
    ) -> None:
        self._whose = whose
        self._answers = answers
        self._most = most
        self._rates = CallRates(seconds)
        self._overload = Overload(seconds)
        self._exceeded = causes["CallRateExceeded"]
        self._limited = False
        self._turn = cycle(range(1, LATEST + 1))
        self._waits = metrics.histogram(
            "throttle_wait_seconds", "How long new requests waited to be read", WAITS
        )
        self._shed = metrics.counter(
            "throttle_overload_total", "New requests refused while overloaded"
        )
        self._over = metrics.labelled(
            "throttle_rate_exceeded_total",
            "Calls refused beyond their gateway's rate",
            "gateway",
        )
        self._full = metrics.counter(
            "throttle_switch_rate_exceeded_total", "Calls refused beyond SS_MAX_CPS"
        )

    def load(self, gateways: Sequence[MappingGateway]) -> None:
        """Learn which gateways there are."""
        self._limited = any(gateway.call_rate[0] > 0 for gateway in gateways)
        self._rates.keep([_SWITCH, *(gateway.name for gateway in gateways)])

    def delay(self, waited: float, call: bool, host: str, port: int) -> int:
        """
        Seconds after which a new request may be sent again; 0 lets it in, and
        L{SILENCE} drops it.

        @param waited: Seconds since it arrived.
        @param call: Whether it asks for a call.
        @param host: Where it came from, and C{port}.
        """
        self._waits.observe(waited)
        if self._overload.sheds(waited):
            self._shed.value += 1
            return next(self._turn) if self._answers((host, port)) else SILENCE
        gateway = self._whose(host, port) if call and self._counts() else None
        return 0 if gateway is None else self.exceeds(gateway)

    def _counts(self) -> bool:
        """Whether there is any rate."""
        return self._limited or self._most() > 0

    def exceeds(self, gateway: MappingGateway) -> int:
        """Seconds until the gateway may call again, rounded up; 0 for now."""
        if not self._counts():
            return 0
        wait = self._rates.wait(gateway.name, gateway.call_rate)
        if wait > 0:
            self._over.add(gateway.name)
            return ceil(wait)
        wait = self._rates.wait(_SWITCH, (self._most(), 1))
        if wait > 0:
            self._full.value += 1
        return ceil(wait)

    def admit(self, gateway: MappingGateway) -> None:
        """
        Count a call.

        @raise CallRejected: If there may be none now.
        """
        if not self._counts():
            return
        if self.exceeds(gateway):
            raise CallRejected(self._exceeded, f"by {gateway.name}")
        self._rates.take(gateway.name, gateway.call_rate)
        self._rates.take(_SWITCH, (self._most(), 1))
