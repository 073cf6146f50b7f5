"""Notices beyond the application: devices that take pushes, what each person wants, what is on its way

Revision: push, after photos, 2026-11-24
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from foundation.database import Instant

revision = "push"
down_revision = "photos"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables; notices that are already there stay inside."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "devices",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("endpoint", sa.String(length=1000), nullable=False),
        sa.Column("p256dh", sa.String(length=100), nullable=False),
        sa.Column("auth", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("timezone", sa.String(length=60), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_devices_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
        sa.UniqueConstraint("endpoint", name=op.f("uq_devices_endpoint")),
    )
    op.create_index(op.f("ix_devices_person_id"), "devices", ["person_id"])
    op.create_table(
        "notice_choices",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("topic", sa.String(length=20), nullable=False),
        sa.Column("push", sa.Boolean(), nullable=False),
        sa.Column("mail", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_notice_choices_person_id")),
        sa.PrimaryKeyConstraint("person_id", "topic", name=op.f("pk_notice_choices")),
    )
    op.create_table(
        "occasions",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("what", sa.String(length=20), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_occasions_person_id")),
        sa.PrimaryKeyConstraint("person_id", "what", "day", name=op.f("pk_occasions")),
    )
    op.create_index(op.f("ix_occasions_day"), "occasions", ["day"])
    op.create_table(
        "pushes",
        sa.Column("id", number, nullable=False),
        sa.Column("notice_id", number, nullable=False),
        sa.Column("device_id", sa.Integer(), nullable=False),
        sa.Column("not_before", Instant(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sent_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["notice_id"], ["notices.id"], name=op.f("fk_pushes_notice_id")),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_pushes_device_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pushes")),
        sa.UniqueConstraint("notice_id", "device_id", name=op.f("uq_pushes_notice_id_device_id")),
    )
    op.create_index(op.f("ix_pushes_device_id"), "pushes", ["device_id"])
    op.create_index(op.f("ix_pushes_sent_at_not_before"), "pushes", ["sent_at", "not_before"])
    op.add_column("notices", sa.Column("outward", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index(
        "ix_notices_outward",
        "notices",
        ["id"],
        sqlite_where=sa.text("outward = 1"),
        postgresql_where=sa.text("outward"),
    )
    op.add_column("outbox_messages", sa.Column("timezone", sa.String(length=60), nullable=True))


def downgrade() -> None:
    """Remove them."""
    op.drop_column("outbox_messages", "timezone")
    op.drop_index("ix_notices_outward", "notices")
    op.drop_column("notices", "outward")
    for table in ("pushes", "occasions", "notice_choices", "devices"):
        op.drop_table(table)
