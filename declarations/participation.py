"""How a challenge is being played: who takes part, who has told a sale, day by day, and up to which first step.

Suspended people are left out of every figure. "Has declared" means that a sale of the challenge's period has been
looked at for this person, whatever became of it: a standing is kept from then on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, case, exists, func, literal, or_, select, union_all
from sqlalchemy.orm import aliased
from sqlalchemy.sql import ColumnElement, Subquery

from challenges.models import Acceptance, Challenge, Participant
from challenges.rules import LATE_ARRIVAL
from declarations.models import Declaration, Revision
from declarations.scoring import current_revisions
from foundation import clock
from foundation.database import db
from leaderboards.models import Standing
from network.models import Outlet, Person
from points.models import Account, Book, Entry, challenge_book

SEGMENTS = ("everyone", "not_declared", "declared", "below_first_step", "waiting")


@dataclass(frozen=True)
class Figures:
    """Who takes part in a challenge (`people`), has declared, has points; the points of all; when points last came."""

    people: int = 0
    declared: int = 0
    scoring: int = 0
    points: int = 0
    last: datetime | None = None

    @property
    def percent(self) -> int:
        """How many of a hundred have declared, floored."""
        return self.declared * 100 // self.people if self.people else 0


def _playing(*columns: Any) -> Select[Any]:
    return (
        select(*columns)
        .join_from(Participant, Person, Person.id == Participant.person_id)
        .where(Person.suspended_at.is_(None))
    )


_STANDING = and_(Standing.challenge_id == Participant.challenge_id, Standing.person_id == Participant.person_id)


def figures(challenge_ids: Sequence[int]) -> dict[int, Figures]:
    """The figures of some challenges, by id. One statement."""
    rows = db.session.execute(
        _playing(
            Participant.challenge_id,
            func.count(),
            func.count(Standing.person_id),
            func.count(case((Standing.points > 0, 1))),
            func.coalesce(func.sum(Standing.points), 0),
            func.max(Standing.reached_at),
        )
        .outerjoin(Standing, _STANDING)
        .where(Participant.challenge_id.in_(challenge_ids))
        .group_by(Participant.challenge_id)
    )
    return {row[0]: Figures(row[1], row[2], row[3], int(row[4]), row[5]) for row in rows}


def _falls_in(challenge: Challenge) -> ColumnElement[bool]:
    """Whether a declaration falls within the challenge's windows and is not barred by law."""
    return and_(
        Revision.barred == "",
        Revision.sold_on.between(challenge.starts_on, challenge.ends_on),
        Declaration.declared_at < challenge.declare_until,
        # No sale is told before its day has begun somewhere: earlier receptions need not be looked at.
        Declaration.received_at >= clock.start_of_day(challenge.starts_on, challenge.zone) - timedelta(days=2),
        Declaration.received_at < challenge.declare_until + LATE_ARRIVAL,
    )


class Waiting(NamedTuple):
    """How many sales of a challenge wait for a review, and since when the oldest does."""

    sales: int
    oldest: datetime


def waiting(challenges: Sequence[Challenge]) -> dict[int, Waiting]:
    """What waits for a review in some challenges, by id; nothing for those in which nothing does. One statement."""
    if not challenges:
        return {}
    rows = db.session.execute(
        current_revisions(Participant.challenge_id, func.count(), func.min(Declaration.received_at))
        .join(Participant, Participant.person_id == Declaration.person_id)
        .where(
            Declaration.status == "in_review",
            or_(*(and_(Participant.challenge_id == one.id, _falls_in(one)) for one in challenges)),
        )
        .group_by(Participant.challenge_id)
    )
    return {challenge_id: Waiting(sales, oldest) for challenge_id, sales, oldest in rows}


class Day(NamedTuple):
    """The accepted sales of a day and how many people they are from."""

    day: date
    sales: int
    people: int


def by_day(challenge: Challenge) -> list[Day]:
    """Day by day, by the day of the sale, those with at least one accepted sale that counts. One statement."""
    rows = db.session.execute(
        current_revisions(Revision.sold_on, func.count(), func.count(Declaration.person_id.distinct()))
        .join(Participant, Participant.person_id == Declaration.person_id)
        .where(Declaration.status == "accepted", Participant.challenge_id == challenge.id, _falls_in(challenge))
        .group_by(Revision.sold_on)
        .order_by(Revision.sold_on)
    )
    return [Day(*row) for row in rows]


# --- the first step --------------------------------------------------------------------------------------------------


class FirstStep(NamedTuple):
    """The step most people reach: a milestone (`name` is its rule), a threshold, or the first point.

    `goal` is in points, or in the milestone's `measure` (units, euros, declarations); `people` have reached it.
    """

    kind: str
    name: str
    measure: str
    goal: int
    people: int


