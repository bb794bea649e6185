"""
Records that could not be written before the process had to end.

A file of JSON lines in the state directory, whole or absent: it is synced
under another name and then renamed. Each line says which batch it belongs to,
so that replaying the file twice writes nothing twice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs

from vos3000.db.cdrs import AMOUNT_COLUMNS
from vos3000.errors import StorageError
from vos3000.model.accounts import Movement
from vos3000.model.cdr import Cdr, CdrEntry

SUFFIX = ".spool"


def to_json(entry: CdrEntry, sequence: int) -> str:
    """One line for one entry of the batch C{sequence}."""
    record: dict[str, Any] | None = None
    if entry.cdr is not None:
        record = attrs.asdict(entry.cdr)
        for name in AMOUNT_COLUMNS:
            record[name] = str(record[name])
        if record["additional"] is not None:
            record["additional"] = record["additional"].hex()
    movements = [[moved.account, str(moved.amount)] for moved in entry.movements]
    return json.dumps({"batch": sequence, "cdr": record, "movements": movements})


def from_json(line: str) -> tuple[int, CdrEntry]:
    """What L{to_json} made a line of."""
    read = json.loads(line)
    record = read["cdr"]
    if record is not None:
        for name in AMOUNT_COLUMNS:
            record[name] = Decimal(record[name])
        if record["additional"] is not None:
            record["additional"] = bytes.fromhex(record["additional"])
        record = Cdr(**record)
    movements = [
        Movement(account, Decimal(text)) for account, text in read["movements"]
    ]
    return read["batch"], CdrEntry(record, tuple(movements))


def append(path: Path, line: str) -> None:
    """
    Add one line to a file, on the disk when this returns.

    @raise OSError: If it cannot be.
    """
    with open(path, "a", encoding="utf-8", opener=_private) as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o640)


def dump(
    folder: Path, writer: str, batches: Iterable[tuple[int, Sequence[CdrEntry]]]
) -> Path:
    """
    Write batches to a file of their own and sync it to the disk.

    @param writer: Whose batches they are.
    @return: The file, named by the number of its first batch.
    @raise OSError: If the disk refuses; no half file is left in place.
    """
    lines = [(number, to_json(e, number)) for number, some in batches for e in some]
    path = folder / f"{writer}-{lines[0][0]:012d}{SUFFIX}"
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8") as file:
        file.writelines(line + "\n" for _, line in lines)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return path


def files(folder: Path) -> list[Path]:
    """The files of every writer that spooled here, oldest first."""
    found = folder.glob(f"*{SUFFIX}")
    return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name))


def writer(path: Path) -> str:
    """Whose batches a file holds."""
    return path.stem.rpartition("-")[0]


def load(path: Path) -> list[tuple[int, list[CdrEntry]]]:
    """
    The batches of a file, in order.

    @raise StorageError: If a line cannot be read; it names file and line.
    """
    batches: dict[int, list[CdrEntry]] = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            sequence, entry = from_json(line)
        except (ValueError, KeyError, TypeError, ArithmeticError) as error:
            raise StorageError(f"{path}:{number}: not a spooled record") from error
        batches.setdefault(sequence, []).append(entry)
    return sorted(batches.items())
