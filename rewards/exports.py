"""What a closing gave, as a file."""

from __future__ import annotations

from typing import IO

from sqlalchemy import select

from challenges.models import Challenge
from foundation.database import db
from foundation.tables import write_table
from rewards.models import Award, Reward

AWARDS = ("payout", "kind", "person", "rank", "points", "reward", "wallet_points", "cost_cents", "status")


def export_awards(challenge: Challenge, target: IO[str]) -> int:
    """Write the awards of a closing by payout, league, rank, person; answers how many. Costs are in cents."""
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
            Award.status,
        )
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
