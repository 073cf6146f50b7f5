"""What a sale is worth: one table of cases per rule (docs/game/scoring.md)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from challenges.rules import (
    Sale,
    SoldLine,
    Tally,
    Version,
    When,
    Window,
    fold,
    progress_bp,
    rule_from,
    target_for,
    version_from,
    when_from,
)

pytestmark = pytest.mark.any_engine

MONDAY = date(2026, 1, 5)
NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)

# sku: (category, family, list price in cents)
GOODS = {
    "CREME": ("Soin", "Visage", 1_200),
    "SERUM": ("Soin", "Visage", 2_550),
    "ROUGE": ("Maquillage", "Lèvres", 990),
}


def sale(lines: str = "1 CREME", **told: Any) -> Sale:
    """A sale of "3 CREME, 1 ROUGE"; its number `n` is a minute, `day` counts from a Monday."""
    number = told.pop("n", 1)
    sold = []
    for part in lines.split(","):
        units, sku = part.split()
        category, family, price = GOODS[sku]
        sold.append(SoldLine(sku, category, family, int(units), int(units) * price))
    values: dict[str, Any] = {
        "id": f"sale-{number:04}",
        "declared_at": NOON + timedelta(minutes=number),
        "received_at": NOON + timedelta(minutes=number),
        "sold_on": MONDAY + timedelta(days=told.pop("day", 0)),
        "channel": "store",
        "customer": "",
        "age_band": "",
        "area": "",
        "rating": None,
        "comment_length": 0,
        "lines": sold,
        "units": sum(line.units for line in sold),
        "value": sum(line.value for line in sold),
    }
    return Sale(**(values | told))


def version(*rules: dict[str, Any], number: int = 1, starts_on: date = MONDAY, **caps: int) -> Version:
    """Rules as a challenge's file has them; ids r1, r2… where none is given."""
    named = [{"id": f"r{place}"} | rule for place, rule in enumerate(rules, 1)]
    return version_from({"rules": named, **caps}, number, starts_on)


def points(rules: Version, *sales: Sale) -> list[int]:
    """What each sale gives, in fold order."""
    return [one.points for one in fold([rules], sales)[0]]


UNITS = {"counts": "units", "points": 10}
VALUE = {"counts": "value", "points": 2, "per": 5}
SALE = {"counts": "declaration", "points": 7}


