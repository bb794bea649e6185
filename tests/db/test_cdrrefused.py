"""Tests of records that cannot be written, whatever the database's state."""

from __future__ import annotations

from decimal import Decimal

from pymysql.err import DataError

from tests import rows
from tests.db.test_cdrwriter import WriterCase
from vos3000.db.cdrwriter import GATHER
from vos3000.db.refused import FILE
from vos3000.journal.entries import read_end
from vos3000.model.accounts import Movement
from vos3000.model.cdr import CdrEntry


class PoisonTests(WriterCase):
    """An entry that no try can write."""

    def test_it_is_set_aside_and_costs_no_other(self) -> None:
        """The others of its batch are written once each; it stands in a file."""
        beyond = CdrEntry(rows.cdr(), (Movement("1000", Decimal(-(10**13))),))
        for entry in (rows.entry(fee="1"), beyond, rows.entry(fee="2")):
            self.writer.write(entry)
        done = self.writer.flush()
        self.clock.pump([1] * 5)
        self.successResultOf(done)
        self.assertEqual((self.count(), self.money()), (2, 7_000_000))
        self.assertEqual((self.writer.waiting, self.writer.healthy), (0, True))
        [line] = (self.folder / FILE).read_bytes().splitlines()
        self.assertEqual(read_end(line), beyond)
        self.assertEqual(len(self.flushLoggedErrors(OverflowError, DataError)), 1)
        self.writer.write(rows.entry(fee="3"))
        self.clock.advance(GATHER)
        self.assertEqual((self.count(), self.money()), (3, 4_000_000))
