"""
What is measured: our switch, and sippy's B2BUA as its peer.
"""

from __future__ import annotations

import subprocess
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from bench.carrier import prepare, write_rates
from bench.children import SWITCH_CORE, Child, await_udp, free_port
from bench.ledger import Ledger, read
from bench.switch import ROOT, Switch

_SIPPY = "sippy==2.5.0"
_SIPPY_VENV = ROOT / "bench" / ".venv-sippy"
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


class LedgerError(Exception):
    """A switch did not keep its books."""


class Sippy:
    """
    PyPI's sippy: no authentication, no accounting; one static route.

    It logs as it does by itself, into a file. C{SIPLOG_BEND=none} in the
    environment silences it, which makes it a fifth faster.

    @param target: The port on 127.0.0.1 that it sends calls to; 0 for a free one.
    """

    def __init__(self, directory: Path, target: int = 0) -> None:
        self.port, self.caller_port = free_port(), free_port()
        self.callee_port = target or free_port()
        program = str(_SIPPY_VENV / "bin" / "b2bua")
        address = ["-f", "-l", "127.0.0.1", "-p", str(self.port)]
        route = ["-A", "0", "-u", "-s", f"127.0.0.1:{self.callee_port}"]
        self.child = Child(
            [program, *address, *route, "-c", str(directory / "command.sock")],
            SWITCH_CORE,
            directory,
            directory / "sippy.log",
            {},
        )
        await_udp(self.child, self.port)

    def settle(self, answered: int) -> Ledger | None:
        """It keeps no records."""
        return None


class Ours:
    """
    Our switch: rating, reservations, CDRs and clearing on, SQLite.
    """

    def __init__(self, directory: Path) -> None:
        self._switch = Switch(directory, {})
        self.port = self._switch.port
        self.caller_port, self.callee_port = free_port(), free_port()
        rates = directory / "rates.csv"
        write_rates(rates)
        self._switch.command("migrate")
        self._switch.command("import-rates", str(rates))
        self.child = self._switch.start(SWITCH_CORE)
        prepare(self._switch, self.callee_port)

    def settle(self, answered: int) -> Ledger:
        """
        Wait until every answered call has its record, and balance the books.

        @raise LedgerError: If a record is missing or the fees of the records
            are not what the balance moved by.
        """
        end = time.monotonic() + _SETTLE_SECONDS
        ledger = read(self._switch.state)
        while ledger.answered < answered and time.monotonic() < end:
            time.sleep(0.25)
            ledger = read(self._switch.state)
        if ledger.answered < answered or not ledger.balanced:
            raise LedgerError(f"{answered} calls were answered, but: {ledger}")
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
