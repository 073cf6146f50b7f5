"""The clock's hand: jobs that are due, run by one elected process or by `flask jobs run`."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.cron import CronTrigger
from flask import Flask
from sqlalchemy import or_, text, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from foundation import clock
from foundation.database import db
from foundation.logs import log
from foundation.models import JobRun, Lease
from foundation.transactions import transaction

ELECTION = "scheduler"
ADVISORY_LOCK = 0x50414C4D
LEASE_LENGTH = timedelta(seconds=45)


@dataclass(frozen=True)
class Job:
    """A line of the schedule: `run(at)` does everything that is due at that instant, opens its own transactions and
    answers one line per thing done. `cron` is a five-field expression in the programme's time zone."""

    name: str
    cron: str
    run: Callable[[datetime], list[str]]
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
        try:
            lines = job.run(at)
            outcome = "; ".join(lines)
        except Exception as error:
            db.session.rollback()
            log("jobs").exception("job failed", job=job.name)
            failed.append(f"{job.name}: {error}")
            outcome = f"failed: {type(error).__name__}"
            lines = []
        done.extend(f"{job.name}: {line}" for line in lines)
        _remember(job.name, outcome)
    return done, failed


def _remember(name: str, outcome: str) -> None:
    with transaction():
        db.session.merge(JobRun(name=name, finished_at=clock.now(), outcome=outcome[:2000]))


@contextmanager
def elected() -> Iterator[Callable[[], bool]]:
    """Stand for election; yields a function that says whether this process is the one scheduler at this moment.

    PostgreSQL: a session advisory lock, released by the server when the process dies. SQLite: a lease row that the
    holder renews; another takes over when it has run out.
    """
    if db.engine.dialect.name == "postgresql":
        connection = db.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            yield lambda: bool(
                connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": ADVISORY_LOCK})
            )
        finally:
            connection.close()
            connection.engine.dispose()
    else:
        holder = f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"
        try:
            yield lambda: take_lease(ELECTION, holder, at=clock.now())
        finally:
            give_lease_back(ELECTION, holder, at=clock.now())


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
    """Run the schedule until interrupted. Any number of these processes may stand by; one acts."""
    scheduler = BlockingScheduler(timezone=app.config["TIMEZONE"])
    with app.app_context(), elected() as leads:

        def act(name: str) -> None:
            with app.app_context():
                if leads():
                    done, failed = run_due(clock.now(), only=name)
                    for line in done:
                        log("jobs").info(line)
                    for line in failed:
                        log("jobs").error(line)

        for job in SCHEDULE:
            scheduler.add_job(
                act,
                CronTrigger.from_crontab(job.cron, timezone=app.config["TIMEZONE"]),
                args=[job.name],
                id=job.name,
                max_instances=1,
                coalesce=True,
                misfire_grace_time=None,
            )
        scheduler.add_job(leads, "interval", seconds=15, id="election", max_instances=1)
        try:
            scheduler.start()
        except (KeyboardInterrupt, SystemExit):
            scheduler.shutdown(wait=False)
