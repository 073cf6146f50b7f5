"""Measure the long jobs against the plain inserts or reads of the same rows, in one run and on the same engine.

    python -m benchmarks.run [--engine sqlite|postgresql] [--data FOLDER] [--json FILE]

Import: the file of declarations under one published challenge, against inserting every row it wrote (declarations,
revisions, lines, entries, accounts, standings, badges, audit) into another database that holds the same network, with
the driver's executemany: same tables, keys, indexes and triggers. Closing: the same, for the rows a closing writes.
Backtest: the same challenge over its period, in a process of its own, against reading declarations, revisions and
lines once from end to end.
"""

from __future__ import annotations

import argparse
import gc
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import flask_migrate
from sqlalchemy import inspect, text

from app import create_app
from benchmarks.network import repeat_slice
from catalogue.imports import import_products
from challenges.imports import read_challenge
from declarations.imports import import_declarations
from declarations.publishing import publish_definition
from foundation.database import Base, db
from foundation.settings import Settings
from foundation.transactions import transaction
from network.imports import import_outlets, import_people
from rewards.backtest import backtest
from rewards.jobs import advance_challenges
from tests import servers

CHALLENGE = """
code = "bench"
name = "Une année"
timezone = "Europe/London"
starts_on = 2010-12-01
ends_on = 2011-12-31
league_by = "potential"
cap_per_day = 5000
rules = [
  { id = "unites", counts = "units", points = 1, per = 10, cap = { points = 2000, per = "day" } },
  { id = "valeur", counts = "value", points = 2, per = 5, when = { families = ["22", "23"] } },
  { id = "week-end", counts = "boost", factor = "1.5", when = { weekdays = [6, 7] } },
  { id = "palier", counts = "milestone", measure = "units", at = 1000, points = 100 },
]
payouts = [
  { kind = "rank", from = 1, to = 10, wallet = 1000 },
  { kind = "threshold", points = 100, wallet = 50 },
  { kind = "convert", every = 10, into = 1 },
]
"""
ENDED = datetime(2012, 1, 2, tzinfo=UTC)  # the challenge has ended, and still takes declarations
AFTER = datetime(2012, 3, 1, tzinfo=UTC)
LIMITS = {"import": 8.0, "closing": 2.5, "backtest": 15.0}
MEMORY_MB = {"import": 400, "backtest": 500}


def settings_for(url: str, folder: Path) -> Settings:
    """Settings for a measurement: nothing from the environment."""
    return Settings(
        database_url=url, redis_url=None, secret_key="a-secret-for-measurements", mail_url=None,
        base_url="http://localhost", timezone=ZoneInfo("Europe/London"), media_folder=folder / "media",
        instance_folder=folder, demonstration=False,
    )  # fmt: skip


def measure(url: str, empty_url: str, data: Path, folder: Path) -> dict[str, Any]:
    """Import, backtest and close in the database at `url`, then insert the same rows plainly at `empty_url`.

    Seconds each. Memory is the most each has held: the import after what came before it, the backtest alone.
    """
    app = create_app(settings_for(url, folder))
    file = folder / "bench.toml"
    file.write_text(CHALLENGE)
    found: dict[str, Any] = {}
    with app.app_context():
        now = datetime.now(UTC)
        _prepare(data, file, now)
        before = _highest()
        started = time.perf_counter()
        with transaction():
            done = import_declarations(
                next(data.glob("declarations.csv*")),
                by="bench",
                at=now,
                zone=ZoneInfo("Europe/London"),
                historical=True,
            )
        found["import_seconds"] = time.perf_counter() - started
        found["declarations"] = done.accepted
        found["import_memory_mb"] = _memory_mb()
        found |= _apart("--backtest", url, "--data", str(folder))
        found["backtest_rows"], found["backtest_plain_seconds"] = _read("declarations", "revisions", "lines")
        imported = _rows_since(before)
        before = _highest()
        list(advance_challenges(ENDED))
        _set_aside()
        started = time.perf_counter()
        list(advance_challenges(AFTER))
        found["closing_seconds"] = time.perf_counter() - started
        closed = _rows_since(before)
        db.session.remove()
        db.engine.dispose()
    plain = create_app(settings_for(empty_url, folder))
    with plain.app_context():
        _prepare(data, file, now)
        for name, rows in (("import", imported), ("closing", closed)):
            found[f"{name}_rows"] = sum(len(one) for one in rows.values())
            found[f"{name}_plain_seconds"] = _insert(rows)
        db.engine.dispose()
    return found


def backtest_alone(url: str, folder: Path) -> dict[str, Any]:
    """Only the backtest, over the database at `url`: what it takes and holds beside the application itself."""
    with create_app(settings_for(url, folder)).app_context():
        definition = read_challenge(folder / "bench.toml")
        started = time.perf_counter()
        backtest(definition, definition.starts_on, definition.ends_on, at=datetime.now(UTC))
        return {"backtest_seconds": time.perf_counter() - started, "backtest_memory_mb": _memory_mb()}


def _prepare(data: Path, file: Path, now: datetime) -> None:
    """A migrated database with the network, the catalogue and the published challenge; ids are the same each time."""
    flask_migrate.upgrade()
    for read, name in ((import_outlets, "outlets"), (import_people, "people"), (import_products, "products")):
        with transaction():
            read(data / f"{name}.csv", by="bench", at=now)
    with transaction():
        publish_definition(read_challenge(file), by="bench", at=now)


def _set_aside() -> None:
    """What the measurement itself holds (the rows to insert again) is no work for the garbage collector of either."""
    gc.collect()
    gc.freeze()


