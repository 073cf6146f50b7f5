"""Insight, pure: what is measured of a cell, and which cells may be shown. Source: docs/insights.md.

Every division is floored and nothing is ever a float. Values are in cents.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

# In the order in which they are documented; the order of an export is the one asked for.
DIMENSIONS = (
    "day",
    "week",
    "month",
    "country",
    "region",
    "department",
    "outlet_kind",
    "channel",
    "category",
    "family",
    "sku",
    "customer",
    "age_band",
)
# A declaration has one value of every other dimension, and as many of these as its lines name.
LINE_DIMENSIONS = frozenset({"category", "family", "sku"})
MEASURES = (
    "declarations",
    "units",
    "value_cents",
    "units_per_declaration",
    "returning_share_bp",
    "rating_avg_milli",
    "nps",
    "comments",
)
LEAST_DECLARATIONS = 5
LEAST_GROUPS = 3
MOST_OF_ONE_GROUP = 85
LEAST_ANSWERS = 5
TOTAL = "TOTAL"

Key = tuple[str, ...]


class WrongSelection(ValueError):
    """What was asked for cannot be computed; the message says what would be right."""


@dataclass(frozen=True)
class Selection:
    """What is asked: sales from `since` to `until`, both included, cut by the dimensions `by`, in that order."""

    since: date
    until: date
    by: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.since > self.until:
            raise WrongSelection(f"from {self.since} is after until {self.until}; write the earlier date first")
        for place, name in enumerate(self.by):
            if name not in DIMENSIONS:
                raise WrongSelection(f"unknown dimension {name!r}; write one of {', '.join(DIMENSIONS)}")
            if name in self.by[:place]:
                raise WrongSelection(f"dimension {name!r} is named twice; write it once")

    @property
    def line_dimensions(self) -> tuple[str, ...]:
        """Those of the dimensions that cut a declaration along its lines."""
        return tuple(name for name in self.by if name in LINE_DIMENSIONS)


def selection(since: date, until: date, by: str) -> Selection:
    """A selection from dimensions written as "month,country". Raises WrongSelection."""
    names = tuple(name.strip() for name in by.split(","))
    if names == ("",):
        raise WrongSelection(f"no dimension given; write at least one of {', '.join(DIMENSIONS)}")
    return Selection(since, until, names)


@dataclass(frozen=True, slots=True)
class Tally:
    """What was counted in one cell. Each declaration counts once, however many of its lines are in the cell.

    `named` declarations give a customer kind, `returning` of them a returning one; `ratings` and `recommends` are
    numbers of answers; `groups` legal groups took part, the largest with `largest` cents of `value_cents`.
    """

    declarations: int = 0
    units: int = 0
    value_cents: int = 0
    named: int = 0
    returning: int = 0
    ratings: int = 0
    rating_sum: int = 0
    recommends: int = 0
    promoters: int = 0
    detractors: int = 0
    comments: int = 0
    groups: int = 0
    largest: int = 0

    @property
    def safe(self) -> bool:
        """Whether the cell alone may be shown."""
        return passes(self.declarations, self.groups, self.largest, self.value_cents)


@dataclass(frozen=True, slots=True)
class Measures:
    """What a shown cell says, in the order of MEASURES; None where there is nothing to divide by, or too little."""

    declarations: int
    units: int
    value_cents: int
    units_per_declaration: int | None
    returning_share_bp: int | None
    rating_avg_milli: int | None
    nps: int | None
    comments: int

    def values(self) -> tuple[int | None, ...]:
        """The measures in the order of MEASURES."""
        return (
            self.declarations,
            self.units,
            self.value_cents,
            self.units_per_declaration,
            self.returning_share_bp,
            self.rating_avg_milli,
            self.nps,
            self.comments,
        )


@dataclass(frozen=True)
class Together:
    """Several withheld cells taken as one: distinct declarations, and the value of each legal group in cents."""

    declarations: int
    values: Mapping[str, int]

    @property
    def safe(self) -> bool:
        """Whether what TOTAL minus the shown cells tells may be known."""
        total = sum(self.values.values())
        return passes(self.declarations, len(self.values), max(self.values.values(), default=0), total)


def passes(declarations: int, groups: int, largest: int, value: int) -> bool:
    """The three tests: 5 declarations, 3 legal groups, none with more than 85 % of the value (exactly 85 passes)."""
    return declarations >= LEAST_DECLARATIONS and groups >= LEAST_GROUPS and largest * 100 <= MOST_OF_ONE_GROUP * value


def measure(tally: Tally, *, enough: int = LEAST_ANSWERS) -> Measures:
    """The measures of a shown cell. `rating_avg_milli` and `nps` need `enough` answers each, counted apart."""
    return Measures(
        declarations=tally.declarations,
        units=tally.units,
        value_cents=tally.value_cents,
        units_per_declaration=tally.units // tally.declarations if tally.declarations else None,
        returning_share_bp=10_000 * tally.returning // tally.named if tally.named else None,
        rating_avg_milli=1_000 * tally.rating_sum // tally.ratings if tally.ratings >= max(1, enough) else None,
        nps=100 * (tally.promoters - tally.detractors) // tally.recommends
        if tally.recommends >= max(1, enough)
        else None,
        comments=tally.comments,
    )


def smallest_first(cell: tuple[Key, Tally]) -> tuple[int, Key]:
    """The order in which shown cells are given up: by declarations, then dimension order."""
    key, tally = cell
    return tally.declarations, key


def given_up(together: Together, shown: Iterable[tuple[Key, Mapping[str, int]]]) -> list[Key]:
    """The shown cells to withhold too, so that TOTAL minus what is still shown passes the three tests.

    `together` is what the cells withheld so far make as one; `shown` yields (cell, value per legal group) smallest
    first, and is read no further than needed. Each of them passes alone, so with the first one there are enough
    declarations and groups for good: who is counted twice no longer matters, only the values do.
    """
    added: list[Key] = []
    if together.safe:
        return added
    values = dict(together.values)
    declarations = together.declarations
    for key, of_group in shown:
        for group, value in of_group.items():
            values[group] = values.get(group, 0) + value
        declarations = max(declarations, LEAST_DECLARATIONS)
        added.append(key)
        if Together(declarations, values).safe:
            break
    return added


@dataclass(frozen=True)
class Period:
    """A window of days, both ends included."""

    since: date
    until: date

    @property
    def days(self) -> int:
        """How many days it holds."""
        return (self.until - self.since).days + 1

    def before(self) -> Period:
        """The window of the same length just before."""
        return Period(self.since - timedelta(days=self.days), self.since - timedelta(days=1))


def last_whole_week(today: date) -> Period:
    """Monday to Sunday of the last ISO week that is over: what "this week" means in the sentence of the page."""
    monday = today - timedelta(days=today.weekday() + 7)
    return Period(monday, monday + timedelta(days=6))


def preset(name: str, today: date) -> Period | None:
    """The window of a preset, ending today: "4w", "13w" or "12m" with the running week or month. None otherwise.

    It begins on a Monday or on the first of a month, so that only the running week or month is incomplete.
    """
    if name in ("4w", "13w"):
        monday = today - timedelta(days=today.weekday())
        return Period(monday - timedelta(weeks=int(name[:-1]) - 1), today)
    if name == "12m":
        months = today.year * 12 + today.month - 1 - 11
        return Period(date(months // 12, months % 12 + 1, 1), today)
    return None


def change_percent(now: int, before: int) -> int | None:
    """Change from `before` to `now` in whole per cent, towards zero; None when there was nothing before."""
    if before <= 0:
        return None
    difference = now - before
    return difference * 100 // before if difference >= 0 else -(-difference * 100 // before)
