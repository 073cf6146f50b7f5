"""The database: the session, our column types, and what the two engines need said differently."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, MetaData, String, Text, TypeDecorator, event, func, select, text
from sqlalchemy.engine import Engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.sql.functions import FunctionElement

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Every table of the product."""

    metadata = MetaData(naming_convention=NAMES)


db = SQLAlchemy(model_class=Base)


class Instant(TypeDecorator[datetime]):
    """An instant in UTC. Refuses naive values; SQLite forgets the zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive instant cannot be stored; give it a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def code_type(length: int = 120) -> String:
    """A code compared and sorted by code point on both engines, whatever the database's language."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


def code_text() -> Text:
    """Like code_type, without a bound on its length."""
    return Text().with_variant(Text(collation="C"), "postgresql")


class sha256_hex(FunctionElement[str]):  # noqa: N801 - reads as the SQL function it stands for
    """SHA-256 of a text expression, as 64 hexadecimal characters, computed by the database."""

    type = String(64)
    inherit_cache = True
    name = "sha256_hex"


@compiles(sha256_hex, "postgresql")
def _sha256_postgresql(element: Any, compiler: Any, **kw: Any) -> str:
    return f"encode(sha256(convert_to({compiler.process(element.clauses, **kw)}, 'UTF8')), 'hex')"


@compiles(sha256_hex)
def _sha256_default(element: Any, compiler: Any, **kw: Any) -> str:
    return f"sha256_hex({compiler.process(element.clauses, **kw)})"


class instant_text(FunctionElement[str]):  # noqa: N801 - reads as the SQL function it stands for
    """An instant column written as clock.format_instant writes it, computed by the database."""

    type = String(27)
    inherit_cache = True
    name = "instant_text"


@compiles(instant_text, "postgresql")
def _instant_text_postgresql(element: Any, compiler: Any, **kw: Any) -> str:
    inner = compiler.process(element.clauses, **kw)
    return f"to_char({inner} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"


@compiles(instant_text)
def _instant_text_default(element: Any, compiler: Any, **kw: Any) -> str:
    return f"replace({compiler.process(element.clauses, **kw)}, ' ', 'T') || 'Z'"


_ACCENTED, _PLAIN = "àâäáãåçéèêëíìîïñóòôöõúùûüýÿ", "aaaaaaceeeeiiiinooooouuuuyy"
_TO_PLAIN = str.maketrans(_ACCENTED + _ACCENTED.upper(), _PLAIN * 2, "") | str.maketrans({"œ": "oe", "Œ": "oe"})


def without_accents(text: str) -> str:
    """Small letters without accents: "Émilie" → "emilie". What `plain_text` makes of a column."""
    return text.translate(_TO_PLAIN).lower()


class plain_text(FunctionElement[str]):  # noqa: N801 - reads as the SQL function it stands for
    """A text expression in small letters without accents, to search and to sort as people do: Élodie after Didier."""

    type = Text()
    inherit_cache = True
    name = "plain_text"


@compiles(plain_text, "postgresql")
def _plain_text_postgresql(element: Any, compiler: Any, **kw: Any) -> str:
    inner = f"replace(replace({compiler.process(element.clauses, **kw)}, 'œ', 'oe'), 'Œ', 'oe')"
    return f"lower(translate({inner}, '{_ACCENTED + _ACCENTED.upper()}', '{_PLAIN * 2}'))"


@compiles(plain_text)
def _plain_text_default(element: Any, compiler: Any, **kw: Any) -> str:
    return f"plain_text({compiler.process(element.clauses, **kw)})"


@event.listens_for(Engine, "connect")
def _prepare_connection(connection: Any, record: Any) -> None:
    """SQLite: we begin transactions ourselves, wait for locks, enforce foreign keys, survive power cuts."""
    if not type(connection).__module__.startswith("sqlite3"):
        return
    connection.isolation_level = None
    connection.create_function("sha256_hex", 1, _sha256_of, deterministic=True)
    connection.create_function("plain_text", 1, _plain_text_of, deterministic=True)
    cursor = connection.cursor()
    # synchronous=FULL: what was committed is on the disk. With NORMAL, WAL writes it there some time later, when the
    # phone that was told its sale is kept has let go of it.
    # recursive_triggers: otherwise INSERT OR REPLACE would get past the triggers that forbid DELETE.
    pragmas = (
        "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000", "recursive_triggers=ON",
    )  # fmt: skip
    for pragma in pragmas:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sha256_of(value: str | None) -> str | None:
    return None if value is None else hashlib.sha256(value.encode()).hexdigest()


def _plain_text_of(value: str | int | float | None) -> str | None:
    """A value out of JSON comes as what it is there, also where a text is meant."""
    return None if value is None else without_accents(str(value))


@event.listens_for(Engine, "begin")
def _begin(connection: Any) -> None:
    """A writing transaction on SQLite takes the write lock first, so that what it reads is what it changes."""
    if connection.dialect.name == "sqlite":
        writing = connection.get_execution_options().get("writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def reserve_ids(table: Any, count: int) -> list[int]:
    """`count` fresh values for a table's integer primary key, so that children can be written in the same pass.

    PostgreSQL draws them from the sequence; on SQLite the caller holds the write lock, so the next ones are free.
    """
    if count == 0:
        return []
    if db.engine.dialect.name == "postgresql":
        drawn = db.session.scalars(
            text("SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :count)"),
            {"name": table.name, "count": count},
        )
        return list(drawn)
    last = db.session.scalar(select(func.max(table.c.id))) or 0
    return list(range(last + 1, last + 1 + count))


def look_again(*tables: Any) -> None:
    """Tell the database how many rows tables hold that have just been filled, so that what follows is planned for them.

    PostgreSQL plans by statistics which its own clock only refreshes later, and never inside a transaction: without
    them a join over a million new rows may be made as if there were one.
    """
    if db.engine.dialect.name == "postgresql":
        names = ", ".join(table.__tablename__ for table in tables)
        db.session.execute(text(f"ANALYZE {names}"))


def insert_many(table: Any, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert many rows in the present transaction, the fastest way the engine has (COPY, or a driver's executemany).

    `rows` are tuples in the order of `columns`, values as the driver takes them: on SQLite instants and dates are
    converted here, once per column that needs it.
    """
    connection = db.session.connection()
    names = ", ".join(connection.dialect.identifier_preparer.quote(name) for name in columns)
    if connection.dialect.name == "postgresql":
        with connection.connection.cursor() as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:  # type: ignore[attr-defined]
            for row in rows:
                copy.write_row(row)
        return
    dialect = connection.dialect
    processors = [table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in columns]
    needed = [(index, process) for index, process in enumerate(processors) if process is not None]
    marks = ", ".join("?" * len(columns))
    statement = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"

    def ready() -> Iterator[Sequence[Any]]:
        for row in rows:
            values = list(row)
            for index, process in needed:
                values[index] = process(values[index])
            yield values

    cursor = connection.connection.cursor()
    try:
        cursor.executemany(statement, ready() if needed else rows)
    finally:
        cursor.close()
