"""A large network for measurements: the committed slice of real invoices, repeated under other names."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

SLICE = Path(__file__).parent.parent / "tests" / "reference" / "data" / "slice"


def repeat_slice(target: Path, times: int) -> Path:
    """Write the slice's four files `times` over, with own codes for outlets, people and declarations each time.

    The slice has 134 people and 11 825 lines, so 33 times makes about 4 400 people and 390 000 lines. What is sold,
    when and in which quantities is real; the number of people is not.
    """
    target.mkdir(parents=True, exist_ok=True)
    (target / "products.csv").write_bytes((SLICE / "products.csv").read_bytes())
    _copy(SLICE / "outlets.csv", target / "outlets.csv", times, ("outlet",))
    _copy(SLICE / "people.csv", target / "people.csv", times, ("person", "outlet", "email"))
    _copy(SLICE / "declarations.csv.gz", target / "declarations.csv", times, ("declaration", "person"))
    return target


def _copy(source: Path, target: Path, times: int, codes: tuple[str, ...]) -> None:
    raw = source.read_bytes()
    text = (gzip.decompress(raw) if source.suffix == ".gz" else raw).decode("utf-8-sig")
    rows = list(csv.DictReader(text.splitlines(keepends=True)))
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        for number in range(times):
            for row in rows:
                writer.writerow(row | {code: f"{number}-{row[code]}" for code in codes if row[code]})
