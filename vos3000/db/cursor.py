"""
What an interaction is given: a cursor, whatever the database.
"""

from __future__ import annotations

from typing import Any, Protocol


class Cursor(Protocol):
    """What an interaction is given (PEP 249)."""

    rowcount: int

    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        """Run one statement."""

    def executemany(self, sql: str, rows: Any, /) -> Any:
        """Run one statement for each row."""

    def fetchone(self) -> Any:
        """The next row, or None."""

    def fetchmany(self, size: int, /) -> list[Any]:
        """The next rows; an empty list at the end."""

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