def first_step(challenge: Challenge) -> FirstStep:
    """The milestone or threshold that most people have reached, the first in the file among equals; else the first
    point. Where outlets compete a threshold is the outlet's and no step of a person. At most two statements.
    """
    goals = [FirstStep("points", "", "points", 1, 0)]
    if challenge.ranks == "person":
        goals += [
            FirstStep("threshold", str(number), "points", payout["points"], 0)
            for number, payout in enumerate(challenge.definition.get("payouts", ()), 1)
            if payout["kind"] == "threshold"
        ]
    counts = [func.count(case((Standing.points >= goal.goal, 1))) for goal in goals]
    reached = db.session.execute(
        _playing(*counts).join(Standing, _STANDING).where(Participant.challenge_id == challenge.id)
    ).one()
    first_point, *steps = [goal._replace(people=count) for goal, count in zip(goals, reached, strict=True)]
    milestones = [rule for rule in challenge.definition.get("rules", ()) if rule["counts"] == "milestone"]
    if milestones:
        given = _milestones_given(challenge, [rule["id"] for rule in milestones])
        counted = select(given.c.rule, func.count()).join(Person, Person.id == given.c.person_id)
        having = {
            rule: count
            for rule, count in db.session.execute(counted.where(Person.suspended_at.is_(None)).group_by(given.c.rule))
        }
        steps = [
            FirstStep("milestone", rule["id"], rule["measure"], rule["at"], having.get(rule["id"], 0))
            for rule in milestones
        ] + steps
    return max(steps, key=lambda step: step.people) if steps else first_point


def _milestones_given(challenge: Challenge, rules: Sequence[str]) -> Subquery:
    """Who holds which milestone by the ledger: (person_id, rule); one that was taken back again is not held."""
    account = aliased(Account)
    signed = case((Entry.destination_id == account.id, Entry.amount), else_=-Entry.amount)
    return (
        select(account.person_id, Entry.rule)
        .join_from(Book, Entry, Entry.book_id == Book.id)
        .join(account, account.id.in_((Entry.destination_id, Entry.source_id)))
        .where(Book.name == challenge_book(challenge.code), Entry.rule.in_(rules), account.person_id.is_not(None))
        .group_by(account.person_id, Entry.rule)
        .having(func.sum(signed) > 0)
        .subquery("given")
    )


def _has_reached(challenge: Challenge, step: FirstStep) -> ColumnElement[bool]:
    if step.kind == "milestone":
        given = _milestones_given(challenge, [step.name])
        return Participant.person_id.in_(select(given.c.person_id))
    return exists().where(_STANDING, Standing.points >= step.goal)


# --- segments --------------------------------------------------------------------------------------------------------


def segment(challenge: Challenge, name: str, step: FirstStep | None = None) -> Select[tuple[int]]:
    """The ids of a challenge's people in a segment of SEGMENTS; `step` is its first step where it is known already."""
    people = _playing(Participant.person_id).where(Participant.challenge_id == challenge.id)
    if name == "declared":
        return people.where(exists().where(_STANDING))
    if name == "not_declared":
        return people.where(~exists().where(_STANDING))
    if name == "below_first_step":
        return people.where(~_has_reached(challenge, step or first_step(challenge)))
    if name == "waiting":
        told = current_revisions(Declaration.person_id).where(Declaration.status == "in_review", _falls_in(challenge))
        return people.where(Participant.person_id.in_(told))
    if name != "everyone":
        raise KeyError(name)
    return people


class Size(NamedTuple):
    """How many people a segment holds, and how many of them have an address to write to."""

    people: int
    mails: int


def segment_sizes(challenge: Challenge, step: FirstStep) -> dict[str, Size]:
    """How many people each segment holds now. One statement."""
    parts = [
        select(literal(name), func.count(), func.count(Person.email)).where(
            Person.id.in_(segment(challenge, name, step))
        )
        for name in SEGMENTS
    ]
    return {name: Size(people, mails) for name, people, mails in db.session.execute(union_all(*parts))}


@dataclass(frozen=True)
class Silent:
    """Somebody who has not declared yet."""

    code: str
    name: str
    outlet: str
    city: str
    league: str


def silent(challenge: Challenge, *, league: str = "", region: str = "") -> Select[Any]:
    """Who has not declared yet, outlet by outlet (rows for `Silent`), in a league and a region when they are given."""
    found = (
        _playing(Person.code, Person.name, Outlet.name, Outlet.city, Participant.league)
        .join(Outlet, Outlet.id == Participant.outlet_id)
        .where(Participant.challenge_id == challenge.id, ~exists().where(_STANDING))
        .order_by(Outlet.name, Outlet.id, Person.name, Person.id)
    )
    if league:
        found = found.where(Participant.league == league)
    return found.where(Outlet.region == region) if region else found


def accepted_by(challenge: Challenge, version: int) -> int:
    """How many of those who take part have accepted a version of the rules."""
    accepted = _playing(func.count()).join(
        Acceptance,
        and_(Acceptance.challenge_id == Participant.challenge_id, Acceptance.person_id == Participant.person_id),
    )
    return (
        db.session.scalar(accepted.where(Participant.challenge_id == challenge.id, Acceptance.version == version)) or 0
    )
