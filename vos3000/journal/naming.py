"""
The name of a journal, under which the database knows how far it has written it.

Each segment begins with it. It stands in a file of its own as well: with the first
bytes of the only segment gone, the records after them would pass for new ones and be
charged once more.
"""

from __future__ import annotations

from collections.abc import Callable

from vos3000.errors import StorageError
from vos3000.journal.folder import Folder

FILE = "name"
"""The file, among the segments."""


def settle(folder: Folder, told: str, used: bool, fresh: Callable[[], str]) -> str:
    """
    The name of the journal that is there, or is made now.

    @param told: What its segments say; may be empty.
    @param used: Whether there are entries.
    @param fresh: Makes a name.
    @raise StorageError: If entries are there and nobody knows of which journal.
    @raise OSError: If the folder cannot be read.
    """
    kept = ""
    if FILE in folder.names():
        kept = folder.read(FILE).decode("ascii", "replace").strip("\0\n")
    name = told or kept
    if used and not name:
        raise StorageError(
            "the journal holds records, but its name is lost: which of them the"
            " database has cannot be known. Move the directory journal/ away for a"
            " start without them"
        )
    name = name or fresh()
    if kept != name:
        _keep(folder, name.encode("ascii") + b"\n")
    return name


def _keep(folder: Folder, text: bytes) -> None:
    """Write the file; a disk without room gets it at a later start."""
    made = f"{FILE}.new"
    try:
        file = folder.create(made, len(text))
        try:
            file.write(text, 0)
            file.sync()
        finally:
            file.close()
        folder.rename(made, FILE)
        folder.sync()
    except OSError:
        return
