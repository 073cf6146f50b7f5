"""What the law makes of rewards, per payer, person and calendar year (CSS art. L242-1-4, CGI art. 240; docs/law.md).

Employees of an outlet: nothing is due up to 15 % of the monthly minimum wage, a discharging contribution of 20 % on
what lies between that and 150 %, and common law above. The brand's own staff: wages from the first euro. Independents
declare for themselves, and above a threshold the brand declares them (DAS2). Home sellers: listed per quarter for
their company's payroll. The figures are those of challenges/law.py; everything else here is pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from challenges import law

STATUSES = ("employee", "independent", "vdi", "staff")


class Bands(NamedTuple):
    """The figures of a year: nothing is due up to `free_cents`, `rate` % from there to `common_cents`."""

    free_cents: int
    common_cents: int
    rate: Decimal


class Figures(NamedTuple):
    """What the law says of a calendar year; None where a figure is not known."""

    year: int
    bands: Bands | None
    das2_cents: int | None


class Split(NamedTuple):
    """What a person received in a year, in cents, cut as the law does: the part on which nothing is due, the part
    between the limits and the contribution due on it, the part under common law, the part that is wages; `das2` says
    that the brand declares it. None: a figure of that year is not known."""

    free_cents: int | None = 0
    between_cents: int | None = 0
    due_cents: int | None = 0
    common_cents: int | None = 0
    wages_cents: int = 0
    das2: bool | None = False


class Contribution(NamedTuple):
    """What is due on some amounts, in cents: `due_cents` by the contribution, from `people` persons; `above_cents` is
    what `above_people` receive beyond it, on which common law applies and nothing is computed here."""

    due_cents: int
    people: int
    above_cents: int
    above_people: int


class OfStatus(NamedTuple):
    """What people of one status receive in all, in cents, cut as in Split; `das2_people` of them are declared by the
    brand. None: a figure of that year is not known."""

    status: str
    people: int
    received_cents: int
    free_cents: int | None
    between_cents: int | None
    due_cents: int | None
    common_cents: int | None
    wages_cents: int
    das2_people: int | None


def bands_on(day: date) -> Bands | None:
    """The figures that hold on a day; None when one of them is not known."""
    bands = law.reward_bands(on=day)
    rate = law.amount("reward_contribution_rate", on=day)
    return None if bands is None or rate is None else Bands(*bands, rate)


def figures_of(year: int) -> Figures:
    """The figures of a calendar year: those that hold on its first day."""
    first = date(year, 1, 1)
    threshold = law.amount("das2_threshold", on=first)
    return Figures(year, bands_on(first), None if threshold is None else int(threshold * 100))


def split(status: str, received: int, figures: Figures) -> Split:
    """Cut what a person of a status received in a year; a year of less than nothing is one of nothing.

    The contribution is floored to the cent.
    """
    amount = max(received, 0)
    if status == "staff":
        return Split(wages_cents=amount)
    if status == "independent":
        return Split(das2=None if figures.das2_cents is None else amount > figures.das2_cents)
    if status != "employee":
        return Split()
    bands = figures.bands
    if bands is None:
        return Split(None, None, None, None)
    between = max(min(amount, bands.common_cents) - bands.free_cents, 0)
    return Split(
        min(amount, bands.free_cents), between, due_on(between, bands), max(amount - bands.common_cents, 0)
    )  # fmt: skip


def due_on(between_cents: int, bands: Bands) -> int:
    """The discharging contribution on what lies between the limits, floored to the cent."""
    return int(between_cents * bands.rate / 100)


def by_status(received: Iterable[tuple[str, int]], figures: Figures) -> list[OfStatus]:
    """The sums of what persons receive (status and cents each), a line per status that is there, in their order.

    The rate applies to the sum of what lies between the bands, as in `contribution`.
    """
    people: dict[str, list[int]] = {}
    for status, cents in received:
        people.setdefault(status, []).append(cents)
    return [_of_status(status, people[status], figures) for status in STATUSES if status in people]


def _of_status(status: str, received: Sequence[int], figures: Figures) -> OfStatus:
    cuts = [split(status, cents, figures) for cents in received]
    declared = None if any(cut.das2 is None for cut in cuts) else sum(bool(cut.das2) for cut in cuts)
    head = (status, len(received), sum(received))
    if status == "employee" and figures.bands is None:
        return OfStatus(*head, None, None, None, None, 0, declared)
    between = sum(cut.between_cents or 0 for cut in cuts)
    due = due_on(between, figures.bands) if figures.bands is not None else 0
    return OfStatus(
        *head,
        sum(cut.free_cents or 0 for cut in cuts),
        between,
        due,
        sum(cut.common_cents or 0 for cut in cuts),
        sum(cut.wages_cents for cut in cuts),
        declared,
    )


def contribution(received: Iterable[int], bands: Bands) -> Contribution:
    """What is due when these are the amounts each employed person receives in a year, in cents.

    The rate applies to the sum of what lies between the bands; the result is floored to the cent.
    """
    figures = Figures(0, bands, None)
    cuts = [split("employee", amount, figures) for amount in received]
    between = [cut.between_cents for cut in cuts if cut.between_cents]
    above = [cut.common_cents for cut in cuts if cut.common_cents]
    return Contribution(due_on(sum(between), bands), len(between), sum(above), len(above))
