"""Ranks. One select computes them for the screen, the profile, the export and the payouts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Select, and_, case, cast, func, literal, null, or_, select, union_all
from sqlalchemy.orm import aliased
from sqlalchemy.sql import ColumnElement, Subquery

from challenges.models import Challenge, Participant
from foundation import clock
from foundation.database import Instant, db
from leaderboards.models import DailyRank, FinalStanding, Standing
from leaderboards.rules import neighbours
from network.models import Outlet, Person


@dataclass(frozen=True)
class Place:
    """A line of the board. `code` is the competitor's; `rank` is within `league`; `moved` is places won since
    yesterday (None when there is no yesterday); `tied` says that another shares the rank. A frozen public board tells
    no points and no instant (`reached_at` None)."""

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
    reached_at: datetime | None
    moved: int | None = None
    tied: bool = False

    @property
    def display_name(self) -> str:
        """The name other participants see."""
        return self.nickname or self.name


def ranked(challenge: Challenge) -> Subquery:
    """The ranks of a challenge as it now stands, as a subquery with the columns of Place (without `moved`).

    People (or outlets) with 0 points, and suspended people, are not in it. Progress is in basis points, floored; a
    measure of value is in cents and its target in euros.
    """
    return _with_rank(challenge, _totals(challenge).subquery("totals"))


class Supposed(NamedTuple):
    """What one participant's standing is supposed to be, in place of what it is."""

    person_id: int
    points: int
    measure: int
    reached_at: datetime | None


def _totals(challenge: Challenge, supposed: Supposed | None = None) -> Select[Any]:
    """What competes, with the totals that ranks are made of; with one standing as it is supposed to be."""
    return _outlets_totals(challenge, supposed) if challenge.ranks == "outlet" else _peoples_totals(challenge, supposed)


def _standing(supposed: Supposed | None) -> tuple[Any, Any, Any]:
    """Points, measure and instant of a standing."""
    columns = (Standing.points, Standing.measure, Standing.reached_at)
    if supposed is None:
        return columns
    theirs = Standing.person_id == supposed.person_id
    values = (supposed.points, supposed.measure, supposed.reached_at)
    points, measure, reached_at = (
        case((theirs, literal(value, column.type)), else_=column) for column, value in zip(columns, values, strict=True)
    )
    return points, measure, reached_at


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


def _peoples_totals(challenge: Challenge, supposed: Supposed | None) -> Select[Any]:
    points, measure, reached_at = _standing(supposed)
    return (
        select(
            Participant.league.label("league"),
            Person.code.label("code"),
            Person.name.label("name"),
            Person.nickname.label("nickname"),
            Person.picture.label("picture"),
            Person.id.label("person_id"),
            Participant.outlet_id.label("outlet_id"),
            points.label("points"),
            _progress(challenge, measure, Participant.target).label("progress_bp"),
            reached_at.label("reached_at"),
        )
        .join_from(
            Standing,
            Participant,
            and_(Participant.challenge_id == Standing.challenge_id, Participant.person_id == Standing.person_id),
        )
        .join(Person, Person.id == Standing.person_id)
        .where(Standing.challenge_id == challenge.id, points > 0, Person.suspended_at.is_(None))
    )


def _outlets_totals(challenge: Challenge, supposed: Supposed | None) -> Select[Any]:
    # Every unsuspended participant's target counts, also of those who have declared nothing.
    own_points, own_measure, own_reached_at = _standing(supposed)
    points = func.sum(func.coalesce(own_points, 0))
    reached = func.max(case((own_points > 0, own_reached_at)))
    return (
        select(
            func.min(Participant.league).label("league"),
            Outlet.code.label("code"),
            Outlet.name.label("name"),
            cast(null(), Person.nickname.type).label("nickname"),
            cast(null(), Person.picture.type).label("picture"),
            cast(null(), Person.id.type).label("person_id"),
            Outlet.id.label("outlet_id"),
            cast(points, BigInteger).label("points"),
            _progress(challenge, func.sum(func.coalesce(own_measure, 0)), func.sum(Participant.target)).label(
                "progress_bp"
            ),
            reached.label("reached_at"),
        )
        .join_from(Participant, Person, Person.id == Participant.person_id)
        .join(Outlet, Outlet.id == Participant.outlet_id)
        .outerjoin(
            Standing,
            and_(Standing.challenge_id == Participant.challenge_id, Standing.person_id == Participant.person_id),
        )
        .where(Participant.challenge_id == challenge.id, Person.suspended_at.is_(None))
        .group_by(Outlet.id, Outlet.code, Outlet.name)
        .having(points > 0)
    )


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


