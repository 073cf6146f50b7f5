"""Reading the reward catalogue."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Select, literal, or_, select

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
