"""
What Alembic runs around the revisions.

L{vos3000.db.upgrade} hands over an open connection and what is to hear of
each revision; the schema is there for the tests' comparison.
"""

from __future__ import annotations

from alembic import context

from vos3000.db.schema import metadata


def run() -> None:
    """Run the revisions on the connection that was handed over, as one."""
    attributes = context.config.attributes
    context.configure(
        connection=attributes["connection"],
        target_metadata=metadata,
        transactional_ddl=True,
        on_version_apply=attributes["applied"],
    )
    with context.begin_transaction():
        context.run_migrations()


run()
