"""Tests of L{vos3000.db.backup} on MariaDB."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests import mariadb
from tests.db.backup import books
from tests.rows import NOON
from vos3000.db import upgrade
from vos3000.db.backup import work
from vos3000.db.backup.archive import nobody
from vos3000.db.backup.manifest import BackupError, Manifest
from vos3000.db.dialects import dialect
from vos3000.db.pool import local_pool
from vos3000.metrics import Metrics

_KILLED = """
import os, signal, sys
from pathlib import Path
from vos3000.db.backup import work
from vos3000.db.dialects import dialect

url, file, step = sys.argv[1:]
left = [int(step)]

def progress(what, done, total):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)

work.restore(dialect(url), Path(file), lambda found: None, progress)
"""


class MariaDbTests(SynchronousTestCase):
    """A database of a server of the tests' own."""

    def setUp(self) -> None:
        """Three accounts and 40 records, with keys between the tables."""
        self.url = mariadb.server().create("backups")
        upgrade.migrate(self.url)
        self.kind = dialect(self.url)
        self.pool = local_pool(self.url, Metrics(), lambda: 0.0)
        self.addCleanup(self.pool.close)
        books.fill(self.pool)
        cursor = self.cursor()
        self.kind.create_like(cursor, "e_cdr_20260228", "e_cdr")
        cursor.execute(
            "INSERT INTO e_cdr_20260228 SELECT * FROM e_cdr WHERE flowno < 9"
        )
        cursor.execute("DELETE FROM e_cdr WHERE flowno < 9")
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.file = self.folder / "a.backup"

    def cursor(self) -> Any:
        """A cursor whose statements are committed at once."""
        connection = self.kind.connect()
        connection.autocommit(True)
        self.addCleanup(connection.close)
        return connection.cursor()

    def make(self, progress: Any = nobody) -> Manifest:
        """A backup in the file."""
        return work.make(self.kind, self.file, NOON / 1000, progress)

    def restore(self, file: Path | None = None) -> str:
        """Put it back."""
        return work.restore(self.kind, file or self.file, lambda _: None, nobody)

    def tables(self) -> list[str]:
        """The tables there are."""
        return self.kind.tables(self.cursor(), "")

    def dump(self) -> dict[str, Any]:
        """What makes each table of ours, and its rows."""
        cursor, found = self.cursor(), {}
        for name in self.tables():
            if name.startswith("e_") or name == "alembic_version":
                cursor.execute(f"SHOW CREATE TABLE {name}")
                made = cursor.fetchone()[1]
                cursor.execute(f"SELECT * FROM {name}")
                found[name] = (made, sorted(map(repr, cursor.fetchall())))
        return found

    def test_there_and_back(self) -> None:
        """Everything is as it was: rows, columns, keys; the others are kept aside."""
        was = self.dump()
        found = self.make()
        self.assertEqual((found.database, found.records), ("mysql", 40))
        balance = 3 * 100_000_001 - 7_500_000 - 40 * 123
        self.assertEqual((found.books.balance, found.books.moved), (balance, balance))
        self.assertEqual(found.journals, {"one": 40})
        self.assertEqual(work.verify(self.file, nobody), found)
        books.write(self.pool, range(40, 60))
        cursor = self.cursor()
        self.kind.create_like(cursor, "e_cdr_20260301", "e_cdr")
        later = self.dump()
        aside = self.restore().removeprefix("the tables ").removesuffix("*")
        self.assertEqual(self.dump(), was)
        self.assertIn(f"{aside}e_cdr_20260301", self.tables())
        cursor.execute(f"SELECT COUNT(*) FROM {aside}e_cdr")
        self.assertEqual(cursor.fetchone()[0], len(later["e_cdr"][1]))
        self.assertEqual([n for n in self.tables() if n.startswith("restoring")], [])
        self.restore()
        self.assertEqual(self.dump(), was)

    def test_into_an_empty_database(self) -> None:
        """A new server has everything from it."""
        was = self.dump()
        self.make()
        self.kind = dialect(mariadb.server().create("elsewhere"))
        self.assertEqual(self.restore(), "")
        self.assertEqual(self.dump(), was)

    def test_while_others_write(self) -> None:
        """It is of one moment, and holds up nobody."""
        was = self.make().tables
        self.file.unlink()

        def progress(what: str, done: int, total: int) -> None:
            if what == "reading":
                books.write(self.pool, range(1000, 1003))

        found = self.make(progress)
        self.assertEqual(found.tables, was)
        self.assertEqual(found.books.balance, found.books.moved)

    def test_a_table_is_dropped_meanwhile(self) -> None:
        """The backup is begun again, and is whole."""
        cursor = self.cursor()
        dropped: list[str] = []

        def progress(what: str, done: int, total: int) -> None:
            if what == "reading" and done == 0 and not dropped:
                dropped.append("e_cdr_20260228")
                self.kind.drop(cursor, "e_cdr_20260228")

        found = self.make(progress)
        self.assertEqual(dropped, ["e_cdr_20260228"])
        self.assertEqual(found.records, 32)
        self.assertNotIn("e_cdr_20260228", found.tables)

    def test_pages(self) -> None:
        """Tables of more than a page, and keys of several columns."""
        cursor = self.cursor()
        cursor.executemany(
            "INSERT INTO e_moconfig (name, value, moid, motype) VALUES (?, ?, ?, ?)",
            [(f"n{i % 7}", "v", i // 7, i % 3) for i in range(5_001)],
        )
        was = self.dump()
        self.assertEqual(self.make().tables["e_moconfig"].rows, 5_001)
        self.restore()
        self.assertEqual(self.dump(), was)

    def test_killed_in_the_middle(self) -> None:
        """Whenever that is, there are the old tables or the new ones, whole."""
        new = self.dump()
        self.make()
        books.write(self.pool, range(40, 60))
        old = self.dump()
        outcomes = set()
        for step in (1, 40, 70, 90, 110, 500):
            command = [sys.executable, "-c", _KILLED, self.url, str(self.file)]
            done = subprocess.run([*command, str(step)], timeout=60, check=False)
            self.assertIn(done.returncode, (0, -signal.SIGKILL))
            outcomes.add(done.returncode)
            self.assertEqual(self.dump(), old if done.returncode else new)
        self.assertEqual(outcomes, {0, -signal.SIGKILL})

    def test_damage_is_found(self) -> None:
        """It is refused, and nothing is changed."""
        self.make()
        was = self.dump()
        good = self.file.read_bytes()
        random = Random(7)
        bad = self.folder / "bad.backup"
        for _ in range(20):
            bad.write_bytes(good[: random.randrange(len(good))])
            self.assertRaises(BackupError, self.restore, bad)
        for _ in range(20):
            data = bytearray(good)
            place = random.randrange(10, len(data) - 2)
            data[place : place + 2] = (
                bytes(2) if any(data[place : place + 2]) else b"xy"
            )
            bad.write_bytes(data)
            self.assertRaises(BackupError, self.restore, bad)
        self.assertEqual(self.dump(), was)
