"""
What a record costs: C{python -m bench.cdr [RATE [SECONDS]]}.

Writes records at a steady rate through the real pool and writer, with the
mover at work, while a ticking call in the reactor measures how long the
reactor's thread was held up. Prints CPU for each record, all threads counted,
and the longest stalls.
"""

from __future__ import annotations

import gc
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from twisted.internet import reactor, task
from twisted.internet.defer import Deferred, succeed

from vos3000.db import upgrade
from vos3000.db.cdrmover import CdrMover
from vos3000.db.cdrwriter import USER, CdrWriter
from vos3000.db.customers import CustomerStore
from vos3000.db.pool import thread_pool
from vos3000.events import Events
from vos3000.instant import instants
from vos3000.journal.folder import Folder
from vos3000.journal.history import banner
from vos3000.journal.journal import Journal
from vos3000.journaled import DiskThread
from vos3000.metrics import Metrics
from vos3000.model.accounts import Movement
from vos3000.model.cdr import Cdr, CdrEntry

TICK = 0.002
SLICE = 0.01


def cpu() -> float:
    """Seconds of CPU of all threads of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def entry(number: int, wall: int) -> CdrEntry:
    """One record of a call of a minute, its numbers scattered."""
    account = str(1000 + number % 50)
    fee = Decimal("0.06")
    caller = str(4930000000 + number * 7919 % 10_000_000)
    record = Cdr(
        callere164=caller,
        calleraccesse164=caller,
        calleee164=str(442000000000 + number),
        calleeaccesse164=str(442000000000 + number),
        callerip="192.0.2.1",
        calleeip="198.51.100.1",
        callergatewayid=f"customer{number % 50}",
        calleegatewayid="vendor",
        callercodec="PCMA",
        calleecodec="PCMA",
        starttime=wall - 60_000,
        stoptime=wall,
        holdtime=60,
        feetime=60,
        fee=fee,
        agentfee=Decimal("0.04"),
        agentaccount="2000",
        customeraccount=account,
        customername=f"customer {account}",
        softswitchname="MBX",
        softswitchcallid=number,
        callercallid=f"{number}-8712@192.0.2.1",
        calleecallid=f"{number}-9813@203.0.113.1",
    )
    moved = (Movement(account, -fee), Movement("2000", Decimal("-0.04")))
    return CdrEntry(record, moved)


class Stalls:
    """
    A ticking call that notices when it comes late.

    @ivar late: Seconds that each tick came late.
    """

    def __init__(self) -> None:
        self.late: list[float] = []
        self._last = time.monotonic()
        self._loop = task.LoopingCall(self._tick)

    def start(self) -> None:
        """Begin to tick."""
        self._last = time.monotonic()
        self._loop.start(TICK)

    def stop(self) -> str:
        """The longest, in ms."""
        self._loop.stop()
        return ", ".join(f"{late * 1e3:.2f}" for late in sorted(self.late)[-3:])

    def _tick(self) -> None:
        seen = time.monotonic()
        self.late.append(seen - self._last - TICK)
        self._last = seen


class Source:
    """Makes records at a steady rate."""

    def __init__(self, rate: int, write: Callable[[CdrEntry], object]) -> None:
        self.made = 0
        self._rate = rate
        self._write = write
        self._loop = task.LoopingCall(self._make)
        self._begun = time.monotonic()

    def start(self) -> None:
        """Begin now."""
        self._begun = time.monotonic()
        self._loop.start(SLICE)

    def stop(self) -> None:
        """Make no more."""
        self._loop.stop()

    def _make(self) -> None:
        due = int((time.monotonic() - self._begun) * self._rate)
        while self.made < due:
            self.made += 1
            self._write(entry(self.made, int(time.time() * 1000)))


async def run(
    source: Source, seconds: int, end: Callable[[], Any]
) -> tuple[float, str]:
    """
    Let a source run, the collector kept from what the start left, as the
    switch does it.

    @return: Microseconds of CPU for each record, and the longest stalls.
    """
    gc.collect()
    gc.freeze()
    stalls = Stalls()
    used = cpu()
    stalls.start()
    source.start()
    await task.deferLater(reactor, seconds, lambda: None)
    source.stop()
    await end()
    longest = stalls.stop()
    return (cpu() - used) / source.made * 1e6, longest


async def measure(folder: Path, rate: int, seconds: int) -> None:
    """Records that are made only, then records that are written and moved."""
    url = f"sqlite:///{folder / 'bench.db'}"
    upgrade.migrate(url)
    metrics = Metrics()
    pool = thread_pool(url, reactor, metrics, time.monotonic)
    customers = CustomerStore(pool)
    for account in [*range(1000, 1050), 2000]:
        await customers.create({"account": str(account)}, 0)
    now = instants(time.time, time.monotonic)
    disk = DiskThread(reactor)
    journal = Journal(Folder(folder / "journal"), reactor, now, disk, metrics)
    await journal.start(banner("bench", "1"), (), 0, 0, [USER])
    writer = CdrWriter(pool, reactor, Events(), metrics, journal, folder)
    mover = CdrMover(pool, reactor, now, metrics, ZoneInfo("UTC"), keep=2)
    writer.start("bench", 0, 0)
    idle, _ = await run(Source(rate, id), seconds, lambda: succeed(None))
    mover.start()
    busy, stalls = await run(
        Source(rate, writer.write), seconds, lambda: writer.close(9)
    )
    mover.stop()
    await journal.close()
    disk.stop()
    await pool.close()
    print(  # noqa: T201
        f"{rate} records/s for {seconds} s: {busy:.1f} us CPU each, of which"
        f" {busy - idle:.1f} us to write and move it; longest stalls of the reactor"
        f" {stalls} ms"
    )


async def main(rate: int, seconds: int) -> None:
    """One measurement in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        await measure(Path(folder), rate, seconds)


if __name__ == "__main__":
    given = [int(text) for text in sys.argv[1:]]
    wanted = [*given, *(500, 20)[len(given) :]]
    task.react(lambda _: Deferred.fromCoroutine(main(wanted[0], wanted[1])))
