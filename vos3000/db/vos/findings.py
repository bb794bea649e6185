"""
What an import has to tell: by table and column, with counts and examples.
"""

from __future__ import annotations

from decimal import Decimal

import attrs

from vos3000.model.money import ZERO

EXAMPLES = 3
"""How many examples of one kind are kept."""


@attrs.define(slots=True)
class Finding:
    """
    Something that happened to rows.

    @ivar count: To how many.
    @ivar examples: The first of them, as an operator finds them again.
    @ivar moved: What rounding added to amounts altogether.
    """

    count: int = 0
    examples: list[str] = attrs.field(factory=list)
    moved: Decimal = ZERO

    def add(self, example: str, count: int = 1) -> None:
        """It happened again."""
        self.count += count
        if len(self.examples) < EXAMPLES and example and example not in self.examples:
            self.examples.append(example)

    def join(self, other: Finding) -> None:
        """It happened as often as that says, too."""
        for example in other.examples or [""]:
            self.add(example, 0)
        self.count += other.count
        self.moved += other.moved


@attrs.define(slots=True)
class TableReport:
    """
    What becomes of one table of the source.

    @ivar rows: How many it has.
    @ivar read: How many of them were looked at.
    @ivar carried: How many of those are carried over, or would be.
    @ivar into: Where to; empty for nowhere.
    @ivar why: Why nothing of it is carried.
    @ivar left: Columns with values that are not carried.
    @ivar changed: What is carried with another value or meaning, by what and why.
    @ivar refused: Rows that are not carried, by why.
    """

    name: str
    rows: int = 0
    read: int = 0
    carried: int = 0
    into: str = ""
    why: str = ""
    left: dict[str, Finding] = attrs.field(factory=dict)
    changed: dict[str, Finding] = attrs.field(factory=dict)
    refused: dict[str, Finding] = attrs.field(factory=dict)

    def change(self, what: str, example: str) -> None:
        """A row is carried with another value."""
        self.changed.setdefault(what, Finding()).add(example)

    def refuse(self, why: str, example: str) -> None:
        """A row is not carried."""
        self.refused.setdefault(why, Finding()).add(example)

    def rounded(self, column: str, digits: int, moved: Decimal, example: str) -> None:
        """An amount had more digits than are kept."""
        what = f"{column}: rounded half up to {digits} digits after the point"
        finding = self.changed.setdefault(what, Finding())
        finding.add(example)
        finding.moved += moved


@attrs.frozen(slots=True)
class Sum:
    """
    One line of the check of sums.

    @ivar what: Such as C{records: fee}.
    """

    what: str
    source: Decimal
    target: Decimal

    @property
    def equal(self) -> bool:
        """Whether nothing was lost and nothing came twice."""
        return self.source == self.target


@attrs.define(slots=True)
class Report:
    """
    All that an import has to tell.

    @ivar notes: What concerns no single table.
    @ivar sums: The check of sums, after an import.
    @ivar finished: Whether the import is complete.
    """

    tables: dict[str, TableReport] = attrs.field(factory=dict)
    notes: list[str] = attrs.field(factory=list)
    sums: list[Sum] = attrs.field(factory=list)
    finished: bool = False

    def table(self, name: str) -> TableReport:
        """The report of a table; made if there is none yet."""
        return self.tables.setdefault(name, TableReport(name))
