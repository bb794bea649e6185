"""
How far an output has got, kept in a file of the state directory.
"""

from __future__ import annotations

import json
from pathlib import Path

import attrs

from vos3000.reports.files import Files


@attrs.frozen(slots=True)
class Place:
    """
    How far an output has got in the sequence C{flowno}.

    @ivar finished: The last record of the files that are finished.
    @ivar reached: The last record that was dealt with.
    @ivar begin: When the time of the unfinished file begins, UTC ms; 0 without
        one.
    @ivar end: When it is over.
    @ivar size: The bytes of it that the disk has.
    @ivar name: The name that it is about to be given; empty before that.
    @ivar until: When the time of the last finished file was over.
    @ivar last: The name of that.
    """

    finished: int = 0
    reached: int = 0
    begin: int = 0
    end: int = 0
    size: int = 0
    name: str = ""
    until: int = 0
    last: str = ""

    def without_part(self) -> Place:
        """As if the unfinished file had never been begun."""
        return Place(self.finished, self.finished, until=self.until, last=self.last)

    def done(self) -> Place:
        """The unfinished file has been given its name."""
        reached = self.reached
        return Place(reached, reached, until=self.end, last=self.name)


class PlaceFile:
    """
    Keeps a L{Place}. Reading and writing may wait for the disk.
    """

    def __init__(self, files: Files, path: Path) -> None:
        self._files = files
        self._path = path

    def load(self) -> Place | None:
        """
        The place that was kept; None if none was.

        @raise OSError: If it cannot be read, or is none.
        """
        data = self._files.read(self._path)
        if data is None:
            return None
        try:
            return Place(**json.loads(data))
        except (ValueError, TypeError):
            raise OSError(
                f"{self._path} is damaged: remove it to go on with records from now"
            ) from None

    def save(self, place: Place) -> None:
        """Keep C{place} instead of the last one."""
        data = json.dumps(attrs.asdict(place)).encode()
        self._files.replace(self._path, data + b"\n")

    def forget(self) -> None:
        """Keep nothing."""
        self._files.remove(self._path)
