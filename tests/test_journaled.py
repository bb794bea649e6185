"""
Tests of L{vos3000.journaled}: a switch that ends without warning, at any moment,
has one record of each answered call and every balance right after its next start.
"""

from __future__ import annotations

import errno
import sqlite3
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.logger import globalLogPublisher
from twisted.python import log
from twisted.trial.unittest import SynchronousTestCase

from tests import rows
from tests.db.flaky import FlakyPool
from tests.journal.disk import Disk, Thread
from tests.peers import Callee, Caller
from tests.switch import ANSWER, CALLEE, CALLER, OFFER, Switch, routing_gateway
from vos3000.billing.settings import BillingSettings
from vos3000.db.cdrwriter import CdrWriter
from vos3000.db.customers import CustomerStore
from vos3000.errors import StorageError
from vos3000.journal.journal import NOTHING
from vos3000.journal.keeping import Bounds
from vos3000.journaled import Journaled
from vos3000.metrics import Metrics
from vos3000.model.accounts import Customer
from vos3000.sip.message import Request, Response
from vos3000.sip.transaction import Address

PRICE = 60_000
"""Millionths that a minute costs, and C{COST} what it costs us."""

COST = 20_000


class Machine:
    """
    What outlives a run: a database and the journal's disk.

    @ivar answered: The numbers of calls whose caller was told of an answer.
    """

    def __init__(self, size: int = 40_000, keep: Bounds = NOTHING) -> None:
        self.connection = rows.empty_database()
        self.pool = rows.memory_pool(self.connection)
        self.customers = CustomerStore(self.pool)
        self.disk = Disk()
        self.size = size
        self.keep = keep
        self.first = 0
        self.answered: set[str] = set()
        for account, group, money in (
            ("acme", "retail", "100"),
            ("vendor", "cost", "0"),
        ):
            opened = {"account": account, "money": Decimal(money)}
            self.connection.execute(
                "INSERT INTO e_feerategroup (id, name) VALUES (?, ?)",
                (1_000 + len(group), group),
            )
            made = {**opened, "feeRateGroup": group, "limitMoney": Decimal(100)}
            self.customers.create(made, rows.NOON).addErrback(log.err)

    def put_back(self, backup: sqlite3.Connection) -> None:
        """Have the database as it was."""
        self.connection = rows.empty_database()
        backup.backup(self.connection)
        self.pool = rows.memory_pool(self.connection)
        self.customers = CustomerStore(self.pool)

    def copy(self) -> sqlite3.Connection:
        """A backup of the database."""
        made = sqlite3.connect(":memory:")
        self.connection.backup(made)
        return made

    def query(self, sql: str) -> list[Any]:
        """What the database holds."""
        return rows.rows(self.connection, sql)


