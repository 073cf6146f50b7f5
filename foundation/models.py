"""Tables without a business word: what happened, what is to be sent, who runs the clock, programme settings."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base, Instant, code_type

BigId = BigInteger().with_variant(Integer, "sqlite")


class AuditEntry(Base):
    """One act and its author. The database refuses to change or delete it."""

    __tablename__ = "audit_entries"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    by: Mapped[str] = mapped_column(code_type())
    act: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(code_type(200))
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    __table_args__ = (Index(None, "subject", "id"), Index(None, "at"))


class OutboxMessage(Base):
    """A message to be delivered after the transaction that caused it. `timezone` is where its recipient lives, when
    that is not the programme's zone: quiet hours are theirs."""

    __tablename__ = "outbox_messages"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    recipient: Mapped[str] = mapped_column(String(254))
    subject: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    html: Mapped[str | None] = mapped_column(Text)
    urgent: Mapped[bool]
    queued_at: Mapped[datetime] = mapped_column(Instant)
    not_before: Mapped[datetime] = mapped_column(Instant)
    sent_at: Mapped[datetime | None] = mapped_column(Instant)
    attempts: Mapped[int] = mapped_column(default=0)
    timezone: Mapped[str | None] = mapped_column(String(60))
    __table_args__ = (Index(None, "sent_at", "not_before"),)


class Lease(Base):
    """Who holds a named duty, and until when (SQLite; PostgreSQL uses advisory locks)."""

    __tablename__ = "leases"
    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    holder: Mapped[str] = mapped_column(String(80))
    until: Mapped[datetime] = mapped_column(Instant)


class JobRun(Base):
    """When a job of the schedule last finished, and how."""

    __tablename__ = "job_runs"
    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    finished_at: Mapped[datetime] = mapped_column(Instant)
    outcome: Mapped[str] = mapped_column(Text)


class ProgrammeSetting(Base):
    """One choice of the brand for its programme; absent means the default of foundation/programme.py."""

    __tablename__ = "programme_settings"
    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[Any] = mapped_column(JSON)