@pytest.mark.parametrize(
    ("rule", "told", "expected"),
    [
        # units: points × floor(matching units / per)
        (UNITS, sale("3 CREME"), 30),
        (UNITS, sale("3 CREME, 2 ROUGE"), 50),
        (UNITS | {"per": 2}, sale("3 CREME"), 10),
        (UNITS | {"per": 2}, sale("1 CREME"), 0),
        (UNITS | {"per": 2}, sale("1 CREME, 1 ROUGE"), 10),
        (UNITS | {"when": {"skus": ["CREME"]}}, sale("3 CREME, 2 ROUGE"), 30),
        (UNITS | {"when": {"skus": "CREME"}}, sale("3 CREME, 2 ROUGE"), 30),
        (UNITS | {"when": {"categories": ["Soin"]}}, sale("1 CREME, 1 SERUM, 5 ROUGE"), 20),
        (UNITS | {"when": {"families": ["Lèvres"]}}, sale("1 CREME, 5 ROUGE"), 50),
        (UNITS | {"when": {"families": ["Lèvres", "Visage"]}}, sale("1 CREME, 5 ROUGE"), 60),
        (UNITS | {"when": {"categories": ["Soin"], "skus": ["ROUGE"]}}, sale("1 CREME, 5 ROUGE"), 0),
        (UNITS | {"when": {"channels": ["store"]}}, sale("1 CREME"), 10),
        (UNITS | {"when": {"channels": ["meeting", "reorder"]}}, sale("1 CREME"), 0),
        (UNITS | {"when": {"weekdays": [1]}}, sale("1 CREME"), 10),
        (UNITS | {"when": {"weekdays": [6, 7]}}, sale("1 CREME"), 0),
        (UNITS | {"when": {"weekdays": [6, 7]}}, sale("1 CREME", day=6), 10),
        (UNITS | {"when": {"from": "2026-01-06"}}, sale("1 CREME"), 0),
        (UNITS | {"when": {"from": "2026-01-05", "to": "2026-01-05"}}, sale("1 CREME"), 10),
        (UNITS | {"when": {"to": "2026-01-05"}}, sale("1 CREME", day=1), 0),
        (UNITS | {"when": {"customer": "new"}}, sale("1 CREME", customer="new"), 10),
        (UNITS | {"when": {"customer": "new"}}, sale("1 CREME", customer="returning"), 0),
        (UNITS | {"when": {"customer": "new"}}, sale("1 CREME"), 0),
        (UNITS | {"when": {"customer": ["new", "returning"]}}, sale("1 CREME", customer="returning"), 10),
        (UNITS | {"when": {"min_units": 3}}, sale("2 CREME"), 0),
        (UNITS | {"when": {"min_units": 3}}, sale("2 CREME, 1 ROUGE"), 30),
        (UNITS | {"when": {"min_units": 3, "categories": ["Soin"]}}, sale("2 CREME, 1 ROUGE"), 0),
        # value: points × floor(matching value in cents / (per × 100)), at list price
        (VALUE, sale("1 CREME"), 4),
        (VALUE, sale("1 SERUM"), 10),
        (VALUE, sale("1 ROUGE"), 2),
        (VALUE, sale("1 ROUGE, 1 CREME"), 8),
        (VALUE | {"when": {"categories": ["Maquillage"]}}, sale("1 ROUGE, 1 CREME"), 2),
        (VALUE | {"per": 10}, sale("1 ROUGE"), 0),
        (VALUE | {"per": 1}, sale("1 ROUGE"), 18),
        # declaration: once, when at least one line matches
        (SALE, sale("50 CREME"), 7),
        (SALE | {"when": {"skus": ["ROUGE"]}}, sale("1 CREME, 1 ROUGE"), 7),
        (SALE | {"when": {"skus": ["ROUGE"]}}, sale("1 CREME"), 0),
        # feedback: a rating, and a comment of the asked length
        ({"counts": "feedback", "points": 15}, sale(rating=1), 15),
        ({"counts": "feedback", "points": 15}, sale(comment_length=200), 0),
        ({"counts": "feedback", "points": 15, "min_comment": 20}, sale(rating=5, comment_length=19), 0),
        ({"counts": "feedback", "points": 15, "min_comment": 20}, sale(rating=5, comment_length=20), 15),
        ({"counts": "feedback", "points": 15, "when": {"skus": ["ROUGE"]}}, sale(rating=5), 0),
        # profile: customer kind, age band and area, all of them
        ({"counts": "profile", "points": 4}, sale(customer="new", age_band="65+", area="35"), 4),
        ({"counts": "profile", "points": 4}, sale(customer="new", age_band="65+"), 0),
        ({"counts": "profile", "points": 4}, sale(customer="new", area="35"), 0),
        ({"counts": "profile", "points": 4}, sale(age_band="65+", area="35"), 0),
    ],
)
def test_what_one_rule_gives_one_sale(rule: dict[str, Any], told: Sale, expected: int) -> None:
    assert points(version(rule), told) == [expected]


def cap(amount: int, per: str) -> dict[str, Any]:
    """A rule's own cap."""
    return {"cap": {"points": amount, "per": per}}


