"""What is missing to the next thing worth reaching, pure: rules and counters in, steps out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from challenges.rules import Tally, Version, When


class Step(NamedTuple):
    """Something one reaches by adding up. `done` and `goal` are in units, cents (value), declarations or points.

    `kind`: milestone (gives points), threshold (a gain at closing) or objective (one's target). `when` says which
    lines count; `before` are earlier goals of the same kind, for the marks of a bar.
    """

    kind: str
    measure: str
    done: int
    goal: int
    gives: int = 0
    when: When = When()
    before: tuple[int, ...] = ()

    @property
    def missing(self) -> int:
        """How much is left, in the measure's unit."""
        return max(0, self.goal - self.done)

    @property
    def percent(self) -> int:
        """How much is done, floored, at most 100."""
        return min(100, self.done * 100 // self.goal)


def milestones(version: Version, tally: Tally) -> list[Step]:
    """The milestones of a version that a person has not reached yet."""
    found = []
    rules = [rule for rule in version.rules if rule.counts == "milestone"]
    for rule in rules:
        if rule.id in tally.reached:
            continue
        done = tally.points if rule.measure == "points" else tally.running.get(rule.id, 0)
        scale = 100 if rule.measure == "value" else 1
        before = {
            other.at * scale
            for other in rules
            if (other.measure, other.when) == (rule.measure, rule.when) and other.at < rule.at
        }
        step = Step("milestone", rule.measure, done, rule.at * scale, rule.points, rule.when, tuple(sorted(before)))
        found.append(step)
    return found


def thresholds(payouts: Iterable[Mapping[str, Any]], points: int) -> list[Step]:
    """The totals that win something at closing, not reached yet."""
    goals = sorted({payout["points"] for payout in payouts if payout["kind"] == "threshold"})
    return [
        Step("threshold", "points", points, goal, before=tuple(other for other in goals if other < goal))
        for goal in goals
        if goal > points
    ]


def objective(measure: str, done: int, target: int) -> list[Step]:
    """One's own target, while it is not reached. `done` is in cents for value, `target` in euros then."""
    goal = target * (100 if measure == "value" else 1)
    return [Step("objective", measure, done, goal)] if done < goal else []


def nearest(steps: Iterable[Step]) -> Step | None:
    """The step of which the largest part is done; the first of equals."""
    best: Step | None = None
    for step in steps:
        if best is None or step.done * best.goal > best.done * step.goal:
            best = step
    return best
