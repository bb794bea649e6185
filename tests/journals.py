"""
A journal on a disk in memory, opened as a start opens it.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock

from tests.journal.disk import Disk, Thread
from vos3000.instant import instants
from vos3000.journal.history import History, banner
from vos3000.journal.journal import Journal
from vos3000.journal.segments import Damage, Reading
from vos3000.metrics import Metrics


class Opened:
    """
    One run's journal.

    @ivar history: What former runs left.
    @ivar damage: What was wrong with it.
    """

    def __init__(
        self, disk: Disk, clock: Clock, name: str = "one", size: int = 1 << 20
    ) -> None:
        self.damage: list[Damage] = []
        folder: Any = disk
        reading = Reading(folder, self.damage.append)
        self.history = History()
        self.history.take(reading)
        self.name = self.history.journal or name
        now = instants(clock.seconds, clock.seconds)
        self.thread = Thread()
        self.journal = Journal(folder, clock, now, self.thread, Metrics(), size)
        run = f"run {len(disk.names())} {reading.highest}"
        self.started = self.journal.start(
            banner(self.name, run),
            reading.segments,
            reading.last,
            reading.highest,
            ["records"],
        )
