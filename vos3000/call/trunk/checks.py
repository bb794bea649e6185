"""
Whether gateways are there: OPTIONS at regular times (RFC 3261 section 11).

Any answer but 408 and 503 shows that somebody is there, a refusal too: what a
gateway thinks of OPTIONS says nothing about calls. It is offline after two
checks without one, and online again with the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs

from vos3000.routing.availability import Availability
from vos3000.sip.core import ACCEPT, UserAgentCore
from vos3000.sip.dialog import host_port, place
from vos3000.sip.message import Response
from vos3000.sip.outside import Asked, Target
from vos3000.sip.transaction import ClientTransaction, Input
from vos3000.timers import Timer

FAILURES = 2
"""Checks without an answer after which a gateway is offline."""

AGAIN = 10.0
"""Seconds after the first of them, if its period is longer: then the second."""

SPREAD = 30.0
"""Seconds over which the first checks are spread at most."""

_ABSENT = frozenset((408, 503))
_CHANCES = 1000
_SUPPORTED = (ACCEPT, ("User-Agent", "vos3000"))


@attrs.frozen(slots=True)
class Checked:
    """
    A gateway that is to be checked.

    @ivar period: Seconds between two checks.
    @ivar places: Gives where it can be reached now; it is there if one of
        them answers.
    @ivar key: What C{places} is made of: a change makes it another gateway.
    """

    name: str
    period: int
    places: Callable[[], tuple[Target, ...]] = attrs.field(eq=False)
    key: tuple[object, ...] = ()


class Checks:
    """
    The checks of the gateways of one side.

    @param availability: Hears what came of them.
    @param choose: Randomness: from C{n} to 0..n-1.
    """

    def __init__(
        self,
        core: UserAgentCore,
        availability: Availability,
        choose: Callable[[int], int],
    ) -> None:
        self._core = core
        self._availability = availability
        self._choose = choose
        self._checks: dict[str, _Check] = {}

    def load(self, gateways: Iterable[Checked]) -> None:
        """Check these from now on; those that stay keep their turn."""
        old, self._checks = self._checks, {}
        for checked in gateways:
            check = old.pop(checked.name, None)
            if check is not None and check.checked == checked:
                self._checks[checked.name] = check
                continue
            if check is not None:
                check.stop()
            self._checks[checked.name] = _Check(
                checked, self._core, self._availability, self._choose
            )
        for name, check in old.items():
            check.stop()
            self._availability.answers(name, None)

    def stop(self) -> None:
        """Check nobody any more."""
        for check in self._checks.values():
            check.stop()
        self._checks.clear()


class _Check:
    """
    One gateway's checks: at any time either a timer runs or a request is
    under way.
    """

    __slots__ = (
        "_asked",
        "_availability",
        "_choose",
        "_core",
        "_cseq",
        "_failures",
        "_left",
        "_timer",
        "checked",
    )

    def __init__(
        self,
        checked: Checked,
        core: UserAgentCore,
        availability: Availability,
        choose: Callable[[int], int],
    ) -> None:
        self.checked = checked
        self._core = core
        self._availability = availability
        self._choose = choose
        self._failures = 0
        self._cseq = 0
        self._left: tuple[Target, ...] = ()
        self._asked: ClientTransaction | None = None
        self._timer: Timer | None = None
        self._wait(min(checked.period, SPREAD) * self._chance())

    def _chance(self) -> float:
        return self._choose(_CHANCES) / _CHANCES

    def _wait(self, seconds: float) -> None:
        self._timer = self._core.timers.later(seconds, self._begin)

    def _begin(self, _: object) -> None:
        self._timer = None
        self._left = self.checked.places()
        self._next()

    def _next(self) -> None:
        """Ask at the next place, or conclude that the gateway is at none."""
        if not self._left:
            self._conclude(False)
            return
        target, *left = self._left
        self._left = tuple(left)
        self._cseq += 1
        core = self._core
        branch = core.tokens.branch()
        asked = _asked(target, core.tokens.random(), core.tokens.random())
        data = asked.request("OPTIONS", self._cseq, branch, target, _SUPPORTED)
        self._asked = core.layer.send(branch, "OPTIONS", data, *target, self)

    def responded(self, transaction: ClientTransaction, response: Response) -> None:
        """Somebody is there, unless the answer says that nobody is."""
        if response.status < 200 or transaction is not self._asked:
            return
        self._asked = None
        if response.status in _ABSENT:
            self._next()
        else:
            self._conclude(True)

    def timed_out(self, transaction: ClientTransaction) -> None:
        """Nobody answered there."""
        if transaction is self._asked:
            self._asked = None
            self._next()

    def _conclude(self, alive: bool) -> None:
        """Tell, and wait for the next turn: a tenth of the period by chance."""
        period = float(self.checked.period)
        if alive:
            self._failures = 0
            self._availability.answers(self.checked.name, True)
        else:
            self._failures += 1
            if self._failures >= FAILURES:
                self._availability.answers(self.checked.name, False)
            else:
                period = min(period, AGAIN)
        self._left = ()
        self._wait(period * (0.9 + 0.1 * self._chance()))

    def stop(self) -> None:
        """Ask no more."""
        asked, self._asked = self._asked, None
        if asked is not None:
            asked.receive(Input.EXPIRE)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _asked(target: Target, tag: str, call_id: str) -> Asked:
    channel, address = target
    here = host_port(*channel.local(address))
    there = host_port(*address)
    uri = f"sip:{place(address, channel.name)}"
    return Asked(
        uri, f"<sip:vos3000@{here}>;tag={tag}", f"<sip:{there}>", f"{call_id}@{here}"
    )
