"""Which badges there are, and who has earned them. Pure: counts in, badge codes out (docs/game, §7)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

LEVELS = ("bronze", "silver", "gold")
STREAK_WEEKS = 4


def N_(text: str) -> str:  # noqa: N802 - the name by which message extraction knows a text translated later
    """Mark a French text for translation; it is translated where it is shown."""
    return text


@dataclass(frozen=True)
class Counts:
    """What a person has to show.

    `declarations`: accepted declarations; `feedbacks`: those of them with a rating; `best_week_streak`: the most ISO
    weeks in a row with at least one accepted sale, by `sold_on`; `podiums`: ranks 1 to 3 in closed challenges.
    """

    declarations: int = 0
    feedbacks: int = 0
    best_week_streak: int = 0
    podiums: int = 0


@dataclass(frozen=True)
class Badge:
    """A lasting recognition. `name`, `praise` and `how` are French texts to be translated where they are shown."""

    code: str
    level: str
    name: str
    praise: str
    how: str
    symbol: str
    condition: Callable[[Counts], bool]


BADGES: tuple[Badge, ...] = (
    Badge(
        "first-sale",
        "bronze",
        N_("Première vente"),
        N_("Vous avez déclaré votre première vente !"),
        N_("Déclarez une vente et attendez qu’elle soit acceptée."),
        "bag",
        lambda counts: counts.declarations >= 1,
    ),
    Badge(
        "first-feedback",
        "bronze",
        N_("Premier avis client"),
        N_("Vous avez rapporté un premier avis client !"),
        N_("Ajoutez la note de votre client à une vente."),
        "bubble",
        lambda counts: counts.feedbacks >= 1,
    ),
    Badge(
        "ten-sales",
        "silver",
        N_("Dix ventes"),
        N_("Dix ventes acceptées : la machine est lancée !"),
        N_("Faites accepter dix ventes."),
        "ten",
        lambda counts: counts.declarations >= 10,
    ),
    Badge(
        "four-week-streak",
        "silver",
        N_("Quatre semaines de suite"),
        N_("Au moins une vente par semaine, quatre semaines de suite !"),
        N_("Déclarez au moins une vente par semaine, du lundi au dimanche, quatre semaines de suite."),
        "flame",
        lambda counts: counts.best_week_streak >= STREAK_WEEKS,
    ),
    Badge(
        "twenty-five-feedbacks",
        "gold",
        N_("Vingt-cinq avis clients"),
        N_("Vingt-cinq clients ont parlé grâce à vous !"),
        N_("Rapportez la note de vingt-cinq clients."),
        "star",
        lambda counts: counts.feedbacks >= 25,
    ),
    Badge(
        "podium",
        "gold",
        N_("Podium"),
        N_("Vous avez terminé un challenge sur le podium !"),
        N_("Terminez un challenge dans les trois premiers."),
        "podium",
        lambda counts: counts.podiums >= 1,
    ),
)
BY_CODE = {badge.code: badge for badge in BADGES}


def earned(counts: Counts) -> set[str]:
    """The codes of all badges whose condition holds."""
    return {badge.code for badge in BADGES if badge.condition(counts)}


def week_streak(days: Iterable[date]) -> int:
    """The most ISO weeks in a row (Monday to Sunday, across new years too) that hold at least one of `days`."""
    mondays = sorted({day - timedelta(days=day.weekday()) for day in days})
    best = run = 0
    previous: date | None = None
    for monday in mondays:
        run = run + 1 if previous is not None and monday - previous == timedelta(weeks=1) else 1
        best = max(best, run)
        previous = monday
    return best
