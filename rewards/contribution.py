"""What the brand owes on rewards to people whom an outlet employs (CSS art. L242-1-4; docs/law.md).

Per beneficiary and calendar year: nothing up to 15 % of the monthly minimum wage, a discharging contribution of 20 % on
what lies between that and 150 %, and common law on what is above. The figures are those of challenges/law.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from challenges import law


class Bands(NamedTuple):
    """The figures of a year: nothing is due up to `free_cents`, `rate` % from there to `common_cents`."""

    free_cents: int
    common_cents: int
    rate: Decimal


class Contribution(NamedTuple):
    """What is due on some amounts, in cents: `due_cents` by the contribution, from `people` persons; `above_cents` is
    what `above_people` receive beyond it, on which common law applies and nothing is computed here."""

    due_cents: int
    people: int
    above_cents: int
    above_people: int


def bands_on(day: date) -> Bands | None:
    """The figures that hold on a day; None when one of them is not known."""
    bands = law.reward_bands(on=day)
    rate = law.amount("reward_contribution_rate", on=day)
    return None if bands is None or rate is None else Bands(*bands, rate)


def contribution(received: Iterable[int], bands: Bands) -> Contribution:
    """What is due when these are the amounts each employed person receives in a year, in cents.

    The rate applies to the sum of what lies between the bands; the result is floored to the cent.
    """
    between = [min(amount, bands.common_cents) - bands.free_cents for amount in received if amount > bands.free_cents]
    above = [amount - bands.common_cents for amount in received if amount > bands.common_cents]
    return Contribution(int(sum(between) * bands.rate / 100), len(between), sum(above), len(above))
