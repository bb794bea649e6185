"""
What former runs left in the journal: records to write, and calls that the switch
was in the middle of.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable

import attrs

from vos3000.errors import StorageError
from vos3000.journal.entries import Kind, read, read_billing, read_record
from vos3000.journal.frames import BANNER, Frame
from vos3000.model.cdr import Cdr
from vos3000.model.facts import BillingFacts


def banner(journal: str, run: str) -> bytes:
    """
    The text that each segment of a run begins with.

    @param journal: The journal's name, for good.
    @param run: The run's name, of this run alone.
    """
    return json.dumps({"journal": journal, "run": run}).encode("ascii")


@attrs.frozen(slots=True)
class Interrupted:
    """
    A call that was never said to be over.

    @ivar record: Its record as it was when that was said last.
    @ivar answered: Whether it had been answered.
    @ivar talked: Milliseconds from its answer to the last sign of life of the
        switch.
    @ivar facts: What its price depends on; None if nobody pays.
    """

    call: int
    record: Cdr
    answered: bool = False
    talked: int = 0
    facts: BillingFacts | None = None


@attrs.define(slots=True)
class _Open:
    """A call that is not over yet; its texts are read only if it never will be."""

    text: bytes
    answered: bool
    covered: int = 0
    until: int = 0


class History:
    """
    Gathers what matters of the entries of former runs.

    @ivar journal: The journal's name; empty for a new one.
    @ivar unread: Entries that could not be understood.
    """

    def __init__(self) -> None:
        self.journal = ""
        self.unread = 0
        self._run = ""
        self._moment = 0
        self._open: dict[int, _Open] = {}
        self._ends = array("Q")

    def take(self, frames: Iterable[Frame]) -> None:
        """Take the entries there are, in order."""
        for frame in frames:
            try:
                self._frame(frame)
            except StorageError:
                self.unread += 1
        self._halt()

    def waiting(self, position: int) -> int:
        """How many records were to be written after C{position} in the journal."""
        return sum(number > position for number in self._ends)

    def interrupted(self) -> list[Interrupted]:
        """
        The calls that were up when their run ended without warning, in order.

        What cannot be read is counted in C{unread} and left out.
        """
        found = []
        for call, state in sorted(self._open.items()):
            try:
                found.append(_interrupted(call, state))
            except StorageError:
                self.unread += 1
        return found

    def _frame(self, frame: Frame) -> None:
        kind = frame.kind
        if kind == BANNER:
            self._begin(frame.text)
            return
        self._moment = max(self._moment, frame.mono)
        if kind == Kind.END:
            self._ends.append(frame.sequence)
        if kind in (Kind.END, Kind.GONE):
            self._open.pop(_call(frame.text), None)
        elif kind in (Kind.SETUP, Kind.ANSWER):
            self._open[_call(frame.text)] = _Open(frame.text, kind == Kind.ANSWER)
        elif kind == Kind.RESERVE:
            call, covered = _pair(frame.text)
            if call in self._open:
                self._open[call].covered = covered

    def _begin(self, text: bytes) -> None:
        """A segment begins, and perhaps a run."""
        try:
            told = json.loads(text)
            journal, run = str(told["journal"]), str(told["run"])
        except (ValueError, KeyError, TypeError):
            raise StorageError("a segment that does not say whose it is") from None
        self.journal = journal
        if run != self._run:
            self._halt()
            self._run = run

    def _halt(self) -> None:
        """A run is over: what is still open was up until its last moment."""
        for state in self._open.values():
            state.until = state.until or self._moment
        self._moment = 0


def _interrupted(call: int, state: _Open) -> Interrupted:
    values = read(state.text)
    since, billing = 0, None
    if state.answered and len(values) == 4:
        since, billing = values.pop(1), values.pop()
    record = read_record(values[1]) if len(values) == 2 else None
    if record is None or not isinstance(since, int):
        raise StorageError("a call without a record")
    facts = read_billing(billing)
    if facts is not None and state.covered:
        facts = attrs.evolve(facts, covered=state.covered)
    talked = max(0, state.until - since) if state.answered else 0
    return Interrupted(call, record, state.answered, talked, facts)


def _call(text: bytes) -> int:
    """The number that a text begins with, found without reading the rest."""
    try:
        return int(text[1 : text.find(b",") if b"," in text else -1])
    except ValueError:
        raise StorageError("an entry of no call") from None


def _pair(text: bytes) -> tuple[int, int]:
    values = read(text)
    if len(values) != 2 or not all(isinstance(value, int) for value in values):
        raise StorageError("a reservation that cannot be read")
    return values[0], values[1]
