"""
Running Alembic on a connection that is open already.

Imported by L{vos3000.db.upgrade} when there is something to migrate.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"


def config() -> Config:
    """Alembic's configuration: where the revisions are."""
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return made


def upgrade(
    connection: Any,
    scheme: str,
    progress: Callable[[str], object],
    last: str = "head",
) -> None:
    """
    Run every revision that is missing: in one transaction where the database
    knows such for schemas (SQLite), else one after the other, each noted when it
    is done.

    @param connection: A driver's connection; stays open.
    @param scheme: What SQLAlchemy calls the database.
    @param progress: Told each revision that has been applied.
    @param last: The revision to stop at.
    @raise Exception: The driver's own error, as it came.
    """
    _run(connection, scheme, progress, command.upgrade, last)


def downgrade(
    connection: Any, scheme: str, progress: Callable[[str], object], last: str
) -> None:
    """
    Undo every revision after C{last} (C{base} is before the first), as L{upgrade}
    makes them; what only they knew is gone.

    @param progress: Told each revision that has been undone.
    """
    _run(connection, scheme, progress, command.downgrade, last)


def _run(
    connection: Any,
    scheme: str,
    progress: Callable[[str], object],
    direction: Callable[[Config, str], object],
    last: str,
) -> None:
    def applied(*, step: Any, **rest: Any) -> None:
        progress(step.up_revision_id)

    engine = sa.create_engine(
        f"{scheme}://", creator=lambda: connection, poolclass=sa.pool.StaticPool
    )
    if engine.dialect.name == "sqlite":  # the driver begins none by itself
        sa.event.listen(engine, "begin", lambda opened: opened.exec_driver_sql("BEGIN"))
    try:
        with engine.begin() as opened:
            given = config()
            given.attributes.update(connection=opened, applied=applied)
            direction(given, last)
    except sa.exc.DBAPIError as error:
        raise error.orig or error from None
