"""Tests of L{vos3000.journal.entries} and L{vos3000.journal.history}."""

from __future__ import annotations

from decimal import Decimal
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests import rows
from vos3000.errors import StorageError
from vos3000.journal.entries import (
    Kind,
    billing_values,
    end_text,
    read,
    read_billing,
    read_end,
    read_record,
    text_of,
    values_of,
)
from vos3000.journal.frames import BANNER, Frame
from vos3000.journal.history import History, banner
from vos3000.model.accounts import Movement
from vos3000.model.cdr import CdrEntry
from vos3000.model.facts import BillingFacts
from vos3000.model.rates import BillingRules, Rate, RateSection

FACTS = BillingFacts(
    "acme",
    "Acme \udcff",
    Rate("49", Decimal("0.0123"), 60, (RateSection(6, Decimal("0.1")),), 4),
    BillingRules(50, 3, Decimal("0.05"), 4),
    seller="vendor",
    seller_name="Vendor",
    seller_rate=Rate("", Decimal(0), 1, area_code="x"),
    covered=120,
)


def answer(call: int, since: int, covered: int = 60) -> bytes:
    """The text of an ANSWER."""
    record = rows.cdr(softswitchcallid=call, callercallid=f"call-{call}")
    facts = BillingFacts("acme", "", None, BillingRules(), covered=covered)
    return text_of(call, since, values_of(record), billing_values(facts))


class EntryTests(SynchronousTestCase):
    """What is written is read again."""

    def test_end(self) -> None:
        """A record with its charges, to the last digit."""
        record = rows.cdr(
            tax=Decimal("0.000001"),
            agentfee=Decimal("-3.5"),
            additional=b"\x00\xff",
            callerproductid="\udcff é",
            dynamicValue='{"a": 1}',
        )
        entry = CdrEntry(record, (Movement("acme", Decimal("-0.060000")),))
        self.assertEqual(read_end(end_text(7, entry)), entry)
        nothing = CdrEntry(None, (Movement("acme", Decimal(-1)),))
        self.assertEqual(read_end(end_text(7, nothing)), nothing)

    def test_billing(self) -> None:
        """All that a price depends on."""
        (values,) = read(b"[0," + text_of(billing_values(FACTS))[1:])[1:]
        self.assertEqual(read_billing(values), FACTS)
        self.assertIsNone(read_billing(billing_values(None)))

    @settings(max_examples=300, deadline=None)
    @given(st.binary(max_size=60), st.randoms(use_true_random=False))
    def test_anything(self, text: bytes, random: Random) -> None:
        """Whatever stands there is read, or refused in one way."""
        whole = end_text(7, rows.entry())
        place = random.randrange(len(whole))
        for given_text in (text, whole[:place], whole[:place] + text + whole[place:]):
            try:
                read_end(given_text)
            except StorageError:
                pass
            try:
                values = read(given_text)
                read_record(values[-1])
                read_billing(values[-1])
            except StorageError:
                pass


class HistoryTests(SynchronousTestCase):
    """What former runs left."""

    def setUp(self) -> None:
        """Nothing was read yet."""
        self.history = History()
        self.frames: list[Frame] = []
        self.begin("1")

    def begin(self, run: str) -> None:
        """A segment of a run."""
        last = self.frames[-1].sequence if self.frames else 0
        self.frames.append(Frame(last, 0, BANNER, banner("j", run)))

    def add(self, kind: Kind, mono: int, text: bytes) -> None:
        """One more entry."""
        last = self.frames[-1].sequence
        self.frames.append(Frame(last + 1, mono, kind, text))

    def talked(self) -> dict[int, int]:
        """How long each interrupted call talked."""
        self.history.take(self.frames)
        return {each.call: each.talked for each in self.history.interrupted()}

    def test_last_sign_of_life(self) -> None:
        """A call ends with the last entry of its run, whatever that is."""
        self.add(Kind.ANSWER, 1_000, answer(1, 1_000))
        self.add(Kind.ALIVE, 5_000, text_of(0))
        self.add(Kind.ANSWER, 6_500, answer(2, 6_500))
        self.assertEqual(self.talked(), {1: 5_500, 2: 0})

    def test_another_run(self) -> None:
        """The clock of another run says nothing of it."""
        self.add(Kind.ANSWER, 9_000, answer(1, 9_000))
        self.add(Kind.ALIVE, 9_900, text_of(0))
        self.begin("2")
        self.add(Kind.ALIVE, 500_000, text_of(0))
        self.add(Kind.ANSWER, 500_100, answer(2, 500_100))
        self.begin("3")
        self.add(Kind.ALIVE, 3, text_of(0))
        self.assertEqual(self.talked(), {1: 900, 2: 0})

    def test_a_run_of_several_segments(self) -> None:
        """A segment of the same run goes on; what is said again counts."""
        self.add(Kind.ANSWER, 1_000, answer(1, 1_000))
        self.add(Kind.RESERVE, 2_000, text_of(1, 180))
        self.begin("1")
        self.add(Kind.ALIVE, 61_000, text_of(0))
        self.assertEqual(self.talked(), {1: 60_000})
        (found,) = self.history.interrupted()
        assert found.facts is not None
        self.assertEqual(found.facts.covered, 180)

    def test_over(self) -> None:
        """What ended, with a record or without, is none of them."""
        self.add(Kind.ANSWER, 1, answer(1, 1))
        self.add(Kind.ANSWER, 2, answer(2, 2))
        self.add(Kind.END, 3, end_text(1, rows.entry()))
        self.add(Kind.GONE, 4, text_of(2))
        self.assertEqual(self.talked(), {})
        self.assertEqual(self.history.waiting(2), 1)
        self.assertEqual(self.history.waiting(3), 0)

    def test_what_nobody_understands(self) -> None:
        """It is counted, and costs no other."""
        self.add(Kind.ANSWER, 1, b"[1,nothing")
        self.add(Kind.SETUP, 2, b"?")
        self.add(Kind.RESERVE, 2, b'[2,"x"]')
        self.frames.append(Frame(9, 2, 99, b"of a later release"))
        self.add(Kind.ANSWER, 3, answer(3, 3))
        self.assertEqual(self.talked(), {3: 0})
        self.assertEqual(self.history.unread, 3)
