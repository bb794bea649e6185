"""Tests of L{vos3000.commands.configuration} and L{vos3000.cli}."""

from __future__ import annotations

import json

from click.testing import CliRunner
from twisted.trial.unittest import SynchronousTestCase

from tests.commands.terminal import Terminal, environment
from vos3000 import cli
from vos3000.db.customers import CustomerStore
from vos3000.db.gateways import MAPPING, ROUTING, GatewayStore
from vos3000.db.phones import PhoneStore
from vos3000.db.settings import ParameterStore
from vos3000.db.upgrade import REVISIONS


class CheckTests(SynchronousTestCase):
    """The command check."""

    def setUp(self) -> None:
        """A configuration that sets nothing, and an empty database."""
        self.terminal = Terminal(self.mktemp())
        self.terminal.make_database()

    def test_good(self) -> None:
        """Exit 0, and the schema is named."""
        result = self.terminal.run("check")
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertIn(f"schema {REVISIONS[-1]}, up to date", result.output)
        self.assertIn("no problems", result.output)

    def test_first_start(self) -> None:
        """No database yet is no problem."""
        self.terminal.database.unlink()
        result = self.terminal.run("check")
        self.assertEqual(result.exit_code, 0)
        self.assertIn("the first start makes it", result.output)

    def test_all_mistakes_of_both_files(self) -> None:
        """Each with its file and line, and exit 1."""
        self.terminal.write("vos3000.conf", "[sip]\nudp = here\n[http]\nport = 1\n")
        self.terminal.write("mbx2008.conf", "\nSS_MAXCALLDURATION=long\n")
        result = self.terminal.run("check")
        self.assertEqual(result.exit_code, 1)
        for words in (
            "vos3000.conf:2: [sip] udp",
            "vos3000.conf:4: [http] port",
            "mbx2008.conf:2: SS_MAXCALLDURATION",
            "3 problems",
        ):
            self.assertIn(words, result.output)

    def test_mistakes_in_the_database(self) -> None:
        """Parameters and gateways that other programs wrote."""
        pool = self.terminal.pool()
        store = ParameterStore(pool)
        self.terminal.do(pool, store.set("SS_MAXCALLDURATION", "long"))
        pool = self.terminal.pool()
        fields = {"name": "m", "remoteIps": "300.1.1.1", "rewriteRulesOutCallee": "1"}
        self.terminal.do(pool, GatewayStore(pool, MAPPING).create(fields))
        result = self.terminal.run("check", "--json")
        self.assertEqual(result.exit_code, 1)
        problems = json.loads(result.output)["problems"]
        self.assertEqual(len(problems), 3)
        self.assertIn("mapping gateway m: remoteIps '300.1.1.1'", problems[0])
        self.assertIn("mapping gateway m: callee rule '1'", problems[1])
        self.assertIn("SS_MAXCALLDURATION", problems[2])

    def test_mistakes_in_sip_options(self) -> None:
        """Headers that cannot be sent, a domain that is none."""
        pool = self.terminal.pool()
        fields = {
            "name": "r",
            "sipLocalDomain": "a b",
            "sipInviteHeaders": "X-Good: 1\nVia: 2",
            "sipExtraHeaders": "x-good,from",
        }
        self.terminal.do(pool, GatewayStore(pool, ROUTING).create(fields))
        result = self.terminal.run("check", "--json")
        self.assertEqual(result.exit_code, 1)
        self.assertEqual(
            json.loads(result.output)["problems"],
            [
                "routing gateway r: sipLocalDomain 'a b' is no host",
                "routing gateway r: sipInviteHeaders 'Via: 2': Via is not the"
                " operator's to write",
                "routing gateway r: sipExtraHeaders 'from' is no header that can be"
                " let through",
            ],
        )

    def test_number_groups(self) -> None:
        """One that gateways draw from and that has no numbers."""
        for number, name in ((1, "pool"), (2, "empty")):
            self.terminal.execute(
                f"INSERT INTO e_limit_e164_group (id, name) VALUES ({number}, '{name}')"
            )
        self.terminal.execute(
            "INSERT INTO e_limit_e164 (limite164groupid, e164) VALUES (1, '700')"
        )
        for kind, name, group, enabled in (
            (MAPPING, "m", "empty", True),
            (ROUTING, "r", "none", True),
            (ROUTING, "good", "pool", True),
            (ROUTING, "off", "none", False),
        ):
            fields = {
                "name": name,
                "forwardSignalRewriteE164Group": group,
                "forwardSignalRewriteE164GroupEnable": enabled,
            }
            pool = self.terminal.pool()
            self.terminal.do(pool, GatewayStore(pool, kind).create(fields))
        result = self.terminal.run("check", "--json")
        self.assertEqual(
            json.loads(result.output)["problems"],
            [
                "mapping gateway m: forwardSignalRewriteE164Group 'empty' has no"
                " numbers",
                "routing gateway r: forwardSignalRewriteE164Group 'none' has no"
                " numbers",
            ],
        )

    def test_foreign_database(self) -> None:
        """A file that is none of ours is a problem, not an error."""
        self.terminal.database.write_bytes(b"no database at all, is it" * 100)
        result = self.terminal.run("check")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("not usable", result.output)

    def test_not_yet_in_effect(self) -> None:
        """What is set without effect is said; that alone is no problem."""
        self.terminal.write("vos3000.conf", "[h323]\nsignal = 0.0.0.0:1720\n")
        self.terminal.write("mbx2008.conf", "IVR_ALARM_RETRY=5\n")
        result = self.terminal.run("check")
        self.assertEqual(result.exit_code, 0, result.output)
        for name in ("[h323] signal", "IVR_ALARM_RETRY"):
            self.assertIn(f"not yet in effect: {name} is set", result.output)

    def test_every_parameter(self) -> None:
        """--all has a line for each row of the registry."""
        self.terminal.write("mbx2008.conf", "SS_MAXCALLDURATION=7200\n")
        rows = json.loads(self.terminal.run("check", "--all", "--json").output)
        by_name = {row["name"]: row for row in rows["parameters"]}
        self.assertGreater(len(by_name), 120)
        row = by_name["SS_MAXCALLDURATION"]
        self.assertEqual((row["value"], row["from"]), ("7200", "file"))
        self.assertEqual(row["in_effect"], "yes")
        states = {row["in_effect"] for row in by_name.values()}
        self.assertEqual(states, {"yes", "not yet in effect"})
        text = self.terminal.run("check", "--all").output
        self.assertEqual(text.count("not yet in effect"), text.count("effect: "))

    def test_narrow_screen(self) -> None:
        """Parameters stand one below the other, and no word is broken."""
        with environment(COLUMNS="80"):
            text = self.terminal.run("check", "--all").output
        self.assertLessEqual(max(map(len, text.splitlines()[1:])), 80)
        self.assertIn("\nSS_MAXCALLDURATION = 14400\n    from default; takes", text)

    def test_what_carries_no_call(self) -> None:
        """Warnings, and exit 0: nothing is wrong, and yet no call goes."""
        pool = self.terminal.pool()
        self.terminal.do(pool, CustomerStore(pool).create({"account": "1"}, 0))
        for kind, fields in (
            (MAPPING, {"name": "m"}),
            (MAPPING, {"name": "r", "registerType": 1, "account": "1"}),
            (ROUTING, {"name": "h", "protocol": 0}),
            (ROUTING, {"name": "s", "protocol": 1, "remoteIp": "192.0.2.1"}),
            (ROUTING, {"name": "t", "protocol": 1, "registerType": 1}),
        ):
            pool = self.terminal.pool()
            self.terminal.do(pool, GatewayStore(pool, kind).create(fields))
        result = self.terminal.run("check", "--json")
        self.assertEqual(result.exit_code, 0, result.output)
        told = json.loads(result.output)["warnings"]
        wanted = (
            "mapping gateway m has no address",
            "mapping gateway m has no account",
            "mapping gateway r registers",
            "routing gateway h speaks H.323 (protocol 0)",
            "routing gateway h has no address",
            "routing gateway t registers",
            "account 1 has no rate group",
        )
        self.assertEqual(len(told), len(wanted), told)
        for words, warning in zip(wanted, told, strict=True):
            self.assertTrue(warning.startswith(words), warning)
        text = self.terminal.run("check").output
        self.assertIn("warning: mapping gateway m has no address", text)
        self.assertIn("no problems, 7 warnings", text)

    def test_phones(self) -> None:
        """What is wrong with phones, and which of them carry no call."""
        self.terminal.make_database()
        for fields in (
            {"e164": "1001", "dids": "2001"},
            {"e164": "1002", "infoPhoneAdditional": {"registerType": 0}},
            {"e164": "1003", "infoPhoneAdditional": {"protocol": 0}, "password": "p"},
        ):
            pool = self.terminal.pool()
            store = PhoneStore(pool, CustomerStore(pool))
            self.terminal.do(pool, store.create(fields))
        told = json.loads(self.terminal.run("check", "--json").output)["warnings"]
        self.assertEqual(
            told,
            [
                "phone 1001 has no account: its calls are refused",
                "phone 1001 registers and has no password: it cannot",
                "phone 1002 has no account: its calls are refused",
                "phone 1002 has no address (ip): no call is its",
                "phone 1003 has no account: its calls are refused",
                "phone 1003 speaks H.323 (protocol 0), which is not in this release",
            ],
        )
        self.terminal.execute("UPDATE e_phone SET dids = '2001,1002'")
        self.terminal.execute("UPDATE e_phone SET rewriterulesincaller = 'x'")
        result = self.terminal.run("check", "--json")
        self.assertEqual(result.exit_code, 1)
        problems = json.loads(result.output)["problems"]
        self.assertEqual(
            problems[:3],
            [
                "phone 1001: 1002 rings 1002",
                "phone 1002: 2001 rings 1001",
                "phone 1003: 2001 rings 1001",
            ],
        )
        self.assertIn("phone 1001: rewriteRulesInCaller rule 'x'", problems[4])


