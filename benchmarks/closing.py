"""A closing of as many participants as one likes, against the plain inserts of the same rows; and posting.

    python -m benchmarks.closing [--participants N] [--engine sqlite|postgresql] [--cap 15|150] [--json FILE]

The network, its sales and its standings are written by SQL. The closing has every kind of payout. The plain inserts
write the rows that the closing wrote, in one transaction, into a copy of the database as it was before: same tables,
keys, indexes and triggers, nothing computed. On PostgreSQL they are one `INSERT … SELECT` per table from a bare copy of
the rows, which is faster than sending them; on SQLite the driver's executemany, from rows already read. Posting: the
entries of one declaration at a time through `points.operations.post`, each in a transaction of its own, against the
insert of the same rows by the driver.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import flask_migrate
import psycopg
from sqlalchemy import insert, select, text

from app import create_app
from benchmarks.run import _memory_mb, settings_for
from challenges.definition import definition_from
from declarations.publishing import publish_definition
from foundation.database import db
from foundation.programme import change_setting
from foundation.transactions import transaction
from network.models import Person
from points.models import Entry
from points.operations import open_book, post
from points.rules import Posting
from rewards.jobs import advance_challenges
from tests import servers

CHALLENGE: dict[str, Any] = {
    "code": "bench",
    "name": "Tout le réseau",
    "starts_on": "2026-01-01",
    "ends_on": "2026-01-31",
    "league_by": "potential",
    "objective": {"measure": "units", "default": 100},
    "rules": [{"id": "unites", "counts": "units", "points": 10}],
    "payouts": [
        {"kind": "rank", "from": 1, "to": 1_000, "wallet": 500},
        {"kind": "threshold", "points": 1_000, "wallet": 50},
        {"kind": "objective", "wallet": 100},
        {"kind": "race", "points": 3_000, "first": 100, "wallet": 200},
        {"kind": "convert", "every": 100, "into": 1},
        {"kind": "draw", "winners": 20, "tickets_per": 500, "wallet": 1_000},
    ],
}
PUBLISHED = datetime(2025, 12, 1, tzinfo=UTC)
ENDED = datetime(2026, 2, 3, tzinfo=UTC)
AFTER = datetime(2026, 3, 1, tzinfo=UTC)
WRITTEN = (
    "books", "counted_declarations", "final_standings", "awards", "accounts", "entries", "lots", "badge_grants",
    "notices",
)  # fmt: skip
LIMITS = {"closing": 2.5, "posting": 3.0}
MEMORY_MB = 300
POSTED, ENTRIES = 2_000, 4

# Of each person: an outlet shared by four, a sale of n % 500 + 1 units, an entry of ten points a unit. One outlet in
# fifty has lost its employer's agreement: the awards of its people are held.
NETWORK = """
INSERT INTO outlets (id, code, name, kind, brands, country, region, department, city, activity, potential, group_code,
  agreement_on, health) SELECT n, 'o' || n, 'Point de vente ' || n, 'reseller', '', 'FR', 'Bretagne', '29', 'Brest',
  'high', CASE n % 3 WHEN 0 THEN 'low' WHEN 1 THEN 'medium' ELSE 'high' END, 'g' || n,
  {agreed}, n % 1000 = 0
  FROM numbers WHERE n <= {people} / 4 + 1 ORDER BY n;
INSERT INTO people (id, code, name, outlet_id, role, status, language, created_at, session_key)
  SELECT n, 'p' || n, 'Personne ' || n, n / 4 + 1, 'reseller', 'employee', 'fr', '{at}', 'k' || n FROM numbers
  ORDER BY n;
INSERT INTO participants (challenge_id, person_id, outlet_id, league, target, entered_at)
  SELECT 1, p.id, o.id, o.potential, 100, '{at}' FROM people p JOIN outlets o ON o.id = p.outlet_id ORDER BY p.id;
INSERT INTO declarations (id, public_id, person_id, status, revision, fingerprint, declared_at, received_at, clock,
  review_reasons) SELECT n, 'd' || n, n, 'accepted', 1, '', {told}, {told}, {false}, '' FROM numbers ORDER BY n;
