"""The credits of a wallet, as staff look at them before one is taken back: what came, and what is left."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Select, String, cast, func, literal, select
from sqlalchemy.orm import aliased

from foundation.database import db
from points.models import WALLET, Account, Book, Entry, Lot, LotUse
from points.queries import spendable


class Credit(NamedTuple):
    """Points that came to a wallet together, by their lot: `left` of them are still there, `expired` are gone for
    good; `taken_back` is how many a reversal took back, None when there was none; `why` is their reason (JSON)."""

    lot: int
    reference: str
    amount: int
    left: int
    received_at: datetime
    expires_at: datetime | None
    why: str
    expired: int
    taken_back: int | None

    def most(self, at: datetime) -> int:
        """How many can be taken back at an instant: what of them has not expired; once."""
        if self.taken_back is not None:
            return 0
        gone = self.left if self.expires_at is not None and self.expires_at <= at else 0
        return self.amount - self.expired - gone


def credits_of(person_id: int) -> Select[Any]:
    """The credits of a person's wallet, newest first, to be paged (`credit` shapes a row)."""
    undone = aliased(Entry)
    expired = (
        select(cast(func.coalesce(func.sum(LotUse.amount), 0), BigInteger))
        .where(LotUse.lot_id == Lot.id, LotUse.reference.startswith("expiry/"))
        .scalar_subquery()
    )
    return (
        select(
            Lot.id, Lot.reference, Lot.amount, Lot.left, Lot.received_at, Lot.expires_at, Entry.why, expired,
            undone.amount,
        )
        .join_from(Lot, Account, Account.id == Lot.account_id)
        .join(Book, Book.id == Account.book_id)
        .join(Entry, Entry.reference == Lot.reference)
        .outerjoin(undone, undone.reference == literal("revert/", String) + cast(Lot.id, String))
        .where(Account.person_id == person_id, Book.name == WALLET)
        .order_by(Lot.id.desc())
    )  # fmt: skip


def credit(row: Any) -> Credit:
    """A row of `credits_of`."""
    return Credit(*row)


def credit_of(person_id: int, lot: int) -> Credit | None:
    """One credit of this person; None for somebody else's."""
    row = db.session.execute(credits_of(person_id).where(Lot.id == lot)).first()
    return credit(row) if row is not None else None


def already_spent(person_id: int, points: int, *, at: datetime) -> int:
    """How many of these points the wallet no longer holds, if they were taken back at this instant."""
    return max(points - spendable(person_id, at=at), 0)
