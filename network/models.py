"""People, their outlets, and how they prove who they are."""

from __future__ import annotations

from datetime import date, datetime

from flask_login import UserMixin
from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, String, Text, UniqueConstraint, false
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column, relationship

from foundation.database import Base, Instant, code_type
from foundation.models import BigId
from network.rules import initials

KINDS = ("distributor", "reseller", "franchisee", "vdi")
BRANDS = ("single", "multi")
LEVELS = ("low", "medium", "high")
ROLES = ("reseller", "animator", "brand", "admin")
STATUSES = ("employee", "independent", "vdi", "staff")


def _one_of(column: str, values: tuple[str, ...], *, empty: bool = False) -> CheckConstraint:
    allowed = ", ".join(f"'{value}'" for value in (("",) if empty else ()) + values)
    return CheckConstraint(f"{column} IN ({allowed})", name=column)


class Outlet(Base):
    """A point of sale. Text attributes are '' when unknown; `group_code` is its legal group (default: itself)."""

    __tablename__ = "outlets"
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(code_type(), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(code_type(20))
    brands: Mapped[str] = mapped_column(code_type(20))
    country: Mapped[str] = mapped_column(code_type(2))
    region: Mapped[str] = mapped_column(code_type(100))
    department: Mapped[str] = mapped_column(code_type(20))
    city: Mapped[str] = mapped_column(String(100))
    activity: Mapped[str] = mapped_column(code_type(20))
    potential: Mapped[str] = mapped_column(code_type(20))
    group_code: Mapped[str] = mapped_column(code_type())
    agreement_on: Mapped[date | None] = mapped_column(Date)
    health: Mapped[bool]
    __table_args__ = (
        _one_of("kind", KINDS),
        _one_of("brands", BRANDS, empty=True),
        _one_of("activity", LEVELS, empty=True),
        _one_of("potential", LEVELS, empty=True),
        Index(None, "region"),
        Index(None, "name"),
    )


class Person(Base, UserMixin):
    """Someone who signs in. `session_key` changes to sign out everywhere; `nickname` hides the name on boards."""

    __tablename__ = "people"
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(code_type(), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    email: Mapped[str | None] = mapped_column(String(254), unique=True)
    outlet_id: Mapped[int | None] = mapped_column(ForeignKey("outlets.id"), index=True)
    role: Mapped[str] = mapped_column(String(20))
    status: Mapped[str] = mapped_column(String(20))
    sponsor_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"), index=True)
    language: Mapped[str] = mapped_column(String(2))
    nickname: Mapped[str | None] = mapped_column(String(40))
    picture: Mapped[str | None] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(Instant)
    suspended_at: Mapped[datetime | None] = mapped_column(Instant)
    notice_accepted_at: Mapped[datetime | None] = mapped_column(Instant)
    session_key: Mapped[str] = mapped_column(String(32))

    outlet: Mapped[Outlet | None] = relationship(lazy="joined")
    __table_args__ = (_one_of("role", ROLES), _one_of("status", STATUSES), Index(None, "name"))

    def get_id(self) -> str:
        """What the session cookie holds: changing `session_key` ends every session of this person."""
        return f"{self.id}.{self.session_key}"

    @property
    def is_active(self) -> bool:
        """A suspended person is no longer let in."""
        return self.suspended_at is None

    @property
    def display_name(self) -> str:
        """The name shown to other participants."""
        return self.nickname or self.name

    @property
    def initials(self) -> str:
        """One or two capital letters for the avatar."""
        return initials(self.display_name)


class SignInCode(Base):
    """A six-digit code on its way to someone; only a keyed hash is kept. `ticket` ties it to one browser session."""

    __tablename__ = "sign_in_codes"
    id: Mapped[int] = mapped_column(primary_key=True)
    ticket: Mapped[str] = mapped_column(String(43), unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    code_hash: Mapped[str] = mapped_column(String(64))
    expires_at: Mapped[datetime] = mapped_column(Instant)
    tries: Mapped[int] = mapped_column(default=0)
    used_at: Mapped[datetime | None] = mapped_column(Instant)


class Invitation(Base):
    """A link, by mail or QR code, that lets a person in for the first time; only its hash is kept."""

    __tablename__ = "invitations"
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    used_at: Mapped[datetime | None] = mapped_column(Instant)


class ApiToken(Base):
    """A personal token for machines; only its SHA-256 is kept."""

    __tablename__ = "api_tokens"
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)

    person: Mapped[Person] = relationship(lazy="joined")


class Notice(Base):
    """A message inside the application to one person: `kind` groups them, `address` is the page it is about.

    `outward`: its person has asked to be told outside too, by push or mail, and that is still to be set off.
    """

    __tablename__ = "notices"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    kind: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(String(300))
    created_at: Mapped[datetime] = mapped_column(Instant)
    read_at: Mapped[datetime | None] = mapped_column(Instant)
    outward: Mapped[bool] = mapped_column(server_default=false())
    __table_args__ = (
        Index(None, "person_id", "read_at"),
        Index(None, "person_id", "created_at"),
        Index("ix_notices_outward", "id", sqlite_where=sql("outward = 1"), postgresql_where=sql("outward")),
    )


class Device(Base):
    """A browser that takes pushes for the person who last asked for them on it: where they go, with what keys they
    are encrypted, and in which time zone it is."""

    __tablename__ = "devices"
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    endpoint: Mapped[str] = mapped_column(String(1000), unique=True)
    p256dh: Mapped[str] = mapped_column(String(100))
    auth: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(60))
    timezone: Mapped[str] = mapped_column(String(60))
    created_at: Mapped[datetime] = mapped_column(Instant)


class NoticeChoice(Base):
    """How a person wants to be told about a topic; no row: as network/topics.py says."""

    __tablename__ = "notice_choices"
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    topic: Mapped[str] = mapped_column(String(20), primary_key=True)
    push: Mapped[bool]
    mail: Mapped[bool]


class Occasion(Base):
    """What a person is told at most once a day or a week: the row is the claim."""

    __tablename__ = "occasions"
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    what: Mapped[str] = mapped_column(String(20), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True, index=True)


class Push(Base):
    """A notice on its way to a device."""

    __tablename__ = "pushes"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    notice_id: Mapped[int] = mapped_column(ForeignKey("notices.id"))
    device_id: Mapped[int] = mapped_column(ForeignKey("devices.id"), index=True)
    not_before: Mapped[datetime] = mapped_column(Instant)
    attempts: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime | None] = mapped_column(Instant)
    __table_args__ = (UniqueConstraint("notice_id", "device_id"), Index(None, "sent_at", "not_before"))
