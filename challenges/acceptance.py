"""Participants' acceptance of the rules, where a challenge asks for it: once per version, with what was accepted.

It bars nobody from scoring (docs/game/scoring.md knows no such bar): it is asked for, kept, and counted for animators.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from challenges.lifecycle import NotPossible
from challenges.models import OPEN_STATES, Acceptance, Challenge, Participant, RulesVersion
from challenges.rules_document import in_force
from foundation import audit, clock
from foundation.database import db
from network.models import Person


@dataclass(frozen=True)
class Asked:
    """Where a participant stands with the version in force: `accepted_at` None while it awaits their acceptance."""

    challenge: Challenge
    version: RulesVersion
    accepted_at: datetime | None


@dataclass(frozen=True)
class Accepted:
    """How many of a challenge's participants have accepted the version in force."""

    version: int
    people: int
    participants: int


def is_required(definition: Mapping[str, Any]) -> bool:
    """Whether these rules ask to be accepted."""
    return definition.get("acceptance") == "required"


def asked_of(person: Person, *, at: datetime, challenge: Challenge | None = None) -> list[Asked]:
    """The open challenges (or one challenge, open or not) whose rules ask this person's acceptance: one select.

    By end of the challenge; each with the version that holds on the day of `at`. Empty for who takes no part.
    """
    accepted = and_(
        Acceptance.challenge_id == RulesVersion.challenge_id,
        Acceptance.version == RulesVersion.number,
        Acceptance.person_id == person.id,
    )
    found = (
        select(Challenge, RulesVersion, Acceptance.accepted_at)
        .join(Participant, and_(Participant.challenge_id == Challenge.id, Participant.person_id == person.id))
        .join(RulesVersion, RulesVersion.challenge_id == Challenge.id)
        .outerjoin(Acceptance, accepted)
        .where(Challenge.definition["acceptance"].as_string() == "required")
        .order_by(Challenge.ends_on, Challenge.id)
    )
    found = (
        found.where(Challenge.state.in_(OPEN_STATES))
        if challenge is None
        else found.where(Challenge.id == challenge.id)
    )
    versions: dict[int, list[RulesVersion]] = {}
    challenges: dict[int, Challenge] = {}
    dates: dict[int, datetime | None] = {}
    for one, version, accepted_at in db.session.execute(found):
        challenges[one.id] = one
        versions.setdefault(one.id, []).append(version)
        dates[version.id] = accepted_at
    asked = []
    for one in challenges.values():
        holds = in_force(versions[one.id], clock.day_of(at, one.zone))
        if holds is not None and is_required(holds.definition):
            asked.append(Asked(one, holds, dates[holds.id]))
    return asked


def acceptances_of(challenge: Challenge, *, at: datetime) -> Accepted | None:
    """How many have accepted the version in force, for animators; None where no acceptance is asked for."""
    rows = select(RulesVersion).where(RulesVersion.challenge_id == challenge.id)
    holds = in_force(db.session.scalars(rows).all(), clock.day_of(at, challenge.zone))
    if holds is None or not is_required(holds.definition):
        return None
    people = select(func.count()).select_from(Acceptance)
    people = people.where(Acceptance.challenge_id == challenge.id, Acceptance.version == holds.number)
    participants = select(func.count()).select_from(Participant).where(Participant.challenge_id == challenge.id)
    return Accepted(holds.number, db.session.scalar(people) or 0, db.session.scalar(participants) or 0)


def accept_rules(challenge: Challenge, number: int, person: Person, *, by: str, at: datetime) -> bool:
    """Keep a participant's acceptance of the version it has read; False when it was kept already.

    Raises NotPossible when nothing is asked of this person, the challenge is over, or another version holds by now.
    """
    asked = asked_of(person, at=at, challenge=challenge)
    if not asked:
        raise NotPossible(f"challenge {challenge.code} asks no acceptance of {person.code}")
    if not challenge.is_open:
        raise NotPossible(f"challenge {challenge.code} is {challenge.state}; its rules are no longer accepted")
    version = asked[0].version
    if version.number != number:
        raise NotPossible(f"version {number} is not in force; read and accept version {version.number}")
    insert_new = postgresql_insert if db.engine.dialect.name == "postgresql" else sqlite_insert
    statement = insert_new(Acceptance).values(
        challenge_id=challenge.id,
        version=version.number,
        person_id=person.id,
        rules_hash=version.hash,
        accepted_at=at,
    )
    if db.session.scalar(statement.on_conflict_do_nothing().returning(Acceptance.version)) is None:
        return False
    audit.record("rules.accepted", challenge.code, by=by, at=at, version=version.number, hash=version.hash)
    return True
