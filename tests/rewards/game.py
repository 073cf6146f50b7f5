"""The whole game in small: short challenges of every shape, articles to order, and the board that the independent
reference (tests/reference) makes of the sales that were told."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from foundation.transactions import transaction
from rewards import codes
from tests import cast
from tests.reference import recompute
from tests.rewards.shop import offer

PARIS = ZoneInfo("Europe/Paris")
SELLERS = ("AWA", "BRUNO", "CHLOE", "NINA")
OUTLET_OF = {code: outlet for code, _, _, _, outlet in cast.PEOPLE.values() if outlet}
LATE = timedelta(hours=24)

SOIN = {"id": "soin", "counts": "units", "points": 10, "when": {"categories": ["Soin"]}}
VALUE = {"id": "valeur", "counts": "value", "points": 2, "per": 5}
SALE = {"id": "vente", "counts": "declaration", "points": 5}
CONVERT = {"kind": "convert", "every": 5, "into": 4}

# What a challenge has beside its code, name and days.
SHAPES: dict[str, dict[str, Any]] = {
    "plain": {"rules": [SOIN, SALE], "payouts": [CONVERT, {"kind": "threshold", "points": 40, "wallet": 30}]},
    "capped": {
        "pending_at_close": "reject",
        "cap_per_day": 60,
        "cap_total": 150,
        "rules": [
            SOIN | {"cap": {"points": 50, "per": "day"}},
            VALUE,
            {"id": "double", "counts": "boost", "factor": "1.5", "of": ["soin"], "when": {"min_units": 3}},
            {"id": "palier", "counts": "milestone", "measure": "units", "at": 6, "points": 25},
        ],
        "payouts": [
            {"kind": "rank", "from": 1, "to": 2, "wallet": 60},
            {"kind": "race", "points": 40, "first": 2, "wallet": 35},
        ],
    },
    "progress": {
        "pending_at_close": "accept",
        "rank_by": "progress",
        "league_by": "region",
        "objective": {"measure": "units", "default": 4},
        "rules": [VALUE, SALE],
        "payouts": [
            {"kind": "objective", "wallet": 50},
            {"kind": "rank", "from": 1, "to": 1, "reward": "SAC"},
            CONVERT,
        ],
    },
    "outlets": {
        "pending_at_close": "accept",
        "ranks": "outlet",
        "budget": 1,
        "budget_policy": "pro_rata",
        "rules": [SOIN, VALUE],
        "payouts": [CONVERT],
    },
    "drawn": {
        "pending_at_close": "reject",
        "tie_break": "shared",
        "budget": 1,
        "rules": [SALE, SOIN],
        "payouts": [{"kind": "draw", "winners": 2, "tickets_per": 5, "wallet": 45}, CONVERT],
    },
}


def challenge_data(code: str, shape: str, starts_on: date, days: int) -> dict[str, Any]:
    """A challenge as its file would say it."""
    ends_on = starts_on + timedelta(days=days)
    named = {"code": code, "name": code.title(), "en": {"name": code.title()}}
    return named | {"starts_on": starts_on.isoformat(), "ends_on": ends_on.isoformat()} | SHAPES[shape]


def open_shop(at: datetime) -> None:
    """Three articles: of one there are few, one needs codes, one never ends."""
    offer("SAC", price_points=75, stock=4, cost_cents=40)
    bon = offer("BON", kind="voucher", price_points=30, cost_cents=20, limit_per_person=4)
    offer("DON", kind="donation", price_points=15, stock=None, cost_cents=5)
    with transaction():
        codes.add(bon, [f"CODE-{number}" for number in range(6)], by="MARC", at=at)


ARTICLES = ("SAC", "BON", "DON")
COSTS = {"SAC": 40, "BON": 20, "DON": 5}


@dataclass
class Told:
    """A sale as it was told, and what became of it."""

    id: str
    person: str
    sold_on: date
    declared_at: datetime
    received_at: datetime
    channel: str
    lines: tuple[tuple[str, int], ...]
    status: str
    contested: bool = False

    def for_reference(self) -> recompute.Declaration:
        """The same in the reference's words."""
        lines = []
        for sku, units in self.lines:
            _, _, category, family, cents = cast.PRODUCTS[sku]
            lines.append(recompute.Line(sku, units, cents, category, family))
        return recompute.Declaration(
            self.id, self.person, self.sold_on, self.declared_at, self.received_at, self.channel, tuple(lines),
            "", "", "", "", "", "",
        )  # fmt: skip


def holding_instant(declared_at: datetime | None, received_at: datetime) -> datetime:
    """The instant of a sale: the device's, unless its clock cannot be right."""
    if declared_at is None or not received_at - timedelta(days=14) <= declared_at <= received_at + timedelta(minutes=5):
        return received_at
    return declared_at


def reference_challenge(definition: dict[str, Any]) -> dict[str, Any]:
    """A stored definition as the reference reads it from a file."""
    found = json.loads(json.dumps(definition))
    for key in ("starts_on", "ends_on"):
        found[key] = date.fromisoformat(found[key])
    return found


def reference_board(definition: dict[str, Any], told: list[Told], suspended: set[str]) -> recompute.Board:
    """The board of a challenge over the accepted sales; whoever is suspended is not on it."""
    outlets = {
        code: {"outlet": code, "name": values[0], "region": values[3], "agreement_on": cast.AGREED_ON.isoformat()}
        for code, values in cast.OUTLETS.items()
    }
    people = {
        code: {"person": code, "name": name, "role": role, "status": status, "outlet": outlet}
        for code, name, role, status, outlet in cast.PEOPLE.values()
        if code not in suspended
    }
    sales = [one.for_reference() for one in told if one.status == "accepted"]
    network = recompute.Network(outlets, people, {}, sales)
    return recompute.compute_board(network, [(date.min, reference_challenge(definition))])


def counts_in(definition: dict[str, Any], one: Told) -> bool:
    """Whether a sale falls into a challenge, once it is accepted."""
    network = reference_board(definition, [replace(one, status="accepted")], set()).network
    return recompute.counts_in(network, reference_challenge(definition), network.declarations[0])


def dates_of(definition: dict[str, Any]) -> list[datetime]:
    """The instants at which something happens to a challenge, in the order of its life."""
    found = reference_challenge(definition)
    told_until = recompute.declare_until(found)
    reviewed = told_until.astimezone(PARIS).replace(tzinfo=None) + timedelta(days=7)
    midnights = [found["starts_on"], found["ends_on"] + timedelta(days=1)]
    starts = [datetime.combine(day, datetime.min.time(), PARIS).astimezone(UTC) for day in midnights]
    return [*starts, told_until, told_until + LATE, reviewed.replace(tzinfo=PARIS).astimezone(UTC)]
