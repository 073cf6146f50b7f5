"""The reward catalogue, closings and what they gave."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Date, ForeignKey, Index, SmallInteger, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base, Instant, code_type
from foundation.models import BigId

KINDS = ("gift", "voucher", "experience", "donation")
PROMISED = ("granted", "held")
RUN_STATES = ("waiting", "running", "done", "cancelled", "failed")


class Reward(Base):
    """An article of the reward catalogue. `countries` is a comma-separated list of ISO codes, '' for everywhere."""

    __tablename__ = "rewards"
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(code_type(60), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(12))
    cost_cents: Mapped[int]
    price_points: Mapped[int | None]
    stock: Mapped[int | None]
    limit_per_person: Mapped[int | None]
    countries: Mapped[str] = mapped_column(String(200))
    starts_on: Mapped[date | None] = mapped_column(Date)
    ends_on: Mapped[date | None] = mapped_column(Date)
    __table_args__ = (
        CheckConstraint(f"kind IN {KINDS}", name="kind"),
        CheckConstraint("cost_cents >= 0", name="cost"),
        Index(None, "price_points"),
    )


class Closure(Base):
    """A challenge's closing: there is one row, or the challenge is not closed."""

    __tablename__ = "closures"
    challenge_id: Mapped[int] = mapped_column(ForeignKey("challenges.id"), primary_key=True)
    closed_at: Mapped[datetime] = mapped_column(Instant)
    closed_by: Mapped[str] = mapped_column(code_type())
    standings_hash: Mapped[str] = mapped_column(String(64))
    certificate: Mapped[dict[str, Any]] = mapped_column(JSON)


class Award(Base):
    """One gain of a closing. `payout` is its place in the file, from 1; `status` is what the closing decided: granted,
    not_funded, held (no employer's agreement at that moment: see Release) or capped (beyond the yearly benefit).
    """

    __tablename__ = "awards"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    challenge_id: Mapped[int] = mapped_column(ForeignKey("challenges.id"))
    payout: Mapped[int] = mapped_column(SmallInteger)
    kind: Mapped[str] = mapped_column(String(12))
    league: Mapped[str] = mapped_column(code_type(100))
    competitor: Mapped[str] = mapped_column(code_type())
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    outlet_id: Mapped[int] = mapped_column(ForeignKey("outlets.id"))
    rank: Mapped[int]
    points: Mapped[int] = mapped_column(BigId)
    reward_id: Mapped[int | None] = mapped_column(ForeignKey("rewards.id"))
    wallet_points: Mapped[int] = mapped_column(BigId)
    cost_cents: Mapped[int] = mapped_column(BigId)
    status: Mapped[str] = mapped_column(String(12))
    __table_args__ = (
        UniqueConstraint("challenge_id", "payout", "competitor"),
        Index(None, "person_id"),
        Index(
            "ix_awards_held",
            "id",
            sqlite_where=text("status = 'held'"),
            postgresql_where=text("status = 'held'"),
        ),
    )


class Release(Base):
    """A held award that was given after all, once: `reason` is empty when the employer's agreement was back."""

    __tablename__ = "releases"
    award_id: Mapped[int] = mapped_column(ForeignKey("awards.id"), primary_key=True)
    released_at: Mapped[datetime] = mapped_column(Instant)
    released_by: Mapped[str] = mapped_column(code_type())
    reason: Mapped[str] = mapped_column(String(300))
    __table_args__ = (Index(None, "released_at"),)


class BacktestRun(Base):
    """A backtest asked for in the studio: up to three variants of a challenge over the same past days.

    `variants` are canonical definitions, each with a "label"; `results` one plain answer each, once done. `heard_at`
    moves while somebody works on it; a run that has fallen silent is begun anew by another.
    """

    __tablename__ = "backtest_runs"
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(code_type(60))
    variants: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    first_day: Mapped[date] = mapped_column(Date)
    last_day: Mapped[date] = mapped_column(Date)
    state: Mapped[str] = mapped_column(String(12))
    done: Mapped[int]
    total: Mapped[int]
    results: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON)
    failure: Mapped[str] = mapped_column(String(500))
    asked_at: Mapped[datetime] = mapped_column(Instant)
    asked_by: Mapped[str] = mapped_column(code_type())
    heard_at: Mapped[datetime] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
    __table_args__ = (
        CheckConstraint(f"state IN {RUN_STATES}", name="state"),
        Index(None, "code", "asked_at"),
        Index(None, "state", "heard_at"),
    )