def frozen_day(challenge: Challenge, at: datetime) -> date | None:
    """The day whose final ranks people see while the public board is frozen; None when it is not."""
    if challenge.freeze_board_on is None or not challenge.is_open:
        return None
    if clock.day_of(at, challenge.zone) < challenge.freeze_board_on:
        return None
    return clock.days_after(challenge.freeze_board_on, -1)


def _as_remembered(challenge: Challenge, day: date) -> Subquery:
    """The ranks kept at the end of a day, in the same shape; points are not kept and are given as 0."""
    chosen = (DailyRank.challenge_id == challenge.id, DailyRank.day == day)
    rest = (
        literal(0, BigInteger).label("points"),
        cast(null(), BigInteger).label("progress_bp"),
        literal(None, Instant).label("reached_at"),
        DailyRank.rank.label("rank"),
    )
    if challenge.ranks == "outlet":
        entered = _outlet_leagues(challenge)
        return (
            select(
                entered.c.league, Outlet.code.label("code"), Outlet.name.label("name"),
                cast(null(), Person.nickname.type).label("nickname"),
                cast(null(), Person.picture.type).label("picture"),
                cast(null(), Person.id.type).label("person_id"), Outlet.id.label("outlet_id"), *rest,
            )
            .join_from(DailyRank, Outlet, Outlet.code == DailyRank.competitor)
            .join(entered, entered.c.outlet_id == Outlet.id)
            .where(*chosen)
            .subquery("ranked")
        )  # fmt: skip
    return (
        select(
            Participant.league.label("league"), Person.code.label("code"), Person.name.label("name"),
            Person.nickname.label("nickname"), Person.picture.label("picture"), Person.id.label("person_id"),
            Participant.outlet_id.label("outlet_id"), *rest,
        )
        .join_from(DailyRank, Person, Person.code == DailyRank.competitor)
        .join(
            Participant,
            and_(Participant.challenge_id == DailyRank.challenge_id, Participant.person_id == Person.id),
        )
        .where(*chosen, Person.suspended_at.is_(None))
        .subquery("ranked")
    )  # fmt: skip


def _outlet_leagues(challenge: Challenge) -> Subquery:
    """The league of each outlet that takes part."""
    return (
        select(Participant.outlet_id, func.min(Participant.league).label("league"))
        .where(Participant.challenge_id == challenge.id)
        .group_by(Participant.outlet_id)
        .subquery("entered")
    )


def standings_rows(challenge: Challenge) -> Select[*tuple[Any, ...]]:
    """The standings export's columns, sorted by league, rank, person (code point order)."""
    if challenge.state == "closed":
        final = FinalStanding
        frozen = select(
            final.league, final.rank, final.competitor.label("code"), final.name, final.points, final.progress_bp,
            final.reached_at,
        )  # fmt: skip
        return frozen.where(final.challenge_id == challenge.id).order_by(final.league, final.rank, final.competitor)
    lines = ranked(challenge).c
    return select(
        lines.league, lines.rank, lines.code, lines.name, lines.points, lines.progress_bp, lines.reached_at
    ).order_by(lines.league, lines.rank, lines.code)


@dataclass(frozen=True)
class Board:
    """A league's board for one reader: the `top`, my own place, and my neighbours (never only the bottom)."""

    league: str
    competitors: int
    top: list[Place]
    mine: Place | None
    around: list[Place]


TOP = 10
WINDOW = 5


