"""Orders: articles with a picture, orders and their steps, voucher codes, favourites, waiting list, provider's messages

Revision: orders, after wallet, 2026-11-24
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from foundation.database import Instant, code_type

revision = "orders"
down_revision = "wallet"
branch_labels = None
depends_on = None

# Nothing in these tables is ever changed or deleted.
APPEND_ONLY = ("order_changes", "provider_events")
STATES = "state IN ('ordered', 'approved', 'sent', 'delivered', 'cancelled')"


def upgrade() -> None:
    """Add the columns and tables; the history of orders refuses to change."""
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("rewards", sa.Column("description", sa.String(length=2000), server_default="", nullable=False))
    op.add_column("rewards", sa.Column("picture", sa.String(length=100), nullable=True))
    op.add_column("rewards", sa.Column("provider", sa.String(length=12), server_default="manual", nullable=False))

    op.create_table(
        "orders",
        sa.Column("id", big, nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("reward_id", sa.Integer(), nullable=False),
        sa.Column("price_points", big, nullable=False),
        sa.Column("cost_cents", big, nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("form_token", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=1000), nullable=True),
        sa.Column("tracking", sa.String(length=300), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("ordered_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("provider", sa.String(length=12), nullable=False),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("next_try_at", Instant(), nullable=True),
        sa.Column("heard_at", Instant(), nullable=True),
        sa.Column("alerted_at", Instant(), nullable=True),
        sa.CheckConstraint(STATES, name=op.f("ck_orders_state")),
        sa.CheckConstraint("price_points > 0", name=op.f("ck_orders_price")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_orders_person_id")),
        sa.ForeignKeyConstraint(["reward_id"], ["rewards.id"], name=op.f("fk_orders_reward_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint("person_id", "form_token", name=op.f("uq_orders_person_id_form_token")),
    )
    op.create_index(op.f("ix_orders_person_id_id"), "orders", ["person_id", "id"])
    op.create_index(op.f("ix_orders_state_id"), "orders", ["state", "id"])
    op.create_index(op.f("ix_orders_reward_id_state"), "orders", ["reward_id", "state"])
    op.create_index(op.f("ix_orders_next_try_at"), "orders", ["next_try_at"])
    op.create_index(op.f("ix_orders_provider_state_heard_at"), "orders", ["provider", "state", "heard_at"])

    op.create_table(
        "order_changes",
        sa.Column("id", big, nullable=False),
        sa.Column("order_id", big, nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("note", sa.String(length=300), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("changed_by", code_type(120), nullable=False),
        sa.CheckConstraint(STATES, name=op.f("ck_order_changes_state")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_changes_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_changes")),
    )
    op.create_index(op.f("ix_order_changes_order_id"), "order_changes", ["order_id"])

    op.create_table(
        "voucher_codes",
        sa.Column("id", big, nullable=False),
        sa.Column("reward_id", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("order_id", big, nullable=True),
        sa.Column("imported_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_voucher_codes_order_id")),
        sa.ForeignKeyConstraint(["reward_id"], ["rewards.id"], name=op.f("fk_voucher_codes_reward_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_voucher_codes")),
        sa.UniqueConstraint("order_id", name=op.f("uq_voucher_codes_order_id")),
        sa.UniqueConstraint("reward_id", "code_hash", name=op.f("uq_voucher_codes_reward_id_code_hash")),
    )
    op.create_index(op.f("ix_voucher_codes_reward_id_order_id_id"), "voucher_codes", ["reward_id", "order_id", "id"])

    op.create_table(
        "favourites",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("reward_id", sa.Integer(), nullable=False),
        sa.Column("chosen_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_favourites_person_id")),
        sa.ForeignKeyConstraint(["reward_id"], ["rewards.id"], name=op.f("fk_favourites_reward_id")),
        sa.PrimaryKeyConstraint("person_id", "reward_id", name=op.f("pk_favourites")),
    )
    op.create_table(
        "waiting_list",
        sa.Column("reward_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_waiting_list_person_id")),
        sa.ForeignKeyConstraint(["reward_id"], ["rewards.id"], name=op.f("fk_waiting_list_reward_id")),
        sa.PrimaryKeyConstraint("reward_id", "person_id", name=op.f("pk_waiting_list")),
    )
    op.create_index(op.f("ix_waiting_list_person_id"), "waiting_list", ["person_id"])

    op.create_table(
        "provider_events",
        sa.Column("id", big, nullable=False),
        sa.Column("event", code_type(200), nullable=False),
        sa.Column("order_id", big, nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_provider_events_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_events")),
        sa.UniqueConstraint("event", name=op.f("uq_provider_events_event")),
    )
    op.create_index(op.f("ix_provider_events_order_id"), "provider_events", ["order_id"])

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
    for table in ("provider_events", "waiting_list", "favourites", "voucher_codes", "order_changes", "orders"):
        op.drop_table(table)
    for column in ("provider", "picture", "description"):
        op.drop_column("rewards", column)
