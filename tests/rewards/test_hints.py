"""Hints of a backtest: each case beside the neighbour that needs none."""

from __future__ import annotations

from typing import Any

import pytest

from rewards.hints import Hint, League, Used, hints

pytestmark = pytest.mark.any_engine

WELL: dict[str, Any] = {
    "active": 100,
    "first_step": ("", 100),
    "used": [Used("unites", "units", 100)],
    "leagues": [League("", ("reseller", "vdi"), ("reseller", "vdi", "reseller"))],
    "short": False,
    "top_tenth_bp": 2_000,
}
ONE_KIND = ("reseller", "reseller", "reseller")


def kinds(**changes: Any) -> list[str]:
    """The hints of a backtest that is well but for some changes."""
    return [hint.kind for hint in hints(**(WELL | changes))]


def test_a_challenge_that_is_well_gets_no_hint() -> None:
    assert kinds() == []


@pytest.mark.parametrize(
    ("hint", "given", "neighbour"),
    [
        ("first_step", {"first_step": ("", 59)}, {"first_step": ("", 60)}),
        ("first_step", {"first_step": ("", 0)}, {"first_step": ("", 100)}),
        ("first_step", {"active": 7, "first_step": ("", 4)}, {"active": 7, "first_step": ("", 5)}),
        ("unused_rule", {"used": [Used("r", "units", 0)]}, {"used": [Used("r", "units", 5)]}),
        ("unused_rule", {"used": [Used("r", "units", 4)]}, {"used": [Used("r", "units", 6)]}),
        ("unused_rule", {"used": [Used("b", "boost", 0)]}, {"used": [Used("b", "boost", 50)]}),
        ("unused_rule", {"used": [Used("p", "milestone", 1)]}, {"used": [Used("p", "milestone", 5)]}),
        (
            "one_kind",
            {"leagues": [League("", ("reseller", "vdi"), ONE_KIND)]},
            {"leagues": [League("", ("reseller", "vdi"), (*ONE_KIND, "vdi"))]},
        ),
        (
            "one_kind",
            {"leagues": [League("", ("franchisee", "reseller", "vdi"), ONE_KIND)]},
            {"leagues": [League("", ("reseller",), ONE_KIND)]},
        ),
        (
            "one_kind",
            {"leagues": [League("", ("reseller", "vdi"), ONE_KIND)]},
            {"leagues": [League("", ("reseller", "vdi"), ONE_KIND[:2])]},
        ),
        ("budget", {"short": True}, {"short": False}),
        ("concentration", {"top_tenth_bp": 5_001}, {"top_tenth_bp": 5_000}),
        (
            "concentration",
            {"active": 10, "first_step": ("", 10), "top_tenth_bp": 9_000},
            {"active": 9, "first_step": ("", 9), "top_tenth_bp": 9_000},
        ),
    ],
)  # fmt: skip
def test_each_hint_and_its_neighbour(hint: str, given: dict[str, Any], neighbour: dict[str, Any]) -> None:
    assert kinds(**given) == [hint]
    assert kinds(**neighbour) == []


def test_a_league_is_judged_by_itself_and_named() -> None:
    mixed = League("high", ("reseller", "vdi"), ("reseller", "vdi", "vdi"))
    won = League("low", ("reseller", "vdi"), ONE_KIND)
    [hint] = hints(**(WELL | {"leagues": [mixed, won]}))
    assert hint == Hint("one_kind", {"league": "low", "outlet": "reseller", "places": 3})


def test_a_step_out_of_reach_is_said_once() -> None:
    used = [Used("unites", "units", 100), Used("palier", "milestone", 2)]
    assert kinds(first_step=("palier", 2), used=used) == ["first_step"]
    assert kinds(first_step=("", 100), used=used) == ["unused_rule"]


def test_the_gravest_comes_first() -> None:
    assert kinds(
        first_step=("", 10), used=[Used("r", "units", 0)], short=True, top_tenth_bp=9_000,
        leagues=[League("", ("reseller", "vdi"), ONE_KIND)],
    ) == ["first_step", "unused_rule", "one_kind", "budget", "concentration"]  # fmt: skip


def test_without_anybody_active_there_is_nothing_to_say() -> None:
    assert kinds(active=0, first_step=("", 0), used=[Used("r", "units", 0)], top_tenth_bp=None, leagues=[]) == []
