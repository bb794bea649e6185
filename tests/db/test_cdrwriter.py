"""Tests of the CDR writer: once each, in order, whatever the database does."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests import rows
from tests.db.flaky import FlakyPool
from tests.journal.disk import Disk
from tests.journals import Opened
from vos3000.db.cdrrows import position
from vos3000.db.cdrs import CdrStore
from vos3000.db.cdrwriter import GATHER, HELD, LIMIT, CdrWriter
from vos3000.db.customers import CASH, DEDUCT, PAY, CustomerStore
from vos3000.db.days import day_of
from vos3000.errors import StorageError
from vos3000.events import Events, StorageFailed, StorageRecovered
from vos3000.metrics import Metrics
from vos3000.model.accounts import Movement
from vos3000.model.cdr import COLUMNS, CdrEntry
from vos3000.model.states import EndDirection

FULL = "cdr_write: database or disk is full"


class WriterCase(SynchronousTestCase):
    """A writer on a database in memory with two accounts."""

    def setUp(self) -> None:
        self.connection = rows.empty_database()
        self.real = rows.memory_pool(self.connection)
        self.pool = FlakyPool(self.real)
        self.customers = CustomerStore(self.real)
        for account, money in (("1000", "10"), ("2000", "5")):
            opened = {"account": account, "money": Decimal(money)}
            self.successResultOf(self.customers.create(opened, rows.NOON))
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.clock = Clock()
        self.events = Events()
        self.heard: list[object] = []
        for kind in (StorageFailed, StorageRecovered):
            self.events.subscribe(kind, self.heard.append)
        self.committed: list[tuple[Movement, ...]] = []
        self.disk = Disk()
        self.writer = self.make()

    def make(self, disk: Disk | None = None, name: str = "one") -> CdrWriter:
        """A writer that has been started, as a process that starts would."""
        self.opened = Opened(disk or self.disk, self.clock, name)
        self.successResultOf(self.opened.started)
        writer = CdrWriter(
            self.pool,  # type: ignore[arg-type]
            self.clock,
            self.events,
            Metrics(),
            self.opened.journal,
            self.folder,
        )
        writer.on_committed = self.committed.append
        name = self.opened.name
        place = self.successResultOf(self.real.interact("place", position, name))
        writer.start(name, place, self.opened.history.waiting(place))
        writer.flush()
        return writer

    def count(self, condition: str = "1 = 1") -> int:
        """Rows in the rolling table."""
        sql = f"SELECT COUNT(*) FROM e_cdr WHERE {condition}"
        return int(rows.rows(self.connection, sql)[0][0])

    def money(self, account: str = "1000") -> int:
        """A balance in millionths."""
        return rows.balances(self.connection)[account]

    def quiet(self) -> None:
        """Forget the errors that a failing database makes the writer log."""
        self.flushLoggedErrors()


class CdrWriterTests(WriterCase):
    """The usual way of an entry."""

    def test_nothing_is_written_before_the_gathering_time(self) -> None:
        """An entry waits a fifth of a second for company."""
        self.writer.write(rows.entry())
        self.clock.advance(GATHER - 0.01)
        self.assertEqual((self.count(), self.writer.waiting), (0, 1))
        self.clock.advance(0.02)
        self.assertEqual((self.count(), self.writer.waiting), (1, 0))

    def test_every_column_is_written_and_read_back(self) -> None:
        """A record read is the record written, in all 63 columns."""
        written = rows.cdr(
            tax=Decimal("0.000001"),
            agentfee=Decimal("-3.5"),
            additional=b"\x00\xff",
            dynamicValue='{"a": 1}',
            flownofirst=9,
        )
        self.writer.write(CdrEntry(written))
        self.clock.advance(GATHER)
        store = CdrStore(self.real, rows.UTC)
        read = self.successResultOf(store.recent(1))
        self.assertEqual(read, [written])
        self.assertEqual(written.flowno, 1)
        self.assertEqual(len(COLUMNS), 63)

    def test_balance_moves_with_the_record(self) -> None:
        """The movements of a batch are summed and exact to the millionth."""
        for _ in range(3):
            self.writer.write(rows.entry(fee="0.333333"))
        self.writer.write(rows.entry("2000", "0.000001"))
        self.clock.advance(GATHER)
        self.assertEqual(self.money(), 9_000_001)
        self.assertEqual(self.money("2000"), 4_999_999)
        self.assertEqual(
            self.committed,
            [
                (
                    Movement("1000", Decimal("-0.999999")),
                    Movement("2000", Decimal("-0.000001")),
                )
            ],
        )

    def test_full_batch_is_written_at_once(self) -> None:
        """As many entries as a batch holds do not wait for the clock."""
        for _ in range(LIMIT):
            self.writer.write(rows.entry())
        self.assertEqual((self.count(), self.writer.waiting), (LIMIT, 0))

    def test_flowno_rises_without_gaps_over_batches(self) -> None:
        """Numbers follow the order in which entries were given."""
        for number in range(450):
            self.writer.write(rows.entry(softswitchcallid=number))
        self.successResultOf(self.writer.flush())
        found = rows.rows(
            self.connection, "SELECT flowno, softswitchcallid FROM e_cdr ORDER BY 1"
        )
        self.assertEqual(found, [(n + 1, n) for n in range(450)])

    def test_movement_without_a_record(self) -> None:
        """An entry whose record is not kept moves the balance all the same."""
        self.writer.write(CdrEntry(None, (Movement("1000", Decimal(-1)),)))
        self.clock.advance(GATHER)
        self.assertEqual((self.count(), self.money()), (0, 9_000_000))

    def test_unknown_account_does_not_fail_the_batch(self) -> None:
        """The others' records and movements are written."""
        self.writer.write(rows.entry("gone", "1"))
        self.writer.write(rows.entry("1000", "1"))
        self.clock.advance(GATHER)
        self.assertEqual((self.count(), self.money()), (2, 9_000_000))
        self.assertTrue(self.writer.healthy)

    def test_text_that_is_no_utf8_is_written_readably(self) -> None:
        """Bytes from the network never make the database refuse a record."""
        self.writer.write(rows.entry(callerproductid="x\udcff\udcfey", callere164="é"))
        self.clock.advance(GATHER)
        found = rows.rows(
            self.connection, "SELECT callerproductid, callere164 FROM e_cdr"
        )
        self.assertEqual(found, [("x��y", "é")])

    def test_text_longer_than_its_column_is_cut(self) -> None:
        """Both dialects keep the same text."""
        self.writer.write(rows.entry(callercallid="c" * 300, agentname="n" * 300))
        self.clock.advance(GATHER)
        found = rows.rows(
            self.connection, "SELECT length(callercallid), length(agentname) FROM e_cdr"
        )
        self.assertEqual(found, [(64, 255)])

    def test_amount_that_cannot_be_stored_is_refused_at_once(self) -> None:
        """A seventh digit is the caller's error and holds up nobody."""
        self.assertRaises(
            ArithmeticError, self.writer.write, rows.entry(tax=Decimal("0.0000001"))
        )
        self.assertEqual(self.writer.waiting, 0)

    def test_value_of_a_wrong_type_is_refused_at_once(self) -> None:
        """It must not stop the batch it would have been in; enums are numbers."""
        self.assertRaises(TypeError, self.writer.write, rows.entry(endreason=1.5))
        self.writer.write(rows.entry(enddirection=EndDirection.SERVER))
        self.clock.advance(GATHER)
        self.assertEqual(self.count("enddirection = 2"), 1)

    def test_flush_waits_for_what_was_there(self) -> None:
        """It fires when the entries before it are committed."""
        self.pool.hold = True
        self.writer.write(rows.entry())
        flushed = self.writer.flush()
        self.assertNoResult(flushed)
        self.pool.hold = False
        self.pool.let_go()
        self.successResultOf(flushed)
        self.assertEqual(self.count(), 1)

    def test_not_running_takes_nothing(self) -> None:
        """After the end an entry is refused, not forgotten."""
        self.successResultOf(self.writer.close(1))
        self.assertRaises(StorageError, self.writer.write, rows.entry())


