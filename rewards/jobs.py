"""What the clock does to challenges and orders: every step that is due; a broken one does not stop the others.

And to backtests: those nobody works on any more are begun anew, old ones forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from flask import current_app

from challenges.lifecycle import claim, hold
from challenges.models import Challenge
from challenges.queries import closable, due_periods, due_steps, next_state
from declarations.publishing import publish_next
from foundation import clock
from foundation.audit import SYSTEM
from foundation.database import db
from foundation.logs import log
from foundation.transactions import transaction
from leaderboards.operations import remember_ranks
from rewards import catalogue, fulfilment, orders
from rewards.backtest_runs import forget_runs, silent_runs
from rewards.backtest_worker import work
from rewards.closing import close, pending
from rewards.models import Order, Reward
from rewards.providers import Unreachable, provider
from rewards.queries import back_in_stock
from rewards.releasing import releasable, release

MOST_SILENCES = 3  # of ten seconds each
GIVEN_UP = "the provider stays silent; the other orders wait for the next run"


class SomeFailed(RuntimeError):
    """Some challenges could not take their step; the message names them. The others have taken theirs."""


def advance_challenges(at: datetime) -> Iterator[str]:
    """Take every step of every challenge that is due at an instant, and publish the periods that follow.

    Yields a line for each. Each step is a transaction of its own that claims before it acts, so any number of these may
    run at once, be killed, or come days late. Raises SomeFailed at the end when a challenge could not be moved.
    """
    failed: list[str] = []
    yield from _repeat(at, failed)
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
    # What one closing settles may be all that another, which ended before it, was waiting for.
    waiting: dict[int, str] = {}
    closed = True
    while closed:
        closed = False
        for challenge_id in [one for one in closable(at) if one not in stuck]:
            try:
                closed_now, line = _close_one(challenge_id, at)
            except Exception as error:
                failed.append(_failure(challenge_id, error))
                stuck.add(challenge_id)
                continue
            if closed_now:
                closed = True
                waiting.pop(challenge_id, None)
                yield line
            elif line:
                waiting[challenge_id] = line
    yield from waiting.values()
    if failed:
        raise SomeFailed("; ".join(failed))


def _repeat(at: datetime, failed: list[str]) -> Iterator[str]:
    """Publish the period that follows each repeated challenge, one after the other when they are late."""
    stuck: set[int] = set()
    while due := [one for one in due_periods(at) if one not in stuck]:
        for challenge_id in due:
            try:
                with transaction():
                    made = publish_next(db.session.get_one(Challenge, challenge_id), at=at)
                    code = made.code if made is not None else None
                if code is not None:
                    yield f"{code}: published, after {_code(challenge_id)}"
            except Exception as error:
                failed.append(_failure(challenge_id, error))
                stuck.add(challenge_id)


def _close_one(challenge_id: int, at: datetime) -> tuple[bool, str]:
    """Close a challenge, if it need not wait: whether it was closed, and a line for it, '' when there is none."""
    with transaction():
        challenge = db.session.get_one(Challenge, challenge_id)
        code = challenge.code
        closure = close(challenge, by=SYSTEM, at=at)
        waiting = len(pending(challenge)) if closure is None and challenge.state == "reviewing" else 0
        hashed = closure.standings_hash[:12] if closure is not None else ""
    if closure is not None:
        return True, f"{code}: reviewing → closed (standings {hashed})"
    return False, f"{code}: waits for {waiting} declarations in review" if waiting else ""


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


def tell_providers(at: datetime) -> Iterator[str]:
    """Hand approved orders over to their provider; what cannot be is tried again later, less and less often.

    One that stays silent several times in a row is not waited for any longer: the orders that are left stay due.
    """
    settings, silences = current_app.config["SETTINGS"], 0
    for order_id, name in fulfilment.due(at):
        if silences == MOST_SILENCES:
            yield GIVEN_UP
            return
        who = provider(name, settings)
        if who is None:
            with transaction():
                fulfilment.without_provider(order_id, at=at)
            yield f"order {order_id}: not told (PALMARES_PROVIDER_URL is missing), will be tried again"
            continue
        with transaction():
            parcel = fulfilment.claim(order_id, at=at)
        if parcel is None:
            continue
        try:
            word = who.send(parcel)
        except Unreachable as error:
            silences += 1
            with transaction():
                fulfilment.failed(order_id, at=at)
            yield f"order {order_id}: not told ({error}), will be tried again"
            continue
        silences = 0
        with transaction():
            outcome = fulfilment.take_in(order_id, word, at=at)
        yield f"order {order_id}: {word.state}, {outcome}"


def ask_providers(at: datetime) -> Iterator[str]:
    """Ask after orders of which their provider has said nothing for a day."""
    settings, silences = current_app.config["SETTINGS"], 0
    for order_id in fulfilment.silent(at):
        if silences == MOST_SILENCES:
            yield GIVEN_UP
            return
        with transaction():
            name = fulfilment.asked(order_id, at=at)
        who = provider(name, settings) if name is not None else None
        if who is None:
            continue
        try:
            word = who.ask(str(order_id))
        except Unreachable as error:
            silences += 1
            yield f"order {order_id}: no answer ({error}), will be asked again"
            continue
        silences = 0
        with transaction():
            outcome = fulfilment.take_in(order_id, word, at=at)
        yield f"order {order_id}: {word.state}, {outcome}"


def give_codes(at: datetime) -> Iterator[str]:
    """Give codes to the approved vouchers that wait for one, the oldest first."""
    for order_id in fulfilment.waiting_for_a_code():
        with transaction():
            given = orders.give_code(db.session.get_one(Order, order_id), at=at)
        if given:
            yield f"order {order_id}: code given"


def tell_waiting(at: datetime) -> Iterator[str]:
    """Tell those who wait for a sold-out article that it is back."""
    today = clock.day_of(at, current_app.config["TIMEZONE"])
    for reward_id in back_in_stock(today):
        with transaction():
            told = catalogue.tell_waiting(db.session.get_one(Reward, reward_id), at=at)
        if told:
            yield f"reward {reward_id}: {told} people told"


def forget_addresses(at: datetime) -> Iterator[str]:
    """Forget where old orders were sent."""
    with transaction():
        count = fulfilment.forget_addresses(at=at)
    if count:
        yield f"{count} addresses forgotten"


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
