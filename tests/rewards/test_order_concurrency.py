"""A thousand people, a hundred articles: a hundred orders, and not a point too many."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, literal, select, update

from foundation.database import db
from foundation.transactions import transaction
from network.models import Person
from points.models import WALLET, Entry
from points.operations import credit_selected
from rewards import codes, orders
from rewards.jobs import give_codes
from rewards.models import Order, OrderChange, Reward, VoucherCode
from rewards.rules import NotOrdered
from tests.cast import JOINED_AT
from tests.conftest import make_app, make_settings
from tests.declarations.test_concurrency import at_once
from tests.rewards.shop import ADDRESS, NOW, balance, broken_wallets, credit, offer, order, stock

FORKING = multiprocessing.get_context("fork")
BUYERS = {"sqlite": 8, "postgresql": 16}


def buy(url: str, folder: Path, wishes: list[tuple[str, str]], start: Any, told: Any) -> None:
    """A process with its own connection: one wish (person, token) after the other; tells how each went."""
    app = make_app(make_settings(url, folder))
    with app.app_context():
        people = {person.code: person.id for person in db.session.scalars(select(Person))}
        reward_id = db.session.scalar(select(Reward.id))
        db.session.rollback()
        start.wait(60)
        went = []
        for code, token in wishes:
            try:
                with transaction():
                    person = db.session.get_one(Person, people[code])
                    reward = db.session.get_one(Reward, reward_id)
                    order = orders.place(person, reward, price=100, token=token, address=ADDRESS, by=code, at=NOW)
                    went.append(("ordered", order.id))
            except NotOrdered as refused:
                went.append((refused.reason, 0))
            except Exception as error:
                went.append((repr(error), 0))
        db.session.remove()
        db.engine.dispose()
        told.put(went)


@contextmanager
def no_connection_shared() -> Iterator[None]:
    """Children are made while the parent holds no connection."""
    db.session.remove()
    db.engine.dispose()
    yield


def all_at_once(app, url: str, folder: Path, buyers: int, wishes: list[tuple[str, str]]) -> list[tuple[str, int]]:
    """Spread wishes over processes that begin at the same moment."""
    told, start = FORKING.Queue(), FORKING.Barrier(buyers)
    with no_connection_shared():
        working = [
            FORKING.Process(target=buy, args=(url, folder, wishes[number::buyers], start, told))
            for number in range(buyers)
        ]
        for process in working:
            process.start()
        went = [one for _ in working for one in told.get(timeout=300)]
        for process in working:
            process.join(60)
    assert [process.exitcode for process in working] == [0] * buyers
    return went


@pytest.fixture
def crowd(cast) -> list[str]:
    """A thousand people with a hundred and fifty points each."""
    with transaction():
        outlet = cast.awa.outlet_id
        db.session.execute(
            insert(Person),
            [
                {
                    "code": f"P{number:04}", "name": f"Personne {number}", "outlet_id": outlet, "role": "reseller",
                    "status": "employee", "language": "fr", "created_at": JOINED_AT, "session_key": "k",
                }
                for number in range(1000)
            ],
        )  # fmt: skip
        everybody = select(
            Person.id, Person.code, literal(150), literal("gift/") + Person.code, literal("gift"), literal("{}")
        ).where(Person.code.startswith("P0") | Person.code.startswith("P1"))
        credit_selected(WALLET, everybody, at=NOW)
    return [f"P{number:04}" for number in range(1000)]


def test_a_thousand_orders_for_a_stock_of_a_hundred(app, crowd, database_url, engine_name, tmp_path) -> None:
    offer(stock=100)
    wishes = [(code, f"{code}-form") for code in crowd]
    went = all_at_once(app, database_url, tmp_path, BUYERS[engine_name], wishes)
    assert Counter(outcome for outcome, _ in went) == {"ordered": 100, "sold_out": 900}
    assert stock() == 0
    bought = set(db.session.scalars(select(Person.code).join(Order, Order.person_id == Person.id)))
    assert len(bought) == 100
    balances = Counter(
        (code in bought, balance(db.session.scalar(select(Person).where(Person.code == code)))) for code in crowd[::7]
    )
    assert set(balances) <= {(True, 50), (False, 150)}
    assert db.session.scalar(select(func.count()).select_from(Entry).where(Entry.reference.startswith("order/"))) == 100
    assert db.session.scalar(select(func.count()).select_from(OrderChange)) == 100
    assert broken_wallets() == []


def test_two_people_on_the_last_article_end_with_one_order(app, cast, database_url, engine_name, tmp_path) -> None:
    offer(stock=1)
    for person in (cast.awa, cast.bruno):
        credit(person, 100)
    went = all_at_once(app, database_url, tmp_path, 2, [("AWA", "a"), ("BRUNO", "b")])
    assert sorted(outcome for outcome, _ in went) == ["ordered", "sold_out"]
    assert stock() == 0
    assert sorted([balance(cast.awa), balance(cast.bruno)]) == [0, 100]


def test_one_person_in_many_tabs_ends_with_one_order(app, cast, database_url, engine_name, tmp_path) -> None:
    reward = offer(stock=10)
    credit(cast.awa, 1000)
    token = orders.form_token(cast.awa, reward)
    went = all_at_once(app, database_url, tmp_path, 4, [("AWA", token)] * 12)
    assert len({went_to for went_to in went}) == 1
    assert (stock(), balance(cast.awa)) == (9, 900)


def test_points_for_one_order_only_are_not_spent_twice(app, cast, database_url, engine_name, tmp_path) -> None:
    offer(stock=10)
    credit(cast.awa, 150)
    went = all_at_once(app, database_url, tmp_path, 4, [("AWA", f"tab-{number}") for number in range(8)])
    assert Counter(outcome for outcome, _ in went) == {"ordered": 1, "points": 7}
    assert (stock(), balance(cast.awa)) == (9, 50)
    assert broken_wallets() == []


def test_a_limit_per_person_holds_in_many_tabs(app, cast, database_url, engine_name, tmp_path) -> None:
    offer(stock=10, limit_per_person=2)
    credit(cast.awa, 1000)
    went = all_at_once(app, database_url, tmp_path, 4, [("AWA", f"tab-{number}") for number in range(8)])
    assert Counter(outcome for outcome, _ in went) == {"ordered": 2, "limit": 6}
    assert (stock(), balance(cast.awa)) == (8, 800)


def test_a_price_that_changes_while_an_order_is_made_is_not_paid_at_the_old_one(app, cast) -> None:
    reward = offer(stock=10)
    credit(cast.awa, 250)
    told: list[str] = []

    def buy_at_the_old_price() -> None:
        with app.app_context():
            try:
                awa = db.session.scalars(select(Person).where(Person.code == "AWA")).one()
                order(awa, db.session.scalars(select(Reward)).one(), price=100)
                told.append("ordered")
            except NotOrdered as refused:
                told.append(f"{refused.reason} {refused.value}")
            finally:
                db.session.remove()

    buyer = threading.Thread(target=buy_at_the_old_price)
    with transaction():
        db.session.execute(update(Reward).where(Reward.id == reward.id).values(price_points=120))
        buyer.start()
        time.sleep(0.5)  # the buyer has read what was there before, and waits for the article's row
    buyer.join(30)
    assert told == ["price 120"]
    assert (stock(), balance(cast.awa)) == (10, 250)


def test_codes_given_at_the_same_moment_go_to_one_order_each(app, cast) -> None:
    reward = offer("BON", kind="voucher", price_points=1)
    credit(cast.awa, 20)
    waiting = [order(cast.awa, reward, token=f"form-{number}", address="").id for number in range(12)]
    with transaction():
        codes.add(db.session.get_one(Reward, reward.id), [f"CODE-{number}" for number in range(8)], by="MARC", at=NOW)

    def accept(number: int) -> None:
        with transaction():
            orders.approve(db.session.get_one(Order, waiting[number]), by="MARC", at=NOW)

    at_once(app, accept, len(waiting))
    list(give_codes(NOW))  # a code that was held by another for a moment
    given = select(VoucherCode.order_id).where(VoucherCode.order_id.is_not(None))
    served = list(db.session.scalars(given))
    assert len(served) == len(set(served)) == 8
    states = Counter(db.session.scalars(select(Order.state)))
    assert states == {"sent": 8, "approved": 4}
    assert stock("BON") == 0


def test_cancelling_and_accepting_at_the_same_moment_is_one_of_them(app, cast) -> None:
    reward = offer(stock=3)
    credit(cast.awa, 100)
    number = order(cast.awa, reward).id

    def decide(turn: int) -> str:
        try:
            with transaction():
                made = db.session.get_one(Order, number)
                if turn % 2:
                    orders.cancel(made, "Rupture", by="MARC", at=NOW, while_ordered=True)
                else:
                    orders.approve(made, by="ADA", at=NOW)
        except NotOrdered:
            return "too late"
        return "decided"

    assert sorted(at_once(app, decide, 8)) == ["decided"] + ["too late"] * 7
    state = db.session.get_one(Order, number).state
    assert (state, stock(), balance(cast.awa)) in (("approved", 2, 0), ("cancelled", 3, 100))
    assert broken_wallets() == []
