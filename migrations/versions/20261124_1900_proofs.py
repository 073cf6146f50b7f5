"""A sale may have several photos, one after the other: a correction replaces the picture, the old one is still known

Revision: proofs, after push, 2026-11-24
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "proofs"
down_revision = "push"
branch_labels = None
depends_on = None

INDEX = "ix_photos_declaration_id"


def upgrade() -> None:
    """Let a declaration have more than one photo."""
    op.drop_index(INDEX, "photos")
    op.create_index(INDEX, "photos", ["declaration_id"])


def downgrade() -> None:
    """Back to one photo a declaration: the latest."""
    op.execute(
        sa.text(
            "UPDATE photos SET declaration_id = NULL WHERE EXISTS (SELECT 1 FROM photos AS later"
            " WHERE later.declaration_id = photos.declaration_id AND later.id > photos.id)"
        )
    )
    op.drop_index(INDEX, "photos")
    op.create_index(INDEX, "photos", ["declaration_id"], unique=True)
