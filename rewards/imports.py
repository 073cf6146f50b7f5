"""The reward catalogue from a file: created or updated by code, all or nothing, every fault named."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from foundation import audit
from foundation.merging import Merged, merge
from foundation.tables import Faults, file_name, read_table
from rewards.models import KINDS, Reward

COLUMNS = (
    "reward",
    "name",
    "kind",
    "cost",
    "price_points",
    "stock",
    "limit_per_person",
    "countries",
    "starts_on",
    "ends_on",
)
MANY = 1_000_000_000
_COUNTRY = re.compile(r"[A-Z]{2}")
_BETWEEN = re.compile(r"[\s,;|/]+")


def import_rewards(file: str | Path | BinaryIO, *, by: str, at: datetime) -> Merged:
    """Create or update articles by code. Raises Faulty with every fault of the file; then nothing was written.

    Empty means: `price_points` won but never ordered, `stock` and `limit_per_person` unlimited, `countries` everywhere.
    """
    faults = Faults(file_name(file))
    rows = []
    lines: dict[str, int] = {}
    for line, cells in read_table(file, COLUMNS, faults=faults):
        code = faults.text(line, "reward", cells["reward"], longest=60) or ""
        if code and lines.setdefault(code, line) != line:
            faults.add(line, "reward", f"{code!r} is already on line {lines[code]}", "keep one line per reward")

        def count(column: str, lowest: int, line: int = line, cells: dict[str, str] = cells) -> int | None:
            return faults.integer(line, column, cells[column], lowest=lowest, highest=MANY, optional=True)

        starts_on = faults.date(line, "starts_on", cells["starts_on"], optional=True)
        ends_on = faults.date(line, "ends_on", cells["ends_on"], optional=True)
        if starts_on and ends_on and ends_on < starts_on:
            faults.add(
                line, "ends_on", f"{ends_on} is before {starts_on}", "write a date from starts_on on, or nothing"
            )
        rows.append(
            {
                "code": code,
                "name": faults.text(line, "name", cells["name"], longest=200),
                "kind": faults.choice(line, "kind", cells["kind"], KINDS),
                "cost_cents": faults.cents(line, "cost", cells["cost"]),
                "price_points": count("price_points", 1),
                "stock": count("stock", 0),
                "limit_per_person": count("limit_per_person", 1),
                "countries": _countries(line, cells["countries"], faults),
                "starts_on": starts_on,
                "ends_on": ends_on,
            }
        )
    faults.check()
    merged = merge(Reward.__table__, "code", rows)  # type: ignore[arg-type]
    audit.record(
        "rewards.imported", faults.file, by=by, at=at, created=len(merged.created), updated=len(merged.updated)
    )
    return merged


def _countries(line: int, text: str, faults: Faults) -> str:
    """ISO codes between spaces, commas or bars, as they are kept: FR,BE."""
    codes = list(dict.fromkeys(code for code in _BETWEEN.split(text) if code))
    for code in codes:
        if not _COUNTRY.fullmatch(code):
            faults.add(
                line, "countries", repr(code[:60]), "write codes of two capital letters such as FR BE, or nothing"
            )
    if len(codes) > 60:
        faults.add(line, "countries", f"{len(codes)} countries", "write at most 60, or nothing for everywhere")
    return ",".join(codes)