class Run:
    """One run of the switch on a machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.switch = Switch(
            routing=[routing_gateway()],
            customers=_accounts(machine),
            keeping=self._keeping,
        )
        self.switch._calls = machine.first
        self.writer.on_committed = self.switch.accounts.committed
        self.result = Deferred.fromCoroutine(
            self.opened.open(
                machine.pool, self.writer, self.switch.causes["RestartRecovery"]
            )
        )
        self.opened.finish(
            self.writer, BillingSettings(), self.switch.causes["RestartRecovery"]
        )
        self.opened.journal.turned = self.switch.call_journal.turned
        self.switch.call_journal.start()
        # a start reads balances when the former runs' records are written
        self.switch.accounts.load(_accounts(machine))
        self.switch.advance(1)

    def _keeping(self, switch: Switch) -> tuple[Any, Any]:
        folder: Any = self.machine.disk
        self.names = 0
        self.opened = Journaled(
            folder,
            Thread(),
            self._name,
            switch.clock,
            switch.now,
            Metrics(),
            self.machine.size,
            self.machine.keep,
        )
        self.writer = CdrWriter(
            self.machine.pool,
            switch.clock,
            switch.events,
            Metrics(),
            self.opened.journal,
            Path(),
        )
        return self.writer, self.opened.journal

    def _name(self) -> str:
        self.names += 1
        return f"{self.machine.first}-{self.names}"

    def call(self, number: int, answered: bool = True) -> Caller:
        """A call that goes out, and is answered unless the test says otherwise."""
        caller = Caller(self.switch, call_id=f"call-{self.machine.first}-{number}")
        caller.invite(OFFER)
        (invite,) = self.requests(CALLEE, "INVITE")
        callee = Callee(self.switch)
        callee.reply(invite, 180)
        if answered:
            callee.reply(invite, 200, ANSWER)
            (ok,) = self.switch.taken(CALLER)[-1:]
            assert isinstance(ok, Response) and ok.status == 200, ok
            caller.ack(ok)
            self.machine.answered.add(caller.call_id)
        self.switch.taken()
        return caller

    def hang_up(self, caller: Caller) -> None:
        """The caller ends a call."""
        caller.ask("BYE")
        for bye in self.requests(CALLEE, "BYE"):
            Callee(self.switch).reply(bye, 200)

    def requests(self, address: Address, method: str) -> list[Request]:
        """Requests of one kind that were sent there."""
        return [
            message
            for message in self.switch.taken(address)
            if isinstance(message, Request) and message.method == method
        ]

    def die(self) -> None:
        """The process is gone; the next one's calls have other numbers."""
        self.machine.first += 1_000


def _accounts(machine: Machine) -> list[Customer]:
    """The accounts as the database has them."""
    found: list[Customer] = []
    machine.customers.all().addCallback(found.extend)
    return found


class JournaledCase(SynchronousTestCase):
    """A machine, and laws that hold of it between runs."""

    def setUp(self) -> None:
        """A machine that never ran."""
        self.machine = Machine()

    def run_(self) -> Run:
        """The next run."""
        run = Run(self.machine)
        self.successResultOf(run.result)
        return run

    def records(self, columns: str) -> list[Any]:
        """What the records say, in order."""
        return self.machine.query(f"SELECT {columns} FROM e_cdr ORDER BY flowno")

    def check(self) -> None:
        """One record of each answered call, and balances that are their sums."""
        found = [call for (call,) in self.records("callercallid")]
        self.assertEqual(len(found), len(set(found)), "twice")
        self.assertLessEqual(self.machine.answered, set(found))
        connection = self.machine.connection
        self.assertEqual(rows.ledger(connection), rows.balances(connection))
        flownos = [number for (number,) in self.records("flowno")]
        self.assertEqual(flownos, list(range(1, len(flownos) + 1)))


