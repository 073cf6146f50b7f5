"""The clock's hand: jobs that are due, run by one elected process or by `flask jobs run`."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.cron import CronTrigger
from flask import Flask
from sqlalchemy import Connection, create_engine, or_, text, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from foundation import clock
from foundation.database import db
from foundation.logs import log
from foundation.models import JobRun, Lease
from foundation.transactions import transaction

ELECTION = "scheduler"
ADVISORY_LOCK = 0x50414C4D
LEASE_LENGTH = timedelta(seconds=45)
RENEWAL_SECONDS = 15


@dataclass(frozen=True)
class Job:
    """A line of the schedule: `run(at)` does everything that is due at that instant, opens its own transactions and
    answers (or yields) one line per thing done. `cron` is a five-field expression in the programme's time zone."""

    name: str
    cron: str
    run: Callable[[datetime], Iterable[str]]
    meaning: str


SCHEDULE: tuple[Job, ...] = ()


def run_due(at: datetime, only: str | None = None) -> tuple[list[str], list[str]]:
    """Run every job once as if it were `at`, in the schedule's order. One failing job does not stop the others.

    Answers (what was done, what failed), a line each. Jobs find what is due in the database, so running them too
    often, twice at once, or days late does no harm.
    """
    done: list[str] = []
    failed: list[str] = []
    for job in SCHEDULE:
        if only is not None and job.name != only:
            continue
        lines: list[str] = []
        try:
            for line in job.run(at):
                lines.append(line)
            outcome = "; ".join(lines)
        except Exception as error:
            db.session.rollback()
            log("jobs").exception("job failed", job=job.name)
            failed.append(f"{job.name}: {error}")
            outcome = f"failed: {type(error).__name__}"
        done.extend(f"{job.name}: {line}" for line in lines)
        _remember(job.name, outcome)
    return done, failed


def _remember(name: str, outcome: str) -> None:
    with transaction():
        db.session.merge(JobRun(name=name, finished_at=clock.now(), outcome=outcome[:2000]))


@contextmanager
def elected() -> Iterator[Callable[[], bool]]:
    """Stand for election; yields a function that says whether this process is the one scheduler at this moment.

    PostgreSQL: a session advisory lock on a connection of its own, released by the server when the process or the
    connection dies; after a lost connection the next call connects again and stands anew. SQLite: a lease row that the
    holder renews; another takes over when it has run out. A database that cannot be reached elects nobody.
    """
    candidate: _AdvisoryLock | _LeaseHolder
    candidate = _AdvisoryLock() if db.engine.dialect.name == "postgresql" else _LeaseHolder()
    try:
        yield candidate.leads
    finally:
        candidate.resign()


class _AdvisoryLock:
    """Candidate on PostgreSQL. Several threads may ask at once."""

    def __init__(self) -> None:
        # No pool: closing the connection must really end it, or the lock would live on with the pooled connection.
        self._engine = create_engine(
            db.engine.url,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            connect_args={"connect_timeout": 5, "keepalives_idle": 20, "keepalives_interval": 5, "keepalives_count": 3},
        )
        self._connection: Connection | None = None
        self._held = False
        self._alone = threading.Lock()

    def leads(self) -> bool:
        with self._alone:
            try:
                if self._connection is None:
                    self._connection = self._engine.connect()
                if self._held:
                    self._connection.scalar(text("SELECT 1"))
                else:
                    question = text("SELECT pg_try_advisory_lock(:key)")
                    self._held = bool(self._connection.scalar(question, {"key": ADVISORY_LOCK}))
            except SQLAlchemyError as error:
                log("jobs").warning("lost the database, standing by", error=type(error).__name__)
                self._let_go()
            return self._held

    def resign(self) -> None:
        with self._alone:
            self._let_go()
            self._engine.dispose()

    def _let_go(self) -> None:
        connection, self._connection, self._held = self._connection, None, False
        if connection is not None:
            with suppress(SQLAlchemyError):
                connection.close()


class _LeaseHolder:
    """Candidate on SQLite, whose processes share one machine and its clock."""

    def __init__(self) -> None:
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"[-80:]

    def leads(self) -> bool:
        try:
            return take_lease(ELECTION, self._holder, at=clock.now())
        except SQLAlchemyError as error:
            log("jobs").warning("the database is busy, standing by", error=type(error).__name__)
            return False

    def resign(self) -> None:
        with suppress(SQLAlchemyError):
            give_lease_back(ELECTION, self._holder, at=clock.now())


def take_lease(name: str, holder: str, *, at: datetime) -> bool:
    """Take or renew the lease `name` until `at` + LEASE_LENGTH; False when somebody else holds it."""
    insert = postgresql_insert if db.engine.dialect.name == "postgresql" else sqlite_insert
    with transaction():
        statement = insert(Lease).values(name=name, holder=holder, until=at + LEASE_LENGTH)
        taken = db.session.execute(
            statement.on_conflict_do_update(
                index_elements=[Lease.name],
                set_={"holder": holder, "until": at + LEASE_LENGTH},
                where=or_(Lease.holder == holder, Lease.until < at),
            )
        )
        return taken.rowcount == 1  # type: ignore[attr-defined]


def give_lease_back(name: str, holder: str, *, at: datetime) -> None:
    """Let the next candidate in at once."""
    with transaction():
        db.session.execute(
            update(Lease).where(Lease.name == name, Lease.holder == holder).values(until=at - timedelta(seconds=1))
        )


def serve(app: Flask) -> None:
    """Run the schedule until interrupted or told to end. Any number of these processes may stand by; one acts.

    What became due while nobody was there is done at the start. Jobs run one after the other, those of the same minute
    in the schedule's order; the lease is renewed beside them, so that a long job does not lose it.
    """
    scheduler = BlockingScheduler(
        timezone=app.config["TIMEZONE"],
        executors={"default": ThreadPoolExecutor(1), "election": ThreadPoolExecutor(1)},
        job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None},
    )
    signal.signal(signal.SIGTERM, _end)
    with app.app_context(), elected() as leads:

        def act(name: str) -> None:
            with app.app_context():
                if leads():
                    done, failed = run_due(clock.now(), only=name)
                    for line in done:
                        log("jobs").info(line)
                    for line in failed:
                        log("jobs").error(line)

        def stand() -> None:
            with app.app_context():
                leads()

        started = clock.now()
        for place, job in enumerate(SCHEDULE):
            cron = CronTrigger.from_crontab(job.cron, timezone=app.config["TIMEZONE"])
            # Jobs due at the same instant run in the order of their ids.
            scheduler.add_job(act, cron, args=[job.name], id=f"{place:03d} {job.name}", next_run_time=started)
        scheduler.add_job(stand, "interval", seconds=RENEWAL_SECONDS, id="election", executor="election")
        log("jobs").info("the clock is running", jobs=len(SCHEDULE))
        try:
            scheduler.start()
        except (KeyboardInterrupt, SystemExit):
            scheduler.shutdown(wait=True)


def _end(number: int, frame: object) -> None:
    raise SystemExit(0)