class CdrWriterFailureTests(WriterCase):
    """The database refuses, and comes back."""

    def fail(self, seconds: int = 3) -> None:  # type: ignore[override]
        """Let the database refuse for some seconds."""
        self.pool.before = StorageError("disk is full")
        for _ in range(seconds):
            self.clock.advance(1)

    def test_nothing_is_lost_or_doubled(self) -> None:
        """Entries of before and during the failure are written once, in order."""
        self.writer.write(rows.entry(softswitchcallid=1))
        self.fail()
        self.assertTrue(self.writer.healthy, "the journal has them")
        self.writer.write(rows.entry(softswitchcallid=2))
        self.assertEqual(self.writer.waiting, 2)
        self.pool.before = None
        self.clock.advance(1)
        self.clock.advance(1)
        found = rows.rows(
            self.connection, "SELECT softswitchcallid FROM e_cdr ORDER BY flowno"
        )
        self.assertEqual(found, [(1,), (2,)])
        self.assertEqual(self.money(), 9_880_000)
        self.assertEqual((self.writer.healthy, self.writer.waiting), (True, 0))

    def test_failure_and_recovery_are_published_once(self) -> None:
        """Retries are silent."""
        self.writer.write(rows.entry())
        self.fail(5)
        self.pool.before = None
        self.clock.advance(1)
        self.assertEqual(
            [type(e) for e in self.heard], [StorageFailed, StorageRecovered]
        )
        self.assertEqual(self.heard[0], StorageFailed("disk is full", 1))

    def test_commit_of_unknown_outcome_is_not_repeated(self) -> None:
        """A batch that was committed although an error came back counts once."""
        self.writer.write(rows.entry())
        self.pool.after = StorageError("connection lost")
        self.clock.advance(GATHER)
        self.assertEqual((self.count(), self.writer.waiting), (1, 1))
        self.pool.after = None
        self.clock.advance(1)
        self.assertEqual((self.count(), self.money()), (1, 9_940_000))
        self.assertEqual((self.writer.waiting, self.writer.healthy), (0, True))
        self.writer.write(rows.entry())
        self.clock.advance(GATHER)
        self.assertEqual((self.count(), self.money()), (2, 9_880_000))

    def test_two_writers_of_one_database_lose_nothing(self) -> None:
        """Each has a journal of its own: both write, both charge, both are well."""
        other = self.make(Disk(), "two")
        for writer in (self.writer, other, other, self.writer):
            writer.write(rows.entry())
            self.clock.advance(GATHER)
        self.assertEqual((self.count(), self.money()), (4, 10_000_000 - 4 * 60_000))
        self.assertTrue(self.writer.healthy and other.healthy)
        self.assertEqual(self.heard, [])

    def test_database_put_back_to_a_backup_takes_what_follows(self) -> None:
        """What it lacks is written again from the journal, each once."""
        for number in range(3):
            self.writer.write(rows.entry(softswitchcallid=number))
            self.clock.advance(GATHER)
        self.connection.execute("DELETE FROM e_cdr WHERE flowno > 1")
        self.connection.execute(
            "UPDATE e_customer SET money = money + ? WHERE account = '1000'",
            (rows.amount(self.connection, 120_000),),
        )
        self.connection.execute(
            "UPDATE e_othermaxid SET maxid = 1 WHERE type = 'journal:one'"
        )
        self.writer.write(rows.entry(softswitchcallid=3))
        self.clock.advance(GATHER)
        self.clock.pump([1, 1])
        self.assertEqual((self.count(), self.money()), (4, 9_760_000))
        self.assertIsInstance(self.heard[0], StorageFailed)
        self.assertEqual(self.writer.waiting, 0)

    def test_an_empty_database_takes_what_follows(self) -> None:
        """Whatever the journal still has is written to it."""
        self.writer.write(rows.entry())
        self.clock.advance(GATHER)
        self.connection.execute("DELETE FROM e_othermaxid WHERE type LIKE 'journal%'")
        self.connection.execute("DELETE FROM e_cdr")
        self.writer.write(rows.entry())
        self.clock.advance(GATHER)
        self.clock.pump([1, 1])
        self.assertEqual(self.count(), 2)

    def test_memory_is_bounded_while_the_database_is_away(self) -> None:
        """What memory does not hold is read from the journal, in order."""
        self.pool.before = StorageError("away")
        most = HELD + 700
        for number in range(most):
            self.writer.write(rows.entry(softswitchcallid=number, fee="0"))
        held = self.writer._queue
        self.assertLessEqual(len(held), HELD)
        self.assertEqual(self.writer.waiting, most)
        self.pool.before = None
        for number in range(most, most + 60):
            self.clock.advance(1)
            self.writer.write(rows.entry(softswitchcallid=number, fee="0"))
        self.clock.advance(1)
        self.assertEqual(self.writer.waiting, 0)
        found = rows.rows(
            self.connection, "SELECT softswitchcallid FROM e_cdr ORDER BY flowno"
        )
        self.assertEqual(found, [(n,) for n in range(most + 60)])

    def test_listener_that_fails_costs_nothing(self) -> None:
        """The batch is committed and the next one is written."""

        def broken(movements: Any) -> None:
            raise ValueError("deaf")

        self.writer.on_committed = broken
        for _ in range(2):
            self.writer.write(rows.entry())
            self.clock.advance(GATHER)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 2)
        self.assertEqual(self.count(), 2)

    def test_random_failures_keep_every_balance(self) -> None:
        """Whatever fails when, the ledger sums to the balances."""
        chance = random.Random(3)
        for number in range(300):
            self.pool.before = self.pool.after = None
            if chance.random() < 0.2:
                self.pool.before = StorageError("busy")
            elif chance.random() < 0.2:
                self.pool.after = StorageError("lost")
            fee = Decimal(chance.randrange(1, 10**6)).scaleb(-6)
            account = chance.choice(["1000", "2000"])
            self.writer.write(rows.entry(account, str(fee), softswitchcallid=number))
            self.clock.advance(chance.choice([0.05, 0.3, 1.0]))
        self.pool.before = self.pool.after = None
        for _ in range(5):
            self.clock.advance(1)
        self.assertEqual(self.writer.waiting, 0)
        found = rows.rows(
            self.connection, "SELECT softswitchcallid FROM e_cdr ORDER BY flowno"
        )
        self.assertEqual(found, [(n,) for n in range(300)])
        self.assertEqual(rows.ledger(self.connection), rows.balances(self.connection))


