"""
Importing and loading rates: C{python -m bench.rates [ROWS]}.

Prints how long an import of that many rates takes and the most memory it
needs, then the same for loading them, with the longest time the reactor's
thread was held up meanwhile.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from twisted.internet import reactor, task
from twisted.internet.defer import Deferred

from vos3000.db import upgrade
from vos3000.db.pool import thread_pool
from vos3000.db.rates import RateStore
from vos3000.metrics import Metrics
from vos3000.model.rates import Rate, RateSection

TICK = 0.001


def rates(count: int) -> Iterator[tuple[str, Rate]]:
    """Rates of a group: a thousand prices, a tenth with a section."""
    section = (RateSection(30, Decimal("0.005")),)
    for number in range(count):
        prefix = str(1_000_000 + number)
        fee = Decimal(number % 1000).scaleb(-4)
        first = section if number % 10 == 0 else ()
        yield "gold", Rate(prefix, fee, 60, first, 5, 0, prefix, f"area {number % 500}")


def peak() -> int:
    """MiB of resident memory at its highest."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


async def measure(count: int, folder: Path) -> None:
    """Import, then load."""
    url = f"sqlite:///{folder / 'rates.db'}"
    upgrade.migrate(url)
    store = RateStore(thread_pool(url, reactor, Metrics(), time.monotonic))
    stalls: list[float] = []
    last = [time.monotonic()]

    def tick() -> None:
        seen = time.monotonic()
        stalls.append(seen - last[0] - TICK)
        last[0] = seen

    loop = task.LoopingCall(tick)
    loop.start(TICK)
    begun = time.monotonic()
    done = await store.replace_rates(rates(count))
    print(  # noqa: T201
        f"import: {done.rates} rates in {time.monotonic() - begun:.1f} s,"
        f" {peak()} MiB, worst stall {max(stalls) * 1e3:.1f} ms"
    )
    stalls.clear()
    begun = time.monotonic()
    found = await store.all_rates()
    print(  # noqa: T201
        f"load: {len(found['gold'])} rates in {time.monotonic() - begun:.1f} s,"
        f" {peak()} MiB, worst stall {max(stalls) * 1e3:.1f} ms"
    )
    loop.stop()


async def main(count: int) -> None:
    """One run in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        await measure(count, Path(folder))


if __name__ == "__main__":
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    task.react(lambda _: Deferred.fromCoroutine(main(rows)))
