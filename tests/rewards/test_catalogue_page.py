"""/rewards: what wallet points are worth, in my country, today."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest

from foundation import clock
from foundation.database import db
from foundation.transactions import transaction
from rewards.models import Reward

TODAY = clock.now().date()


@pytest.fixture
def offer(app):
    """offer("Spa", price_points=…): puts an article in the catalogue."""

    def add(name, **values):
        base = {"kind": "gift", "cost_cents": 1000, "price_points": 1250, "countries": ""}
        with transaction():
            db.session.add(Reward(code=name.upper(), name=name, **(base | values)))

    return add


@pytest.fixture
def awa(client, cast):
    """Awa's browser; she works in France."""
    client.sign_in(cast.awa)
    return client


def test_without_articles_the_page_says_so(awa):
    assert "Pas encore de cadeau ici" in awa.get("/rewards").text


def test_prices_are_shown_in_points_and_costs_are_not(awa, offer):
    offer("Coffret", price_points=1250, cost_cents=98765)
    page = awa.get("/rewards").text
    assert "Coffret" in page
    assert re.search(r"1\s250", page)
    assert "987" not in page


@pytest.mark.parametrize(
    ("values", "seen"),
    [
        ({}, True),
        ({"countries": "FR"}, True),
        ({"countries": "BE,FR"}, True),
        ({"countries": "BE"}, False),
        ({"stock": 0}, True),
        ({"stock": 1}, True),
        ({"price_points": None}, False),
        ({"starts_on": TODAY + timedelta(days=2)}, False),
        ({"starts_on": TODAY - timedelta(days=2)}, True),
        ({"ends_on": TODAY - timedelta(days=2)}, False),
        ({"ends_on": TODAY + timedelta(days=2)}, True),
        ({"starts_on": date(2020, 1, 1), "ends_on": date(2020, 12, 31)}, False),
    ],
)
def test_only_what_is_offered_now_and_here_is_shown(awa, offer, values, seen):
    offer("Coffret", **values)
    assert ("Coffret" in awa.get("/rewards").text) is seen


def test_the_cheapest_comes_first(awa, offer):
    offer("Cher", price_points=9000)
    offer("Petit", price_points=100)
    page = awa.get("/rewards").text
    assert page.index("Petit") < page.index("Cher")


def test_the_catalogue_is_paged(awa, offer):
    for number in range(30):
        offer(f"Lot {number:02}", price_points=100 + number)
    assert "Lot 23" in awa.get("/rewards").text and "Lot 24" not in awa.get("/rewards").text
    assert "Lot 24" in awa.get("/rewards?page=2").text


def test_the_page_is_for_participants(client, cast):
    assert client.get("/rewards").headers["Location"] == "/sign-in?next=/rewards"
    client.sign_in(cast.marc)
    assert client.get("/rewards").status_code == 404
