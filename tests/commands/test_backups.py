"""Tests of L{vos3000.commands.backups}."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from click.testing import CliRunner
from twisted.trial.unittest import SynchronousTestCase

from tests.commands.terminal import NOW, Terminal
from tests.db.backup import books
from vos3000.cli import main
from vos3000.commands.context import Setup
from vos3000.statedir import Lock


class BackupCase(SynchronousTestCase):
    """A terminal with a database of three accounts and 40 records."""

    def setUp(self) -> None:
        """Fill it."""
        self.terminal = Terminal(self.mktemp())
        self.terminal.make_database()
        pool = self.terminal.pool()
        books.fill(pool)
        pool.close()
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.file = self.folder / "a.backup"

    def make(self) -> None:
        """A backup in the file."""
        result = self.terminal.run("backup", str(self.file))
        self.assertEqual(result.exit_code, 0, result.output)

    def records(self) -> int:
        """How many records there are."""
        with closing(sqlite3.connect(self.terminal.database)) as connection:
            found = connection.execute("SELECT COUNT(*) FROM e_cdr").fetchone()
        return int(found[0])

    def add(self) -> None:
        """One more record."""
        pool = self.terminal.pool()
        books.write(pool, range(1))
        pool.close()


class MakeTests(BackupCase):
    """The command backup."""

    def test_into_a_directory(self) -> None:
        """The file is named by its time; what it holds is told, and what it lacks."""
        result = self.terminal.run("backup", str(self.folder))
        self.assertEqual(result.exit_code, 0, result.output)
        (file,) = self.folder.iterdir()
        self.assertEqual(file.name, "vos3000-20260301T120000Z.vos3000.tar.gz")
        self.assertIn("3 accounts, 40 records, balances 292.495083", result.output)
        self.assertIn("passwords.key, is not in it", result.output)

    def test_for_programs(self) -> None:
        """Amounts are text."""
        result = self.terminal.run("backup", "--json", str(self.file))
        found = json.loads(result.stdout)
        self.assertEqual(found["books"]["balance"], "292.495083")
        self.assertEqual(found["tables"]["e_cdr"]["rows"], 40)
        self.assertEqual(found["journals"], {"one": 40})

    def test_check_only(self) -> None:
        """A good one is told, a damaged one refused."""
        self.make()
        result = self.terminal.run("backup", "--verify", str(self.file))
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertIn("40 records", result.output)
        data = self.file.read_bytes()
        self.file.write_bytes(data[:-100])
        result = self.terminal.run("backup", "--verify", str(self.file))
        self.assertEqual(result.exit_code, 1)
        self.assertIn("is damaged or no backup", result.output)

    def test_no_database(self) -> None:
        """Is said."""
        self.terminal.database.unlink()
        result = self.terminal.run("backup", str(self.file))
        self.assertEqual(result.exit_code, 1)
        self.assertIn("nothing to back up", result.output)

    def test_books_that_do_not_balance(self) -> None:
        """The accounts are named."""
        self.terminal.execute("UPDATE e_customer SET money = 0 WHERE account = 'acme'")
        result = self.terminal.run("backup", str(self.file))
        self.assertEqual(result.exit_code, 0)
        self.assertIn("rents add up to: acme", result.output)


class RestoreTests(BackupCase):
    """The command restore."""

    def test_without_asking(self) -> None:
        """The database is as it was; the other one is kept, and named."""
        self.make()
        self.add()
        result = self.terminal.run("restore", "--yes", str(self.file))
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertIn("vos3000.db.before-", result.output)
        self.assertEqual(self.records(), 40)
        self.assertFalse((self.terminal.state / "vos3000.pid").exists())

    def answered(self, text: str) -> str:
        """Restore, and answer what is asked."""
        setup = Setup(self.terminal.config, self.terminal.state, now=lambda: NOW)
        words = ["restore", str(self.file)]
        return CliRunner().invoke(main, words, obj=setup, input=text).output

    def test_asked(self) -> None:
        """Nothing is changed unless the operator agrees."""
        self.make()
        self.add()
        output = self.answered("n\n")
        self.assertIn("3 accounts, 40 records", output)
        self.assertIn("replace", output)
        self.assertEqual(self.records(), 41)
        self.answered("y\n")
        self.assertEqual(self.records(), 40)

    def test_a_switch_that_runs(self) -> None:
        """Is not touched."""
        self.make()
        self.add()
        lock = Lock(self.terminal.state / "vos3000.pid")
        lock.take()
        self.addCleanup(lock.release)
        result = self.terminal.run("restore", "--yes", str(self.file))
        self.assertEqual(result.exit_code, 1)
        self.assertIn("stop that one first", result.output)
        self.assertEqual(self.records(), 41)

    def test_an_older_schema(self) -> None:
        """The operator is told to migrate."""
        self.terminal.execute("UPDATE alembic_version SET version_num = '0001'")
        self.make()
        result = self.terminal.run("restore", "--yes", str(self.file))
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertIn("vos3000 migrate", result.output)


class CleanTests(BackupCase):
    """The command autoclean."""

    def test_what_is_removed_when(self) -> None:
        """One line for each kind."""
        result = self.terminal.run("autoclean")
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertRegex(result.output, "e_cdr +1095")
        self.assertRegex(result.output, "e_payhistory +never")

    def test_change(self) -> None:
        """By name, and back to never."""
        result = self.terminal.run("autoclean", "e_cdr", "400")
        self.assertRegex(result.output, "e_cdr +400")
        result = self.terminal.run("autoclean", "e_cdr", "never")
        self.assertRegex(result.output, "e_cdr +never")
        found = json.loads(self.terminal.run("autoclean", "--json").stdout)
        self.assertEqual(found["e_cdr"], None)
        self.assertEqual(found["e_syslog"], 1095)

    def test_nonsense(self) -> None:
        """Is refused, and named."""
        for words in (
            ("e_cdr", "0"),
            ("e_cdr", "soon"),
            ("e_customer", "4"),
            ("e_cdr",),
        ):
            result = self.terminal.run("autoclean", *words)
            self.assertNotEqual(result.exit_code, 0, words)
