"""What a challenge may name today, and how it is called: products of the catalogue, rewards, people's words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import exists, or_, select

from catalogue.models import Product
from challenges import definition
from challenges.definition import STUDIO_WORDS, Known
from challenges.models import Challenge
from challenges.wording import territory
from foundation.database import db
from network.models import Outlet
from network.queries import contains

# Names of reward articles by code; the reward catalogue lives in a higher package and app.py connects it.
REWARD_NAMES: Callable[[Iterable[str]], Mapping[str, str]] | None = None

# What they cost the brand, in cents, by code; likewise.
REWARD_COSTS: Callable[[Iterable[str]], Mapping[str, int]] | None = None

# A catalogue of more values than this is searched, not shown whole.
MOST_BOXES = 40


@dataclass(frozen=True)
class Vocabulary:
    """What the fields of the studio offer: for each catalogue (countries, regions, departments, outlets, products,
    categories, families, rewards) its values and their names. A catalogue in `large` is too long to be shown whole."""

    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    large: frozenset[str] = frozenset()


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
        taken=_taken(data.get("code")),
    )


def _taken(code: Any) -> tuple[str, ...]:
    """The code itself when it is a word of the studio and no challenge has it yet: one that has keeps it."""
    if not isinstance(code, str) or code not in STUDIO_WORDS:
        return ()
    return () if db.session.scalar(select(exists().where(Challenge.code == code))) else (code,)


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


def rewards_on_offer() -> Mapping[str, str]:
    """Every article a challenge may give, by code, for a choice; empty until the reward catalogue is connected."""
    codes = definition.REWARD_CODES
    return REWARD_NAMES(codes()) if REWARD_NAMES is not None and codes is not None else {}


def vocabulary_for(step: str, content: Mapping[str, Any]) -> Vocabulary:
    """What the fields of a step of the studio offer; of catalogues too long to show, what the content names."""
    if step == "prizes":
        return Vocabulary({"rewards": rewards_on_offer()})
    if step == "what":
        few = {"categories": _distinct(Product.category), "families": _distinct(Product.family)}
        return _vocabulary(few | {"products": product_names([content])}, "products")
    if step == "who":
        few = {
            "countries": {code: territory(code) for code in _distinct(Outlet.country)},
            "regions": _distinct(Outlet.region),
            "departments": _distinct(Outlet.department),
        }
        return _vocabulary(few | {"outlets": _outlet_names(content)}, "outlets")
    return Vocabulary()


def _vocabulary(names: Mapping[str, Mapping[str, str]], *large: str) -> Vocabulary:
    long = frozenset(name for name, values in names.items() if len(values) > MOST_BOXES)
    return Vocabulary(names, long | frozenset(large))


def _distinct(column: Any) -> dict[str, str]:
    found = db.session.scalars(select(column).where(column != "").distinct().order_by(column))
    return {value: value for value in found if value}


def _outlet_names(content: Mapping[str, Any]) -> dict[str, str]:
    audience = content.get("audience")
    listed = audience.get("outlets") if isinstance(audience, Mapping) else None
    codes = [code for code in (listed if isinstance(listed, list) else [listed]) if isinstance(code, str)]
    rows = db.session.execute(select(Outlet.code, Outlet.name).where(Outlet.code.in_(codes))) if codes else ()
    return {row.code: row.name for row in rows}


def suggestions(catalogue: str, typed: str, *, most: int = 20) -> list[tuple[str, str]] | None:
    """Values of a catalogue for the letters typed, with their names: the first ones; None for no such catalogue."""
    named = {"products": (Product.sku, Product.name), "outlets": (Outlet.code, Outlet.name)}
    single = {
        "categories": Product.category,
        "families": Product.family,
        "countries": Outlet.country,
        "regions": Outlet.region,
        "departments": Outlet.department,
    }
    if catalogue in named:
        code, name = named[catalogue]
        rows = db.session.execute(
            select(code, name).where(contains(typed, code, name)).order_by(name, code).limit(most)
        )
        return [(row[0], row[1]) for row in rows]
    if catalogue in single:
        column = single[catalogue]
        values = select(column).where(column != "", contains(typed, column)).distinct().order_by(column)
        return [(value, value) for value in db.session.scalars(values.limit(most))]
    return None


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
