"""Tests of L{vos3000.db.backup} on SQLite."""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import attrs
from twisted.trial.unittest import SynchronousTestCase

from tests.db.backup import books
from tests.rows import NOON, empty_database
from vos3000.db.backup import work
from vos3000.db.backup.archive import Reader, Writer, nobody
from vos3000.db.backup.manifest import BackupError, Manifest
from vos3000.db.dialects import dialect
from vos3000.db.pool import local_pool
from vos3000.metrics import Metrics

_WHEN = NOON / 1000

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

def replace(old, new, real=os.replace):
    progress("", 0, 0)
    real(old, new)

os.replace = replace
work.restore(dialect(url), Path(file), lambda found: None, progress)
"""


class SqliteCase(SynchronousTestCase):
    """A database in a file, and a place for backups."""

    def setUp(self) -> None:
        """Three accounts and 40 records."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.path = self.folder / "state.db"
        self.url = f"sqlite:///{self.path}"
        with closing(sqlite3.connect(self.path)) as target:
            empty_database().backup(target)
        self.kind = dialect(self.url)
        self.pool = local_pool(self.url, Metrics(), lambda: 0.0)
        self.addCleanup(self.pool.close)
        books.fill(self.pool)
        self.file = self.folder / "a.backup"

    def make(self, progress: Any = nobody) -> Manifest:
        """A backup in the file."""
        return work.make(self.kind, self.file, _WHEN, progress)

    def restore(self, file: Path | None = None) -> str:
        """Put it back."""
        self.pool.close()
        found = work.restore(self.kind, file or self.file, lambda _: None, nobody)
        return found

    def dump(self, path: Path | None = None) -> list[str]:
        """All that a database holds."""
        with closing(sqlite3.connect(path or self.path)) as connection:
            return list(connection.iterdump())

    def names(self) -> list[str]:
        """The files there are."""
        return sorted(os.listdir(self.folder))


