"""What was written stays written: the database refuses to change or delete

Revision: append_only, after first_tables, 2026-11-22
"""

from __future__ import annotations

from alembic import op

revision = "append_only"
down_revision = "first_tables"
branch_labels = None
depends_on = None

# Nothing in these tables is ever changed or deleted.
APPEND_ONLY = (
    "audit_entries",
    "closures",
    "counted_declarations",
    "entries",
    "final_standings",
    "lines",
    "rules_versions",
    "seals",
)

# Nor in revisions, but for what retention clears: the comment and the proof's picture.
REVISION_COLUMNS = (
    "id",
    "declaration_id",
    "number",
    "outlet_id",
    "sold_on",
    "channel",
    "customer",
    "age_band",
    "area",
    "rating",
    "recommend",
    "comment_length",
    "barred",
    "written_at",
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ "
            "BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME "
            "USING ERRCODE = 'integrity_constraint_violation'; END $$"
        )
        for table in APPEND_ONLY:
            _refuse_on_postgresql(table, "UPDATE")
        _refuse_on_postgresql("revisions", f"UPDATE OF {', '.join(REVISION_COLUMNS)}")
        for table in (*APPEND_ONLY, "revisions"):
            _refuse_on_postgresql(table, "DELETE")
            op.execute(
                f"CREATE TRIGGER {table}_refuse_truncate BEFORE TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
    else:
        for table in APPEND_ONLY:
            _refuse_on_sqlite(table, "UPDATE")
        _refuse_on_sqlite("revisions", f"UPDATE OF {', '.join(REVISION_COLUMNS)}")
        for table in (*APPEND_ONLY, "revisions"):
            _refuse_on_sqlite(table, "DELETE")


def downgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    for table in (*APPEND_ONLY, "revisions"):
        for act in ("update", "delete", "truncate") if on_postgresql else ("update", "delete"):
            op.execute(f"DROP TRIGGER {table}_refuse_{act}" + (f" ON {table}" if on_postgresql else ""))
    if on_postgresql:
        op.execute("DROP FUNCTION refuse_change()")


def _refuse_on_postgresql(table: str, act: str) -> None:
    name = f"{table}_refuse_{act.split()[0].lower()}"
    op.execute(f"CREATE TRIGGER {name} BEFORE {act} ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()")


def _refuse_on_sqlite(table: str, act: str) -> None:
    name = f"{table}_refuse_{act.split()[0].lower()}"
    refusal = f"SELECT RAISE(ABORT, '{table} is append-only')"
    op.execute(f"CREATE TRIGGER {name} BEFORE {act} ON {table} BEGIN {refusal}; END")
