"""The reward catalogue and voucher codes from files: all or nothing, every fault named."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import select

from foundation import audit
from foundation.database import db
from foundation.fault_words import Words
from foundation.merging import Merged, merge
from foundation.tables import Faults, file_name, read_table
from rewards import codes
from rewards.countries import countries_kept
from rewards.models import KINDS, MANY, NO_CODE, Reward, VoucherCode

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
            faults.add(
                line,
                "reward",
                Words("%(code)s est déjà à la ligne %(line)s", code=repr(code), line=lines[code]),
                Words("gardez une ligne par article"),
            )
        if "/" in code or code in NO_CODE:
            faults.add(
                line,
                "reward",
                Words("%(code)s ne peut pas être dans une adresse", code=repr(code)),
                Words("écrivez un autre code, sans /"),
            )

        def count(column: str, lowest: int, line: int = line, cells: dict[str, str] = cells) -> int | None:
            return faults.integer(line, column, cells[column], lowest=lowest, highest=MANY, optional=True)

        starts_on = faults.date(line, "starts_on", cells["starts_on"], optional=True)
        ends_on = faults.date(line, "ends_on", cells["ends_on"], optional=True)
        if starts_on and ends_on and ends_on < starts_on:
            faults.add(
                line,
                "ends_on",
                Words("%(end)s est avant %(start)s", end=ends_on, start=starts_on),
                Words("écrivez une date à partir de starts_on, ou rien"),
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
                "countries": countries_kept(line, cells["countries"], faults),
                "starts_on": starts_on,
                "ends_on": ends_on,
            }
        )
    faults.check()
    merged = merge(Reward.__table__, "code", rows)  # type: ignore[arg-type]
    # The stock of a voucher that has codes is what they say, whatever the file says.
    for reward in db.session.scalars(select(Reward).where(Reward.id.in_(select(VoucherCode.reward_id)))):
        codes.count_stock(reward)
    audit.record(
        "rewards.imported", faults.file, by=by, at=at, created=len(merged.created), updated=len(merged.updated)
    )
    return merged


def import_codes(reward_code: str, file: str | Path | BinaryIO, *, by: str, at: datetime) -> int:
    """Add codes (one column, `code`) to the pool of a voucher; answers how many. Faults never quote a code.

    Raises ValueError when the article is no voucher, Faulty with every fault of the file; then nothing was written.
    """
    reward = db.session.scalar(select(Reward).where(Reward.code == reward_code).with_for_update(key_share=True))
    if reward is None or reward.kind != "voucher":
        raise ValueError(f"{reward_code!r} is not a voucher of the catalogue; `flask rewards import` makes one")
    codes.keys()
    faults = Faults(file_name(file))
    lines: dict[str, int] = {}
    for line, cells in read_table(file, ("code",), faults=faults):
        code = cells["code"].strip()
        if not code or len(code) > 200 or not code.isprintable():
            faults.add(
                line,
                "code",
                Words("ce n’est pas un code"),
                Words("écrivez un code par ligne, d’au plus 200 caractères simples"),
            )
        elif lines.setdefault(code, line) != line:
            faults.add(
                line,
                "code",
                Words("le même qu’à la ligne %(line)s", line=lines[code]),
                Words("écrivez chaque code une fois"),
            )
    for code in codes.already_there(reward.id, list(lines)):
        faults.add(lines[code], "code", Words("déjà dans la réserve"), Words("ôtez cette ligne"))
    if not lines and not faults:
        faults.add(1, "code", Words("aucun code"), Words("écrivez un code par ligne sous l’en-tête"))
    faults.check()
    return codes.add(reward, lines, by=by, at=at)
