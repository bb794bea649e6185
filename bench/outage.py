"""
C{python -m bench.outage WHAT}: takes the database, or the journal's disk, away from a
switch under load, gives it back, and holds the books against what callers were told.

    killed    the MariaDB server is killed, and started again after a while
    stopped   the MariaDB server is there and does not answer (SIGSTOP)
    full      the database's disk is full (SQLite's is the journal's as well)
    locked    another program holds the SQLite file
    journal   the journal's disk is full: new calls are refused meanwhile

It tells how calls went before, meanwhile and after, how many records waited, what
memory that took, and how long it took to catch up. C{full} and C{journal} mount a
small tmpfs, which takes root.
"""

from __future__ import annotations

import argparse
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import attrs

from bench.books import Books, audit, location
from bench.carrier import prepare, write_rates
from bench.children import Child, free_port
from bench.crash import ANSWERED
from bench.mariadb import Server
from bench.sipp import Sipp
from bench.switch import Switch

_BEFORE = 5.0
_AFTER = 8.0
_CATCH_UP = 300.0
_FEW = 50
_SERVERS = ("killed", "stopped")
WHAT = ("killed", "stopped", "full", "locked", "journal")


@attrs.define(slots=True)
class Course:
    """
    How it went.

    @ivar answered: Calls answered before, meanwhile and after.
    @ivar refused: Calls that failed, likewise.
    @ivar waiting: The most records that waited.
    @ivar memory: KiB before, at most, and after.
    @ivar behind: Seconds until hardly anything waited any more.
    """

    answered: list[int]
    refused: list[int]
    waiting: int = 0
    memory: list[float] = attrs.Factory(lambda: [0.0, 0.0, 0.0])
    behind: float = 0.0


class Outage:
    """
    A switch that loses something for a while.

    @param folder: Where its files are.
    @param what: One of L{WHAT}.
    @param mariadb: Whether its database is a server.
    @ivar course: How it went.
    """

    def __init__(self, folder: Path, what: str, mariadb: bool) -> None:
        self._what = what
        self._small = folder / "small"
        self._server: Server | None = None
        self.course = Course([], [])
        self._stack = ExitStack()
        self._back = 0.0
        self._url = ""
        try:
            self._open(folder, mariadb)
        except BaseException:
            self._stack.close()
            raise

    def _open(self, folder: Path, mariadb: bool) -> None:
        what = self._what
        if mariadb:
            where = None
            if what == "full":
                where = self._small
                self._stack.enter_context(_tmpfs(where, 260))
            self._server = Server(where=where)
            self._stack.callback(self._server.remove)
            self._url = self._server.create("outage")
        more = f"[database]\nurl = {self._url}\n" if self._url else ""
        self.switch = Switch(folder, {}, more=more)
        if what == "journal" or (what == "full" and not mariadb):
            state = self.switch.state
            self._small = state / "journal" if what == "journal" else state
            self._stack.enter_context(_tmpfs(self._small, 110))
        write_rates(folder / "rates.csv")
        self.switch.command("migrate")
        self.switch.command("import-rates", str(folder / "rates.csv"))
        self.child: Child = self.switch.start(None)
        self._stack.callback(self.child.stop, 15.0)
        self._callee_port, self._caller_port = free_port(), free_port()
        prepare(self.switch, self._callee_port)

    def run(self, rate: int, seconds: float) -> Books:
        """
        Have calls while something is away.

        @param rate: Calls started in a second.
        @param seconds: How long it is away.
        """
        callee = Sipp("callee.xml", self._callee_port, [])
        arguments = ["-r", str(rate), "-m", "10000000", "-trace_logs"]
        arguments += ["-log_file", "answers.log", "-recv_timeout", "8000"]
        arguments.append(f"127.0.0.1:{self.switch.port}")
        with closing(callee):
            time.sleep(0.3)
            caller = Sipp("crash-caller.xml", self._caller_port, arguments)
            with closing(caller):
                self._phases(caller, seconds)
                caller.child.signal(signal.SIGUSR1)
                caller.child.wait(15.0)
                self._count(caller)
                answered = set(ANSWERED.findall(caller.text("answers.log")))
        self._await_written()
        self.course.memory[2] = self.child.rss()
        self.child.stop(30.0)
        return audit(location(self.switch.state, self._url), answered)

    def close(self) -> None:
        """End everything."""
        self._stack.close()

    def _phases(self, caller: Sipp, seconds: float) -> None:
        self._watch(_BEFORE)
        self._count(caller)
        self.course.memory[0] = self.child.rss()
        give_back = self._take()
        self._watch(seconds)
        give_back()
        self._back = time.monotonic()
        self._watch(0.1)
        self._count(caller)
        self._watch(_AFTER)

    def _watch(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.5)
            course = self.course
            waiting = self._waiting()
            course.waiting = max(course.waiting, waiting)
            course.memory[1] = max(course.memory[1], self.child.rss())
            if self._back and not course.behind and waiting <= _FEW:
                course.behind = time.monotonic() - self._back

    def _waiting(self) -> int:
        told = self.switch.post("GetPerformance")["infoPerformance"]
        return int(told["cdrQueueSize"])

    def _await_written(self) -> None:
        while self._waiting() and time.monotonic() < self._back + _CATCH_UP:
            time.sleep(0.2)
        self.course.behind = self.course.behind or time.monotonic() - self._back

    def _count(self, caller: Sipp) -> None:
        """Count what came since the last time; SIPp tells it once a second."""
        time.sleep(1.1)
        course = self.course
        answered, failed = (
            caller.count("SuccessfulCall(C)"),
            caller.count("FailedCall(C)"),
        )
        course.answered.append(answered - sum(course.answered))
        course.refused.append(failed - sum(course.refused))

    def _take(self) -> Callable[[], object]:
        """Take it away; what gives it back."""
        server, what = self._server, self._what
        if what in ("full", "journal"):
            ballast = self._small / "ballast"
            _fill(ballast)
            return ballast.unlink
        if what == "locked":
            return _locked(location(self.switch.state).partition("///")[2])
        if server is None:
            raise ValueError(f"{what}: --mariadb is missing")
        if what == "killed":
            server.kill()
            return server.start
        server.process.send_signal(signal.SIGSTOP)
        return lambda: server.process.send_signal(signal.SIGCONT)


