"""
Which gateways can be called just now, and why the others cannot.

What is known of a gateway comes from several sides: it asked for a pause
(Retry-After), we are registered with it or not, it answers our OPTIONS or does
not, it told how many lines it has free (PUBLISH). Of most gateways nothing is
known: they cost a look into a dict and are called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum
from math import ceil

import attrs
from twisted.logger import Logger

from vos3000.events import Events, GatewayOnlineChanged
from vos3000.instant import Instant, Now
from vos3000.metrics import Metrics

LONGEST_PAUSE = 3600
"""Seconds that a Retry-After disables a gateway at most: a vendor's mistake must
not take a route away for days."""


class Obstacle(IntEnum):
    """Why a gateway is not called; the value of the metric of that name."""

    NONE = 0
    UNREGISTERED = 1
    SILENT = 2
    PAUSED = 3
    CLOSED = 4
    FULL = 5


REASONS = {
    Obstacle.NONE: "",
    Obstacle.UNREGISTERED: "not registered",
    Obstacle.SILENT: "does not answer OPTIONS",
    Obstacle.PAUSED: "disabled by Retry-After",
    Obstacle.CLOSED: "closed, as it published",
    Obstacle.FULL: "full, as it published",
}
"""What is told of each."""


@attrs.frozen(slots=True)
class Registered:
    """
    Our registration with a gateway.

    @ivar name: As whom (registerName).
    @ivar since: When we registered first.
    @ivar updated: When it was refreshed last.
    """

    name: str
    since: Instant
    updated: Instant


@attrs.frozen(slots=True)
class Published:
    """
    What a gateway told of itself (PUBLISH).

    @ivar is_open: Whether it takes calls at all.
    @ivar free: Lines that were free then; None if it did not say.
    @ivar used: Lines that we used then.
    """

    is_open: bool
    free: int | None
    used: int


@attrs.define(slots=True)
class _Standing:
    """
    What is known of one gateway.

    @ivar paused_until: Monotonic; it asked not to be called before.
    @ivar registers: Whether it can be called only while we are registered.
    @ivar failure: Why we are not.
    @ivar answers: Whether it answers OPTIONS; None while that is not known.
    """

    paused_until: float = 0.0
    registers: bool = False
    registered: Registered | None = None
    failure: str = ""
    answers: bool | None = None
    published: Published | None = None

    @property
    def away(self) -> Obstacle:
        """Why it counts as offline; none if it is online."""
        if self.registers and self.registered is None:
            return Obstacle.UNREGISTERED
        return Obstacle.SILENT if self.answers is False else Obstacle.NONE


@attrs.frozen(slots=True)
class Status:
    """
    How one gateway stands, for those who show it.

    @ivar online: Whether it is there, though it may be full or pause.
    @ivar why: Why it is not called just now; empty if it is.
    @ivar pause: Milliseconds that it is still disabled by Retry-After.
    @ivar registered: Our registration; None without one.
    @ivar answers: Whether it answers OPTIONS; None if it is not asked.
    @ivar published: What it told of itself; None if nothing that is still valid.
    """

    online: bool
    why: str
    pause: int = 0
    registered: Registered | None = None
    answers: bool | None = None
    published: Published | None = None


_UNKNOWN = Status(True, "")


class Availability:
    """
    The standing of the gateways of one side.

    @param side: C{routing} or C{mapping}, for events and logs.
    @param used: How many lines of a gateway are in use.
    """

    _log = Logger()

    def __init__(
        self,
        side: str,
        now: Now,
        used: Callable[[str], int],
        events: Events,
        metrics: Metrics,
    ) -> None:
        self._side = side
        self._now = now
        self._used = used
        self._events = events
        self._standings: dict[str, _Standing] = {}
        metrics.labelled_gauge(
            f"{side}_gateway_obstacle",
            "Gateways that are not called just now: 1 not registered, 2 does not"
            " answer OPTIONS, 3 disabled by Retry-After, 4 closed, 5 full",
            "gateway",
            self.obstacles,
        )
        metrics.labelled_gauge(
            f"{side}_gateway_pause_seconds",
            "Seconds that Retry-After still disables a gateway",
            "gateway",
            self.pauses,
        )

    def load(self, names: Iterable[str], registering: Iterable[str] = ()) -> None:
        """
        These gateways are all there are now; what is known of those that stay
        is kept.

        @param registering: Those that can be called only once registered.
        """
        kept, old = {}, self._standings
        for name in names:
            if name in old:
                kept[name] = old[name]
                kept[name].registers = False
        for name in registering:
            standing = kept.setdefault(name, _Standing())
            standing.registers = True
        self._standings = kept

    def _standing(self, name: str) -> _Standing:
        standing = self._standings.get(name)
        if standing is None:
            standing = self._standings[name] = _Standing()
        return standing

    # What a call asks

    def obstacle(self, name: str) -> str:
        """Why a gateway is not called just now; empty if it is."""
        standing = self._standings.get(name)
        return "" if standing is None else self._told(name, standing)

    def paused(self, name: str) -> bool:
        """Whether a gateway is disabled by Retry-After."""
        standing = self._standings.get(name)
        return standing is not None and (self._kind(name, standing) is Obstacle.PAUSED)

    def _told(self, name: str, standing: _Standing) -> str:
        kind = self._kind(name, standing)
        if kind is Obstacle.PAUSED:
            seconds = ceil(standing.paused_until - self._now().mono)
            return f"disabled for {seconds} s by Retry-After"
        if kind is Obstacle.UNREGISTERED and standing.failure:
            return f"{REASONS[kind]}: {standing.failure}"
        return REASONS[kind]

    def _kind(self, name: str, standing: _Standing) -> Obstacle:
        if standing.away:
            return standing.away
        if standing.paused_until:
            if standing.paused_until > self._now().mono:
                return Obstacle.PAUSED
            standing.paused_until = 0.0
        told = standing.published
        if told is None:
            return Obstacle.NONE
        if not told.is_open:
            return Obstacle.CLOSED
        if told.free is not None and self._used(name) - told.used >= told.free:
            return Obstacle.FULL
        return Obstacle.NONE

    # What others learn of it

    def pause(self, name: str, seconds: int) -> None:
        """A gateway asked not to be called for some time (RFC 3261 20.33)."""
        if seconds > 0:
            until = self._now().mono + min(seconds, LONGEST_PAUSE)
            self._standing(name).paused_until = until

    def registered(self, name: str, identity: str) -> None:
        """We are registered with a gateway, anew or still."""
        now, standing = self._now(), self._standing(name)
        since = now if standing.registered is None else standing.registered.since
        before = standing.away
        standing.registered = Registered(identity, since, now)
        standing.failure = ""
        self._tell(name, standing, before)

    def unregistered(self, name: str, why: str) -> None:
        """We are registered with a gateway no longer, or not yet."""
        standing = self._standing(name)
        before = standing.away
        standing.registered, standing.failure = None, why
        self._tell(name, standing, before)

    def answers(self, name: str, alive: bool | None) -> None:
        """A gateway answers OPTIONS, or does not; None if it is asked no more."""
        standing = self._standing(name)
        before = standing.away
        standing.answers = alive
        self._tell(name, standing, before)

    def publish(self, name: str, is_open: bool, free: int | None) -> None:
        """A gateway told how it stands."""
        told = Published(is_open, free, self._used(name))
        self._standing(name).published = told

    def unpublish(self, name: str) -> None:
        """What a gateway told of itself holds no longer."""
        standing = self._standings.get(name)
        if standing is not None:
            standing.published = None

    def adopt(
        self,
        obstacles: Mapping[str, int],
        pauses: Mapping[str, int],
        reasons: Mapping[str, str],
    ) -> None:
        """
        Take what the switch that runs knows: what L{obstacles}, L{pauses} and
        L{reasons} made.
        """
        now = self._now()
        for name in obstacles:
            self._standing(name)
        for name, standing in self._standings.items():
            kind = obstacles.get(name, Obstacle.NONE)
            if kind == Obstacle.UNREGISTERED:
                standing.failure = reasons.get(name, "").partition(": ")[2]
            else:
                standing.registered = Registered("", now, now)
            if kind == Obstacle.SILENT:
                standing.answers = False
            elif kind == Obstacle.PAUSED:
                standing.paused_until = now.mono + pauses.get(name, 1)
            elif kind in (Obstacle.CLOSED, Obstacle.FULL):
                standing.published = Published(kind == Obstacle.FULL, 0, 0)

    def _tell(self, name: str, standing: _Standing, before: Obstacle) -> None:
        """Say once that a gateway came or went."""
        if bool(standing.away) == bool(before):
            return
        why = self._told(name, standing) if standing.away else ""
        if why:
            self._log.warn(
                "{side} gateway {name} is offline: {why}",
                side=self._side,
                name=name,
                why=why,
            )
        else:
            self._log.info(
                "{side} gateway {name} is online", side=self._side, name=name
            )
        wall = self._now().wall
        self._events.publish(GatewayOnlineChanged(self._side, name, not why, why, wall))

    # What is shown

    def status(self, name: str) -> Status:
        """How a gateway stands."""
        standing = self._standings.get(name)
        if standing is None:
            return _UNKNOWN
        left = standing.paused_until - self._now().mono
        return Status(
            online=not standing.away,
            why=self._told(name, standing),
            pause=max(0, int(left * 1000)) if standing.paused_until else 0,
            registered=standing.registered,
            answers=standing.answers,
            published=standing.published,
        )

    def obstacles(self) -> dict[str, int]:
        """Every gateway that is not called just now, and the L{Obstacle}."""
        found = {
            name: self._kind(name, standing)
            for name, standing in self._standings.items()
        }
        return {name: kind for name, kind in found.items() if kind}

    def reasons(self) -> dict[str, str]:
        """The same, and why in words."""
        found = {name: self._told(name, it) for name, it in self._standings.items()}
        return {name: why for name, why in found.items() if why}

    def pauses(self) -> dict[str, int]:
        """Seconds that are left of each pause."""
        now = self._now().mono
        return {
            name: ceil(standing.paused_until - now)
            for name, standing in self._standings.items()
            if standing.paused_until > now
        }