@pytest.mark.parametrize(
    ("rules", "sales", "expected"),
    [
        # a rule's own cap
        (version(UNITS | cap(25, "declaration")), [sale("3 CREME"), sale("9 CREME", n=2)], [25, 25]),
        (version(UNITS | cap(100, "day")), [sale("9 CREME"), sale("3 CREME", n=2)], [90, 10]),
        (version(UNITS | cap(100, "day")), [sale("9 CREME"), sale("3 CREME", n=2, day=1)], [90, 30]),
        (version(UNITS | cap(100, "day")), [sale("30 CREME"), sale("1 CREME", n=2)], [100, 0]),
        (version(UNITS | cap(100, "challenge")), [sale("9 CREME"), sale("3 CREME", n=2, day=1)], [90, 10]),
        # the day of a cap is that of the sale, not that of declaring
        (
            version(UNITS | cap(100, "day")),
            [sale("9 CREME", day=1), sale("9 CREME", n=2), sale("9 CREME", n=3, day=1)],
            [90, 90, 10],
        ),
        # each rule has its own cap
        (version(UNITS | cap(20, "day"), SALE), [sale("3 CREME"), sale("3 CREME", n=2)], [27, 7]),
        # challenge caps
        (version(UNITS, cap_per_day=45), [sale("3 CREME"), sale("3 CREME", n=2)], [30, 15]),
        (version(UNITS, cap_per_day=45), [sale("3 CREME"), sale("3 CREME", n=2, day=1)], [30, 30]),
        (version(UNITS, cap_total=45), [sale("3 CREME"), sale("3 CREME", n=2, day=1)], [30, 15]),
        (version(UNITS, cap_per_day=40, cap_total=50), [sale("5 CREME"), sale("5 CREME", n=2, day=1)], [40, 10]),
        # use of a rule's cap is counted before the challenge caps cut
        (
            version(UNITS | cap(50, "challenge"), cap_per_day=30),
            [sale("5 CREME"), sale("5 CREME", n=2, day=1)],
            [30, 0],
        ),
        # boosts: floor(base × factor) − base
        (version(UNITS, {"counts": "boost", "factor": "1.5"}), [sale("3 CREME")], [45]),
        (version(SALE, {"counts": "boost", "factor": "1.5"}), [sale()], [10]),
        (version(SALE, {"counts": "boost", "factor": "1.35"}), [sale()], [9]),
        (version(SALE, {"counts": "boost", "factor": "1.1"}), [sale()], [7]),
        (version(SALE, {"counts": "boost", "factor": "3"}), [sale()], [21]),
        (
            version(UNITS, {"counts": "boost", "factor": "2", "when": {"weekdays": [7]}}),
            [sale("1 CREME"), sale("1 CREME", n=2, day=6)],
            [10, 20],
        ),
        (version(UNITS, SALE, {"counts": "boost", "factor": "2", "of": ["r2"]}), [sale("3 CREME")], [44]),
        # boosts do not compound: both look at the rules
        (
            version(UNITS, {"counts": "boost", "factor": "2"}, {"counts": "boost", "factor": "1.5"}),
            [sale("1 CREME")],
            [25],
        ),
        # the base is what the rules gave after their own caps, before the challenge's
        (version(UNITS | cap(20, "day"), {"counts": "boost", "factor": "1.5"}), [sale("9 CREME")], [30]),
        (version(UNITS, {"counts": "boost", "factor": "1.5"}, cap_per_day=32), [sale("3 CREME")], [32]),
        (version(UNITS, {"counts": "boost", "factor": "1.5"} | cap(4, "declaration")), [sale("3 CREME")], [34]),
        (
            version(UNITS, {"counts": "boost", "factor": "2"} | cap(25, "challenge")),
            [sale("2 CREME"), sale("2 CREME", n=2)],
            [40, 25],
        ),
        # a boost written before the rules still looks at them
        (version({"counts": "boost", "factor": "2"}, UNITS), [sale("1 CREME")], [20]),
        # milestones: once, when the running total reaches the step
        (
            version({"counts": "milestone", "measure": "units", "at": 5, "points": 50}),
            [sale("3 CREME"), sale("2 CREME", n=2), sale("9 CREME", n=3)],
            [0, 50, 0],
        ),
        (
            version({"counts": "milestone", "measure": "units", "at": 5, "points": 50, "when": {"skus": ["ROUGE"]}}),
            [sale("9 CREME"), sale("4 ROUGE", n=2), sale("1 ROUGE, 9 CREME", n=3)],
            [0, 0, 50],
        ),
        (
            version({"counts": "milestone", "measure": "value", "at": 24, "points": 9}),
            [sale("1 CREME"), sale("1 CREME", n=2)],
            [0, 9],
        ),
        (
            version({"counts": "milestone", "measure": "value", "at": 25, "points": 9}),
            [sale("1 CREME"), sale("1 CREME", n=2)],
            [0, 0],
        ),
        (
            version({"counts": "milestone", "measure": "declarations", "at": 2, "points": 9}),
            [sale("9 CREME"), sale(n=2), sale(n=3)],
            [0, 9, 0],
        ),
        (
            version(UNITS, {"counts": "milestone", "measure": "points", "at": 20, "points": 5}),
            [sale("1 CREME"), sale("1 CREME", n=2)],
            [10, 15],
        ),
        # earlier milestones are points earned; those of the same sale are not yet
        (
            version(
                UNITS,
                {"counts": "milestone", "measure": "units", "at": 1, "points": 100},
                {"counts": "milestone", "measure": "points", "at": 110, "points": 5},
            ),
            [sale("1 CREME"), sale("1 CREME", n=2)],
            [110, 15],
        ),
        # two steps at once; milestones are outside every cap
        (
            version(
                {"counts": "milestone", "measure": "units", "at": 2, "points": 10},
                {"counts": "milestone", "measure": "units", "at": 3, "points": 20},
            ),
            [sale("3 CREME")],
            [30],
        ),
        (
            version(UNITS, {"counts": "milestone", "measure": "units", "at": 1, "points": 100}, cap_total=5),
            [sale("3 CREME"), sale("3 CREME", n=2)],
            [105, 0],
        ),
        # a milestone below min_units does not advance
        (
            version({"counts": "milestone", "measure": "units", "at": 4, "points": 9, "when": {"min_units": 3}}),
            [sale("2 CREME"), sale("3 CREME", n=2), sale("3 CREME", n=3)],
            [0, 0, 9],
        ),
    ],
)
def test_what_rules_give_together(rules: Version, sales: list[Sale], expected: list[int]) -> None:
    assert points(rules, *sales) == expected


