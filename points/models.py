"""The ledger's tables. Entries are append-only: the database refuses UPDATE and DELETE (see the first migration)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base, Instant, code_type
from foundation.models import BigId

WALLET = "wallet"
ISSUE = "issue"


def challenge_book(code: str) -> str:
    """The name of a challenge's book; challenge points cannot be spent."""
    return f"challenge:{code}"


class Book(Base):
    """One kind of points: a challenge's, or the wallet's. Points never cross books."""

    __tablename__ = "books"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(code_type(80), unique=True)


class Account(Base):
    """Where points are. `holder` is a person's code, or "issue" for the brand's side.

    `balance` is kept for people only (the issue account would be a row everybody waits for); it equals the sum of the
    account's entries, which `flask points verify` recomputes.
    """

    __tablename__ = "accounts"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    book_id: Mapped[int] = mapped_column(ForeignKey("books.id"))
    holder: Mapped[str] = mapped_column(code_type())
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    balance: Mapped[int] = mapped_column(BigId, default=0)
    __table_args__ = (UniqueConstraint("book_id", "holder"), Index(None, "person_id", "book_id"))


class Entry(Base):
    """One movement of `amount` points from `source_id` to `destination_id`: double entry in one row.

    `reference` is made from the cause, so a retry cannot post twice. `subject`, `rule` and `rules_version` say which
    declaration (or closing) and rule gave it; `why` is the arithmetic as JSON (points/explanations.py words it).
    `effective_at` is the instant of the cause, `posted_at` that of the posting. `digest` is the SHA-256 of the row's
    content (points/rules.py).
    """

    __tablename__ = "entries"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    book_id: Mapped[int] = mapped_column(ForeignKey("books.id"))
    source_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    destination_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    amount: Mapped[int] = mapped_column(BigId)
    reference: Mapped[str] = mapped_column(code_type(300), unique=True)
    subject: Mapped[str] = mapped_column(code_type(200))
    rule: Mapped[str] = mapped_column(code_type(60))
    rules_version: Mapped[int]
    why: Mapped[str] = mapped_column(Text)
    effective_at: Mapped[datetime] = mapped_column(Instant)
    posted_at: Mapped[datetime] = mapped_column(Instant)
    digest: Mapped[str] = mapped_column(String(64))
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("source_id <> destination_id", name="two_accounts"),
        Index(None, "book_id", "id"),
        Index(None, "source_id", "id"),
        Index(None, "destination_id", "id"),
    )


class Lot(Base):
    """Wallet points that came together: spending takes the soonest-to-expire first."""

    __tablename__ = "lots"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    reference: Mapped[str] = mapped_column(code_type(300), unique=True)
    amount: Mapped[int] = mapped_column(BigId)
    left: Mapped[int] = mapped_column(BigId)
    received_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    __table_args__ = (
        CheckConstraint('amount > 0 AND "left" >= 0 AND "left" <= amount', name="amounts"),
        Index(None, "account_id", "expires_at"),
    )


class Seal(Base):
    """A link of a book's hash chain over the entries from `first_entry` to `last_entry`, both included."""

    __tablename__ = "seals"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    book_id: Mapped[int] = mapped_column(ForeignKey("books.id"))
    number: Mapped[int]
    first_entry: Mapped[int] = mapped_column(BigId)
    last_entry: Mapped[int] = mapped_column(BigId)
    entries: Mapped[int]
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
    sealed_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (UniqueConstraint("book_id", "number"),)
