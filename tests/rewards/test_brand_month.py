"""A month of the brand with everything that can happen to points, worked out by hand; and orders held to the ledger."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from foundation import clock
from foundation.database import db
from foundation.programme import change_setting
from foundation.transactions import transaction
from network.models import Person
from points import jobs, wallet
from points.queries import wallet_points
from rewards import orders
from rewards.models import Order, Reward
from tests.cast import Cast
from tests.conftest import Client
from tests.points.test_wallet import unguarded
from tests.rewards.shop import credit, offer, order


def february(day: int) -> datetime:
    return datetime(2026, 2, day, 11, 0, tzinfo=UTC)


def choose(name: str, value: str) -> None:
    with transaction():
        change_setting(name, value, by="ADA", at=february(1))


def adjust(person: Person, points: int, at: datetime) -> Any:
    with transaction():
        return wallet.adjust(db.session.get_one(Person, person.id), points, "Salon", by="MARC", at=at)


def cancel(placed: Order, at: datetime) -> None:
    with transaction():
        orders.cancel(db.session.get_one(Order, placed.id), "Plus en stock", by="MARC", at=at)


@pytest.fixture
def month(cast: Cast) -> None:
    """February 2026, in which a wallet point costs 3 cents."""
    choose("wallet_point_cents", "3")
    bag, mug = offer("SAC", price_points=100), offer("MUG", price_points=30)
    credit(cast.awa, 500, at=datetime(2026, 1, 10, tzinfo=UTC))
    adjust(cast.awa, 100, february(1))  # issued 100
    choose("wallet_points_expire_after_days", "5")
    credit(cast.bruno, 80, at=february(2))  # issued 80, until the end of 7 February
    choose("wallet_points_expire_after_days", "0")
    order(cast.awa, bag, at=february(3))  # spent 100
    cancel(order(cast.bruno, mug, at=february(3)), february(4))  # spent 30, given back 30
    adjust(cast.awa, -40, february(4))  # taken back 40
    with transaction():
        waits = wallet.adjust(db.session.get_one(Person, cast.awa.id), 2_000, "Prix", by="MARC", at=february(5))
        assert waits.needs_approval  # nobody approves it: nothing
    list(jobs.expire_lots(february(10)))  # expired 80
    for person, policy, day in ((cast.chloe, "forgive", 12), (cast.nina, "debt", 13)):
        credit(person, 60, at=february(5))  # issued 60, twice
        order(person, mug, at=february(6))  # spent 30, twice
        choose("reversal_policy", policy)
        with transaction():  # taken back 60, twice; 30 of Chloé's are left to her, Nina owes 30
            wallet.revert(f"gift/{person.code}/60", "Clôture refaite", by="MARC", at=february(day))


def test_february_to_the_point_and_to_the_cent(runner: Any, month: None, cast: Cast) -> None:
    rows = list(csv.reader(io.StringIO(runner.run("points", "brand-statement", "--month", "2026-02").stdout)))
    # issued     100 + 80 + 60 + 60 = 300        taken back  40 + 60 + 60 = 160
    # spent      100 + 30 + 30 + 30 = 190        given back  30
    # expired    80                              forgiven    30
    # owed       500 + 300 + 30 + 30 − 160 − 190 − 80 = 430: Awa 460, Bruno 0, Chloé 0, Nina −30
    assert rows[1] == ["2026-02", "wallet", "points", "500", "300", "160", "190", "30", "80", "30", "430"]
    assert rows[2] == [
        "2026-02", "wallet", "euros", "15.00", "9.00", "4.80", "5.70", "0.90", "2.40", "0.90", "12.90",
    ]  # fmt: skip
    people = (cast.awa, cast.bruno, cast.chloe, cast.nina)
    assert [wallet_points(person.id) for person in people] == [460, 0, 0, -30]
    runner.run("points", "verify")


def test_the_brand_reads_the_same_figures_on_the_page(
    client: Client, month: None, cast: Cast, monkeypatch: Any
) -> None:
    monkeypatch.setattr(clock, "now", lambda: february(20))
    client.sign_in(cast.ines)
    page = client.get("/studio/points/statement?month=2026-02").text.replace("\xa0", " ")
    for figure in ("15,00 €", "9,00 €", "4,80 €", "5,70 €", "0,90 €", "2,40 €", "12,90 €"):
        assert figure in page, figure


def test_an_order_keeps_the_price_and_the_cost_of_its_moment(cast: Cast) -> None:
    bag = offer("SAC", price_points=100, cost_cents=900)
    credit(cast.awa, 500)
    placed = order(cast.awa, bag)
    with transaction():
        db.session.execute(update(Reward).values(price_points=250, cost_cents=2_000))
    later = order(cast.awa, db.session.get_one(Reward, bag.id))
    found = db.session.execute(select(Order.id, Order.price_points, Order.cost_cents).order_by(Order.id)).all()
    assert found == [(placed.id, 100, 900), (later.id, 250, 2_000)]


@pytest.mark.parametrize(
    ("tables", "statement", "found"),
    [
        (
            (),
            "UPDATE orders SET price_points = 99 WHERE id = 1",
            "order 1: it is ordered at 99 points",
        ),
        ((), "UPDATE orders SET person_id = person_id + 1 WHERE id = 1", "order 1: it is ordered at 100 points"),
        ((), "UPDATE orders SET state = 'cancelled' WHERE id = 1", "order 1: it is cancelled at 100 points"),
        ((), "UPDATE orders SET state = 'approved' WHERE id = 2", "order 2: it is approved at 30 points, the ledger"),
        (
            ("order_changes",),
            "DELETE FROM order_changes; DELETE FROM orders WHERE id = 1",
            "(order/1): points were spent",
        ),
    ],
)
def test_an_order_changed_behind_the_products_back_is_named(
    runner: Any, month: None, tables: tuple[str, ...], statement: str, found: str
) -> None:
    runner.run("points", "verify")
    with transaction():
        unguarded(*tables)
        for one in statement.split("; "):
            db.session.execute(db.text(one))
    assert found in runner.run("points", "verify", exits=1).stderr
