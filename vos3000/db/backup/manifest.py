"""
What a backup says of itself: the last member of its archive.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import attrs

from vos3000.db.upgrade import REVISIONS
from vos3000.errors import StorageError
from vos3000.model.money import from_micros, plain

FORMAT = 1
"""The form of archive that this release writes and reads."""


class BackupError(StorageError):
    """A backup cannot be made, read or put back; says why, and what helps."""


@attrs.frozen(slots=True)
class TableSum:
    """
    What a table held.

    @ivar digest: SHA-256 of its rows in the order of their keys.
    """

    rows: int
    digest: str


@attrs.frozen(slots=True)
class Books:
    """
    What the accounts' money adds up to.

    @ivar accounts: How many accounts there are.
    @ivar balance: The sum of their balances, millionths.
    @ivar moved: The sum of all that moved them: payments - records - rents.
    @ivar digest: SHA-256 of each account's balance and its three sums.
    @ivar wrong: Accounts whose balance is not what moved it, some of them.
    """

    accounts: int
    balance: int
    moved: int
    digest: str
    wrong: tuple[str, ...] = ()

    @property
    def total(self) -> Decimal:
        """The sum of the balances."""
        return from_micros(self.balance)


@attrs.frozen(slots=True)
class Manifest:
    """
    @ivar release: The release that made the backup.
    @ivar database: The kind of database: C{sqlite} or C{mysql}.
    @ivar revision: Its schema.
    @ivar made: When, UTC, as ISO 8601.
    @ivar journals: Up to where the database had written each journal.
    @ivar members: The size and the SHA-256 of each other member.
    """

    release: str
    database: str
    revision: str
    made: str
    journals: dict[str, int]
    tables: dict[str, TableSum]
    books: Books
    members: dict[str, tuple[int, str]]

    @property
    def records(self) -> int:
        """How many records of calls it has."""
        return sum(
            each.rows
            for name, each in self.tables.items()
            if name == "e_cdr" or name.startswith("e_cdr_")
        )

    def text(self) -> bytes:
        """As it stands in the archive."""
        return json.dumps({"format": FORMAT, **attrs.asdict(self)}, indent=1).encode()

    def shown(self) -> dict[str, Any]:
        """For programs; amounts are text."""
        found = attrs.asdict(self)
        del found["members"]
        books = found["books"]
        for name in ("balance", "moved"):
            books[name] = plain(from_micros(books[name]))
        return found

    def differs(self, tables: dict[str, TableSum], books: Books) -> str:
        """What of a database is not as it was; empty if all of it is."""
        for name in sorted(tables.keys() | self.tables.keys()):
            there, was = tables.get(name), self.tables.get(name)
            if there is None or was is None:
                return f"the table {name} is {'missing' if there is None else 'new'}"
            if there != was:
                return f"{name} has {there.rows} rows that are not its {was.rows}"
        return "" if books == self.books else "the sums of the ledger are others"


def read(text: bytes) -> Manifest:
    """
    @raise BackupError: If it is of another release's form, or nonsense.
    """
    try:
        found = json.loads(text)
        if found.pop("format") != FORMAT:
            raise BackupError(
                "the backup has a form that this release does not know: use the"
                f" release that made it ({found.get('release')})"
            )
        books = found["books"]
        books["wrong"] = tuple(books["wrong"])
        found["books"] = Books(**books)
        found["tables"] = {
            name: TableSum(**each) for name, each in found["tables"].items()
        }
        found["members"] = {
            name: (int(size), str(digest))
            for name, (size, digest) in found["members"].items()
        }
        return Manifest(**found)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackupError(
            "the backup's manifest makes no sense: take another backup"
        ) from error


def check(manifest: Manifest, database: str) -> None:
    """
    Refuse a backup that cannot be put back here.

    @param database: The kind of database that is configured.
    @raise BackupError: Saying why, and what helps.
    """
    if manifest.database != database:
        raise BackupError(
            f"the backup is of a {manifest.database} database, and [database] url"
            f" names a {database} one: give the url of one of its kind"
        )
    if manifest.revision not in REVISIONS:
        raise BackupError(
            f"the backup's schema is {manifest.revision}, newer than {REVISIONS[-1]},"
            " which is the newest this release knows: install release"
            f" {manifest.release} first"
        )
