"""One process leads, however many stand by; one failing job does not stop the others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from foundation import clock, scheduler
from foundation.database import db
from foundation.models import JobRun
from foundation.transactions import transaction

ROOT = Path(__file__).parents[2]
AT = datetime(2026, 2, 3, 11, 0, tzinfo=UTC)


@pytest.fixture
def schedule(app, monkeypatch):
    """A schedule of the test's own."""

    def use(*jobs):
        lines = tuple(scheduler.Job(name, "* * * * *", run, f"does {name}") for name, run in jobs)
        monkeypatch.setattr(scheduler, "SCHEDULE", lines)

    return use


def failing(at):
    raise ZeroDivisionError("by nothing")


def test_jobs_run_in_order_and_one_failure_does_not_stop_the_others(schedule):
    seen = []
    schedule(
        ("first", lambda at: seen.append(at) or ["one thing", "another"]),
        ("broken", failing),
        ("last", lambda at: seen.append(at) or []),
    )
    done, failed = scheduler.run_due(AT)
    assert seen == [AT, AT]
    assert done == ["first: one thing", "first: another"]
    assert failed == ["broken: by nothing"]
    outcomes = {run.name: run.outcome for run in db.session.scalars(select(JobRun))}
    assert outcomes == {"first": "one thing; another", "broken": "failed: ZeroDivisionError", "last": ""}


def test_a_job_that_fails_in_its_transaction_leaves_nothing_and_the_next_one_writes(schedule):
    def half(at):
        with transaction():
            db.session.add(JobRun(name="half", finished_at=at, outcome="never"))
            db.session.flush()
            raise ZeroDivisionError

    schedule(("broken", half), ("last", lambda at: ["done"]))
    done, failed = scheduler.run_due(AT)
    assert (done, len(failed)) == (["last: done"], 1)
    assert db.session.get(JobRun, "half") is None


def test_the_command_prints_what_was_done_and_exits_1_when_a_job_failed(schedule, runner):
    schedule(("first", lambda at: [at.isoformat()]), ("broken", failing))
    result = runner.run("jobs", "run", "--at", "2026-02-04T00:05:00+01:00", exits=1)
    assert result.stdout == "first: 2026-02-03T23:05:00+00:00\n"
    assert "broken: by nothing\n" in result.stderr
    schedule(("first", lambda at: []))
    assert runner.run("jobs", "run").stdout == ""


@pytest.mark.parametrize(
    "wrong", ["2026-02-04T00:05:00", "tomorrow", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+05:00"]
)
def test_a_naive_or_absurd_instant_is_refused_in_one_line(schedule, runner, wrong):
    schedule(("first", failing))
    result = runner.run("jobs", "run", "--at", wrong, exits=1)
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert repr(wrong) in result.stderr


def test_the_schedule_can_be_read(schedule, runner):
    schedule(("first", lambda at: ["one thing"]), ("second", failing))
    assert "never ran" in runner.run("jobs", "list").stdout
    runner.run("jobs", "run", exits=1)
    told = runner.run("jobs", "list").stdout
    assert "does first" in told
    assert "one thing" in told
    assert "failed: ZeroDivisionError" in told


class Candidate(threading.Thread):
    """A process of the scheduler, as a thread that answers one question at a time."""

    def __init__(self, app):
        super().__init__(daemon=True)
        self.app = app
        self.asked, self.answered = threading.Event(), threading.Event()
        self.resigning = False
        self.answer = None
        self.start()

    def run(self):
        with self.app.app_context(), scheduler.elected() as leads:
            while True:
                self.asked.wait(30)
                self.asked.clear()
                if self.resigning:
                    break
                self.answer = leads()
                db.session.remove()
                self.answered.set()

    def leads(self):
        self.answered.clear()
        self.asked.set()
        assert self.answered.wait(30)
        return self.answer

    def resign(self):
        self.resigning = True
        self.asked.set()
        self.join(30)


def test_only_one_leads_and_another_takes_over_when_it_resigns(app):
    first, second = Candidate(app), Candidate(app)
    assert first.leads()
    assert first.leads()
    assert not second.leads()
    first.resign()
    assert second.leads()
    second.resign()


def test_the_leader_that_lost_its_connection_stands_by(app, engine_name):
    first, second = Candidate(app), Candidate(app)
    assert first.leads()
    assert not second.leads()
    if engine_name == "postgresql":
        with db.engine.connect() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database d ON d.oid = database "
                    "WHERE locktype = 'advisory' AND granted AND datname = current_database()"
                )
            )
        assert not first.leads(), "it finds out at the first question"
    else:
        with transaction():
            db.session.execute(text("UPDATE leases SET until = :past"), {"past": "2020-01-01 00:00:00.000000"})
    assert second.leads()
    assert not first.leads()
    first.resign()
    assert second.leads()
    second.resign()


LEADER = """
import sys, time
from app import create_app
from foundation import scheduler
app = create_app()
with app.app_context(), scheduler.elected() as leads:
    print("leads" if leads() else "stands by", flush=True)
    time.sleep(60)
"""


def test_another_takes_over_when_the_leading_process_is_killed(app, settings, engine_name, monkeypatch):
    environment = os.environ | {
        "DATABASE_URL": settings.database_url,
        "SECRET_KEY": settings.secret_key,
        "PALMARES_INSTANCE": str(settings.instance_folder),
    }
    with subprocess.Popen(
        [sys.executable, "-c", LEADER], stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    ) as process:
        try:
            assert process.stdout.readline() == "leads\n"
            with scheduler.elected() as leads:
                assert not leads()
                process.send_signal(signal.SIGKILL)
                process.wait()
                if engine_name == "sqlite":
                    later = clock.now() + scheduler.LEASE_LENGTH + timedelta(seconds=1)
                    monkeypatch.setattr(clock, "now", lambda: later)
                    assert leads()
                else:
                    waited = threading.Event()
                    assert any(leads() or waited.wait(0.1) for _ in range(100))
        finally:
            process.kill()


def test_the_scheduler_process_runs_what_is_due_and_ends_when_told(settings, app):
    environment = os.environ | {
        "DATABASE_URL": settings.database_url,
        "SECRET_KEY": settings.secret_key,
        "PALMARES_INSTANCE": str(settings.instance_folder),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "flask", "jobs", "serve"], stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    ) as process:
        try:
            assert "the clock is running" in process.stderr.readline()
            waited = threading.Event()
            for _ in range(300):
                db.session.rollback()
                if db.session.get(JobRun, "mail.deliver") is not None:
                    break
                waited.wait(0.1)
            else:
                pytest.fail("nothing ran within 30 seconds")
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()
