"""Reading the reward catalogue and orders, and where accepted sales are in time."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, literal, or_, select

from declarations.models import Declaration, Revision
from declarations.scoring import current_revisions
from foundation.database import db, plain_text
from network.models import Outlet, Person
from network.queries import contains
from rewards.models import (
    KINDS,
    OPEN_STATES,
    Favourite,
    Order,
    OrderChange,
    Reward,
    VoucherCode,
    Waiting,
)


@dataclass(frozen=True)
class Offer:
    """An article as one person sees it: `missing` points, 0 when it can be afforded."""

    reward: Reward
    favourite: bool
    waiting: bool
    missing: int

    @property
    def sold_out(self) -> bool:
        """Whether none is left to order."""
        return self.reward.stock == 0


def offered(
    person: Person, wallet: int, *, on: date, kind: str = "", favourites: bool = False
) -> tuple[Select[Any], Callable[[Any], Offer]]:
    """The articles with a price in points for this person's country on this day, and how to shape a row.

    What can be had with `wallet` points comes first, then by price. An article without a price is only ever won.
    """
    mine = and_(Favourite.reward_id == Reward.id, Favourite.person_id == person.id)
    awaited = and_(Waiting.reward_id == Reward.id, Waiting.person_id == person.id)
    in_stock = or_(Reward.stock.is_(None), Reward.stock > 0)
    query: Any = (
        select(Reward, Favourite.person_id, Waiting.person_id)
        .outerjoin(Favourite, mine)
        .outerjoin(Waiting, awaited)
        .where(*_open_to(person, on))
        .order_by(
            case((and_(Reward.price_points <= wallet, in_stock), 0), else_=1),
            Reward.price_points,
            Reward.name,
            Reward.id,
        )
    )
    if kind in KINDS:
        query = query.where(Reward.kind == kind)
    if favourites:
        query = query.where(Favourite.person_id.is_not(None))

    def shape(row: Any) -> Offer:
        reward, favourite, waiting = row
        missing = max(0, reward.price_points - max(wallet, 0))
        return Offer(reward, favourite is not None, waiting is not None, missing)

    return query, shape


def offer(person: Person, code: str, wallet: int, *, on: date) -> Offer | None:
    """One article of the catalogue as this person sees it; None when it is not offered to them on this day."""
    query, shape = offered(person, wallet, on=on)
    row = db.session.execute(query.where(Reward.code == code)).one_or_none()
    return shape(row) if row is not None else None


def _open_to(person: Person, on: date) -> tuple[ColumnElement[bool], ...]:
    country = person.outlet.country if person.outlet else ""
    return (
        *_offered_on(on),
        or_(
            Reward.countries == "",
            (literal(",") + Reward.countries + literal(",")).contains(f",{country},", autoescape=True),
        ),
    )


def _offered_on(on: date) -> tuple[ColumnElement[bool], ...]:
    return (
        Reward.price_points.is_not(None),
        or_(Reward.starts_on.is_(None), Reward.starts_on <= on),
        or_(Reward.ends_on.is_(None), Reward.ends_on >= on),
    )


def back_in_stock(on: date) -> list[int]:
    """The articles that somebody waits for and that can be ordered again."""
    awaited = exists().where(Waiting.reward_id == Reward.id)
    found = select(Reward.id).where(awaited, or_(Reward.stock.is_(None), Reward.stock > 0), *_offered_on(on))
    return list(db.session.scalars(found.order_by(Reward.id)))


def articles(search: str = "") -> Select[Reward]:
    """Every article, for staff, by name."""
    query = select(Reward).order_by(plain_text(Reward.name), Reward.id)
    return query.where(contains(search, Reward.name, Reward.code)) if search else query


def article(code: str) -> Reward | None:
    """An article by its code."""
    return db.session.scalar(select(Reward).where(Reward.code == code))


def ordered_before(person: Person, reward: Reward) -> int:
    """How many of an article somebody has ordered, cancelled ones left out."""
    mine = select(func.count()).where(
        Order.person_id == person.id, Order.reward_id == reward.id, Order.state != "cancelled"
    )
    return db.session.scalar(mine) or 0


def orders_of(person: Person) -> Select[Order, Reward]:
    """What somebody has ordered, the newest first."""
    return _orders().where(Order.person_id == person.id).order_by(Order.id.desc())


def order_of(person: Person, order_id: int) -> tuple[Order, Reward] | None:
    """One order of this person; None for somebody else's."""
    row = db.session.execute(_orders().where(Order.person_id == person.id, Order.id == order_id)).one_or_none()
    return (row[0], row[1]) if row is not None else None


