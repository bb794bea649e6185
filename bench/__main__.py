"""
C{python -m bench}: our switch against sippy's B2BUA, in turn, medians of runs.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import measures
from bench.children import LOAD_CORE, SWITCH_CORE, StartError, pinned
from bench.measures import QUICK, Plan, UncleanError
from bench.report import AT_LEAST, AT_MOST, Row, Target, as_json, table
from bench.subjects import SUBJECTS, LedgerError, install_sippy

_NO_SIPP = "SIPp is missing: apt-get install sip-tester\n"


def _say(line: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')}  {line}\n")
    sys.stdout.flush()


Measure = Callable[[str], float]
"""Takes a subject's name, gives its figure of one run."""


class Bench:
    """
    Runs the measurements in turn and gathers the figures.

    @ivar failed: Whether a switch failed or a run was not clean.
    """

    def __init__(self, plan: Plan, runs: int, names: Sequence[str]) -> None:
        self.failed = False
        self._plan = plan
        self._runs = runs
        self._names = names
        self._figures: dict[tuple[str, str], list[float]] = {}
        self._guesses = {"ours": 1500, "sippy": 200}

    def _once(self, title: str, name: str, measure: Measure) -> None:
        if name not in self._names:
            return
        try:
            figure = measure(name)
        except (UncleanError, LedgerError, StartError) as error:
            self.failed = True
            _say(f"{name}: {title}: NO FIGURE: {error}")
        else:
            self._figures.setdefault((title, name), []).append(figure)

    def _row(self, title: str, target: Target) -> Row:
        ours, sippy = (tuple(self._figures.get((title, n), ())) for n in SUBJECTS)
        return Row(title, target, ours, sippy)

    def _highest(self, name: str) -> float:
        found = measures.highest(name, self._guesses[name], self._plan, _say)
        self._guesses[name] = round(found) or self._guesses[name]
        return found

    def _cost_at(self, rate: int) -> Measure:
        return lambda name: measures.cost(name, rate, self._plan, _say)

    def costs(self, rates: dict[int, tuple[str, ...]]) -> list[Row]:
        """Calls per CPU-second at the given rates, for the subjects named."""
        bounds = {100: (None, 3.0), 500: (800.0, None)}
        rows = []
        for rate, names in rates.items():
            title = f"calls per CPU-second at {rate}/s"
            for _ in range(self._runs):
                for name in names:
                    self._once(title, name, self._cost_at(rate))
            own, ratio = bounds.get(rate, (None, None))
            rows.append(self._row(title, Target(AT_LEAST, own, ratio)))
        return rows

    def everything(self) -> list[Row]:
        """All figures."""
        plan, both, ours = self._plan, ("ours", "sippy"), ("ours",)
        rows = self.costs({100: both, 500: ours})
        parts: list[tuple[str, tuple[str, ...], Measure, Target]] = [
            ("highest clean rate", both, self._highest, Target(AT_LEAST, 700, 4.0)),
            (
                "180 passed on, ms on average, at 100/s",
                both,
                lambda name: measures.passing(name, 100, plan, _say),
                Target(AT_MOST),
            ),
            (
                "180 passed on, ms on average, at 500/s",
                ours,
                lambda name: measures.passing(name, 500, plan, _say),
                Target(AT_MOST, 5.0),
            ),
            (
                "KiB for each call held",
                both,
                lambda name: measures.held(name, plan, _say),
                Target(AT_MOST, 16.0),
            ),
        ]
        for title, names, measure, target in parts:
            for _ in range(self._runs):
                for name in names:
                    self._once(title, name, measure)
            rows.append(self._row(title, target))
        return rows if plan.soak is None else [*rows, self._soak(*plan.soak)]

    def _soak(self, first: int, last: int) -> Row:
        title = f"memory after {last:,} calls / after {first:,}"

        def growth(_name: str) -> float:
            rate = self._plan.soak_rate
            before, after = measures.soak(first, last, rate, _say)
            return after / before

        self._once(title, "ours", growth)
        return self._row(title, Target(AT_MOST, 1.1))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short run of each")
    parser.add_argument("--runs", type=int, help="runs of each (3; 1 with --quick)")
    parser.add_argument("--rate", type=int, help="only calls per CPU-second, here")
    parser.add_argument("--only", choices=sorted(SUBJECTS), help="leave the other out")
    parser.add_argument("--json", type=Path, help="also write the figures to a file")
    return parser.parse_args(arguments)


def _introduce(options: argparse.Namespace) -> None:
    _say(f"{platform.machine()}, Python {platform.python_version()}")
    if pinned():
        cores = f"switch on core {SWITCH_CORE}, load on core {LOAD_CORE}"
        _say(f"{cores} (taskset)")
    else:
        _say("one core, or no taskset: switch and load share it, figures are low")
    if options.quick:
        _say("--quick: short runs, fewer calls, no soak; figures are rough")
    _say("sippy is measured at 100/s and below its limit only")


def main(arguments: Sequence[str]) -> int:
    """
    Measure and print.

    @return: 0 when all figures were got, reached or not; else 1.
    """
    options = _options(arguments)
    if shutil.which("sipp") is None:
        sys.stderr.write(_NO_SIPP)
        return 1
    names = [options.only] if options.only else list(SUBJECTS)
    if "sippy" in names:
        install_sippy()
    _introduce(options)
    runs = options.runs or (1 if options.quick else 3)
    bench = Bench(QUICK if options.quick else Plan(), runs, names)
    both = ("ours", "sippy")
    rows = bench.costs({options.rate: both}) if options.rate else bench.everything()
    _say(f"medians of {runs} run(s)\n\n{table(rows)}")
    if options.json:
        options.json.write_text(json.dumps(as_json(rows), indent=1) + "\n", "utf-8")
    return 1 if bench.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
