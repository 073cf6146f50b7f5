"""The database goes away before each statement of each operation: nothing is half done, the next try goes through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import DBAPIError

from foundation.database import Base, db
from foundation.transactions import transaction
from network.models import Person
from rewards import catalogue, codes, fulfilment, orders
from rewards.models import Order, Reward
from rewards.providers import Word
from tests.rewards.shop import ADDRESS, NOW, broken_wallets, credit, offer, order

TABLES = (
    "accounts", "adjustment_decisions", "adjustments", "audit_entries", "debts", "entries", "lot_uses", "lots",
    "notices", "order_changes", "orders", "provider_events", "rewards", "voucher_codes", "waiting_list",
)  # fmt: skip


def everything() -> dict[str, list[Any]]:
    """All that orders touch."""
    db.session.rollback()
    kept = {}
    for name in TABLES:
        table = Base.metadata.tables[name]
        kept[name] = [tuple(row) for row in db.session.execute(select(table).order_by(*table.primary_key))]
    db.session.rollback()
    return kept


@contextmanager
def line_cut_before(statement: int) -> Iterator[list[int]]:
    """The connection is closed before the n-th statement; the list tells how many there were."""
    numbers, seen = count(1), [0]

    def cut(connection: Any, *_: Any) -> None:
        seen[0] = next(numbers)
        if seen[0] == statement:
            connection.connection.driver_connection.close()

    event.listen(db.engine, "before_cursor_execute", cut)
    try:
        yield seen
    finally:
        event.remove(db.engine, "before_cursor_execute", cut)


def person(code: str = "AWA") -> Person:
    return db.session.scalars(select(Person).where(Person.code == code)).one()


def article(code: str) -> Reward:
    return db.session.scalars(select(Reward).where(Reward.code == code)).one()


def latest() -> Order:
    return db.session.scalars(select(Order).order_by(Order.id.desc()).limit(1)).one()


def place() -> None:
    orders.place(person(), article("SAC"), price=100, token="form", address=ADDRESS, by="AWA", at=NOW)


def approve() -> None:
    orders.approve(latest(), by="MARC", at=NOW)


def send() -> None:
    orders.send(latest(), "Colis", by="MARC", at=NOW)


def deliver() -> None:
    orders.deliver(latest(), by="MARC", at=NOW)


def cancel() -> None:
    orders.cancel(latest(), "Rupture", by="MARC", at=NOW)


def reveal() -> None:
    orders.reveal(latest(), person(), at=NOW)


def bring_codes() -> None:
    codes.add(article("BON"), ["CCC", "DDD"], by="MARC", at=NOW)


def hear() -> None:
    fulfilment.receive("evt", latest().id, Word("delivered", "Colis"), at=NOW)


def hear_no() -> None:
    fulfilment.receive("evt", latest().id, Word("refused", "Plus fabriqué"), at=NOW)


def hand_over() -> None:
    fulfilment.claim(latest().id, at=NOW)


def wait_and_return() -> None:
    """Somebody waits for a sold-out article."""
    offer(stock=0)
    with transaction():
        catalogue.wait_for(person(), article("SAC"), True, at=NOW)


def tell_who_waits() -> None:
    catalogue.tell_waiting(article("SAC"), at=NOW)


def write_anew() -> None:
    reward = article("SAC")
    catalogue.write(
        reward, code="SAC", name="Grand sac", description="", kind="gift", cost_cents=900, price_points=120, stock=9,
        stock_seen=3, limit_per_person=None, countries="FR", starts_on=None, ends_on=None, provider="manual",
        by="MARC", at=NOW,
    )  # fmt: skip


def forget_addresses() -> None:
    fulfilment.forget_addresses(at=NOW + timedelta(days=61))


def ordered(code: str, *steps: Callable[[], None], **values: Any) -> None:
    """Somebody's order, and the steps it has taken."""
    reward = offer(code, stock=None if values.get("kind") == "voucher" else 3, **values)
    if reward.kind == "voucher":
        with transaction():
            codes.add(article(code), ["AAA", "BBB"], by="MARC", at=NOW)
    order(person(), article(code))
    for step in steps:
        with transaction():
            step()


@pytest.mark.parametrize(
    ("before", "operation"),
    [
        (lambda: offer(stock=3), place),
        (lambda: ordered("SAC"), approve),
        (lambda: ordered("BON", kind="voucher"), approve),
        (lambda: ordered("SAC", approve), send),
        (lambda: ordered("SAC", approve, send), deliver),
        (lambda: ordered("SAC"), cancel),
        (lambda: ordered("SAC", approve), cancel),
        (lambda: ordered("BON", kind="voucher"), cancel),
        (lambda: ordered("BON", approve, kind="voucher"), reveal),
        (lambda: ordered("BON", kind="voucher"), bring_codes),
        (lambda: ordered("SAC", approve, provider="http"), hand_over),
        (wait_and_return, tell_who_waits),
        (lambda: offer(stock=3), write_anew),
        (lambda: ordered("SAC", approve, send), forget_addresses),
        (lambda: ordered("SAC", approve, provider="http"), hear),
        (lambda: ordered("SAC", approve, provider="http"), hear_no),
    ],
    ids=[
        "ordering", "approving", "giving a code", "sending", "delivering", "cancelling", "cancelling later",
        "cancelling a voucher", "reading a code", "importing codes", "handing over",
        "telling who waits", "writing an article", "forgetting addresses", "hearing a provider", "hearing its refusal",
    ],
)  # fmt: skip
def test_a_lost_database_leaves_nothing_half_done(app, cast, before, operation):
    credit(cast.awa, 130, name="first")
    credit(cast.awa, 70, name="second")
    before()
    found = everything()
    for statement in count(1):
        assert statement < 200
        went_through = True
        with line_cut_before(statement) as seen:
            try:
                with transaction():
                    operation()
            except DBAPIError:
                went_through = False
        if seen[0] < statement:
            assert went_through
            break
        assert not went_through
        db.session.remove()
        db.engine.dispose()
        assert everything() == found
    assert everything() != found
    assert broken_wallets() == []
