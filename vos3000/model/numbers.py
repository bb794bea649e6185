"""
Telephone numbers: lists of patterns, and longest-prefix look-up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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


class PrefixMap(Generic[V]):
    """
    Values by prefix: one dict for each length of prefix, longest first.

    Built once and swapped in whole; a look-up costs one dict access for each
    length in use.
    """

    __slots__ = ("_lengths", "_size")

    def __init__(self, items: Iterable[tuple[str, V]] = ()) -> None:
        by_length: dict[int, dict[str, V]] = {}
        for prefix, value in items:
            by_length.setdefault(len(prefix), {})[prefix] = value
        self._lengths = sorted(by_length.items(), reverse=True)
        self._size = sum(len(values) for values in by_length.values())

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[tuple[str, V]]:
        for _, values in self._lengths:
            yield from values.items()

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
