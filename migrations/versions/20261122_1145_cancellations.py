"""Why a challenge was called off

Revision: cancellations, after legal_parameters, 2026-11-22
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from foundation.database import Instant, code_type

revision = "cancellations"
down_revision = "legal_parameters"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table of cancellations."""
    op.create_table(
        "cancellations",
        sa.Column("challenge_id", sa.Integer(), nullable=False),
        sa.Column("cancelled_at", Instant(), nullable=False),
        sa.Column("cancelled_by", code_type(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["challenge_id"], ["challenges.id"], name="fk_cancellations_challenge_id"),
        sa.PrimaryKeyConstraint("challenge_id", name="pk_cancellations"),
    )


def downgrade() -> None:
    """Remove it."""
    op.drop_table("cancellations")
