"""
How many records a second the switch can write: C{python -m bench.storage [DATABASE
[SECONDS]]}, where the database is C{sqlite}, C{mariadb} (a private server, started
and ended with this) or both.

Everything a record goes through is at work: the journal, the queue, batches with
their balances, each commit on the disk, and the mover that carries records on to
the table of their day. As many records as can be are offered: never more than
L{AHEAD} wait, and all that were taken are written when the clock is stopped. At
the end the books are held against the records.
"""

from __future__ import annotations

import gc
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from twisted.internet import reactor, task
from twisted.internet.defer import Deferred

from bench.cdr import Stalls, cpu, entry
from tests.mariadb import Server
from vos3000.db import upgrade
from vos3000.db.cdrmover import CdrMover
from vos3000.db.cdrwriter import USER, CdrWriter
from vos3000.db.cursor import Cursor
from vos3000.db.customers import CustomerStore
from vos3000.db.pool import Pool, thread_pool
from vos3000.events import Events
from vos3000.instant import instants
from vos3000.journal.folder import Folder
from vos3000.journal.history import banner
from vos3000.journal.journal import Journal
from vos3000.journaled import DiskThread
from vos3000.metrics import Metrics
from vos3000.model.cdr import CdrEntry
from vos3000.service import COLLECTOR, SWITCH_INTERVAL

AHEAD = 4_000
"""Records that wait at most."""

TICK = 0.005
KEEP = 2
ACCOUNTS = [*range(1000, 1050), 2000]
FEES = Decimal("0.10")
"""What each record takes off two accounts together."""


class Flood:
    """Offers as many records as are taken."""

    def __init__(self, writer: CdrWriter, write: Callable[[CdrEntry], object]) -> None:
        self.made = 0
        self._writer = writer
        self._write = write
        self._loop = task.LoopingCall(self._make)

    def start(self) -> None:
        """Begin now."""
        self._loop.start(TICK)

    def stop(self) -> None:
        """Offer no more."""
        self._loop.stop()

    def _make(self) -> None:
        wall = int(time.time() * 1000)
        for _ in range(min(200, AHEAD - self._writer.waiting)):
            self.made += 1
            self._write(entry(self.made, wall))


async def measure(name: str, url: str, folder: Path, seconds: int) -> None:
    """Write at full speed for a while, and print how many it were."""
    upgrade.migrate(url)
    metrics = Metrics()
    pool = thread_pool(url, reactor, metrics, time.monotonic)
    customers = CustomerStore(pool)
    for account in ACCOUNTS:
        await customers.create({"account": str(account)}, 0)
    now = instants(time.time, time.monotonic)
    disk = DiskThread(reactor)
    journal = Journal(Folder(folder / "journal"), reactor, now, disk, metrics)
    await journal.start(banner("bench", "1"), (), 0, 0, [USER])
    writer = CdrWriter(pool, reactor, Events(), metrics, journal, folder)
    mover = CdrMover(pool, reactor, now, metrics, ZoneInfo("UTC"), keep=KEEP)
    writer.start("bench", 0, 0)
    flood, stalls = Flood(writer, writer.write), Stalls()
    sys.setswitchinterval(SWITCH_INTERVAL)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTOR)
    begun, used = time.monotonic(), cpu()
    stalls.start()
    flood.start()
    await task.deferLater(reactor, KEEP + 0.5, mover.start)
    await task.deferLater(reactor, seconds - KEEP, lambda: None)
    flood.stop()
    await writer.flush()
    took, busy = time.monotonic() - begun, cpu() - used
    late = stalls.stop()
    rolling, moved, balance = await pool.read("bench_books", _books, pool)
    mover.stop()
    await writer.close(9)
    await journal.close()
    disk.stop()
    await pool.close()
    if rolling + moved != flood.made or balance != -FEES * flood.made:
        sys.exit(f"{name}: {rolling} + {moved} of {flood.made} records, {balance}")
    print(  # noqa: T201
        f"{name}: {flood.made / took:,.0f} records/s for {took:.1f} s,"
        f" {busy / flood.made * 1e6:.0f} us CPU each in this process; {rolling:,} not"
        f" moved yet; longest stalls of the reactor {late} ms; the books are right"
    )


def _books(cursor: Cursor, pool: Pool) -> tuple[int, int, Decimal]:
    """Records in the rolling table and in the others, and the sum of balances."""
    counts = {}
    for table in pool.dialect.tables(cursor, "e_cdr"):
        cursor.execute(f"SELECT COUNT(*) FROM {table}")
        counts[table] = int(cursor.fetchone()[0])
    cursor.execute("SELECT SUM(money) FROM e_customer")
    balance = pool.dialect.read_amount(cursor.fetchone()[0])
    return counts.pop("e_cdr"), sum(counts.values()), balance


@contextmanager
def _database(name: str, folder: Path) -> Iterator[str]:
    """A fresh one; its URL. A server's commits are on the disk as SQLite's are."""
    if name == "sqlite":
        yield f"sqlite:///{folder / 'bench.db'}"
        return
    server = Server("--innodb-buffer-pool-size=512M", "--innodb-log-file-size=512M")
    try:
        yield server.create("bench")
    finally:
        server.remove()


async def main(names: list[str], seconds: int) -> None:
    """Each database in a folder of its own."""
    for name in names:
        with (
            tempfile.TemporaryDirectory() as folder,
            _database(name, Path(folder)) as url,
        ):
            await measure(name, url, Path(folder), seconds)


if __name__ == "__main__":
    given: list[Any] = sys.argv[1:]
    wanted = [name for name in ("sqlite", "mariadb") if name in given[:1]]
    length = int(given[1]) if len(given) > 1 else 20
    both = wanted or ["sqlite", "mariadb"]
    task.react(lambda _: Deferred.fromCoroutine(main(both, length)))
