"""The closing of five thousand people, killed or cut off anywhere, or taken by many schedulers at once: one closing."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import event, func, select, text

from benchmarks.closing import AFTER, CHALLENGE, ENDED, PUBLISHED, make_network
from challenges.definition import definition_from
from challenges.models import Challenge, Draw
from declarations.publishing import publish_definition
from foundation.database import db
from foundation.transactions import transaction
from rewards.jobs import advance_challenges
from rewards.models import Closure
from rewards.verification import differences
from tests.conftest import copied_database, make_app, make_settings
from tests.forked import ended, in_child

PEOPLE = 5_000
POINTS = 20
SEED = 20_260_301

# What a closing writes, and in which order it is read to be compared.
WRITTEN = {
    "final_standings": "competitor",
    "awards": "payout, competitor",
    "counted_declarations": "declaration_id",
    "notices": "person_id",
    "badge_grants": "person_id",
}
LEDGER = (
    'SELECT e.reference, e.amount, e.why, e.digest, l.amount, l."left" FROM entries e '
    "LEFT JOIN lots l ON l.reference = e.reference ORDER BY e.reference"
)


@contextmanager
def opened(url: str, folder: Path) -> Iterator[None]:
    """An application on a database."""
    app = make_app(make_settings(url, folder))
    with app.app_context():
        yield
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def waiting(engine_name: str, database_url: str, run_folder: Path, tmp_path: Path) -> str:
    """Five thousand people whose challenge waits only for its closing: what copied_database copies, again and again."""
    with opened(database_url, tmp_path):
        with transaction():
            challenge, _ = publish_definition(definition_from(CHALLENGE), by="MARC", at=PUBLISHED)
            db.session.get_one(Draw, challenge.id).seed = "the seed of the drill"
        make_network(PEOPLE)
        list(advance_challenges(ENDED))
        db.session.remove()
        if engine_name == "sqlite":
            with db.engine.connect() as connection:
                connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    if engine_name == "sqlite":
        return str(tmp_path / "palmares.db")
    return urlsplit(database_url).path.removeprefix("/")


@pytest.fixture
def fresh(engine_name: str, waiting: str, run_folder: Path, tmp_path: Path) -> Callable[[], Any]:
    """A copy of that database, as a context."""
    numbers = count()

    def copy() -> Any:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        return copied_database(engine_name, waiting, run_folder, folder)

    return copy


def close_and_fail(url: str, folder: Path, statement: int, fault: str, late: float) -> None:
    """Close, and at the n-th statement be killed (`late` seconds into it), or lose the connection to the database."""
    with opened(url, folder):
        numbers = count(1)

        @event.listens_for(db.engine, "before_cursor_execute")
        def perhaps(connection: Any, *arguments: Any) -> None:
            if next(numbers) != statement:
                return
            if fault == "kill":
                threading.Timer(late, os.kill, (os.getpid(), signal.SIGKILL)).start()
            elif db.engine.dialect.name == "sqlite":
                connection.connection.driver_connection.close()
            else:
                own = connection.connection.driver_connection.info.backend_pid
                with db.engine.connect() as other:
                    other.exec_driver_sql(f"SELECT pg_terminate_backend({own})")

        list(advance_challenges(AFTER))


def everything() -> str:
    """What a closing has left, as one hash: certificate, board, awards, ledger, lots, notices, badges."""
    found = hashlib.sha256()
    closure = db.session.scalars(select(Closure)).one()
    found.update(repr(closure.certificate).encode())
    for table, order in WRITTEN.items():
        columns = [column.name for column in db.metadata.tables[table].columns if column.name != "id"]
        listed = ", ".join(f'"{name}"' for name in columns)
        found.update(repr(db.session.execute(text(f"SELECT {listed} FROM {table} ORDER BY {order}")).all()).encode())
    found.update(repr(db.session.execute(text(LEDGER)).all()).encode())
    balances = text("SELECT holder, balance FROM accounts WHERE person_id IS NOT NULL ORDER BY book_id, holder")
    found.update(repr(db.session.execute(balances).all()).encode())
    return found.hexdigest()


def test_a_closing_killed_or_cut_off_at_twenty_random_points_is_the_undisturbed_closing(
    fresh: Callable[[], Any], tmp_path: Path
) -> None:
    statements = count(1)
    with fresh() as url, opened(url, tmp_path):
        event.listen(db.engine, "before_cursor_execute", lambda *_: next(statements))
        list(advance_challenges(AFTER))
        most = next(statements) - 1
        undisturbed = everything()
        challenge = db.session.scalars(select(Challenge)).one()
        assert list(differences(challenge, db.session.scalars(select(Closure)).one())) == []
        sums = "SELECT (SELECT sum(wallet_points) FROM awards WHERE status = 'granted'), (SELECT sum(amount) FROM lots)"
        owed, credited = db.session.execute(text(sums)).one()
        assert owed == credited > 0
    chance = random.Random(SEED)
    broken = 0
    for number in range(POINTS):
        statement, late = chance.randint(1, most), chance.uniform(0, 0.05)
        fault = "cut" if number % 2 else "kill"
        with fresh() as url:
            how = ended(in_child(lambda: close_and_fail(url, tmp_path, statement, fault, late)))  # noqa: B023
            assert how == (1 if fault == "cut" else -signal.SIGKILL) or how == 0, (number, how)
            with opened(url, tmp_path):
                closures = db.session.scalar(select(func.count()).select_from(Closure))
                awards = db.session.scalar(text("SELECT count(*) FROM awards"))
                assert (closures == 0) == (awards == 0), "all of it or nothing"
                broken += closures == 0
                db.session.rollback()
                list(advance_challenges(AFTER))
                assert everything() == undisturbed, (number, fault, statement)
                assert list(advance_challenges(AFTER)) == []
    assert broken >= POINTS * 3 // 4, "the faults must fall inside the work"


def test_many_schedulers_at_once_make_one_closing(engine_name: str, fresh: Callable[[], Any], tmp_path: Path) -> None:
    schedulers = 16 if engine_name == "postgresql" else 8
    together = multiprocessing.get_context("fork").Barrier(schedulers)

    def work() -> None:
        with opened(url, tmp_path):
            db.session.scalar(select(Challenge.id))
            db.session.rollback()
            together.wait(60)
            list(advance_challenges(AFTER))

    with fresh() as url:
        started = time.monotonic()
        children = [in_child(work) for _ in range(schedulers)]
        assert [ended(child) for child in children] == [0] * schedulers
        assert time.monotonic() - started < 300
        with opened(url, tmp_path):
            assert db.session.scalar(select(func.count()).select_from(Closure)) == 1
            shown = db.session.execute(text("SELECT count(*), count(DISTINCT person_id) FROM notices")).one()
            assert tuple(shown) == (PEOPLE, PEOPLE), "everybody is told once"
            challenge = db.session.scalars(select(Challenge)).one()
            assert list(differences(challenge, db.session.scalars(select(Closure)).one())) == []
