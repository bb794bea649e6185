"""
How the calls of gateways went lately, each over a sliding window.

The window is cut into slices (SS_GATEWAY_QUALITY_RESERVE_TIME and _SEPARATE): to
count is to add to the newest, and the oldest drops out as a whole. The
definitions are those of reports, so that both tell the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from decimal import Decimal

import attrs

_ZERO = Decimal(0)
_PLACES = Decimal("0.0001")


@attrs.frozen(slots=True)
class QualitySettings:
    """
    The system parameters of the window.

    @ivar window: SS_GATEWAY_QUALITY_RESERVE_TIME, s.
    @ivar slices: SS_GATEWAY_QUALITY_RESERVE_SEPARATE.
    """

    window: int = 3600
    slices: int = 12
    length: float = attrs.field(init=False)
    """Seconds of a slice."""

    @length.default
    def _length(self) -> float:
        return self.window / self.slices


@attrs.frozen(slots=True)
class Figures:
    """
    How the calls of one gateway went lately.

    @ivar asr: Answered calls of all.
    @ivar acd: Seconds of talk of an answered call.
    @ivar responded: Calls that the gateway reacted to, of all.
    @ivar connected: Calls that rang, were answered or met a busy user, of all.
    """

    asr: Decimal = _ZERO
    acd: int = 0
    responded: Decimal = _ZERO
    connected: Decimal = _ZERO


class _Slice:
    """What was counted in one part of the window."""

    __slots__ = ("answered", "calls", "connected", "index", "replied", "talk")

    def __init__(self, index: int) -> None:
        self.index = index
        self.calls = self.replied = self.connected = self.answered = 0
        self.talk = 0


_Windows = dict[str, deque[_Slice]]


class Quality:
    """
    The windows of the gateways of one side.

    @param seconds: The time; it never steps.
    """

    def __init__(
        self, seconds: Callable[[], float], settings: Callable[[], QualitySettings]
    ) -> None:
        self._seconds = seconds
        self._settings = settings
        self._windows: _Windows = {}
        self._length = 0.0

    def keep(self, names: Iterable[str]) -> None:
        """These gateways are all there are now."""
        old = self._windows
        self._windows = {name: old[name] for name in names if name in old}

    def _now(self, length: float) -> int:
        """
        The number of the slice of now. A window of another length begins anew.
        """
        if length != self._length:
            self._length = length
            self._windows.clear()
        return int(self._seconds() / length)

    def count(
        self, name: str, replied: bool, connected: bool, talk: int | None = None
    ) -> None:
        """
        A call at a gateway, or an attempt at one, is over.

        @param replied: Whether the gateway said anything.
        @param connected: Whether it rang, was answered, or the user was busy.
        @param talk: Milliseconds of talk; None if nobody answered.
        """
        settings = self._settings()
        now = self._now(settings.length)
        window = self._windows.get(name)
        if window is None:
            window = self._windows[name] = deque(maxlen=settings.slices)
        if not window or window[-1].index != now:
            window.append(_Slice(now))
        newest = window[-1]
        newest.calls += 1
        newest.replied += replied
        newest.connected += connected
        if talk is not None:
            newest.answered += 1
            newest.talk += talk

    def figures(self, name: str) -> Figures:
        """How the calls of a gateway went; all 0 if there were none."""
        settings = self._settings()
        oldest = self._now(settings.length) - settings.slices + 1
        window = self._windows.get(name, ())
        kept = [each for each in window if each.index >= oldest]
        calls = sum(each.calls for each in kept)
        if not calls:
            return Figures()
        answered = sum(each.answered for each in kept)
        talk = sum(each.talk for each in kept)
        return Figures(
            _share(answered, calls),
            talk // answered // 1000 if answered else 0,
            _share(sum(each.replied for each in kept), calls),
            _share(sum(each.connected for each in kept), calls),
        )


def _share(some: int, every: int) -> Decimal:
    return (Decimal(some) / every).quantize(_PLACES)
