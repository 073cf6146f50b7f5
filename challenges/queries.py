"""Reads of challenges: who is in an audience, which challenges a sale may count in, what is due."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, case, func, literal, or_, select

from challenges.models import OPEN_STATES, Amendment, Challenge, Draft, Participant, Period, RulesVersion
from challenges.rules import LATE_ARRIVAL, Version, version_from
from foundation import clock
from foundation.database import db
from network.models import Outlet, Person

# Audience key in the file → column of the outlet.
AUDIENCE = {
    "kinds": Outlet.kind,
    "regions": Outlet.region,
    "countries": Outlet.country,
    "brands": Outlet.brands,
    "activity": Outlet.activity,
    "potential": Outlet.potential,
    "departments": Outlet.department,
    "outlets": Outlet.code,
}

# What `league_by` may name → column of the outlet.
LEAGUES = {
    "kind": Outlet.kind,
    "brands": Outlet.brands,
    "country": Outlet.country,
    "region": Outlet.region,
    "department": Outlet.department,
    "city": Outlet.city,
    "activity": Outlet.activity,
    "potential": Outlet.potential,
    "group": Outlet.group_code,
    "outlet": Outlet.code,
}


# What of a challenge scores, and so belongs to the day of the sale.
SCORING = ("rules", "cap_per_day", "cap_total")


def challenge_by_code(code: str) -> Challenge | None:
    """A challenge by its code."""
    return db.session.scalar(select(Challenge).where(Challenge.code == code))


def draft_by_id(draft_id: int | None = None, *, challenge_id: int | None = None) -> Draft | None:
    """A draft of the studio by its id, or by the challenge it is stored as."""
    wanted = Draft.id == draft_id if challenge_id is None else Draft.challenge_id == challenge_id
    return db.session.scalar(select(Draft).where(wanted))


def audience_select(definition: Mapping[str, Any]) -> Select[Any]:
    """Resellers in an audience: person id, outlet id, league ('' without leagues). Several keys together mean all."""
    league_by = definition.get("league_by")
    league = LEAGUES[league_by] if league_by else literal("")
    found = (
        select(Person.id, Outlet.id, league.label("league"))
        .join(Outlet, Outlet.id == Person.outlet_id)
        .where(Person.role == "reseller")
    )
    for key, values in (definition.get("audience") or {}).items():
        found = found.where(AUDIENCE[key].in_([values] if isinstance(values, str) else values))
    return found


def audience_size(definition: Mapping[str, Any]) -> int:
    """How many resellers an audience holds today."""
    return db.session.scalar(select(func.count()).select_from(audience_select(definition).subquery())) or 0


def versions(challenge_id: int) -> list[Version]:
    """The frozen rules of a challenge, by start."""
    rows = db.session.execute(
        select(RulesVersion.definition, RulesVersion.number, RulesVersion.starts_on)
        .where(RulesVersion.challenge_id == challenge_id)
        .order_by(RulesVersion.starts_on, RulesVersion.number)
    )
    return [version_from(row.definition, row.number, row.starts_on) for row in rows]


def latest_version(challenge_id: int) -> RulesVersion | None:
    """The last frozen version, None for a draft."""
    return db.session.scalar(
        select(RulesVersion)
        .where(RulesVersion.challenge_id == challenge_id)
        .order_by(RulesVersion.number.desc())
        .limit(1)
    )


def version_in_force(challenge_id: int, day: date) -> RulesVersion | None:
    """The frozen rules that hold for sales of a day: the last version that has started, else the first; None for a
    draft."""
    return db.session.scalar(
        select(RulesVersion)
        .where(RulesVersion.challenge_id == challenge_id)
        .order_by(
            case((RulesVersion.starts_on <= day, 0), else_=1),
            case((RulesVersion.starts_on <= day, RulesVersion.starts_on)).desc(),
            case((RulesVersion.starts_on <= day, RulesVersion.number)).desc(),
            RulesVersion.number,
        )
        .limit(1)
    )


def as_read(challenges: Sequence[Challenge], at: datetime) -> dict[int, dict[str, Any]]:
    """Challenges as their participants read them at an instant, by id: the rules and caps in force on that day (on the
    last one, once it is over), everything else as it was last decided. One statement."""
    found = {challenge.id: challenge.definition for challenge in challenges}
    amended = select(Amendment.challenge_id).where(Amendment.challenge_id.in_(found))
    rows = db.session.execute(
        select(RulesVersion.challenge_id, RulesVersion.starts_on, RulesVersion.definition)
        .where(RulesVersion.challenge_id.in_(amended))
        .order_by(RulesVersion.starts_on, RulesVersion.number)
    ).all()
    for challenge in challenges:
        day = min(clock.day_of(at, challenge.zone), challenge.ends_on)
        own = [row for row in rows if row.challenge_id == challenge.id]
        for row in [row for row in own if row.starts_on <= day][-1:] or own[:1]:
            found[challenge.id] = {key: value for key, value in challenge.definition.items() if key not in SCORING} | {
                key: row.definition[key] for key in SCORING if key in row.definition
            }
    return found


class Amended(NamedTuple):
    """A change of a published challenge, and the version that it froze."""

    amendment: Amendment
    version: RulesVersion


def amendments(challenge_id: int, *, limit: int = 20) -> list[Amended]:
    """What was changed since publication, newest first."""
    rows = db.session.execute(
        select(Amendment, RulesVersion)
        .join(
            RulesVersion,
            and_(RulesVersion.challenge_id == Amendment.challenge_id, RulesVersion.number == Amendment.version),
        )
        .where(Amendment.challenge_id == challenge_id)
        .order_by(Amendment.version.desc())
        .limit(limit)
    )
    return [Amended(*row) for row in rows]


def versions_of(challenge_id: int) -> Sequence[RulesVersion]:
    """Every frozen version of a challenge, in the order in which they hold."""
    return db.session.scalars(
        select(RulesVersion)
        .where(RulesVersion.challenge_id == challenge_id)
        .order_by(RulesVersion.starts_on, RulesVersion.number)
    ).all()


def open_challenges(first_day: date, last_day: date, *, lock: bool = False) -> Sequence[Challenge]:
    """Challenges not yet closed whose period touches these days, by id. `lock` holds off their closing meanwhile."""
    found = (
        select(Challenge)
        .where(Challenge.state.in_(OPEN_STATES), Challenge.starts_on <= last_day, Challenge.ends_on >= first_day)
        .order_by(Challenge.id)
    )
    if lock:
        found = found.with_for_update(read=True)
    return db.session.scalars(found).all()


def participant_count(challenge_id: int) -> int:
    """How many people take part."""
    mine = select(func.count()).select_from(Participant).where(Participant.challenge_id == challenge_id)
    return db.session.scalar(mine) or 0


def participants_among(challenge_id: int, people: Collection[int]) -> list[int]:
    """Which of these people take part, sorted."""
    return sorted(
        db.session.scalars(
            select(Participant.person_id).where(
                Participant.challenge_id == challenge_id, Participant.person_id.in_(people)
            )
        )
    )


def challenges_of(person: Person) -> Select[tuple[Challenge]]:
    """The challenges this person may see: those it takes part in, or all for staff; drafts only for staff."""
    if person.role in ("animator", "admin"):
        return select(Challenge)
    if person.role == "brand":
        return select(Challenge).where(Challenge.state != "draft")
    return (
        select(Challenge)
        .join(
            Participant,
            and_(Participant.challenge_id == Challenge.id, Participant.person_id == person.id),
        )
        .where(Challenge.state != "draft")
    )


def due_steps(at: datetime) -> list[tuple[int, str, str]]:
    """Challenges whose next plain step is due: (id, from state, to state), oldest end first.

    A date is compared in the challenge's own zone, so candidates are widened by a day and then tested exactly.
    """
    soon = clock.days_after(at.date(), 1)
    candidates = db.session.scalars(
        select(Challenge)
        .where(
            or_(
                and_(Challenge.state == "published", Challenge.starts_on <= soon),
                and_(Challenge.state == "running", Challenge.ends_on <= soon),
                and_(Challenge.state == "closing", Challenge.declare_until <= at - LATE_ARRIVAL),
            )
        )
        .order_by(Challenge.ends_on, Challenge.id)
    )
    return [(one.id, one.state, after) for one in candidates if (after := next_state(one, at)) is not None]


def next_state(challenge: Challenge, at: datetime) -> str | None:
    """The plain step that the calendar asks of a challenge at an instant; None when it stays."""
    if challenge.state == "published":
        return "running" if at >= clock.start_of_day(challenge.starts_on, challenge.zone) else None
    if challenge.state == "running":
        end = clock.start_of_day(clock.days_after(challenge.ends_on, 1), challenge.zone)
        return "closing" if at >= end else None
    return "reviewing" if at >= challenge.declare_until + LATE_ARRIVAL else None


def due_periods(at: datetime) -> list[int]:
    """Repeated challenges whose next period is to be published, the oldest first."""
    soon = clock.days_after(at.date(), 1)
    found = db.session.execute(
        select(Challenge, Period.next_on)
        .join(Period, Period.challenge_id == Challenge.id)
        .where(Period.next_on <= soon)
        .order_by(Period.next_on, Challenge.id)
    )
    return [one.id for one, day in found if day is not None and at >= clock.start_of_day(day, one.zone)]


def awaited_period(challenge_id: int) -> tuple[Challenge, date] | None:
    """Of the series a challenge belongs to: its newest period, and the day at whose beginning the next is published.

    None when none follows: it does not repeat, was stopped, has come to its end, or its newest period is cancelled.
    """
    series = select(Period.series_id).where(Period.challenge_id == challenge_id).scalar_subquery()
    row = db.session.execute(
        select(Challenge, Period.next_on)
        .join(Period, Period.challenge_id == Challenge.id)
        .where(Period.series_id == series, Period.next_on.is_not(None), Challenge.state != "cancelled")
    ).first()
    return (row[0], row[1]) if row is not None and row[1] is not None else None


def amended_definition(challenge_id: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a challenge was first published as, and as its rules were last amended, whatever became of its end."""
    kinds = select(Amendment.kind).where(
        Amendment.challenge_id == RulesVersion.challenge_id, Amendment.version == RulesVersion.number
    )
    found = db.session.scalars(
        select(RulesVersion.definition)
        .where(
            RulesVersion.challenge_id == challenge_id,
            or_(RulesVersion.number == 1, kinds.scalar_subquery() == "rules"),
        )
        .order_by(RulesVersion.number)
    ).all()
    return found[0], found[-1]


def closable(at: datetime) -> list[int]:
    """Challenges in review whose declaring time is over, oldest end first: candidates for closing."""
    return list(
        db.session.scalars(
            select(Challenge.id)
            .where(Challenge.state == "reviewing", Challenge.declare_until <= at - LATE_ARRIVAL)
            .order_by(Challenge.ends_on, Challenge.id)
        )
    )
