"""
Entries that no try can write, set aside for an operator to look at.
"""

from __future__ import annotations

import os
from pathlib import Path

from vos3000.journal.entries import end_text
from vos3000.model.cdr import CdrEntry

FILE = "cdr-refused.jsonl"
"""Where they are, below the state directory: the text of one END a line."""


def set_aside(folder: Path, line: bytes) -> None:
    """
    Add a line to the file, on the disk when this returns.

    @raise OSError: If it cannot be.
    """
    path = folder / FILE
    with open(path, "ab", opener=_private) as file:
        file.write(line + b"\n")
        file.flush()
        os.fsync(file.fileno())


def line_of(entry: CdrEntry) -> bytes:
    """An entry as a line of the file."""
    return end_text(0 if entry.cdr is None else entry.cdr.softswitchcallid, entry)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o640)
