"""The ledger's tables. Entries are append-only: the database refuses UPDATE and DELETE (see the first migration)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base, Instant, code_type
from foundation.models import BigId

WALLET = "wallet"


def challenge_book(code: str) -> str:
    """The name of a challenge's book; challenge points cannot be spent."""
    return f"challenge:{code}"


class Book(Base):
    """One kind of points: a challenge's, or the wallet's. Points never cross books."""

    __tablename__ = "books"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(code_type(80), unique=True)


class Account(Base):
    """Where points are. `holder` is a person's code, or one of the brand's side (points/rules.py: BRAND).

    `balance` is kept for people only (a brand's account would be a row everybody waits for); it equals the sum of the
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
        Index(None, "posted_at"),
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
        Index(
            None,
            "expires_at",
            sqlite_where=text('expires_at IS NOT NULL AND "left" > 0'),
            postgresql_where=text('expires_at IS NOT NULL AND "left" > 0'),
        ),
    )


class LotUse(Base):
    """What an entry took out of a lot (`amount` > 0), or gave back to it (< 0): what is left of a lot is what came less
    its uses. Append-only.

    `undoes` is the reference of the spending that a giving back undoes, for each lot once. The use of a lot by the
    entry that brought points, or gave them back, pays a debt.
    """

    __tablename__ = "lot_uses"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lots.id"))
    reference: Mapped[str] = mapped_column(code_type(300))
    amount: Mapped[int] = mapped_column(BigId)
    undoes: Mapped[str | None] = mapped_column(code_type(300))
    __table_args__ = (
        CheckConstraint("amount <> 0 AND (amount > 0 OR undoes IS NOT NULL)", name="amount"),
        UniqueConstraint("undoes", "lot_id"),
        Index(None, "lot_id"),
        Index(None, "reference"),
    )


class Debt(Base):
    """What a wallet owes: points were taken back after they had been spent. The row goes when nothing is owed.

    The balance of a wallet is what is left of its lots, less its debt; never both.
    """

    __tablename__ = "debts"
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    points: Mapped[int] = mapped_column(BigId)
    __table_args__ = (CheckConstraint("points > 0", name="points"),)


class Adjustment(Base):
    """A manual bonus (`amount` > 0) or correction (< 0), of a challenge's points or, without one, of the wallet.

    Append-only. It counts from `asked_at`, or, when it `needs_approval`, from a second person's decision.
    """

    __tablename__ = "adjustments"
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    challenge_id: Mapped[int | None] = mapped_column(ForeignKey("challenges.id"))
    amount: Mapped[int] = mapped_column(BigId)
    reason: Mapped[str] = mapped_column(String(300))
    needs_approval: Mapped[bool]
    asked_at: Mapped[datetime] = mapped_column(Instant)
    asked_by: Mapped[str] = mapped_column(code_type())
    __table_args__ = (
        CheckConstraint("amount <> 0", name="amount"),
        Index(None, "person_id", "id"),
        Index(None, "challenge_id", "person_id"),
        Index(None, "needs_approval", "id"),
    )

    @property
    def reference(self) -> str:
        """The subject of its entries."""
        return f"adjustment/{self.id}"


class AdjustmentDecision(Base):
    """What a second person decided of an adjustment that needed it, once. Append-only."""

    __tablename__ = "adjustment_decisions"
    adjustment_id: Mapped[int] = mapped_column(ForeignKey("adjustments.id"), primary_key=True)
    approved: Mapped[bool]
    note: Mapped[str] = mapped_column(String(300))
    decided_at: Mapped[datetime] = mapped_column(Instant)
    decided_by: Mapped[str] = mapped_column(code_type())


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
