"""Two phones, two taps, two machines at the same moment: nothing is lost and nothing counts twice."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier, BrokenBarrierError, Thread
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from declarations import operations, photos
from declarations.models import Declaration
from declarations.rules import Submission, SubmittedLine
from declarations.verification import differences
from foundation.database import db
from foundation.transactions import transaction
from leaderboards.models import Standing
from points.models import Entry
from tests.cast import Cast
from tests.declarations.stage import NOW, PARIS, publish, sell
from tests.declarations.test_photos import cut, jpeg, keep, receipt

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


PICTURES: dict[str, Callable[[int], tuple[bytes, bytes]]] = {
    "the very same": lambda seed: (jpeg(receipt(seed)), jpeg(receipt(seed))),
    "one that looks alike": lambda seed: (jpeg(receipt(seed)), jpeg(cut(receipt(seed), 0.01), 40)),
}


@pytest.mark.parametrize("second", ["told", "corrected", "contested"])
@pytest.mark.parametrize("pictures", PICTURES)
def test_two_people_with_the_same_picture_at_the_same_moment_do_not_both_pass(
    app: Flask, cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pictures: str, second: str
) -> None:
    publish(proof="required")
    people = [cast.awa, cast.bruno]
    kept = [keep(one, content, tmp_path) for one, content in zip(people, PICTURES[pictures](1), strict=True)]
    sell("BRUNO", name="before")
    if second == "contested":
        with transaction():
            operations.reject(named("before"), "no_proof", by="MARC", at=NOW)
    # Each waits, with everything written and nothing committed, until the other has come as far, if it can.
    together = Barrier(2)

    def halfway(*_: Any, **__: Any) -> None:
        with contextlib.suppress(BrokenBarrierError):
            together.wait(timeout=1)

    monkeypatch.setattr(photos, "prove", in_turn(photos.prove, halfway))

    def prove(number: int) -> None:
        person, photo = ("AWA", "BRUNO")[number], kept[number]
        told = Submission(
            "before" if number else "new", person, NOW.date(), None, "store", (SubmittedLine("CREME", 1, None),),
            photo=photo,
        )  # fmt: skip
        with transaction():
            if number == 0 or second == "told":
                told = told._replace(id=f"new-{number}")
                operations.receive([told], by=person, at=NOW, zone=PARIS)
            elif second == "corrected":
                operations.correct(named("before"), told, by=person, at=NOW, zone=PARIS)
            else:
                operations.contest(named("before"), by=person, at=NOW, photo=photo)

    at_once(app, prove, 2)
    reasons = db.session.scalars(select(Declaration.review_reasons)).all()
    assert sum("same_photo" in one for one in reasons) == 1


def in_turn(first: Callable[..., Any], then: Callable[..., Any]) -> Callable[..., Any]:
    """One after the other, with the same arguments."""

    def both(*args: Any) -> None:
        first(*args)
        then(*args)

    return both


def named(public_id: str) -> Declaration:
    """A declaration by its public id."""
    return db.session.scalars(select(Declaration).where(Declaration.public_id == public_id)).one()


def test_a_photo_that_a_sale_names_at_the_moment_it_is_to_be_let_go_of_stays(
    app: Flask, cast: Cast, engine_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = keep(cast.bruno, jpeg(receipt(1)), tmp_path)
    let_go: list[int] = []

    def forget() -> None:
        with app.app_context():
            with transaction():
                let_go.append(photos.forget_unused(at=NOW + timedelta(days=31), folder=tmp_path))
            db.session.remove()

    clock = Thread(target=forget)
    prove = photos.prove

    def meanwhile(*args: Any) -> None:
        clock.start()
        if engine_name == "postgresql":  # on SQLite it waits for the sale
            clock.join(60)
        prove(*args)

    monkeypatch.setattr(photos, "prove", meanwhile)
    told = Submission("sale", "BRUNO", NOW.date(), NOW, "store", (SubmittedLine("CREME", 1, None),), photo=photo)
    with transaction():
        operations.receive([told], by="BRUNO", at=NOW, zone=PARIS)
    clock.join(60)
    assert let_go == [0]
    [kept] = db.session.scalars(select(photos.Photo)).all()
    assert kept.declaration_id is not None and (tmp_path / str(kept.picture)).is_file()
