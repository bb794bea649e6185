"""A backup is made during calls and put back later: the next start completes it."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from bench import ledger
from bench.carrier import prepare, write_rates
from bench.children import StartError, free_port
from bench.sipp import Sipp
from bench.switch import Switch
from tests.sipp.runner import sipp


class RestoreTests(SynchronousTestCase):
    """A real switch, real calls, and the commands."""

    def setUp(self) -> None:
        """A switch with an account, a vendor and rates."""
        sipp()
        made = tempfile.TemporaryDirectory(prefix="vos3000-restore-")
        self.addCleanup(made.cleanup)
        self.folder = Path(made.name)
        self.callee_port, self.caller_port = free_port(), free_port()
        self.switch = Switch(self.folder, {})
        write_rates(self.folder / "rates.csv")
        self.switch.command("migrate")
        self.switch.command("import-rates", str(self.folder / "rates.csv"))

    def call(self, seconds: float) -> None:
        """Calls of some seconds, 20 a second; they are all over when this returns."""
        callee = Sipp("callee.xml", self.callee_port, [])
        arguments = ["-r", "20", "-m", str(int(seconds * 20)), "-trace_logs"]
        arguments += ["-log_file", "answers.log", "-recv_timeout", "8000"]
        arguments.append(f"127.0.0.1:{self.switch.port}")
        try:
            time.sleep(0.2)
            caller = Sipp("crash-caller.xml", self.caller_port, arguments)
            try:
                time.sleep(seconds / 2)
                self.during()
                caller.child.wait(20.0)
            finally:
                caller.close()
        finally:
            callee.close()

    def during(self) -> None:
        """Back up, the first time."""
        if not self.backup.exists():
            self.switch.command("backup", str(self.backup))

    @property
    def backup(self) -> Path:
        """The backup."""
        return self.folder / "calls.backup"

    def records(self) -> list[Any]:
        """All records."""
        with closing(sqlite3.connect(ledger.database(self.switch.state))) as found:
            return found.execute(
                "SELECT flowno, callercallid, fee, agentfee FROM e_cdr ORDER BY flowno"
            ).fetchall()

    def test_drill(self) -> None:
        """Every record once, with its number, and every balance right."""
        child = self.switch.start(None)
        try:
            prepare(self.switch, self.callee_port)
            self.call(2)
            with self.assertRaisesRegex(StartError, "in use by the switch"):
                self.switch.command("restore", "--yes", str(self.backup))
        finally:
            child.stop(15.0)
        with self.switch.start(None):
            self.call(1)
        had = self.records()
        self.assertGreaterEqual(len(had), 55)
        self.switch.command("backup", "--verify", str(self.backup))
        self.switch.command("restore", "--yes", str(self.backup))
        backed_up = self.records()
        self.assertLess(len(backed_up), 40)
        with self.switch.start(None):
            again = self.records()
        self.assertEqual(again, had)
        books = ledger.read(self.switch.state)
        self.assertTrue(books.balanced, books)
