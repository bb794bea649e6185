"""
What is measured: our switch, and sippy's B2BUA as its peer.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from bench.carrier import prepare, write_rates
from bench.children import SWITCH_CORE, Child, free_port
from bench.ledger import Ledger, read

_ROOT = Path(__file__).resolve().parent.parent
_SIPPY = "sippy==2.5.0"
_SIPPY_VENV = _ROOT / "bench" / ".venv-sippy"
_START_SECONDS = 30.0
_SETTLE_SECONDS = 30.0


class Subject(Protocol):
    """
    A switch at work, for the time of one measurement.

    @ivar child: Its process.
    @ivar port: Its SIP port on loopback.
    @ivar caller_port: Where it expects calls from.
    @ivar callee_port: Where it sends calls to.
    """

    child: Child
    port: int
    caller_port: int
    callee_port: int

    def settle(self, answered: int) -> Ledger | None:
        """Wait for the records of so many answered calls; None: it has none."""


class SubjectError(Exception):
    """A switch did not start or did not keep its books."""


def _await_udp(child: Child, port: int) -> None:
    """Wait until the process listens on a UDP port (/proc/net/udp)."""
    wanted = f":{port:04X} "
    end = time.monotonic() + _START_SECONDS
    while wanted not in Path("/proc/net/udp").read_text("ascii"):
        if child.status is not None or time.monotonic() > end:
            raise SubjectError(f"does not listen on {port}:\n{child.tail()}")
        time.sleep(0.05)


class Sippy:
    """
    PyPI's sippy: no authentication, no accounting, no log; one static route.
    """

    def __init__(self, directory: Path) -> None:
        self.port, self.caller_port, self.callee_port = (free_port() for _ in range(3))
        program = str(_SIPPY_VENV / "bin" / "b2bua")
        address = ["-f", "-l", "127.0.0.1", "-p", str(self.port)]
        route = ["-A", "0", "-u", "-s", f"127.0.0.1:{self.callee_port}"]
        self.child = Child(
            [program, *address, *route, "-c", str(directory / "command.sock")],
            SWITCH_CORE,
            directory,
            directory / "sippy.log",
            {"SIPLOG_BEND": "none"},
        )
        _await_udp(self.child, self.port)

    def settle(self, answered: int) -> Ledger | None:
        """It keeps no records."""
        return None


class Ours:
    """
    Our switch: rating, reservations, CDRs and clearing on, SQLite.
    """

    def __init__(self, directory: Path) -> None:
        self.port, self.caller_port, self.callee_port = (free_port() for _ in range(3))
        self._http = free_port()
        self._state = directory / "state"
        self._config = directory / "etc"
        self._configure()
        self._import_rates(directory)
        self.child = self._start(directory)
        _await_udp(self.child, self.port)
        prepare(self._http, self.callee_port)

    def _configure(self) -> None:
        self._state.mkdir()
        self._config.mkdir()
        at = "127.0.0.1"
        (self._config / "vos3000.conf").write_text(
            f"[sip]\nudp = {at}:{self.port}\ntcp = {at}:{self.port}\ntls =\nws =\n"
            "[h323]\nsignal =\nras =\n"
            f"[http]\nlisten = {at}:{self._http}\n"
            "[log]\nlevel = warn\n",
            "utf-8",
        )
        (self._config / "mbx2008.conf").write_text("", "utf-8")

    def _arguments(self) -> list[str]:
        return ["--config", str(self._config), "--state", str(self._state)]

    def _environment(self) -> dict[str, str]:
        paths = [str(_ROOT), os.environ.get("PYTHONPATH", "")]
        return {"PYTHONPATH": os.pathsep.join(path for path in paths if path)}

    def _import_rates(self, directory: Path) -> None:
        rates = directory / "rates.csv"
        write_rates(rates)
        command = [sys.executable, "-m", "vos3000.cli", "import-rates", str(rates)]
        done = subprocess.run(
            [*command, *self._arguments()],
            cwd=directory,
            env={**os.environ, **self._environment()},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            raise SubjectError(f"import-rates: {done.stdout}{done.stderr}")

    def _start(self, directory: Path) -> Child:
        twistd = str(Path(sys.executable).with_name("twistd"))
        return Child(
            [twistd, "-n", "--pidfile=", "vos3000", *self._arguments()],
            SWITCH_CORE,
            directory,
            directory / "switch.log",
            self._environment(),
        )

    def settle(self, answered: int) -> Ledger:
        """
        Wait until every answered call has its record, and balance the books.

        @raise SubjectError: If a record is missing or the fees of the records
            are not what the balance moved by.
        """
        end = time.monotonic() + _SETTLE_SECONDS
        ledger = read(self._state)
        while ledger.answered < answered and time.monotonic() < end:
            time.sleep(0.25)
            ledger = read(self._state)
        if ledger.answered < answered or not ledger.balanced:
            raise SubjectError(f"{answered} calls were answered, but: {ledger}")
        return ledger


def install_sippy() -> None:
    """Make sippy's virtual environment, unless it is there."""
    if (_SIPPY_VENV / "bin" / "b2bua").exists():
        return
    venv.create(_SIPPY_VENV, with_pip=True, clear=True)
    pip = [str(_SIPPY_VENV / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, _SIPPY], check=True, timeout=300)


SUBJECTS: dict[str, Callable[[Path], Subject]] = {"ours": Ours, "sippy": Sippy}


@contextmanager
def running(name: str) -> Iterator[Subject]:
    """Start the switch called C{name} afresh, and end it afterwards."""
    with TemporaryDirectory(prefix=f"bench-{name}-") as path:
        subject = SUBJECTS[name](Path(path))
        with subject.child:
            yield subject
