"""Backtests asked for in the studio: asked, claimed, heard of while somebody works on them, and how they end.

Whoever works on a run holds it by the instant it was last heard of: each sign of life is a conditional update that
names the one before, so that a run which was cancelled, or taken over from a worker that had fallen silent, is lost to
its former holder at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, delete, or_, select, update

from challenges.definition import Definition
from foundation import audit
from foundation.database import db
from rewards.models import BacktestRun

SILENCE = timedelta(minutes=1)
KEPT = timedelta(days=90)
MOST_VARIANTS = 3

_UNFINISHED = ("waiting", "running")


def request_run(
    code: str, variants: Sequence[tuple[str, Definition]], first_day: date, last_day: date, *, by: str, at: datetime
) -> BacktestRun:
    """Ask for a backtest of challenge `code`: one to three (label, definition) over the same days, both included."""
    if not 1 <= len(variants) <= MOST_VARIANTS:
        raise ValueError(f"{len(variants)} variants; give 1 to {MOST_VARIANTS}")
    run = BacktestRun(
        code=code,
        variants=[definition.canonical() | {"label": label} for label, definition in variants],
        first_day=first_day,
        last_day=last_day,
        state="waiting",
        done=0,
        total=0,
        results=None,
        failure="",
        asked_at=at,
        asked_by=by,
        heard_at=at,
        finished_at=None,
    )
    db.session.add(run)
    db.session.flush()
    audit.record("backtest.asked", code, by=by, at=at, run=run.id, variants=len(variants))
    return run


def runs_of(code: str) -> Select[Any]:
    """The backtests of a challenge, latest first."""
    return (
        select(BacktestRun).where(BacktestRun.code == code).order_by(BacktestRun.asked_at.desc(), BacktestRun.id.desc())
    )


def silent_runs(at: datetime) -> list[int]:
    """The runs nobody works on: asked for, or last heard of, more than a minute ago. Oldest first."""
    found = (
        select(BacktestRun.id)
        .where(BacktestRun.state.in_(_UNFINISHED), BacktestRun.heard_at < at - SILENCE)
        .order_by(BacktestRun.heard_at, BacktestRun.id)
    )
    return list(db.session.scalars(found))


def claim_run(run_id: int, *, at: datetime) -> bool:
    """Take a run that waits, or that has fallen silent; False when it is somebody else's or over. It begins anew."""
    silent = and_(BacktestRun.state == "running", BacktestRun.heard_at < at - SILENCE)
    return _changed(
        update(BacktestRun)
        .where(BacktestRun.id == run_id, or_(BacktestRun.state == "waiting", silent))
        .values(state="running", heard_at=at, done=0)
    )


def hear(run_id: int, held: datetime, done: int, total: int, *, at: datetime) -> bool:
    """A sign of life from who holds the run since `held`; False when it is theirs no longer."""
    return _changed(_held(run_id, held).values(heard_at=at, done=done, total=total))


def finish_run(run_id: int, held: datetime, results: Sequence[dict[str, Any]], *, at: datetime) -> bool:
    """Store the answers; False when the run was cancelled or taken over meanwhile."""
    return _changed(_held(run_id, held).values(state="done", results=list(results), finished_at=at))


def fail_run(run_id: int, held: datetime, reason: str, *, at: datetime) -> bool:
    """Say in a sentence why there is no answer; False when the run was cancelled or taken over meanwhile."""
    return _changed(_held(run_id, held).values(state="failed", failure=reason[:500], finished_at=at))


def cancel_run(run: BacktestRun, *, by: str, at: datetime) -> bool:
    """Stop a run that is not over; who works on it stops at the next batch. False when it was over already."""
    stopped = _changed(
        update(BacktestRun)
        .where(BacktestRun.id == run.id, BacktestRun.state.in_(_UNFINISHED))
        .values(state="cancelled", finished_at=at)
    )
    if stopped:
        audit.record("backtest.cancelled", run.code, by=by, at=at, run=run.id)
    return stopped


def forget_runs(*, at: datetime) -> int:
    """Delete the runs asked for more than 90 days ago; answers how many."""
    found = db.session.execute(delete(BacktestRun).where(BacktestRun.asked_at < at - KEPT))
    return int(found.rowcount)  # type: ignore[attr-defined]


def _held(run_id: int, held: datetime) -> Any:
    return update(BacktestRun).where(
        BacktestRun.id == run_id, BacktestRun.state == "running", BacktestRun.heard_at == held
    )


def _changed(statement: Any) -> bool:
    return bool(db.session.execute(statement.execution_options(synchronize_session=False)).rowcount == 1)  # type: ignore[attr-defined]
