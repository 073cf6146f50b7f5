"""What a challenge file may say, and what is refused with which words."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from challenges.definition import (
    Definition,
    Known,
    Problem,
    WrongDefinition,
    definition_from,
    definition_hash,
    stored_definition,
)
from challenges.exports import challenge_file

EXAMPLES = sorted((Path(__file__).parent.parent / "reference" / "data" / "challenges").glob("*.toml"))
UNITS = {"id": "creme", "counts": "units", "points": 10}


def challenge(**changes: Any) -> dict[str, Any]:
    """The smallest challenge that can be played, with changes; None takes a key away."""
    data = {
        "code": "hiver",
        "name": "Hiver",
        "starts_on": "2026-01-05",
        "ends_on": "2026-02-01",
        "rules": [UNITS],
    } | changes
    return {key: value for key, value in data.items() if value is not None}


def problems(known: Known | None = None, **changes: Any) -> tuple[Problem, ...]:
    """Everything wrong with the smallest challenge after these changes."""
    with pytest.raises(WrongDefinition) as refusal:
        definition_from(challenge(**changes), known)
    return refusal.value.problems


def places(known: Known | None = None, **changes: Any) -> list[tuple[str | int, ...]]:
    """Where it is wrong."""
    return [problem.where for problem in problems(known, **changes)]


def rule(**changes: Any) -> list[dict[str, Any]]:
    """One rule, of units unless it says otherwise."""
    return [{key: value for key, value in (UNITS | changes).items() if value is not None}]


def test_the_smallest_challenge_is_played_with_the_defaults_of_the_programme() -> None:
    found = definition_from(challenge())
    assert (found.timezone, found.ranks, found.rank_by, found.tie_break) == (
        "Europe/Paris",
        "person",
        "points",
        "earliest",
    )
    assert (found.pending_at_close, found.budget_policy, found.proof) == ("wait", "stop", "none")
    assert found.rules[0].per == 1  # type: ignore[union-attr]
    assert found.columns()["measure"] == "units"
    assert not found.columns()["has_objective"]


def test_sales_are_declared_for_three_full_days_after_the_end_and_reviewed_for_a_week_more() -> None:
    found = definition_from(challenge(ends_on="2026-02-01"))
    assert found.declares_until == datetime(2026, 2, 4, 23, 0, tzinfo=UTC)
    assert found.reviews_until == datetime(2026, 2, 11, 23, 0, tzinfo=UTC)


def test_days_to_declare_and_review_are_days_of_the_challenge_even_when_the_clock_changes() -> None:
    found = definition_from(challenge(starts_on="2026-03-01", ends_on="2026-03-27"))
    assert found.declares_until == datetime(2026, 3, 30, 22, 0, tzinfo=UTC)
    found = definition_from(challenge(starts_on="2026-03-01", ends_on="2026-03-23"))
    assert found.declares_until == datetime(2026, 3, 26, 23, 0, tzinfo=UTC)
    assert found.reviews_until == datetime(2026, 4, 2, 22, 0, tzinfo=UTC)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_real_challenges_read_and_write_back_to_the_same(path: Path) -> None:
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    first = definition_from(data)
    again = definition_from(tomllib.loads(challenge_file(first)))
    assert again == first
    assert again.canonical() == first.canonical()
    assert stored_definition(first.canonical()) == first


def test_the_stored_form_keeps_what_was_given_and_nothing_else() -> None:
    data = challenge(
        declare_until="2026-02-05T00:00:00+01:00",
        audience={"kinds": "vdi"},
        rules=[
            UNITS | {"when": {"skus": "CREME", "from": "2026-01-10"}},
            {"id": "week-end", "counts": "boost", "factor": "1.50", "of": "creme"},
        ],
    )
    stored = definition_from(data).canonical()
    assert stored == {
        "code": "hiver",
        "name": "Hiver",
        "starts_on": "2026-01-05",
        "ends_on": "2026-02-01",
        "declare_until": "2026-02-05T00:00:00+01:00",
        "audience": {"kinds": ["vdi"]},
        "rules": [
            {
                "id": "creme",
                "counts": "units",
                "points": 10,
                "when": {"skus": ["CREME"], "from": "2026-01-10"},
            },
            {"id": "week-end", "counts": "boost", "factor": "1.50", "of": ["creme"]},
        ],
    }


def test_the_hash_does_not_depend_on_the_order_of_keys() -> None:
    data = challenge()
    backwards = dict(reversed(list(data.items())))
    assert definition_hash(definition_from(data).canonical()) == definition_hash(definition_from(backwards).canonical())


def test_an_unknown_key_is_named_with_those_that_exist() -> None:
    (problem,) = problems(colour="red")
    assert problem.where == ("colour",)
    assert "colour" in problem.wrong
    assert "starts_on" in problem.right
    (problem,) = problems(rules=rule(when={"sku": "CREME"}))
    assert problem.where == ("rules", 0, "when", "sku")
    assert "skus" in problem.right
    assert places(rules=rule(factor="2")) == [("rules", 0, "factor")]
    assert places(rules=rule(when={"first": "2026-01-06"})) == [("rules", 0, "when", "first")]


def test_everything_wrong_is_said_at_once() -> None:
    assert places(
        colour="red",
        ends_on="2026-01-01",
        rank_by="progress",
        rules=[UNITS | {"points": 0, "colour": "blue"}, UNITS | {"when": {"channels": ["shop"]}}],
    ) == [
        ("rules", 0, "colour"),
        ("rules", 1, "when", "channels", 0),
        ("colour",),
        ("ends_on",),
        ("rank_by",),
        ("rules", 0, "points"),
    ]


@pytest.mark.parametrize(
    ("where", "changes"),
    [
        (("ends_on",), {"ends_on": "2026-01-04"}),
        (("ends_on",), {"ends_on": "2026-02-30"}),
        (("ends_on",), {"ends_on": None}),
        (("starts_on",), {"starts_on": "0001-01-01"}),
        (("starts_on",), {"starts_on": "5 janvier"}),
        (("starts_on",), {"starts_on": datetime(2026, 1, 5)}),
        (("declare_until",), {"declare_until": datetime(2026, 2, 5)}),
        (("declare_until",), {"declare_until": "2026-02-05"}),
        (("declare_until",), {"declare_until": "2026-02-01T23:59:59+01:00"}),
        (("review_until",), {"review_until": "2026-02-04T23:59:59+01:00"}),
        (("freeze_board_on",), {"freeze_board_on": "2026-01-04"}),
        (("freeze_board_on",), {"freeze_board_on": "2026-02-02"}),
        (("timezone",), {"timezone": "Europe/Quimper"}),
        (("timezone",), {"timezone": "../../etc/passwd"}),
        (("code",), {"code": "hiver 2026"}),
        (("code",), {"code": ""}),
        (("name",), {"name": "  "}),
        (("ranks",), {"ranks": "team"}),
        (("league_by",), {"league_by": "colour"}),
        (("budget",), {"budget": -1}),
        (("budget",), {"budget": 10.5}),
        (("cap_per_day",), {"cap_per_day": 0}),
        (("cap_total",), {"cap_total": -5}),
        (("picture",), {"picture": "../secret.png"}),
        (("audience", "kinds", 0), {"audience": {"kinds": ["shop"]}}),
        (("audience", "brands", 0), {"audience": {"brands": "many"}}),
        (("audience", "activity", 1), {"audience": {"activity": ["low", "huge"]}}),
        (("audience", "regions"), {"audience": {"regions": []}}),
        (("audience", "colour"), {"audience": {"colour": "red"}}),
        (("audience",), {"audience": "everybody"}),
        (("rank_by",), {"rank_by": "progress"}),
        (("objective", "default"), {"objective": {"measure": "units", "default": 0}}),
        (("objective", "measure"), {"objective": {"measure": "smiles", "default": 1}}),
        (
            ("objective", "baseline"),
            {"objective": {"measure": "points", "baseline": {"from": "2025-01-01", "to": "2025-01-31"}}},
        ),
        (
            ("objective", "baseline", "to"),
            {"objective": {"measure": "units", "baseline": {"from": "2025-01-31", "to": "2025-01-01"}}},
        ),
        (
            ("objective", "baseline", "factor"),
            {
                "objective": {
                    "measure": "units",
                    "baseline": {"from": "2025-01-01", "to": "2025-01-31", "factor": 1.1},
                }
            },
        ),
        (("rules",), {"rules": []}),
        (("rules",), {"rules": None}),
        (("rules",), {"rules": {"id": "creme"}}),
    ],
)
def test_a_challenge_that_cannot_be_played_is_refused(where: tuple[str, ...], changes: dict[str, Any]) -> None:
    found = problems(**changes)
    assert [problem.where for problem in found] == [where]
    assert found[0].wrong and found[0].right


@pytest.mark.parametrize(
    ("where", "one"),
    [
        (("points",), rule(points=0)),
        (("points",), rule(points=-3)),
        (("points",), rule(points=1.5)),
        (("points",), rule(points=True)),
        (("points",), rule(points="10")),
        (("points",), rule(points=10**12)),
        (("points",), rule(points=None)),
        (("per",), rule(per=0)),
        (("id",), rule(id="a b")),
        (("id",), rule(id=None)),
        (("counts",), rule(counts="smiles")),
        ((), rule(counts=None)),
        (("cap", "points"), rule(cap={"points": 0, "per": "day"})),
        (("cap", "per"), rule(cap={"points": 5, "per": "week"})),
        (("cap", "per"), rule(cap={"points": 5})),
        (("when", "weekdays", 0), rule(when={"weekdays": [0]})),
        (("when", "skus"), rule(when={"skus": []})),
        (("when", "min_units"), rule(when={"min_units": 0})),
        (("when", "customer", 0), rule(when={"customer": "old"})),
        (("when", "to"), rule(when={"from": "2026-01-10", "to": "2026-01-09"})),
        (("when", "from"), rule(when={"from": "2026-02-02"})),
        (("when", "to"), rule(when={"to": "2026-01-04"})),
        (("when", "weekdays"), rule(when={"from": "2026-01-05", "to": "2026-01-06", "weekdays": [3]})),
        (("min_comment",), [{"id": "avis", "counts": "feedback", "points": 5, "min_comment": 100_000}]),
        (("min_comment",), [{"id": "avis", "counts": "feedback", "points": 5, "min_comment": -1}]),
        (("counts",), [{"id": "double", "counts": "boost", "factor": "2"}]),
        (("measure",), [{"id": "palier", "counts": "milestone", "measure": "points", "at": 5, "points": 1}]),
        (("at",), [{"id": "palier", "counts": "milestone", "measure": "units", "points": 1}]),
        (("at",), [{"id": "palier", "counts": "milestone", "measure": "units", "at": 0, "points": 1}]),
        (("measure",), [{"id": "palier", "counts": "milestone", "at": 5, "points": 1}]),
        (
            ("cap",),
            [
                {
                    "id": "palier",
                    "counts": "milestone",
                    "measure": "units",
                    "at": 5,
                    "points": 1,
                    "cap": {"points": 1, "per": "day"},
                }
            ],
        ),
    ],
)
def test_a_rule_that_cannot_be_played_is_refused(where: tuple[str, ...], one: list[dict[str, Any]]) -> None:
    assert places(rules=one) == [("rules", 0, *where)]


@pytest.mark.parametrize(
    ("where", "changes"),
    [
        (("factor",), {"factor": "1"}),
        (("factor",), {"factor": "0.5"}),
        (("factor",), {"factor": 1.5}),
        (("factor",), {"factor": "1,5"}),
        (("factor",), {"factor": None}),
        (("of", 0), {"of": ["huile"]}),
        (("of", 0), {"of": ["double"]}),
        (("of", 1), {"of": ["creme", "palier"]}),
        (("of",), {"of": []}),
        (("points",), {"points": 10}),
        (("when",), {"when": {"channels": "store"}}),
        (("when",), {"of": ["avis"], "when": {"customer": "new"}}),
        (("factor",), {"of": ["avis"], "factor": "1.1"}),
    ],
)
def test_a_boost_that_adds_nothing_is_refused(where: tuple[str, ...], changes: dict[str, Any]) -> None:
    boost = {"id": "double", "counts": "boost", "factor": "2"} | changes
    others = [
        UNITS | {"when": {"channels": ["meeting"]}},
        {
            "id": "avis",
            "counts": "feedback",
            "points": 5,
            "when": {"customer": "returning", "channels": "meeting"},
        },
        {"id": "palier", "counts": "milestone", "measure": "units", "at": 5, "points": 1},
    ]
    given = {key: value for key, value in boost.items() if value is not None}
    assert places(rules=[*others, given]) == [("rules", 3, *where)]


def test_two_rules_of_one_name_are_refused() -> None:
    assert places(rules=[UNITS, UNITS | {"points": 5}]) == [("rules", 1, "id")]


def test_a_milestone_of_points_takes_no_filter_and_must_be_within_reach() -> None:
    step = {"id": "palier", "counts": "milestone", "measure": "points", "at": 100, "points": 5}
    assert places(rules=[UNITS, step | {"when": {"channels": "store"}}]) == [("rules", 1, "when")]
    assert places(rules=[UNITS, step | {"at": 101}], cap_total=100) == [("rules", 1, "at")]
    assert definition_from(challenge(rules=[UNITS, step], cap_total=100))
    bonus = {"id": "vingt", "counts": "milestone", "measure": "units", "at": 20, "points": 5}
    assert definition_from(challenge(rules=[UNITS, bonus, step | {"at": 105}], cap_total=100))
    # 28 days: caps of the day, and of every rule, bound the whole challenge too
    assert places(rules=[UNITS, step | {"at": 281}], cap_per_day=10) == [("rules", 1, "at")]
    assert definition_from(challenge(rules=[UNITS, step | {"at": 280}], cap_per_day=10))
    capped = UNITS | {"cap": {"points": 50, "per": "challenge"}}
    daily = UNITS | {"id": "jour", "cap": {"points": 1, "per": "day"}}
    assert places(rules=[capped, daily, step | {"at": 79}]) == [("rules", 2, "at")]
    assert definition_from(challenge(rules=[capped, daily, step | {"at": 78}]))
    free = UNITS | {"id": "libre", "cap": {"points": 5, "per": "declaration"}}
    assert definition_from(challenge(rules=[capped, free, step | {"at": 1000}]))


def test_products_that_do_not_exist_are_refused_with_their_names() -> None:
    known = Known(products=[("CREME", "Soin", "Visage"), ("ROUGE", "Maquillage", "Lèvres")])
    (problem,) = problems(known, rules=rule(when={"skus": ["CREME", "HUILE"]}))
    assert problem.where == ("rules", 0, "when", "skus", 1)
    assert "HUILE" in problem.wrong
    assert places(known, rules=rule(when={"categories": "Parfum"})) == [("rules", 0, "when", "categories", 0)]
    assert places(known, rules=rule(when={"families": ["Pieds"]})) == [("rules", 0, "when", "families", 0)]
    assert places(known, rules=rule(when={"skus": "CREME", "categories": "Maquillage"})) == [("rules", 0, "when")]
    assert definition_from(challenge(rules=rule(when={"skus": "CREME", "categories": "Soin"})), known)


@pytest.mark.parametrize(
    ("where", "payouts"),
    [
        ((0, "to"), [{"kind": "rank", "from": 3, "to": 1, "wallet": 10}]),
        ((0, "to"), [{"kind": "rank", "from": 3, "wallet": 10}]),
        ((0, "from"), [{"kind": "rank", "from": 0, "to": 1, "wallet": 10}]),
        (
            (1, "from"),
            [{"kind": "rank", "from": 1, "to": 3, "wallet": 10}, {"kind": "rank", "from": 3, "to": 5, "wallet": 5}],
        ),
        ((0,), [{"kind": "rank", "from": 1, "to": 3}]),
        ((0, "wallet"), [{"kind": "rank", "from": 1, "to": 3, "wallet": 1, "reward": "spa"}]),
        ((0, "wallet"), [{"kind": "threshold", "points": 5, "wallet": 0}]),
        ((0, "reward"), [{"kind": "threshold", "points": 5, "reward": "lune"}]),
        ((0, "kind"), [{"kind": "objective", "wallet": 5}]),
        ((0, "into"), [{"kind": "convert", "every": 10}]),
        ((0, "every"), [{"kind": "convert", "every": 0, "into": 1}]),
        ((0, "wallet"), [{"kind": "convert", "every": 10, "into": 1, "wallet": 5}]),
        ((0, "kind"), [{"kind": "lottery", "wallet": 5}]),
        ((0, "winners"), [{"kind": "draw", "winners": 0, "tickets_per": 5, "wallet": 5}]),
        ((0, "first"), [{"kind": "race", "points": 10, "wallet": 5}]),
    ],
)
def test_a_payout_that_gives_nothing_clear_is_refused(where: tuple[Any, ...], payouts: list[dict[str, Any]]) -> None:
    assert places(Known(rewards={"spa"}), payouts=payouts) == [("payouts", *where)]


@pytest.mark.parametrize(
    "changes",
    [
        {"rules": rule(points=1_000_000_000)},
        {"rules": rule(cap={"points": 1_000_000, "per": "challenge"})},
        {"rules": rule(when={"from": "2025-12-01", "to": "2026-01-05"})},
        {"starts_on": "2026-01-05", "ends_on": "2026-01-05"},
        {"declare_until": "2026-02-02T00:00:00+01:00"},
        {"declare_until": "2026-02-01T23:00:00Z"},
        {"audience": {}},
        {"payouts": []},
        {"budget": 0},
        {"objective": {"measure": "units"}, "rank_by": "progress"},
        {"code": "Été_2026.v2"},
        {"en": {"name": "Winter"}},
    ],
)
def test_an_unusual_challenge_is_still_played(changes: dict[str, Any]) -> None:
    assert isinstance(definition_from(challenge(**changes)), Definition)
