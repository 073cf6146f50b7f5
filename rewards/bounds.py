"""What a challenge can cost at most, before anybody has played: from its payouts and the people it is for. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from challenges.definition import AnyPayout, ConvertPayout, Definition, DrawPayout, RacePayout, RankPayout
from challenges.facts import Facts
from challenges.linter import most_for_one
from rewards.contribution import Bands, Contribution, contribution


@dataclass(frozen=True)
class Field:
    """Who can win: people who may receive something, outlets with people, and leagues that have people."""

    people: int
    outlets: int
    leagues: int


@dataclass(frozen=True)
class Bound:
    """The most a challenge can cost, in cents: by payout, in their order (None where nothing bounds it), and in all.

    `budget_cents` is the budget where it is what bounds the whole; `cents` is None when nothing does. Competitors who
    share a place of a rank or of a race are not counted beyond the places there are.
    """

    payouts: tuple[int | None, ...]
    cents: int | None
    budget_cents: int | None


def most_in_all(definition: Definition, facts: Facts, field: Field) -> Bound:
    """What the payouts of a challenge can come to."""
    payouts = tuple(_most(definition, payout, facts, field) for payout in definition.payouts)
    known = [cents for cents in payouts if cents is not None]
    cents = sum(known) if len(known) == len(payouts) else None
    budget = definition.budget * 100 if definition.budget is not None else None
    if budget is not None and (cents is None or budget < cents):
        return Bound(payouts, budget, budget)
    return Bound(payouts, cents, None)


def _most(definition: Definition, payout: AnyPayout, facts: Facts, field: Field) -> int | None:
    if isinstance(payout, ConvertPayout):
        if definition.cap_total is None:
            return None
        return field.people * (definition.cap_total // payout.every * payout.into) * facts.point_cents
    each = facts.costs.get(payout.reward, 0) if payout.reward else (payout.wallet or 0) * facts.point_cents
    competitors = field.outlets if definition.ranks == "outlet" else field.people
    places = competitors
    if isinstance(payout, RankPayout):
        places = (payout.last - payout.first + 1) * field.leagues
    elif isinstance(payout, RacePayout):
        places = payout.first
    elif isinstance(payout, DrawPayout):
        places = payout.winners
    return min(places, competitors) * each


def most_contribution(definition: Definition, facts: Facts, bound: Bound) -> Contribution | None:
    """The most the law can ask on these payouts, other rewards of the year left out; None when nothing bounds it, or
    when the figures of the year are not known.

    What is due grows with what one person receives: it is highest when as few employees as possible receive the whole.
    """
    if facts.bands is None or facts.contribution is None:
        return None
    personal = [
        cents
        for payout, cents in zip(definition.payouts, bound.payouts, strict=True)
        if definition.ranks == "person" or payout.kind == "convert"
    ]
    known = [cents for cents in personal if cents is not None]
    bounded = len(known) == len(personal)
    most = sum(known) if bounded else bound.budget_cents
    if most is None:
        return None
    most = most if bound.budget_cents is None else min(most, bound.budget_cents)
    # A conversion without a cap lets one person receive the whole budget.
    each = min(most_for_one(definition, facts), most) if bounded else most
    employed = facts.employees - facts.without_agreement
    whole = min(employed, most // each) if each else 0
    rest = [most - whole * each] if whole < employed else []
    return contribution([each] * whole + rest, Bands(*facts.bands, facts.contribution))