def test_a_cap_says_what_it_left() -> None:
    rules = version(UNITS | cap(100, "day"))
    scored, _ = fold([rules], [sale("9 CREME"), sale("3 CREME", n=2), sale("1 CREME", n=3)])
    assert scored[1].gains[0].why == {
        "counts": "units", "points": 10, "units": 3, "per": 1, "sku": "CREME", "gives": 30,
        "cut": [{"by": "day", "cap": 100, "left": 10}],
    }  # fmt: skip
    assert scored[2].gains[0].points == 0, "no points, yet the explanation says why"


def test_challenge_caps_cut_the_last_amounts_of_a_sale_first() -> None:
    rules = version(UNITS, SALE, {"counts": "boost", "factor": "2"}, cap_per_day=40)
    scored, _ = fold([rules], [sale("3 CREME")])
    assert [(gain.rule, gain.points) for gain in scored[0].gains] == [("r1", 30), ("r2", 7), ("r3", 3)]
    rules = version(UNITS, SALE, {"counts": "boost", "factor": "2"}, cap_per_day=33)
    scored, _ = fold([rules], [sale("3 CREME")])
    assert [(gain.rule, gain.points) for gain in scored[0].gains] == [("r1", 30), ("r2", 3), ("r3", 0)]


def test_sales_are_folded_by_declaring_then_receiving_then_id_by_code_point() -> None:
    rules = version(UNITS, cap_total=10)
    same = {"declared_at": NOON, "received_at": NOON}
    upper, accent, later = (
        sale("1 CREME", id="B", **same),
        sale("1 CREME", id="é", **same),
        sale("1 CREME", id="A", declared_at=NOON, received_at=NOON + timedelta(seconds=1)),
    )
    scored, _ = fold([rules], [later, accent, upper])
    assert [(one.sale.id, one.points) for one in scored] == [("B", 10), ("é", 0), ("A", 0)]


