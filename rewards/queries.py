"""Reading the reward catalogue."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from sqlalchemy import Select, literal, or_, select

from foundation.database import db
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
