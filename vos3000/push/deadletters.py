"""
The dead-letter file: pushes that nobody took, one JSON object a line.

It is bounded: a full file is put aside as C{.1}, the one before as C{.2} and
so on; what falls off the end is lost, and counted.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from twisted.logger import Logger

from vos3000.metrics import Metrics
from vos3000.push.letter import Letter

LARGEST = 16 << 20
"""Bytes of one file."""

KEPT = 4
"""Full files that are kept beside the current one."""


class DeadLetters:
    """
    Writes dead letters. It never raises: a full disk costs letters, no calls.

    @param path: The current file; made when it is first needed.
    """

    _log = Logger()

    def __init__(
        self, path: Path, metrics: Metrics, largest: int = LARGEST, kept: int = KEPT
    ) -> None:
        self.path = path
        self._largest = largest
        self._kept = kept
        self._file: BinaryIO | None = None
        self._failing = False
        self._written = metrics.counter(
            "push_dead_letters_total", "Pushes given up and kept in the file."
        )
        self._lost = metrics.counter(
            "push_lost_total", "Pushes lost: file rotated away, or disk refused."
        )

    def add(self, letter: Letter, reason: str) -> None:
        """Keep C{letter}, which is given up because of C{reason}."""
        line = letter.line(reason)
        try:
            self._append(line)
        except OSError as problem:
            self.close()
            self._lost.value += 1
            if not self._failing:
                self._log.error("no dead letter kept: {problem}", problem=problem)
            self._failing = True
        else:
            self._written.value += 1
            self._failing = False

    def close(self) -> None:
        """Release the file; the next letter opens it again."""
        if self._file is not None:
            try:
                self._file.close()
            except OSError as problem:
                self._log.error("dead letters: {problem}", problem=problem)
            self._file = None

    def _append(self, line: bytes) -> None:
        file = self._current()
        if file.tell() and file.tell() + len(line) > self._largest:
            self.close()
            self._rotate()
            file = self._current()
        file.write(line)
        file.flush()

    def _current(self) -> BinaryIO:
        """The file, opened anew where somebody has taken it away (replay)."""
        if self._file is not None and not self._is_ours(self._file):
            self.close()
        if self._file is None:
            self._file = self.path.open("ab")
        return self._file

    def _is_ours(self, file: BinaryIO) -> bool:
        try:
            there = os.stat(self.path)
        except FileNotFoundError:
            return False
        return there.st_ino == os.fstat(file.fileno()).st_ino

    def _aside(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def _rotate(self) -> None:
        last = self._aside(self._kept)
        if last.exists():
            with open(last, "rb") as file:
                self._lost.value += sum(1 for _ in file)
        for number in range(self._kept - 1, 0, -1):
            if self._aside(number).exists():
                os.replace(self._aside(number), self._aside(number + 1))
        os.replace(self.path, self._aside(1))
