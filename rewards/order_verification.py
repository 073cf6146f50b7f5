"""Are the orders what the ledger says? Each has its spending, and a cancelled one, alone, its points back."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import String, case, cast, func, literal, select
from sqlalchemy.orm import aliased

from declarations.verification import differences as ledger_differences
from foundation.database import db
from points.models import WALLET, Account, Book, Entry
from points.rules import SPENT
from rewards.models import Order


def differences() -> Iterator[str]:
    """Each difference of the ledger, of standings, then of orders, as one line that names it."""
    yield from ledger_differences()
    yield from _orders()
    yield from _spendings()


def _orders() -> Iterator[str]:
    """Orders whose points were not spent as they say, or not given back."""
    spent, returned, giver, taker = aliased(Entry), aliased(Entry), aliased(Account), aliased(Account)
    reference = literal("order/", String) + cast(Order.id, String)
    paid = case((giver.person_id == Order.person_id, spent.amount), else_=0)
    back = case((taker.person_id == Order.person_id, returned.amount), else_=0)
    right = case((Order.state == "cancelled", Order.price_points), else_=0)
    rows = db.session.execute(
        select(Order.id, Order.price_points, Order.state, func.coalesce(paid, 0), func.coalesce(back, 0))
        .outerjoin(spent, spent.reference == reference)
        .outerjoin(giver, giver.id == spent.source_id)
        .outerjoin(returned, returned.reference == reference + "/cancelled")
        .outerjoin(taker, taker.id == returned.destination_id)
        .where((func.coalesce(paid, 0) != Order.price_points) | (func.coalesce(back, 0) != right))
        .order_by(Order.id)
    )
    for number, price, state, took, gave in rows:
        yield (
            f"order {number}: it is {state} at {price} points, the ledger says {took} were spent and {gave} given back"
        )


def _spendings() -> Iterator[str]:
    """Points spent on an order that is not there."""
    taker = aliased(Account)
    rows = db.session.execute(
        select(Entry.id, Entry.reference)
        .join(Book, Book.id == Entry.book_id)
        .join(taker, taker.id == Entry.destination_id)
        .outerjoin(Order, Entry.reference == literal("order/", String) + cast(Order.id, String))
        .where(
            Book.name == WALLET,
            taker.holder == SPENT,
            taker.person_id.is_(None),
            Entry.subject == Entry.reference,
            Order.id.is_(None),
        )
        .order_by(Entry.id)
    )
    for number, reference in rows:
        yield f"entry {number} ({reference}): points were spent on an order that is not there"
