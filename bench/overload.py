"""
More than the switch can carry: C{python -m bench.overload}.

Finds the highest rate that is carried without a refusal, offers twice as much, and
goes back. What counts is how many calls are answered in each second of it.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from bisect import bisect_right
from collections.abc import Sequence

import attrs

from bench.children import StartError, free_port
from bench.sipp import Sipp
from bench.subjects import LedgerError, Subject, running

_HOLD = 1.0
_STEP = 1.25
_LOWEST = 10
_LEAST = 0.9
_SECONDS = 8
_ANSWERED, _REFUSED = "4_200_Recv", "3_503_Recv"
_EDGE = 2
"""Seconds after a change that are not counted: SIPp starts by and by."""


def _say(line: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')}  {line}\n")
    sys.stdout.flush()


@attrs.frozen(slots=True)
class Flow:
    """
    Calls at a steady rate.

    @ivar after: Seconds until they begin.
    """

    rate: int
    seconds: int
    after: int = 0

    @property
    def calls(self) -> int:
        """How many there are."""
        return self.rate * self.seconds


@attrs.frozen(slots=True)
class Course:
    """
    What became of some flows together.

    @ivar answered: Calls answered in each second.
    @ivar refused: Calls refused with 503 in each second.
    @ivar resent: Messages sent again, by anyone, in all.
    @ivar failed: Calls that were neither refused nor answered and hung up.
    """

    answered: tuple[float, ...]
    refused: tuple[float, ...]
    resent: int
    failed: int

    def rate(self, begin: int, end: int) -> float:
        """Answered calls a second from one second to another."""
        within = self.answered[begin:end]
        return sum(within) / len(within) if within else 0.0

    @property
    def carried(self) -> bool:
        """Whether under 1 % of the calls were refused, failed or needed repetition."""
        lost = self.failed + sum(self.refused)
        return max(lost, self.resent) <= sum(self.answered) / 100


class _Count:
    """A cumulative count of a SIPp at any time."""

    def __init__(self, sipp: Sipp, name: str) -> None:
        self._samples = sipp.history(name)

    def __call__(self, moment: float) -> float:
        samples = self._samples
        at = bisect_right(samples, (moment, float("inf")))
        if at == 0 or not samples:
            return 0.0
        if at == len(samples):
            return samples[-1][1]
        (before, low), (after, high) = samples[at - 1], samples[at]
        return low + (high - low) * (moment - before) / (after - before)


def offer(subject: Subject, flows: Sequence[Flow]) -> Course:
    """Place all flows, each from a SIPp of its own, and wait for their end."""
    callee = Sipp("callee.xml", subject.callee_port, [])
    callers: list[Sipp] = []
    try:
        time.sleep(0.3)
        begun = time.time()
        for flow in flows:
            time.sleep(max(0.0, begun + flow.after - time.time()))
            callers.append(_caller(subject.port, flow))
        end = begun + max(flow.after + flow.seconds for flow in flows)
        for sipp in callers:
            sipp.child.wait(max(1.0, end + _HOLD + 15 - time.time()))
        time.sleep(0.2)
        callee.finish()
        return _course(callers, callee, sum(flow.calls for flow in flows), begun, end)
    finally:
        for sipp in (*callers, callee):
            sipp.close()


def _caller(target: int, flow: Flow) -> Sipp:
    limit = flow.seconds + _HOLD + 10
    return Sipp(
        "overload-caller.xml",
        free_port(),
        [
            f"127.0.0.1:{target}",
            *("-r", str(flow.rate), "-m", str(flow.calls), "-l", str(flow.calls)),
            *("-d", str(round(_HOLD * 1000)), "-timeout", f"{limit:.0f}s"),
        ],
    )


def _course(
    callers: list[Sipp], callee: Sipp, calls: int, begun: float, end: float
) -> Course:
    seconds = range(round(end - begun))
    series = []
    for name in (_ANSWERED, _REFUSED):
        counts = [_Count(sipp, name) for sipp in callers]
        totals = [sum(count(begun + second) for count in counts) for second in seconds]
        totals.append(sum(count(end + 60) for count in counts))
        series.append(tuple(b - a for a, b in itertools.pairwise(totals)))
    resent = sum(sipp.messages("_Retrans") for sipp in (*callers, callee))
    succeeded = sum(sipp.count("SuccessfulCall(C)") for sipp in callers)
    return Course(series[0], series[1], resent, calls - succeeded)


def _sustainable(subject: Subject, first: int, seconds: int) -> tuple[int, float]:
    """
    The highest rate that is carried, by steps of a quarter up or down, and the most
    answered a second.
    """
    rate, good, bad, peak = first, 0, 0, 0.0
    while not (good and bad) and rate >= _LOWEST:
        course = offer(subject, [Flow(rate, seconds)])
        found = course.rate(_EDGE, seconds)
        peak = max(peak, found)
        word = "carried" if course.carried else "too much"
        _say(
            f"{rate}/s: {word}; {found:.0f} answered a second,"
            f" {sum(course.refused):.0f} refused, {course.failed} failed,"
            f" {course.resent} resent"
        )
        if course.carried:
            good, rate = rate, round(rate * _STEP)
        else:
            bad, rate = rate, round(rate / _STEP)
    return good, peak


def _twice(subject: Subject, rate: int, seconds: int) -> tuple[float, float, float]:
    """Answered a second before, while and after twice the rate is offered."""
    flows = [Flow(rate, 3 * seconds), Flow(rate, seconds, seconds)]
    course = offer(subject, flows)
    for second, (answered, refused) in enumerate(
        zip(course.answered, course.refused, strict=True)
    ):
        _say(f"  second {second:2}: {answered:5.0f} answered {refused:5.0f} refused")
    _say(f"  {course.failed} failed, {course.resent} resent in all")
    return (
        course.rate(_EDGE, seconds),
        course.rate(seconds + _EDGE, 2 * seconds),
        course.rate(2 * seconds + 1, 3 * seconds),
    )


def main(arguments: Sequence[str]) -> int:
    """
    Measure and print.

    @return: 0 when the target was reached, else 1.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.overload")
    parser.add_argument("--first", type=int, default=500, help="where to begin")
    parser.add_argument("--rate", type=int, help="twice this is too much; no search")
    parser.add_argument("--seconds", type=int, default=_SECONDS, help="of each phase")
    options = parser.parse_args(arguments)
    try:
        with running("ours") as subject:
            offer(subject, [Flow(100, 2)])
            rate, peak = options.rate or 0, 0.0
            if not rate:
                rate, peak = _sustainable(subject, options.first, options.seconds)
            if not rate:
                raise StartError("no rate is carried")
            _say(f"{rate}/s, then {2 * rate}/s, then {rate}/s")
            before, during, after = _twice(subject, rate, options.seconds)
            _say(f"CPU {subject.child.cpu():.1f} s")
    except (StartError, LedgerError) as error:
        _say(f"NO FIGURE: {error}")
        return 1
    peak = max(peak, before)
    _say(
        f"answered a second: at most {peak:.0f}, with twice as many offered"
        f" {during:.0f} ({during / peak:.0%}), after it {after:.0f}"
    )
    reached = during >= _LEAST * peak and after >= _LEAST * before
    _say("REACHED" if reached else "NOT REACHED")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
