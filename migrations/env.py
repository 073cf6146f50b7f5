"""Runs migrations for both engines, from the application's own engine and models (Flask-Migrate)."""

from __future__ import annotations

from typing import Any

from alembic import context
from flask import current_app
from sqlalchemy import Connection

from foundation.database import Instant

migrate = current_app.extensions["migrate"]


def render_item(kind: str, item: Any, autogen_context: Any) -> str | bool:
    """Our own column type is written by its name; every other by Alembic's own rule."""
    if kind == "type" and isinstance(item, Instant):
        autogen_context.imports.add("from foundation.database import Instant")
        return "Instant()"
    return False


def enforce_foreign_keys(connection: Connection, enforced: bool) -> None:
    """SQLite changes a table by copying it, which foreign keys forbid. Outside of a transaction only."""
    if connection.dialect.name == "sqlite":
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.execute(f"PRAGMA foreign_keys={'ON' if enforced else 'OFF'}")


def run() -> None:
    """Go up or down inside one transaction: a migration that fails leaves nothing behind."""
    with migrate.db.engine.connect().execution_options(writing=True) as connection:
        enforce_foreign_keys(connection, False)
        try:
            context.configure(
                connection=connection,
                target_metadata=migrate.db.metadata,
                render_item=render_item,
                **migrate.configure_args,
            )
            with context.begin_transaction():
                context.run_migrations()
            connection.commit()
        finally:
            connection.rollback()
            enforce_foreign_keys(connection, True)


run()
