"""
Text files as a way out for records: the disk is waited for in a thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.interfaces import IReactorTime

from vos3000.model.cdr import Cdr
from vos3000.reports.textfiles import FileSettings, TextFiles

T = TypeVar("T")

PATIENCE = 1.0
"""Seconds that records wait for company."""

LONGEST = 30.0
"""Seconds that a disk may take for one page of records."""


class InThread(Protocol):
    """Runs work in a thread, one piece after the other."""

    def __call__(self, work: Callable[[], T], /) -> Deferred[T]:
        """Run C{work} after what was given before it."""


class FileOutput:
    """
    Files of one form.

    A disk that hangs has one page of records, and is given no other until it
    is done with it.

    @param settings: What the parameters say now; None for no files.
    """

    patience = PATIENCE

    def __init__(
        self,
        name: str,
        files: TextFiles,
        settings: Callable[[], FileSettings | None],
        in_thread: InThread,
        clock: IReactorTime,
    ) -> None:
        self.name = name
        self._files = files
        self._settings = settings
        self._in_thread = in_thread
        self._clock = clock
        self._busy = False
        self._last = FileSettings()

    @property
    def reached(self) -> int:
        """The last record that was dealt with."""
        return self._files.reached

    @property
    def needed(self) -> int:
        """Records above this number may have to be read again."""
        return self._files.needed

    def wanted(self) -> bool:
        """Whether the parameters want files."""
        return self._settings() is not None

    def _now(self) -> FileSettings:
        """The settings, or those that were there last."""
        self._last = self._settings() or self._last
        return self._last

    async def open(self, newest: int) -> None:
        """Go on where the last run ended."""
        await self._run(lambda: self._files.open(newest))

    async def take(self, records: list[Cdr]) -> None:
        """Put records into files."""
        settings = self._now()
        await self._run(lambda: self._files.take(records, settings))

    async def rest(self, complete: bool) -> None:
        """Finish the file whose time is over."""
        settings = self._now()
        await self._run(lambda: self._files.rest(settings, complete))

    async def give_up(self) -> None:
        """Finish the last file."""
        settings = self._now()
        await self._run(lambda: self._files.finish(settings))

    async def close(self) -> None:
        """Keep how far they are."""
        await self._in_thread(self._files.close)

    async def _run(self, work: Callable[[], None]) -> None:
        """
        Wait for the disk.

        @raise TimeoutError: If that would take too long.
        """
        if self._busy:
            raise TimeoutError("the disk does not answer")
        self._busy = True

        def done() -> None:
            try:
                work()
            finally:
                self._busy = False

        running = self._in_thread(done)
        try:
            await running.addTimeout(LONGEST, self._clock)
        except DeferredTimeout:
            raise TimeoutError("the disk does not answer") from None
