"""A backtest of a draft over a month of real sales is, person by person, what really running that month gives."""

from __future__ import annotations

from flask import Flask

from tests.rewards.months import SHAPES, differences, foreseen, read_network, really
from tests.test_reference import DATA


def test_a_month_foreseen_is_the_month_as_it_was(app: Flask) -> None:
    read_network(DATA / "slice", DATA / "rewards.csv")
    really(DATA / "slice", list(SHAPES))
    different = []
    for shape in SHAPES:
        found = foreseen(shape)
        assert found.shifted == -364, "the draft is for the year after"
        different.extend(differences(shape, found))
    assert different == []


def test_the_shapes_meet_what_they_are_there_for(app: Flask) -> None:
    read_network(DATA / "slice", DATA / "rewards.csv")
    really(DATA / "slice", [])
    found = {shape: foreseen(shape) for shape in SHAPES}
    assert any(one.cut for one in found["caps"].tempted), "a cap cuts"
    assert any(one.boosted for one in found["boosts"].tempted), "a boost gives"
    assert all(0 < step.people < found["milestones"].active for step in found["milestones"].milestones)
    assert len({line.league for line in found["leagues"].standings}) > 3
    assert {line.progress_bp is not None for line in found["progress"].standings} == {True}
    assert {one.kind for one in found["race"].awards} == {"race", "draw"}
    assert found["budget"].payouts[1].not_funded > 0 or found["budget"].payouts[2].not_funded > 0
    assert found["shares"].short is not None and found["shares"].short.status == "granted", "a share of a conversion"
    assert found["outlets"].standings[0].code.startswith("OR-")
