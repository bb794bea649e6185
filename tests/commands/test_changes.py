"""Tests of L{vos3000.commands.changes}, and of what the commands write."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.commands.terminal import NOW, Terminal
from vos3000.db.gateways import MAPPING, GatewayStore


class ChangesTests(SynchronousTestCase):
    """Who changed what, by commands."""

    def setUp(self) -> None:
        self.terminal = Terminal(self.mktemp())
        self.terminal.make_database()
        pool = self.terminal.pool()
        fields = {"name": "in", "capacity": 5, "password": "geheim"}
        self.terminal.do(pool, GatewayStore(pool, MAPPING).create(fields))

    def run_ok(self, *words: str) -> str:
        """What a command that succeeds prints."""
        result = self.terminal.run(*words)
        self.assertEqual(result.exit_code, 0, result.output)
        return result.output

    def listed(self, *words: str) -> Any:
        """The changes for programs, newest first."""
        return json.loads(self.run_ok("changes", "--json", *words))

    def test_none(self) -> None:
        """It says so."""
        self.assertEqual(self.run_ok("changes"), "no changes\n")

    def test_each_command_that_changes_something(self) -> None:
        """By its login, at its moment."""
        sheet = self.terminal.write("rates.csv", "feePrefix,fee,period\n86,0.06,60\n")
        for words, event in (
            (("gateway", "set", "in", "capacity=7"), "mapping gateway in"),
            (
                ("parameters", "--set", "SS_MAXCALLDURATION=7200"),
                "parameter SS_MAXCALLDURATION",
            ),
            (
                ("access", "allow", "/external/server", "192.0.2.1"),
                "access to /external/server",
            ),
            (("access", "remove", "/external/server"), "access to /external/server"),
            (("import-rates", str(sheet), "--group", "gold"), "rates of gold"),
        ):
            self.run_ok(*words)
            newest = self.listed("-n", "1")[0]
            self.assertEqual((newest["who"], newest["event"]), ("anna", event))
            self.assertEqual(newest["time_ms"], NOW * 1000)

    def test_read_by_people(self) -> None:
        """A line for each field; no password."""
        self.run_ok("gateway", "set", "in", "capacity=7", "password=anders")
        self.assertEqual(
            self.run_ok("changes"),
            "2026-03-01 12:00:00  anna: mapping gateway in changed\n"
            '    password: "***" -> "***"\n'
            "    capacity: 5 -> 7\n",
        )

    def test_filters(self) -> None:
        """By who, by what, by when."""
        self.run_ok("gateway", "set", "in", "capacity=7")
        self.assertEqual(len(self.listed("--who", "ann", "--about", "gateway")), 1)
        self.assertEqual(self.listed("--who", "outside"), [])
        self.assertEqual(self.listed("--about", "phone"), [])
        self.assertEqual(len(self.listed("--since", "1h")), 1)
        self.assertEqual(self.listed("--since", "2026-03-02"), [])

    def test_rows_of_others(self) -> None:
        """Texts that are no JSON are shown; what a terminal obeys is not."""
        self.terminal.execute(
            "INSERT INTO e_syslog (id, type, time, username, event, infoold, infonew)"
            " VALUES (9, 77, 0, 'x', 'login', 'no' || char(27) || '[2J', '[1]')"
        )
        text = self.run_ok("changes")
        self.assertIn("x: login 77", text)
        self.assertNotIn("\x1b", text)

    def test_seen_version(self) -> None:
        """Who has seen another version changes nothing, and is told."""
        shown = json.loads(self.run_ok("gateway", "show", "in", "--json"))
        seen = shown["version"]
        self.run_ok("gateway", "set", "in", "capacity=7", "--version", seen)
        refused = self.terminal.run(
            *("gateway", "set", "in", "capacity=9", "--version", seen)
        )
        self.assertEqual(refused.exit_code, 1)
        self.assertIn("changed by somebody else meanwhile", refused.output)
        shown = json.loads(self.run_ok("gateway", "show", "in", "--json"))
        self.assertEqual(shown["capacity"], 7)
