"""Which badges people have earned."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from badges.pictures import SYMBOLS
from badges.rules import BADGES, LEVELS, Counts, earned, week_streak

pytestmark = pytest.mark.any_engine


@pytest.mark.parametrize(
    ("counts", "codes"),
    [
        (Counts(), set()),
        (Counts(declarations=1), {"first-sale"}),
        (Counts(declarations=9), {"first-sale"}),
        (Counts(declarations=10), {"first-sale", "ten-sales"}),
        (Counts(declarations=1, feedbacks=1), {"first-sale", "first-feedback"}),
        (Counts(declarations=24, feedbacks=24), {"first-sale", "ten-sales", "first-feedback"}),
        (
            Counts(declarations=25, feedbacks=25),
            {"first-sale", "ten-sales", "first-feedback", "twenty-five-feedbacks"},
        ),
        (Counts(declarations=3, best_week_streak=3), {"first-sale"}),
        (Counts(declarations=4, best_week_streak=4), {"first-sale", "four-week-streak"}),
        (Counts(podiums=1), {"podium"}),
        (Counts(90, 40, 12, 2), {badge.code for badge in BADGES}),
    ],
)
def test_a_badge_is_earned_from_its_threshold_on(counts: Counts, codes: set[str]) -> None:
    assert earned(counts) == codes


@pytest.mark.parametrize(
    ("days", "weeks"),
    [
        ([], 0),
        (["2026-02-04"], 1),
        (["2026-02-02", "2026-02-08"], 1),  # Monday and Sunday of one week
        (["2026-02-08", "2026-02-09"], 2),  # Sunday, then Monday: two weeks
        (["2026-02-02", "2026-02-16"], 1),  # a week without a sale between them
        (["2026-01-05", "2026-01-13", "2026-01-25", "2026-01-26"], 4),
        (
            ["2020-12-21", "2020-12-31", "2021-01-03", "2021-01-04", "2021-01-11"],
            4,
        ),  # over the week 53 of 2020
        (["2026-01-26", "2026-01-05", "2026-01-13", "2026-01-25", "2025-06-01"], 4),  # in any order
    ],
)
def test_a_streak_counts_iso_weeks_in_a_row(days: list[str], weeks: int) -> None:
    assert week_streak(date.fromisoformat(day) for day in days) == weeks


def test_the_best_streak_counts_even_when_it_has_ended() -> None:
    start = date(2025, 3, 3)
    days = [start + timedelta(weeks=week) for week in (0, 1, 2, 3, 4, 9, 10, 30)]
    assert week_streak(days) == 5


def test_every_badge_has_its_own_code_a_level_and_a_symbol() -> None:
    assert len({badge.code for badge in BADGES}) == len(BADGES) == 6
    assert all(badge.level in LEVELS and badge.symbol in SYMBOLS for badge in BADGES)
