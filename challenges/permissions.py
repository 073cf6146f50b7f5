"""Who sees which challenge: people those they take part in, the brand all that are public, staff also drafts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, case

from challenges.models import Challenge
from challenges.queries import challenges_of
from foundation.database import db
from network.models import Person

# What a reader looks for first: what is being played, what still can be declared, what comes, what was.
SECTIONS = ("running", "closing", "coming", "past", "draft")
_SECTION_OF = {
    "running": "running",
    "closing": "closing",
    "reviewing": "closing",
    "published": "coming",
    "closed": "past",
    "cancelled": "past",
    "draft": "draft",
}


def section_of(challenge: Challenge) -> str:
    """Which part of the list a challenge belongs to."""
    return _SECTION_OF[challenge.state]


def visible_challenges(person: Person) -> Select[Any]:
    """What this person may see, section by section; what ends next comes first, the past backwards."""
    place = case({state: SECTIONS.index(section) for state, section in _SECTION_OF.items()}, value=Challenge.state)
    past = Challenge.state.in_(("closed", "cancelled"))
    return challenges_of(person).order_by(
        place, case((past, None), else_=Challenge.ends_on), Challenge.ends_on.desc(), Challenge.id
    )


def visible_challenge(person: Person, code: str) -> Challenge | None:
    """One of them by its code, None for what is not theirs."""
    return db.session.scalars(challenges_of(person).where(Challenge.code == code)).first()
