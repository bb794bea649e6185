"""
Which schema a database has, and bringing it up to ours.

The start-up check is one plain query. Alembic and SQLAlchemy (20 MiB that a
running switch has no use for) are imported when there is something to
migrate, and only then.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from vos3000.db import views
from vos3000.db.dialects import Dialect, dialect
from vos3000.db.trouble import told
from vos3000.db.vos import state
from vos3000.errors import SchemaError, StorageError

REVISIONS = ("0001", "0002", "0003", "0004")
"""Every revision this release knows, oldest first; the last one is its own."""


def _nothing(revision: str) -> None:
    """Progress that nobody wants to see."""


def current(connection: Any, kind: Dialect) -> str | None:
    """
    The revision of a database; None for one without tables.

    @raise SchemaError: If it has tables, but none of ours says which revision.
    """
    cursor = connection.cursor()
    try:
        tables = kind.tables(cursor, "")
        if "alembic_version" in tables:
            cursor.execute("SELECT version_num FROM alembic_version")
            row = cursor.fetchone()
            if row is not None:
                return str(row[0])
            tables.remove("alembic_version")
    finally:
        cursor.close()
    if tables:
        raise SchemaError(
            f"the database has tables ({tables[0]} ...) but no schema revision:"
            " it was not made by this program"
        )
    return None


def check(revision: str | None) -> None:
    """
    Refuse a revision that is not exactly ours.

    @raise SchemaError: Saying what the operator does about it.
    """
    ours = REVISIONS[-1]
    if revision == ours:
        return
    if revision is None:
        raise SchemaError(
            "the database is empty: if the switch starts for the first time just now,"
            " try again in a moment, else start it or run `vos3000 migrate`"
        )
    if revision in REVISIONS:
        raise SchemaError(
            f"the database's schema is {revision}, this release needs"
            f" {ours}: stop the switch and run `vos3000 migrate`"
        )
    raise SchemaError(
        f"the database's schema is {revision}, newer than {ours} which is the newest"
        " this release knows: install the release that made it, or let it go back"
        f" (`vos3000 migrate --to {ours}` of that release)"
    )


def prepare(url: str) -> None:
    """
    Make sure, at start-up, that the schema is ours; fill an empty SQLite file.

    @raise SchemaError: If it is older or newer.
    @raise StorageError: If the database cannot be used; says what helps.
    """
    kind = dialect(url)
    errors: tuple[type[Exception], ...] = (*kind.errors, OSError)
    try:
        _prepare(url, kind)
    except errors as error:
        raise StorageError(told(kind.place, error, kind.path)) from error


def _prepare(url: str, kind: Dialect) -> None:
    kind.protect()
    connection = kind.connect()
    try:
        revision = current(connection, kind)
        if revision is not None or not kind.makes_itself:
            check(revision)
            _complete(connection)
    finally:
        connection.close()
    if revision is None and kind.makes_itself:
        migrate(url)


def _complete(connection: Any) -> None:
    """
    Refuse a database into which a VOS3000 is being taken over.

    @raise StorageError: Saying how to go on.
    """
    cursor = connection.cursor()
    try:
        name = state.unfinished(cursor)
    finally:
        cursor.close()
    if name:
        raise StorageError(
            f"the import of the VOS3000 database {name} is not complete: call"
            " `vos3000 import-vos --apply` again, it goes on where it was"
        )


def migrate(url: str, progress: Callable[[str], object] = _nothing) -> None:
    """
    Bring the schema up to this release's, all steps or none; views that were asked
    for once follow it.

    @param progress: Told each revision that has been applied.
    @raise SchemaError: If the schema is newer or foreign; nothing is changed.
    """
    kind = dialect(url)
    kind.protect()
    connection = kind.connect()
    try:
        revision = current(connection, kind)
        if revision is not None and revision not in REVISIONS:
            check(revision)
        if revision == REVISIONS[-1]:
            return
        alembic = importlib.import_module("vos3000.db.alembic_run")
        alembic.upgrade(connection, kind.scheme, progress)
        _follow(connection, kind)
    finally:
        connection.close()


def behind(url: str, target: str) -> tuple[str, ...]:
    """
    What going back to a revision undoes, newest first.

    @raise SchemaError: If the database is of no revision that we know, or older.
    """
    kind = dialect(url)
    connection = kind.connect()
    try:
        revision = current(connection, kind)
    finally:
        connection.close()
    if revision is None or revision not in REVISIONS:
        check(revision)
    if target not in REVISIONS:
        known = ", ".join(REVISIONS)
        raise SchemaError(f"{target} is no schema of this program: {known}")
    first, last = REVISIONS.index(target), REVISIONS.index(str(revision))
    if first > last:
        raise SchemaError(f"the database's schema is {revision}, which is older")
    return REVISIONS[first + 1 : last + 1][::-1]


def go_back(
    url: str, target: str, progress: Callable[[str], object] = _nothing
) -> None:
    """
    Undo what came after a revision; what only later revisions knew is lost.

    @param progress: Told each revision that has been undone.
    @raise SchemaError: As L{behind}; nothing is changed.
    """
    if not behind(url, target):
        return
    kind = dialect(url)
    connection = kind.connect()
    try:
        alembic = importlib.import_module("vos3000.db.alembic_run")
        alembic.downgrade(connection, kind.scheme, progress, target)
        _follow(connection, kind)
    finally:
        connection.close()


def make_views(url: str) -> int:
    """
    Make the views of L{views.SCHEMA}, or renew them; how many there are.

    @raise SchemaError: If the database's schema is not ours.
    @raise StorageError: If this database can have none.
    """
    kind = dialect(url)
    connection = kind.connect()
    try:
        check(current(connection, kind))
        return views.renew(connection.cursor(), kind)
    finally:
        connection.close()


def _follow(connection: Any, kind: Dialect) -> None:
    cursor = connection.cursor()
    if views.present(cursor, kind):
        views.renew(cursor, kind)