def leagues_of(challenge: Challenge) -> list[str]:
    """The leagues of a challenge, sorted; [''] when it has none."""
    if not challenge.definition.get("league_by"):
        return [""]
    found = db.session.scalars(select(Participant.league).where(Participant.challenge_id == challenge.id).distinct())
    return sorted(found) or [""]


def interesting_first() -> tuple[Any, ...]:
    """An order of challenges for a reader: running, soonest end first; then being closed, to come, and over."""
    turn = case(
        {"running": 0, "closing": 1, "reviewing": 2, "published": 3, "closed": 4}, value=Challenge.state, else_=5
    )
    over = case((Challenge.state.in_(("closed", "cancelled")), Challenge.ends_on))
    return (turn, over.desc(), Challenge.ends_on, Challenge.id)


def own_league(challenge: Challenge, person: Person) -> Participant | None:
    """What was fixed for this person on entering the challenge; None when it does not take part."""
    return db.session.get(Participant, (challenge.id, person.id))


def place_of(challenge: Challenge, code: str) -> Place | None:
    """One competitor's place, None while it has no points."""
    lines = board(challenge)
    row = db.session.execute(select(lines).where(lines.c.code == code)).first()
    return _place(row) if row else None


def competitor_code(challenge: Challenge, person: Person) -> str:
    """Under which code this person competes: where outlets do, that of the outlet it entered with."""
    if challenge.ranks != "outlet":
        return person.code
    entered = own_league(challenge, person)
    outlet_id = entered.outlet_id if entered is not None else person.outlet_id
    if outlet_id is None:
        return ""
    if person.outlet is not None and person.outlet.id == outlet_id:
        return person.outlet.code
    return db.session.scalar(select(Outlet.code).where(Outlet.id == outlet_id)) or ""


def league_of(challenge: Challenge, person: Person) -> str | None:
    """The league in which this person (or its outlet) is ranked; None when it does not take part."""
    entered = own_league(challenge, person)
    if entered is None or challenge.ranks != "outlet":
        return entered.league if entered is not None else None
    return db.session.scalar(
        select(func.min(Participant.league)).where(
            Participant.challenge_id == challenge.id, Participant.outlet_id == entered.outlet_id
        )
    )


def _numbered(lines: Subquery) -> Select[Any]:
    """The lines of a board with `position` in their league, from 1, how many `competitors` it has, and how many are
    `sharing` the rank."""
    return select(
        lines,
        func.count().over(partition_by=lines.c.league).label("competitors"),
        func.count().over(partition_by=(lines.c.league, lines.c.rank)).label("sharing"),
        func.row_number()
        .over(partition_by=lines.c.league, order_by=(lines.c.rank, lines.c.reached_at, lines.c.code))
        .label("position"),
    )


def yesterday_of(challenge: Challenge, at: datetime) -> date:
    """The day before this instant, in the challenge's time zone."""
    return clock.days_after(clock.day_of(at, challenge.zone), -1)


@dataclass(frozen=True)
class Situation:
    """One competitor's place, among how many of its league, and the line of the next better rank (`above`; None for
    the first)."""

    place: Place
    competitors: int
    above: Place | None


def situations(competing: Sequence[tuple[Challenge, str]], *, at: datetime) -> dict[int, Situation]:
    """Where one competitor stands in each of a few challenges, by challenge id: one statement for all of them.

    `competing` pairs each challenge with the competitor's code there. While a public board is frozen the place is the
    one it shows.
    """
    parts = []
    for challenge, code in competing:
        day = frozen_day(challenge, at)
        lines = _numbered(_as_remembered(challenge, day) if day is not None else board(challenge)).cte(
            f"board_{challenge.id}"
        )
        better = lines.alias(f"better_{challenge.id}")
        before = aliased(DailyRank)
        parts.append(
            select(
                literal(challenge.id).label("challenge_id"),
                *lines.c,
                before.rank.label("rank_before"),
                *(column.label(f"above_{column.name}") for column in better.c),
            )
            .outerjoin_from(
                lines, better, and_(better.c.league == lines.c.league, better.c.position == lines.c.rank - 1)
            )
            .outerjoin(
                before,
                and_(
                    before.challenge_id == challenge.id,
                    before.competitor == lines.c.code,
                    before.day == yesterday_of(challenge, at),
                ),
            )
            .where(lines.c.code == code)
        )
    if not parts:
        return {}
    found = {}
    for row in db.session.execute(union_all(*parts)):
        above = None
        if row.above_code is not None:
            names = [name for name in row._fields if name.startswith("above_")]
            above = _place(SimpleNamespace(**{name.removeprefix("above_"): getattr(row, name) for name in names}))
        found[row.challenge_id] = Situation(_place(row), row.competitors, above)
    return found


