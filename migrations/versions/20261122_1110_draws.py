"""The secret of a challenge's draw, and what is published of it

Revision: draws, after append_only, 2026-11-22
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "draws"
down_revision = "append_only"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table of draws."""
    op.create_table(
        "draws",
        sa.Column("challenge_id", sa.Integer(), nullable=False),
        sa.Column("seed", sa.String(length=64), nullable=False),
        sa.Column("commitment", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["challenge_id"], ["challenges.id"], name="fk_draws_challenge_id"),
        sa.PrimaryKeyConstraint("challenge_id", name="pk_draws"),
    )


def downgrade() -> None:
    """Remove it."""
    op.drop_table("draws")
