"""
Starting and stopping the real thing: twistd in a process of its own.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import vos3000
from bench.children import free_port

TWISTD = (
    "import sys; from twisted.scripts.twistd import run; sys.argv[0] = 'twistd'; run()"
)
CONFIGURATION = """\
[sip]
udp = 127.0.0.1:{sip}
tcp = 127.0.0.1:{sip}

[http]
listen = 127.0.0.1:{http}
"""
SECONDS = 20


class StartCase(SynchronousTestCase):
    """A configuration of its own for each test, and every process ended."""

    def setUp(self) -> None:
        """Free ports, and directories."""
        self.base = Path(self.mktemp()).absolute()
        self.config = self.base / "etc"
        self.config.mkdir(parents=True)
        self.state = self.base / "state"
        self.pid = self.base / "twistd.pid"
        self.configure()

    def configure(self, more: str = "") -> None:
        """Write vos3000.conf, with ports that are free."""
        text = CONFIGURATION.format(sip=free_port(), http=free_port())
        (self.config / "vos3000.conf").write_text(text + more, "utf-8")

    def start(
        self, *options: str, state: Path | None = None
    ) -> subprocess.Popen[bytes]:
        """Run twistd; its output goes to a file, as a pipe may stay open."""
        words = [*options, "--pidfile", str(self.pid), "vos3000"]
        words += ["--config", str(self.config), "--state", str(state or self.state)]
        root = str(Path(vos3000.__file__).parent.parent)
        with self.said.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-c", TWISTD, *words],
                cwd=self.base,
                env={**os.environ, "PYTHONPATH": root},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        self.addCleanup(self.end, process)
        return process

    @property
    def said(self) -> Path:
        """What the last process printed."""
        return self.base / "said"

    @staticmethod
    def end(process: subprocess.Popen[bytes]) -> None:
        """Kill it, if it runs."""
        if process.poll() is None:
            process.kill()
            process.wait()

    def until(self, text: str, path: Path | None = None, times: int = 1) -> str:
        """Wait until C{text} stands in a file."""
        where = path or self.said
        limit = time.monotonic() + SECONDS
        while time.monotonic() < limit:
            read = where.read_text("utf-8") if where.exists() else ""
            if read.count(text) >= times:
                return read
            time.sleep(0.02)
        self.fail(f"{text!r} not in {read}")

    def ends(self, process: subprocess.Popen[bytes], status: int) -> str:
        """Wait for the end of it; what it printed."""
        try:
            process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.end(process)
        read = self.said.read_text("utf-8")
        self.assertEqual(process.returncode, status, read)
        self.assertNotIn("Traceback", read)
        return read


class RefusalTests(StartCase):
    """A start that fails: one message, status 1, nothing left."""

    def refused(self, *options: str, state: Path | None = None) -> str:
        """What a start says that must fail."""
        said = self.ends(self.start(*options, state=state), 1)
        self.assertFalse(self.pid.exists())
        self.assertEqual(said.count("vos3000 does not start: "), 1, said)
        return said

    def test_state_that_is_a_file(self) -> None:
        """In the foreground, with and without a log file."""
        for options in (["-n"], ["-n", "--logfile", str(self.base / "log")]):
            said = self.refused(*options, state=Path("/etc/passwd"))
            self.assertIn("the state directory /etc/passwd cannot be used", said)
        self.assertIn("/etc/passwd cannot", (self.base / "log").read_text("utf-8"))

    def test_daemon_tells_whoever_started_it(self) -> None:
        """It neither hangs nor ends silently, and its log has the reason."""
        log = self.base / "log"
        said = self.refused("--logfile", str(log), state=Path("/etc/passwd"))
        self.assertIn("the state directory /etc/passwd cannot be used", said)
        written = log.read_text("utf-8")
        self.assertIn("the state directory /etc/passwd cannot be used", written)
        self.assertNotIn("Traceback", written)

    def test_file_that_is_no_database(self) -> None:
        """It is left as it is."""
        self.state.mkdir()
        junk = self.state / "vos3000.db"
        junk.write_text("no database at all, but long enough to be looked at" * 99)
        said = self.refused("-n")
        self.assertIn(f"the database {junk} cannot be used: it is no SQLite", said)
        self.assertIn("backup", said)
        self.assertFalse((self.state / "vos3000.pid").exists())

    def test_database_that_is_a_directory(self) -> None:
        """The system's refusal to open it is told with its cure."""
        (self.state / "vos3000.db").mkdir(parents=True)
        self.assertIn("this user may not read and write it", self.refused("-n"))

    def test_table_that_is_missing(self) -> None:
        """Found after the sockets were opened: the log says it, the status is 1."""
        process = self.start("-n")
        self.until("serving:")
        process.terminate()
        self.ends(process, 0)
        with sqlite3.connect(self.state / "vos3000.db") as connection:
            connection.execute("DROP TABLE e_moconfig")
        connection.close()
        self.assertIn("no such table: e_moconfig", self.refused("-n"))
        self.assertFalse((self.state / "vos3000.pid").exists())

    def test_key_that_is_none(self) -> None:
        """It is made for its owner alone; spoiled, it is told and left alone."""
        process = self.start("-n")
        self.until("serving:")
        process.terminate()
        self.ends(process, 0)
        key = self.state / "passwords.key"
        self.assertEqual(key.stat().st_mode & 0o777, 0o600)
        key.write_text("spoiled")
        self.assertIn(f"the key of the passwords, {key}, cannot", self.refused("-n"))
        self.assertEqual(key.read_text(), "spoiled")

    def test_second_switch_on_a_state_directory(self) -> None:
        """It is refused, and the first one stays the owner."""
        first = self.start("-n")
        self.until("serving:")
        self.pid = self.base / "second.pid"
        self.configure()
        for options in (["-n"], ["--logfile", "log"]):
            said = self.refused(*options)
            self.assertIn(f"{self.state} is in use by the switch that runs as", said)
            self.assertIn(f"process {first.pid}", said)
        mine = (self.state / "vos3000.pid").read_text()
        self.assertEqual(mine, f"{first.pid}\n")
        first.terminate()
        self.ends(first, 0)


