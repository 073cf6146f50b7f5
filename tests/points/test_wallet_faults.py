"""The database goes away before each statement of each wallet operation: nothing is half done, again goes through."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from declarations import adjustments
from foundation.database import db
from foundation.transactions import transaction
from network.models import Person
from points import wallet
from points.models import Adjustment
from points.verification import differences
from tests.cast import Cast
from tests.points.test_wallet import AT, ORDER, choose, credit, days, give_back, revert, spend
from tests.rewards.test_order_faults import everything, line_cut_before

REASON = "Un geste"


def awa() -> Person:
    return db.session.scalars(select(Person).where(Person.code == "AWA")).one()


def asked() -> Adjustment:
    return db.session.scalars(select(Adjustment)).one()


def spending() -> None:
    with transaction():
        wallet.spend(awa().id, 130, "order/2", "order/2", ORDER, at=days(1))


def giving_back() -> None:
    give_back("order/1", "order/1/cancelled", at=days(1))


def expiring() -> None:
    with transaction():
        assert wallet.expire(awa().id, at=days(40)) == 50


def reverting() -> None:
    revert("soon", at=days(1))


def adjusting(amount: int) -> Callable[[], None]:
    def act() -> None:
        with transaction():
            adjustments.adjust(awa(), None, amount, REASON, by="MARC", at=days(1))

    return act


def approving() -> None:
    with transaction():
        adjustments.approve(asked(), by="ADA", at=days(1))


def nothing() -> None:
    """Awa has three lots."""


def after_an_order() -> None:
    spend(awa(), 60, "order/1")


def in_debt() -> None:
    """A lot was spent and taken back: giving back and adding pay what is owed."""
    spend(awa(), 150, "order/1")
    revert("ever")


def forgiving() -> None:
    choose("reversal_policy", "forgive")
    spend(awa(), 150, "order/1")


def waiting() -> None:
    with transaction():
        adjustments.adjust(awa(), None, -5_000, REASON, by="MARC", at=AT)


@pytest.mark.parametrize(
    ("before", "operation"),
    [
        (nothing, spending),
        (after_an_order, giving_back),
        (in_debt, giving_back),
        (nothing, expiring),
        (nothing, reverting),
        (after_an_order, reverting),
        (forgiving, reverting),
        (nothing, adjusting(80)),
        (in_debt, adjusting(80)),
        (nothing, adjusting(-200)),
        (nothing, adjusting(5_000)),
        (waiting, approving),
    ],
    ids=[
        "spending", "giving back", "giving back to a debt", "expiring", "taking back", "taking back what was spent",
        "giving up what was spent", "a bonus", "a bonus to a debt", "a correction", "asking", "approving",
    ],
)  # fmt: skip
def test_a_lost_database_leaves_no_half_of_a_movement(
    cast: Cast, before: Callable[[], None], operation: Callable[[], None]
) -> None:
    credit(cast.awa, 50, "ever")
    credit(cast.awa, 50, "far", lasting=300)
    credit(cast.awa, 50, "soon", lasting=30)
    before()
    found = everything()
    for statement in count(1):
        assert statement < 200
        went_through = True
        with line_cut_before(statement) as seen:
            try:
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
    assert list(differences()) == []
