"""The next step worth telling: the nearest milestone, threshold or target."""

from __future__ import annotations

from datetime import date

import pytest

from challenges.rules import Rule, Tally, Version, When
from portal.rules import Step, milestones, nearest, objective, thresholds

pytestmark = pytest.mark.any_engine

CREAMS = When(skus=frozenset({"CREME"}))


def version(*rules: Rule) -> Version:
    return Version(1, date(2026, 1, 5), rules)


def milestone(name: str, at: int, measure: str = "units", when: When = CREAMS) -> Rule:
    return Rule(name, "milestone", points=250, measure=measure, at=at, when=when)


def test_a_milestone_says_how_much_is_done_and_which_came_before() -> None:
    tally = Tally(running={"p-50": 97, "p-100": 97}, reached={"p-50"})
    [step] = milestones(version(milestone("p-50", 50), milestone("p-100", 100)), tally)
    assert (step.done, step.goal, step.missing, step.percent, step.gives) == (97, 100, 3, 97, 250)
    assert step.before == (50,)


def test_value_is_counted_in_cents() -> None:
    [step] = milestones(version(milestone("p", 1_000, "value")), Tally(running={"p": 74_150}))
    assert (step.goal, step.missing) == (100_000, 25_850)


def test_a_milestone_of_points_looks_at_everything_earned() -> None:
    [step] = milestones(version(milestone("p", 500, "points", When())), Tally(points=120))
    assert (step.done, step.goal) == (120, 500)


def test_only_goals_of_the_same_kind_are_marks_of_the_bar() -> None:
    steps = milestones(version(milestone("a", 10), milestone("b", 20, when=When())), Tally())
    assert [step.before for step in steps] == [(), ()]


def test_thresholds_not_reached_yet() -> None:
    payouts = [{"kind": "threshold", "points": 500}, {"kind": "rank"}, {"kind": "threshold", "points": 100}]
    [step] = thresholds(payouts, 100)
    assert (step.goal, step.missing, step.before) == (500, 400, (100,))
    assert thresholds(payouts, 500) == []


def test_a_target_is_told_until_it_is_reached() -> None:
    assert objective("value", 4_999, 50)[0].missing == 1
    assert objective("value", 5_000, 50) == []
    assert objective("units", 49, 50)[0].percent == 98


def test_the_nearest_is_the_one_of_which_most_is_done() -> None:
    far, near = Step("milestone", "units", 1, 100), Step("threshold", "points", 80, 100)
    assert nearest([far, near]) is near
    assert nearest([near, Step("objective", "units", 8, 10)]) is near
    assert nearest([]) is None