class MigrateTests(SynchronousTestCase):
    """The command migrate."""

    def test_makes_and_keeps(self) -> None:
        """The first run applies every step, the second none."""
        terminal = Terminal(self.mktemp())
        result = terminal.run("migrate")
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertIn("applied 0001", result.output)
        self.assertNotIn("applied", terminal.run("migrate").output)
        self.assertIn("up to date", terminal.run("check").output)

    def test_goes_back(self) -> None:
        """After a question, or when told not to ask; and forward again."""
        terminal = Terminal(self.mktemp())
        terminal.run("migrate")
        result = terminal.run("migrate", "--to", "0001")
        self.assertIn("and lose what they added?", result.output)
        self.assertEqual(result.exit_code, 1)
        self.assertNotIn("applied", terminal.run("migrate").output)
        result = terminal.run("migrate", "--to", "0001", "--yes")
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertIn("undone 0002", result.output)
        self.assertIn("the schema is 0001", result.output)
        result = terminal.run("migrate", "--to", "7", "--yes")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("7 is no schema of this program", result.output)
        self.assertIn("applied 0002", terminal.run("migrate").output)

    def test_views_are_for_a_server(self) -> None:
        """A file has none."""
        result = Terminal(self.mktemp()).run("migrate", "--views")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("views are for a server", result.output)

    def test_state_directory_cannot_be_made(self) -> None:
        """It says which one, and what to set."""
        terminal = Terminal(self.mktemp())
        file = terminal.write("file", "")
        result = terminal.run("migrate", "--state", str(file / "below"))
        self.assertEqual(result.exit_code, 1)
        self.assertIn("[state] dir", result.output)