class MakeTests(SqliteCase):
    """Making a backup."""

    def test_what_it_says_of_itself(self) -> None:
        """Who made it and when, how many rows, and the sums of the ledger."""
        found = self.make()
        self.assertEqual(found.made, "2026-03-01T12:00:00Z")
        self.assertEqual((found.database, found.records), ("sqlite", 40))
        self.assertEqual(found.journals, {"one": 40})
        self.assertEqual(found.books.accounts, 3)
        balance = 3 * 100_000_001 - 7_500_000 - 40 * 123
        self.assertEqual((found.books.balance, found.books.moved), (balance, balance))
        self.assertEqual(found.books.wrong, ())
        self.assertEqual(found.tables["e_payhistory"].rows, 4)
        self.assertEqual(work.verify(self.file, nobody), found)

    def test_while_others_write(self) -> None:
        """It is of one moment, however much is committed until it is done."""
        with closing(sqlite3.connect(self.path)) as more:
            more.executemany(
                "INSERT INTO e_syslog (id, infoold) VALUES (?, ?)",
                [(number, "x" * 4000) for number in range(1000, 4000)],
            )
            more.commit()
        steps: list[str] = []

        def progress(what: str, done: int, total: int) -> None:
            if what == "copying":
                steps.append(what)
                books.write(self.pool, range(1000, 1003))

        found = self.make(progress)
        self.assertGreater(len(steps), 5)
        self.assertEqual(found.records, 40)
        self.assertEqual(found.books.balance, found.books.moved)
        self.restore()
        with closing(sqlite3.connect(self.path)) as connection:
            (count,) = connection.execute("SELECT COUNT(*) FROM e_cdr").fetchone()
        self.assertEqual(count, 40)

    def test_nobody_else_may_read_it(self) -> None:
        """Whatever the umask; and nothing is left beside it."""
        before = set(self.names())
        umask = os.umask(0)
        try:
            self.make()
        finally:
            os.umask(umask)
        self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o600)
        self.assertEqual(set(self.names()) - before, {"a.backup"})

    def test_nothing_is_overwritten(self) -> None:
        """A name that is taken is refused."""
        self.file.write_text("precious")
        with self.assertRaisesRegex(BackupError, "there already"):
            self.make()
        self.assertEqual(self.file.read_text(), "precious")

    def test_a_disk_that_refuses(self) -> None:
        """Leaves nothing behind."""
        before = self.names()

        def progress(what: str, done: int, total: int) -> None:
            if what == "packing":
                raise OSError(28, "No space left on device")

        self.assertRaises(OSError, self.make, progress)
        self.assertEqual(self.names(), before)

    def test_books_that_do_not_balance(self) -> None:
        """Are backed up all the same, and the account is named."""
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute(
                "UPDATE e_customer SET money = money + 1 WHERE account = 'globex'"
            )
            connection.commit()
        found = self.make()
        self.assertEqual(found.books.wrong, ("globex",))
        self.assertEqual(found.books.balance, found.books.moved + 1)

    def test_an_amount_that_is_none(self) -> None:
        """Another program wrote it: that is told, and everything is backed up."""
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("UPDATE e_payhistory SET fee = 'x' WHERE id = 2")
            connection.execute("UPDATE e_payhistory SET fee = 0.1 WHERE id = 4")
            connection.commit()
        found = self.make()
        self.assertEqual(len(found.books.wrong), 2)
        was = self.dump()
        self.restore()
        self.assertEqual(self.dump(), was)

    def test_an_empty_database(self) -> None:
        """Is none of ours."""
        self.pool.close()
        self.path.write_bytes(b"")
        with self.assertRaisesRegex(BackupError, "no tables of ours"):
            self.make()
        self.assertEqual(self.names(), ["state.db"])

    def test_a_file_system_without_links(self) -> None:
        """As a share of another system: the same comes of it."""

        def refuse(old: object, new: object) -> None:
            raise OSError(errno.EPERM, "Operation not permitted")

        self.patch(os, "link", refuse)
        self.make()
        self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o600)
        was = self.dump()
        books.write(self.pool, range(40, 50))
        aside = self.restore()
        self.assertEqual(self.dump(), was)
        self.assertIn("call-45", "".join(self.dump(Path(aside))))

    def test_a_damaged_database(self) -> None:
        """Is told, instead of a backup that nobody could use."""
        self.pool.close()
        data = bytearray(self.path.read_bytes())
        for place in range(8192, 12288):
            data[place] ^= 0x55
        self.path.write_bytes(data)
        with self.assertRaisesRegex(BackupError, "damaged"):
            self.make()
        self.assertFalse(self.file.exists())

    def test_named_by_its_time_in_a_directory(self) -> None:
        """So that a nightly backup needs no name."""
        found = work.place_of(self.folder, _WHEN)
        self.assertEqual(found.name, "vos3000-20260301T120000Z.vos3000.tar.gz")
        self.assertEqual(work.place_of(self.file, _WHEN), self.file)


