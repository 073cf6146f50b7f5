"""Photos that arrive in pieces and are recognised when they come twice; favourite products

Revision: photos, after held, 2026-11-24
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from foundation.database import Instant, code_type

revision = "photos"
down_revision = "held"
branch_labels = None
depends_on = None

MARKS = ("mark_1", "mark_2", "mark_3", "mark_4")


def upgrade() -> None:
    """Add the photos with their pieces, and the favourites."""
    big_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "photos",
        sa.Column("id", big_id, nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("public_id", code_type(36), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("received", sa.Integer(), nullable=False),
        sa.Column("touched_at", Instant(), nullable=False),
        sa.Column("picture", sa.String(length=100), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=True),
        *(sa.Column(mark, sa.Integer(), nullable=True) for mark in MARKS),
        sa.Column("sketch", sa.LargeBinary(), nullable=True),
        sa.Column("declaration_id", big_id, nullable=True),
        sa.Column("same_as_id", big_id, nullable=True),
        sa.CheckConstraint("received BETWEEN 0 AND length", name=op.f("ck_photos_received")),
        sa.ForeignKeyConstraint(["declaration_id"], ["declarations.id"], name=op.f("fk_photos_declaration_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_photos_person_id")),
        sa.ForeignKeyConstraint(["same_as_id"], ["photos.id"], name=op.f("fk_photos_same_as_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_photos")),
    )
    op.create_index(op.f("ix_photos_person_id_public_id"), "photos", ["person_id", "public_id"], unique=True)
    op.create_index(op.f("ix_photos_declaration_id"), "photos", ["declaration_id"], unique=True)
    for column in ("touched_at", "digest", *MARKS):
        op.create_index(op.f(f"ix_photos_{column}"), "photos", [column])
    op.create_table(
        "photo_pieces",
        sa.Column("photo_id", big_id, autoincrement=False, nullable=False),
        sa.Column("start", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"], name=op.f("fk_photo_pieces_photo_id")),
        sa.PrimaryKeyConstraint("photo_id", "start", name=op.f("pk_photo_pieces")),
    )
    op.create_table(
        "favourite_products",
        sa.Column("person_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("product_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("chosen_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_favourite_products_person_id")),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_favourite_products_product_id")),
        sa.PrimaryKeyConstraint("person_id", "product_id", name=op.f("pk_favourite_products")),
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_table("favourite_products")
    op.drop_table("photo_pieces")
    op.drop_table("photos")
