"""
C{python -m bench.crash}: kills the switch in the middle of calls, again and again,
and holds its books against what callers were told.

Each round starts calls of 0.1 to 4 s, kills the process with SIGKILL at a random
moment and starts it again. In the end every call whose caller heard an answer must
have exactly one record, and every balance must have moved by the sums of payments
and records, to the last digit.

With C{--money} the customer can pay for so much in a round only: calls are refused
and cut short by their reservations. With C{--mariadb} the records go to a private
MariaDB, and with C{--both} that is killed in every other round as well, a moment
before the switch or after it.
"""

from __future__ import annotations

import argparse
import random
import re
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.books import Books, audit, location
from bench.carrier import CUSTOMER, OPENING, prepare, write_rates
from bench.children import free_port
from bench.mariadb import Server
from bench.sipp import Sipp
from bench.switch import Switch

ANSWERED = re.compile(r"answered (\S+)")
"""How crash-caller.xml logs that its call was answered."""


class Crash:
    """
    A switch that is killed, with callers and a callee around it.

    @param folder: Where its files are.
    @param choice: Randomness.
    @param server: Where its database is; a file of its own by default.
    @param kills: Whether that server is killed as well.
    @param money: What the customer gets in each round; 0 for more than enough.
    """

    def __init__(
        self,
        folder: Path,
        choice: random.Random,
        server: Server | None = None,
        kills: bool = False,
        money: int = 0,
    ) -> None:
        self._choice = choice
        self._server = server
        self._kills = kills
        self._money = money
        self._url = "" if server is None else server.create("crash")
        self._folder = folder
        self._callee_port = free_port()
        self._caller_port = free_port()
        self._answered: set[str] = set()
        more = f"[database]\nurl = {self._url}\n" if self._url else ""
        self.switch = Switch(folder, {"SS_SIP_TIMEOUT_INVITE": "3"}, more=more)
        write_rates(folder / "rates.csv")
        self.switch.command("migrate")
        self.switch.command("import-rates", str(folder / "rates.csv"))
        self._child = self.switch.start(None)
        prepare(self.switch, self._callee_port, money or OPENING)

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
        if self._money:
            self.switch.post("Pay", ownerName=CUSTOMER, ownerType=2, money=self._money)
        callee = Sipp("callee.xml", self._callee_port, [])
        arguments = ["-r", str(rate), "-m", "100000", "-trace_logs"]
        arguments += ["-log_file", "answers.log", "-recv_timeout", "3000"]
        arguments.append(f"127.0.0.1:{self.switch.port}")
        try:
            time.sleep(0.2)
            caller = Sipp("crash-caller.xml", self._caller_port, arguments)
            try:
                time.sleep(self._choice.uniform(0.3, 3.5))
                self._strike()
                time.sleep(0.3)
                caller.child.signal(signal.SIGTERM)
                caller.child.wait(3.0)
                told = caller.text("answers.log")
                self._answered.update(ANSWERED.findall(told))
            finally:
                caller.close()
        finally:
            callee.close()
        self._child = self.switch.start(None)

    def _strike(self) -> None:
        """Kill the switch, and perhaps the server before it or after it."""
        server, chance = self._server, self._choice.random()
        if server is not None and self._kills and chance < 0.25:
            server.kill()
            time.sleep(self._choice.uniform(0.0, 1.0))
        self._child.signal(signal.SIGKILL)
        self._child.wait(5.0)
        if server is not None and self._kills and chance < 0.5:
            if chance >= 0.25:
                server.kill()
            server.start()

    def _books(self) -> Books:
        return audit(location(self.switch.state, self._url), self._answered)


def main(arguments: Sequence[str]) -> int:
    """
    Kill and count.

    @return: 0 if nothing was lost and nothing was charged twice; else 1.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.crash", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="kills (20)")
    parser.add_argument("--rate", type=int, default=60, help="calls per second (60)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (0)")
    parser.add_argument("--money", type=int, default=0, help="per round (enough)")
    parser.add_argument("--mariadb", action="store_true", help="instead of SQLite")
    parser.add_argument("--both", action="store_true", help="kill MariaDB as well")
    options = parser.parse_args(arguments)
    wanted = options.mariadb or options.both
    server = Server() if wanted else None
    choice = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="bench-crash-") as folder:
        crash = Crash(Path(folder), choice, server, options.both, options.money)
        try:
            books = crash.rounds(options.rounds, options.rate)
        finally:
            crash.stop()
    total = sum(books.records.values())
    sys.stdout.write(
        f"{options.rounds} kills, {len(books.answered)} calls answered,"
        f" {total} records, {books.completed} of them completed at a start,"
        f" {books.talked} s charged\n"
    )
    faults = books.faults()
    sys.stdout.writelines(f"FAULT: {fault}\n" for fault in faults)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