class CompletionTests(JournaledCase):
    """What becomes of a call that was up."""

    def test_an_answered_call(self) -> None:
        """It is charged for the time until the last sign of life."""
        run = self.run_()
        run.call(1)
        run.switch.advance(90.3)
        run.die()
        self.run_()
        self.assertEqual(
            self.records("callercallid, enddirection, endreason, fee, agentfee"),
            [("call-0-1", 2, -1031, 2 * PRICE, 2 * COST)],
        )
        ((start, stop, hold),) = self.records("starttime, stoptime, holdtime")
        self.assertEqual(hold, 90)
        self.assertGreaterEqual(stop - start, 89_300)
        self.assertLessEqual(stop - start, 90_300)
        self.check()

    def test_all_of_its_record(self) -> None:
        """Whatever was known at the answer stands in it."""
        run = self.run_()
        caller = run.call(1)
        run.switch.advance(10)
        run.hang_up(caller)
        run.switch.advance(1)
        run.call(2)
        run.switch.advance(10)
        run.die()
        self.run_()
        columns = (
            "callere164, calleraccesse164, calleee164, callerip, callerrtpip,"
            " callercodec, callergatewayid, callerproductid, callertogatewaye164,"
            " calleeip, calleertpip, calleecodec, calleegatewayid, calleeproductid,"
            " calleetogatewaye164, billingmode, calllevel, feetime, fee,"
            " customeraccount, customername, agentfee, agentaccount, agentname,"
            " callerareacode, calleeareacode, softswitchname, callerpdd"
        )
        ended, completed = self.records(columns)
        self.assertEqual(completed, ended)

    def test_a_call_that_rings(self) -> None:
        """It leaves a record without time and charge."""
        run = self.run_()
        run.call(1, answered=False)
        run.switch.advance(3)
        run.die()
        self.run_()
        self.assertEqual(
            self.records("callercallid, holdtime, fee, endreason, calleegatewayid"),
            [("call-0-1", 0, 0, -1031, "")],
        )
        self.check()

    def test_once(self) -> None:
        """However many starts follow."""
        run = self.run_()
        run.call(1)
        run.switch.advance(5)
        run.die()
        for _ in range(3):
            run = self.run_()
            run.switch.advance(3)
            run.die()
        self.assertEqual(self.records("callercallid"), [("call-0-1",)])
        self.check()

    def test_its_start_is_interrupted(self) -> None:
        """A start that ends before the database took anything loses nothing."""
        run = self.run_()
        run.call(1)
        run.switch.advance(62.5)
        run.die()
        pool = self.machine.pool
        self.machine.pool = FlakyPool(pool)  # type: ignore[assignment]
        self.machine.pool.before = StorageError("down")  # type: ignore[attr-defined]
        failed = Run(self.machine)
        self.failureResultOf(failed.result, StorageError)
        self.machine.pool = pool
        failed.die()
        self.run_()
        self.assertEqual(self.records("fee"), [(2 * PRICE,)])
        self.check()

    def test_no_more_than_was_reserved(self) -> None:
        """A call that outlived its money is charged what the account has."""
        self.machine.connection.execute(
            "UPDATE e_customer SET money = 100000, limitmoney = 0"
            " WHERE account = 'acme'"
        )
        self.machine.connection.execute(
            "INSERT INTO e_payhistory (id, account, fee)"
            " VALUES (900, 'acme', -99900000)"
        )
        run = self.run_()
        run.call(1)
        run.switch.advance(59.9)
        run.die()
        self.run_()
        self.assertEqual(self.records("fee"), [(PRICE,)])
        self.check()

    def test_long_calls(self) -> None:
        """Segments come and go; what must be known of the call stays."""
        run = self.run_()
        run.call(1)
        for number in range(2, 60):
            other = run.call(number)
            run.switch.advance(2)
            run.hang_up(other)
        run.switch.advance(2)
        self.assertLess(len(self.machine.disk.files), 5)
        run.die()
        self.run_()
        ((hold, fee),) = self.machine.query(
            "SELECT holdtime, fee FROM e_cdr WHERE endreason = -1031"
        )
        self.assertIn(hold, (116, 117, 118))
        self.assertEqual(fee, 2 * PRICE)
        self.check()

    def test_a_full_disk(self) -> None:
        """New calls get 503, and those that are up are recorded."""
        run = self.run_()
        caller = run.call(1)
        self.machine.disk.broken = errno.ENOSPC
        run.switch.advance(3)
        refused = Caller(run.switch, call_id="refused")
        refused.invite(OFFER)
        answer = run.switch.taken(CALLER)[-1]
        assert isinstance(answer, Response)
        self.assertEqual(answer.status, 503)
        run.hang_up(caller)
        run.switch.advance(3)
        self.machine.disk.broken = 0
        run.switch.advance(3)
        run.die()
        again = self.run_()
        self.check()
        again.call(2)


