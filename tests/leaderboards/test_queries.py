"""The ranking select: equal to the rules in prose, with boards, windows, bounds and movements around it."""

from __future__ import annotations

import contextlib
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from challenges.models import Challenge
from challenges.rules import progress_bp
from foundation.database import db
from foundation.transactions import transaction
from leaderboards.models import DailyRank, Standing
from leaderboards.operations import freeze, remember_ranks
from leaderboards.queries import (
    Supposed,
    board,
    competitor_code,
    frozen_day,
    league_board,
    rank_range,
    ranks_with_and_without,
    situations,
    standings_rows,
)
from leaderboards.rules import Competitor, ranks
from network.models import Person
from network.queries import person_by_code
from tests.leaderboards.boards import NOW, START, One, stand, write


def person(code: str) -> Person:
    found = person_by_code(code)
    assert found is not None
    return found


def ranks_in_sql(challenge: Challenge) -> dict[str, int]:
    lines = board(challenge).c
    return {row.code: row.rank for row in db.session.execute(db.select(lines.code, lines.rank))}


# --- the select means what the rules say ---------------------------------------------------------------------------

people = st.lists(
    st.builds(
        One,
        code=st.sampled_from("ABCDEFGHIJ"),
        points=st.integers(0, 4),
        reached=st.integers(0, 3),
        league=st.sampled_from(["", "bas", "haut"]),
        measure=st.integers(0, 5_000),
        target=st.integers(1, 40),
        outlet=st.sampled_from(["O1", "O2", "O3"]),
        expected=st.none(),
        suspended=st.booleans(),
        nickname=st.none(),
    ),
    max_size=10,
    unique_by=lambda one: one.code,
)


