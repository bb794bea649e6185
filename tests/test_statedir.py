"""
L{vos3000.statedir}: one switch at a time, and what the others are told.
"""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from vos3000.errors import StartError
from vos3000.statedir import StateDir


class StateDirTests(SynchronousTestCase):
    """Who gets a state directory."""

    def setUp(self) -> None:
        """A directory that is not there yet."""
        self.path = Path(self.mktemp()).absolute() / "state"
        self.pid = self.path / "vos3000.pid"

    def make(self, path: Path | None = None, database: Path | None = None) -> StateDir:
        """What one switch makes of it."""
        path = path or self.path
        return StateDir(path, str(database or path / "vos3000.db"))

    def test_second_switch_is_refused(self) -> None:
        """It is told the directory, the process and the cure; nothing changes."""
        first = self.make()
        first.take()
        self.addCleanup(first.release)
        error = self.assertRaises(StartError, self.make().take)
        self.assertEqual(
            str(error),
            f"the state directory {self.path} is in use by the switch that runs as"
            f" process {os.getpid()}: stop that one first, or give this one a"
            " directory of its own with --state DIR",
        )
        self.assertEqual(self.pid.read_text(), f"{os.getpid()}\n")

    def test_only_the_owner_removes_the_file(self) -> None:
        """Whoever was refused leaves it; it goes with its owner."""
        first, second = self.make(), self.make()
        first.take()
        self.assertRaises(StartError, second.take)
        second.release()
        self.assertTrue(self.pid.exists())
        first.release()
        self.assertFalse(self.pid.exists())
        second.take()
        second.release()

    def test_file_that_was_left_over_keeps_nobody_out(self) -> None:
        """After kill -9 the next start has the directory at once."""
        self.path.mkdir(parents=True)
        self.pid.write_text("123456789\n")
        taken = self.make()
        taken.take()
        self.addCleanup(taken.release)
        self.assertEqual(self.pid.read_text(), f"{os.getpid()}\n")

    def test_one_database_has_one_switch(self) -> None:
        """Two directories do not help if the database is the same."""
        database = self.path.parent / "elsewhere.db"
        first = self.make(database=database)
        first.take()
        self.addCleanup(first.release)
        other = self.path.parent / "other"
        error = self.assertRaises(StartError, self.make(other, database).take)
        self.assertIn(f"the database {database} is in use", str(error))
        self.assertFalse((other / "vos3000.pid").exists())

    def test_what_is_no_directory(self) -> None:
        """A file in its place, or on the way to it."""
        self.path.parent.mkdir()
        self.path.write_text("")
        for path in (self.path, self.path / "below"):
            error = self.assertRaises(StartError, self.make(path).take)
            self.assertIn(f"the state directory {path} cannot be used:", str(error))
            self.assertIn("no directory. Mend that, or name another", str(error))

    def test_directory_is_for_owner_and_group(self) -> None:
        """Nobody else looks into it, whatever the umask."""
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        taken = self.make()
        taken.take()
        self.addCleanup(taken.release)
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o750)
        self.assertEqual(self.pid.stat().st_mode & 0o777, 0o640)
