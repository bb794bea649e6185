"""
What is different between two states of a group's rates.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from vos3000.model.money import plain
from vos3000.model.numbers import PrefixMap
from vos3000.model.rates import Rate

EXAMPLES = 5
"""Rates that a comparison names one by one."""


@attrs.frozen(slots=True)
class RateChange:
    """
    What is different between the rates of a group and those it had.

    @ivar old: A few prices as they were, by prefix.
    @ivar new: The same as they are, and how many there are of each kind.
    """

    group: str
    old: Mapping[str, Any]
    new: Mapping[str, Any]


def compared(
    group: str, old: PrefixMap[Rate] | None, new: PrefixMap[Rate] | None
) -> RateChange | None:
    """What is different in the rates of a group; None if nothing is."""
    counts = dict.fromkeys(("added", "changed", "removed"), 0)
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}

    def note(kind: str, was: Rate | None, now: Rate | None) -> None:
        counts[kind] += 1
        if sum(counts.values()) > EXAMPLES:
            return
        for told, rate in ((before, was), (after, now)):
            if rate is not None:
                told[rate.prefix] = f"{plain(rate.fee)} for {rate.period} s"

    old, new = old or PrefixMap(), new or PrefixMap()
    for prefix, rate in new:
        was = old.get(prefix)
        if was is None:
            note("added", None, rate)
        elif was != rate:
            note("changed", was, rate)
    if len(old) + counts["added"] != len(new):
        for prefix, rate in old:
            if new.get(prefix) is None:
                note("removed", rate, None)
    if not any(counts.values()):
        return None
    told = {kind: count for kind, count in counts.items() if count}
    return RateChange(group, before, {**told, **after})