@pytest.mark.parametrize("ranks_of", ["person", "outlet"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    people=people,
    rank_by=st.sampled_from(["points", "progress"]),
    tie_break=st.sampled_from(["earliest", "shared"]),
    measure=st.sampled_from(["units", "value"]),
)
def test_the_select_equals_the_rules(
    app: Flask, ranks_of: str, people: list[One], rank_by: str, tie_break: str, measure: str
) -> None:
    if ranks_of == "outlet":
        people = [one._replace(league={"O1": "bas", "O2": "bas", "O3": "haut"}[one.outlet]) for one in people]
    expected = ranks(competitors(people, ranks_of, measure), rank_by=rank_by, tie_break=tie_break)
    with contextlib.suppress(Undo), transaction():
        challenge = write(
            people, ranks=ranks_of, rank_by=rank_by, tie_break=tie_break, has_objective=True, measure=measure
        )
        live = ranks_in_sql(challenge)
        freeze(challenge)
        challenge.state = "closed"
        db.session.flush()
        final = ranks_in_sql(challenge)
        raise Undo
    assert live == expected
    assert final == expected


@pytest.mark.parametrize("ranks_of", ["person", "outlet"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    people=people.filter(lambda people: any(not one.suspended for one in people)),
    rank_by=st.sampled_from(["points", "progress"]),
    tie_break=st.sampled_from(["earliest", "shared"]),
    points=st.integers(0, 4),
    measure=st.integers(0, 5_000),
    reached=st.integers(0, 3),
)
def test_the_rank_somebody_would_have_is_the_one_of_the_whole_board_with_that_standing(
    app: Flask, ranks_of: str, people: list[One], rank_by: str, tie_break: str, points: int, measure: int, reached: int
) -> None:
    if ranks_of == "outlet":
        people = [one._replace(league={"O1": "bas", "O2": "bas", "O3": "haut"}[one.outlet]) for one in people]
    mine = next(one for one in people if not one.suspended)
    otherwise = [
        one._replace(points=points, measure=measure, reached=reached) if one is mine else one for one in people
    ]
    code = mine.outlet if ranks_of == "outlet" else mine.code
    supposed, real = (
        ranks(competitors(board, ranks_of, "units"), rank_by=rank_by, tie_break=tie_break).get(code)
        for board in (otherwise, people)
    )
    with contextlib.suppress(Undo), transaction():
        challenge = write(people, ranks=ranks_of, rank_by=rank_by, tie_break=tie_break, has_objective=True)
        at = START + timedelta(minutes=reached) if points else None
        found = ranks_with_and_without([(challenge, Supposed(person(mine.code).id, points, measure, at))])
        raise Undo
    assert list(found.values()) == [(supposed, real)]


class Undo(Exception):
    """Leave the transaction without keeping what was written."""


def competitors(people: list[One], ranks_of: str, measure: str) -> list[Competitor]:
    """Who competes, as the rules look at them: unsuspended people, or their outlets."""
    present = [one for one in people if not one.suspended]
    if ranks_of == "outlet":
        codes = sorted({one.outlet for one in present})
        return [competing_outlet([one for one in present if one.outlet == code], measure) for code in codes]
    return [
        Competitor(
            one.code,
            one.league,
            one.points,
            progress_bp(one.measure, one.target, measure),
            START + timedelta(minutes=one.reached),
        )
        for one in present
    ]


def competing_outlet(team: list[One], measure: str) -> Competitor:
    """An outlet: points and measures of its people summed, the latest of their instants."""
    return Competitor(
        team[0].outlet,
        team[0].league,
        sum(one.points for one in team),
        progress_bp(sum(one.measure for one in team), sum(one.target for one in team), measure),
        max((START + timedelta(minutes=one.reached) for one in team if one.points), default=START),
    )


def test_ranks_close_up_behind_someone_suspended(app: Flask) -> None:
    challenge = stand([One("A", 30), One("B", 20, suspended=True), One("C", 10)])
    assert ranks_in_sql(challenge) == {"A": 1, "C": 2}


def test_the_frozen_board_stays_whatever_happens_to_standings_afterwards(app: Flask) -> None:
    challenge = stand([One("A", 30), One("B", 20)])
    with transaction():
        freeze(challenge)
        challenge.state = "closed"
    before = db.session.execute(standings_rows(challenge)).all()
    with transaction():
        db.session.execute(db.update(Standing).values(points=99))
    assert db.session.execute(standings_rows(challenge)).all() == before
    assert [tuple(row)[:5] for row in before] == [("", 1, "A", "Name A", 30), ("", 2, "B", "Name B", 20)]


# --- what one reader sees ------------------------------------------------------------------------------------------


def many(count: int, **changes: Any) -> list[One]:
    return [One(f"P{place:02}", 1_000 - place, **changes) for place in range(1, count + 1)]


@pytest.mark.parametrize(
    ("mine", "around"),
    [
        ("P01", ["P01", "P02", "P03", "P04", "P05"]),
        ("P13", ["P11", "P12", "P13", "P14", "P15"]),
        ("P29", ["P26", "P27", "P28", "P29", "P30"]),
        ("P30", ["P26", "P27", "P28", "P29", "P30"]),
    ],
)
def test_the_board_shows_the_top_and_a_full_window_around_me(app: Flask, mine: str, around: list[str]) -> None:
    challenge = stand(many(30))
    seen = league_board(challenge, "", mine)
    assert [place.code for place in seen.top] == [f"P{place:02}" for place in range(1, 11)]
    assert [place.code for place in seen.around] == around
    assert seen.mine is not None and seen.mine.code == mine
    assert seen.competitors == 30


def test_someone_without_points_sees_the_top_and_no_neighbours(app: Flask) -> None:
    challenge = stand([*many(12), One("ZERO", 0)])
    seen = league_board(challenge, "", "ZERO")
    assert (len(seen.top), seen.mine, seen.around, seen.competitors) == (10, None, [], 12)


def test_a_tie_is_shown_as_a_tie(app: Flask) -> None:
    challenge = stand([One("A", 30), One("B", 20), One("C", 20), One("D", 5)], tie_break="shared")
    seen = league_board(challenge, "", "D")
    assert [(place.code, place.rank, place.tied) for place in seen.top] == [
        ("A", 1, False), ("B", 2, True), ("C", 2, True), ("D", 4, False),
    ]  # fmt: skip


def test_movement_since_yesterday_counts_places_won(app: Flask) -> None:
    challenge = stand([One("A", 30), One("B", 20), One("C", 10)])
    yesterday = date(2026, 1, 19)
    with transaction():
        for code, rank in (("A", 3), ("B", 2)):
            db.session.add(DailyRank(challenge_id=challenge.id, competitor=code, day=yesterday, rank=rank))
    seen = league_board(challenge, "", "A", yesterday=yesterday)
    assert {place.code: place.moved for place in seen.top} == {"A": 2, "B": 0, "C": None}


def test_situations_tell_the_place_and_the_next_one_up_of_several_challenges_at_once(app: Flask) -> None:
    shared = stand([One("A", 30), One("B", 20), One("C", 20), One("D", 5)], tie_break="shared")
    with transaction():
        other = Challenge(
            **{
                column.name: getattr(shared, column.name)
                for column in Challenge.__table__.columns
                if column.name not in ("id", "code")
            },
            code="autre",
        )
        db.session.add(other)
    found = situations([(shared, "C"), (other, "C")], at=NOW)
    assert set(found) == {shared.id}
    assert (found[shared.id].place.rank, found[shared.id].competitors) == (2, 4)
    assert found[shared.id].above is not None and found[shared.id].above.code == "A"
    last = situations([(shared, "D")], at=NOW)[shared.id]
    assert last.above is not None and (last.above.rank, last.above.points) == (2, 20)
    assert situations([(shared, "A")], at=NOW)[shared.id].above is None


# --- while reviews wait --------------------------------------------------------------------------------------------

RANGES = {
    "nothing waits": ([One("ME", 20), One("A", 30)], None),
    "mine may take me up": ([One("ME", 20, expected=40), One("A", 30), One("B", 10)], (1, 2)),
    "others may pass me": ([One("ME", 20), One("A", 30), One("B", 10, expected=25)], (2, 3)),
    "both": ([One("ME", 20, expected=40), One("A", 30, expected=60), One("B", 10, expected=25)], (1, 3)),
    "someone new may come in above me": ([One("ME", 20), One("N", 0, expected=21)], (1, 2)),
    "what is too small changes nothing": ([One("ME", 20), One("A", 1, expected=2)], (1, 1)),
    "an equal who came first stays ahead": (
        [One("ME", 20, 5), One("A", 20, 1), One("B", 10, expected=30)], (2, 3),
    ),
    "an equal whose sale waits may turn out earlier": ([One("ME", 20, 5), One("B", 10, expected=20)], (1, 2)),
    "without points there is no rank to bound": ([One("ME", 0, expected=40), One("A", 30)], None),
    "suspended people do not matter": (
        [One("ME", 20), One("A", 10, expected=50, suspended=True)], None,
    ),
    "nor do other leagues": ([One("ME", 20), One("A", 10, expected=50, league="y")], None),
}  # fmt: skip


@pytest.mark.parametrize(("people", "expected"), RANGES.values(), ids=RANGES)
def test_my_range_while_reviews_wait(app: Flask, people: list[One], expected: tuple[int, int] | None) -> None:
    challenge = stand(people)
    assert rank_range(challenge, person("ME")) == expected


def test_shared_ties_do_not_push_me_down(app: Flask) -> None:
    challenge = stand([One("ME", 20), One("B", 10, expected=20)], tie_break="shared")
    assert rank_range(challenge, person("ME")) == (1, 1)


# --- the frozen public board ---------------------------------------------------------------------------------------


def test_ranks_of_a_day_are_kept_once_and_two_days_long(app: Flask) -> None:
    challenge = stand([One("A", 30), One("B", 20)])
    with transaction():
        assert remember_ranks(challenge, date(2026, 1, 18)) == 2
    with transaction():
        db.session.execute(db.update(Standing).where(Standing.points == 20).values(points=50))
        assert remember_ranks(challenge, date(2026, 1, 18)) == 0
    kept = db.session.execute(db.select(DailyRank.competitor, DailyRank.rank)).all()
    assert sorted(map(tuple, kept)) == [("A", 1), ("B", 2)]
    with transaction():
        remember_ranks(challenge, date(2026, 1, 19))
        remember_ranks(challenge, date(2026, 1, 20))
    days = set(db.session.scalars(db.select(DailyRank.day)))
    assert days == {date(2026, 1, 19), date(2026, 1, 20)}


def test_a_frozen_board_goes_on_showing_the_evening_before(app: Flask) -> None:
    challenge = stand([One("A", 30), One("B", 20), One("C", 0)], freeze_board_on=date(2026, 1, 19))
    assert frozen_day(challenge, NOW - timedelta(days=2)) is None
    frozen = frozen_day(challenge, NOW)
    assert frozen == date(2026, 1, 18)
    with transaction():
        remember_ranks(challenge, frozen)
    with transaction():
        db.session.execute(db.update(Standing).where(Standing.points == 20).values(points=50))
        for day in (19, 20, 21, 22):
            remember_ranks(challenge, date(2026, 1, day))
    seen = league_board(challenge, "", "B", frozen=frozen)
    assert [(place.code, place.rank, place.points, place.moved) for place in seen.top] == [
        ("A", 1, 0, None), ("B", 2, 0, None),
    ]  # fmt: skip
    assert situations([(challenge, "B")], at=NOW)[challenge.id].place.rank == 2
    assert [place.code for place in league_board(challenge, "", "B").top] == ["B", "A"]


def test_a_frozen_board_of_outlets_keeps_their_leagues(app: Flask) -> None:
    people = [One("A", 30, league="x"), One("B", 20, outlet="O2", league="y")]
    challenge = stand(people, ranks="outlet", freeze_board_on=date(2026, 1, 19))
    with transaction():
        remember_ranks(challenge, date(2026, 1, 18))
    seen = league_board(challenge, "y", "O2", frozen=date(2026, 1, 18))
    assert [(place.code, place.name, place.rank) for place in seen.top] == [("O2", "Outlet O2", 1)]


def test_a_person_competes_for_the_outlet_it_entered_with(app: Flask) -> None:
    challenge = stand([One("A", 30), One("B", 20, outlet="O2")], ranks="outlet")
    with transaction():
        person("A").outlet_id = person("B").outlet_id
    assert competitor_code(challenge, person("A")) == "O1"
