"""Tests of L{vos3000.commands.importing}."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests import mariadb, vossource
from tests.commands.terminal import Terminal
from tests.vossource import NOON, VosSource
from vos3000.db import upgrade
from vos3000.db.customers import CustomerStore
from vos3000.db.dialects import dialect
from vos3000.db.secrets import FILE
from vos3000.errors import StorageError
from vos3000.statedir import StateDir

MANY = 20_000
"""Records of the day in whose middle the process is killed."""


class ImportCase(SynchronousTestCase):
    """A terminal with an empty database, and a source."""

    def setUp(self) -> None:
        """The source is the newer one."""
        self.terminal = Terminal(self.mktemp())
        self.terminal.make_database()
        self.source: VosSource = vossource.new()
        self.addCleanup(self.source.close)


class ImportTests(ImportCase):
    """The command import-vos."""

    def test_without_apply_nothing_is_changed(self) -> None:
        """What would be carried is told, by table and column."""
        result = self.terminal.run("import-vos", self.source.url)
        self.assertEqual(result.exit_code, 0, result.output)
        for told in (
            r"e_cdr_20260228 +7 +7 +7 +e_cdr_YYYYMMDD",
            r"e_suite +1 +0 +0 +not carried: suites are not in effect",
            r"row not carried: prefix has more than 255 characters, 1 rows"
            r" \(routing gateway long\)",
            r"column not carried: bilateralreconciliation, 1 rows \(1\)",
            r"carried otherwise: calllevel: unknown value, 1 instead, 1 rows"
            r" \(phone 2001: value 3\)",
            r"nothing was changed; --apply does it",
        ):
            self.assertRegex(result.output, told)
        pool = self.terminal.pool()
        self.assertEqual(self.terminal.do(pool, CustomerStore(pool).all()), [])

    def test_needs_no_database_to_look(self) -> None:
        """A dry run is for before the switch is there."""
        (Path(self.terminal.state) / "vos3000.db").unlink()
        result = self.terminal.run("import-vos", self.source.url, "--json")
        self.assertEqual(result.exit_code, 0, result.output)
        told = json.loads(result.stdout)
        self.assertEqual(told["tables"]["e_customer"]["carried"], 2)
        self.assertFalse(told["finished"])

    def test_apply_takes_over(self) -> None:
        """The sums are compared, passwords sealed with the switch's key."""
        result = self.terminal.run("import-vos", self.source.url, "--apply")
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertRegex(result.output, r"accounts: balances +1.95 +1.95 +equal")
        self.assertRegex(result.output, r"records: fee +0.8 +0.8 +equal")
        self.assertIn("the import is complete: start the switch", result.output)
        self.assertTrue((Path(self.terminal.state) / FILE).exists())
        shown = self.terminal.run("gateway", "show", "customer", "--json")
        self.assertEqual(shown.exit_code, 0, shown.output)
        again = self.terminal.run("import-vos", self.source.url, "--apply")
        self.assertEqual(again.exit_code, 1)
        self.assertIn("has taken over a VOS3000 already", again.output)

    def test_is_refused_while_the_switch_runs(self) -> None:
        """Which holds balances in memory."""
        held = StateDir(Path(self.terminal.state), "")
        held.take()
        self.addCleanup(held.release)
        result = self.terminal.run("import-vos", self.source.url, "--apply")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("is in use by the switch", result.output)

    def test_password_comes_from_a_file(self) -> None:
        """So that nobody reads it in the list of processes."""
        file = Path(self.mktemp())
        file.write_text(vossource.PASSWORD + "\n")
        bare = self.source.url.replace(":looks%3A%20only", "")
        result = self.terminal.run("import-vos", bare)
        self.assertEqual(result.exit_code, 1)
        self.assertIn("cannot be read", result.output)
        result = self.terminal.run("import-vos", bare, "--password-file", str(file))
        self.assertEqual(result.exit_code, 0, result.output)
        both = self.terminal.run(
            "import-vos", self.source.url, "--password-file", str(file)
        )
        self.assertEqual(both.exit_code, 2)

    def test_misuse_is_told(self) -> None:
        """A day that is none, an encoding that is none, days without --apply."""
        for words in (
            ("--records-before", "20261301", "--apply"),
            ("--records-before", "20260301"),
            ("--encoding", "gbq"),
        ):
            result = self.terminal.run("import-vos", self.source.url, *words)
            self.assertEqual(result.exit_code, 2, result.output)

    def test_row_that_was_lost_is_an_error(self) -> None:
        """The check of sums shows it, and the exit status."""
        self.source.put(
            "e_cdr", flowno=6_000_000_300, starttime=NOON, stoptime=0, fee=1
        )
        result = self.terminal.run("import-vos", self.source.url, "--apply")
        self.assertEqual(result.exit_code, 1, result.output)
        self.assertRegex(result.output, r"records: fee +1.8 +0.8 +DIFFERENT")
        self.assertIn("differences in records, records: fee", result.output)