class SignalTests(StartCase):
    """Told to stop, or to reload, at any moment."""

    @staticmethod
    def kill(number: int) -> None:
        """End a daemon that its test did not end."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)

    def test_daemon_serves_and_stops(self) -> None:
        """Its parent ends with status 0; SIGTERM ends it and removes its files."""
        log = self.base / "log"
        self.ends(self.start("--logfile", str(log)), 0)
        number = int((self.state / "vos3000.pid").read_text())
        self.addCleanup(self.kill, number)
        self.assertEqual(number, int(self.pid.read_text()))
        self.until("serving:", log)
        os.kill(number, signal.SIGTERM)
        self.assertNotIn("Traceback", self.until("Server Shut Down", log))
        self.assertFalse((self.state / "vos3000.pid").exists())
        self.gone(number)

    def test_told_to_stop_while_it_starts(self) -> None:
        """Whatever it is doing then, it ends at once and without complaint."""
        for pause in (0.0, 0.02, 0.05, 0.1):
            process = self.start("-n")
            self.until("\n", self.state / "vos3000.pid")
            time.sleep(pause)
            process.terminate()
            process.wait(SECONDS)
            said = self.said.read_text("utf-8")
            self.assertIn(process.returncode, (0, -signal.SIGTERM), said)
            self.assertNotIn("Traceback", said)
            self.assertNotIn("Unhandled", said)
            (self.state / "vos3000.pid").unlink(missing_ok=True)

    def test_told_to_stop_again_and_again(self) -> None:
        """Once is enough, more is the same."""
        process = self.start("-n")
        self.until("serving:")
        for number in (signal.SIGTERM, signal.SIGINT) * 10:
            process.send_signal(number)
            time.sleep(0.002)
        said = self.ends(process, 0)
        self.assertEqual(said.count("stopping:"), 1)

    def test_told_to_reload_again_and_again(self) -> None:
        """One reading follows the one under way, however often it is told."""
        process = self.start("-n")
        self.until("serving:")
        with sqlite3.connect(self.state / "vos3000.db") as connection:
            connection.execute("INSERT INTO e_feerategroup (id, name) VALUES (1, 'a')")
            connection.execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                " WHERE i < 30000) INSERT INTO e_feerate (id, feerategroupid,"
                " feeprefix) SELECT i, 1, i FROM n"
            )
        connection.close()
        for _ in range(100):
            process.send_signal(signal.SIGHUP)
            time.sleep(0.002)
        self.until("were read again", times=2)
        process.terminate()
        said = self.ends(process, 0)
        self.assertLess(said.count("were read again"), 50)

    def test_told_to_reload_while_it_starts(self) -> None:
        """From its pid file on it takes the signal, and reads once it serves."""
        process = self.start("-n")
        self.until("\n", self.state / "vos3000.pid")
        for _ in range(20):
            process.send_signal(signal.SIGHUP)
        said = self.until("were read again")
        self.assertLess(said.index("serving:"), said.index("were read again"))
        process.terminate()
        self.ends(process, 0)

    def gone(self, number: int) -> None:
        """Wait until a process that is no child of ours has ended."""
        limit = time.monotonic() + SECONDS
        while time.monotonic() < limit:
            try:
                os.kill(number, 0)
            except ProcessLookupError:
                return
            time.sleep(0.02)
        self.fail(f"{number} does not end")

    def test_log_names_the_ports_in_one_line(self) -> None:
        """Nothing else is told of them, from start to end."""
        process = self.start("-n")
        self.until("serving:")
        process.terminate()
        said = self.ends(process, 0)
        for noise in ("object at 0x", "starting on", "Starting", "Closed"):
            self.assertNotIn(noise, said)
        self.assertEqual(said.count("SIP UDP 127.0.0.1:"), 1)

    def test_kill_and_start_again(self) -> None:
        """Nothing that kill -9 leaves behind stands in the way."""
        for _ in range(2):
            process = self.start("-n")
            self.until("serving:")
            process.kill()
            process.wait()
        self.assertTrue((self.state / "vos3000.pid").exists())