INSERT INTO revisions (id, declaration_id, number, outlet_id, sold_on, channel, customer, age_band, area, comment,
  comment_length, barred, written_at) SELECT n, n, 1, n / 4 + 1, '2026-01-15', 'store', '', '', '', '', 0, '', {told}
  FROM numbers ORDER BY n;
INSERT INTO lines (revision_id, position, sku, units, list_price_cents, category, family)
  SELECT n, 1, 'SKU', n % 500 + 1, 1000, 'Soin', 'Visage' FROM numbers ORDER BY n;
INSERT INTO standings (challenge_id, person_id, points, expected_points, measure, reached_at)
  SELECT 1, n, 10 * (n % 500 + 1), 10 * (n % 500 + 1), n % 500 + 1, {told} FROM numbers ORDER BY n;
INSERT INTO accounts (book_id, holder, person_id, balance)
  SELECT {book}, 'p' || n, n, 10 * (n % 500 + 1) FROM numbers ORDER BY n;
INSERT INTO entries (book_id, source_id, destination_id, amount, reference, subject, rule, rules_version, why,
  effective_at, posted_at, digest) SELECT {book}, {issue}, a.id, a.balance, 'bench/' || a.person_id,
  'd' || a.person_id, 'unites', 1, '{{}}', {effective}, {effective}, '' FROM accounts a
  WHERE a.person_id IS NOT NULL ORDER BY a.id
