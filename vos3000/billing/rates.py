"""
The rates of every rate group, in memory.
"""

from __future__ import annotations

from collections.abc import Mapping

from vos3000.model.numbers import PrefixMap
from vos3000.model.rates import Rate


class Rates:
    """
    Rates by rate group and prefix.

    Loaded at start and after a change, swapped in whole: a call sees all of a
    group's old rates or all of its new ones.
    """

    def __init__(self) -> None:
        self._groups: dict[str, PrefixMap[Rate]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._groups.values()))

    def load(self, groups: Mapping[str, PrefixMap[Rate]]) -> None:
        """Use these groups and no others from now on."""
        self._groups = dict(groups)

    def replace(self, group: str, rates: PrefixMap[Rate]) -> None:
        """Use C{rates} for one group; the group may be new."""
        self._groups[group] = rates

    def find(self, group: str, callee: str) -> Rate | None:
        """
        The rate of the longest prefix of C{callee} (behaviour 3.1).

        A locked rate closes its prefix: it counts as no rate, and no shorter
        prefix stands in for it, because an operator who locks a destination
        means to close it and not to sell it at another's price.

        @param group: The group's name; an unknown or empty one has no rates.
        """
        rates = self._groups.get(group)
        if rates is None:
            return None
        found = rates.longest(callee)
        if found is None or found[1].lock_type:
            return None
        return found[1]
