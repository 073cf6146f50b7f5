"""Awards held back for want of an employer's agreement, and their release

Revision: held, after closing, 2026-11-24
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from foundation.database import Instant, code_type

revision = "held"
down_revision = "closing"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the releases, which refuse to change, and the index of what is held."""
    op.create_table(
        "releases",
        sa.Column("award_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("released_at", Instant(), nullable=False),
        sa.Column("released_by", code_type(), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(["award_id"], ["awards.id"], name=op.f("fk_releases_award_id")),
        sa.PrimaryKeyConstraint("award_id", name=op.f("pk_releases")),
    )
    op.create_index(op.f("ix_releases_released_at"), "releases", ["released_at"])
    held = sa.text("status = 'held'")
    op.create_index("ix_awards_held", "awards", ["id"], sqlite_where=held, postgresql_where=held)
    if op.get_bind().dialect.name == "postgresql":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER releases_refuse_{act.lower()} BEFORE {act} ON releases "
                "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
            )
        op.execute(
            "CREATE TRIGGER releases_refuse_truncate BEFORE TRUNCATE ON releases "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    else:
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER releases_refuse_{act.lower()} BEFORE {act} ON releases "
                "BEGIN SELECT RAISE(ABORT, 'releases is append-only'); END"
            )


def downgrade() -> None:
    """Remove them; the triggers go with the table."""
    op.drop_index("ix_awards_held", "awards")
    op.drop_table("releases")
