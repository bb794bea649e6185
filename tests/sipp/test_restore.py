"""A backup is made during calls and put back later: the next start completes it."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from bench.carrier import prepare, write_rates
from bench.children import StartError, free_port
from bench.sipp import Sipp
from bench.switch import Switch
from tests import mariadb
from tests.sipp.runner import sipp
from vos3000.db.days import ROLLING
from vos3000.db.dialects import dialect


class RestoreTests(SynchronousTestCase):
    """A real switch, real calls, and the commands."""

    def prepare(self, url: str = "") -> None:
        """A switch with rates, on a database."""
        sipp()
        made = tempfile.TemporaryDirectory(prefix="vos3000-restore-")
        self.addCleanup(made.cleanup)
        self.folder = Path(made.name)
        self.backup = self.folder / "calls.backup"
        self.callee_port, self.caller_port = free_port(), free_port()
        more = f"\n[database]\nurl = {url}\n" if url else ""
        self.switch = Switch(self.folder, {}, more=more)
        self.url = url or f"sqlite:///{self.switch.state / 'vos3000.db'}"
        rates = self.folder / "rates.csv"
        write_rates(rates)
        head, *lines = rates.read_text().splitlines()
        few = [line for line in lines if ",861380," in line]
        rates.write_text("\n".join([head, *few, ""]))
        self.switch.command("migrate")
        self.switch.command("import-rates", str(rates))

    def call(self, count: int, during: Callable[[], object] = lambda: None) -> None:
        """Calls of half a second, 40 a second; they are over when this returns."""
        callee = Sipp("callee.xml", self.callee_port, [])
        arguments = ["-r", "40", "-m", str(count), "-d", "500", "-timeout", "10s"]
        arguments.append(f"127.0.0.1:{self.switch.port}")
        try:
            time.sleep(0.2)
            caller = Sipp("caller.xml", self.caller_port, arguments)
            try:
                time.sleep(count / 80)
                during()
                caller.child.wait(12.0)
            finally:
                caller.close()
        finally:
            callee.close()

    def records(self) -> list[Any]:
        """All records."""
        kind = dialect(self.url)
        with closing(kind.connect()) as connection:
            cursor = connection.cursor()
            cursor.execute(
                "SELECT flowno, callercallid, starttime, fee, agentfee"
                f" FROM {ROLLING} ORDER BY flowno"
            )
            return list(cursor.fetchall())

    def drill(self) -> None:
        """Every record once, with its number, and every balance right."""
        with self.switch.start(None):
            prepare(self.switch, self.callee_port)
            self.call(60, lambda: self.switch.command("backup", str(self.backup)))
            with self.assertRaisesRegex(StartError, "in use by the switch"):
                self.switch.command("restore", "--yes", str(self.backup))
        with self.switch.start(None):
            self.call(20)
        had = self.records()
        self.assertEqual(len(had), 80)
        self.switch.command("backup", "--verify", str(self.backup))
        self.switch.command("restore", "--yes", str(self.backup))
        self.assertLess(len(self.records()), 60)
        with self.switch.start(None):
            self.assertEqual(self.records(), had)
        after = self.folder / "after.backup"
        found = json.loads(self.switch.command("backup", "--json", str(after)))
        self.assertEqual(found["books"]["wrong"], [])
        self.assertEqual(found["books"]["balance"], found["books"]["moved"])
        self.assertEqual(sum(fee != 0 for *_, fee, _ in had), 80)

    def test_sqlite(self) -> None:
        """With SQLite."""
        self.prepare()
        self.drill()

    def test_mariadb(self) -> None:
        """With MariaDB."""
        self.prepare(mariadb.server().create("drill"))
        self.drill()
