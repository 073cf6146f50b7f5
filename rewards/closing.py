"""Closing: ranks are frozen, payouts made, a certificate written; once, completely, or not at all.

Everything happens in the one transaction of the caller, in SQL over whole sets: there is no loop over participants.
Only the standings hash reads the board line by line, because a hash is read in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, insert, literal, select

from badges.operations import grant_earned
from badges.rules import Counts
from challenges.announcements import tell_closed, tell_waiting
from challenges.lifecycle import NotPossible, claim
from challenges.models import Challenge, Participant
from challenges.rules import LATE_ARRIVAL
from declarations.models import CountedDeclaration, Declaration, Revision
from declarations.operations import accept_all, lock_people, reject_all
from declarations.scoring import current_revisions
from foundation import audit
from foundation.database import db, look_again
from leaderboards.models import FinalStanding
from leaderboards.operations import freeze
from points.queries import adjustments_wait
from rewards.certificate import certificate
from rewards.drawing import standings_text
from rewards.models import Award, Closure
from rewards.payouts import award, credit
from rewards.rules import standings_hash
from rewards.withholding import Withholding

CLOSING = 7_265_001  # the number of the lock under which closings wait for one another


def close(challenge: Challenge, *, by: str, at: datetime) -> Closure | None:
    """Close a challenge whose reviews are settled. None when it must wait, or when somebody else has closed it.

    Declarations still in review are waited for, or at `review_until` settled by the policy `pending_at_close`; manual
    bonuses that nobody has decided on are waited for until then.
    """
    if at < challenge.declare_until + LATE_ARRIVAL:
        return None
    _one_at_a_time()
    people = {declaration.person_id for declaration in pending(challenge)}
    lock_people(sorted(people))
    held = select(Challenge.id).where(Challenge.id == challenge.id, Challenge.state == "reviewing")
    if db.session.scalar(held.with_for_update()) is None:
        return None
    if at < challenge.review_until and adjustments_wait(challenge.id):
        return None
    waiting = pending(challenge)
    if any(declaration.person_id not in people for declaration in waiting):
        return None  # somebody declared in between: people are locked before challenges, so this is for the next run
    if waiting and at < challenge.review_until:
        return None
    if waiting and challenge.definition.get("pending_at_close", "wait") == "wait":
        tell_waiting(challenge, len(waiting), at=at)
        return None
    _settle(challenge, waiting, at=at)
    if not claim(challenge.id, "reviewing", "closed", by=by, at=at):
        raise NotPossible(f"challenge {challenge.code} was changed while it was being closed")
    return _close(challenge, by=by, at=at)


def _one_at_a_time() -> None:
    """Closings wait for one another (SQLite: they already do).

    Settling what waits holds people and looks at every other open challenge: two closings at once could wait for each
    other in a ring, and a sale being told at that moment could be the one that PostgreSQL gives up.
    """
    if db.engine.dialect.name == "postgresql":
        db.session.execute(select(func.pg_advisory_xact_lock(CLOSING)))


def pending(challenge: Challenge) -> Sequence[Declaration]:
    """Declarations in review that would count in a challenge, oldest first."""
    return db.session.scalars(
        _counting(challenge, Declaration)
        .where(Declaration.status == "in_review")
        .order_by(Declaration.received_at, Declaration.id)
    ).all()


def _counting(challenge: Challenge, *columns: Any) -> Select[Any]:
    """A select over declarations that fall in a challenge's audience and windows and are not barred by law."""
    return (
        current_revisions(*columns)
        .join(
            Participant,
            and_(Participant.challenge_id == challenge.id, Participant.person_id == Declaration.person_id),
        )
        .where(
            Revision.sold_on.between(challenge.starts_on, challenge.ends_on),
            Revision.barred == "",
            Declaration.declared_at < challenge.declare_until,
            Declaration.received_at < challenge.declare_until + LATE_ARRIVAL,
        )
    )


def _settle(challenge: Challenge, waiting: Sequence[Declaration], *, at: datetime) -> None:
    """What still waits is decided as the challenge says."""
    if not waiting:
        return
    if challenge.definition["pending_at_close"] == "accept":
        accept_all(waiting, by=audit.SYSTEM, at=at)
    else:
        reject_all(waiting, "other", by=audit.SYSTEM, at=at, note=f"{challenge.code}: closed before a review")


def _close(challenge: Challenge, *, by: str, at: datetime) -> Closure:
    counted = _counting(challenge, literal(challenge.id), Declaration.id, Declaration.revision).where(
        Declaration.status == "accepted"
    )
    db.session.execute(insert(CountedDeclaration).from_select(["challenge_id", "declaration_id", "revision"], counted))
    freeze(challenge)
    look_again(FinalStanding)
    hashed = standings_hash(standings_text(challenge))
    withholding = Withholding(challenge, at=at)
    award(challenge, hashed, withholding)
    look_again(Award)
    credit(challenge, at=at)
    _grant_podium(challenge, at=at)
    closure = Closure(
        challenge_id=challenge.id,
        closed_at=at,
        closed_by=by,
        standings_hash=hashed,
        certificate=certificate(challenge, hashed, by=by, at=at) | withholding.certified(),
    )
    db.session.add(closure)
    db.session.flush()
    tell_closed(challenge, withholding.held_people(), at=at)
    return closure


def _grant_podium(challenge: Challenge, *, at: datetime) -> None:
    """The podium badge for ranks 1 to 3, where people compete."""
    podium = db.session.scalars(
        select(FinalStanding.person_id).where(
            FinalStanding.challenge_id == challenge.id,
            FinalStanding.rank <= 3,
            FinalStanding.person_id.is_not(None),
        )
    )
    counts = {
        person: Counts(declarations=0, feedbacks=0, best_week_streak=0, podiums=1)
        for person in podium
        if person is not None
    }
    grant_earned(counts, at=at)
