"""What the database itself guarantees, on both engines."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text

from foundation.database import db
from network.models import Person


def test_the_cast_is_there(cast):
    assert cast.awa.outlet.code == "PDV-BREST"
    assert db.session.scalars(select(Person.code).order_by(Person.code)).all() == [
        "ADA",
        "AWA",
        "BRUNO",
        "CHLOE",
        "INES",
        "MARC",
        "NINA",
    ]


@pytest.mark.any_engine
def test_on_sqlite_what_was_answered_is_on_the_disk(app):
    full = 2
    assert db.session.scalar(text("PRAGMA journal_mode")) == "wal"
    assert db.session.scalar(text("PRAGMA synchronous")) == full
