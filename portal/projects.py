"""Every challenge and every draft not stored as one yet, as those who prepare them look for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Date, Integer, Select, String, case, cast, func, literal, null, select, union_all

from challenges.models import Challenge, Draft
from foundation.database import db
from foundation.models import AuditEntry
from network.queries import contains

TURNS = {"draft": 0, "running": 1, "closing": 1, "reviewing": 1, "published": 1, "closed": 2, "cancelled": 2}


@dataclass(frozen=True)
class Project:
    """A challenge (None while it has never been complete) and the draft it is written in (None where there is none)."""

    challenge: Challenge | None
    draft: Draft | None

    @property
    def state(self) -> str:
        """The challenge's state; a draft's is "draft"."""
        return self.challenge.state if self.challenge is not None else "draft"


def projects(search: str = "", state: str = "") -> Select[Any]:
    """Drafts, latest change first, then what is published, then the past: rows (challenge id, draft id).

    `search` looks into names and codes; a `state` that is none finds nothing.
    """
    written = select(
        Challenge.id.label("challenge_id"),
        Draft.id.label("draft_id"),
        Challenge.state,
        Challenge.starts_on,
        func.coalesce(Draft.changed_at, Challenge.created_at).label("changed_at"),
    ).outerjoin_from(Challenge, Draft, Draft.challenge_id == Challenge.id)
    begun = select(
        cast(null(), Integer).label("challenge_id"),
        Draft.id,
        literal("draft", String),
        cast(null(), Date),
        Draft.changed_at,
    ).where(Draft.challenge_id.is_(None))
    if search:
        names = (Challenge.definition["name"].as_string(), Challenge.definition[("en", "name")].as_string())
        draft_names = (Draft.content["name"].as_string(), Draft.content["code"].as_string())
        written = written.where(contains(search, Challenge.code, *names, *draft_names))
        begun = begun.where(contains(search, *draft_names))
    found = union_all(written, begun).subquery("found").c
    is_draft = found.state == "draft"
    listed = select(found.challenge_id, found.draft_id).order_by(
        case(TURNS, value=found.state),
        case((is_draft, found.changed_at)).desc(),
        case((~is_draft, found.starts_on)).desc(),
        func.coalesce(found.draft_id, 0).desc(),
        found.challenge_id.desc(),
    )
    return listed.where(found.state == state) if state else listed


def load(rows: Sequence[tuple[int | None, int | None]]) -> list[Project]:
    """What these rows stand for, in their order. Two statements."""
    challenges = _by_id(Challenge, [row[0] for row in rows])
    drafts = _by_id(Draft, [row[1] for row in rows])
    return [Project(challenges.get(row[0]), drafts.get(row[1])) for row in rows]


def _by_id(model: Any, ids: Sequence[int | None]) -> dict[int | None, Any]:
    wanted = [one for one in ids if one is not None]
    return {one.id: one for one in db.session.scalars(select(model).where(model.id.in_(wanted)))}


def draft_of(challenge: Challenge) -> Draft | None:
    """The draft a challenge is written in."""
    return db.session.scalar(select(Draft).where(Draft.challenge_id == challenge.id))


def trail(challenge: Challenge) -> Select[tuple[AuditEntry]]:
    """What was done to a challenge, latest first."""
    return (
        select(AuditEntry)
        .where(AuditEntry.subject == challenge.code, AuditEntry.act.startswith("challenge."))
        .order_by(AuditEntry.id.desc())
    )
