"""What a challenge may name today, and how it is called: products of the catalogue, rewards, people's words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import or_, select

from catalogue.models import Product
from challenges import definition
from challenges.definition import Known
from foundation.database import db

# Names of reward articles by code; the reward catalogue lives in a higher package and app.py connects it.
REWARD_NAMES: Callable[[Iterable[str]], Mapping[str, str]] | None = None

# What they cost the brand, in cents, by code; likewise.
REWARD_COSTS: Callable[[Iterable[str]], Mapping[str, int]] | None = None


def known_names(data: Mapping[str, Any]) -> Known:
    """The catalogue as far as this challenge names it: one select, however large the catalogue is."""
    named = _named(data)
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


def product_names(definitions: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The names of the products these challenges name, by sku: one select for all of them."""
    skus: set[str] = set()
    for data in definitions:
        skus |= _named(data)["skus"]
    if not skus:
        return {}
    rows = db.session.execute(select(Product.sku, Product.name).where(Product.sku.in_(skus)))
    return {row.sku: row.name for row in rows}


def reward_names(definitions: Iterable[Mapping[str, Any]]) -> Mapping[str, str]:
    """The names of the rewards these challenges give, by code; empty until the reward catalogue is connected."""
    codes = _rewards(definitions)
    return REWARD_NAMES(codes) if REWARD_NAMES is not None and codes else {}


def reward_costs(definitions: Iterable[Mapping[str, Any]]) -> Mapping[str, int]:
    """What the rewards these challenges give cost, in cents, by code; empty until the catalogue is connected."""
    codes = _rewards(definitions)
    return REWARD_COSTS(codes) if REWARD_COSTS is not None and codes else {}


def _rewards(definitions: Iterable[Mapping[str, Any]]) -> set[str]:
    return {payout["reward"] for data in definitions for payout in data.get("payouts") or () if payout.get("reward")}


def categories() -> list[str]:
    """The categories of the catalogue, for a choice."""
    found = select(Product.category).where(Product.category != "").distinct().order_by(Product.category)
    return list(db.session.scalars(found))


def rewards_on_offer() -> Mapping[str, str]:
    """Every article a challenge may give, by code, for a choice; empty until the reward catalogue is connected."""
    codes = definition.REWARD_CODES
    return REWARD_NAMES(codes()) if REWARD_NAMES is not None and codes is not None else {}


def _named(data: Mapping[str, Any]) -> dict[str, set[str]]:
    """The skus, categories and families of a challenge, also of one that is not valid yet."""
    named: dict[str, set[str]] = {"skus": set(), "categories": set(), "families": set()}
    rules = data.get("rules")
    for rule in rules if isinstance(rules, list | tuple) else ():
        when = rule.get("when") if isinstance(rule, Mapping) else None
        for key, values in named.items():
            given = when.get(key) if isinstance(when, Mapping) else None
            listed = given if isinstance(given, list | tuple) else [given]
            values.update(value for value in listed if isinstance(value, str))
    return named
