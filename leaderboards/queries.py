"""Ranks. One select computes them for the screen, the profile, the export and the payouts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Select, and_, case, cast, func, null, select
from sqlalchemy.sql import ColumnElement, Subquery

from challenges.models import Challenge, Participant
from foundation.database import db
from leaderboards.models import DailyRank, FinalStanding, Standing
from leaderboards.rules import neighbours
from network.models import Outlet, Person


@dataclass(frozen=True)
class Place:
    """A line of the board. `code` is the competitor's; `rank` is within `league`; `moved` is places won since
    yesterday (None when there is no yesterday)."""

    league: str
    rank: int
    code: str
    name: str
    nickname: str | None
    picture: str | None
    person_id: int | None
    outlet_id: int
    points: int
    progress_bp: int | None
    reached_at: datetime
    moved: int | None = None

    @property
    def display_name(self) -> str:
        """The name other participants see."""
        return self.nickname or self.name


def ranked(challenge: Challenge) -> Subquery:
    """The ranks of a challenge as it now stands, as a subquery with the columns of Place (without `moved`).

    People (or outlets) with 0 points, and suspended people, are not in it. Progress is in basis points, floored; a
    measure of value is in cents and its target in euros.
    """
    return _ranked_outlets(challenge) if challenge.ranks == "outlet" else _ranked_people(challenge)


def _progress(challenge: Challenge, measure: Any, target: Any) -> ColumnElement[Any]:
    if not challenge.has_objective:
        return cast(null(), BigInteger)
    scale = 100 if challenge.measure == "value" else 1
    # Both are positive integers, so the engines' integer division floors.
    return cast(measure, BigInteger) * 10_000 // (cast(target, BigInteger) * scale)


def _rank(challenge: Challenge, league: Any, points: Any, progress: Any, reached_at: Any) -> ColumnElement[int]:
    order = [progress.desc() if challenge.rank_by == "progress" else points.desc()]
    if challenge.tie_break == "earliest":
        order.append(reached_at.asc())
    return func.rank().over(partition_by=league, order_by=order)


def _ranked_people(challenge: Challenge) -> Subquery:
    totals = (
        select(
            Participant.league.label("league"),
            Person.code.label("code"),
            Person.name.label("name"),
            Person.nickname.label("nickname"),
            Person.picture.label("picture"),
            Person.id.label("person_id"),
            Participant.outlet_id.label("outlet_id"),
            Standing.points.label("points"),
            _progress(challenge, Standing.measure, Participant.target).label("progress_bp"),
            Standing.reached_at.label("reached_at"),
        )
        .join_from(
            Standing,
            Participant,
            and_(
                Participant.challenge_id == Standing.challenge_id, Participant.person_id == Standing.person_id
            ),
        )
        .join(Person, Person.id == Standing.person_id)
        .where(Standing.challenge_id == challenge.id, Standing.points > 0, Person.suspended_at.is_(None))
        .subquery("totals")
    )
    return _with_rank(challenge, totals)


def _ranked_outlets(challenge: Challenge) -> Subquery:
    # Every unsuspended participant's target counts, also of those who have declared nothing.
    points = func.sum(func.coalesce(Standing.points, 0))
    reached = func.max(case((Standing.points > 0, Standing.reached_at)))
    totals = (
        select(
            func.min(Participant.league).label("league"),
            Outlet.code.label("code"),
            Outlet.name.label("name"),
            cast(null(), Person.nickname.type).label("nickname"),
            cast(null(), Person.picture.type).label("picture"),
            cast(null(), Person.id.type).label("person_id"),
            Outlet.id.label("outlet_id"),
            cast(points, BigInteger).label("points"),
            _progress(
                challenge, func.sum(func.coalesce(Standing.measure, 0)), func.sum(Participant.target)
            ).label("progress_bp"),
            reached.label("reached_at"),
        )
        .join_from(Participant, Person, Person.id == Participant.person_id)
        .join(Outlet, Outlet.id == Participant.outlet_id)
        .outerjoin(
            Standing,
            and_(
                Standing.challenge_id == Participant.challenge_id, Standing.person_id == Participant.person_id
            ),
        )
        .where(Participant.challenge_id == challenge.id, Person.suspended_at.is_(None))
        .group_by(Outlet.id, Outlet.code, Outlet.name)
        .having(points > 0)
        .subquery("totals")
    )
    return _with_rank(challenge, totals)


def _with_rank(challenge: Challenge, totals: Subquery) -> Subquery:
    columns = totals.c
    rank = _rank(challenge, columns.league, columns.points, columns.progress_bp, columns.reached_at)
    return select(*columns, rank.label("rank")).subquery("ranked")


def _final(challenge: Challenge) -> Subquery:
    """The frozen board, in the same shape."""
    return (
        select(
            FinalStanding.league.label("league"),
            FinalStanding.competitor.label("code"),
            FinalStanding.name.label("name"),
            Person.nickname.label("nickname"),
            Person.picture.label("picture"),
            FinalStanding.person_id.label("person_id"),
            FinalStanding.outlet_id.label("outlet_id"),
            FinalStanding.points.label("points"),
            FinalStanding.progress_bp.label("progress_bp"),
            FinalStanding.reached_at.label("reached_at"),
            FinalStanding.rank.label("rank"),
        )
        .outerjoin_from(FinalStanding, Person, Person.id == FinalStanding.person_id)
        .where(FinalStanding.challenge_id == challenge.id)
        .subquery("ranked")
    )


def board(challenge: Challenge) -> Subquery:
    """The ranks to show: frozen by closing when there was one, else as they now stand."""
    return _final(challenge) if challenge.state == "closed" else ranked(challenge)


def standings_rows(challenge: Challenge) -> Select[Any]:
    """The standings export's columns, sorted by league, rank, person (code point order)."""
    lines = board(challenge).c
    return select(
        lines.league, lines.rank, lines.code, lines.name, lines.points, lines.progress_bp, lines.reached_at
    ).order_by(lines.league, lines.rank, lines.code)


