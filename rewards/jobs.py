"""What the clock does to challenges: every step that is due; one broken challenge does not stop the others.

And to backtests: those nobody works on any more are begun anew, old ones forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from challenges.lifecycle import claim, hold
from challenges.models import Challenge
from challenges.queries import closable, due_steps, next_state
from foundation import clock
from foundation.audit import SYSTEM
from foundation.database import db
from foundation.logs import log
from foundation.transactions import transaction
from leaderboards.operations import remember_ranks
from rewards.backtest_runs import forget_runs, silent_runs
from rewards.backtest_worker import work
from rewards.closing import close, pending
from rewards.releasing import releasable, release


class SomeFailed(RuntimeError):
    """Some challenges could not take their step; the message names them. The others have taken theirs."""


def advance_challenges(at: datetime) -> Iterator[str]:
    """Take every step of every challenge that is due at an instant; yields a line per step taken.

    Each step is a transaction of its own that claims before it acts, so any number of these may run at once, be
    killed, or come days late. Raises SomeFailed at the end when a challenge could not be moved.
    """
    failed: list[str] = []
    stuck: set[int] = set()
    while steps := [step for step in due_steps(at) if step[0] not in stuck]:
        for challenge_id, before, after in steps:
            try:
                with transaction():
                    challenge = db.session.get_one(Challenge, challenge_id)
                    hold(challenge)  # its end may have been moved since the look
                    due = next_state(challenge, at) == after
                    moved = due and claim(challenge_id, before, after, by=SYSTEM, at=at)
                if moved:
                    yield f"{_code(challenge_id)}: {before} → {after}"
            except Exception as error:
                failed.append(_failure(challenge_id, error))
                stuck.add(challenge_id)
    for challenge_id in closable(at):
        if challenge_id in stuck:
            continue
        try:
            yield from _close_one(challenge_id, at)
        except Exception as error:
            failed.append(_failure(challenge_id, error))
    if failed:
        raise SomeFailed("; ".join(failed))


def _close_one(challenge_id: int, at: datetime) -> Iterator[str]:
    with transaction():
        challenge = db.session.get_one(Challenge, challenge_id)
        code = challenge.code
        closure = close(challenge, by=SYSTEM, at=at)
        waiting = len(pending(challenge)) if closure is None and challenge.state == "reviewing" else 0
        hashed = closure.standings_hash[:12] if closure is not None else ""
    if closure is not None:
        yield f"{code}: reviewing → closed (standings {hashed})"
    elif waiting:
        yield f"{code}: waits for {waiting} declarations in review"


def _code(challenge_id: int) -> str:
    return db.session.get_one(Challenge, challenge_id).code


def _failure(challenge_id: int, error: Exception) -> str:
    db.session.rollback()
    code = _code(challenge_id)
    log("closing").exception("step failed", challenge=code)
    return f"{code}: {error}"


def remember_yesterday(at: datetime) -> Iterator[str]:
    """Keep everybody's rank at the end of the day that has just passed, for "since yesterday"."""
    open_ones = db.session.query(Challenge.id).filter(Challenge.state.in_(("running", "closing", "reviewing")))
    for (challenge_id,) in open_ones.order_by(Challenge.id).all():
        with transaction():
            challenge = db.session.get_one(Challenge, challenge_id)
            day = clock.days_after(clock.day_of(at, challenge.zone), -1)
            kept = remember_ranks(challenge, day)
            code = challenge.code
        if kept:
            yield f"{code}: ranks of {day} kept"


def take_over_backtests(at: datetime) -> Iterator[str]:
    """Work on every backtest that has fallen silent, because its process died or never came to it."""
    for run_id in silent_runs(at):
        try:
            ended = work(run_id, clock.now)
        except Exception:
            db.session.rollback()
            log("backtests").exception("work was lost", run=run_id)
            continue
        if ended is not None:
            yield f"backtest {run_id}: {ended}"


def release_held(at: datetime) -> Iterator[str]:
    """Give every held award whose employer's agreement is back, each in a transaction of its own."""
    for award_id in releasable():
        with transaction():
            # Whether it is back is asked again: the network may have changed since the look.
            given = award_id in releasable() and release(award_id, by=SYSTEM, at=at)
        if given:
            yield f"award {award_id}: held → granted"


def forget_backtests(at: datetime) -> Iterator[str]:
    """Delete the backtests of more than 90 days ago."""
    with transaction():
        gone = forget_runs(at=at)
    if gone:
        yield f"{gone} backtests forgotten"
