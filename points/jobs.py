"""What the clock does to the ledger: new entries are chained, wallet points expire."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import exists, func, select

from foundation.database import db
from foundation.transactions import transaction
from points.models import Account, Book, Entry, Lot, Seal
from points.operations import seal
from points.wallet import expire

BATCH = 50


def expire_lots(at: datetime) -> Iterator[str]:
    """Let wallet points go whose time is over, so many wallets to a transaction; a run that stops is gone on with."""
    after, points, people = 0, 0, 0
    due = select(Lot.account_id).where(Lot.expires_at.is_not(None), Lot.left > 0, Lot.expires_at <= at).distinct()
    while True:
        with transaction():
            owners = select(Account.id, Account.person_id).where(Account.id.in_(due), Account.id > after)
            # Who holds a wallet at this moment is not waited for: its turn comes with the next run.
            free = owners.order_by(Account.id).limit(BATCH).with_for_update(key_share=True, skip_locked=True)
            batch = db.session.execute(free).all()
            for _, person_id in batch:
                if person_id is not None:
                    points += expire(person_id, at=at)
        if not batch:
            break
        people += len(batch)
        after = batch[-1][0]
    if people:
        yield f"{points} points of {people} wallets expired"


def seal_books(at: datetime) -> Iterator[str]:
    """Seal every book that has entries not sealed yet, each in a transaction of its own."""
    last = select(func.coalesce(func.max(Seal.last_entry), 0)).where(Seal.book_id == Book.id).scalar_subquery()
    unsealed = exists().where(Entry.book_id == Book.id, Entry.id > last)
    for book_id, name in db.session.execute(select(Book.id, Book.name).where(unsealed).order_by(Book.id)).all():
        with transaction():
            count = seal(book_id, at=at)
        if count:
            yield f"{name}: {count} entries sealed"
