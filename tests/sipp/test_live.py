"""A switch whose configuration is changed under calls, by itself and by others."""

from __future__ import annotations

import json
import signal
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from bench.carrier import prepare, write_rates
from bench.children import free_port
from bench.ledger import database
from bench.sipp import Sipp
from bench.switch import Switch
from tests.sipp.runner import sipp

_SECONDS = 15.0
_HELD = 20


class LiveTests(SynchronousTestCase):
    """Calls that are up stay up, and each change is in effect for new ones."""

    def setUp(self) -> None:
        sipp()
        folder = tempfile.TemporaryDirectory(prefix="vos3000-live-")
        self.addCleanup(folder.cleanup)
        path = Path(folder.name)
        self.switch = Switch(path, {}, "info")
        write_rates(path / "rates.csv")
        self.switch.command("migrate")
        self.switch.command("import-rates", str(path / "rates.csv"))
        self.child = self.switch.start(None)
        self.addCleanup(self.child.stop, 15.0)
        port = free_port()
        prepare(self.switch, port)
        callee = Sipp("callee.xml", port, [])
        self.addCleanup(callee.close)

    def calls(self, count: int, held: float) -> Sipp:
        """Callers at work."""
        words = ["-r", "20", "-m", str(count), "-d", str(round(held * 1000))]
        words += ["-recv_timeout", "9000", f"127.0.0.1:{self.switch.port}"]
        caller = Sipp("caller.xml", free_port(), words)
        self.addCleanup(caller.close)
        return caller

    def goes_through(self) -> bool:
        """Whether one more call does."""
        caller = self.calls(1, 0.1)
        caller.child.wait(9.0)
        return caller.count("SuccessfulCall(C)") == 1

    def write(self, sql: str) -> None:
        """Another program does."""
        with closing(sqlite3.connect(database(self.switch.state))) as connection:
            connection.execute(sql)
            connection.commit()

    def until(self, seen: Callable[[], object], what: str) -> None:
        """Wait for something, for a bounded time."""
        end = time.monotonic() + _SECONDS
        while not seen():
            self.assertLess(time.monotonic(), end, f"{what}: {self.child.tail()}")
            time.sleep(0.1)

    def told(self, *words: str) -> Any:
        """What the list of changes says, newest first."""
        return json.loads(self.switch.command("changes", "--json", *words))

    def logged(self, text: str) -> bool:
        """Whether the switch said so."""
        return text in self.switch.log.read_text("utf-8", "replace")

    def test_changes_during_calls(self) -> None:
        """By the interface, by another program, by a reload that fails."""
        held = self.calls(_HELD, 9.0)
        up = lambda: self.switch.post("GetCurrentCall")["infoCurrentCalls"]  # noqa: E731
        self.until(lambda: len(up()) == _HELD, "calls up")
        self.switch.post("ModifyGatewayRouting", name="bench-out", capacity=100)
        self.assertTrue(self.goes_through())

        self.write("UPDATE e_gatewaymapping SET locktype = 3")
        begun = time.monotonic()
        self.until(lambda: self.told("--who", "outside"), "an outside write")
        self.assertLess(time.monotonic() - begun, 8.0)
        self.assertFalse(self.goes_through())
        (change,) = self.told("--who", "outside")
        self.assertEqual(
            (change["event"], change["old"], change["new"]),
            ("mapping gateway bench-in", {"lockType": 0}, {"lockType": 3}),
        )
        self.write("UPDATE e_gatewaymapping SET locktype = 0")
        self.until(lambda: len(self.told("--who", "outside")) == 2, "another")
        self.assertTrue(self.goes_through())

        self.write("UPDATE e_gatewayrouting SET capacity = 'many'")
        self.child.signal(signal.SIGHUP)
        row = "e_gatewayrouting: the row of 'bench-out' cannot be used"
        self.until(lambda: self.logged(f"not reloaded: {row}"), "the row")
        self.assertTrue(self.goes_through())

        held.child.wait(15.0)
        self.assertEqual(held.count("SuccessfulCall(C)"), _HELD)
        self.assertEqual(
            self.told("-n", "1", "--about", "routing")[0]["kind"], "changed"
        )