def _orders() -> Select[Order, Reward]:
    return select(Order, Reward).join(Reward, Reward.id == Order.reward_id)


def queue(state: str) -> Select[Order, Reward, Person]:
    """The orders in one state, the oldest first; in a final one the newest first. For staff."""
    query = _prepared().where(Order.state == state)
    return query.order_by(Order.id if state in OPEN_STATES else Order.id.desc())


def prepared(order_id: int) -> tuple[Order, Reward, Person] | None:
    """One order, for staff."""
    row = db.session.execute(_prepared().where(Order.id == order_id)).one_or_none()
    return (row[0], row[1], row[2]) if row is not None else None


def _prepared() -> Select[Order, Reward, Person]:
    return (
        select(Order, Reward, Person)
        .join(Reward, Reward.id == Order.reward_id)
        .join(Person, Person.id == Order.person_id)
    )


def order_counts() -> dict[str, int]:
    """How many orders are open, by state."""
    counted = select(Order.state, func.count()).where(Order.state.in_(OPEN_STATES)).group_by(Order.state)
    return {state: count for state, count in db.session.execute(counted)}


def changes_of(order: Order) -> list[OrderChange]:
    """What happened to an order, in order."""
    found = select(OrderChange).where(OrderChange.order_id == order.id).order_by(OrderChange.id)
    return list(db.session.scalars(found))


def people_names(codes: Collection[str]) -> dict[str, str]:
    """The names of these people, by code; a code without one is nobody's."""
    rows = db.session.execute(select(Person.code, Person.name).where(Person.code.in_(codes)))
    return {row.code: row.name for row in rows}


def has_code(order: Order) -> bool:
    """Whether a voucher has its code."""
    return bool(db.session.scalar(select(exists().where(VoucherCode.order_id == order.id))))


def reward_codes() -> set[str]:
    """The codes of every article of the catalogue."""
    return set(db.session.scalars(select(Reward.code)))


def reward_names(codes: Collection[str]) -> dict[str, str]:
    """The names of these articles, by code."""
    rows = db.session.execute(select(Reward.code, Reward.name).where(Reward.code.in_(codes)))
    return {row.code: row.name for row in rows}


def reward_costs(codes: Collection[str]) -> dict[str, int]:
    """What these articles cost the brand, in cents, by code."""
    rows = db.session.execute(select(Reward.code, Reward.cost_cents).where(Reward.code.in_(codes)))
    return {row.code: row.cost_cents for row in rows}


def competitor_names(people: Collection[str], outlets: Collection[str]) -> tuple[dict[str, str], dict[str, str]]:
    """The names of these people and of these outlets, by code; a code without one is gone."""
    found = (
        select(Person.code, Person.name).where(Person.code.in_(people)),
        select(Outlet.code, Outlet.name).where(Outlet.code.in_(outlets)),
    )
    named, placed = ({row.code: row.name for row in db.session.execute(one)} for one in found)
    return named, placed


def days_of_sales() -> tuple[date, date] | None:
    """The first and last day of accepted sales; None while there are none. Two looks into the index of days."""
    accepted = current_revisions(Revision.sold_on).where(Declaration.status == "accepted").limit(1)
    first = db.session.scalar(accepted.order_by(Revision.sold_on))
    last = db.session.scalar(accepted.order_by(Revision.sold_on.desc()))
    return (first, last) if first is not None and last is not None else None


def has_sales(first_day: date, last_day: date) -> bool:
    """Whether there is an accepted sale between two days, both included."""
    found = current_revisions(Revision.id).where(
        Declaration.status == "accepted", Revision.sold_on.between(first_day, last_day)
    )
    return db.session.scalar(found.limit(1)) is not None


def days_worth_testing(starts_on: date, ends_on: date) -> tuple[date, date]:
    """Past days on which to play a challenge: its own a year earlier, moved by whole weeks (364 days) so that a
    Saturday stays one; without sales then, the last full month with sales, else the month of the last sale."""
    year = timedelta(days=364)
    earlier = starts_on - year, ends_on - year
    told = days_of_sales()
    if told is None or has_sales(*earlier):
        return earlier
    last = told[1]
    first_of_month = last.replace(day=1)
    next_month = (first_of_month + timedelta(days=32)).replace(day=1)
    if last + timedelta(days=1) < next_month:
        before = (first_of_month - timedelta(days=1)).replace(day=1)
        if has_sales(before, first_of_month - timedelta(days=1)):
            return before, first_of_month - timedelta(days=1)
    return first_of_month, next_month - timedelta(days=1)
