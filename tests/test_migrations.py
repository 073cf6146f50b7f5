"""Migrations go up, come down, and make exactly the tables of the models, on both engines."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import flask_migrate
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, create_engine, delete, insert, inspect, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import Table

from declarations.models import Declaration, Line, Revision
from foundation.database import Base, Instant, db
from foundation.transactions import transaction
from tests.conftest import make_app, make_settings


@pytest.fixture
def empty(empty_database_url, tmp_path):
    """The application on a database without any table."""
    app = make_app(make_settings(empty_database_url, tmp_path))
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def described(engine) -> dict[str, Any]:
    """Everything the engine knows about the tables, in an order of its own."""
    found: dict[str, Any] = {}
    inspector = inspect(engine)
    for table in inspector.get_table_names():
        if table == "alembic_version":
            continue
        found[table] = {
            "columns": [
                {
                    "name": column["name"],
                    "type": str(column["type"]),
                    "collation": getattr(column["type"], "collation", None),
                    "nullable": column["nullable"],
                    "default": column["default"],
                }
                for column in inspector.get_columns(table)
            ],
            "key": inspector.get_pk_constraint(table),
            "foreign keys": sorted(map(str, inspector.get_foreign_keys(table))),
            "indexes": sorted(
                str(index | {"dialect_options": {key: str(said) for key, said in index["dialect_options"].items()}})
                if "dialect_options" in index
                else str(index)
                for index in inspector.get_indexes(table)
            ),
            "unique": sorted(map(str, inspector.get_unique_constraints(table))),
            "checks": sorted(map(str, inspector.get_check_constraints(table))),
        }
        if engine.dialect.name == "sqlite":
            with engine.connect() as connection:
                made = connection.scalar(text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": table})
            found[table]["without rowid"] = "WITHOUT ROWID" in made
    return found


def test_migrations_make_exactly_the_tables_of_the_models(app, empty_database_url):
    engine = create_engine(empty_database_url)
    Base.metadata.create_all(engine)
    assert described(db.engine) == described(engine)
    engine.dispose()


def test_alembic_finds_nothing_left_to_migrate(app):
    with db.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_migrations_come_down_to_nothing_and_go_up_again(empty, engine_name):
    flask_migrate.upgrade()
    up = described(db.engine)
    assert up
    flask_migrate.downgrade(revision="base")
    assert inspect(db.engine).get_table_names() == ["alembic_version"]
    if engine_name == "postgresql":
        with db.engine.connect() as connection:
            left = "SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
            assert connection.scalar(text(left)) == 0
    flask_migrate.upgrade()
    assert described(db.engine) == up


def test_there_is_one_line_of_migrations():
    migrations = ScriptDirectory(str(Path(__file__).parents[1] / "migrations"))
    assert len(migrations.get_heads()) == 1
    assert len(migrations.get_bases()) == 1


APPEND_ONLY = (
    "acceptances",
    "adjustment_decisions",
    "adjustments",
    "amendments",
    "audit_entries",
    "closures",
    "counted_declarations",
    "entries",
    "final_standings",
    "lines",
    "lot_uses",
    "rules_versions",
    "seals",
)


def some_value(column: Any) -> Any:
    """A value that fits a column."""
    if isinstance(column.type, Instant):
        return dt.datetime(2026, 2, 3, tzinfo=dt.UTC)
    return {
        int: 1,
        str: "a",
        bool: False,
        dt.date: dt.date(2026, 2, 3),
        object: {},  # JSON
    }[column.type.python_type]


def write_a_row(table: Table) -> None:
    """Put one row into a table whose foreign keys and checks are looked away from."""
    values = {column.name: some_value(column) for column in table.columns}
    if table.name == "entries":
        values["destination_id"] = 2
    if table.name == "amendments":
        values["kind"] = "rules"
    connection = db.session.connection()
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL session_replication_role = replica"))
    connection.execute(insert(table).values(values))
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL session_replication_role = DEFAULT"))


@pytest.fixture
def without_foreign_keys(app, engine_name):
    """Rows may be written without the rows they point to."""
    if engine_name == "sqlite":
        db.session.connection().connection.driver_connection.commit()
        db.session.connection().connection.driver_connection.execute("PRAGMA foreign_keys=OFF")
    return app


@pytest.mark.parametrize("name", APPEND_ONLY)
def test_what_was_written_cannot_be_changed_or_deleted(without_foreign_keys, name):
    table = Base.metadata.tables[name]
    column = list(table.columns)[-1]
    write_a_row(table)
    for statement in (update(table).values({column.name: some_value(column)}), delete(table)):
        with pytest.raises(IntegrityError, match=f"{name} is append-only"), db.session.begin_nested():
            db.session.execute(statement)
    assert len(db.session.execute(select(table)).all()) == 1


def test_nobody_can_empty_them_at_once(without_foreign_keys, engine_name):
    for name in (*APPEND_ONLY, "revisions"):
        empty_it = f"TRUNCATE {name} CASCADE" if engine_name == "postgresql" else f"DELETE FROM {name}"
        write_a_row(Base.metadata.tables[name])
        with pytest.raises(IntegrityError, match="append-only"), db.session.begin_nested():
            db.session.execute(text(empty_it))


def test_of_a_revision_only_what_retention_clears_can_be_changed(cast):
    at = dt.datetime(2026, 2, 3, 12, 0, tzinfo=dt.UTC)
    with transaction():
        declaration = Declaration(
            public_id="d1",
            person_id=cast.awa.id,
            status="accepted",
            revision=1,
            fingerprint="0" * 64,
            declared_at=at,
            received_at=at,
            clock=False,
            review_reasons="",
        )
        db.session.add(declaration)
        db.session.flush()
        revision = Revision(
            declaration_id=declaration.id,
            number=1,
            outlet_id=cast.awa.outlet_id,
            sold_on=at.date(),
            channel="store",
            customer="",
            age_band="",
            area="",
            comment="Très bien",
            comment_length=9,
            barred="",
            proof="p.webp",
            written_at=at,
        )
        db.session.add(revision)
        db.session.flush()
        db.session.add(
            Line(
                revision_id=revision.id,
                position=1,
                sku="CREME",
                units=1,
                list_price_cents=1200,
                category="Soin",
                family="Visage",
            )
        )
    with transaction():
        db.session.execute(update(Revision).values(comment="", proof=None))
    frozen = [column for column in Revision.__table__.columns if column.name not in ("comment", "proof")]
    for column in frozen:
        with pytest.raises(IntegrityError, match="revisions is append-only"), transaction():
            db.session.execute(update(Revision).values({column.name: column}))
    for model in (Line, Revision):
        with pytest.raises(IntegrityError, match="append-only"), transaction():
            db.session.execute(delete(model))


def test_the_whole_schema_is_known_to_the_models(app):
    reflected = MetaData()
    reflected.reflect(db.engine)
    assert set(reflected.tables) - {"alembic_version"} == set(Base.metadata.tables)