def ranks_with_and_without(
    suppositions: Sequence[tuple[Challenge, Supposed]],
) -> dict[int, tuple[int | None, int | None]]:
    """The rank of a participant (of its outlet, where these compete) in each of a few challenges, by challenge id: as
    its standing is supposed to be, and as it is; None for no rank. One statement, which looks at nothing but those of
    the league that are ahead.

    >>> ranks_with_and_without([(challenge, Supposed(person_id, points_before, measure_before, reached_before))])
    {1: (12, 9)}
    """
    parts = []
    for challenge, supposed in suppositions:
        for turn, standing in enumerate((supposed, None)):
            name = f"{challenge.id}_{turn}"
            mine = (
                _totals(challenge, standing).where(_competes_for(challenge, supposed.person_id)).subquery(f"me_{name}")
            )
            other = _totals(challenge).subquery(f"other_{name}")
            ahead = (
                select(func.count())
                .select_from(other)
                .where(other.c.league == mine.c.league, other.c.code != mine.c.code, _ahead(challenge, other, mine))
                .scalar_subquery()
            )
            parts.append(select(literal(challenge.id), literal(turn), ahead + 1).select_from(mine))
    found: dict[int, list[int | None]] = {challenge.id: [None, None] for challenge, _ in suppositions}
    if parts:
        for challenge_id, turn, rank in db.session.execute(union_all(*parts)):
            found[challenge_id][turn] = rank
    return {challenge_id: (before, now) for challenge_id, (before, now) in found.items()}


def _competes_for(challenge: Challenge, person_id: int) -> ColumnElement[bool]:
    """Picks the competitor that a participant is, or belongs to, out of `_totals`."""
    if challenge.ranks != "outlet":
        return Standing.person_id == person_id
    entered = aliased(Participant)
    own = select(entered.outlet_id).where(entered.challenge_id == challenge.id, entered.person_id == person_id)
    return Participant.outlet_id == own.scalar_subquery()


def _ahead(challenge: Challenge, other: Subquery, mine: Subquery) -> ColumnElement[bool]:
    """Whether another competitor of the league ranks better than mine, in the order of `_rank`."""
    value = "progress_bp" if challenge.rank_by == "progress" else "points"
    more: ColumnElement[bool] = other.c[value] > mine.c[value]
    if challenge.tie_break != "earliest":
        return more
    return or_(more, and_(other.c[value] == mine.c[value], other.c.reached_at < mine.c.reached_at))


def league_board(
    challenge: Challenge, league: str, mine: str | None, *, yesterday: date | None = None, frozen: date | None = None
) -> Board:
    """The board of one league. `mine` is the reader's competitor code; movements are against `yesterday`.

    With `frozen` the board is the one of that day's end (see frozen_day), without points and movements.
    """
    lines = _as_remembered(challenge, frozen) if frozen is not None else board(challenge)
    numbered = _numbered(lines).where(lines.c.league == league).subquery("numbered")
    my_position = select(numbered.c.position).where(numbered.c.code == (mine or "")).scalar_subquery()
    rows = db.session.execute(
        _with_yesterday(challenge, numbered, None if frozen else yesterday)
        .where((numbered.c.position <= TOP) | numbered.c.position.between(my_position - WINDOW, my_position + WINDOW))
        .order_by(numbered.c.position)
    ).all()
    places = {row.position: _place(row) for row in rows}
    my_row = next((row for row in rows if row.code == mine), None)
    around: list[Place] = []
    if my_row is not None:
        around = [places[position + 1] for position in neighbours(my_row.competitors, my_row.position - 1, WINDOW)]
    return Board(
        league=league,
        competitors=rows[0].competitors if rows else 0,
        top=[place for position, place in places.items() if position <= TOP],
        mine=places[my_row.position] if my_row is not None else None,
        around=around,
    )


