"""Two phones, two taps, two machines at the same moment: nothing is lost and nothing counts twice."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from declarations import operations
from declarations.models import Declaration
from declarations.rules import Submission, SubmittedLine
from declarations.verification import differences
from foundation.database import db
from foundation.transactions import transaction
from leaderboards.models import Standing
from points.models import Entry
from tests.cast import Cast
from tests.declarations.stage import NOW, PARIS, publish, sell

PHONES = 8


def at_once(app: Flask, act: Callable[[int], Any], times: int) -> list[Any]:
    """Do something many times at the same moment, each on a connection of its own."""

    def alone(number: int) -> Any:
        with app.app_context():
            try:
                return act(number)
            finally:
                db.session.remove()

    db.session.rollback()
    with ThreadPoolExecutor(PHONES) as phones:
        return list(phones.map(alone, range(times)))


def tell(name: str, units: int = 1) -> operations.Receipt:
    """One sale of Bruno's, in a transaction of its own."""
    told = Submission(name, "BRUNO", NOW.date(), NOW, "store", (SubmittedLine("CREME", units, None),))
    with transaction():
        [receipt] = operations.receive([told], by="BRUNO", at=NOW, zone=PARIS)
    return receipt


def test_one_person_declaring_from_many_phones_at_once_loses_nothing(app: Flask, cast: Cast) -> None:
    challenge = publish(cap_per_day=150)
    at_once(app, lambda number: tell(f"sale-{number}"), 24)
    assert db.session.get_one(Standing, (challenge.id, cast.bruno.id)).points == 150
    assert db.session.scalar(select(func.count()).select_from(Declaration)) == 24
    assert list(differences()) == []


def test_the_same_sale_sent_many_times_at_once_is_written_once(app: Flask, cast: Cast) -> None:
    publish()
    receipts = at_once(app, lambda number: tell("the-same"), 16)
    assert sorted(receipt.replay for receipt in receipts) == [False] + [True] * 15
    assert db.session.scalar(select(func.count()).select_from(Declaration)) == 1
    assert db.session.scalar(select(func.count()).select_from(Entry)) == 1


def test_accepting_and_refusing_at_the_same_moment_ends_in_one_of_them(app: Flask, cast: Cast) -> None:
    publish()
    receipt = sell("BRUNO", [("CREME", 2_000)])

    def decide(number: int) -> str:
        try:
            with transaction():
                declaration = db.session.get_one(Declaration, receipt.declaration_id)
                if number % 2:
                    operations.accept(declaration, by="MARC", at=NOW + timedelta(hours=1))
                else:
                    operations.reject(declaration, "other", by="ADA", at=NOW + timedelta(hours=1))
        except operations.NotPossible:
            return "too late"
        return "decided"

    assert sorted(at_once(app, decide, 8)) == ["decided"] + ["too late"] * 7
    status = db.session.get_one(Declaration, receipt.declaration_id).status
    points = db.session.scalar(select(func.sum(Standing.points)))
    assert (status, points) in (("accepted", 20_000), ("rejected", 0))
    assert list(differences()) == []
