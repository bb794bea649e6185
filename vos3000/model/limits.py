"""
What a gateway's settings allow of a number: prefixes and lengths.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs


def comma_list(text: object) -> tuple[str, ...]:
    """The entries of a comma list; none where there is no list."""
    entries = (entry.strip() for entry in str(text or "").split(","))
    return tuple(entry for entry in entries if entry)


Holds = Callable[[str, str], bool]
"""Whether the number group of a name has a number."""


def no_groups(name: str, number: str) -> bool:
    """Where there are no number groups."""
    return False


@attrs.frozen(slots=True)
class GroupLimit:
    """
    Which numbers may pass, by the number groups that they are in.

    @ivar names: The groups.
    @ivar allow: Whether only their numbers may pass, or none of them.
    """

    names: tuple[str, ...]
    allow: bool

    @classmethod
    def read(
        cls, settings: Mapping[str, Any], groups: str, flag: str = ""
    ) -> GroupLimit | None:
        """
        The limit in a device's settings; None if nothing is limited.

        @param groups: The field with the names of the groups.
        @param flag: The field that says whether they are the allowed ones; that
            of C{groups} with C{Allow} behind it unless told otherwise.
        """
        names = comma_list(settings.get(groups))
        allow = bool(settings.get(flag or groups + "Allow"))
        return cls(names, allow) if names else None

    def refusal(self, number: str, holds: Holds) -> str:
        """Why C{number} may not pass; empty if it may."""
        if any(holds(name, number) for name in self.names) is self.allow:
            return ""
        return "number group not allowed" if self.allow else "number group forbidden"


@attrs.frozen(slots=True)
class PairLimit:
    """
    Which callers may call which callees, by their prefixes (denyCallerCallee).

    @ivar allow: Whether the pairs are the allowed ones or the forbidden.
    """

    pairs: tuple[tuple[str, str], ...]
    allow: bool

    @classmethod
    def read(cls, settings: Mapping[str, Any], pairs: str) -> PairLimit | None:
        """
        The limit in a gateway's settings; None if nothing is limited.

        @param pairs: The field with C{caller:callee} by comma.
        """
        made = []
        for entry in comma_list(settings.get(pairs)):
            caller, colon, callee = entry.partition(":")
            if colon:
                made.append((caller.strip(), callee.strip()))
        if not made:
            return None
        return cls(tuple(made), bool(settings.get(pairs + "Allow")))

    def refusal(self, caller: str, callee: str) -> str:
        """Why the one may not call the other; empty if it may."""
        met = any(
            caller.startswith(one) and callee.startswith(other)
            for one, other in self.pairs
        )
        if met is self.allow:
            return ""
        return "pair not allowed" if self.allow else "pair forbidden"


@attrs.frozen(slots=True)
class NumberLimit:
    """
    Which numbers may pass.

    @ivar prefixes: Prefixes that are told apart; none for no such limit.
    @ivar allow: Whether the prefixes are the allowed ones or the forbidden.
    @ivar lengths: Bit x set: a number of x characters may pass (x below 32);
        0 for no such limit.
    """

    prefixes: tuple[str, ...] = ()
    allow: bool = False
    lengths: int = 0

    @classmethod
    def read(
        cls, settings: Mapping[str, Any], prefixes: str, lengths: str = ""
    ) -> NumberLimit | None:
        """
        The limit in a gateway's settings; None if nothing is limited.

        @param prefixes: The field with the prefixes; the flag is the field of
            the same name with C{Allow} behind it, and unset means forbidden.
        @param lengths: The field with the bits, if there is one.
        """
        limit = cls(
            comma_list(settings.get(prefixes)),
            bool(settings.get(prefixes + "Allow")),
            int(settings.get(lengths) or 0) & 0xFFFFFFFF,
        )
        return limit if limit.prefixes or limit.lengths else None

    def refusal(self, number: str) -> str:
        """Why C{number} may not pass; empty if it may."""
        if self.prefixes and number.startswith(self.prefixes) is not self.allow:
            return "prefix not allowed" if self.allow else "prefix forbidden"
        if self.lengths and not self.lengths >> len(number) & 1:
            return "length not allowed"
        return ""
