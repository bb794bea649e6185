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
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from twisted.internet import reactor, task
from twisted.internet.defer import Deferred

from vos3000.db import upgrade
from vos3000.db.cdrmover import CdrMover
from vos3000.db.cdrwriter import CdrWriter
from vos3000.db.customers import CustomerStore
from vos3000.db.pool import thread_pool
from vos3000.events import Events
from vos3000.instant import instants
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


async def measure(folder: Path, rate: int, seconds: int, writing: bool) -> float:
    """
    One run; without C{writing} it costs what making records costs.

    The collector is kept from what the start left, as the switch does it.

    @return: Microseconds of CPU for each record.
    """
    url = f"sqlite:///{folder / f'bench-{writing}.db'}"
    upgrade.migrate(url)
    metrics = Metrics()
    pool = thread_pool(url, reactor, metrics, time.monotonic)
    customers = CustomerStore(pool)
    for account in [*range(1000, 1050), 2000]:
        await customers.create({"account": str(account)}, 0)
    now = instants(time.time, time.monotonic)
    writer = CdrWriter(pool, reactor, Events(), metrics, "bench", folder)
    zone = ZoneInfo("UTC")
    mover = CdrMover(pool, reactor, now, metrics, zone, keep=2)
    await writer.start()
    mover.start()
    stalls: list[float] = []
    last = [time.monotonic()]

    def tick() -> None:
        seen = time.monotonic()
        stalls.append(seen - last[0] - TICK)
        last[0] = seen

    made = [0]

    def make() -> None:
        due = int((time.monotonic() - begun) * rate)
        while made[0] < due:
            made[0] += 1
            one = entry(made[0], now().wall)
            if writing:
                writer.write(one)

    gc.collect()
    gc.freeze()
    begun, used = time.monotonic(), cpu()
    last[0] = begun
    loops = [(task.LoopingCall(tick), TICK), (task.LoopingCall(make), SLICE)]
    for loop, every in loops:
        loop.start(every)
    await task.deferLater(reactor, seconds, lambda: None)
    for loop, _ in loops:
        loop.stop()
    await writer.close(10)
    mover.stop()
    used = cpu() - used
    pool.close()
    worst = sorted(stalls)[-3:]
    name = "records written and moved" if writing else "records made only    "
    each = used / made[0] * 1e6
    print(  # noqa: T201
        f"{name}: {rate}/s for {seconds} s, {each:.1f} us CPU each, longest"
        f" stalls of the reactor {', '.join(f'{s * 1e3:.2f}' for s in worst)} ms"
    )
    return each


async def main(rate: int, seconds: int) -> None:
    """Both runs, one after the other, and what the writing costs."""
    with tempfile.TemporaryDirectory() as folder:
        made = await measure(Path(folder), rate, seconds, False)
        written = await measure(Path(folder), rate, seconds, True)
    print(f"writing and moving: {written - made:.1f} us CPU for each record")  # noqa: T201


if __name__ == "__main__":
    given = [int(text) for text in sys.argv[1:]]
    wanted = [*given, *(500, 20)[len(given) :]]
    task.react(lambda _: Deferred.fromCoroutine(main(wanted[0], wanted[1])))
