"""Manual bonuses and corrections by staff: with a reason, and above a threshold with a second person's approval.

This is what was asked and decided; what it posts is with the book it is about.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from foundation import audit
from foundation.database import db
from foundation.programme import setting
from network.models import Person
from points.models import Adjustment, AdjustmentDecision
from points.rules import NotPossible

HIGHEST = 10_000_000


def ask(
    person: Person, amount: int, reason: str, *, challenge_id: int | None = None, by: str, at: datetime
) -> Adjustment:
    """Write down a bonus (`amount` > 0) or a correction (< 0); `needs_approval` says whether it waits.

    Raises NotPossible without an amount or a reason, and for points of one's own.
    """
    reason = reason.strip()
    if not amount or abs(amount) > HIGHEST:
        raise NotPossible(f"{amount} points cannot be given; write a whole number from -{HIGHEST} to {HIGHEST}, not 0")
    if not reason or len(reason) > 300:
        raise NotPossible("a reason of at most 300 characters is needed; the person will read it")
    if by == person.code:
        raise NotPossible("nobody adjusts points of their own; ask a colleague")
    adjustment = Adjustment(
        person_id=person.id,
        challenge_id=challenge_id,
        amount=amount,
        reason=reason,
        needs_approval=abs(amount) > int(setting("adjustment_points_above")),
        asked_at=at,
        asked_by=by,
    )
    db.session.add(adjustment)
    db.session.flush()
    audit.record(
        "points.adjustment_asked", adjustment.reference, by=by, at=at, amount=amount, waits=adjustment.needs_approval
    )
    return adjustment


def decide(adjustment: Adjustment, approved: bool, note: str = "", *, by: str, at: datetime) -> None:
    """Approve or refuse an adjustment that waits, once, by somebody else than who asked and who gets it.

    Raises NotPossible otherwise.
    """
    if not adjustment.needs_approval:
        raise NotPossible(f"{adjustment.reference} needed no approval; it holds")
    if by == adjustment.asked_by:
        raise NotPossible("nobody decides on what they have asked themselves; a colleague does")
    person = db.session.get_one(Person, adjustment.person_id)
    if by == person.code:
        raise NotPossible("nobody decides on points of their own; a colleague does")
    insert_new = postgresql_insert if db.engine.dialect.name == "postgresql" else sqlite_insert
    decided = db.session.scalar(
        insert_new(AdjustmentDecision)
        .values(adjustment_id=adjustment.id, approved=approved, note=note.strip()[:300], decided_at=at, decided_by=by)
        .on_conflict_do_nothing()
        .returning(AdjustmentDecision.adjustment_id)
    )
    if decided is None:
        raise NotPossible(f"{adjustment.reference} has already been decided")
    act = "points.adjustment_approved" if approved else "points.adjustment_refused"
    audit.record(act, adjustment.reference, by=by, at=at)
