"""Closing: the periods of repeated challenges, and who may be shown on a podium

Revision: closing, after orders, 2026-11-24
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from foundation.database import Instant

revision = "closing"
down_revision = "orders"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the two tables."""
    op.create_table(
        "periods",
        sa.Column("challenge_id", sa.Integer(), nullable=False),
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("next_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["challenge_id"], ["challenges.id"], name=op.f("fk_periods_challenge_id")),
        sa.ForeignKeyConstraint(["series_id"], ["challenges.id"], name=op.f("fk_periods_series_id")),
        sa.PrimaryKeyConstraint("challenge_id", name=op.f("pk_periods")),
        sa.UniqueConstraint("series_id", "number", name=op.f("uq_periods_series_id_number")),
    )
    op.create_index(op.f("ix_periods_next_on"), "periods", ["next_on"])
    op.create_table(
        "podium_consents",
        sa.Column("challenge_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("given_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["challenge_id"], ["challenges.id"], name=op.f("fk_podium_consents_challenge_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_podium_consents_person_id")),
        sa.PrimaryKeyConstraint("challenge_id", "person_id", name=op.f("pk_podium_consents")),
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_table("podium_consents")
    op.drop_table("periods")
