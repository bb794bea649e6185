"""Tests of L{vos3000.commands.records} and L{vos3000.commands.pushes}."""

from __future__ import annotations

import json
import sqlite3
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import click
from twisted.trial.unittest import SynchronousTestCase

from tests.commands.terminal import NOW, Terminal, environment
from tests.rows import cdr
from vos3000.commands.records import since_ms
from vos3000.model.cdr import COLUMNS
from vos3000.model.money import to_micros

UTC = ZoneInfo("UTC")
NOON = int(NOW * 1000)
HOUR = 3_600_000


class CdrTests(SynchronousTestCase):
    """The command cdr."""

    def setUp(self) -> None:
        """Three records: now, an hour ago, forty days ago."""
        self.terminal = Terminal(self.mktemp())
        self.terminal.make_database()
        self._add(1, 40 * 24 * HOUR, customeraccount="old")
        self._add(2, HOUR, callere164="100", fee=Decimal("0.12"), endreason=-8)
        self._add(3, 0, calleee164="33", customeraccount="2000", enddirection=2)

    def _add(self, flowno: int, ago: int, **fields: Any) -> None:
        start = NOON - ago
        record = cdr(flowno=flowno, starttime=start, stoptime=start + 5000, **fields)
        values = [
            to_micros(value) if isinstance(value, Decimal) else value
            for value in attrs.astuple(record)
        ]
        marks = ", ".join("?" * len(COLUMNS))
        with sqlite3.connect(self.terminal.database) as connection:
            connection.execute(
                f"INSERT INTO e_cdr ({', '.join(COLUMNS)}) VALUES ({marks})", values
            )
        connection.close()

    def _found(self, *words: str) -> list[int]:
        result = self.terminal.run("cdr", "--json", *words)
        self.assertEqual(result.exit_code, 0, result.output)
        return [record["flowno"] for record in json.loads(result.output)]

    def test_newest_first(self) -> None:
        """All of them, or as many as asked for."""
        self.assertEqual(self._found(), [3, 2, 1])
        self.assertEqual(self._found("-n", "1"), [3])

    def test_filters(self) -> None:
        """Account, caller, callee and time; filters look 31 days back."""
        self.assertEqual(self._found("--account", "2000"), [3])
        self.assertEqual(self._found("--caller", "100"), [2])
        self.assertEqual(self._found("--callee", "33"), [3])
        self.assertEqual(self._found("--since", "30m"), [3])
        self.assertEqual(self._found("--since", "2h", "-n", "1"), [3])
        self.assertEqual(self._found("--account", "old"), [])
        self.assertEqual(self._found("--account", "old", "--since", "50d"), [1])

    def test_as_an_operator_reads_it(self) -> None:
        """Times of the zone, amounts exactly, the reason with its name."""
        line = self.terminal.run("cdr", "--caller", "100").output.splitlines()[1]
        for words in ("2026-03-01 11:00:05", "0.12", "caller", "-8 NormalHangUp"):
            self.assertIn(words, line)

    def test_misuse(self) -> None:
        """Numbers out of range and bytes that are no text."""
        for words in (("-n", "0"), ("-n", "9" * 20), ("--account", "\udcff")):
            self.assertEqual(self.terminal.run("cdr", *words).exit_code, 2)

    def test_narrow_screen(self) -> None:
        """Columns are left out, words are not broken; a wide screen has all."""
        with environment(COLUMNS="80"):
            lines = self.terminal.run("cdr").output.splitlines()
        self.assertLessEqual(max(map(len, lines)), 80)
        self.assertEqual(len(lines), 4)
        for words in ("2026-03-01 11:00:05", "0.12", "-8 NormalHangUp"):
            self.assertIn(words, lines[2])
        with environment(COLUMNS="20"):
            self.assertIn("-8 NormalHangUp", self.terminal.run("cdr").output)
        self.assertIn("ended by", self.terminal.run("cdr").output)

    def test_none(self) -> None:
        """No record is said so."""
        result = self.terminal.run("cdr", "--account", "nobody")
        self.assertEqual(result.output, "no records\n")


class SinceTests(SynchronousTestCase):
    """How a span of time is read."""

    def test_forms(self) -> None:
        """Ago, a day, a moment, each in the switch's zone."""
        berlin = ZoneInfo("Europe/Berlin")
        for text, zone, expected in (
            ("90m", UTC, NOON - 90 * 60_000),
            ("24h", UTC, NOON - 24 * HOUR),
            ("7d", UTC, NOON - 7 * 24 * HOUR),
            ("2026-03-01", UTC, NOON - 12 * HOUR),
            ("2026-03-01", berlin, NOON - 13 * HOUR),
            ("2026-03-01 11:30", UTC, NOON - HOUR // 2),
            ("2026-03-01 11:59:59", UTC, NOON - 1000),
        ):
            self.assertEqual(since_ms(text, zone, NOW), expected)

    def test_nonsense(self) -> None:
        """Anything else is refused, with examples."""
        for text in ("", "yesterday", "1w", "-1d", "2026-02-30"):
            error = self.assertRaises(click.BadParameter, since_ms, text, UTC, NOW)
            self.assertIn("24h", error.message)


class PushReplayTests(SynchronousTestCase):
    """The command push-replay, as far as it goes without a network."""

    def test_nothing_to_do(self) -> None:
        """No dead letters are no mistake."""
        terminal = Terminal(self.mktemp())
        terminal.write("vos3000.conf", "[push]\nurl = http://127.0.0.1:1/\n")
        result = terminal.run("push-replay")
        self.assertEqual((result.exit_code, result.output), (0, "no dead letters\n"))

    def test_nowhere_to_post(self) -> None:
        """Without an address it says what to set."""
        result = Terminal(self.mktemp()).run("push-replay")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("[push] url", result.output)

    def test_only_files_are_taken(self) -> None:
        """A device or directory stays where it is."""
        terminal = Terminal(self.mktemp())
        terminal.write("vos3000.conf", "[push]\nurl = http://127.0.0.1:1/\n")
        folder = terminal.state / "folder"
        folder.mkdir()
        result = terminal.run("push-replay", str(folder))
        self.assertEqual(result.exit_code, 1)
        self.assertIn("was left alone", result.output)
        self.assertTrue(folder.is_dir())

    def test_address_must_be_one(self) -> None:
        """Nothing is taken from the file for a mistyped address."""
        result = Terminal(self.mktemp()).run("push-replay", "--url", "here")
        self.assertEqual(result.exit_code, 2)
        self.assertIn("'here' is no http://", result.output)