def league_lines(challenge: Challenge, league: str, *, yesterday: date | None = None) -> Select[Any]:
    """Every line of one league's board, best first, to be paged for those who animate (`place_from` shapes a row)."""
    lines = board(challenge)
    numbered = _numbered(lines).where(lines.c.league == league).subquery("numbered")
    return _with_yesterday(challenge, numbered, yesterday).order_by(numbered.c.position)


def _with_yesterday(challenge: Challenge, numbered: Subquery, yesterday: date | None) -> Select[Any]:
    return select(numbered, DailyRank.rank.label("rank_before")).outerjoin(
        DailyRank,
        and_(
            DailyRank.challenge_id == challenge.id,
            DailyRank.competitor == numbered.c.code,
            DailyRank.day == (yesterday or date.min),
        ),
    )


def rank_range(challenge: Challenge, person: Person) -> tuple[int, int] | None:
    """(best, worst) rank this person can have once everything in review is settled, ranking people by points.

    Best: mine accepted, nobody else's; worst: nobody's of mine, everybody else's, ties going against me when they
    may. None when nothing waits, or while this person has no rank at all.
    """
    if challenge.ranks != "person" or challenge.rank_by != "points" or not challenge.is_open:
        return None
    mine = db.session.get(Standing, (challenge.id, person.id))
    participant = own_league(challenge, person)
    if mine is None or participant is None or mine.points <= 0:
        return None
    most, least = max(mine.points, mine.expected_points), min(mine.points, mine.expected_points)
    # Caps may make a total fall when one more sale is accepted: bounds take the wider of the two.
    least_of_other = case((Standing.expected_points < Standing.points, Standing.expected_points), else_=Standing.points)
    most_of_other = case((Standing.expected_points > Standing.points, Standing.expected_points), else_=Standing.points)
    waits = Standing.expected_points != Standing.points
    stays_above: Any = least_of_other > most
    may_pass: Any = most_of_other > least
    if challenge.tie_break == "earliest":
        # With equal totals the earlier instant wins; whose total still changes may get an earlier one.
        settled = mine.points == mine.expected_points
        if settled:
            earlier = and_(Standing.points == most, Standing.reached_at < mine.reached_at)
            stays_above = or_(stays_above, and_(~waits, earlier))
            may_pass = or_(may_pass, and_(most_of_other == least, or_(waits, earlier)))
        else:
            may_pass = or_(may_pass, most_of_other == least)
    others = (
        select(func.count(case((stays_above, 1))), func.count(case((may_pass, 1))), func.count(case((waits, 1))))
        .join_from(
            Standing,
            Participant,
            and_(Participant.challenge_id == Standing.challenge_id, Participant.person_id == Standing.person_id),
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


def outlet_names(outlets: Collection[int]) -> dict[int, str]:
    """The names of some outlets, by id."""
    rows = db.session.execute(select(Outlet.id, Outlet.name).where(Outlet.id.in_(outlets)))
    return {row.id: row.name for row in rows}


def place_from(row: Any) -> Place:
    """A row of league_lines as a Place."""
    return _place(row)


def _place(row: Any) -> Place:
    before = getattr(row, "rank_before", None)
    return Place(
        league=row.league, rank=row.rank, code=row.code, name=row.name, nickname=row.nickname, picture=row.picture,
        person_id=row.person_id, outlet_id=row.outlet_id, points=row.points, progress_bp=row.progress_bp,
        reached_at=row.reached_at, moved=None if before is None else before - row.rank,
        tied=getattr(row, "sharing", 1) > 1,
    )  # fmt: skip
