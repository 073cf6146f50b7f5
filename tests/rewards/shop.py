"""A shop for orders: articles, people with points, and what must always hold of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, literal, select, update

from foundation.database import db
from foundation.transactions import transaction
from network.models import Person
from points.models import WALLET, Account, Book, Lot, LotUse
from points.operations import credit_selected
from rewards import orders
from rewards.models import Order, Reward

NOW = datetime(2026, 2, 4, 11, 0, tzinfo=UTC)
ADDRESS = "Awa Diallo\n3 rue du Port\n29200 Brest"


def offer(code: str = "SAC", **values: Any) -> Reward:
    """Put an article into the catalogue: a gift for 100 points unless said otherwise."""
    base: dict[str, Any] = {
        "name": code.title(), "kind": "gift", "cost_cents": 900, "price_points": 100, "countries": "",
    }  # fmt: skip
    with transaction():
        reward = Reward(code=code, **(base | values))
        db.session.add(reward)
    return reward


def credit(person: Person, points: int, *, at: datetime = NOW, name: str = "") -> None:
    """Give somebody wallet points, as a closing does."""
    reference = f"gift/{person.code}/{name or points}"
    chosen = select(Person.id, Person.code, literal(points), literal(reference), literal("gift"), literal("{}")).where(
        Person.id == person.id
    )
    with transaction():
        credit_selected(WALLET, chosen, at=at)


def order(person: Person, reward: Reward, **values: Any) -> Order:
    """One order, at the price of the article, as the page makes it."""
    given: dict[str, Any] = {"price": reward.price_points, "address": ADDRESS, "by": person.code, "at": NOW}
    with transaction():
        given.setdefault("token", values.pop("token", None) or orders.form_token(person, reward))
        return orders.place(person, reward, **(given | values))


def fresh(model: Any, key: Any) -> Any:
    """A row as the database has it now."""
    db.session.rollback()
    return db.session.get_one(model, key)


def stock(code: str = "SAC") -> int | None:
    """How many of an article can still be ordered."""
    db.session.rollback()
    return db.session.scalar(select(Reward.stock).where(Reward.code == code))


def set_stock(reward: Reward, count: int | None) -> None:
    """As a catalogue file would."""
    with transaction():
        db.session.execute(update(Reward).where(Reward.id == reward.id).values(stock=count))


def balance(person: Person) -> int:
    """What somebody's wallet holds."""
    db.session.rollback()
    held = select(Account.balance).join(Book, Book.id == Account.book_id)
    return db.session.scalar(held.where(Book.name == WALLET, Account.person_id == person.id)) or 0


def broken_wallets() -> list[tuple[Any, ...]]:
    """Wallets whose balance is not what is left of their lots, or lots that gave more than came."""
    db.session.rollback()
    left = select(Lot.account_id, func.sum(Lot.left).label("left")).group_by(Lot.account_id).subquery()
    wrong = (
        select(Account.holder, Account.balance, left.c.left)
        .join(left, left.c.account_id == Account.id)
        .where(Account.balance != left.c.left)
    )
    used = select(LotUse.lot_id, func.sum(LotUse.amount).label("used")).group_by(LotUse.lot_id).subquery()
    overspent = (
        select(Lot.reference, Lot.amount, Lot.left, used.c.used)
        .outerjoin(used, used.c.lot_id == Lot.id)
        .where(Lot.amount - func.coalesce(used.c.used, 0) != Lot.left)
    )
    return [tuple(row) for row in (*db.session.execute(wrong), *db.session.execute(overspent))]
