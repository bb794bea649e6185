"""
The measurements: each starts a switch afresh and yields one figure.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import attrs

from bench.children import LOAD_CORE, Child
from bench.pair import Passing
from bench.sipp import Load, Pair, Tally
from bench.subjects import Subject, running
from bench.switch import ROOT

_STEP = 1.25
_LOWEST = 10
_SEARCH_RUNS = 10

Say = Callable[[str], None]
"""Takes a line for the reader."""


class UncleanError(Exception):
    """A figure would mean nothing: too many calls failed or were resent."""


@attrs.frozen(slots=True)
class Plan:
    """
    How much is measured.

    @ivar seconds: Length of a run at a fixed rate.
    @ivar search_seconds: Length of one run of the search for the highest rate.
    @ivar held: Calls held at once, by subject.
    @ivar soak: Calls after which memory is read, first and last; None for not
        at all: fewer calls than SIP keeps transactions for say nothing.
    """

    seconds: int = 15
    search_seconds: int = 10
    passing_seconds: int = 10
    held: tuple[tuple[str, int], ...] = (("ours", 5000), ("sippy", 1000))
    held_rates: tuple[tuple[str, int], ...] = (("ours", 250), ("sippy", 50))
    soak: tuple[int, int] | None = (20_000, 100_000)
    soak_rate: int = 300


QUICK = Plan(
    seconds=5,
    search_seconds=4,
    passing_seconds=4,
    held=(("ours", 1000), ("sippy", 200)),
    soak=None,
)


@attrs.define(slots=True)
class Drive:
    """
    A running switch under load, and how many calls it has answered so far.
    """

    subject: Subject
    say: Say
    answered: int = 0

    def load(self, load: Load, held: Callable[[], object] | None = None) -> Tally:
        """
        Run one load.

        @raise UncleanError: If no call at all went through: that is no overload.
        """
        subject = self.subject
        pair = Pair(subject.port, subject.caller_port, subject.callee_port)
        tally = pair.run(load, held)
        if not tally.succeeded:
            raise UncleanError(f"no call went through:\n{subject.child.tail()}")
        self.answered += tally.succeeded
        return tally

    def clean(self, load: Load, held: Callable[[], object] | None = None) -> Tally:
        """
        Run one load that must be clean.

        @raise UncleanError: If it was not.
        """
        tally = self.load(load, held)
        if not tally.clean:
            raise UncleanError(f"{load.rate} calls/s: {tally}")
        return tally

    def books(self) -> str:
        """Balance the switch's books; what was found, for the reader."""
        ledger = self.subject.settle(self.answered)
        if ledger is None:
            return "keeps no CDRs"
        return (
            f"{self.answered} calls answered, {ledger.answered} CDRs committed;"
            f" fees {ledger.fees:f} = balance movement {ledger.paid:f};"
            f" costs {ledger.costs:f} = clearing movement {ledger.owed:f}"
        )


def cost(name: str, rate: int, plan: Plan, say: Say) -> float:
    """Calls in one CPU second of the switch's process, at C{rate} calls/s."""
    with running(name) as subject:
        drive = Drive(subject, say)
        drive.clean(Load(rate, rate * 2))
        drive.books()
        before = subject.child.cpu()
        tally = drive.clean(Load(rate, rate * plan.seconds))
        books = drive.books()
        figure = tally.calls / (subject.child.cpu() - before)
        say(
            f"{name} at {rate}/s: {figure:.0f} calls per CPU-second;"
            f" {tally.failed} failed, {tally.resent} resent; {books}"
        )
    return figure


def passing(name: str, rate: int, plan: Plan, say: Say) -> float:
    """Milliseconds on average from a 180's arrival at the switch to its leaving."""
    with running(name) as subject, tempfile.TemporaryDirectory() as directory:
        drive = Drive(subject, say)
        drive.clean(Load(rate, rate))
        ports = (subject.port, subject.caller_port, subject.callee_port)
        numbers = [*ports, rate, rate * plan.passing_seconds]
        pair = Child(
            [sys.executable, "-m", "bench.pair", *map(str, numbers)],
            LOAD_CORE,
            Path(directory),
            Path(directory) / "pair",
            {"PYTHONPATH": str(ROOT)},
        )
        if pair.wait(plan.passing_seconds + 30.0):
            raise UncleanError(pair.tail())
        found = Passing(**json.loads(pair.tail(1)))
        drive.answered += found.ended
        say(
            f"{name} at {rate}/s: 180 passed on in {found.mean:.2f} ms,"
            f" 99 % within {found.p99:.2f} ms; {found.passed} of {found.calls}"
            f" calls; {drive.books()}"
        )
    if found.passed * 1000 < found.calls * 999:
        raise UncleanError(f"only {found.passed} of {found.calls} were passed on")
    return found.mean


def held(name: str, plan: Plan, say: Say) -> float:
    """KiB of memory for each call that is held."""
    calls, rate = dict(plan.held)[name], dict(plan.held_rates)[name]
    sizes: list[float] = []
    with running(name) as subject:
        drive = Drive(subject, say)
        drive.clean(Load(rate, rate * 2))
        drive.books()
        before = subject.child.rss()
        load = Load(rate, calls, calls / rate + 5.0)
        drive.clean(load, lambda: sizes.append(subject.child.rss()))
        figure = (sizes[0] - before) / calls
        say(f"{name}: {figure:.1f} KiB for each of {calls} calls; {drive.books()}")
    return figure


def soak(first: int, last: int, rate: int, say: Say) -> tuple[float, float]:
    """MiB of our switch's memory after the first and after all calls."""
    sizes = []
    with running("ours") as subject:
        drive = Drive(subject, say)
        for calls in (first, last - first):
            drive.clean(Load(rate, calls))
            books = drive.books()
            sizes.append(subject.child.rss() / 1024)
            say(f"ours after {drive.answered} calls: {sizes[-1]:.1f} MiB; {books}")
    return sizes[0], sizes[1]


def _is_clean(name: str, rate: int, plan: Plan, say: Say) -> bool:
    with running(name) as subject:
        drive = Drive(subject, say)
        tally = drive.load(Load(rate, rate * plan.search_seconds))
        word = "clean" if tally.clean else "not clean"
        say(
            f"{name} at {rate}/s: {word};"
            f" {tally.failed} of {tally.calls} failed, {tally.resent} resent"
        )
        if tally.clean:
            drive.books()
    return tally.clean


def highest(name: str, guess: int, plan: Plan, say: Say) -> float:
    """
    The highest rate without failed calls or messages resent, within 6 %.

    Goes up or down from C{guess} by quarters until one rate is clean and the
    next is not, then halves the distance twice.
    """
    good, bad, rate = 0, 0, guess
    for _ in range(_SEARCH_RUNS):
        if _is_clean(name, rate, plan, say):
            good = rate
        else:
            bad = rate
        if not good and rate <= _LOWEST:
            return 0.0
        if not bad:
            rate = round(good * _STEP)
        elif not good:
            rate = max(_LOWEST, round(bad / _STEP))
        elif bad - good <= max(1, good * 0.07):
            break
        else:
            rate = (good + bad) // 2
    return float(good)