class CommandLineTests(SynchronousTestCase):
    """The command itself."""

    def test_every_command_has_help(self) -> None:
        """Help is there for each, and for all."""
        runner = CliRunner()
        names = runner.invoke(cli.main, []).output.partition("Commands:")[2]
        commands = [line.split()[0] for line in names.splitlines() if line.strip()]
        self.assertEqual(len(commands), 26)
        for words in ([], *([name] for name in commands)):
            result = runner.invoke(cli.main, [*words, "--help"])
            self.assertEqual(result.exit_code, 0, result.output)
            self.assertIn("--state", result.output)

    def test_unknown_command(self) -> None:
        """Exit 2."""
        self.assertEqual(CliRunner().invoke(cli.main, ["make-tea"]).exit_code, 2)

    def test_options_before_and_behind(self) -> None:
        """--config and --state are taken at either place."""
        terminal = Terminal(self.mktemp())
        there = ["--config", str(terminal.config), "--state", str(terminal.state)]
        for words in ([*there, "check"], ["check", *there]):
            result = CliRunner().invoke(cli.main, words)
            self.assertEqual(result.exit_code, 0, result.output)
            self.assertIn(str(terminal.state), result.output)

    def test_the_system_refuses(self) -> None:
        """A directory where a file should be: a message, no traceback."""
        terminal = Terminal(self.mktemp())
        (terminal.state / "vos3000.pid").mkdir()
        result = terminal.run("reload")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("the system refused", result.output)

    def test_missing_configuration(self) -> None:
        """A directory that is not there is a mistake like any other."""
        result = CliRunner().invoke(cli.main, ["--config", "/nowhere", "status"])
        self.assertEqual(result.exit_code, 1)
        self.assertIn("/nowhere: is no directory", result.output)
