"""
Telephone numbers: lists of patterns, and longest-prefix look-up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from operator import itemgetter
from typing import Generic, TypeVar

import attrs

V = TypeVar("V")


@attrs.frozen(slots=True)
class NumberPatterns:
    """
    A comma list of numbers; C{*} at the end makes one a prefix.

    C{5000*,7000} holds every number that starts with 5000, and 7000 itself
    (SERVER_BILLING_FREE_E164S, SERVER_BILLING_NO_CDR_E164S).
    """

    exact: frozenset[str]
    prefixes: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> NumberPatterns:
        """
        Read the list.

        @raise ValueError: If C{*} stands anywhere but at the end of an entry.
        """
        entries = [entry.strip() for entry in text.split(",") if entry.strip()]
        for entry in entries:
            if "*" in entry[:-1]:
                raise ValueError(f"{entry!r}: * may only stand at the end")
        return cls(
            frozenset(e for e in entries if not e.endswith("*")),
            tuple(e[:-1] for e in entries if e.endswith("*")),
        )

    def __bool__(self) -> bool:
        return bool(self.exact or self.prefixes)

    def matches(self, number: str) -> bool:
        """Whether C{number} is on the list."""
        return number in self.exact or number.startswith(self.prefixes)


PART = 50_000
"""Entries beyond which the prefixes of one length are kept in parts: a dict that
grows stops every thread while it is copied, which takes 40 ms with a million."""

_PARTS = 64


class _Parts(Generic[V]):
    """A dict in parts, none of which is long."""

    __slots__ = ("parts",)

    def __init__(self, values: dict[str, V]) -> None:
        self.parts: tuple[dict[str, V], ...] = tuple({} for _ in range(_PARTS))
        for prefix, value in values.items():
            self[prefix] = value

    def __contains__(self, prefix: str) -> bool:
        return prefix in self.parts[hash(prefix) % _PARTS]

    def __getitem__(self, prefix: str) -> V:
        return self.parts[hash(prefix) % _PARTS][prefix]

    def __setitem__(self, prefix: str, value: V) -> None:
        self.parts[hash(prefix) % _PARTS][prefix] = value

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def items(self) -> Iterator[tuple[str, V]]:
        """Every prefix and its value."""
        return chain.from_iterable(part.items() for part in self.parts)


class PrefixMap(Generic[V]):
    """
    Values by prefix: one dict for each length of prefix, longest first.

    Built once and swapped in whole; a look-up costs one dict access for each
    length in use.
    """

    __slots__ = ("_lengths",)

    def __init__(self, items: Iterable[tuple[str, V]] = ()) -> None:
        self._lengths: list[tuple[int, dict[str, V] | _Parts[V]]] = []
        by_length: dict[int, dict[str, V] | _Parts[V]] = {}
        for prefix, value in items:
            length = len(prefix)
            values = by_length.get(length)
            if values is None:
                values = by_length[length] = {}
            values[prefix] = value
            if isinstance(values, dict) and len(values) > PART:
                by_length[length] = _Parts(values)
        self._lengths = sorted(by_length.items(), key=itemgetter(0), reverse=True)

    def __len__(self) -> int:
        return sum(len(values) for _, values in self._lengths)

    def __iter__(self) -> Iterator[tuple[str, V]]:
        for _, values in self._lengths:
            yield from values.items()

    def get(self, prefix: str) -> V | None:
        """The value of exactly this prefix, if it has one."""
        for length, values in self._lengths:
            if length == len(prefix) and prefix in values:
                return values[prefix]
        return None

    def longest(self, number: str) -> tuple[str, V] | None:
        """The longest prefix of C{number} that has a value, and the value."""
        for length, values in self._lengths:
            prefix = number[:length]
            if prefix in values:
                return prefix, values[prefix]
        return None

    def all(self, number: str) -> Iterator[tuple[str, V]]:
        """Every prefix of C{number} that has a value, longest first."""
        for length, values in self._lengths:
            prefix = number[:length]
            if len(prefix) == length and prefix in values:
                yield prefix, values[prefix]

    def dismantle(self) -> None:
        """
        Let go of the values one by one. A million that go at once stop every
        thread for 0.4 s; one that takes them apart is interrupted in between.
        Nobody may look into the map any more.
        """
        for _, values in self._lengths:
            for part in values.parts if isinstance(values, _Parts) else (values,):
                while part:
                    part.popitem()
