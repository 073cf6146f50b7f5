"""Challenges, the frozen versions of their rules, and who takes part."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import JSON, CheckConstraint, Date, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base, Instant, code_type

STATES = ("draft", "published", "running", "closing", "reviewing", "closed", "cancelled")
OPEN_STATES = ("published", "running", "closing", "reviewing")
CHANGING = ("published", "running")  # while rules and dates may still change
AMENDMENTS = ("rules", "extension", "early_close")


class Challenge(Base):
    """A period, an audience, rules and payouts.

    `definition` is the whole challenge as in its file (JSON); the columns beside it are what selects and jobs need.
    Instants are UTC; `starts_on` and `ends_on` are dates in `timezone`, both included.
    """

    __tablename__ = "challenges"
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(code_type(60), unique=True)
    state: Mapped[str] = mapped_column(String(12))
    definition: Mapped[dict[str, Any]] = mapped_column(JSON)
    timezone: Mapped[str] = mapped_column(String(60))
    starts_on: Mapped[date] = mapped_column(Date)
    ends_on: Mapped[date] = mapped_column(Date)
    declare_until: Mapped[datetime] = mapped_column(Instant)
    review_until: Mapped[datetime] = mapped_column(Instant)
    ranks: Mapped[str] = mapped_column(String(10))
    rank_by: Mapped[str] = mapped_column(String(10))
    tie_break: Mapped[str] = mapped_column(String(10))
    has_objective: Mapped[bool]
    measure: Mapped[str] = mapped_column(String(12))
    freeze_board_on: Mapped[date | None] = mapped_column(Date)
    created_at: Mapped[datetime] = mapped_column(Instant)
    published_at: Mapped[datetime | None] = mapped_column(Instant)
    __table_args__ = (
        CheckConstraint(f"state IN {STATES}", name="state"),
        CheckConstraint("starts_on <= ends_on", name="period"),
        Index(None, "state", "starts_on"),
        Index(None, "starts_on", "ends_on"),
    )

    @property
    def zone(self) -> ZoneInfo:
        """The challenge's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def is_open(self) -> bool:
        """Published and not yet closed or cancelled."""
        return self.state in OPEN_STATES

    def text(self, name: str, language: str) -> str:
        """`name` or `description` in a language, French where there is no other."""
        translated = (self.definition.get(language) or {}).get(name) if language != "fr" else None
        return translated or self.definition.get(name) or ""

    def title(self, language: str) -> str:
        """The challenge's name in a language."""
        return self.text("name", language)


class RulesVersion(Base):
    """Rules as frozen at publication or amendment: never edited. `hash` is the SHA-256 of the canonical JSON."""

    __tablename__ = "rules_versions"
    id: Mapped[int] = mapped_column(primary_key=True)
    challenge_id: Mapped[int] = mapped_column(ForeignKey("challenges.id"))
    number: Mapped[int]
    starts_on: Mapped[date] = mapped_column(Date)
    definition: Mapped[dict[str, Any]] = mapped_column(JSON)
    hash: Mapped[str] = mapped_column(String(64))
    frozen_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (UniqueConstraint("challenge_id", "number"),)


