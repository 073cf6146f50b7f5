"""What a challenge may name today: products of the catalogue, and codes of the reward catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import or_, select

from catalogue.models import Product
from challenges import definition
from challenges.definition import Known
from foundation.database import db


def known_names(data: Mapping[str, Any]) -> Known:
    """The catalogue as far as this challenge names it: one select, however large the catalogue is."""
    named: dict[str, set[str]] = {"skus": set(), "categories": set(), "families": set()}
    rules = data.get("rules")
    for rule in rules if isinstance(rules, list | tuple) else ():
        when = rule.get("when") if isinstance(rule, Mapping) else None
        for key, values in named.items():
            given = when.get(key) if isinstance(when, Mapping) else None
            listed = given if isinstance(given, list | tuple) else [given]
            values.update(value for value in listed if isinstance(value, str))
    products = db.session.execute(
        select(Product.sku, Product.category, Product.family).where(
            or_(
                Product.sku.in_(named["skus"]),
                Product.category.in_(named["categories"]),
                Product.family.in_(named["families"]),
            )
        )
    )
    codes = definition.REWARD_CODES
    return Known(
        products=[(row.sku, row.category, row.family) for row in products],
        rewards=codes() if codes is not None else None,
    )