def _highest() -> dict[str, Any]:
    """What is there already: the number of rows of every table."""
    with db.engine.connect() as connection:
        return {
            table.name: set(map(tuple, connection.execute(text(f"SELECT {_key(table)} FROM {table.name}"))))
            for table in Base.metadata.sorted_tables
        }


def _key(table: Any) -> str:
    return ", ".join(column.name for column in table.primary_key.columns)


def _rows_since(before: dict[str, Any]) -> dict[str, list[tuple[Any, ...]]]:
    """The rows written since, as the driver gives them, by table; changed rows are not counted."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    with db.engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            keys = [list(table.columns).index(column) for column in table.primary_key.columns]
            rows = connection.execute(text(f"SELECT * FROM {table.name}"))
            order = [column["name"] for column in inspect(db.engine).get_columns(table.name)]
            places = [order.index(table.columns[list(table.columns)[key].name].name) for key in keys]
            fresh = [tuple(row) for row in rows if tuple(row[place] for place in places) not in before[table.name]]
            if fresh:
                found[table.name] = fresh
    return found


def _insert(rows: dict[str, list[tuple[Any, ...]]]) -> float:
    """Seconds to insert rows with the driver's executemany, in one transaction."""
    raw = db.engine.raw_connection()
    try:
        cursor = raw.cursor()
        sqlite = db.engine.dialect.name == "sqlite"
        statements = []
        for name, values in rows.items():
            columns = [column["name"] for column in inspect(db.engine).get_columns(name)]
            marks = ", ".join(("?" if sqlite else "%s") for _ in columns)
            listed = ", ".join(f'"{column}"' for column in columns)
            ready = [tuple(_plain(value) for value in row) for row in values]
            statements.append((f"INSERT INTO {name} ({listed}) VALUES ({marks})", ready))
        _set_aside()
        started = time.perf_counter()
        cursor.execute("BEGIN") if sqlite else None
        for statement, ready in statements:
            cursor.executemany(statement, ready)
        raw.commit() if not sqlite else cursor.execute("COMMIT")
        return time.perf_counter() - started
    finally:
        raw.close()


def _read(*tables: str) -> tuple[int, float]:
    """Rows of some tables, and seconds to read them once with the driver."""
    raw = db.engine.raw_connection()
    try:
        cursor = raw.cursor()
        count = 0
        started = time.perf_counter()
        for name in tables:
            cursor.execute(f"SELECT * FROM {name}")
            while rows := cursor.fetchmany(5_000):
                count += len(rows)
        return count, time.perf_counter() - started
    finally:
        raw.close()


def _memory_mb() -> int:
    """The most memory this process has held so far."""
    status = Path("/proc/self/status")
    if status.is_file():
        # On Linux ru_maxrss begins with what the parent held; this does not.
        return int(re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())[0]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _plain(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list) else value


def measure_apart(engine: str, data: Path) -> dict[str, Any]:
    """One engine in a process of its own, so that its memory is its own."""
    return _apart("--inside", engine, "--data", str(data))


def _apart(*arguments: str) -> dict[str, Any]:
    """What this program says in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.run", *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def inside(engine: str, data: Path) -> dict[str, Any]:
    """Measure one engine in this process, on databases thrown away after."""
    with tempfile.TemporaryDirectory(prefix="palmares-bench-") as name:
        folder = Path(name)
        if engine == "sqlite":
            return measure(f"sqlite:///{folder / 'a.db'}", f"sqlite:///{folder / 'b.db'}", data, folder)
        address = servers.start_postgresql(folder)
        try:
            servers.administer(address, "CREATE DATABASE a", "CREATE DATABASE b")
            return measure(address.format(database="a"), address.format(database="b"), data, folder)
        finally:
            servers.stop_postgresql(folder)


def table(results: dict[str, dict[str, Any]]) -> list[str]:
    """The ratios as lines of a table, each with its limit and whether it holds."""
    lines = [f"{'engine':<12}{'what':<10}{'rows':>9}{'ours s':>9}{'plain s':>9}{'ratio':>7}{'limit':>7}"]
    for engine, found in results.items():
        for what, limit in LIMITS.items():
            ours, plain = found[f"{what}_seconds"], found[f"{what}_plain_seconds"]
            found[f"{what}_ratio"] = round(ours / plain, 2)
            holds = "" if ours / plain <= limit else "  over the limit"
            lines.append(
                f"{engine:<12}{what:<10}{found[f'{what}_rows']:>9}{ours:>9.2f}{plain:>9.2f}"
                f"{ours / plain:>7.2f}{limit:>7.1f}{holds}"
            )
        for what, limit in MEMORY_MB.items():
            lines.append(f"{engine:<12}memory of the {what} {found[f'{what}_memory_mb']} MB, limit {limit}")
    return lines


def main() -> None:
    """Run what was asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--data", type=Path, help="folder with the four files of a network (default: made up)")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--inside", choices=["sqlite", "postgresql"], help=argparse.SUPPRESS)
    parser.add_argument("--backtest", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.backtest:
        print(json.dumps(backtest_alone(arguments.backtest, arguments.data)))
        return
    if arguments.inside:
        print(json.dumps(inside(arguments.inside, arguments.data)))
        return
    with tempfile.TemporaryDirectory(prefix="palmares-bench-") as name:
        data = arguments.data or repeat_slice(Path(name), 33)
        results = {engine: measure_apart(engine, data) for engine in arguments.engine or ["sqlite", "postgresql"]}
    print("\n".join(table(results)))
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
