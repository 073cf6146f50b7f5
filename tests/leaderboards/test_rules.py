"""Ranks and windows of neighbours, case by case."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from leaderboards.rules import Competitor, measure_to_climb, neighbours, points_to_climb, ranks

pytestmark = pytest.mark.any_engine

START = datetime(2026, 1, 5, tzinfo=UTC)


def one(code: str, points: int, minutes: int = 0, league: str = "", progress: int = 0) -> Competitor:
    return Competitor(code, league, points, progress, START + timedelta(minutes=minutes))


CASES = {
    "the most points come first": (
        "points", "earliest", [one("A", 10), one("B", 30), one("C", 20)], {"B": 1, "C": 2, "A": 3},
    ),
    "among equals the earlier is ahead": (
        "points", "earliest", [one("A", 10, 5), one("B", 10, 3)], {"B": 1, "A": 2},
    ),
    "equal to the minute, the rank is shared": (
        "points", "earliest", [one("A", 10, 5), one("B", 10, 5), one("C", 9)], {"A": 1, "B": 1, "C": 3},
    ),
    "shared ties ignore who came first, and the next rank skips": (
        "points", "shared",
        [one("A", 30), one("B", 20, 1), one("C", 20, 9), one("D", 10)],
        {"A": 1, "B": 2, "C": 2, "D": 4},
    ),
    "everybody equal is everybody first": (
        "points", "shared", [one("A", 5), one("B", 5), one("C", 5)], {"A": 1, "B": 1, "C": 1},
    ),
    "a total of 0 has no rank": ("points", "earliest", [one("A", 0), one("B", 1)], {"B": 1}),
    "without points there is no rank whatever the progress": (
        "progress", "earliest", [one("A", 0, progress=90_000), one("B", 1, progress=10)], {"B": 1},
    ),
    "progress ranks before points": (
        "progress", "earliest", [one("A", 500, progress=4_000), one("B", 5, progress=4_001)], {"B": 1, "A": 2},
    ),
    "equal progress, the earlier is ahead, points do not matter": (
        "progress", "earliest", [one("A", 500, 9, progress=4_000), one("B", 5, 2, progress=4_000)], {"B": 1, "A": 2},
    ),
    "each league has its own ranks": (
        "points", "earliest",
        [one("A", 10, league="x"), one("B", 30, league="y"), one("C", 20, league="y"), one("D", 5, league="x")],
        {"A": 1, "D": 2, "B": 1, "C": 2},
    ),
    "nobody scored, nobody is ranked": ("points", "earliest", [one("A", 0)], {}),
}  # fmt: skip


@pytest.mark.parametrize(("rank_by", "tie_break", "competitors", "expected"), CASES.values(), ids=CASES)
def test_ranks(rank_by: str, tie_break: str, competitors: list[Competitor], expected: dict[str, int]) -> None:
    assert ranks(competitors, rank_by=rank_by, tie_break=tie_break) == expected
    assert ranks(reversed(competitors), rank_by=rank_by, tie_break=tie_break) == expected


WINDOWS = {
    "in the middle of many": (100, 49, 5, [47, 48, 49, 50, 51]),
    "the first sees those below": (100, 0, 5, [0, 1, 2, 3, 4]),
    "the second too": (100, 1, 5, [0, 1, 2, 3, 4]),
    "the fifth of five with a window of three sees 3, 4, 5": (5, 4, 3, [2, 3, 4]),
    "the last of many still sees a full window": (100, 99, 5, [95, 96, 97, 98, 99]),
    "fewer people than the window": (3, 1, 5, [0, 1, 2]),
    "alone": (1, 0, 5, [0]),
    "an even window leans upwards": (10, 5, 4, [3, 4, 5, 6]),
}


@pytest.mark.parametrize(("length", "mine", "window", "expected"), WINDOWS.values(), ids=WINDOWS)
def test_the_window_of_neighbours_is_always_full(length: int, mine: int, window: int, expected: list[int]) -> None:
    assert list(neighbours(length, mine, window)) == expected


@pytest.mark.parametrize("length", range(1, 9))
@pytest.mark.parametrize("window", range(1, 7))
def test_i_am_always_in_my_window(length: int, window: int) -> None:
    for mine in range(length):
        seen = neighbours(length, mine, window)
        assert mine in seen and len(seen) == min(window, length) and seen[0] >= 0 and seen[-1] < length


def test_missing_points_pass_the_one_above_or_share_the_rank() -> None:
    assert points_to_climb(100, 155, tie_break="earliest") == 56
    assert points_to_climb(100, 155, tie_break="shared") == 55
    assert points_to_climb(100, 100, tie_break="earliest") == 1


@pytest.mark.parametrize(("target", "above"), [(50, 6_200), (7, 14_285), (3, 3_333), (1, 20_000), (9_999, 1)])
@pytest.mark.parametrize("tie_break", ["earliest", "shared"])
def test_the_missing_measure_is_enough_and_not_one_too_many(target: int, above: int, tie_break: str) -> None:
    missing = measure_to_climb(0, target, above, tie_break=tie_break)
    wanted = above + (tie_break == "earliest")
    assert missing * 10_000 // target >= wanted
    assert (missing - 1) * 10_000 // target < wanted
