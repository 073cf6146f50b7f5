"""Lots of wallet points: the soonest to expire leaves first, and what is owed is paid before anything is kept.

The caller holds the wallet's account row. Whatever happens, the balance of a wallet is what is left of its lots less
its debt, and never both: where something is owed, no lot holds anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from flask import current_app
from sqlalchemy import delete, insert, select, update

from foundation import clock
from foundation.database import db
from foundation.programme import setting
from points.models import Debt, Lot, LotUse


@dataclass
class Held:
    """What is left of a lot."""

    id: int
    reference: str
    left: int
    expires_at: datetime | None

    def expired(self, at: datetime) -> bool:
        """Whether these points can no longer be spent, gone from the wallet or not yet."""
        return self.expires_at is not None and self.expires_at <= at


def expiry(at: datetime) -> datetime | None:
    """When points that come at this instant expire: at the end of the last day on which they can be spent, in the
    programme's time zone; None for never. A lot keeps the terms under which it came."""
    days = int(setting("wallet_points_expire_after_days"))
    if not days:
        return None
    zone = current_app.config["TIMEZONE"]
    return clock.start_of_day(clock.days_after(clock.day_of(at, zone), days + 1), zone)


def lots_left(account_id: int) -> list[Held]:
    """The lots of a wallet that hold something, in the order in which spending takes them."""
    rows = db.session.execute(
        select(Lot.id, Lot.reference, Lot.left, Lot.expires_at)
        .where(Lot.account_id == account_id, Lot.left > 0)
        .order_by(Lot.expires_at.is_(None), Lot.expires_at, Lot.received_at, Lot.id)
    )
    return [Held(*row) for row in rows]


def add_lot(account_id: int, reference: str, amount: int, *, at: datetime) -> None:
    """Keep points that came together with an entry; what is owed is paid from them."""
    db.session.execute(
        insert(Lot).values(
            account_id=account_id, reference=reference, amount=amount, left=amount, received_at=at,
            expires_at=expiry(at),
        )
    )  # fmt: skip
    repay(account_id)


def draw(lots: Iterable[Held], amount: int, reference: str | None) -> int:
    """Take up to `amount` from lots, in their order, for an entry (None: for the one that brought each); answers what
    is lacking."""
    for lot in lots:
        used = min(amount, lot.left)
        if used:
            amount -= used
            lot.left -= used
            _move(lot.id, -used)
            db.session.execute(insert(LotUse).values(lot_id=lot.id, reference=reference or lot.reference, amount=used))
    return amount


def put_back(spent: str, reference: str) -> int:
    """Give back to its lots what an entry took from them, once; answers how much."""
    uses = db.session.execute(
        select(LotUse.lot_id, LotUse.amount)
        .where(LotUse.reference == spent, LotUse.undoes.is_(None))
        .order_by(LotUse.id)
    ).all()
    for lot_id, amount in uses:
        _move(lot_id, amount)
        db.session.execute(insert(LotUse).values(lot_id=lot_id, reference=reference, amount=-amount, undoes=spent))
    return sum(amount for _, amount in uses)


def _move(lot_id: int, change: int) -> None:
    moved = update(Lot).where(Lot.id == lot_id).values(left=Lot.left + change)
    db.session.execute(moved.execution_options(synchronize_session=False))


def debt(account_id: int) -> int:
    """What a wallet owes; 0 for most."""
    return db.session.scalar(select(Debt.points).where(Debt.account_id == account_id)) or 0


def owe(account_id: int, points: int) -> None:
    """Add to what a wallet owes."""
    if not points:
        return
    if debt(account_id):
        more = update(Debt).where(Debt.account_id == account_id).values(points=Debt.points + points)
        db.session.execute(more.execution_options(synchronize_session=False))
    else:
        db.session.execute(insert(Debt).values(account_id=account_id, points=points))


def repay(account_id: int, reference: str | None = None) -> None:
    """Pay what a wallet owes from its lots, for an entry (None: for the one that brought each lot)."""
    owed = debt(account_id)
    if not owed:
        return
    lacking = draw(lots_left(account_id), owed, reference)
    mine = Debt.account_id == account_id
    change = update(Debt).where(mine).values(points=lacking) if lacking else delete(Debt).where(mine)
    db.session.execute(change.execution_options(synchronize_session=False))