class PutBackTests(JournaledCase):
    """A backup of the database is put back."""

    def setUp(self) -> None:
        """A machine that keeps what the database has."""
        self.machine = Machine(keep=Bounds(1e12, 1 << 30))

    def calls(self, run: Run, numbers: range) -> None:
        """Calls of two seconds, one after the other, all of them written."""
        for number in numbers:
            caller = run.call(number)
            run.switch.advance(2)
            run.hang_up(caller)
        run.switch.advance(2)

    def kept(self) -> list[str]:
        """The files that are kept."""
        return [name for name in self.machine.disk.names() if name.endswith(".kept")]

    def test_what_it_lacks_is_written_again(self) -> None:
        """Every record once, with the number it had, and every balance."""
        run = self.run_()
        self.calls(run, range(10))
        backup = self.machine.copy()
        self.calls(run, range(10, 60))
        run.die()
        run = self.run_()
        self.calls(run, range(60, 90))
        columns = "flowno, callercallid, fee, agentfee, starttime"
        had = self.records(columns)
        self.assertEqual(len(had), 90)
        self.assertGreater(len(self.kept()), 3)
        run.die()
        self.machine.put_back(backup)
        self.assertEqual(len(self.records(columns)), 10)
        run = self.run_()
        self.assertEqual(self.records(columns), had)
        self.check()
        run.call(91)

    def test_a_switch_that_is_killed_after_it(self) -> None:
        """What was written again is not written a third time."""
        run = self.run_()
        self.calls(run, range(2))
        backup = self.machine.copy()
        self.calls(run, range(2, 40))
        run.call(40)
        run.die()
        self.machine.put_back(backup)
        for _ in range(3):
            run = self.run_()
            run.switch.advance(1)
            run.die()
        self.assertEqual(len(self.records("flowno")), 41)
        self.check()

    def test_old_ones_go(self) -> None:
        """By size, and by age."""
        self.machine.keep = Bounds(1e12, 90_000)
        run = self.run_()
        self.calls(run, range(60))
        self.assertEqual(len(self.kept()), 2)
        run.die()
        self.machine.keep = Bounds(60, 1 << 30)
        run = self.run_()
        self.calls(run, range(60, 80))
        self.assertEqual(self.kept(), [])

    def test_a_full_disk_takes_them_first(self) -> None:
        """No call is refused as long as there is one."""
        run = self.run_()
        self.calls(run, range(60))
        self.assertGreater(len(self.kept()), 1)
        self.machine.disk.room = len(self.machine.disk.files)
        self.calls(run, range(60, 99))
        self.assertEqual(run.opened.journal.trouble, "")
        self.check()

    def test_what_is_kept_no_longer_is_told(self) -> None:
        """The log says that records are lost; the others are written."""
        run = self.run_()
        backup = self.machine.copy()
        self.calls(run, range(40))
        run.die()
        del self.machine.disk.files[self.kept()[0]]
        self.machine.put_back(backup)
        told = EventCatcher(self)
        run = self.run_()
        self.assertTrue(told.find("are lost"))
        self.assertIn(len(self.records("flowno")), range(1, 40))
        connection = self.machine.connection
        self.assertEqual(rows.ledger(connection), rows.balances(connection))


class EventCatcher:
    """What is logged during a test."""

    def __init__(self, case: SynchronousTestCase) -> None:
        self._events: list[Any] = []
        globalLogPublisher.addObserver(self._events.append)
        case.addCleanup(globalLogPublisher.removeObserver, self._events.append)

    def find(self, words: str) -> bool:
        """Whether a line has these words."""
        return any(words in (e.get("log_format") or "") for e in self._events)


class AccidentTests(JournaledCase):
    """Killed at random moments, with a power cut or without."""

    @settings(max_examples=60, deadline=None)
    @given(st.randoms(use_true_random=False), st.booleans())
    def test_anytime(self, random: Random, power: bool) -> None:
        """The laws hold after each start."""
        self.machine = Machine()
        for _ in range(random.randrange(1, 5)):
            run = self.run_()
            up: list[Caller] = []
            for number in range(random.randrange(25)):
                what = random.random()
                if what < 0.5:
                    up.append(run.call(number))
                elif what < 0.6:
                    run.call(number, answered=False)
                elif up:
                    run.hang_up(up.pop(random.randrange(len(up))))
                run.switch.advance(random.choice((0, 0, 0.01, 0.3, 1.1, 61)))
            if power:
                synced = run.opened.journal
                if synced.sequence != synced.synced:
                    run.switch.advance(0.05)
                self.machine.disk.lose_power(random)
            run.die()
        self.run_()
        self.check()
