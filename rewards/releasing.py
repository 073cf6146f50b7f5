"""Awards held for want of an employer's agreement: given when it is back, or by staff who say why; once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from flask_babel import force_locale
from sqlalchemy import Select, or_, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from challenges.announcements import tell_given
from challenges.lifecycle import NotPossible
from challenges.models import Challenge
from challenges.wording import wallet_in_words
from foundation import audit
from foundation.database import db
from foundation.localisation import LANGUAGES
from network.models import Outlet, Person
from rewards.models import Award, Release, Reward
from rewards.payouts import credit
from rewards.withholding import covered

LONGEST_REASON = 300


class HeldAward(NamedTuple):
    """An award that waits: in which challenge, of which article or how many wallet points, worth what, for whose
    agreement."""

    id: int
    challenge: Challenge
    payout: int
    reward: str | None
    wallet_points: int
    cost_cents: int
    outlet: str


def held_awards(person_id: int) -> list[HeldAward]:
    """What waits for an agreement of this person's, oldest first."""
    rows = db.session.execute(
        _waiting(Award.id, Challenge, Award.payout, Reward.name, Award.wallet_points, Award.cost_cents, Outlet.name)
        .outerjoin(Reward, Reward.id == Award.reward_id)
        .where(Award.person_id == person_id)
        .order_by(Award.id)
    )
    return [HeldAward(*row) for row in rows]


def releasable() -> Sequence[int]:
    """The ids of the held awards whose agreement is back, or whose person no longer needs one, oldest first."""
    back = covered(Award.challenge_id, Challenge.starts_on, Challenge.ends_on, Award.person_id)
    return db.session.scalars(_waiting(Award.id).where(or_(Person.status != "employee", back)).order_by(Award.id)).all()


def _waiting(*columns: Any) -> Select[Any]:
    return (
        select(*columns)
        .select_from(Award)
        .join(Challenge, Challenge.id == Award.challenge_id)
        .join(Outlet, Outlet.id == Award.outlet_id)
        .join(Person, Person.id == Award.person_id)
        .outerjoin(Release, Release.award_id == Award.id)
        .where(Award.status == "held", Release.award_id.is_(None))
    )


def _what(award: Award) -> dict[str, str]:
    """What an award is, in each language: the article's name, or so many wallet points."""
    reward = db.session.get(Reward, award.reward_id) if award.reward_id is not None else None
    found = {}
    for language in LANGUAGES:
        with force_locale(language):
            found[language] = reward.name if reward is not None else wallet_in_words(award.wallet_points)
    return found


def find_award(code: str, payout: int, person: str) -> Award | None:
    """The award of a challenge's payout to a person, by their codes."""
    return db.session.scalar(
        select(Award)
        .join(Challenge, Challenge.id == Award.challenge_id)
        .where(Challenge.code == code, Award.payout == payout, Award.competitor == person)
    )


def release(award_id: int, reason: str = "", *, by: str, at: datetime) -> bool:
    """Give a held award, once: its wallet points are credited now. False when somebody else has given it.

    Raises NotPossible for an award that is not held, without a reason from staff, or for an award of one's own.
    """
    award = db.session.get_one(Award, award_id)
    reason = reason.strip()[:LONGEST_REASON]
    if award.status != "held":
        raise NotPossible(f"this award is {award.status}, not held")
    if by == award.competitor:
        raise NotPossible("nobody releases an award of their own; ask a colleague")
    if by != audit.SYSTEM and not reason:
        raise NotPossible("a reason is needed; it is kept with the award")
    insert_new = postgresql_insert if db.engine.dialect.name == "postgresql" else sqlite_insert
    claimed = db.session.scalar(
        insert_new(Release)
        .values(award_id=award_id, released_at=at, released_by=by, reason=reason)
        .on_conflict_do_nothing()
        .returning(Release.award_id)
    )
    if claimed is None:
        return False
    challenge = db.session.get_one(Challenge, award.challenge_id)
    credit(challenge, at=at, award_id=award_id)
    if award.person_id is not None:
        tell_given(challenge, award.person_id, _what(award), at=at)
    audit.record("rewards.released", f"{challenge.code}/{award.payout}/{award.competitor}", by=by, at=at, reason=reason)
    return True
