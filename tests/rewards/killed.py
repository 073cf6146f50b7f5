"""Closes what is due and dies (kill −9) before its n-th statement: for a process of its own (tests/forked.py)."""

from __future__ import annotations

import os
import signal
from datetime import datetime
from itertools import count
from typing import Any

from sqlalchemy import event

from foundation.database import db
from foundation.settings import Settings
from rewards.jobs import advance_challenges
from tests.conftest import make_app


def close_and_die(settings: Settings, statement: int, at: datetime) -> None:
    """Close as of `at`; statement 0 never dies."""
    with make_app(settings).app_context():
        numbers = count(1)

        @event.listens_for(db.engine, "before_cursor_execute")
        def perhaps_die(*arguments: Any) -> None:
            if next(numbers) == statement:
                os.kill(os.getpid(), signal.SIGKILL)

        for line in advance_challenges(at):
            print(line)
        print(f"statements {next(numbers) - 1}")
