"""Tests of L{vos3000.commands.rates}."""

from __future__ import annotations

import json
import signal
from decimal import Decimal
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.commands.terminal import Terminal
from vos3000.db.customers import CustomerStore
from vos3000.db.rates import RateStore
from vos3000.db.settings import ParameterStore
from vos3000.model.rates import Rate, RateSection

GOOD = "feeRateGroup,feePrefix,fee,period\nretail,49,0.06,60\nretail,33,0.04,60\n"


class RatesCase(SynchronousTestCase):
    """A terminal with a database."""

    def setUp(self) -> None:
        """An empty database."""
        self.terminal = Terminal(self.mktemp())
        self.terminal.make_database()

    def file(self, text: str) -> str:
        """A file with this text."""
        path = Path(self.mktemp())
        path.write_text(text)
        return str(path)

    def rates(self, group: str) -> dict[str, Rate]:
        """The rates that a group has now."""
        pool = self.terminal.pool()
        store = RateStore(pool)
        return dict(self.terminal.do(pool, store.group_rates(group)))

    def groups(self) -> list[str]:
        """The names of all groups."""
        pool = self.terminal.pool()
        found = self.terminal.do(pool, RateStore(pool).groups())
        return [group.name for group in found]


class ImportTests(RatesCase):
    """The command import-rates."""

    def test_good_file_is_applied(self) -> None:
        """Groups are made, rates added; the next import replaces by prefix."""
        result = self.terminal.run("import-rates", self.file(GOOD))
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertIn(
            "2 rates applied: 2 new, 0 replaced, groups made: retail", result.output
        )
        self.assertIn("no switch runs", result.output)
        second = self.file("feePrefix,fee,period\n49,0.09,60\n")
        result = self.terminal.run("import-rates", second, "--group", "retail")
        self.assertIn("1 rates applied: 0 new, 1 replaced", result.output)
        found = {prefix: rate.fee for prefix, rate in self.rates("retail").items()}
        self.assertEqual(found, {"49": Decimal("0.09"), "33": Decimal("0.04")})

    def test_one_bad_row_stops_everything(self) -> None:
        """Nothing is applied, and the line is named."""
        result = self.terminal.run("import-rates", self.file(GOOD + "retail,1,x,60\n"))
        self.assertEqual(result.exit_code, 1)
        self.assertIn("line 4: fee: 'x' is not a number", result.output)
        self.assertIn("nothing was applied", result.output)
        self.assertEqual(self.groups(), [])

    def test_skip_bad_applies_the_others(self) -> None:
        """The operator may say that good rows are enough."""
        file = self.file(GOOD + "retail,1,x,60\n")
        result = self.terminal.run("import-rates", file, "--skip-bad")
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertIn("1 bad rows were left out", result.output)
        self.assertEqual(set(self.rates("retail")), {"49", "33"})

    def test_dry_run_changes_nothing(self) -> None:
        """It checks, and exits with 1 for a bad file."""
        result = self.terminal.run("import-rates", self.file(GOOD), "--dry-run")
        self.assertEqual(result.exit_code, 0)
        self.assertIn("2 good rows for retail; nothing was changed", result.output)
        bad = self.terminal.run("import-rates", self.file(GOOD + "x\n"), "--dry-run")
        self.assertEqual(bad.exit_code, 1)
        self.assertEqual(self.groups(), [])

    def test_running_switch_is_told(self) -> None:
        """SIGHUP goes to the process of the pid file."""
        (self.terminal.state / "vos3000.pid").write_text("4711\n")
        result = self.terminal.run("import-rates", self.file(GOOD))
        self.assertIn("the switch has been told", result.output)
        self.assertEqual(self.terminal.killed, [(4711, signal.SIGHUP)])

    def test_unusable_header_and_encoding(self) -> None:
        """Both are told before anything is read."""
        result = self.terminal.run("import-rates", self.file("a,b\n"))
        self.assertEqual(result.exit_code, 1)
        self.assertIn("unknown column 'a'", result.output)
        for name in ("klingon", "undefined", "rot13"):
            result = self.terminal.run(
                "import-rates", self.file(GOOD), "--encoding", name
            )
            self.assertEqual(result.exit_code, 2)
            self.assertIn(f"'{name}' is no encoding", result.output)

    def test_without_database(self) -> None:
        """It says how to get one."""
        self.terminal.database.unlink()
        result = self.terminal.run("import-rates", self.file(GOOD))
        self.assertEqual(result.exit_code, 1)
        self.assertIn("vos3000 migrate", result.output)

    def test_hundred_bad_rows_are_shown(self) -> None:
        """The others are counted."""
        file = self.file("feePrefix,fee,period\n" + "x y,1,60\n" * 150)
        result = self.terminal.run("import-rates", file, "--group", "g")
        self.assertEqual(result.output.count("line "), 100)
        self.assertIn("and 50 more bad rows", result.output)
        self.assertIn("150 bad rows", result.output)


