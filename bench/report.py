"""
The figures side by side: medians, the ratio, and what had to be reached.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from statistics import median

import attrs


@attrs.frozen(slots=True)
class Target:
    """
    What our figure must reach (issue 2): by itself, and against sippy's.

    @ivar compare: C{operator.ge} when more is better, else C{operator.le}.
    @ivar own: The bound of our figure; None for none.
    @ivar ratio: The bound of our figure divided by sippy's; None for none.
    """

    compare: Callable[[float, float], bool]
    own: float | None = None
    ratio: float | None = None


@attrs.frozen(slots=True)
class Row:
    """
    One figure of both switches.

    @ivar ours: What each run gave; empty when not measured.
    @ivar sippy: The same of the peer.
    """

    title: str
    target: Target
    ours: tuple[float, ...] = ()
    sippy: tuple[float, ...] = ()

    @property
    def ratio(self) -> float | None:
        """Median by median; None when one is missing."""
        if not self.ours or not self.sippy or not median(self.sippy):
            return None
        return median(self.ours) / median(self.sippy)

    @property
    def reached(self) -> bool | None:
        """Whether every bound is kept; None when nothing can be said."""
        pairs = [
            (median(self.ours) if self.ours else None, self.target.own),
            (self.ratio, self.target.ratio),
        ]
        told = [
            self.target.compare(figure, bound)
            for figure, bound in pairs
            if figure is not None and bound is not None
        ]
        return all(told) if told else None


AT_LEAST = operator.ge
AT_MOST = operator.le


def _number(figure: float | None) -> str:
    if figure is None:
        return "-"
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.2f}"


def _bound(target: Target) -> str:
    word = "at least" if target.compare is AT_LEAST else "at most"
    own = f"{word} {target.own:g}" if target.own is not None else ""
    ratio = f"{target.ratio:g} times sippy" if target.ratio is not None else ""
    return ", ".join(part for part in (own, ratio) if part)


def _line(row: Row) -> str:
    ours = median(row.ours) if row.ours else None
    sippy = median(row.sippy) if row.sippy else None
    verdict = {True: "reached", False: "NOT REACHED", None: ""}[row.reached]
    columns = f"{_number(ours):>9} {_number(sippy):>9} {_number(row.ratio):>7}"
    return f"{row.title:<46} {columns}  {_bound(row.target):<28} {verdict}".rstrip()


def table(rows: Iterable[Row]) -> str:
    """The rows as text, the medians of all runs."""
    head = f"{'':<46} {'ours':>9} {'sippy':>9} {'ratio':>7}  must be"
    return "\n".join([head, *map(_line, rows)])


def as_json(rows: Iterable[Row]) -> list[dict[str, object]]:
    """Every run's figures, for programs."""
    return [
        {
            "title": row.title,
            "ours": list(row.ours),
            "sippy": list(row.sippy),
            "ratio": row.ratio,
            "reached": row.reached,
        }
        for row in rows
    ]