class NextStartTests(WriterCase):
    """The process ends, one way or another, before all is written."""

    def end(self) -> None:
        """Close the writer; it gives up after five seconds."""
        closed = self.writer.close(5)
        for _ in range(6):
            self.clock.advance(1)
        self.successResultOf(closed)

    def test_entries_wait_in_the_journal_for_the_next_start(self) -> None:
        """They are written once by the next process."""
        self.pool.before = StorageError("disk is full")
        for number in range(LIMIT + 5):
            self.writer.write(rows.entry(softswitchcallid=number))
        self.end()
        self.pool.before = None
        self.writer = self.make()
        self.assertEqual(self.writer.waiting, 0)
        self.assertEqual(self.count(), LIMIT + 5)
        self.assertEqual(self.money(), 10_000_000 - 60_000 * (LIMIT + 5))
        self.make()
        self.assertEqual(self.count(), LIMIT + 5)

    def test_a_killed_process(self) -> None:
        """Nobody closed anything."""
        self.writer.write(rows.entry())
        self.clock.advance(GATHER)
        self.writer.write(rows.entry())
        again = self.make()
        self.assertEqual((self.count(), self.money()), (2, 9_880_000))
        again.write(rows.entry())
        self.clock.advance(GATHER)
        self.assertEqual((self.count(), self.money()), (3, 9_820_000))

    def test_batch_that_was_committed_after_all_is_not_written_again(self) -> None:
        """The outcome of the last commit was unknown when the process ended."""
        self.pool.after = StorageError("lost")
        self.writer.write(rows.entry())
        self.clock.advance(GATHER)
        self.pool.before = StorageError("still lost")
        self.end()
        self.pool.before = self.pool.after = None
        self.make()
        self.assertEqual((self.count(), self.money()), (1, 9_940_000))

    def test_a_journal_that_is_gone(self) -> None:
        """A new one begins, and the database takes what it says."""
        self.writer.write(rows.entry())
        self.clock.advance(GATHER)
        self.disk = Disk()
        again = self.make(name="new")
        again.write(rows.entry())
        self.clock.advance(GATHER)
        self.assertEqual((self.count(), self.money()), (2, 9_880_000))

    def test_random_ends(self) -> None:
        """Killed at random while the database fails at random: once each."""
        chance = random.Random(5)
        given = 0
        for _ in range(60):
            for _ in range(chance.randrange(12)):
                self.pool.before = self.pool.after = None
                if chance.random() < 0.2:
                    self.pool.before = StorageError("busy")
                elif chance.random() < 0.2:
                    self.pool.after = StorageError("lost")
                fee = str(Decimal(chance.randrange(1, 10**6)).scaleb(-6))
                self.writer.write(rows.entry(fee=fee, softswitchcallid=given))
                given += 1
                self.clock.advance(chance.choice([0.05, 0.3, 1.0]))
            self.pool.before = self.pool.after = None
            self.writer._cancel()
            self.writer = self.make()
        self.assertEqual(self.writer.waiting, 0)
        found = rows.rows(
            self.connection, "SELECT softswitchcallid FROM e_cdr ORDER BY flowno"
        )
        self.assertEqual(found, [(n,) for n in range(given)])
        self.assertEqual(rows.ledger(self.connection), rows.balances(self.connection))


