"""A process that works on a backtest and dies (kill −9) at its n-th look at the clock."""

from __future__ import annotations

import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from app import create_app
from declarations import scoring
from rewards.backtest_worker import work
from tests.conftest import make_settings


def main(url: str, folder: str, run_id: int, last: int) -> None:
    """Work on a run of long ago, one person at a time."""
    scoring.CHUNK = 1
    looks = 0

    def read_clock() -> datetime:
        nonlocal looks
        looks += 1
        if looks == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return datetime(2026, 6, 1, 9, 0, looks, tzinfo=UTC)

    with create_app(make_settings(url, Path(folder))).app_context():
        work(run_id, read_clock)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
