"""What may be shown: no figure leads back to one shop, and every figure shown is the right one."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insights.rules import (
    Period,
    Selection,
    Tally,
    Together,
    WrongSelection,
    change_percent,
    given_up,
    last_whole_week,
    measure,
    passes,
    preset,
    selection,
    smallest_first,
)

pytestmark = pytest.mark.any_engine

DAY = date(2026, 2, 4)


@pytest.mark.parametrize(
    ("declarations", "groups", "largest", "value", "shown"),
    [
        (5, 3, 40, 100, True),
        (4, 3, 40, 100, False),
        (5, 2, 40, 100, False),
        (5, 3, 85, 100, True),
        (5, 3, 86, 100, False),
        (5, 3, 8501, 10_000, False),
        (5, 3, 0, 0, True),
        (100, 3, 10**15 * 85, 10**17, True),
        (100, 3, 10**15 * 85 + 1, 10**17, False),
        (0, 0, 0, 0, False),
    ],
)
def test_a_cell_is_shown_with_five_declarations_of_three_groups_none_above_85_percent(
    declarations: int, groups: int, largest: int, value: int, shown: bool
) -> None:
    assert passes(declarations, groups, largest, value) is shown


@pytest.mark.parametrize(
    ("tally", "expected"),
    [
        # declarations, units, value, named, returning, ratings, sum, recommends, promoters, detractors, comments
        (Tally(7, 20, 999), (7, 20, 999, 2, None, None, None, 0)),
        (Tally(7, 20, 999, 3, 2), (7, 20, 999, 2, 6666, None, None, 0)),
        (Tally(7, 20, 999, 3, 0), (7, 20, 999, 2, 0, None, None, 0)),
        (Tally(7, 20, 999, 0, 0, 4, 20), (7, 20, 999, 2, None, None, None, 0)),
        (Tally(7, 20, 999, 0, 0, 6, 25), (7, 20, 999, 2, None, 4166, None, 0)),
        (Tally(7, 20, 999, 0, 0, 0, 0, 4, 4, 0), (7, 20, 999, 2, None, None, None, 0)),
        (Tally(7, 20, 999, 0, 0, 0, 0, 7, 4, 1, 3), (7, 20, 999, 2, None, None, 42, 3)),
        (Tally(7, 20, 999, 0, 0, 0, 0, 7, 1, 2, 3), (7, 20, 999, 2, None, None, -15, 3)),
        (Tally(7, 6, 999), (7, 6, 999, 0, None, None, None, 0)),
    ],
)
def test_measures_are_floored_and_empty_without_enough_answers(tally: Tally, expected: tuple[int | None, ...]) -> None:
    assert measure(tally).values() == expected


def test_a_shop_reads_its_own_figures_from_the_first_answer_on() -> None:
    own = measure(Tally(1, 3, 300, 1, 1, 1, 4, 1, 1, 0), enough=1)
    assert (own.rating_avg_milli, own.nps) == (4000, 100)
    assert measure(Tally(), enough=1).values() == (0, 0, 0, None, None, None, None, 0)


@pytest.mark.parametrize(
    ("by", "said"),
    [
        ("", "no dimension given"),
        ("colour", "unknown dimension 'colour'; write one of day, week, month, country, region"),
        ("month,month", "'month' is named twice"),
        ("month,", "unknown dimension ''"),
    ],
)
def test_a_selection_that_means_nothing_is_refused_in_words(by: str, said: str) -> None:
    with pytest.raises(WrongSelection, match=said):
        selection(DAY, DAY, by)


def test_a_period_goes_forward() -> None:
    with pytest.raises(WrongSelection, match="from 2026-02-04 is after until 2026-02-03"):
        Selection(DAY, date(2026, 2, 3), ("day",))
    assert selection(DAY, DAY, " month , sku ").by == ("month", "sku")


def test_the_smallest_shown_cells_are_given_up_until_the_hidden_ones_hide_each_other() -> None:
    shown = [(("x",), {"A": 10, "B": 10, "C": 10}), (("y",), {"A": 5, "B": 50, "C": 60})]
    assert given_up(Together(1, {"A": 20}), shown) == [("x",)]
    assert given_up(Together(1, {"A": 400}), shown) == [("x",), ("y",)]
    assert given_up(Together(6, {"A": 20, "B": 20, "C": 20}), shown) == []


def test_dates_of_the_page() -> None:
    assert last_whole_week(date(2026, 2, 4)) == Period(date(2026, 1, 26), date(2026, 2, 1))
    assert last_whole_week(date(2026, 2, 2)) == Period(date(2026, 1, 26), date(2026, 2, 1))
    assert last_whole_week(date(2026, 2, 1)) == Period(date(2026, 1, 19), date(2026, 1, 25))
    assert Period(date(2026, 1, 26), date(2026, 2, 1)).before() == Period(date(2026, 1, 19), date(2026, 1, 25))
    assert preset("4w", date(2026, 2, 4)) == Period(date(2026, 1, 12), date(2026, 2, 4))
    assert preset("12m", date(2026, 2, 4)) == Period(date(2025, 3, 1), date(2026, 2, 4))
    assert preset("12m", date(2025, 12, 31)) == Period(date(2025, 1, 1), date(2025, 12, 31))
    assert preset("5w", DAY) is None


@pytest.mark.parametrize(
    ("now", "before", "said"), [(110, 100, 10), (90, 100, -10), (1009, 1000, 0), (991, 1000, 0), (5, 0, None)]
)
def test_a_change_is_said_in_whole_per_cent_towards_zero(now: int, before: int, said: int | None) -> None:
    assert change_percent(now, before) == said


# A declaration: its legal group, and cents in some of the cells.
declarations_of_cells = st.lists(
    st.tuples(
        st.sampled_from("ABCDEF"),
        st.dictionaries(st.sampled_from("uvwxyz"), st.sampled_from([0, 1, 10, 100, 900]), min_size=1, max_size=3),
    ),
    max_size=60,
)


@given(declarations_of_cells)
def test_nothing_hidden_can_be_computed_from_what_is_shown(sales: list[tuple[str, dict[str, int]]]) -> None:
    cells = {name: [(n, g, c[name]) for n, (g, c) in enumerate(sales) if name in c] for name in "uvwxyz"}
    cells = {name: entries for name, entries in cells.items() if entries}
    failing = {name for name, entries in cells.items() if not _together(entries).safe}
    hidden = set(failing)
    if failing:
        shown = sorted(
            ((name,), Tally(declarations=len(entries))) for name, entries in cells.items() if name not in failing
        )
        shown.sort(key=smallest_first)
        union = _together([entry for name in failing for entry in cells[name]])
        values = [(key, dict(_together(cells[key[0]]).values)) for key, _ in shown]
        hidden |= {key[0] for key in given_up(union, values)}
    total = _together([entry for entries in cells.values() for entry in entries])
    for name, entries in cells.items():
        if name not in hidden:
            assert _together(entries).safe, "every shown cell passes the three tests"
    if hidden and total.safe:
        together = _together([entry for name in hidden for entry in cells[name]])
        assert together.safe, "total minus shown passes the three tests"
        assert len(hidden) != 1, "one hidden cell alone is total minus the others"
    if hidden and not total.safe:
        assert hidden == set(cells), "with the total hidden, everything is"
    if not hidden and cells:
        assert total.safe


def _together(entries: list[tuple[int, str, int]]) -> Together:
    values: dict[str, int] = {}
    for _, group, cents in entries:
        values[group] = values.get(group, 0) + cents
    return Together(len({number for number, _, _ in entries}), values)
