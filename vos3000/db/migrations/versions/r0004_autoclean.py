"""
Automatic clean-up: what is removed when, and what it had done to balances.

Every column is written out: a released migration never changes, whatever the
schema of later releases says.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

AMOUNT = sa.BigInteger().with_variant(sa.Numeric(18, 6), "mysql")

RULES = (
    (0, 1, "e_cdr", 1095),
    (1, 0, "e_payhistory", 3650),
    (2, 0, "e_consumption", 3650),
    (3, 1, "e_syslog", 1095),
)
"""
Records and what operators did stay three years, what was paid for ever: longer than
the laws that we know of ask for, so that nobody loses what has to be kept.
"""


def _create(name: str, *parts: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        *parts,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )


def upgrade() -> None:
    """Make the two tables, and the rules."""
    _create(
        "e_autoclean",
        sa.Column("type", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("enabled", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("content", sa.String(255), nullable=False, server_default=""),
        sa.Column("expiredays", sa.Integer(), nullable=False, server_default="0"),
    )
    _create(
        "e_cleaned",
        sa.Column("account", sa.String(255), primary_key=True),
        sa.Column("money", AMOUNT, nullable=False, server_default="0"),
    )
    for kind, enabled, content, days in RULES:
        op.execute(
            "INSERT INTO e_autoclean (type, enabled, content, expiredays)"
            f" VALUES ({kind}, {enabled}, '{content}', {days})"
        )


def downgrade() -> None:
    """Remove them."""
    op.drop_table("e_cleaned")
    op.drop_table("e_autoclean")
