"""Tests of L{vos3000.commands.exports}."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
from twisted.trial.unittest import SynchronousTestCase

from tests.commands.terminal import NOW, Terminal
from tests.rows import cdr
from vos3000.db.cdrs import PAGE
from vos3000.model.cdr import COLUMNS
from vos3000.model.money import to_micros
from vos3000.reports.forms import csv_line, pipe_line

NOON = int(NOW * 1000)
HOUR = 3_600_000


class ExportTests(SynchronousTestCase):
    """The command export-cdr."""

    def setUp(self) -> None:
        """Three records: two hours ago, an hour ago, now and not answered."""
        self.terminal = Terminal(self.mktemp())
        self.terminal.make_database()
        self.records = [
            self._made(1, 2 * HOUR, customeraccount="old"),
            self._made(2, HOUR, callergatewayid="a,b|c\r\nd"),
            self._made(3, 0, stoptime=NOON, holdtime=0),
        ]
        self.add(*self.records)

    def _made(self, flowno: int, ago: int, **fields: Any) -> Any:
        start = NOON - ago
        given = {"starttime": start, "stoptime": start + 5000, **fields}
        return cdr(flowno=flowno, **given)

    def add(self, *records: Any) -> None:
        """Put rows into the database."""
        marks = ", ".join("?" * len(COLUMNS))
        rows = [
            [to_micros(v) if isinstance(v, Decimal) else v for v in attrs.astuple(each)]
            for each in records
        ]
        with sqlite3.connect(self.terminal.database) as connection:
            connection.executemany(
                f"INSERT INTO e_cdr ({', '.join(COLUMNS)}) VALUES ({marks})", rows
            )
        connection.close()

    def export(self, *words: str) -> list[bytes]:
        """The lines that are printed."""
        result = self.terminal.run("export-cdr", *words)
        self.assertEqual(result.exit_code, 0, result.output)
        return result.stdout_bytes.splitlines(keepends=True)

    def test_forms(self) -> None:
        """The same bytes as in the switch's files."""
        self.assertEqual(self.export(), [csv_line(each) for each in self.records])
        self.assertEqual(
            self.export("--form", "pipe"), [pipe_line(each) for each in self.records]
        )

    def test_filters(self) -> None:
        """Time, account, answered."""
        first, second, third = map(csv_line, self.records)
        self.assertEqual(self.export("--since", "90m"), [second, third])
        self.assertEqual(self.export("--until", "90m"), [first])
        self.assertEqual(self.export("--account", "old"), [first])
        self.assertEqual(self.export("--answered"), [first, second])
        result = self.terminal.run("export-cdr", "--until", "never")
        self.assertEqual(result.exit_code, 2)
        self.assertIn("--until", result.output)

    def test_file(self) -> None:
        """It is there whole, and none is written over."""
        path = Path(self.mktemp()).absolute()
        self.add(*[self._made(number, HOUR) for number in range(4, 4 + PAGE)])
        result = self.terminal.run("export-cdr", str(path))
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertIn(f"{PAGE + 3} records written to", result.output)
        self.assertEqual(len(path.read_bytes().splitlines()), PAGE + 3)
        self.assertFalse(path.with_name(path.name + ".part").exists())
        result = self.terminal.run("export-cdr", str(path))
        self.assertEqual(result.exit_code, 1)
        self.assertIn("exists already: name another file", result.output)

    def test_another_export(self) -> None:
        """Two to the same file do not mix; the first one's part stays."""
        path = Path(self.mktemp()).absolute()
        part = path.with_name(path.name + ".part")
        part.touch()
        result = self.terminal.run("export-cdr", str(path))
        self.assertEqual(result.exit_code, 1)
        self.assertIn("another export writes it", result.output)
        self.assertTrue(part.exists())
        self.assertFalse(path.exists())