def test_the_version_in_force_is_that_of_the_day_of_the_sale() -> None:
    first = version({"id": "a"} | UNITS | cap(50, "challenge"))
    second = version(
        {"id": "a"} | UNITS | {"points": 20} | cap(70, "challenge"), number=2, starts_on=MONDAY + timedelta(days=1)
    )
    sales = [sale("4 CREME"), sale("1 CREME", n=2, day=1), sale("9 CREME", n=3, day=1), sale("9 CREME", n=4)]
    scored, _ = fold([first, second], sales)
    assert [(one.gains[0].version, one.points) for one in scored] == [(1, 40), (2, 20), (2, 10), (1, 0)]


def test_reached_at_is_the_last_sale_that_moved_the_total() -> None:
    rules = version(UNITS, cap_total=30)
    _, tally = fold([rules], [sale("3 CREME"), sale("3 CREME", n=2)])
    assert tally.reached_at == sale("3 CREME").declared_at
    _, tally = fold([rules], [sale("3 CREME"), sale("3 CREME", n=2)], rank_by="progress")
    assert tally.reached_at == sale("3 CREME", n=2).declared_at


def test_points_without_progress_have_an_instant_all_the_same() -> None:
    free = SoldLine("GIFT", "Soin", "Visage", 1, 0)
    gift = sale(lines="1 CREME")._replace(lines=[free], units=1, value=0)
    _, tally = fold([version(UNITS)], [gift], measure="value", rank_by="progress")
    assert (tally.points, tally.measure, tally.reached_at) == (10, 0, gift.declared_at)


@pytest.mark.parametrize(
    ("objective", "uploaded", "baseline", "expected"),
    [
        ({"measure": "units", "default": 50}, None, None, 50),
        ({"measure": "units", "default": 50}, 80, 10, 80),
        ({"measure": "units", "default": 50, "baseline": {"factor": "1.10", "at_least": 5}}, None, 41, 45),
        ({"measure": "units", "default": 50, "baseline": {"factor": "1.10", "at_least": 5}}, None, 1, 5),
        ({"measure": "units", "default": 50, "baseline": {"factor": "1.10", "at_least": 5}}, None, None, 50),
        ({"measure": "units", "baseline": {"factor": "1.10", "at_least": 5}}, None, None, 5),
        ({"measure": "units", "baseline": {"factor": "0.5"}}, None, 1, 1),
        ({"measure": "value", "baseline": {"factor": "1.5"}}, None, 1_999, 29),
        ({"measure": "units"}, None, None, 1),
    ],
)
def test_a_target_is_uploaded_else_from_the_baseline_else_the_default(
    objective: dict[str, Any], uploaded: int | None, baseline: int | None, expected: int
) -> None:
    assert target_for(objective, uploaded, baseline) == expected


def test_progress_is_floored_basis_points() -> None:
    assert progress_bp(1, 3, "units") == 3333
    assert progress_bp(199, 2, "value") == 9950
    assert progress_bp(7, 2, "units") == 35_000


