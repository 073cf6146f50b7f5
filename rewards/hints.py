"""What a backtest says about reach and fairness, pure: its figures in, hints out, put into words elsewhere.

Nothing here forbids anything. What needs no past (more than three rules, no step at all) is the linter's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

FIRST_STEP_BP = 6_000  # at least so many active people should reach the first step
ACTED_BP = 500  # at least so many active people should be able to act on a rule
HALF_BP = 5_000
JUDGED = 3  # places of a league that are looked at, at least
TENTH = 10  # below so many active people a tenth is less than a person


class Hint(NamedTuple):
    """One hint: "first_step", "one_kind", "unused_rule", "budget" or "concentration", and what its words need."""

    kind: str
    values: dict[str, Any]


class Used(NamedTuple):
    """A rule and how many people it gave something (a milestone: how many reached it), before any cap."""

    rule: str
    counts: str
    people: int


class League(NamedTuple):
    """A league ('' without leagues): the kinds of outlet active in it, and those of its rewarded places, in order."""

    name: str
    active: tuple[str, ...]
    rewarded: tuple[str, ...]


class Share(NamedTuple):
    """People out of all active people."""

    people: int
    active: int

    def is_below(self, basis_points: int) -> bool:
        """Whether the share is strictly below."""
        return self.people * 10_000 < basis_points * self.active


def hints(
    *,
    active: int,
    first_step: tuple[str, int],
    used: Sequence[Used],
    leagues: Sequence[League],
    short: bool,
    top_tenth_bp: int | None,
) -> list[Hint]:
    """The hints of a backtest, gravest first: the first step (its milestone rule or '', and how many people reach it),
    rules nobody can act on, leagues won by one kind of outlet, the budget (`short`: reached), concentration.

    While nobody is active there is nothing to say.
    """
    return list(_found(active, first_step, used, leagues, short, top_tenth_bp)) if active else []


def _found(
    active: int,
    first_step: tuple[str, int],
    used: Sequence[Used],
    leagues: Sequence[League],
    short: bool,
    top_tenth_bp: int | None,
) -> Iterator[Hint]:
    milestone, reached = first_step
    too_high = Share(reached, active).is_below(FIRST_STEP_BP)
    if too_high:
        yield Hint("first_step", {"people": reached, "active": active})
    for rule in used:
        said = too_high and rule.rule == milestone
        if Share(rule.people, active).is_below(ACTED_BP) and not said:
            yield Hint("unused_rule", {"rule": rule.rule, "counts": rule.counts, "people": rule.people})
    for league in leagues:
        if len(set(league.active)) > 1 and len(league.rewarded) >= JUDGED and len(set(league.rewarded)) == 1:
            yield Hint(
                "one_kind", {"league": league.name, "outlet": league.rewarded[0], "places": len(league.rewarded)}
            )
    if short:
        yield Hint("budget", {})
    if top_tenth_bp is not None and active >= TENTH and top_tenth_bp > HALF_BP:
        yield Hint("concentration", {"share_bp": top_tenth_bp})
