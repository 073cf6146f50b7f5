"""What the database itself guarantees, on both engines."""

from __future__ import annotations

from sqlalchemy import select

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