@pytest.mark.parametrize(
    ("sold_on", "declared_at", "received_at", "counts"),
    [
        (date(2026, 1, 5), "2026-01-05T10:00", "2026-01-05T10:00", True),
        (date(2026, 2, 1), "2026-02-04T22:59", "2026-02-05T22:59", True),
        (date(2026, 1, 4), "2026-01-05T10:00", "2026-01-05T10:00", False),
        (date(2026, 2, 2), "2026-02-02T10:00", "2026-02-02T10:00", False),
        (date(2026, 2, 1), "2026-02-04T23:00", "2026-02-04T23:00", False),
        (date(2026, 2, 1), "2026-02-04T22:59", "2026-02-05T23:00", False),
    ],
)
def test_what_counts_is_sold_in_the_period_and_told_in_time(
    sold_on: date, declared_at: str, received_at: str, counts: bool
) -> None:
    window = Window(date(2026, 1, 5), date(2026, 2, 1), datetime(2026, 2, 4, 23, 0, tzinfo=UTC))
    instants = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (declared_at, received_at))
    assert window.holds(sold_on, *instants) is counts


def test_definitions_are_read_as_written() -> None:
    rule = rule_from({"id": "b", "counts": "boost", "factor": "1.35", "of": ["a"], "when": {"weekdays": [6, 7]}})
    assert (rule.factor, rule.of, rule.when) == (
        Fraction(27, 20),
        frozenset({"a"}),
        When(weekdays=frozenset({6, 7})),
    )
    assert when_from({}) == When()


# --- properties ------------------------------------------------------------------------------------------------------

RULES = version(
    UNITS | {"when": {"categories": ["Soin"]}} | cap(60, "day"),
    VALUE | cap(40, "declaration"),
    {"counts": "feedback", "points": 15, "min_comment": 5},
    SALE | cap(20, "challenge"),
    {"counts": "boost", "factor": "1.35", "when": {"weekdays": [1, 2]}},
    {"counts": "boost", "factor": "1.5", "of": ["r1"]} | cap(30, "day"),
    {"counts": "milestone", "measure": "units", "at": 7, "points": 50},
    {"counts": "milestone", "measure": "points", "at": 150, "points": 25},
    cap_per_day=120,
    cap_total=400,
)
SALES = st.lists(
    st.builds(
        sale,
        st.lists(
            st.tuples(st.integers(1, 9), st.sampled_from(sorted(GOODS))).map(lambda pair: f"{pair[0]} {pair[1]}"),
            min_size=1,
            max_size=3,
        ).map(", ".join),
        n=st.integers(1, 400),
        day=st.integers(0, 6),
        rating=st.none() | st.integers(1, 5),
        comment_length=st.integers(0, 10),
    ),
    max_size=12,
    unique_by=lambda one: one.id,
)


@given(SALES)
def test_folding_on_equals_refolding_everything(sales: list[Sale]) -> None:
    ordered = sorted(sales, key=lambda one: (one.declared_at, one.received_at, one.id))
    whole, total = fold([RULES], ordered)
    step_by_step = Tally()
    stepped = [fold([RULES], [one], tally=step_by_step)[0][0] for one in ordered]
    assert stepped == whole
    assert step_by_step == total


@given(SALES, st.randoms(use_true_random=False))
def test_the_order_in_which_sales_are_handed_over_does_not_matter(sales: list[Sale], random: Any) -> None:
    shuffled = list(sales)
    random.shuffle(shuffled)
    assert fold([RULES], shuffled) == fold([RULES], sales)


@given(SALES)
def test_caps_hold_and_nothing_is_ever_negative(sales: list[Sale]) -> None:
    scored, tally = fold([RULES], sales)
    milestones = {"r7", "r8"}
    capped = [(one.sale.sold_on, gain.points) for one in scored for gain in one.gains if gain.rule not in milestones]
    assert all(amount >= 0 for _, amount in capped)
    assert sum(amount for _, amount in capped) <= 400
    for day in {day for day, _ in capped}:
        assert sum(amount for other, amount in capped if other == day) <= 120
    assert tally.points == sum(one.points for one in scored)
    assert all(before.total <= after.total for before, after in pairwise(scored))
