"""Reads of badge grants."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from badges.models import BadgeGrant
from badges.rules import BY_CODE, Badge
from foundation.database import db

BATCH = 5_000


@dataclass(frozen=True)
class Grant:
    """A badge somebody has, since when, and whether it came quietly (in retrospect)."""

    badge: Badge
    granted_at: datetime
    quiet: bool


def grants_of(person_id: int) -> list[Grant]:
    """Every badge of a person, latest first."""
    return _grants(person_id, None)


def recent_grants(person_id: int, *, limit: int = 3) -> list[Grant]:
    """The latest badges of a person, latest first."""
    return _grants(person_id, limit)


def _grants(person_id: int, limit: int | None) -> list[Grant]:
    rows = db.session.execute(
        select(BadgeGrant.badge, BadgeGrant.granted_at, BadgeGrant.quiet)
        .where(BadgeGrant.person_id == person_id, BadgeGrant.badge.in_(BY_CODE))
        .order_by(BadgeGrant.granted_at.desc(), BadgeGrant.id.desc())
        .limit(limit)
    )
    return [Grant(BY_CODE[code], granted_at, quiet) for code, granted_at, quiet in rows]


def granted_codes(person_ids: Collection[int]) -> set[tuple[int, str]]:
    """The (person id, badge code) pairs already granted among these people."""
    found: set[tuple[int, str]] = set()
    for batch in _batches(sorted(person_ids)):
        rows = db.session.execute(select(BadgeGrant.person_id, BadgeGrant.badge).where(BadgeGrant.person_id.in_(batch)))
        found.update((person_id, code) for person_id, code in rows)
    return found


def _batches(person_ids: list[int]) -> Iterable[list[int]]:
    """One select holds at most BATCH people: engines bound the number of values of a statement."""
    for start in range(0, len(person_ids), BATCH):
        yield person_ids[start : start + BATCH]
