"""
Number groups.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _create(name: str, *parts: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        *parts,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )


def _memo() -> sa.Column[Any]:
    return sa.Column("memo", sa.String(255), nullable=False, server_default="")


def upgrade() -> None:
    """Make the tables."""
    _create(
        "e_limit_e164_group",
        sa.Column("id", ID, primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(255), nullable=False),
        _memo(),
        sa.UniqueConstraint("name", name="u_e_limit_e164_group"),
    )
    _create(
        "e_limit_e164",
        sa.Column(
            "limite164groupid",
            ID,
            sa.ForeignKey("e_limit_e164_group.id"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("e164", sa.String(64), primary_key=True),
        _memo(),
    )


def downgrade() -> None:
    """Remove the tables, and the groups in them."""
    op.drop_table("e_limit_e164")
    op.drop_table("e_limit_e164_group")