@dataclass(frozen=True)
class Board:
    """A league's board for one reader: the `top`, my own place, and my neighbours (never only the bottom).

    `best` and `worst` bound my rank while declarations wait for review; None when nothing of it is in doubt.
    """

    league: str
    leagues: list[str]
    competitors: int
    top: list[Place]
    mine: Place | None
    around: list[Place]
    best: int | None = None
    worst: int | None = None


TOP = 10
WINDOW = 5


def leagues_of(challenge: Challenge) -> list[str]:
    """The leagues of a challenge, sorted; [''] when it has none."""
    found = db.session.scalars(
        select(Participant.league).where(Participant.challenge_id == challenge.id).distinct()
    )
    return sorted(found) or [""]


def own_league(challenge: Challenge, person: Person) -> Participant | None:
    """What was fixed for this person on entering the challenge; None when it does not take part."""
    return db.session.get(Participant, (challenge.id, person.id))


def place_of(challenge: Challenge, code: str) -> Place | None:
    """One competitor's place, None while it has no points."""
    lines = board(challenge)
    row = db.session.execute(select(lines).where(lines.c.code == code)).first()
    return _place(row) if row else None


def places_of_person(challenges: list[Challenge], person: Person) -> dict[int, Place]:
    """A person's places in a few challenges, keyed by challenge id (its outlet's where outlets compete)."""
    found = {}
    for challenge in challenges:
        place = place_of(challenge, competitor_code(challenge, person))
        if place is not None:
            found[challenge.id] = place
    return found


def competitor_code(challenge: Challenge, person: Person) -> str:
    """Under which code this person competes."""
    if challenge.ranks == "outlet" and person.outlet is not None:
        return person.outlet.code
    return person.code


def league_board(challenge: Challenge, league: str, mine: str | None, *, yesterday: date | None = None) -> Board:
    """The board of one league. `mine` is the reader's competitor code; movements are against `yesterday`."""
    lines = board(challenge)
    in_league = select(
        lines,
        func.count().over().label("competitors"),
        func.row_number().over(order_by=(lines.c.rank, lines.c.reached_at, lines.c.code)).label("position"),
    ).where(lines.c.league == league)
    numbered = in_league.subquery()
    my_position = select(numbered.c.position).where(numbered.c.code == (mine or "")).scalar_subquery()
    rows = db.session.execute(
        select(numbered, DailyRank.rank.label("rank_before"))
        .outerjoin(
            DailyRank,
            and_(
                DailyRank.challenge_id == challenge.id,
                DailyRank.competitor == numbered.c.code,
                DailyRank.day == (yesterday or date.min),
            ),
        )
        .where(
            (numbered.c.position <= TOP)
            | numbered.c.position.between(my_position - WINDOW, my_position + WINDOW)
        )
        .order_by(numbered.c.position)
    ).all()
    places = {row.position: _place(row) for row in rows}
    my_row = next((row for row in rows if row.code == mine), None)
    around: list[Place] = []
    if my_row is not None:
        around = [
            places[position + 1]
            for position in neighbours(my_row.competitors, my_row.position - 1, WINDOW)
            if position + 1 in places
        ]
    return Board(
        league=league,
        leagues=leagues_of(challenge),
        competitors=rows[0].competitors if rows else 0,
        top=[place for position, place in places.items() if position <= TOP],
        mine=places[my_row.position] if my_row is not None else None,
        around=around,
    )


def rank_range(challenge: Challenge, person: Person) -> tuple[int, int] | None:
    """(best, worst) rank this person can have once everything in review is settled, ranking people by points.

    Best: mine accepted, nobody else's; worst: nobody's of mine, everybody else's. None when nothing waits.
    """
    if challenge.ranks != "person" or challenge.rank_by != "points" or not challenge.is_open:
        return None
    mine = db.session.get(Standing, (challenge.id, person.id))
    participant = own_league(challenge, person)
    if mine is None or participant is None:
        return None
    others = (
        select(
            func.count(case((Standing.points > mine.expected_points, 1))),
            func.count(case((Standing.expected_points > mine.points, 1))),
            func.count(case((Standing.expected_points > Standing.points, 1))),
        )
        .join_from(
            Standing,
            Participant,
            and_(
                Participant.challenge_id == Standing.challenge_id, Participant.person_id == Standing.person_id
            ),
        )
        .join(Person, Person.id == Standing.person_id)
        .where(
            Standing.challenge_id == challenge.id,
            Standing.person_id != person.id,
            Participant.league == participant.league,
            Person.suspended_at.is_(None),
        )
    )
    better, could_pass, waiting = db.session.execute(others).one()
    if mine.expected_points == mine.points and not waiting:
        return None
    return 1 + better, 1 + could_pass


def _place(row: Any) -> Place:
    before = getattr(row, "rank_before", None)
    return Place(
        league=row.league, rank=row.rank, code=row.code, name=row.name, nickname=row.nickname, picture=row.picture,
        person_id=row.person_id, outlet_id=row.outlet_id, points=row.points, progress_bp=row.progress_bp,
        reached_at=row.reached_at, moved=None if before is None else before - row.rank,
    )  # fmt: skip


