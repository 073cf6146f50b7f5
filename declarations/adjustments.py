"""Manual bonuses and corrections, of a challenge's points or of a wallet: the one entrance to both."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from challenges.models import Challenge, Participant
from declarations.operations import lock_people
from declarations.scoring import score
from foundation.database import db
from leaderboards.models import Standing
from network.models import Person
from points import wallet
from points.adjustments import ask, decide
from points.models import Adjustment
from points.rules import NotEnough, NotPossible
from points.telling import tell_adjusted

COUNTING = ("running", "closing", "reviewing")


def adjust(
    person: Person, challenge: Challenge | None, amount: int, reason: str, *, by: str, at: datetime
) -> Adjustment:
    """Give points by hand (`amount` > 0) or correct them (< 0), in a challenge or, with None, in the wallet.

    Above the programme's threshold it waits for a second person. Raises NotPossible without an amount or a reason, for
    points of one's own, to who does not take part, and in a challenge whose ranks do not move now; NotEnough to take
    back more challenge points than there are.
    """
    if challenge is None:
        return wallet.adjust(person, amount, reason, by=by, at=at)
    _hold(person.id, challenge.id)
    _refuse_impossible(person, challenge, amount)
    asked = ask(person, amount, reason, challenge_id=challenge.id, by=by, at=at)
    if not asked.needs_approval:
        score(challenge, [person.id], at=at)
        tell_adjusted(asked, challenge, at=at)
    return asked


def approve(adjustment: Adjustment, *, by: str, at: datetime) -> None:
    """Let an adjustment that waits hold from now on, by somebody else than who asked. Raises NotPossible otherwise."""
    if adjustment.challenge_id is None:
        wallet.approve(adjustment, by=by, at=at)
        return
    _hold(adjustment.person_id, adjustment.challenge_id)
    challenge = db.session.get_one(Challenge, adjustment.challenge_id)
    person = db.session.get_one(Person, adjustment.person_id)
    _refuse_impossible(person, challenge, adjustment.amount)
    decide(adjustment, True, by=by, at=at)
    score(challenge, [adjustment.person_id], at=at)
    tell_adjusted(adjustment, challenge, at=at)


def refuse(adjustment: Adjustment, note: str, *, by: str, at: datetime) -> None:
    """Let an adjustment that waits fall, with a reason for who asked. Raises NotPossible as `decide` does."""
    if not note.strip():
        raise NotPossible("a refusal needs a reason; who asked will read it")
    decide(adjustment, False, note, by=by, at=at)


def _hold(person_id: int, challenge_id: int) -> None:
    """The person, then the challenge: the order in which sales and closings take them."""
    lock_people([person_id])
    db.session.scalar(select(Challenge.id).where(Challenge.id == challenge_id).with_for_update(read=True))
    db.session.expire_all()


def _refuse_impossible(person: Person, challenge: Challenge, amount: int) -> None:
    if challenge.state not in COUNTING:
        raise NotPossible(
            f"challenge {challenge.code} is {challenge.state}; its points can be adjusted from its start to its closing"
        )
    if db.session.get(Participant, (challenge.id, person.id)) is None:
        raise NotPossible(f"{person.code} does not take part in {challenge.code}; adjust the points of a participant")
    standing = db.session.get(Standing, (challenge.id, person.id))
    has = standing.points if standing is not None else 0
    if has + amount < 0:
        raise NotEnough(has, -amount)