class RestoreTests(SqliteCase):
    """Putting a backup back."""

    def test_everything_is_as_it_was(self) -> None:
        """To the last row; what came since then is kept aside."""
        was = self.dump()
        self.make()
        books.write(self.pool, range(40, 60))
        later = self.dump()
        aside = self.restore()
        self.assertEqual(self.dump(), was)
        self.assertEqual(self.dump(Path(aside)), later)
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o640)
        left = {"a.backup", "state.db", Path(aside).name}
        self.assertEqual(set(self.names()), left)

    def test_by_root(self) -> None:
        """The database belongs to whom it belonged, so that the switch may use it."""
        self.make()
        given: list[Any] = []
        owner = self.path.stat()
        self.patch(os, "geteuid", lambda: 0)
        self.patch(os, "chown", lambda *values: given.append(values[1:]))
        self.restore()
        self.assertEqual(given, [(owner.st_uid, owner.st_gid)])

    def test_where_there_is_none(self) -> None:
        """A new machine has the database from it; a log that was left is not its."""
        self.make()
        self.pool.close()
        self.path.unlink()
        stale = self.path.with_name("state.db-wal")
        stale.write_bytes(b"left over")
        self.assertEqual(self.restore(), "")
        self.assertFalse(stale.exists())
        self.assertIn("call-7", "".join(self.dump()))

    def test_in_place_of_a_damaged_one(self) -> None:
        """Which is what it is for."""
        was = self.dump()
        self.make()
        self.pool.close()
        self.path.write_bytes(b"garbage" * 4000)
        self.restore()
        self.assertEqual(self.dump(), was)

    def test_somebody_uses_the_database(self) -> None:
        """It is refused, and the database stays."""
        self.make()
        was = self.dump()
        with closing(sqlite3.connect(self.path)) as other:
            other.execute("BEGIN")
            other.execute("SELECT COUNT(*) FROM e_cdr").fetchone()
            books.write(self.pool, range(40, 41))
            with self.assertRaisesRegex(BackupError, "another program"):
                self.restore()
        self.assertGreater(len(self.dump()), len(was))

    def test_killed_in_the_middle(self) -> None:
        """Whenever that is, there is the old database or the new one, whole."""
        new = self.dump()
        self.make()
        books.write(self.pool, range(40, 60))
        old = self.dump()
        self.pool.close()
        outcomes = set()
        for step in (1, 2, 5, 10, 20, 30, 40, 50, 60, 70):
            command = [sys.executable, "-c", _KILLED, self.url, str(self.file)]
            done = subprocess.run([*command, str(step)], timeout=30, check=False)
            self.assertIn(done.returncode, (0, -signal.SIGKILL))
            outcomes.add(done.returncode)
            self.assertEqual(self.dump(), old if done.returncode else new)
            if not done.returncode:
                break
        self.assertEqual(outcomes, {0, -signal.SIGKILL})
        self.restore()
        self.assertEqual(self.dump(), new)

    def test_damage_is_found(self) -> None:
        """Any byte, any cut: it is refused, and nothing is changed."""
        self.make()
        was = self.dump()
        good = self.file.read_bytes()
        manifest = work.verify(self.file, nobody)
        random = Random(7)
        bad = self.folder / "bad.backup"
        refused = 0
        for _ in range(80):
            data = bytearray(good)
            data[random.randrange(len(data))] ^= 1 << random.randrange(8)
            bad.write_bytes(data)
            try:
                # some bits of gzip say nothing, or the same in another way
                self.assertEqual(work.verify(bad, nobody), manifest)
            except BackupError:
                refused += 1
                self.assertRaises(BackupError, self.restore, bad)
        self.assertGreater(refused, 70)
        for _ in range(20):
            bad.write_bytes(good[: random.randrange(len(good))])
            self.assertRaises(BackupError, self.restore, bad)
        self.assertEqual(self.dump(), was)

    def made_of(self, **changes: Any) -> Path:
        """The same backup with another manifest."""
        manifest = self.make()
        other = self.folder / "other.backup"
        archive = Writer(other)
        for name, file in Reader(self.file).members(""):
            if name != "manifest.json":
                archive.add(name, file.read())
        archive.finish(attrs.evolve(manifest, **changes))
        return other

    def test_of_a_newer_release(self) -> None:
        """It says which release to install."""
        newer = self.made_of(revision="9999", release="9.9")
        with self.assertRaisesRegex(BackupError, "9999.*install release 9.9"):
            self.restore(newer)

    def test_of_the_other_kind_of_database(self) -> None:
        """It says what to configure."""
        other = self.made_of(database="mysql")
        with self.assertRaisesRegex(BackupError, "mysql"):
            self.restore(other)

    def test_sums_that_are_others(self) -> None:
        """Rows and ledger are added up again before anything is replaced."""
        manifest = self.make()
        was = self.dump()
        self.file.unlink()
        sums = attrs.evolve(manifest.books, balance=manifest.books.balance + 1)
        with self.assertRaisesRegex(BackupError, "ledger"):
            self.restore(self.made_of(books=sums))
        self.assertEqual(self.dump(), was)

    def test_what_is_no_backup(self) -> None:
        """It is called that."""
        self.file.write_bytes(b"SQLite format 3\0" * 100)
        with self.assertRaisesRegex(BackupError, "no backup"):
            self.restore()
