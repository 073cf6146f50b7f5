"""What the tests of the network share."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from foundation.database import db
from foundation.models import OutboxMessage
from network import views


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    """Asking for a code takes no longer than it must, except where the wait is what is tested."""
    monkeypatch.setattr(views, "EVEN_SECONDS", 0.0)


@pytest.fixture
def letters(app):
    """letters(): the messages queued so far, oldest first."""

    def read() -> list[OutboxMessage]:
        db.session.rollback()
        return list(db.session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)))

    return read
