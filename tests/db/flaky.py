"""A pool that refuses when it is told to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail

from vos3000.db.pool import Pool
from vos3000.errors import StorageError


class FlakyPool:
    """
    A real pool behind a switch.

    @ivar before: Raised instead of running an interaction.
    @ivar after: Raised after the commit: its outcome looks unknown.
    @ivar hold: Whether interactions wait until L{let_go}.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.dialect = pool.dialect
        self.before: Exception | None = None
        self.after: Exception | None = None
        self.hold = False
        self.names: list[str] = []
        self._held: list[tuple[Deferred[Any], Callable[[], Deferred[Any]]]] = []

    def interact(self, name: str, function: Any, *args: Any) -> Deferred[Any]:
        """What the writer calls."""
        self.names.append(name)
        if self.before is not None:
            return fail(self.before)
        if self.hold:
            waiting: Deferred[Any] = Deferred()
            self._held.append(
                (waiting, lambda: self._pool.interact(name, function, *args))
            )
            return waiting
        done = self._pool.interact(name, function, *args)
        if self.after is not None:
            done.addCallback(self._pretend)
        return done

    records = interact
    calls = interact

    def read(self, name: str, function: Any, *args: Any) -> Deferred[Any]:
        """Reading always works."""
        return self._pool.read(name, function, *args)

    def let_go(self) -> None:
        """Run what was held."""
        held, self._held = self._held, []
        for waiting, run in held:
            run().chainDeferred(waiting)

    def _pretend(self, result: object) -> object:
        raise self.after or StorageError("lost")
