"""What the law asks on rewards of employed people, to the cent, against figures worked out by hand.

2025: minimum wage 1 801.80 €; 15 % is 270.27 €, 150 % is 2 702.70 €.
2026: minimum wage 1 823.03 €; 15 % is 273.4545, so 273.45 €, 150 % is 2 734.545, so 2 734.55 €.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from challenges.definition import definition_from
from foundation.database import db
from foundation.transactions import transaction
from rewards.backtest import Backtest, backtest
from rewards.backtest_results import plain
from rewards.contribution import Bands, Contribution, Figures, OfStatus, bands_on, by_status, contribution
from rewards.models import Reward
from rewards.status_words import after_backtest
from tests.cast import Cast
from tests.declarations.stage import NOW, sell

BANDS = {2025: Bands(27_027, 270_270, Decimal(20)), 2026: Bands(27_345, 273_455, Decimal(20))}


def test_the_figures_are_those_of_the_year(app: Flask) -> None:
    assert bands_on(date(2025, 12, 31)) == BANDS[2025]
    assert bands_on(date(2026, 1, 1)) == BANDS[2026]
    assert bands_on(date(2031, 1, 1)) is None


@pytest.mark.any_engine
@pytest.mark.parametrize(
    ("year", "received", "due", "people", "above", "above_people"),
    [
        (2025, [], 0, 0, 0, 0),
        (2025, [27_027], 0, 0, 0, 0),  # exactly the free band
        (2025, [27_028], 0, 1, 0, 0),  # 20 % of a cent, floored
        (2025, [27_032], 1, 1, 0, 0),  # 20 % of 5 cents
        (2025, [50_000], 4_594, 1, 0, 0),  # 500.00 − 270.27 = 229.73; 20 % = 45.946
        (2025, [270_270], 48_648, 1, 0, 0),  # 2 702.70 − 270.27 = 2 432.43; 20 % = 486.486
        (2025, [300_000], 48_648, 1, 29_730, 1),  # above: 3 000.00 − 2 702.70 = 297.30
        (2026, [27_345], 0, 0, 0, 0),
        (2026, [30_000], 531, 1, 0, 0),  # 300.00 − 273.45 = 26.55; 20 % = 5.31
        (2026, [50_000], 4_531, 1, 0, 0),  # 226.55; 20 % = 45.31
        (2026, [273_455], 49_222, 1, 0, 0),  # 2 734.55 − 273.45 = 2 461.10; 20 % = 492.22
        (2026, [273_456], 49_222, 1, 1, 1),
        (2026, [20_000, 30_000, 50_000], 5_062, 2, 0, 0),  # 26.55 + 226.55 = 253.10; 20 % = 50.62
        (2026, [27_346, 27_347], 0, 2, 0, 0),  # 3 cents together; 20 % = 0.6
    ],
)
def test_to_the_cent(year: int, received: list[int], due: int, people: int, above: int, above_people: int) -> None:
    assert contribution(received, BANDS[year]) == Contribution(due, people, above, above_people)


@pytest.mark.any_engine
def test_what_each_status_receives_is_cut_as_the_law_does() -> None:
    figures = Figures(2026, BANDS[2026], 240_000)
    received = [
        ("staff", 5), ("employee", 30_000), ("vdi", 1_000), ("employee", 300_000), ("independent", 240_001),
        ("independent", 240_000),
    ]  # fmt: skip
    # Employees: free 273.45 twice; between 26.55 + 2 461.10 = 2 487.65, 20 % of it 497.53; above 265.45.
    assert by_status(received, figures) == [
        OfStatus("employee", 2, 330_000, 54_690, 248_765, 49_753, 26_545, 0, 0),
        OfStatus("independent", 2, 480_001, 0, 0, 0, 0, 0, 1),
        OfStatus("vdi", 1, 1_000, 0, 0, 0, 0, 0, 0),
        OfStatus("staff", 1, 5, 0, 0, 0, 0, 5, 0),
    ]
    unknown = by_status([("employee", 5), ("independent", 5)], Figures(2031, None, None))
    assert [(one.free_cents, one.due_cents, one.das2_people) for one in unknown] == [(None, None, 0), (0, 0, None)]


# Awa and Chloé are employed by a shop, Bruno is independent, Nina a home seller.


def played(ends_on: str = "2026-12-20", **changes: Any) -> Backtest:
    """A challenge that ends in a year, on the sales of February 2026."""
    data = {
        "code": "essai", "name": "Essai", "starts_on": f"{ends_on[:4]}-12-01", "ends_on": ends_on,
        "rules": [{"id": "unites", "counts": "units", "points": 10}],
        "payouts": [
            {"kind": "threshold", "points": 10, "wallet": 20_000},
            {"kind": "convert", "every": 10, "into": 5_000},
        ],
    }  # fmt: skip
    return backtest(definition_from(data | changes), date(2026, 2, 1), date(2026, 2, 28), at=NOW)


def test_what_an_employed_person_receives_is_added_up_and_others_are_left_out(app: Flask, cast: Cast) -> None:
    sell("AWA", [("CREME", 2)], name="a")
    sell("BRUNO", [("CREME", 9)], name="b")
    sell("NINA", [("CREME", 9)], name="n", channel="meeting")
    found = played()
    assert found.cost_cents == 3 * 20_000 + 20 * 5_000
    # Awa: 200 € and 2 × 50 € = 300 €, so 20 % of 26.55 €.
    assert found.contribution == Contribution(531, 1, 0, 0)
    assert found.statuses == (
        OfStatus("employee", 1, 30_000, 27_345, 2_655, 531, 0, 0, 0),
        OfStatus("independent", 1, 65_000, 0, 0, 0, 0, 0, 0),  # 200 € and 9 × 50 €
        OfStatus("vdi", 1, 65_000, 0, 0, 0, 0, 0, 0),
    )
    assert played("2025-12-20").contribution == Contribution(594, 1, 0, 0)  # 300.00 − 270.27 = 29.73; 20 % = 5.946


def test_a_backtest_says_the_bands_of_each_status(app: Flask, cast: Cast) -> None:
    sell("AWA", [("CREME", 2)], name="a")
    sell("BRUNO", [("CREME", 50)], name="b")
    lines = after_backtest(plain(played(), "Essai"))
    assert [(line.who, line.amount.replace("\xa0", " ").replace("\u202f", " ")) for line in lines] == [
        ("Salarié · 1 personne", "300,00 €"), ("Indépendant · 1 personne", "2 700,00 €"),
    ]  # fmt: skip
    assert lines[0].law.replace("\xa0", " ") == (
        "Rien n’est dû sur 273,45 €\u202f; contribution de 5,31 € sur 26,55 €\u202f; droit commun sur 0,00 €."
    )
    assert lines[1].law == "1 personne passe le seuil de la DAS2."  # 2 400 €


def test_an_unknown_year_is_not_guessed(app: Flask, cast: Cast) -> None:
    sell("AWA", [("CREME", 2)], name="a")
    found = played("2031-12-20")
    assert (found.law_year, found.contribution) == (2031, None)


def test_what_is_not_funded_is_not_counted(app: Flask, cast: Cast) -> None:
    sell("AWA", [("CREME", 2)], name="a")
    assert played(budget=250).contribution == Contribution(0, 0, 0, 0)
    assert played(budget=300).contribution == Contribution(531, 1, 0, 0)


def test_what_goes_to_an_outlet_is_nobodys_reward(app: Flask, cast: Cast) -> None:
    sell("AWA", [("CREME", 2)], name="a")
    with transaction():
        db.session.add(
            Reward(
                code="SPA", name="SPA", kind="gift", cost_cents=90_000, price_points=None, stock=None,
                limit_per_person=None, countries="", starts_on=None, ends_on=None,
            )
        )  # fmt: skip
    rank = [{"kind": "rank", "from": 1, "to": 1, "reward": "SPA"}]
    assert played(ranks="outlet", payouts=rank).contribution == Contribution(0, 0, 0, 0)
    assert played(payouts=rank).contribution == Contribution(12_531, 1, 0, 0)  # 900 − 273.45 = 626.55; 20 % = 125.31
    convert = [{"kind": "convert", "every": 1, "into": 4_500}]
    assert played(ranks="outlet", payouts=convert).contribution == Contribution(12_531, 1, 0, 0)


def test_above_the_second_limit_common_law_is_said(app: Flask, cast: Cast) -> None:
    sell("AWA", [("CREME", 2)], name="a")
    sell("CHLOE", [("CREME", 1)], name="c")
    found = played(payouts=[{"kind": "convert", "every": 10, "into": 150_000}])
    # Awa 3 000 €: 2 461.10 between the limits, 265.45 above. Chloé 1 500 €: 1 226.55. 20 % of 3 687.65 = 737.53.
    assert found.contribution == Contribution(73_753, 2, 26_545, 1)


def test_the_same_person_suspended_costs_nothing(app: Flask, cast: Cast) -> None:
    sell("AWA", [("CREME", 2)], name="a")
    with transaction():
        cast.awa.suspended_at = NOW
    found = played()
    assert (found.cost_cents, found.contribution) == (0, Contribution(0, 0, 0, 0))
