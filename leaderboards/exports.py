"""The standings as a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from challenges.models import Challenge
from foundation.database import db
from foundation.tables import write_table
from leaderboards.queries import standings_rows

HEADER = ("league", "rank", "person", "name", "points", "progress_bp", "reached_at")


def export_standings(challenge: Challenge, target: Path | IO[str]) -> None:
    """Write who stands where, sorted by league, rank and person; people without points or suspended are left out.

    `progress_bp` is empty without an objective; `reached_at` is in UTC with microseconds.
    """
    write_table(target, HEADER, _rows(challenge))


def _rows(challenge: Challenge) -> Iterator[Any]:
    yield from db.session.execute(standings_rows(challenge), execution_options={"yield_per": 2_000})