class RateTestTests(RatesCase):
    """The command rate-test."""

    def setUp(self) -> None:
        """A group with a rate in sections, and an account that has it."""
        super().setUp()
        sections = (RateSection(30, Decimal("0.5")), RateSection(30, Decimal("0.1")))
        rates = [
            ("retail", Rate("49", Decimal("0.06"), 6, sections, area_name="Germany")),
            ("retail", Rate("4930", Decimal("1"), 6, lock_type=1)),
        ]
        pool = self.terminal.pool()
        self.terminal.do(pool, RateStore(pool).replace_rates(rates))
        for account, group in (("1000", "retail"), ("2000", "")):
            pool = self.terminal.pool()
            fields = {"account": account, "feeRateGroup": group}
            self.terminal.do(pool, CustomerStore(pool).create(fields, 0))

    def test_sections_and_cycles(self) -> None:
        """61.1 s: both sections, one cycle of two seconds' rest."""
        result = self.terminal.run("rate-test", "1000", "49891", "61.1")
        self.assertEqual(result.exit_code, 0, result.output)
        for words in (
            "49 (Germany)",
            "30 s for 0.5, entered",
            "30 s for 0.1, entered",
            "1 of 6 s for 0.06 each",
            "62 s held, 66 s charged: 0.66",
        ):
            self.assertIn(words, result.output)

    def test_short_call_enters_one_section(self) -> None:
        """A section entered is charged whole, the next one not at all."""
        result = self.terminal.run(
            "rate-test", "--group", "retail", "49891", "5", "--json"
        )
        found = json.loads(result.output)
        self.assertEqual(
            [found[key] for key in ("sections", "cycles", "feeTime", "fee")],
            [1, 0, 30, "0.5"],
        )
        self.assertEqual(found["rate"]["prefix"], "49")

    def test_free_numbers(self) -> None:
        """Numbers on the lists are charged nothing, and it says which list."""
        pool = self.terminal.pool()
        store = ParameterStore(pool)
        self.terminal.do(pool, store.set("SERVER_BILLING_FREE_E164S", "49891"))
        result = self.terminal.run("rate-test", "1000", "49891", "5")
        self.assertIn("on SERVER_BILLING_FREE_E164S", result.output)
        self.assertIn("0 s charged: 0", result.output)

    def test_no_usable_rate(self) -> None:
        """A locked prefix and an unknown one would refuse the call: exit 1."""
        for number in ("4930123", "1"):
            result = self.terminal.run("rate-test", "1000", number, "5")
            self.assertEqual(result.exit_code, 1)
            self.assertIn(f"no usable rate for {number}", result.output)

    def test_who_pays_must_be_known(self) -> None:
        """An unknown account or group, and an account without a group."""
        for words, message in (
            (("3000", "49", "5"), "no account '3000'"),
            (("2000", "49", "5"), "2000 has no rate group"),
            (("--group", "x", "49", "5"), "no feeRateGroup 'x'"),
        ):
            result = self.terminal.run("rate-test", *words)
            self.assertEqual(result.exit_code, 1)
            self.assertIn(message, result.output)

    def test_misuse(self) -> None:
        """Too few words, too many and no number of seconds: exit 2."""
        for words in (("49", "5"), ("a", "49", "x"), ("--group", "g", "a", "49", "5")):
            result = self.terminal.run("rate-test", *words)
            self.assertEqual(result.exit_code, 2, result.output)
