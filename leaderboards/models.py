"""Where each participant stands, day by day, and at the end."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base, Instant, code_type
from foundation.models import BigId


class Standing(Base):
    """A participant's total, kept in the same transaction as the ledger.

    `points`: challenge points; `expected_points`: points once everything in review is accepted; `measure`: the
    objective's measure (units, cents, declarations or points); `reached_at`: when the total was reached (game, §6).
    """

    __tablename__ = "standings"
    challenge_id: Mapped[int] = mapped_column(ForeignKey("challenges.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    points: Mapped[int] = mapped_column(BigId)
    expected_points: Mapped[int] = mapped_column(BigId)
    measure: Mapped[int] = mapped_column(BigId)
    reached_at: Mapped[datetime | None] = mapped_column(Instant)
    __table_args__ = (Index(None, "challenge_id", "points"),)


class FinalStanding(Base):
    """A line of the board as closing froze it. `competitor` is a person's code, or an outlet's where these compete."""

    __tablename__ = "final_standings"
    challenge_id: Mapped[int] = mapped_column(ForeignKey("challenges.id"), primary_key=True)
    competitor: Mapped[str] = mapped_column(code_type(), primary_key=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"), index=True)
    outlet_id: Mapped[int] = mapped_column(ForeignKey("outlets.id"))
    league: Mapped[str] = mapped_column(code_type(100))
    rank: Mapped[int]
    name: Mapped[str] = mapped_column(String(200))
    points: Mapped[int] = mapped_column(BigId)
    progress_bp: Mapped[int | None] = mapped_column(BigId)
    reached_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (Index(None, "challenge_id", "league", "rank"),)


class DailyRank(Base):
    """A competitor's rank at the end of a day, for "since yesterday"."""

    __tablename__ = "daily_ranks"
    challenge_id: Mapped[int] = mapped_column(ForeignKey("challenges.id"), primary_key=True)
    competitor: Mapped[str] = mapped_column(code_type(), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    rank: Mapped[int]
