"""The wallet: what entries take out of lots, debts, manual bonuses and corrections

Revision: wallet, after studio, 2026-11-24
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from foundation.database import Instant, code_type

revision = "wallet"
down_revision = "studio"
branch_labels = None
depends_on = None

# Nothing in these tables is ever changed or deleted.
APPEND_ONLY = ("adjustment_decisions", "adjustments", "lot_uses")


def upgrade() -> None:
    """Add the tables, which refuse to change where they hold what happened, and the indexes of expiry and months."""
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "adjustments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("challenge_id", sa.Integer(), nullable=True),
        sa.Column("amount", big, nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("needs_approval", sa.Boolean(), nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("asked_by", code_type(), nullable=False),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_adjustments_amount")),
        sa.ForeignKeyConstraint(["challenge_id"], ["challenges.id"], name=op.f("fk_adjustments_challenge_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_adjustments_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adjustments")),
    )
    op.create_index(op.f("ix_adjustments_person_id_id"), "adjustments", ["person_id", "id"])
    op.create_index(op.f("ix_adjustments_challenge_id_person_id"), "adjustments", ["challenge_id", "person_id"])
    op.create_index(op.f("ix_adjustments_needs_approval_id"), "adjustments", ["needs_approval", "id"])
    op.create_table(
        "adjustment_decisions",
        sa.Column("adjustment_id", sa.Integer(), nullable=False),
        sa.Column("approved", sa.Boolean(), nullable=False),
        sa.Column("note", sa.String(length=300), nullable=False),
        sa.Column("decided_at", Instant(), nullable=False),
        sa.Column("decided_by", code_type(), nullable=False),
        sa.ForeignKeyConstraint(
            ["adjustment_id"], ["adjustments.id"], name=op.f("fk_adjustment_decisions_adjustment_id")
        ),
        sa.PrimaryKeyConstraint("adjustment_id", name=op.f("pk_adjustment_decisions")),
    )
    op.create_table(
        "debts",
        sa.Column("account_id", big, nullable=False),
        sa.Column("points", big, nullable=False),
        sa.CheckConstraint("points > 0", name=op.f("ck_debts_points")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_debts_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_debts")),
    )
    op.create_table(
        "lot_uses",
        sa.Column("id", big, nullable=False),
        sa.Column("lot_id", big, nullable=False),
        sa.Column("reference", code_type(300), nullable=False),
        sa.Column("amount", big, nullable=False),
        sa.Column("undoes", code_type(300), nullable=True),
        sa.CheckConstraint("amount <> 0 AND (amount > 0 OR undoes IS NOT NULL)", name=op.f("ck_lot_uses_amount")),
        sa.ForeignKeyConstraint(["lot_id"], ["lots.id"], name=op.f("fk_lot_uses_lot_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lot_uses")),
        sa.UniqueConstraint("undoes", "lot_id", name=op.f("uq_lot_uses_undoes_lot_id")),
    )
    op.create_index(op.f("ix_lot_uses_lot_id"), "lot_uses", ["lot_id"])
    op.create_index(op.f("ix_lot_uses_reference"), "lot_uses", ["reference"])
    live = sa.text('expires_at IS NOT NULL AND "left" > 0')
    op.create_index(op.f("ix_lots_expires_at"), "lots", ["expires_at"], sqlite_where=live, postgresql_where=live)
    op.create_index(op.f("ix_entries_posted_at"), "entries", ["posted_at"])
    if op.get_bind().dialect.name == "postgresql":
        for table in APPEND_ONLY:
            for act in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_refuse_{act.lower()} BEFORE {act} ON {table} "
                    "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
                )
            op.execute(
                f"CREATE TRIGGER {table}_refuse_truncate BEFORE TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
    else:
        for table in APPEND_ONLY:
            for act in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_refuse_{act.lower()} BEFORE {act} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )


def downgrade() -> None:
    """Remove them; the tables' indexes and triggers go with them."""
    op.drop_index(op.f("ix_entries_posted_at"), "entries")
    op.drop_index(op.f("ix_lots_expires_at"), "lots")
    for table in ("lot_uses", "debts", "adjustment_decisions", "adjustments"):
        op.drop_table(table)
