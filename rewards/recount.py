"""A board and its awards put together from folds by the pure rules alone: what `verify` and a backtest share.

Nothing here reads or writes the ledger, standings or awards: people and what their folds came to in, a board out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from challenges.models import Challenge
from challenges.rules import Scored, Tally, fold_order, progress_bp
from foundation import clock
from leaderboards.rules import Competitor, ranks
from points.queries import Adjusted
from rewards.rules import Gain, Ranked, awards, standings_hash, standings_line


class Entrant(NamedTuple):
    """A participant as fixed on entering. `outlet` is its code; `name` and `outlet_name` are for showing only.

    `status` (of the person) and `kind` (of the outlet) are what a backtest says about costs and fairness.
    """

    person_id: int
    code: str
    outlet: str
    league: str
    target: int
    health: bool
    suspended: bool
    name: str = ""
    outlet_name: str = ""
    status: str = ""
    kind: str = ""


Step = tuple[tuple[datetime, datetime, str], int]  # fold order of a sale (or a manual bonus), points it gave


class Counted(NamedTuple):
    """What a fold came to. `climb` has the sales that gave points, kept only where a race asks for it."""

    points: int
    measure: int
    reached_at: datetime | None
    climb: Sequence[Step] = ()


class Line(NamedTuple):
    """A line of the board, as the standings export lists it; `code` is the competitor's."""

    league: str
    rank: int
    code: str
    name: str
    points: int
    progress_bp: int | None
    reached_at: datetime | None


class Money(NamedTuple):
    """What awards cost and how far the money goes, in cents; `costs` by code of article, no budget is None."""

    costs: Mapping[str, int]
    point_cents: int
    budget_cents: int | None
    policy: str


def counted(challenge: Challenge, scored: Iterable[Scored], tally: Tally, extra: Iterable[Adjusted] = ()) -> Counted:
    """Keep of a person's fold what the board and the payouts need; a manual bonus climbs at its own instant."""
    climb: list[Step] = []
    if _races(challenge):
        climb = [(fold_order(one.sale), one.points) for one in scored if one.points]
        climb += [((one.at, one.at, one.reference), one.points) for one in extra]
    return Counted(tally.points, tally.measure, tally.reached_at, climb)


def _races(challenge: Challenge) -> list[int]:
    return [payout["points"] for payout in challenge.definition.get("payouts", ()) if payout["kind"] == "race"]


def _competitor(challenge: Challenge, entrant: Entrant) -> str:
    return entrant.outlet if challenge.ranks == "outlet" else entrant.code


def board(challenge: Challenge, entrants: Iterable[Entrant], counts: Mapping[int, Counted]) -> list[Line]:
    """The board as the pure rules rank it, by league, rank, code. Every entrant has its count, by person id."""
    sums: dict[str, _Sum] = {}
    for entrant in entrants:
        if entrant.suspended:
            continue
        own = counts[entrant.person_id]
        code = _competitor(challenge, entrant)
        name = entrant.outlet_name if challenge.ranks == "outlet" else entrant.name
        before = sums.get(code) or _Sum(name, entrant.league, 0, 0, 0, None)
        reached_at = before.reached_at
        if own.points > 0 and own.reached_at is not None:
            reached_at = max(reached_at or own.reached_at, own.reached_at)
        sums[code] = _Sum(
            name, min(before.league, entrant.league), before.points + own.points, before.measure + own.measure,
            before.target + entrant.target, reached_at,
        )  # fmt: skip
    found = {code: one for code, one in sums.items() if one.points > 0}
    progress = {
        code: progress_bp(one.measure, one.target, challenge.measure) if challenge.has_objective else None
        for code, one in found.items()
    }
    placed = ranks(
        (
            Competitor(code, one.league, one.points, progress[code] or 0, one.reached_at)  # type: ignore[arg-type]
            for code, one in found.items()
        ),
        rank_by=challenge.rank_by,
        tie_break=challenge.tie_break,
    )
    lines = [
        Line(one.league, placed[code], code, one.name, one.points, progress[code], one.reached_at)
        for code, one in found.items()
    ]
    return sorted(lines, key=lambda line: line[:3])


class _Sum(NamedTuple):
    """What a competitor's people come to together."""

    name: str
    league: str
    points: int
    measure: int
    target: int
    reached_at: datetime | None


def hash_of(lines: Iterable[Line]) -> str:
    """The standings hash of a board, sorted as `board` gives it."""
    return standings_hash(
        standings_line(
            line.league, line.rank, line.code, line.points, line.progress_bp,
            clock.format_instant(line.reached_at) if line.reached_at is not None else "",
        )
        for line in lines
    )  # fmt: skip


def gains(
    challenge: Challenge,
    entrants: Sequence[Entrant],
    counts: Mapping[int, Counted],
    lines: Iterable[Line],
    money: Money,
    *,
    seed: str = "",
    hashed: str = "",
    held: Collection[str] = (),
    room: Mapping[str, int] | None = None,
) -> list[Gain]:
    """Everything the payouts give on a board, in order of payout, league, rank, code; `held` and `room` as in
    rules.awards.

    `seed` and `hashed` (the standings hash) decide a draw. Every article that is won has its cost in `money`.
    """
    crossed = _crossings(challenge, entrants, counts)
    places = [
        Ranked(line.code, line.league, line.rank, line.points, line.progress_bp, crossed.get(line.code, {}))
        for line in lines
    ]
    converting = places
    if challenge.ranks == "outlet":
        outlets = {one.code: one for one in places}
        converting = [
            Ranked(entrant.code, outlets[entrant.outlet].league, outlets[entrant.outlet].rank, own.points, None)
            for entrant in entrants
            if (own := counts[entrant.person_id]).points > 0 and not entrant.suspended
        ]
    return awards(
        challenge.definition.get("payouts", ()), places, converting,
        # No individual reward reaches the people of health outlets (CSP L1453-3).
        barred={entrant.code for entrant in entrants if entrant.health and not entrant.suspended},
        costs=money.costs, point_cents=money.point_cents, budget_cents=money.budget_cents, policy=money.policy,
        seed=seed, hashed=hashed, held=held, room=room,
    )  # fmt: skip


def _crossings(
    challenge: Challenge, entrants: Iterable[Entrant], counts: Mapping[int, Counted]
) -> dict[str, dict[int, datetime]]:
    """competitor → total of a race → when it was first reached, in the merged fold order of an outlet's people."""
    totals = _races(challenge)
    found: dict[str, dict[int, datetime]] = {}
    if not totals:
        return found
    climbs: dict[str, list[Step]] = {}
    for entrant in entrants:
        if not entrant.suspended:
            climbs.setdefault(_competitor(challenge, entrant), []).extend(counts[entrant.person_id].climb)
    for code, climb in climbs.items():
        total = 0
        for (declared_at, _received_at, _id), points in sorted(climb):
            before, total = total, total + points
            for goal in totals:
                if before < goal <= total:
                    found.setdefault(code, {})[goal] = declared_at
    return found
