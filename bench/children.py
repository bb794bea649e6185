"""
Child processes on a core of their own, and what the kernel says of them.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")

SWITCH_CORE = 0
LOAD_CORE = 1


def pinned() -> bool:
    """Whether the switch and the load each get a core of their own."""
    return len(os.sched_getaffinity(0)) > 1 and shutil.which("taskset") is not None


class Child:
    """
    One process that we started, ended by its own id and no other.

    @ivar log: The file that holds what it printed.
    """

    def __init__(
        self,
        argv: Sequence[str],
        core: int | None,
        directory: Path,
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.log = log
        pin = core is not None and pinned()
        prefix = ["taskset", "-c", str(core)] if pin else []
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [*prefix, *argv],
                cwd=directory,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        """Its process id: taskset becomes the program it starts."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Its exit status; None while it runs."""
        return self._process.poll()

    def wait(self, seconds: float) -> int:
        """
        Wait for its end; it is killed when it takes longer.

        @return: Its exit status.
        """
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.status is None:
            self._process.send_signal(number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.signal(signal.SIGTERM)

    def stop(self, seconds: float = 10.0) -> int:
        """Ask it to end, and kill it after C{seconds}."""
        self.terminate()
        return self.wait(seconds)

    def cpu(self) -> float:
        """
        CPU seconds it has used, user and system, all threads (proc(5) stat).
        """
        stat = Path(f"/proc/{self.pid}/stat").read_text("ascii")
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def rss(self) -> float:
        """KiB of memory it has resident (proc(5) statm)."""
        pages = Path(f"/proc/{self.pid}/statm").read_text("ascii").split()[1]
        return int(pages) * _PAGE / 1024

    def tail(self, lines: int = 20) -> str:
        """The last lines that it printed."""
        text = self.log.read_text("utf-8", "replace")
        return "\n".join(text.splitlines()[-lines:])

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class StartError(Exception):
    """A program did not start, or not in time."""


def await_udp(child: Child, port: int, seconds: float = 30.0) -> None:
    """
    Wait until the process listens on a UDP port (proc(5) net/udp).

    @raise StartError: If it ends first, or takes longer.
    """
    wanted = f":{port:04X} "
    end = time.monotonic() + seconds
    while wanted not in Path("/proc/net/udp").read_text("ascii"):
        if child.status is not None or time.monotonic() > end:
            raise StartError(f"does not listen on {port}:\n{child.tail()}")
        time.sleep(0.05)


def free_port() -> int:
    """A loopback port that is free for UDP and TCP alike at this moment."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.bind(("127.0.0.1", 0))
            port: int = udp.getsockname()[1]
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
                try:
                    tcp.bind(("127.0.0.1", port))
                except OSError:
                    continue
                return port
