"""Products from a file: created or updated by sku, all or nothing, every fault named."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from catalogue.models import Product
from foundation import audit
from foundation.merging import Merged, merge
from foundation.tables import Faults, file_name, read_table

COLUMNS = ("sku", "ean", "name", "category", "family", "list_price", "starts_on", "ends_on")
_EAN = re.compile(r"[0-9]{8,14}")


def import_products(file: str | Path | BinaryIO, *, by: str, at: datetime) -> Merged:
    """Create or update products by sku. Raises Faulty with every fault of the file; then nothing was written."""
    faults = Faults(file_name(file))
    rows = []
    lines: dict[str, int] = {}
    for line, cells in read_table(file, COLUMNS, faults=faults):
        sku = faults.text(line, "sku", cells["sku"], longest=60) or ""
        if sku and lines.setdefault(sku, line) != line:
            faults.add(line, "sku", f"{sku!r} is already on line {lines[sku]}", "keep one line per product")
        if cells["ean"] and not _EAN.fullmatch(cells["ean"]):
            faults.add(line, "ean", repr(cells["ean"][:60]), "write 8 to 14 digits, or nothing")
        starts_on = faults.date(line, "starts_on", cells["starts_on"], optional=True)
        ends_on = faults.date(line, "ends_on", cells["ends_on"], optional=True)
        if starts_on and ends_on and ends_on < starts_on:
            faults.add(
                line, "ends_on", f"{ends_on} is before {starts_on}", "write a date from starts_on on, or nothing"
            )
        rows.append(
            {
                "sku": sku,
                "ean": cells["ean"],
                "name": faults.text(line, "name", cells["name"], longest=200),
                "category": faults.text(line, "category", cells["category"], longest=100, optional=True) or "",
                "family": faults.text(line, "family", cells["family"], longest=100, optional=True) or "",
                "list_price_cents": faults.cents(line, "list_price", cells["list_price"]),
                "starts_on": starts_on,
                "ends_on": ends_on,
            }
        )
    faults.check()
    merged = merge(Product.__table__, "sku", rows)  # type: ignore[arg-type]
    audit.record(
        "catalogue.imported", faults.file, by=by, at=at, created=len(merged.created), updated=len(merged.updated)
    )
    return merged
