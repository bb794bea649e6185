"""The switch is killed in the middle of calls, and its books are held to account."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from bench.crash import Crash
from tests.sipp.runner import sipp


class CrashTests(SynchronousTestCase):
    """SIGKILL, and a start after it; C{python -m bench.crash} does it more often."""

    def test_killed(self) -> None:
        """Every answered call has one record, and no balance is off by a digit."""
        sipp()
        with tempfile.TemporaryDirectory(prefix="vos3000-crash-") as folder:
            crash = Crash(Path(folder), random.Random(4))
            try:
                books = crash.rounds(3, 40)
            finally:
                crash.stop()
        self.assertEqual(books.faults(), [])
        self.assertGreater(len(books.answered), 20)
        self.assertGreater(books.completed, 5)