@contextmanager
def _tmpfs(where: Path, mib: int) -> Iterator[None]:
    """A disk of so many MiB."""
    where.mkdir(exist_ok=True)
    options = ["-t", "tmpfs", "-o", f"size={mib}m,mode=0750"]
    subprocess.run(["mount", *options, "vos3000-bench", str(where)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(where)], check=True)


def _fill(ballast: Path) -> None:
    """Leave no room on a disk."""
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


def _locked(path: str) -> Callable[[], object]:
    """Have the write lock of a file; what lets go of it."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=10)
    connection.execute("BEGIN IMMEDIATE")
    return connection.close


def main(arguments: Sequence[str]) -> int:
    """
    Take away, give back, and count.

    @return: 0 if nothing was lost and nothing was charged twice; else 1.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.outage", description=__doc__)
    parser.add_argument("what", choices=WHAT)
    parser.add_argument("--mariadb", action="store_true", help="instead of SQLite")
    parser.add_argument("--rate", type=int, default=60, help="calls per second (60)")
    parser.add_argument("--seconds", type=float, default=20, help="without it (20)")
    options = parser.parse_args(arguments)
    mariadb = options.mariadb or options.what in _SERVERS
    with tempfile.TemporaryDirectory(prefix="bench-outage-") as folder:
        outage = Outage(Path(folder), options.what, mariadb)
        try:
            books = outage.run(options.rate, options.seconds)
        finally:
            outage.close()
    course = outage.course
    before, most, after = (f"{kib / 1024:.1f}" for kib in course.memory)
    sys.stdout.write(
        f"{options.what}, {'MariaDB' if mariadb else 'SQLite'}, {options.seconds:.0f} s"
        f" at {options.rate}/s: ended well before, meanwhile, then, last"
        f" {course.answered}; failed {course.refused}\n"
        f"{len(books.answered)} calls answered, {sum(books.records.values())} records;"
        f" {course.waiting} waited at most, caught up {course.behind:.1f} s after;"
        f" memory {before} MiB before, {most} at most, {after} after\n"
    )
    faults = books.faults()
    sys.stdout.writelines(f"FAULT: {fault}\n" for fault in faults)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
