"""Who stands where (docs/game/ranking.md). The meaning of leaderboards/queries.py, as a pure function."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple


class Competitor(NamedTuple):
    """What ranking looks at. `progress_bp` is ignored when ranking by points; `reached_at` breaks ties."""

    code: str
    league: str
    points: int
    progress_bp: int
    reached_at: datetime


def ranks(competitors: Iterable[Competitor], *, rank_by: str, tie_break: str) -> dict[str, int]:
    """Each competitor's rank in its league; a total of 0 points has none. Equals share, the next rank skips."""

    def place(one: Competitor) -> tuple[Any, ...]:
        value = one.points if rank_by == "points" else one.progress_bp
        return (-value, one.reached_at) if tie_break == "earliest" else (-value,)

    leagues: dict[str, list[Competitor]] = {}
    for one in competitors:
        if one.points > 0:
            leagues.setdefault(one.league, []).append(one)
    found: dict[str, int] = {}
    for members in leagues.values():
        members.sort(key=place)
        rank = 0
        for position, one in enumerate(members, 1):
            if position == 1 or place(one) != place(members[position - 2]):
                rank = position
            found[one.code] = rank
    return found


def neighbours(length: int, mine: int, window: int) -> range:
    """Positions (from 0) of a full window around mine: the fifth of five with a window of three sees 2, 3, 4."""
    size = min(window, length)
    first = max(0, min(mine - window // 2, length - size))
    return range(first, first + size)


def points_to_climb(mine: int, above: int, *, tie_break: str) -> int:
    """Points missing to the place above: to pass it where the earlier of equals is ahead, to share it otherwise."""
    return above - mine + (1 if tie_break == "earliest" else 0)


def measure_to_climb(mine: int, target: int, above_bp: int, *, tie_break: str) -> int:
    """Like points_to_climb where progress ranks: how much of the measure is missing to the progress `above_bp`.

    `mine` and `target` are in the same unit (cents for value); progress is floored, so the amount is rounded up.
    """
    wanted = above_bp + (1 if tie_break == "earliest" else 0)
    return -(-wanted * target // 10_000) - mine
