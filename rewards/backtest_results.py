"""A backtest's answer as plain values: what is stored once it is done, and what pages and the command show."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from rewards.backtest import Backtest
from rewards.recount import Line

SHOWN = 10
LEAGUES = 50


def plain(found: Backtest, label: str) -> dict[str, Any]:
    """The answer as JSON values; of the board the first ten of each league, of at most fifty leagues.

    Money in cents, shares in basis points, days as ISO text. `contribution_cents` is None when the figures of the law
    for `law_year` are not known. People and outlets are there by code alone: names are read when it is shown.
    """
    due = found.contribution
    return {
        "label": label,
        "code": found.code,
        "name": found.name,
        "first_day": found.first_day.isoformat(),
        "last_day": found.last_day.isoformat(),
        "shifted": found.shifted,
        "told": [day.isoformat() for day in found.told] if found.told is not None else None,
        "people": found.people,
        "active": found.active,
        "scoring": found.scoring,
        "declarations": found.declarations,
        "points": found.points,
        "first_step": found.first_step._asdict(),
        "first_step_bp": found.first_step_bp,
        "milestones": [step._asdict() for step in found.milestones],
        "used": [used._asdict() for used in found.used],
        "deciles": list(found.deciles),
        "top_tenth_bp": found.top_tenth_bp,
        "payouts": [paid._asdict() for paid in found.payouts],
        "cost_cents": found.cost_cents,
        "wanted_cents": found.wanted_cents,
        "budget_cents": found.budget_cents,
        "short": None if found.short is None else {
            "payout": found.short.payout, "kind": found.short.kind, "rank": found.short.rank, "code": found.short.code,
        },
        "law_year": found.law_year,
        "contribution_cents": None if due is None else due.due_cents,
        "contribution_people": None if due is None else due.people,
        "above_cents": None if due is None else due.above_cents,
        "above_people": None if due is None else due.above_people,
        "statuses": [one._asdict() for one in found.statuses],
        "standings": list(_standings(found.standings)),
        "tempted": [
            {"code": one.code, "points": one.points, "cut": one.cut, "boosted": one.boosted} for one in found.tempted
        ],
        "hints": [{"kind": hint.kind, **hint.values} for hint in found.hints],
    }  # fmt: skip


def _standings(lines: Iterable[Line]) -> Iterable[dict[str, Any]]:
    """The first of each league, and how many are ranked in it."""
    for place, (league, own) in enumerate(groupby(lines, key=lambda line: line.league)):
        if place == LEAGUES:
            return
        ranked = list(own)
        yield {
            "league": league,
            "ranked": len(ranked),
            "lines": [
                {
                    "rank": line.rank, "code": line.code, "points": line.points, "progress_bp": line.progress_bp,
                }
                for line in ranked[:SHOWN]
            ],
        }  # fmt: skip
