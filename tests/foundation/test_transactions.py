"""One write, one transaction: all of it or nothing, and no update is lost."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select

from catalogue.models import Product
from foundation.database import db
from foundation.transactions import after_commit, transaction
from network.models import Person


def test_what_a_failing_transaction_wrote_is_gone(cast):
    with pytest.raises(ZeroDivisionError), transaction():
        cast.awa.name = "Somebody else"
        db.session.flush()
        raise ZeroDivisionError
    assert cast.awa.name == "Awa Diallo"


def test_a_transaction_inside_another_is_a_mistake(app):
    with pytest.raises(RuntimeError, match="already open"), transaction():
        with transaction():
            pass


def test_a_change_made_outside_of_a_transaction_is_a_mistake(cast):
    cast.awa.name = "Somebody else"
    with pytest.raises(RuntimeError, match="outside of a transaction"), transaction():
        pass
    db.session.rollback()


def test_callbacks_wait_for_the_commit_and_are_dropped_when_it_fails(cast):
    told = []

    def tell(what):
        told.append((what, db.session.scalar(select(Person.name).where(Person.code == "AWA"))))

    with transaction():
        cast.awa.name = "Awa D."
        after_commit(lambda: tell("first"))
        assert told == []
    with pytest.raises(ZeroDivisionError), transaction():
        after_commit(lambda: tell("never"))
        raise ZeroDivisionError
    assert told == [("first", "Awa D.")]
    with pytest.raises(RuntimeError, match="no open transaction"):
        after_commit(lambda: tell("nothing to wait for"))


def test_two_who_read_and_then_write_do_not_lose_an_update(app, cast):
    """Each adds one to a price it has read: on SQLite the write lock, on PostgreSQL the row's lock keeps them apart."""
    start = threading.Barrier(4)

    def add_one():
        with app.app_context():
            start.wait(10)
            for _ in range(5):
                with transaction():
                    product = db.session.scalars(select(Product).where(Product.sku == "CREME").with_for_update()).one()
                    product.list_price_cents += 1
            db.session.remove()

    threads = [threading.Thread(target=add_one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    db.session.rollback()
    assert cast.product("CREME").list_price_cents == 1200 + 20


def test_reading_does_not_wait_for_a_writer(app, cast):
    """A page is answered while an import writes."""
    writing, read = threading.Event(), threading.Event()

    def write():
        with app.app_context():
            with transaction():
                db.session.scalars(select(Person).where(Person.code == "AWA")).one().name = "Awa D."
                db.session.flush()
                writing.set()
                assert read.wait(10)
            db.session.remove()

    thread = threading.Thread(target=write)
    db.session.rollback()
    thread.start()
    assert writing.wait(10)
    assert cast.awa.name == "Awa Diallo"
    db.session.rollback()
    read.set()
    thread.join(10)
    assert cast.awa.name == "Awa D."