class LedgerTests(WriterCase):
    """The law: rows that say why sum to the balance."""

    def test_payments_and_records_sum_to_the_balance(self) -> None:
        """Opening money, payments, deductions and both sides of records."""
        pay = self.customers.pay
        self.successResultOf(
            pay("1000", Decimal("2.5"), "", PAY, CASH, "me", rows.NOON)
        )
        self.successResultOf(
            pay("2000", Decimal("-1.25"), "", DEDUCT, CASH, "me", rows.NOON)
        )
        record = rows.cdr(agentaccount="2000", agentfee=Decimal("0.04"))
        moved = (
            Movement("1000", Decimal("-0.06")),
            Movement("2000", Decimal("-0.04")),
        )
        self.writer.write(CdrEntry(record, moved))
        self.clock.advance(GATHER)
        self.assertEqual(
            rows.balances(self.connection), {"1000": 12_440_000, "2000": 3_710_000}
        )
        self.assertEqual(rows.ledger(self.connection), rows.balances(self.connection))

    def test_consumption_of_today_counts_both_sides(self) -> None:
        """A clearing account's consumption is the vendor's side."""
        fields = {"account": "3000", "type": 2}
        self.successResultOf(self.customers.create(fields, rows.NOON))
        record = rows.cdr(agentaccount="3000", agentfee=Decimal("0.04"))
        self.writer.write(CdrEntry(record, (Movement("1000", Decimal("-0.06")),)))
        self.writer.write(rows.entry(starttime=rows.NOON - 86_400_000, fee="5"))
        self.clock.advance(GATHER)
        today = day_of(rows.NOON, rows.UTC).begin
        found = self.successResultOf(self.customers.records(["3000", "1000"], today))
        self.assertEqual(
            [(r.customer.account, r.today_consumption) for r in found],
            [("3000", Decimal("0.04")), ("1000", Decimal("0.06"))],
        )


