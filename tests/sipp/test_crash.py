"""
The switch is killed in the middle of calls, its database as well, or taken away, and
its books are held to account.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from bench.books import Books
from bench.crash import Crash
from bench.mariadb import Server
from bench.outage import Outage
from tests.sipp.runner import sipp


class CrashTests(SynchronousTestCase):
    """SIGKILL, and a start after it; C{python -m bench.crash} does it more often."""

    def killed(self, rounds: int, server: Server | None = None) -> Books:
        """The books after some rounds."""
        sipp()
        kills = server is not None
        with tempfile.TemporaryDirectory(prefix="vos3000-crash-") as folder:
            crash = Crash(Path(folder), random.Random(4), server, kills)
            try:
                return crash.rounds(rounds, 40)
            finally:
                crash.stop()

    def test_killed(self) -> None:
        """Every answered call has one record, and no balance is off by a digit."""
        books = self.killed(3)
        self.assertEqual(books.faults(), [])
        self.assertGreater(len(books.answered), 20)
        self.assertGreater(books.completed, 5)

    def test_killed_with_its_database(self) -> None:
        """On MariaDB, which is killed as well."""
        server = Server()
        try:
            books = self.killed(3, server)
        finally:
            server.remove()
        self.assertEqual(books.faults(), [])
        self.assertGreater(books.completed, 5)


class OutageTests(SynchronousTestCase):
    """C{python -m bench.outage} does it longer, and in other ways."""

    def test_locked(self) -> None:
        """Another program holds the file: every call goes on, and has its record."""
        sipp()
        with tempfile.TemporaryDirectory(prefix="vos3000-outage-") as folder:
            outage = Outage(Path(folder), "locked", False)
            try:
                books = outage.run(20, 8)
            finally:
                outage.close()
        self.assertEqual(books.faults(), [])
        self.assertGreater(outage.course.answered[1], 40)
        self.assertGreater(outage.course.waiting, 20)