class KilledTests(ImportCase):
    """The command in a process of its own, killed in the middle."""

    def setUp(self) -> None:
        """A day with many records."""
        super().setUp()
        columns = (
            "callere164, calleee164, customeraccount, agentaccount, starttime,"
            " stoptime, holdtime, fee, agentfee, endreason, flowno"
        )
        self.source.run(
            f"INSERT INTO e_cdr_20260228 ({columns}) SELECT '1', '49', '1000', '1001',"
            f" {NOON - vossource.DAY} + seq, {NOON - vossource.DAY} + seq + 60000, 60,"
            f" 0.0001, 0.00005, 16, 6000001000 + seq FROM seq_1_to_{MANY}"
        )
        self.url = self.prepared()

    def prepared(self) -> str:
        """The URL of an empty target."""
        return f"sqlite:///{self.terminal.database}"

    def start(self) -> subprocess.Popen[bytes]:
        """Start the command."""
        words = [sys.executable, "-m", "vos3000.cli", "import-vos", self.source.url]
        words += ["--apply", "--state", str(self.terminal.state)]
        words += ["--config", str(self.terminal.config)]
        return subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=os.environ
        )

    def count(self) -> int:
        """How many records of that day are there by now."""
        kind = dialect(self.url)
        connection = kind.connect()
        cursor = connection.cursor()
        try:
            cursor.execute("SELECT COUNT(*) FROM e_cdr_20260228")
            (count,) = cursor.fetchone()
        except kind.errors:
            return 0
        finally:
            connection.close()
        return int(count)

    def test_goes_on_after_kill_9(self) -> None:
        """Nothing is lost, nothing comes twice, and no switch starts in between."""
        killed = 0
        for wanted in (1, MANY // 2):
            process = self.start()
            end = time.monotonic() + 30
            while self.count() < wanted and time.monotonic() < end:
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=10)
            self.assertEqual(process.returncode, -signal.SIGKILL)
            killed += 0 < self.count() < MANY + 7
        self.assertEqual(killed, 2)
        with self.assertRaises(StorageError) as caught:
            upgrade.prepare(self.url)
        self.assertIn("import-vos --apply` again", str(caught.exception))
        process = self.start()
        output, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, output)
        self.assertRegex(output.decode(), rf"records +{MANY + 8} +{MANY + 8} +equal")
        self.assertRegex(output.decode(), r"records: fee +2.8 +2.8 +equal")
        self.assertRegex(output.decode(), r"accounts: balances +1.95 +1.95 +equal")
        upgrade.prepare(self.url)


class MariaDbKilledTests(KilledTests):
    """The same, into a MariaDB."""

    def prepared(self) -> str:
        """A database of the server's."""
        url = mariadb.server().create("taken")
        upgrade.migrate(url)
        self.terminal.write(
            "vos3000.conf", f"[state]\nzone = UTC\n[database]\nurl = {url}\n"
        )
        return url
