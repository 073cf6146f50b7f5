"""A process that spends from a wallet as often as it can, or dies: `python -m tests.points.spending`."""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import event, select

from app import create_app
from foundation.database import db
from foundation.transactions import transaction
from network.models import Person
from points import wallet
from points.rules import NotEnough
from tests.conftest import make_settings
from tests.points.test_wallet import AT


def main(url: str, folder: str, name: str, statement: int) -> None:
    """Spend 20 points ten times; kill −9 before the n-th statement (0: never)."""
    app = create_app(make_settings(url, Path(folder)))
    with app.app_context():
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
                    wallet.spend(person, 20, f"order/{name}/{number}", "", {"counts": "order"}, at=AT)
            except NotEnough:
                print("refused", flush=True)
            else:
                print("spent", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