"""


def make_network(people: int) -> None:
    """Write `people` participants of the published challenge, each with one accepted sale."""
    postgresql = db.engine.dialect.name == "postgresql"
    with transaction():
        book = open_book("challenge:bench")
        issue = db.session.scalar(text("SELECT id FROM accounts WHERE person_id IS NULL"))
    moment = "timestamptz '2026-01-15 08:00:00Z' + {n} * interval '1 second'"
    if not postgresql:
        moment = "strftime('%Y-%m-%d %H:%M:%f', '2026-01-15 08:00:00', '+' || {n} || ' seconds') || '000'"
    numbers = (
        f"SELECT n FROM generate_series(1, {people}) AS s(n)"
        if postgresql
        else f"WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {people}) SELECT n FROM s"
    )
    script = NETWORK.format(
        people=people, at="2025-01-01 00:00:00.000000" + ("Z" if postgresql else ""), book=book, issue=issue,
        told=moment.format(n="(n % 86400)"), effective=moment.format(n="(a.person_id % 86400)"),
        false="false" if postgresql else "0",
        agreed=f"CASE n % 50 WHEN 7 THEN NULL ELSE {'date ' if postgresql else ''}'2025-01-01' END",
    )  # fmt: skip
    with db.engine.connect().execution_options(writing=True) as connection, connection.begin():
        connection.exec_driver_sql(f"CREATE TEMPORARY TABLE numbers AS {numbers}")
        for statement in script.split(";\n"):
            connection.exec_driver_sql(statement.replace("%", "%%") if postgresql else statement)
        connection.exec_driver_sql("DROP TABLE numbers")


def prepare(url: str, folder: Path, people: int, cap: str) -> None:
    """A migrated database whose challenge has ended and waits for nothing but its closing."""
    with create_app(settings_for(url, folder)).app_context():
        flask_migrate.upgrade()
        with transaction():
            publish_definition(definition_from(CHALLENGE), by="bench", at=PUBLISHED)
            if cap != "none":
                change_setting("benefit_cap", cap, by="bench", at=PUBLISHED)
        make_network(people)
        list(advance_challenges(ENDED))
        db.session.remove()
        if url.startswith("sqlite"):
            with db.engine.connect() as connection:
                connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]
        db.engine.dispose()


def close_alone(url: str, folder: Path) -> dict[str, Any]:
    """Only the closing: its seconds, and the most this process has held."""
    with create_app(settings_for(url, folder)).app_context():
        started = time.perf_counter()
        said = list(advance_challenges(AFTER))
        seconds = time.perf_counter() - started
        assert any("closed" in line for line in said), said
        return {"closing_seconds": seconds, "closing_memory_mb": _memory_mb()}


# --- the plain inserts -----------------------------------------------------------------------------------------------


def plain_sqlite(closed: Path, before: Path) -> tuple[int, float]:
    """Rows and seconds: what `closed` has more than `before` is put aside in it, then inserted."""
    import_app = create_app(settings_for(f"sqlite:///{before}", before.parent))
    with import_app.app_context():
        raw = db.engine.raw_connection()
        run = raw.driver_connection.execute  # type: ignore[union-attr]
        run(f"ATTACH '{closed}' AS closed")
        count = 0
        for name in WRITTEN:
            key = _key(name)
            run(
                f"CREATE TABLE staged_{name} AS SELECT * FROM closed.{name} AS new WHERE NOT EXISTS "
                f"(SELECT 1 FROM {name} AS old WHERE {' AND '.join(f'old.{one} = new.{one}' for one in key)})"
            )
            count += run(f"SELECT count(*) FROM staged_{name}").fetchone()[0]
        run("PRAGMA wal_checkpoint(TRUNCATE)")
        seconds = 0.0
        run("BEGIN IMMEDIATE")
        for name in WRITTEN:
            staged = run(f"SELECT * FROM staged_{name} ORDER BY rowid")
            marks = ", ".join("?" for _ in staged.description)
            while rows := staged.fetchmany(10_000):
                started = time.perf_counter()
                raw.driver_connection.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)  # type: ignore[union-attr]
                seconds += time.perf_counter() - started
        started = time.perf_counter()
        run("COMMIT")
        seconds += time.perf_counter() - started
        raw.close()
        db.engine.dispose()
        return count, seconds


def _key(name: str) -> list[str]:
    return [column.name for column in db.metadata.tables[name].primary_key.columns]


def plain_postgresql(address: str, closed: str, before: str) -> tuple[int, float]:
    """The same between two databases of a server."""
    uris = [address.format(database=name).replace("+psycopg", "") for name in (closed, before)]
    count = 0
    with psycopg.connect(uris[0], autocommit=True) as source, psycopg.connect(uris[1], autocommit=True) as target:
        for name in WRITTEN:
            target.execute(f"CREATE UNLOGGED TABLE staged_{name} (LIKE {name})")  # type: ignore[call-overload]
            chosen = f"SELECT * FROM {name}"
            if name in ("books", "entries", "accounts"):
                last = target.execute(f"SELECT coalesce(max(id), 0) FROM {name}").fetchone()  # type: ignore[call-overload]
                chosen += f" WHERE id > {last[0]}"
            with (
                source.cursor().copy(f"COPY ({chosen}) TO STDOUT") as out,  # type: ignore[call-overload]
                target.cursor().copy(f"COPY staged_{name} FROM STDIN") as into,  # type: ignore[call-overload]
            ):
                for block in out:
                    into.write(block)
            count += target.execute(f"SELECT count(*) FROM staged_{name}").fetchone()[0]  # type: ignore[call-overload,index]
        target.execute("CHECKPOINT")
        started = time.perf_counter()
        with target.transaction():
            for name in WRITTEN:
                target.execute(f"INSERT INTO {name} SELECT * FROM staged_{name}")  # type: ignore[call-overload]
        return count, time.perf_counter() - started


# --- posting ---------------------------------------------------------------------------------------------------------


def posting(url: str, folder: Path) -> dict[str, Any]:
    """Seconds to post the entries of declarations one by one, and to insert the same rows bare."""
    with create_app(settings_for(url, folder)).app_context():
        at = datetime(2026, 4, 1, tzinfo=UTC)
        people = list(db.session.scalars(select(Person.id).order_by(Person.id).limit(POSTED)))
        db.session.rollback()

        def told(kind: str, person: int) -> list[Posting]:
            return [
                Posting(
                    person_id=person, amount=10, reference=f"{kind}/{person}/{number}", subject=f"d{person}",
                    rule="unites", rules_version=1, why='{"counts":"units","units":1,"points":10}',
                    effective_at=at + timedelta(seconds=number),
                )
                for number in range(ENTRIES)
            ]  # fmt: skip

        for person in people[:20]:
            with transaction():
                post("challenge:warm", told("warm", person), at=at)
        started = time.perf_counter()
        for person in people:
            with transaction():
                post("challenge:bench", told("posted", person), at=at)
        seconds = time.perf_counter() - started
        found = db.session.execute(select(Entry.__table__).where(Entry.reference.like("posted/%"))).mappings()
        by_person: dict[str, list[dict[str, Any]]] = {}
        for row in found:
            kept = {key: value for key, value in row.items() if key != "id"}
            by_person.setdefault(row["subject"], []).append(kept | {"reference": "bare/" + row["reference"]})
        db.session.rollback()
        statement = insert(Entry.__table__)  # type: ignore[arg-type]
        started = time.perf_counter()
        for rows in by_person.values():
            with db.engine.connect().execution_options(writing=True) as connection, connection.begin():
                connection.execute(statement, rows)
        plain = time.perf_counter() - started
        db.engine.dispose()
        rows_posted = sum(map(len, by_person.values()))
        return {"posting_seconds": seconds, "posting_plain_seconds": plain, "posting_rows": rows_posted}


# --- all of it -------------------------------------------------------------------------------------------------------


def measure(engine: str, people: int, cap: str) -> dict[str, Any]:
    """Everything on one engine, on databases thrown away after."""
    with tempfile.TemporaryDirectory(prefix="palmares-bench-") as name:
        folder = Path(name)
        found: dict[str, Any] = {"participants": people}
        if engine == "sqlite":
            closed, before = folder / "closed.db", folder / "before.db"
            url = f"sqlite:///{closed}"
            prepare(url, folder, people, cap)
            shutil.copy(closed, before)
            found |= _alone(url, folder)
            found["closing_rows"], found["closing_plain_seconds"] = plain_sqlite(closed, before)
            return found | posting(url, folder)
        address = servers.start_postgresql(folder)
        try:
            servers.administer(address, "CREATE DATABASE closed")
            url = address.format(database="closed")
            prepare(url, folder, people, cap)
            servers.administer(address, "CREATE DATABASE before TEMPLATE closed", "CHECKPOINT")
            found |= _alone(url, folder)
            found["closing_rows"], found["closing_plain_seconds"] = plain_postgresql(address, "closed", "before")
            return found | posting(url, folder)
        finally:
            servers.stop_postgresql(folder)


def _alone(url: str, folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.closing", "--close", url, "--folder", str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def table(results: dict[str, dict[str, Any]]) -> list[str]:
    """The ratios as lines of a table, each with its limit and whether it holds."""
    lines = [f"{'engine':<12}{'what':<10}{'rows':>10}{'ours s':>9}{'plain s':>9}{'ratio':>7}{'limit':>7}"]
    for engine, found in results.items():
        for what, limit in LIMITS.items():
            ours, plain = found[f"{what}_seconds"], found[f"{what}_plain_seconds"]
            found[f"{what}_ratio"] = round(ours / plain, 2)
            holds = "" if ours / plain <= limit else "  over the limit"
            lines.append(
                f"{engine:<12}{what:<10}{found[f'{what}_rows']:>10}{ours:>9.2f}{plain:>9.2f}"
                f"{ours / plain:>7.2f}{limit:>7.1f}{holds}"
            )
        lines.append(
            f"{engine:<12}closing of {found['participants']} participants: memory {found['closing_memory_mb']} MB, "
            f"limit {MEMORY_MB}"
        )
    return lines


def main() -> None:
    """Run what was asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--participants", type=int, default=50_000)
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--cap", choices=["none", "15", "150"], default="none", help="the programme's yearly cap")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--close", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.close:
        print(json.dumps(close_alone(arguments.close, arguments.folder)))
        return
    results = {
        engine: measure(engine, arguments.participants, arguments.cap)
        for engine in arguments.engine or ["sqlite", "postgresql"]
    }
    print("\n".join(table(results)))
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
