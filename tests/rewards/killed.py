"""A process that closes what is due and dies (kill −9) before its n-th statement: `python -m tests.rewards.killed`."""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import event

from app import create_app
from foundation import clock
from foundation.database import db
from rewards.jobs import advance_challenges
from tests.conftest import make_settings


def main(url: str, folder: str, statement: int, at: str) -> None:
    """Close as of `at`; statement 0 never dies."""
    app = create_app(make_settings(url, Path(folder)))
    with app.app_context():
        numbers = count(1)

        @event.listens_for(db.engine, "before_cursor_execute")
        def perhaps_die(*arguments: Any) -> None:
            if next(numbers) == statement:
                os.kill(os.getpid(), signal.SIGKILL)

        for line in advance_challenges(clock.parse_instant(at)):
            print(line, flush=True)
        print(f"statements {next(numbers) - 1}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
