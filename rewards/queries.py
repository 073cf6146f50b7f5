"""Reading the reward catalogue, and where accepted sales are in time."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Select, literal, or_, select

from declarations.models import Declaration, Revision
from declarations.scoring import current_revisions
from foundation.database import db
from network.models import Outlet, Person
from rewards.models import Reward


def orderable_rewards(country: str, *, on: date) -> Select[Any]:
    """The articles with a price in points that a person of `country` could have on this day, cheapest first.

    An article without a price is only ever won; one whose stock is 0 is not shown. A stock of None is unlimited.
    """
    return (
        select(Reward)
        .where(
            Reward.price_points.is_not(None),
            or_(Reward.stock.is_(None), Reward.stock > 0),
            or_(Reward.starts_on.is_(None), Reward.starts_on <= on),
            or_(Reward.ends_on.is_(None), Reward.ends_on >= on),
            or_(
                Reward.countries == "",
                (literal(",") + Reward.countries + literal(",")).contains(f",{country},", autoescape=True),
            ),
        )
        .order_by(Reward.price_points, Reward.name, Reward.id)
    )


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
