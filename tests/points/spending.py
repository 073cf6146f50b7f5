"""Spends from a wallet as often as it can, or dies: for a process of its own (tests/forked.py)."""

from __future__ import annotations

import os
import signal
from datetime import datetime
from itertools import count
from typing import Any

from sqlalchemy import event, select

from foundation.database import db
from foundation.settings import Settings
from foundation.transactions import transaction
from network.models import Person
from points import wallet
from points.rules import NotEnough
from tests.conftest import make_app


def spend_or_die(settings: Settings, name: str, statement: int, at: datetime) -> None:
    """Spend 20 points of Awa's ten times; kill −9 before the n-th statement (0: never)."""
    with make_app(settings).app_context():
        person = db.session.scalars(select(Person.id).where(Person.code == "AWA")).one()
        db.session.rollback()
        numbers = count(1)

        @event.listens_for(db.engine, "before_cursor_execute")
        def perhaps_die(*arguments: Any) -> None:
            if next(numbers) == statement:
                os.kill(os.getpid(), signal.SIGKILL)

        for number in range(10):
            try:
                with transaction():
                    wallet.spend(person, 20, f"order/{name}/{number}", "", {"counts": "order"}, at=at)
            except NotEnough:
                print("refused")
            else:
                print("spent")
