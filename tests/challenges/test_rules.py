"""What the tables of cases/ do not say: the arithmetic behind the words, targets, windows, and what always holds."""

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


UNITS = {"counts": "units", "points": 10}
VALUE = {"counts": "value", "points": 2, "per": 5}
SALE = {"counts": "declaration", "points": 7}


def cap(amount: int, per: str) -> dict[str, Any]:
    """A rule's own cap."""
    return {"cap": {"points": amount, "per": per}}


def test_a_cap_says_what_it_left() -> None:
    rules = version(UNITS | cap(100, "day"))
    scored, _ = fold([rules], [sale("9 CREME"), sale("3 CREME", n=2), sale("1 CREME", n=3)])
    assert scored[1].gains[0].why == {
        "counts": "units", "points": 10, "units": 3, "per": 1, "sku": "CREME", "gives": 30,
        "cut": [{"by": "day", "cap": 100, "left": 10}],
    }  # fmt: skip
    assert scored[2].gains[0].points == 0, "no points, yet the explanation says why"


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
