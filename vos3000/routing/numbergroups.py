"""
Number groups: numbers that stand for one another (e_limit_e164_group).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

Choose = Callable[[int], int]
"""Draws a number from 0 to n - 1; C{random.randrange} is one."""


@attrs.frozen(slots=True)
class _Group:
    numbers: tuple[str, ...]
    members: frozenset[str]


class NumberGroups:
    """
    The groups in memory, and the rule that draws from them.

    A group that nobody made, or that is empty, changes nothing: a call must
    not fail by it.
    """

    __slots__ = ("_choose", "_groups")

    def __init__(self, choose: Choose) -> None:
        self._choose = choose
        self._groups: dict[str, _Group] = {}

    def load(self, groups: Mapping[str, Sequence[str]]) -> None:
        """Replace all groups."""
        self._groups = {
            name: _Group(tuple(numbers), frozenset(numbers))
            for name, numbers in groups.items()
            if numbers
        }

    def has(self, name: str, number: str) -> bool:
        """Whether a group has a number."""
        group = self._groups.get(name)
        return group is not None and number in group.members

    def holds(self, name: str) -> bool:
        """Whether there is such a group, with numbers in it."""
        return name in self._groups

    @staticmethod
    def wanted(settings: Mapping[str, Any]) -> str:
        """The group of forwardSignalRewriteE164Group; empty if that is off."""
        if not settings.get("forwardSignalRewriteE164GroupEnable"):
            return ""
        return settings.get("forwardSignalRewriteE164Group") or ""

    def forwarder(self, settings: Mapping[str, Any], number: str) -> str:
        """
        Who sent a call on, as a gateway with these settings is to know it: a
        number of forwardSignalRewriteE164Group, if
        forwardSignalRewriteE164GroupEnable is on. One that is of the group stays.
        """
        group = self._groups.get(self.wanted(settings))
        if group is None or number in group.members:
            return number
        return group.numbers[self._choose(len(group.numbers))]
