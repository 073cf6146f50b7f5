"""Orders in any sequence: no stock too many, no point lost, and the history tells the state."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select, update

from foundation.database import db
from foundation.transactions import transaction
from network.models import Person
from points.models import Entry
from points.wallet import expire
from rewards import codes, fulfilment, orders
from rewards.models import STATES, Order, OrderChange, Reward, VoucherCode
from rewards.providers import Word
from rewards.rules import BEFORE, NotOrdered
from tests.rewards.shop import ADDRESS, NOW, balance, broken_wallets, credit, offer

PEOPLE = ("AWA", "BRUNO", "NINA")
WORDS = ("accepted", "sent", "delivered", "refused", "unknown")
STOCK = {"SAC": 3, "BON": None, "LOIN": 4}
ONE_ORDER = settings(
    max_examples=30, stateful_step_count=50, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


class Shop(RuleBasedStateMachine):
    """People order, staff prepare, a provider speaks, time passes."""

    made = Bundle("made")

    @initialize()
    def open_shop(self) -> None:
        """A fresh round: new articles, new points, in the same database."""
        self.round = (db.session.scalar(select(func.count()).select_from(Reward)) or 0) + 1
        self.at, self.codes, self.given = NOW, 0, dict.fromkeys(PEOPLE, 0)
        self.before = {code: balance(self.person(code)) for code in PEOPLE}
        self.first = (db.session.scalar(select(func.max(Order.id))) or 0) + 1
        for code in PEOPLE:
            self.give(code, 300)
        offer(self.name("SAC"), stock=3)
        offer(self.name("BON"), kind="voucher", price_points=40, stock=2)
        offer(self.name("LOIN"), provider="http", price_points=70, stock=4, limit_per_person=2)

    def name(self, code: str) -> str:
        return f"{code}-{self.round}"

    def person(self, code: str) -> Person:
        return db.session.scalars(select(Person).where(Person.code == code)).one()

    def reward(self, code: str) -> Reward:
        return db.session.scalars(select(Reward).where(Reward.code == self.name(code))).one()

    def attempt(self, act) -> None:
        """Do it, or be refused and have nothing happen."""
        try:
            with transaction():
                act()
        except NotOrdered:
            pass

    def give(self, code: str, points: int) -> None:
        self.given[code] += points
        credit(self.person(code), points, at=self.at, name=f"{self.round}-{sum(self.given.values())}-{self.at}")

    @rule(code=st.sampled_from(PEOPLE), points=st.integers(1, 150))
    def earn(self, code, points):
        self.give(code, points)

    @rule(target=made, code=st.sampled_from(PEOPLE), what=st.sampled_from(sorted(STOCK)), tab=st.integers(0, 3))
    def order(self, code, what, tab):
        try:
            with transaction():
                reward, person = self.reward(what), self.person(code)
                return orders.place(
                    person, reward, price=reward.price_points, token=f"{self.round}-{tab}-{what}", address=ADDRESS,
                    by=code, at=self.at,
                ).id  # fmt: skip
        except NotOrdered:
            return multiple()

    @rule(number=made)
    def goes_on(self, number):
        """The next step of an order, whatever it is."""
        made = db.session.get_one(Order, number)
        following = {"ordered": orders.approve, "sent": orders.deliver}.get(made.state)
        if made.state == "approved":
            self.attempt(lambda: orders.send(made, "Colis", by="MARC", at=self.at))
        elif following is not None:
            self.attempt(lambda: following(made, by="MARC", at=self.at))

    @rule(number=made)
    def is_called_off(self, number):
        self.attempt(lambda: orders.cancel(db.session.get_one(Order, number), "Rupture", by="MARC", at=self.at))

    @rule(number=made, act=st.sampled_from(("approve", "send", "deliver", "cancel", "code")))
    def step(self, number, act):
        made = db.session.get_one(Order, number)
        acts = {
            "approve": lambda: orders.approve(made, by="MARC", at=self.at),
            "send": lambda: orders.send(made, "Colis", by="MARC", at=self.at),
            "deliver": lambda: orders.deliver(made, by="MARC", at=self.at),
            "cancel": lambda: orders.cancel(made, "Rupture", by="MARC", at=self.at),
            "code": lambda: orders.give_code(made, at=self.at),
        }
        self.attempt(acts[act])

    @rule(number=made, word=st.sampled_from(WORDS), event=st.integers(0, 9))
    def hear(self, number, word, event):
        if word == "unknown":
            made = db.session.get_one(Order, number)
            if made.provider == "manual" or made.state == "ordered":
                return
            self.attempt(lambda: fulfilment.take_in(number, Word("unknown"), at=self.at))
        else:
            self.attempt(
                lambda: fulfilment.receive(f"{self.round}-{number}-{event}", number, Word(word, "mot"), at=self.at)
            )

    @rule(number=made)
    def tell(self, number):
        self.attempt(lambda: fulfilment.claim(number, at=self.at))

    @rule(count=st.integers(1, 2))
    def bring_codes(self, count):
        with transaction():
            codes.add(self.reward("BON"), [f"C{self.codes + number}" for number in range(count)], by="MARC", at=self.at)
        self.codes += count

    @rule(hours=st.integers(1, 40))
    def time_passes(self, hours):
        self.at += timedelta(hours=hours)
        with transaction():
            fulfilment.forget_addresses(at=self.at)
            for code in PEOPLE:
                expire(self.person(code).id, at=self.at)

    @rule(what=st.sampled_from(sorted(STOCK)), price=st.integers(20, 120))
    def price_changes(self, what, price):
        with transaction():
            db.session.execute(update(Reward).where(Reward.code == self.name(what)).values(price_points=price))

    @invariant()
    def everything_adds_up(self):
        if not hasattr(self, "round"):
            return
        db.session.rollback()
        mine = list(db.session.scalars(select(Order).where(Order.id >= self.first)))
        standing = [one for one in mine if one.state != "cancelled"]
        for code, at_first in STOCK.items():
            reward = self.reward(code)
            held = [one for one in standing if one.reward_id == reward.id]
            if at_first is not None:
                assert reward.stock + len(held) == at_first
            else:
                given = select(func.count()).where(
                    VoucherCode.reward_id == reward.id, VoucherCode.order_id.is_not(None)
                )
                waiting = sum(1 for one in held if one.state in ("ordered", "approved"))
                if codes.has_pool(reward.id):
                    assert reward.stock == max(0, codes.left(reward.id) - waiting)
                    assert codes.left(reward.id) + (db.session.scalar(given) or 0) == self.codes
        for code in PEOPLE:
            person = self.person(code)
            spent = sum(one.price_points for one in standing if one.person_id == person.id)
            assert balance(person) == self.before[code] + self.given[code] - spent >= 0
            limited = self.reward("LOIN")
            mine_of_it = [one for one in standing if one.person_id == person.id and one.reward_id == limited.id]
            assert len(mine_of_it) <= 2
        for one in mine:
            noted = select(OrderChange.state).where(OrderChange.order_id == one.id).order_by(OrderChange.id)
            steps = list(db.session.scalars(noted))
            assert steps[0] == "ordered" and steps[-1] == one.state
            assert all(before in BEFORE[after] for before, after in zip(steps, steps[1:], strict=False))
            assert (one.address is None) or one.state in ("ordered", "approved", "sent")
            entries = select(func.count()).where(Entry.subject == one.reference)
            assert db.session.scalar(entries) == (2 if one.state == "cancelled" else 1)
        assert broken_wallets() == []


@pytest.fixture
def shop(app, cast):
    """People and a database for every round."""
    return Shop


def test_orders_in_any_sequence_add_up(shop):
    run_state_machine_as_test(shop, settings=ONE_ORDER)
    db.session.rollback()
    reached = (
        select(OrderChange.state)
        .join(Order, Order.id == OrderChange.order_id)
        .join(Reward, Reward.id == Order.reward_id)
        .where(Reward.kind == "gift")
    )
    assert set(db.session.scalars(reached)) == set(STATES), "the machine took every step"
