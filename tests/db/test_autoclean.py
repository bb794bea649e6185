"""Tests of L{vos3000.db.autoclean}."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests import rows
from tests.db.backup import books
from tests.db.flaky import FlakyPool
from vos3000.db.autoclean import EVERY, FIRST, PAUSE, STEP, AutoClean, put_rule, rules
from vos3000.db.customers import CASH, PAY, CustomerStore
from vos3000.db.days import day_tables
from vos3000.errors import StorageError
from vos3000.events import Cleaned, Events
from vos3000.instant import instants
from vos3000.metrics import Metrics

DAY = 86_400


class CleanCase(SynchronousTestCase):
    """Accounts with records of ten days, and a clean-up."""

    def setUp(self) -> None:
        """Ten day tables, the newest of today: 2026-03-01."""
        self.connection = rows.empty_database()
        self.real = rows.memory_pool(self.connection)
        self.pool = FlakyPool(self.real)
        books.fill(self.real, 0)
        self.clock = Clock()
        self.events, self.metrics = Events(), Metrics()
        self.heard: list[Any] = []
        self.events.subscribe(Cleaned, self.heard.append)
        now = instants(lambda: rows.NOON / 1000 + self.clock.seconds(), lambda: 0.0)
        self.clean = AutoClean(
            self.pool,  # type: ignore[arg-type]
            self.clock,
            now,
            self.events,
            self.metrics,
            rows.UTC,
        )

    def day(self, name: str, count: int) -> None:
        """A table of a day with records."""
        books.write(self.real, range(count))
        make = self.real.dialect.create_like
        self.successResultOf(self.real.interact("make", make, name, "e_cdr"))
        self.connection.execute(f"INSERT INTO {name} SELECT * FROM e_cdr")
        self.connection.execute("DELETE FROM e_cdr")
        self.connection.commit()

    def rule(self, content: str, days: int) -> None:
        """Change a rule."""
        changed = self.real.interact("rule", put_rule, content, days)
        self.assertTrue(self.successResultOf(changed))

    def run_(self, steps: int = 50) -> None:
        """One look, with its pauses."""
        done = self.clean.run()
        self.clock.pump([PAUSE] * steps)
        self.successResultOf(done)

    def tables(self) -> list[str]:
        """The day tables there are."""
        found = self.real.read("days", day_tables, self.real.dialect)
        return self.successResultOf(found)

    def check(self) -> None:
        """The ledger explains every balance."""
        self.assertEqual(rows.ledger(self.connection), rows.balances(self.connection))


class RecordTests(CleanCase):
    """Tables of days."""

    def setUp(self) -> None:
        """Four of them; records are kept two days."""
        super().setUp()
        for name in ("20260101", "20260226", "20260227", "20260301"):
            self.day(f"e_cdr_{name}", 7)
        self.rule("e_cdr", 2)

    def test_old_days_go(self) -> None:
        """The two days before today stay whole; the ledger goes on to hold."""
        before = rows.balances(self.connection)
        self.run_()
        self.assertEqual(self.tables(), ["e_cdr_20260227", "e_cdr_20260301"])
        self.assertEqual(rows.balances(self.connection), before)
        self.check()
        self.assertEqual(
            self.heard, [Cleaned("e_cdr_20260101", 7), Cleaned("e_cdr_20260226", 7)]
        )
        ((count,),) = rows.rows(self.connection, "SELECT SUM(money) FROM e_cleaned")
        self.assertEqual(count, -14 * 123)
        self.run_()
        self.assertEqual(len(self.heard), 2)

    def test_nothing_without_a_rule(self) -> None:
        """Disabled, no row at all, and no days at all: everything stays."""
        tables = self.tables()
        self.rule("e_cdr", 0)
        self.run_()
        self.connection.execute(
            "UPDATE e_autoclean SET enabled = 1, expiredays = 0 WHERE type = 0"
        )
        self.run_()
        self.connection.execute("DELETE FROM e_autoclean")
        self.run_()
        self.assertEqual(self.tables(), tables)

    def test_not_before_the_files_have_them(self) -> None:
        """Records that must stand in files first are kept until they do."""
        self.clean.passed_on = lambda: 13
        self.run_()
        self.assertEqual(
            self.tables(), ["e_cdr_20260226", "e_cdr_20260227", "e_cdr_20260301"]
        )
        self.clean.passed_on = lambda: 14
        self.run_()
        self.assertEqual(self.tables(), ["e_cdr_20260227", "e_cdr_20260301"])

    def test_small_steps(self) -> None:
        """Never more than some rows at once, and others write between."""
        self.day("e_cdr_20260102", 2 * STEP + 1)
        done = self.clean.run()
        self.clock.advance(PAUSE)
        left = "SELECT COUNT(*) FROM e_cdr_20260102"
        self.assertEqual(rows.rows(self.connection, left), [(STEP + 1,)])
        self.check()
        self.clock.pump([PAUSE] * 20)
        self.successResultOf(done)
        self.assertNotIn("e_cdr_20260102", self.tables())
        self.check()

    def test_broken_off(self) -> None:
        """A database that refuses: the rest goes an hour later."""
        self.clean.start()
        self.addCleanup(self.clean.stop)
        self.pool.before = StorageError("down")
        self.clock.advance(FIRST)
        self.clock.pump([PAUSE] * 9)
        self.check()
        self.assertEqual(len(self.tables()), 4)
        self.pool.before = None
        self.clock.advance(EVERY)
        self.clock.pump([PAUSE] * 9)
        self.assertEqual(len(self.tables()), 2)
        self.check()

    def test_stopped(self) -> None:
        """Nothing more is removed once the switch stops."""
        self.clean.start()
        self.clock.advance(FIRST)
        self.clean.stop()
        self.clock.pump([PAUSE] * 20)
        self.assertIn("e_cdr_20260226", self.tables())
        self.check()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class HistoryTests(CleanCase):
    """Other tables."""

    def test_payments_and_rents(self) -> None:
        """Old ones go; balances stay explained."""
        customers = CustomerStore(self.real)
        paid = (Decimal(5), "", PAY, CASH, "root", rows.NOON + 100 * DAY * 1000)
        self.successResultOf(customers.pay("acme", *paid))
        self.connection.execute(
            "INSERT INTO e_consumption (id, account, money, time)"
            " VALUES (1, 'acme', 250000, ?)",
            (rows.NOON,),
        )
        self.connection.execute(
            "UPDATE e_customer SET money = money - 250000 WHERE account = 'acme'"
        )
        self.check()
        self.rule("e_payhistory", 30)
        self.rule("e_consumption", 30)
        self.clock.advance(100 * DAY)
        self.run_()
        left = "SELECT account, fee FROM e_payhistory"
        self.assertEqual(rows.rows(self.connection, left), [("acme", 5_000_000)])
        gone = "SELECT COUNT(*) FROM e_consumption"
        self.assertEqual(rows.rows(self.connection, gone), [(0,)])
        self.check()

    def test_what_operators_did(self) -> None:
        """By its own time."""
        for number, when in ((1, rows.NOON - 40 * DAY * 1000), (2, rows.NOON)):
            self.connection.execute(
                "INSERT INTO e_syslog (id, time) VALUES (?, ?)", (number, when)
            )
        self.connection.commit()
        self.rule("e_syslog", 30)
        self.run_()
        self.assertEqual(rows.rows(self.connection, "SELECT id FROM e_syslog"), [(2,)])
        self.assertEqual(self.heard, [Cleaned("e_syslog", 1)])


class SqliteDefaultTests(CleanCase):
    """What the migration sets."""

    def test_defaults(self) -> None:
        """What was paid stays for ever; the rest for three years."""
        found = self.successResultOf(self.real.read("rules", rules))
        self.assertEqual(
            [(rule.kind.content, rule.enabled, rule.days) for rule in found],
            [
                ("e_cdr", True, 1095),
                ("e_payhistory", False, 3650),
                ("e_consumption", False, 3650),
                ("e_syslog", True, 1095),
            ],
        )
