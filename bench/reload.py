"""
C{python -m bench.reload [ROWS]}: how long calls wait while a switch reads a million
rates again.

A switch under calls is told to reload, some times. Its reactor ticks every 5 ms, and
the longest delay of a tick is printed: as it was, and less what other programs of
the machine held the process up for (which a machine of its own would not have).
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.epollreactor import EPollReactor

from bench.carrier import prepare, write_rates
from bench.children import Child, await_udp, free_port
from bench.sipp import Sipp
from bench.switch import ROOT, Switch

TICK = 0.005
_REPORT = "VOS3000_LAG"
_READ = "configuration and tables were read again"
_SECONDS = 300.0


class TickingReactor(EPollReactor):
    """
    Measures how late it is; SIGUSR1 has it write that to the file that the
    environment names, and begin afresh.
    """

    longest = (0.0, 0.0)
    _expected = _queued = 0.0

    def tick(self) -> None:
        """One more, and how late it came."""
        now, queued = time.monotonic(), _queued()
        if self._expected:
            late = now - self._expected
            alone = late - max(0.0, queued - self._queued)
            self.longest = (max(self.longest[0], late), max(self.longest[1], alone))
        self._expected, self._queued = time.monotonic() + TICK, queued
        self.callLater(TICK, self.tick)

    def report(self, number: int, frame: object) -> None:
        """Write the longest delays, and forget them."""
        path = Path(os.environ[_REPORT])
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps([each * 1000 for each in self.longest]), "utf-8")
        fresh.rename(path)
        self.longest = (0.0, 0.0)


def _queued() -> float:
    """Seconds that threads of this process were ready and had no processor."""
    total = 0
    for task in os.scandir("/proc/self/task"):
        try:
            with open(f"{task.path}/schedstat", encoding="ascii") as text:
                total += int(text.read().split()[1])
        except OSError:
            continue
    return total / 1e9


def serve() -> None:
    """Be twistd, with that reactor."""
    from twisted.internet.main import installReactor

    reactor: Any = TickingReactor()
    installReactor(reactor)
    signal.signal(signal.SIGUSR1, reactor.report)
    reactor.callWhenRunning(reactor.tick)
    from twisted.scripts.twistd import run

    run()


def _write_many(path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8") as out:
        out.write("feeRateGroup,feePrefix,fee,period,areaName\n")
        for number in range(count):
            fee = f"0.{number % 1000:04d}"
            out.write(f"gold,{10_000_000 + number},{fee},60,area {number % 500}\n")


class Reloading:
    """
    A switch with many rates, between SIPps.

    @ivar told: What it logged is read up to here.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self.switch = Switch(folder, {}, "info")
        for name, write in (("few.csv", write_rates), ("many.csv", None)):
            path = folder / name
            write(path) if write else _write_many(path, count)
            command = ("import-rates", str(path))
            if name == "few.csv":
                self.switch.command("migrate")
            self.switch.command(*command)
        self._report = folder / "lag"
        program = [sys.executable, "-c", "from bench.reload import serve; serve()"]
        arguments = ["-n", "--pidfile=", "vos3000", *self.switch._arguments]
        more = {"PYTHONPATH": str(ROOT), _REPORT: str(self._report)}
        self.child = Child([*program, *arguments], None, folder, self.switch.log, more)
        await_udp(self.child, self.switch.port)
        self.switch.await_http(self.child)
        self.callee = free_port()
        prepare(self.switch, self.callee)

    def longest(self) -> tuple[float, float]:
        """Milliseconds since this was asked last: as they were, and alone."""
        self._report.unlink(missing_ok=True)
        self.child.signal(signal.SIGUSR1)
        for _ in range(300):
            if self._report.exists():
                late, alone = json.loads(self._report.read_text("utf-8"))
                return late, alone
            time.sleep(0.1)
        raise RuntimeError(f"no report:\n{self.child.tail()}")

    def reloads(self, times: int) -> Iterator[float]:
        """Reload so many times; seconds of each."""
        for _ in range(times):
            before = self._count()
            begun = time.monotonic()
            self.child.signal(signal.SIGHUP)
            while self._count() == before:
                if time.monotonic() - begun > _SECONDS:
                    raise RuntimeError(f"not reloaded:\n{self.child.tail()}")
                time.sleep(0.05)
            yield time.monotonic() - begun
            time.sleep(3)  # the old ones are let go

    def _count(self) -> int:
        return self.switch.log.read_text("utf-8", "replace").count(_READ)


def main(arguments: Sequence[str]) -> int:
    """
    Reload under calls.

    @return: 0 if no call failed.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.reload", description=__doc__)
    parser.add_argument("rows", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--rate", type=int, default=50, help="calls per second (50)")
    parser.add_argument("--times", type=int, default=3, help="reloads (3)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-reload-") as folder:
        subject = Reloading(Path(folder), options.rows)
        callee = Sipp("callee.xml", subject.callee, [])
        words = ["-r", str(options.rate), "-m", "1000000", "-d", "1000"]
        caller = Sipp(
            "caller.xml", free_port(), [*words, f"127.0.0.1:{subject.switch.port}"]
        )
        try:
            time.sleep(5)
            late, alone = subject.longest()
            sys.stdout.write(f"before: {late:.0f} ms late, {alone:.0f} ms alone\n")
            for seconds in subject.reloads(options.times):
                late, alone = subject.longest()
                sys.stdout.write(
                    f"{options.rows} rates read in {seconds:.1f} s:"
                    f" {late:.0f} ms late, {alone:.0f} ms alone\n"
                )
            numbers = subject.switch.command("status", "--all")
            for line in numbers.splitlines():
                if line.startswith(("since", "calls ended")):
                    sys.stdout.write(f"{line}\n")
        finally:
            caller.close()
            callee.close()
            subject.child.stop(15.0)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
