"""Keeping standings: in the ledger's transaction, at the end of a day, at the end of a challenge."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import delete, func, insert, literal, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from challenges.models import Challenge
from foundation import clock
from foundation.database import db
from leaderboards.models import DailyRank, FinalStanding, Standing
from leaderboards.queries import ranked


class Total(NamedTuple):
    """A participant's total after a fold."""

    person_id: int
    points: int
    expected_points: int
    measure: int
    reached_at: datetime | None


def set_standings(challenge_id: int, totals: Sequence[Total]) -> None:
    """Write the totals of some participants of a challenge, new or changed."""
    if not totals:
        return
    insert_new = postgresql_insert if db.engine.dialect.name == "postgresql" else sqlite_insert
    statement = insert_new(Standing.__table__)  # type: ignore[arg-type]
    new = statement.excluded
    upsert = statement.on_conflict_do_update(
        index_elements=["challenge_id", "person_id"],
        set_={
            "points": new.points,
            "expected_points": new.expected_points,
            "measure": new.measure,
            "reached_at": new.reached_at,
        },
    )
    rows = [{"challenge_id": challenge_id} | total._asdict() for total in totals]
    db.session.connection().execute(upsert, rows)


def freeze(challenge: Challenge) -> None:
    """Copy the board as it stands into the final standings, in one statement."""
    lines = ranked(challenge).c
    columns = [
        "challenge_id", "competitor", "person_id", "outlet_id", "league", "rank", "name", "points", "progress_bp",
        "reached_at",
    ]  # fmt: skip
    final = select(
        literal(challenge.id), lines.code, lines.person_id, lines.outlet_id, lines.league, lines.rank, lines.name,
        lines.points, lines.progress_bp, lines.reached_at,
    )  # fmt: skip
    db.session.execute(insert(FinalStanding).from_select(columns, final))


def remember_ranks(challenge: Challenge, day: date) -> int:
    """Keep everybody's rank at the end of `day`, once; answers how many were kept.

    A day already kept stays as it is, so that a late second call does not bring later ranks into it. Earlier days
    than the last two are let go, but for the one a frozen public board goes on showing.
    """
    kept = select(DailyRank.day).where(DailyRank.challenge_id == challenge.id, DailyRank.day >= day).limit(1)
    if db.session.scalar(kept) is not None:
        return 0
    lines = ranked(challenge).c
    ranks = select(literal(challenge.id), lines.code, literal(day, DailyRank.__table__.c.day.type), lines.rank)
    db.session.execute(insert(DailyRank).from_select(["challenge_id", "competitor", "day", "rank"], ranks))
    old = delete(DailyRank).where(DailyRank.challenge_id == challenge.id, DailyRank.day < clock.days_after(day, -1))
    if challenge.freeze_board_on is not None:
        old = old.where(DailyRank.day != clock.days_after(challenge.freeze_board_on, -1))
    db.session.execute(old)
    # PostgreSQL's driver does not tell how many rows such an insert wrote.
    written = select(func.count()).where(DailyRank.challenge_id == challenge.id, DailyRank.day == day)
    return db.session.scalar(written) or 0
