"""
C{python -m bench.crash}: kills the switch in the middle of calls, again and again,
and holds its books against what callers were told.

Each round starts calls of 0.1 to 4 s, kills the process with SIGKILL at a random
moment and starts it again. In the end every call whose caller heard an answer must
have exactly one record, and both balances must have moved by the sums of the
records, to the last digit.
"""

from __future__ import annotations

import argparse
import random
import re
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import attrs

from bench import ledger
from bench.carrier import prepare, write_rates
from bench.children import free_port
from bench.sipp import Sipp
from bench.switch import Switch

_ANSWERED = re.compile(r"answered (\S+)")


@attrs.frozen(slots=True)
class Books:
    """
    What is left after all rounds.

    @ivar answered: Call-IDs whose callers heard an answer.
    @ivar records: How many records each Call-ID has.
    @ivar completed: Records that a start completed.
    @ivar balanced: Whether the balances moved as the records say.
    @ivar gaps: Numbers that are missing between the records'.
    """

    answered: frozenset[str]
    records: Counter[str]
    completed: int
    balanced: bool
    gaps: int

    def faults(self) -> list[str]:
        """What is wrong, in words; empty if nothing is."""
        lost = [call for call in self.answered if not self.records[call]]
        twice = [call for call, count in self.records.items() if count > 1]
        found = []
        if lost:
            found.append(f"{len(lost)} answered calls without a record: {lost[:3]}")
        if twice:
            found.append(f"{len(twice)} calls with two records: {twice[:3]}")
        if not self.balanced:
            found.append("the balances are not the sums of the records")
        if self.gaps:
            found.append(f"{self.gaps} record numbers are missing")
        return found


class Crash:
    """
    A switch that is killed, with callers and a callee around it.

    @param folder: Where its files are.
    @param choice: Randomness.
    """

    def __init__(self, folder: Path, choice: random.Random) -> None:
        self._choice = choice
        self._folder = folder
        self._callee_port = free_port()
        self._caller_port = free_port()
        self._answered: set[str] = set()
        self.switch = Switch(folder, {"SS_SIP_TIMEOUT_INVITE": "3"})
        write_rates(folder / "rates.csv")
        self.switch.command("migrate")
        self.switch.command("import-rates", str(folder / "rates.csv"))
        self._child = self.switch.start(None)
        prepare(self.switch, self._callee_port)

    def rounds(self, count: int, rate: int) -> Books:
        """
        Kill it so many times.

        @param rate: Calls started in a second.
        """
        for _ in range(count):
            self._round(rate)
        self._child.stop(15.0)
        return self._books()

    def stop(self) -> None:
        """End it, if it runs."""
        self._child.stop(15.0)

    def _round(self, rate: int) -> None:
        callee = Sipp("callee.xml", self._callee_port, [])
        arguments = ["-r", str(rate), "-m", "100000", "-trace_logs"]
        arguments += ["-log_file", "answers.log", "-recv_timeout", "3000"]
        arguments.append(f"127.0.0.1:{self.switch.port}")
        try:
            time.sleep(0.2)
            caller = Sipp("crash-caller.xml", self._caller_port, arguments)
            try:
                time.sleep(self._choice.uniform(0.3, 3.5))
                self._child.signal(signal.SIGKILL)
                self._child.wait(5.0)
                time.sleep(0.3)
                caller.child.signal(signal.SIGTERM)
                caller.child.wait(3.0)
                told = caller.text("answers.log")
                self._answered.update(_ANSWERED.findall(told))
            finally:
                caller.close()
        finally:
            callee.close()
        self._child = self.switch.start(None)

    def _books(self) -> Books:
        state = self.switch.state
        with closing(sqlite3.connect(ledger.database(state))) as connection:
            tables = [
                name
                for (name,) in connection.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table' AND"
                    " (name = 'e_cdr' OR name GLOB 'e_cdr_[0-9]*')"
                )
            ]
            union = " UNION ALL ".join(
                f"SELECT callercallid, endreason, flowno FROM {name}" for name in tables
            )
            rows = connection.execute(union).fetchall()
        numbers = sorted(number for _, _, number in rows)
        return Books(
            frozenset(self._answered),
            Counter(call for call, _, _ in rows),
            sum(reason == -1031 for _, reason, _ in rows),
            ledger.read(state).balanced,
            numbers[-1] - numbers[0] + 1 - len(numbers) if numbers else 0,
        )


def main(arguments: Sequence[str]) -> int:
    """
    Kill and count.

    @return: 0 if nothing was lost and nothing was charged twice; else 1.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.crash", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="kills (20)")
    parser.add_argument("--rate", type=int, default=60, help="calls per second (60)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (0)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-crash-") as folder:
        crash = Crash(Path(folder), random.Random(options.seed))
        try:
            books = crash.rounds(options.rounds, options.rate)
        finally:
            crash.stop()
    total = sum(books.records.values())
    sys.stdout.write(
        f"{options.rounds} kills, {len(books.answered)} calls answered,"
        f" {total} records, {books.completed} of them completed at a start\n"
    )
    faults = books.faults()
    sys.stdout.writelines(f"FAULT: {fault}\n" for fault in faults)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
