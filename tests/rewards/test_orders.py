"""An order from the wish to the door: what is held, what comes back, what is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from foundation import programme
from foundation.database import db
from foundation.models import AuditEntry
from foundation.transactions import transaction
from network import operations
from network.models import Notice, Outlet
from points.wallet import expire
from rewards import catalogue, fulfilment, orders
from rewards.jobs import tell_waiting
from rewards.models import Order, OrderChange, Reward
from rewards.queries import changes_of
from rewards.rules import NotOrdered
from tests.rewards.shop import ADDRESS, NOW, balance, broken_wallets, credit, fresh, offer, order, stock

LATER = NOW + timedelta(hours=1)


def refused(person, reward, **values) -> NotOrdered:
    """Why an order was refused; nothing of it remains."""
    before = (balance(person), stock(reward.code), db.session.scalar(select(func.count()).select_from(Order)))
    with pytest.raises(NotOrdered) as told:
        order(person, reward, **values)
    assert (
        balance(person),
        stock(reward.code),
        db.session.scalar(select(func.count()).select_from(Order)),
    ) == before
    return told.value


def test_an_order_holds_its_article_and_its_points(cast):
    reward = offer(stock=3)
    credit(cast.awa, 250)
    made = order(cast.awa, reward)
    assert (made.state, made.price_points, made.cost_cents) == ("ordered", 100, 900)
    assert (stock(), balance(cast.awa)) == (2, 150)
    assert [change.state for change in changes_of(fresh(Order, made.id))] == ["ordered"]
    assert broken_wallets() == []


def test_an_order_goes_its_way_and_each_step_is_noted_and_told(cast):
    reward = offer(stock=3)
    credit(cast.awa, 250)
    made = order(cast.awa, reward)
    for step in (
        lambda: orders.approve(made, by="MARC", at=NOW),
        lambda: orders.send(made, "Colis 12", by="MARC", at=NOW),
        lambda: orders.deliver(made, by="MARC", at=NOW),
    ):
        with transaction():
            step()
    assert [(one.state, one.changed_by) for one in changes_of(made)] == [
        ("ordered", "AWA"), ("approved", "MARC"), ("sent", "MARC"), ("delivered", "MARC"),
    ]  # fmt: skip
    titles = list(db.session.scalars(select(Notice.title).where(Notice.person_id == cast.awa.id)))
    assert titles == ["Votre commande est acceptée", "Votre commande est partie"]
    acts = set(db.session.scalars(select(AuditEntry.act)))
    assert {"order.ordered", "order.approved", "order.sent", "order.delivered"} <= acts
    assert (stock(), balance(cast.awa)) == (2, 150)


def test_a_step_that_was_taken_is_not_taken_again(cast):
    reward = offer()
    credit(cast.awa, 250)
    made = order(cast.awa, reward)
    with transaction():
        orders.approve(made, by="MARC", at=NOW)
    for step in (
        lambda: orders.approve(made, by="ADA", at=NOW),
        lambda: orders.deliver(made, by="ADA", at=NOW),
    ):
        with pytest.raises(NotOrdered, match="state"), transaction():
            step()
    assert fresh(Order, made.id).state == "approved"


@pytest.mark.parametrize("approved", [False, True])
def test_a_cancelled_order_gives_stock_and_points_back_once(cast, approved):
    reward = offer(stock=3)
    credit(cast.awa, 250)
    made = order(cast.awa, reward)
    if approved:
        with transaction():
            orders.approve(made, by="MARC", at=NOW)
    with transaction():
        orders.cancel(made, "Plus fabriqué", by="MARC", at=LATER)
    with pytest.raises(NotOrdered, match="state"), transaction():
        orders.cancel(made, "Encore", by="MARC", at=LATER)
    assert (stock(), balance(cast.awa)) == (3, 250)
    assert fresh(Order, made.id).address is None
    assert broken_wallets() == []


def test_what_has_left_is_not_called_off(cast):
    reward = offer()
    credit(cast.awa, 250)
    made = order(cast.awa, reward)
    with transaction():
        orders.approve(made, by="MARC", at=NOW)
        orders.send(made, "", by="MARC", at=NOW)
    with pytest.raises(NotOrdered, match="state"), transaction():
        orders.cancel(made, "Trop tard", by="MARC", at=LATER)
    assert balance(cast.awa) == 150


def test_points_that_expired_while_ordered_come_back_and_go(cast):
    with transaction():
        programme.change_setting("wallet_points_expire_after_days", "10", by="ADA", at=NOW)
    reward = offer()
    credit(cast.awa, 100)
    made = order(cast.awa, reward)
    after = NOW + timedelta(days=30)
    with transaction():
        orders.cancel(made, "Rupture", by="MARC", at=after)
    assert balance(cast.awa) == 100
    with transaction():
        expire(cast.awa.id, at=after)
    assert balance(cast.awa) == 0


def test_the_same_form_twice_is_one_order(cast):
    reward = offer(stock=3)
    credit(cast.awa, 250)
    token = orders.form_token(cast.awa, reward)
    first, second = order(cast.awa, reward, token=token), order(cast.awa, reward, token=token)
    assert first.id == second.id
    assert (stock(), balance(cast.awa)) == (2, 150)


def test_two_tabs_opened_before_the_order_hold_the_same_form_and_a_later_one_another(cast):
    reward = offer(stock=3)
    credit(cast.awa, 250)
    tabs = {orders.form_token(cast.awa, reward), orders.form_token(cast.awa, reward)}
    assert len(tabs) == 1
    order(cast.awa, reward)
    assert orders.form_token(cast.awa, reward) not in tabs
    order(cast.awa, reward)
    assert (stock(), balance(cast.awa)) == (1, 50)


def test_a_price_that_changed_is_refused_and_said(cast):
    reward = offer(stock=3)
    credit(cast.awa, 250)
    with transaction():
        db.session.execute(update(Reward).values(price_points=120))
    told = refused(cast.awa, reward, price=100)
    assert (told.reason, told.value) == ("price", 120)
    assert order(cast.awa, reward, price=120).price_points == 120


def test_too_few_points_are_refused_with_what_is_missing(cast):
    reward = offer()
    credit(cast.awa, 60)
    told = refused(cast.awa, reward)
    assert (told.reason, told.value) == ("points", 40)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"stock": 0}, "sold_out"),
        ({"price_points": None}, "unavailable"),
        ({"starts_on": NOW.date() + timedelta(days=1)}, "unavailable"),
        ({"ends_on": NOW.date() - timedelta(days=1)}, "unavailable"),
        ({"countries": "BE,CH"}, "country"),
    ],
)
def test_what_cannot_be_had_is_refused(cast, values, reason):
    reward = offer(**values)
    credit(cast.awa, 250)
    assert refused(cast.awa, reward, price=100).reason == reason


def test_an_article_for_my_country_today_is_had(cast):
    today = NOW.date()
    reward = offer(stock=1, starts_on=today, ends_on=today, countries="BE,FR", limit_per_person=1)
    credit(cast.awa, 250)
    assert order(cast.awa, reward).state == "ordered"


def test_a_limit_counts_orders_that_were_not_cancelled(cast):
    reward = offer(limit_per_person=1)
    credit(cast.awa, 250)
    made = order(cast.awa, reward)
    assert refused(cast.awa, reward).reason == "limit"
    with transaction():
        orders.cancel(made, "Erreur", by="AWA", at=NOW)
    assert order(cast.awa, reward).state == "ordered"


def test_suspended_people_and_staff_do_not_order(cast):
    reward = offer()
    credit(cast.awa, 250)
    with transaction():
        operations.suspend(cast.awa, by="MARC", at=NOW)
    assert refused(cast.awa, reward).reason == "suspended"
    assert refused(cast.marc, reward).reason == "suspended"
    with transaction():
        operations.reinstate(cast.awa, by="MARC", at=NOW)
    assert order(cast.awa, reward).state == "ordered"


def test_above_the_threshold_a_fresh_code_is_needed(cast):
    with transaction():
        programme.change_setting("step_up_above_points", "99", by="ADA", at=NOW)
    reward = offer()
    credit(cast.awa, 250)
    assert refused(cast.awa, reward).reason == "step_up"
    assert order(cast.awa, reward, stepped_up=True).state == "ordered"


def test_an_address_is_asked_when_something_travels_and_kept_until_it_arrives(cast):
    gift, donation = offer("SAC"), offer("ARBRE", kind="donation")
    credit(cast.awa, 250)
    assert refused(cast.awa, gift, address=" ").reason == "address"
    assert order(cast.awa, donation).address is None
    made = order(cast.awa, gift)
    assert made.address == ADDRESS
    with transaction():
        orders.approve(made, by="MARC", at=NOW)
        orders.send(made, "", by="MARC", at=NOW)
    assert fresh(Order, made.id).address == ADDRESS
    with transaction():
        orders.deliver(made, by="MARC", at=NOW)
    assert fresh(Order, made.id).address is None


def test_an_address_is_forgotten_two_months_after_sending_and_is_never_in_the_trail(cast):
    reward = offer()
    credit(cast.awa, 250)
    made = order(cast.awa, reward)
    with transaction():
        orders.approve(made, by="MARC", at=NOW)
        orders.send(made, "Colis 12", by="MARC", at=NOW)
    for days, kept in ((59, True), (61, False)):
        with transaction():
            fulfilment.forget_addresses(at=NOW + timedelta(days=days))
        assert (fresh(Order, made.id).address is not None) is kept
    told = str(db.session.execute(select(AuditEntry.subject, AuditEntry.details)).all())
    told += str(db.session.execute(select(OrderChange.note)).all()) + str(db.session.execute(select(Notice.text)).all())
    assert "rue du Port" not in told


def test_who_waits_for_a_sold_out_article_is_told_once_when_it_is_back(cast):
    reward = offer(stock=1)
    credit(cast.awa, 250)
    made = order(cast.awa, reward)
    with transaction():
        catalogue.wait_for(cast.bruno, reward, True, at=NOW)
        catalogue.wait_for(cast.bruno, reward, True, at=NOW)
        catalogue.wait_for(cast.nina, reward, True, at=NOW)
        catalogue.wait_for(cast.nina, reward, False, at=NOW)
    assert list(tell_waiting(NOW)) == []
    with transaction():
        orders.cancel(made, "Erreur", by="AWA", at=NOW)
    assert len(list(tell_waiting(NOW))) == 1
    assert list(tell_waiting(NOW)) == []
    told = db.session.execute(select(Notice.person_id, Notice.title).where(Notice.address == "/rewards/SAC")).all()
    assert [tuple(row) for row in told] == [(cast.bruno.id, "Sac est de retour")]


def test_the_movement_says_which_order_it_was(client, cast):
    reward = offer(name="Sac de plage")
    credit(cast.awa, 250)
    made = order(cast.awa, reward)
    with transaction():
        orders.cancel(made, "Rupture", by="MARC", at=NOW)
    client.sign_in(cast.awa)
    page = client.get("/points").text
    assert "Commande\u00a0: Sac de plage" in page
    assert "Commande annulée, points rendus\u00a0: Sac de plage" in page


def test_without_an_outlet_only_what_is_for_everywhere_is_had(cast):
    with transaction():
        db.session.execute(update(Outlet).values(country="LU"))
    reward = offer(countries="FR")
    credit(cast.awa, 250)
    assert refused(cast.awa, reward).reason == "country"
