"""What a closing gave, and what a backtest foresees, as files; a backtest also as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy import case, select

from challenges.models import Challenge
from foundation import clock
from foundation.database import db
from foundation.tables import write_table
from leaderboards.exports import HEADER
from rewards.backtest import Backtest, Step
from rewards.backtest_results import plain
from rewards.backtest_words import contribution_in_words, hints_in_words
from rewards.models import Award, Release, Reward
from rewards.recount import Line
from rewards.rules import Gain
from rewards.status_words import after_backtest

AWARDS = ("payout", "kind", "person", "rank", "points", "reward", "wallet_points", "cost_cents", "status")
SHOWN = 10


def export_awards(challenge: Challenge, target: IO[str]) -> int:
    """Write the awards of a closing by payout, league, rank, person; answers how many. Costs are in cents.

    An award that was held and has been released is granted.
    """
    rows = db.session.execute(
        select(
            Award.payout,
            Award.kind,
            Award.competitor,
            Award.rank,
            Award.points,
            Reward.code,
            Award.wallet_points,
            Award.cost_cents,
            case((Release.award_id.is_not(None), "granted"), else_=Award.status),
        )
        .outerjoin(Release, Release.award_id == Award.id)
        .outerjoin(Reward, Reward.id == Award.reward_id)
        .where(Award.challenge_id == challenge.id)
        .order_by(Award.payout, Award.league, Award.rank, Award.competitor)
    ).all()
    write_table(
        target,
        AWARDS,
        (
            (payout, kind, person, rank, points, reward, "" if reward else wallet, cost, status)
            for payout, kind, person, rank, points, reward, wallet, cost, status in rows
        ),
    )
    return len(rows)


def write_backtest_standings(found: Backtest, target: str | Path | IO[str]) -> None:
    """Write who would stand where, in the columns and the order of `flask leaderboards export`."""
    write_table(target, HEADER, _standings(found.standings))


def write_backtest_awards(found: Backtest, target: str | Path | IO[str]) -> None:
    """Write who would win what, in the columns and the order of `flask rewards awards`."""
    write_table(target, AWARDS, _awards(found.awards))


def _standings(lines: Iterable[Line]) -> Iterator[Sequence[Any]]:
    yield from lines


def _awards(given: Iterable[Gain]) -> Iterator[Sequence[Any]]:
    for one in given:
        wallet = "" if one.reward else one.wallet_points
        yield one.payout, one.kind, one.code, one.rank, one.points, one.reward, wallet, one.cost_cents, one.status


def in_words(
    found: Backtest, league_by: str | None = None, *, standings: bool = True, awards: bool = True
) -> Iterator[str]:
    """The lines of a backtest: numbers first, then the first ten of each league and of each payout when asked for."""
    yield (
        f"{found.name} ({found.code}) on sales of {found.first_day} to {found.last_day}, "
        f"declared before {clock.format_instant(found.declare_until)}"
    )
    if found.shifted:
        yield f"Dates inside the file were moved by {found.shifted:+d} days."
    if found.is_empty:
        yield f"No declaration of this period counts among the {found.people} people of today's audience."
        if found.told is not None:
            yield f"Accepted sales are from {found.told[0]} to {found.told[1]}."
        else:
            yield "There are no accepted sales yet."
        return
    yield (
        f"{found.people} people, {found.active} with a sale that counts, {found.scoring} with points; "
        f"{found.declarations} declarations, {found.points} points"
    )
    yield f"First step: {_step(found.first_step)}, {_percent(found.first_step_bp)} of active people"
    for step in found.milestones:
        yield f"  {_step(step)}"
    yield "Points of active people, by tenths: " + " ".join(str(points) for points in found.deciles)
    if found.top_tenth_bp is not None:
        yield f"The first tenth of active people holds {_percent(found.top_tenth_bp)} of the points"
    for paid in found.payouts:
        yield (
            f"Payout {paid.payout} ({paid.kind}): {paid.granted} granted, {paid.not_funded} not funded, "
            f"{f'{paid.capped} beyond the yearly cap, ' if paid.capped else ''}"
            f"{paid.wallet_points} wallet points, {_euros(paid.cost_cents)}"
        )
    yield _cost(found)
    result = plain(found, found.name)
    yield from contribution_in_words(result)
    for line in after_backtest(result):
        yield f"{line.who}: {line.amount}. {line.law}"
    for advice in hints_in_words(result, league_by):
        yield f"Hint: {advice.text}"
    for one in found.tempted:
        yield (
            f"Caps and boosts: {one.code} {one.name}, {one.points} points, {one.cut} taken by caps, "
            f"{one.boosted} from boosts"
        )
    if standings:
        yield from _first("Standings", HEADER, found.standings, list(_standings(found.standings)), "league")
    if awards:
        yield from _first("Awards", AWARDS, found.awards, list(_awards(found.awards)), "payout")


def side_by_side(labels: Sequence[str], found: Sequence[Backtest]) -> Iterator[str]:
    """The main figures of several variants as a table, a column each."""
    rows: list[tuple[str, list[str]]] = [
        ("people", [str(one.people) for one in found]),
        ("active", [str(one.active) for one in found]),
        ("scoring", [str(one.scoring) for one in found]),
        ("declarations", [str(one.declarations) for one in found]),
        ("points", [str(one.points) for one in found]),
        ("first step", [_percent(one.first_step_bp) for one in found]),
        ("half have up to", [str(one.deciles[5]) if one.deciles else "" for one in found]),
        ("first tenth holds", ["" if one.top_tenth_bp is None else _percent(one.top_tenth_bp) for one in found]),
        ("cost", [_euros(one.cost_cents) for one in found]),
        ("contribution", [_due(one) for one in found]),
        ("budget", ["" if one.budget_cents is None else _euros(one.budget_cents) for one in found]),
        ("budget reached", ["" if one.budget_cents is None else "no" if one.short is None else "yes" for one in found]),
        ("hints", [str(len(one.hints)) for one in found]),
    ]
    table = [("", list(labels)), *rows]
    widths = [max(len(row[1][place]) for row in table) for place in range(len(found))]
    for title, cells in table:
        yield f"{title:<17}" + "".join(f"  {cell:>{width}}" for cell, width in zip(cells, widths, strict=True))


def _due(found: Backtest) -> str:
    return "unknown" if found.contribution is None else _euros(found.contribution.due_cents)


def _first(
    title: str, header: Sequence[str], items: Sequence[Any], rows: Sequence[Sequence[Any]], by: str
) -> Iterator[str]:
    seen: dict[Any, int] = {}
    yield f"{title}, the first {SHOWN} of each {by}: {','.join(header)}"
    for item, row in zip(items, rows, strict=True):
        place = getattr(item, by)
        seen[place] = seen.get(place, 0) + 1
        if seen[place] <= SHOWN:
            yield "  " + ",".join(_cell(cell) for cell in row)
    yield f"  {len(items)} in all"


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return clock.format_instant(value)
    return "" if value is None else str(value)


def _step(step: Step) -> str:
    if step.kind == "points":
        return f"the first point, reached by {step.people}"
    name = f"milestone {step.name}" if step.kind == "milestone" else f"payout {step.name}"
    return f"{name} ({step.at} {step.measure}), reached by {step.people}"


def _cost(found: Backtest) -> str:
    if found.budget_cents is None:
        return f"Cost: {_euros(found.cost_cents)}, without a budget"
    text = f"Cost: {_euros(found.cost_cents)} of a budget of {_euros(found.budget_cents)}"
    if found.short is None:
        return f"{text}, which is not reached"
    short = found.short
    return (
        f"{text}, which is reached: {_euros(found.wanted_cents)} would be needed; "
        f"the first not paid in full is {short.code}, payout {short.payout} ({short.kind}), rank {short.rank}"
    )


def _euros(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d} EUR"


def _percent(basis_points: int) -> str:
    return f"{basis_points // 100}.{basis_points % 100:02d} %"