class Participant(Base):
    """A person in a challenge's audience, with what was fixed on entering: outlet, league, target."""

    __tablename__ = "participants"
    challenge_id: Mapped[int] = mapped_column(ForeignKey("challenges.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    outlet_id: Mapped[int] = mapped_column(ForeignKey("outlets.id"))
    league: Mapped[str] = mapped_column(code_type(100))
    target: Mapped[int]
    entered_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (
        CheckConstraint("target >= 1", name="target"),
        Index(None, "person_id", "challenge_id"),
        Index(None, "challenge_id", "outlet_id"),
    )


class PersonalTarget(Base):
    """A target uploaded for a person, before or after it enters the challenge."""

    __tablename__ = "personal_targets"
    challenge_id: Mapped[int] = mapped_column(ForeignKey("challenges.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    target: Mapped[int]


class Cancellation(Base):
    """Why a challenge was called off, by whom and when: there is one row, or it was not."""

    __tablename__ = "cancellations"
    challenge_id: Mapped[int] = mapped_column(ForeignKey("challenges.id"), primary_key=True)
    cancelled_at: Mapped[datetime] = mapped_column(Instant)
    cancelled_by: Mapped[str] = mapped_column(code_type())
    reason: Mapped[str] = mapped_column(String(500))


class Draft(Base):
    """A challenge being written in the studio: the values of its file as far as they are known, right or wrong.

    `challenge_id` is the draft challenge that the last complete content was stored as; None while there has been none.
    `revision` grows with every change: who saves says which one it read, so that nobody overwrites what they have not
    seen.
    """

    __tablename__ = "drafts"
    id: Mapped[int] = mapped_column(primary_key=True)
    challenge_id: Mapped[int | None] = mapped_column(ForeignKey("challenges.id"), unique=True)
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    revision: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(Instant)
    created_by: Mapped[str] = mapped_column(code_type())
    changed_at: Mapped[datetime] = mapped_column(Instant)
    changed_by: Mapped[str] = mapped_column(code_type())
    __table_args__ = (Index(None, "changed_at"),)


class Amendment(Base):
    """Why a published challenge was given another version of its rules: told to its participants, never edited.

    `kind` is "rules", "extension" or "early_close"; `notice` is what participants read.
    """

    __tablename__ = "amendments"
    challenge_id: Mapped[int] = mapped_column(ForeignKey("challenges.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    notice: Mapped[str] = mapped_column(String(1000))
    decided_at: Mapped[datetime] = mapped_column(Instant)
    decided_by: Mapped[str] = mapped_column(code_type())
    __table_args__ = (CheckConstraint(f"kind IN {AMENDMENTS}", name="kind"),)


class Acceptance(Base):
    """A participant's acceptance of one version of the rules: never edited. `rules_hash` is what was accepted."""

    __tablename__ = "acceptances"
    challenge_id: Mapped[int] = mapped_column(ForeignKey("challenges.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    rules_hash: Mapped[str] = mapped_column(String(64))
    accepted_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (Index(None, "person_id"),)


class Announcement(Base):
    """What an animator wrote to a segment of a challenge's people, and how many received it."""

    __tablename__ = "announcements"
    id: Mapped[int] = mapped_column(primary_key=True)
    challenge_id: Mapped[int] = mapped_column(ForeignKey("challenges.id"))
    segment: Mapped[str] = mapped_column(String(20))
    subject: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(String(2000))
    people: Mapped[int]
    sent_at: Mapped[datetime] = mapped_column(Instant)
    sent_by: Mapped[str] = mapped_column(code_type())
    __table_args__ = (Index(None, "challenge_id", "sent_at"),)


class Draw(Base):
    """The secret of a challenge's draw: `commitment`, the SHA-256 of `seed`, is public from publication on; the seed
    itself is told by the certificate."""

    __tablename__ = "draws"
    challenge_id: Mapped[int] = mapped_column(ForeignKey("challenges.id"), primary_key=True)
    seed: Mapped[str] = mapped_column(String(64))
    commitment: Mapped[str] = mapped_column(String(64))


class LegalParameter(Base):
    """A figure of the law as it was known on a day (challenges/law.py). Rows are never edited, by triggers: another
    figure for the same `valid_from` is a later row, so that the table is its own history.

    `value` is text in `unit`; `valid_to` None means until another one follows; `confirmed` False is shown as "to be
    confirmed by counsel".
    """

    __tablename__ = "legal_parameters"
    id: Mapped[int] = mapped_column(primary_key=True)
    country: Mapped[str] = mapped_column(code_type(2))
    name: Mapped[str] = mapped_column(code_type(60))
    value: Mapped[str] = mapped_column(String(100))
    unit: Mapped[str] = mapped_column(String(20))
    valid_from: Mapped[date] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)
    source: Mapped[str] = mapped_column(String(300))
    verified_by: Mapped[str] = mapped_column(String(200))
    verified_on: Mapped[date | None] = mapped_column(Date)
    confirmed: Mapped[bool]
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    recorded_by: Mapped[str] = mapped_column(code_type())
    __table_args__ = (
        CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name="validity"),
        Index(None, "country", "name", "valid_from"),
    )