class SqliteFailureTests(WriterCase):
    """The real errors of SQLite."""

    def test_failure_inside_the_transaction_changes_nothing(self) -> None:
        """Rows and balances come together or not at all."""
        self.connection.execute(
            "CREATE TRIGGER full BEFORE UPDATE ON e_customer"
            " BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
        self.writer.write(rows.entry())
        self.clock.advance(GATHER)
        self.assertEqual((self.count(), self.money()), (0, 10_000_000))
        self.connection.execute("DROP TRIGGER full")
        self.clock.advance(1)
        self.assertEqual((self.count(), self.money()), (1, 9_940_000))
        self.assertEqual(self.count("flowno = 1"), 1)

    def test_full_disk_loses_nothing(self) -> None:
        """The real error of a database that cannot grow."""
        (pages,) = rows.rows(self.connection, "PRAGMA page_count")[0]
        self.connection.execute(f"PRAGMA max_page_count = {pages + 4}")
        for number in range(100):
            self.writer.write(rows.entry(softswitchcallid=number))
        self.clock.advance(GATHER)
        self.clock.advance(1)
        self.assertEqual((self.count(), self.money()), (0, 10_000_000))
        self.assertEqual(self.heard, [StorageFailed(FULL, 100)])
        self.connection.execute(f"PRAGMA max_page_count = {pages + 4000}")
        self.clock.advance(1)
        self.assertEqual((self.count(), self.money()), (100, 4_000_000))
        self.assertTrue(self.writer.healthy)
