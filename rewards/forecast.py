"""What the payouts would cost if challenges closed now, with the standings of this moment: counted in the database.

It is the meaning of rewards/rules.py before the budget is looked at. A draw is counted as if all it can give were won.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import CTE, BigInteger, Select, and_, case, cast, false, func, literal, select, union_all
from sqlalchemy.sql import ColumnElement

from challenges.models import Challenge, Participant
from foundation.database import db
from foundation.programme import setting
from leaderboards.models import Standing
from leaderboards.queries import ranked
from network.models import Outlet, Person
from rewards.models import Award
from rewards.payouts import first_across
from rewards.queries import reward_costs


class Cost(NamedTuple):
    """What one payout (its place in the file, from 1) gives: how many gains, and what they cost in cents."""

    payout: int
    kind: str
    gains: int
    cents: int


@dataclass(frozen=True)
class Forecast:
    """What all payouts of a challenge come to, against its budget; both in cents, no budget is None."""

    costs: tuple[Cost, ...]
    budget_cents: int | None

    @property
    def cents(self) -> int:
        """What all of it would cost."""
        return sum(cost.cents for cost in self.costs)

    @property
    def percent(self) -> int | None:
        """How much of the budget that is, floored; None without a budget, 100 and more when it is burnt."""
        if self.budget_cents is None:
            return None
        return self.cents * 100 // self.budget_cents if self.budget_cents else 100

    @property
    def short_cents(self) -> int:
        """What the budget would not pay."""
        return max(0, self.cents - self.budget_cents) if self.budget_cents is not None else 0


def forecasts(challenges: Sequence[Challenge], *, ties: bool = True) -> dict[int, Forecast]:
    """The forecast of some challenges, by id; of a closed one, what its closing gave. At most four statements.

    Who shares the last place of a race is only known from every sale that counts: without `ties` such places are
    counted once, which spares that reading where many challenges are looked at.
    """
    point_cents = int(setting("wallet_point_cents"))
    payouts = {one.id: list(enumerate(one.definition.get("payouts", ()), 1)) for one in challenges}
    articles = {payout["reward"] for own in payouts.values() for _, payout in own if payout.get("reward")}
    costs = reward_costs(articles) if articles else {}
    counts = _live([one for one in challenges if one.state != "closed"], ties)
    counts |= _paid([one for one in challenges if one.state == "closed"])
    found = {}
    for one in challenges:
        own = []
        for number, payout in payouts[one.id]:
            gains, points = counts.get((one.id, number), (0, 0))
            article = payout.get("reward")
            each = costs.get(article, 0) if article else int(payout.get("wallet") or 0) * point_cents
            cents = points * point_cents if payout["kind"] == "convert" else gains * each
            own.append(Cost(number, payout["kind"], gains, cents))
        budget = one.definition.get("budget")
        found[one.id] = Forecast(tuple(own), None if budget is None else int(budget) * 100)
    return found


Counts = dict[tuple[int, int], tuple[int, int]]  # (challenge, payout) → gains, wallet points of a conversion


def _live(challenges: Sequence[Challenge], ties: bool) -> Counts:
    parts: list[Select[Any]] = []
    for challenge in challenges:
        lines = _lines(challenge)
        for number, payout in enumerate(challenge.definition.get("payouts", ()), 1):
            parts.append(_counted(challenge, number, payout, lines, ties))
    if not parts:
        return {}
    rows = db.session.execute(union_all(*parts))
    return {(challenge_id, number): (gains, int(points)) for challenge_id, number, gains, points in rows}


def _paid(challenges: Sequence[Challenge]) -> Counts:
    """What closings gave: articles by number, conversions by their points."""
    if not challenges:
        return {}
    rows = db.session.execute(
        select(Award.challenge_id, Award.payout, func.count(), func.coalesce(func.sum(Award.wallet_points), 0))
        .where(Award.challenge_id.in_([one.id for one in challenges]), Award.status == "granted")
        .group_by(Award.challenge_id, Award.payout)
    )
    return {(challenge_id, number): (gains, int(points)) for challenge_id, number, gains, points in rows}


def _lines(challenge: Challenge) -> CTE:
    """The board of this moment; `barred`: no individual reward reaches the people of health outlets (CSP L1453-3)."""
    lines = ranked(challenge).c
    barred: ColumnElement[bool] = Outlet.health if challenge.ranks == "person" else false()
    return (
        select(
            lines.code.label("competitor"), lines.person_id, lines.outlet_id, lines.rank, lines.points,
            lines.progress_bp, barred.label("barred"),
        )
        .join(Outlet, Outlet.id == lines.outlet_id)
        .cte(f"lines_{challenge.id}")
    )  # fmt: skip


def _counted(challenge: Challenge, number: int, payout: Mapping[str, Any], lines: CTE, ties: bool) -> Select[Any]:
    """How many gains a payout has, and for a conversion their points."""
    names = (literal(challenge.id), literal(number))
    kind, columns = payout["kind"], lines.c
    none = literal(0, BigInteger)
    if kind == "convert":
        points, taking_part = _converting(challenge, lines)
        wallet = cast(payout["into"] * (points // payout["every"]), BigInteger)
        return taking_part.with_only_columns(
            *names, func.count(case((wallet > 0, 1))), func.coalesce(func.sum(wallet), 0)
        )
    won: ColumnElement[bool]
    if kind == "rank":
        won = columns.rank.between(payout["from"], payout["to"])
    elif kind == "threshold":
        won = columns.points >= payout["points"]
    elif kind == "objective":
        won = columns.progress_bp >= 10_000
    elif kind == "race" and ties:
        won = columns.competitor.in_(select(first_across(challenge, payout, lines).c.competitor))
    else:
        least, most = (
            (payout["points"], payout["first"]) if kind == "race" else (payout["tickets_per"], payout["winners"])
        )
        holders = func.count(case((columns.points >= least, 1)))
        won_at_most = case((holders < most, holders), else_=most)
        return select(*names, won_at_most, none).where(~columns.barred)
    return select(*names, func.count(), none).where(won, ~columns.barred)


def _converting(challenge: Challenge, lines: CTE) -> tuple[ColumnElement[int], Select[Any]]:
    """Whose points are converted: the people of the board; where outlets compete, each person's own total."""
    if challenge.ranks == "person":
        return lines.c.points, select(lines.c.competitor).where(~lines.c.barred)
    people = (
        select(Person.id)
        .join_from(Participant, Person, Person.id == Participant.person_id)
        .join(Outlet, Outlet.id == Participant.outlet_id)
        .join(
            Standing,
            and_(Standing.challenge_id == Participant.challenge_id, Standing.person_id == Participant.person_id),
        )
        .where(
            Participant.challenge_id == challenge.id,
            Standing.points > 0,
            Person.suspended_at.is_(None),
            Outlet.health.is_(False),
        )
    )
    return Standing.points, people
