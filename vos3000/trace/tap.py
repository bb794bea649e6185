"""
Where messages are seen as they pass, and who is told of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from twisted.logger import Logger

from vos3000.metrics import Metrics
from vos3000.sip.transaction import Address, Channel
from vos3000.trace.legs import Followed, Legs
from vos3000.trace.mask import masked
from vos3000.trace.seen import Seen, call_id_of
from vos3000.trace.wanted import Named, Wanted

RECENT = 64
"""Messages that are kept for a watcher to whom the next one tells that it wanted
them: a callee's number that only the callee's leg has, a gateway that was not yet
known when its INVITE came."""

_KEEP_ALIVE = 4
"""Bytes of the longest that is no message (RFC 5626 4.4.1)."""

MOST_WATCHERS = 8

MOST_FOLLOWED = 10_000
"""Calls that one watcher follows at once; beyond that it forgets the first."""


class Sink(Protocol):
    """Takes every message, such as a HEP exporter."""

    def take(self, seen: Seen, followed: Followed | None) -> None:
        """A message passed."""


class Watcher:
    """
    Follows the calls that a filter names: whole calls, from one message that is
    wanted on, with both their legs.

    @param deliver: Takes the messages.
    """

    def __init__(
        self,
        wanted: Wanted,
        named: Named,
        deliver: Callable[[Seen, Followed | None], None],
    ) -> None:
        self._wanted = wanted
        self._named = named
        self._deliver = deliver
        self._follows: dict[str | int, None] = {}

    def take(
        self, seen: Seen, followed: Followed | None, recent: Iterable[Seen], legs: Legs
    ) -> None:
        """
        A message passed.

        @param recent: Those before it, and this one.
        """
        if self._is_followed(seen, followed):
            self._deliver(seen, followed)
        elif self._wanted.holds(seen, followed, self._named):
            self._follow(seen.call_id if followed is None else followed.number)
            identifiers = [seen.call_id] if followed is None else followed.identifiers
            for each in recent:
                if each.call_id in identifiers:
                    self._deliver(each, legs.call_of(each.call_id))

    def _is_followed(self, seen: Seen, followed: Followed | None) -> bool:
        follows = self._follows
        if followed is None:
            return seen.call_id in follows
        if followed.number in follows or followed.origin in follows:
            return True
        if not any(identifier in follows for identifier in followed.identifiers):
            return False
        # it was followed before it was known to be a call
        self._follow(followed.number)
        return True

    def _follow(self, subject: str | int) -> None:
        if len(self._follows) >= MOST_FOLLOWED:
            del self._follows[next(iter(self._follows))]
        self._follows[subject] = None


class Tap:
    """
    Sees every message while anybody wants to.

    @param wall: Seconds since 1970.
    @param turn: Lets messages be seen, or no more: it hangs this tap where they pass
        and L{legs} where calls do.
    @ivar legs: Which call each message belongs to.
    """

    _log = Logger()

    def __init__(
        self, wall: Callable[[], float], turn: Callable[[bool], None], metrics: Metrics
    ) -> None:
        self.legs = Legs()
        self._wall = wall
        self._turn = turn
        self._sinks: list[Sink] = []
        self._watchers: list[Watcher] = []
        self._recent: deque[Seen] = deque(maxlen=RECENT)
        self._failing = False
        metrics.gauge(
            "trace_watchers", "Who follows messages live", lambda: len(self._watchers)
        )

    # Who is told

    def export(self, sink: Sink) -> None:
        """Tell C{sink} of every message from now on."""
        self._changed(self._sinks.append, sink)

    def watch(self, watcher: Watcher) -> bool:
        """
        Tell C{watcher} from now on.

        @return: Whether it is; there are no more than L{MOST_WATCHERS}.
        """
        if len(self._watchers) >= MOST_WATCHERS:
            return False
        self._changed(self._watchers.append, watcher)
        return True

    def leave(self, watcher: Watcher) -> None:
        """Tell C{watcher} no more."""
        if watcher in self._watchers:
            self._changed(self._watchers.remove, watcher)

    def _changed(self, change: Callable[[Any], None], who: object) -> None:
        before = bool(self._sinks or self._watchers)
        change(who)
        after = bool(self._sinks or self._watchers)
        if after is not before:
            self._recent.clear()
            self._turn(after)

    # What passes

    def received(self, data: bytes, channel: Channel, address: Address) -> None:
        """A message came (L{vos3000.sip.reception.Tap})."""
        self._pass(True, data, channel, address)

    def sent(self, data: bytes, channel: Channel, address: Address) -> None:
        """A message goes out (L{vos3000.sip.reception.Tap})."""
        self._pass(False, data, channel, address)

    def _pass(self, came: bool, data: bytes, channel: Channel, there: Address) -> None:
        if len(data) <= _KEEP_ALIVE:
            return
        try:
            here = channel.local(there)
            call_id = call_id_of(data)
            seen = Seen(
                self._wall(), came, channel.name, here, there, masked(data), call_id
            )
            self._tell(seen, self.legs.call_of(call_id))
        except Exception:
            # Whoever watches must not hurt who is watched.
            if not self._failing:
                self._failing = True
                self._log.failure("a message could not be shown to those who watch")

    def _tell(self, seen: Seen, followed: Followed | None) -> None:
        for sink in self._sinks:
            sink.take(seen, followed)
        if self._watchers:
            self._recent.append(seen)
            for watcher in self._watchers:
                watcher.take(seen, followed, self._recent, self.legs)
