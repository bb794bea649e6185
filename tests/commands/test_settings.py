"""Tests of L{vos3000.commands.settings}."""

from __future__ import annotations

import json
import signal

from twisted.trial.unittest import SynchronousTestCase

from tests.commands.terminal import Terminal
from vos3000.db.settings import AccessStore, ParameterStore

PREFIX = "/external/server"


class SettingsCase(SynchronousTestCase):
    """A terminal, a database, and a switch that runs."""

    def setUp(self) -> None:
        """Process 4711 is the switch."""
        self.terminal = Terminal(self.mktemp())
        self.terminal.make_database()
        (self.terminal.state / "vos3000.pid").write_text("4711\n")


class AccessTests(SettingsCase):
    """The command access."""

    def _rules(self) -> list[tuple[str, tuple[str, ...]]]:
        pool = self.terminal.pool()
        rules = self.terminal.do(pool, AccessStore(pool).rules())
        return [(rule.path, rule.addresses) for rule in rules]

    def test_allow_and_remove(self) -> None:
        """A row is made, replaced and removed; the switch is told each time."""
        result = self.terminal.run(
            "access", "allow", PREFIX, "192.0.2.1,192.0.2.8/29", "2001:db8::1"
        )
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertIn("the switch has been told", result.output)
        self.assertEqual(
            self._rules(), [(PREFIX, ("192.0.2.1", "192.0.2.8/29", "2001:db8::1"))]
        )
        self.terminal.run("access", "allow", PREFIX, "192.0.2.5-192.0.2.9")
        self.assertEqual(self._rules(), [(PREFIX, ("192.0.2.5-192.0.2.9",))])
        self.assertEqual(self.terminal.run("access", "remove", PREFIX).exit_code, 0)
        self.assertEqual(self._rules(), [])
        self.assertEqual(self.terminal.killed, [(4711, signal.SIGHUP)] * 3)

    def test_list(self) -> None:
        """The machine itself, which always may, and every row."""
        self.terminal.run("access", "allow", PREFIX, "192.0.2.1", "192.0.2.2")
        for words in (["access"], ["access", "list"]):
            text = self.terminal.run(*words).output
            self.assertIn("127.0.0.1, ::1 (always)", text)
            self.assertIn("192.0.2.1, 192.0.2.2", text)
        found = json.loads(self.terminal.run("access", "list", "--json").output)
        self.assertEqual(
            found, [{"path": PREFIX, "addresses": ["192.0.2.1", "192.0.2.2"]}]
        )

    def test_refused(self) -> None:
        """What would let nobody in, or is not there; nothing is written."""
        for words in (
            ("allow", PREFIX, "here"),
            ("allow", PREFIX, "192.0.2.9-192.0.2.1"),
            ("allow", PREFIX, "192.0.2.1-2001:db8::1"),
            ("allow", PREFIX, ","),
            ("allow", PREFIX),
            ("allow", "external", "192.0.2.1"),
            ("allow", "/a\nb", "192.0.2.1"),
            ("allow", "/\udcff", "192.0.2.1"),
        ):
            self.assertEqual(self.terminal.run("access", *words).exit_code, 2, words)
        result = self.terminal.run("access", "remove", PREFIX)
        self.assertEqual(result.exit_code, 1)
        self.assertEqual((self._rules(), self.terminal.killed), ([], []))


class ParametersTests(SettingsCase):
    """The command parameters."""

    def _stored(self) -> dict[str, str]:
        pool = self.terminal.pool()
        stored: dict[str, str] = self.terminal.do(pool, ParameterStore(pool).all())
        return stored

    def test_set_and_show(self) -> None:
        """By any of its names; stored by its own, and the switch is told."""
        result = self.terminal.run("parameters", "--set", "SS_SIPPORT = 5070")
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertEqual(self._stored(), {"SS_SIP_PORT": "5070"})
        self.assertEqual(self.terminal.killed, [(4711, signal.SIGHUP)])
        (row,) = json.loads(self.terminal.run("parameters", "--json").output)
        self.assertEqual(
            (row["name"], row["value"], row["from"]),
            ("SS_SIP_PORT", "5070", "database"),
        )
        text = self.terminal.run("parameters", "SS_MAXCALLDURATION").output
        self.assertIn("14400", text)
        every = json.loads(self.terminal.run("parameters", "--all", "--json").output)
        self.assertGreater(len(every), 100)

    def test_nothing_is_set(self) -> None:
        """It is said so."""
        self.assertIn("none is set", self.terminal.run("parameters").output)

    def test_file_is_read_only(self) -> None:
        """What mbx2008.conf sets is shown with its line, and stays."""
        path = self.terminal.write("mbx2008.conf", "# one\nSS_SIPPORT=5080\n")
        result = self.terminal.run("parameters", "--set", "SS_SIP_PORT=5070")
        self.assertEqual(result.exit_code, 1)
        self.assertIn(f"SS_SIP_PORT is read-only: {path}:2 sets it", result.output)
        self.assertEqual((self._stored(), self.terminal.killed), ({}, []))
        (row,) = json.loads(self.terminal.run("parameters", "--json").output)
        self.assertEqual((row["value"], row["from"]), ("5080", f"{path}:2"))

    def test_refused(self) -> None:
        """Unknown names, values that are not accepted, and misuse."""
        for status, words, told in (
            (1, ("--set", "SS_MAXCALLDURATION=long"), "is not accepted"),
            (1, ("--set", "SS_MAXCALDURATION=1"), "did you mean SS_MAXCALLDURATION"),
            (1, ("SS_NO",), "is no system parameter"),
            (2, ("--set", "SS_MAXCALLDURATION"), "is not NAME=VALUE"),
            (2, ("SS_SIP_PORT", "--all"), "give NAME, or --set, or --all"),
        ):
            result = self.terminal.run("parameters", *words)
            self.assertEqual(result.exit_code, status, words)
            self.assertIn(told, result.output)
        self.assertEqual(self._stored(), {})

    def test_pushes(self) -> None:
        """Their address is taken at a start, and that is said."""
        words = ("parameters", "--set", "OUT_POST_URL=http://127.0.0.1:9000/")
        result = self.terminal.run(*words)
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertIn("next start", result.output)
        self.assertEqual(self.terminal.killed, [])

    def test_no_unicode(self) -> None:
        """Bytes that are no text are misuse, not an error of ours."""
        words = ("parameters", "--set", "SS_LRN_SERVER_IP=\udcff")
        self.assertEqual(self.terminal.run(*words).exit_code, 1)
        result = self.terminal.run("parameters", "--set", "SS_RTPENCRYPTIONKEY=\udcff")
        self.assertEqual(result.exit_code, 2)
        self.assertIn("not valid Unicode", result.output)

    def test_not_yet_in_effect(self) -> None:
        """It is set, and said to be without effect."""
        result = self.terminal.run("parameters", "--set", "IVR_ALARM_RETRY=5")
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertIn("not yet in effect", result.output)
