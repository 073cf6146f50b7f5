"""What the clock does to the ledger: new entries are chained."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import exists, func, select

from foundation.database import db
from foundation.transactions import transaction
from points.models import Book, Entry, Seal
from points.operations import seal


def seal_books(at: datetime) -> Iterator[str]:
    """Seal every book that has entries not sealed yet, each in a transaction of its own."""
    last = select(func.coalesce(func.max(Seal.last_entry), 0)).where(Seal.book_id == Book.id).scalar_subquery()
    unsealed = exists().where(Entry.book_id == Book.id, Entry.id > last)
    for book_id, name in db.session.execute(select(Book.id, Book.name).where(unsealed).order_by(Book.id)).all():
        with transaction():
            count = seal(book_id, at=at)
        if count:
            yield f"{name}: {count} entries sealed"
