"""Tests of L{vos3000.commands.registrations} and of the page behind it."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from tests.commands.terminal import NOW, Terminal, environment
from tests.routing.test_location import binding
from vos3000.web import registered
from vos3000.web.registered import listed

BEGUN = int(NOW * 1000) - 65_000


class ListTests(SynchronousTestCase):
    """What the page holds."""

    def test_rows(self) -> None:
        """In the order of names, with all that is known."""
        found = listed(
            [binding("gw", named=None), binding("1001", flow="<urn:x> 1")],
            lambda aor: "phone" if aor.isdigit() else "gateway",
            "",
        )
        self.assertEqual(found["count"], 2)
        phone, gateway = found["registrations"]
        self.assertEqual((phone["name"], phone["kind"]), ("1001", "phone"))
        self.assertEqual((phone["behindNat"], phone["flow"]), (False, "<urn:x> 1"))
        self.assertEqual((gateway["kind"], gateway["behindNat"]), ("gateway", True))
        self.assertEqual(gateway["remoteIp"], "198.51.100.7")
        self.assertEqual(json.loads(json.dumps(found)), found)

    def test_prefix_and_limit(self) -> None:
        """Only those asked for, and not more than one answer takes."""
        many = [binding(f"10{n:05}") for n in range(registered.MOST + 5)]
        found = listed([*many, binding("2000")], str, "10")
        self.assertEqual(found["count"], registered.MOST + 5)
        self.assertEqual(len(found["registrations"]), registered.MOST)


class CommandTests(SynchronousTestCase):
    """The command registrations."""

    def setUp(self) -> None:
        """A switch with a phone and a gateway."""
        self.terminal = Terminal(self.mktemp())
        self.found = listed(
            [
                binding("1001", registered=BEGUN, expires=BEGUN + 125_000),
                binding("gw", remote=("2001:db8::1", 5060), named=None),
            ],
            lambda aor: "phone" if aor.isdigit() else "gateway",
            "",
        )
        self.terminal.switch.answers["registrations"] = self.found

    def test_table(self) -> None:
        """Who, from where, since when, for how long."""
        with environment(COLUMNS="200"):
            lines = self.terminal.run("registrations").output.splitlines()
        for word in ("1001", "phone", "198.51.100.7:5062", "0:01:05", "0:01:00"):
            self.assertIn(word, lines[1])
        self.assertIn("device/1", lines[1])
        self.assertIn("[2001:db8::1]:5060", lines[2])
        self.assertEqual(self.terminal.switch.asked[-1][0], "/registrations?prefix=")

    def test_narrow(self) -> None:
        """Columns are left out, words are not broken."""
        with environment(COLUMNS="60"):
            lines = self.terminal.run("registrations").output.splitlines()
        self.assertLessEqual(max(map(len, lines)), 60)
        self.assertIn("1001", lines[1])

    def test_what_devices_say(self) -> None:
        """Nothing of it does anything to the terminal, or to the command."""
        evil = "\x1b[2J\x9b31m\u202e\udcff[/red]"
        one = binding(
            "1001", product=evil, contact="sip:1001@h", path=(f"<sip:{evil}>",)
        )
        self.terminal.switch.answers["registrations"] = listed([one], str, "")
        with environment(COLUMNS="200"):
            shown = self.terminal.run("registrations")
            told = self.terminal.run("registrations", "--json")
        self.assertIn("[2J", shown.output)
        self.assertIn("[/red]", shown.output)
        for sign in "\x1b\x9b\u202e\udcff":
            self.assertNotIn(sign, shown.output)
            self.assertNotIn(sign, told.output)
        (found,) = json.loads(told.output)
        self.assertEqual(found["productId"], evil)

    def test_prefix(self) -> None:
        """It is asked of the switch."""
        self.terminal.run("registrations", "10 0/1")
        asked = self.terminal.switch.asked[-1][0]
        self.assertEqual(asked, "/registrations?prefix=10%200/1")

    def test_more(self) -> None:
        """What does not fit into the answer is told."""
        self.terminal.switch.answers["registrations"] = {**self.found, "count": 7}
        self.assertIn("and 5 more", self.terminal.run("registrations").output)

    def test_nobody(self) -> None:
        """An empty list is no error."""
        empty = {"count": 0, "registrations": []}
        self.terminal.switch.answers["registrations"] = empty
        result = self.terminal.run("registrations")
        self.assertEqual(
            (result.exit_code, result.output), (0, "nobody is registered\n")
        )

    def test_json(self) -> None:
        """The same for programs."""
        found = json.loads(self.terminal.run("registrations", "--json").output)
        self.assertEqual(found, self.found["registrations"])
