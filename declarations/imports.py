"""Sell-out from a file: the same rules as the form, all or nothing, every fault with its line."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

from declarations.models import AGE_BANDS, CHANNELS, CUSTOMERS
from declarations.operations import Receipt, examine, receive
from declarations.rules import MAX_UNITS, Problem, Refused, Submission, SubmittedLine
from foundation.tables import Faults, file_name, read_rows

REQUIRED = ("declaration", "person", "sold_on", "declared_at", "channel", "sku", "units", "unit_price")
OPTIONAL = ("customer", "age_band", "area", "rating", "recommend", "comment")
AGREEING = ("person", "sold_on", "channel")


@dataclass
class Imported:
    """What a file did, in declarations."""

    accepted: int = 0
    in_review: int = 0
    rejected: int = 0
    replayed: int = 0

    def __str__(self) -> str:
        return (
            f"accepted {self.accepted}, in review {self.in_review}, rejected {self.rejected}, replayed {self.replayed}"
        )


@dataclass(slots=True)
class _Rows:
    """The rows of one declaration: the first one's cells, the products, and the line of each."""

    first: list[str]
    lines: list[SubmittedLine] = field(default_factory=list)
    numbers: array[int] = field(default_factory=lambda: array("L"))


def import_declarations(
    source: str | Path | BinaryIO,
    *,
    by: str,
    at: datetime,
    zone: ZoneInfo,
    historical: bool = False,
    progress: Callable[[int], None] = lambda count: None,
) -> Imported:
    """Receive every declaration of a file in one transaction of the caller.

    Rows with the same `declaration` are its lines, wherever they stand. With `historical` staff vouch for the instants.
    Raises Faulty with every fault of the file; nothing is written then.
    """
    faults = Faults(file_name(source))
    columns, grouped = _group(source, faults)
    submissions = [_submission(public_id, rows, columns, faults, at) for public_id, rows in grouped.items()]
    numbers = [rows.numbers for rows in grouped.values()]
    del grouped
    if faults:
        # Cells that could not be read stand for something harmless, so that the rest is examined too.
        _note(faults, examine(submissions, at=at, zone=zone, historical=historical).problems, numbers)
        faults.check()
    try:
        receipts = receive(submissions, by=by, at=at, zone=zone, historical=historical, progress=progress)
    except Refused as refused:
        _note(faults, refused.problems, numbers)
        faults.check()
        raise
    return _counted(receipts)


def _note(faults: Faults, problems: list[Problem], numbers: list[array[int]]) -> None:
    for one in problems:
        if not (one.field in ("person", "sku") and one.wrong.startswith("''")):  # an empty cell was noted already
            faults.add(numbers[one.submission][one.line or 0], one.field, one.wrong, one.right)


def _group(source: str | Path | BinaryIO, faults: Faults) -> tuple[dict[str, int], dict[str, _Rows]]:
    """Read the file into declarations, in order of first appearance; what is wrong with a line is noted."""
    columns, rows = read_rows(source, REQUIRED[:7], REQUIRED[7:] + OPTIONAL, faults=faults)
    declaration_at, sku_at, units_at = columns["declaration"], columns["sku"], columns["units"]
    price_at = columns.get("unit_price", -1)
    person_at, sold_at, channel_at = (columns[name] for name in AGREEING)
    grouped: dict[str, _Rows] = {}
    # Files repeat themselves: the same product in the same quantity at the same price is read once.
    read: dict[tuple[str, str, str], SubmittedLine] = {}
    for number, cells in rows:
        public_id = cells[declaration_at].strip()
        known = grouped.get(public_id)
        if known is None:
            if not public_id:
                faults.add(number, "declaration", "empty", "write the declaration's id")
                continue
            known = grouped[public_id] = _Rows(cells)
        first = known.first
        if (
            cells[person_at] != first[person_at]
            or cells[sold_at] != first[sold_at]
            or cells[channel_at] != first[channel_at]
        ):
            _note_disagreement(public_id, number, cells, first, columns, faults)
        told = (cells[sku_at], cells[units_at], cells[price_at] if price_at >= 0 else "")
        line = read.get(told)
        if line is None:
            noted = faults.total
            line = _line(number, *told, faults)
            if faults.total == noted:
                read[told] = line
        known.lines.append(line)
        known.numbers.append(number)
    if not grouped and not faults:
        faults.add(1, "", "the file holds no declaration", "write at least one row")
    return columns, grouped


def _note_disagreement(
    public_id: str, number: int, cells: list[str], first: list[str], columns: dict[str, int], faults: Faults
) -> None:
    for name in AGREEING:
        place = columns[name]
        if cells[place] != first[place]:
            wrong = f"{cells[place]!r} differs from the first row of {public_id}"
            faults.add(number, name, wrong, f"write {first[place]!r} on every row of it")


def _line(number: int, sku: str, units: str, price: str, faults: Faults) -> SubmittedLine:
    """One product; what cannot be read is noted and replaced by something harmless."""
    if not sku.strip():
        faults.add(number, "sku", "empty", "write the sku of a product")
    count = faults.integer(number, "units", units, lowest=1, highest=MAX_UNITS)
    return SubmittedLine(sku.strip(), count or 1, faults.cents(number, "unit_price", price, optional=True))


def _submission(public_id: str, rows: _Rows, columns: dict[str, int], faults: Faults, at: datetime) -> Submission:
    """The declaration of some rows. What cannot be read is noted and replaced by something harmless."""
    number = rows.numbers[0]

    def cell(name: str) -> str:
        place = columns.get(name)
        return "" if place is None else rows.first[place].strip()

    person = cell("person")
    if not person:
        faults.add(number, "person", "empty", "write the code of a person")
    sold_on = faults.date(number, "sold_on", cell("sold_on"))
    declared_at = faults.instant(number, "declared_at", cell("declared_at"), optional=True)
    channel = faults.choice(number, "channel", cell("channel"), CHANNELS)
    customer = faults.choice(number, "customer", cell("customer"), CUSTOMERS, optional=True)
    age_band = faults.choice(number, "age_band", cell("age_band"), AGE_BANDS, optional=True)
    rating = faults.integer(number, "rating", cell("rating"), lowest=1, highest=5, optional=True)
    recommend = faults.integer(number, "recommend", cell("recommend"), lowest=0, highest=10, optional=True)
    comment_at = columns.get("comment")
    return Submission(
        id=public_id,
        person=person,
        sold_on=sold_on or at.date(),
        declared_at=declared_at,
        channel=channel or CHANNELS[0],
        lines=tuple(rows.lines),
        customer=customer or "",
        age_band=age_band or "",
        area=cell("area"),
        rating=rating,
        recommend=recommend,
        comment="" if comment_at is None else rows.first[comment_at],
    )


def _counted(receipts: list[Receipt]) -> Imported:
    counts = Imported()
    for receipt in receipts:
        if receipt.replay:
            counts.replayed += 1
        elif receipt.status == "in_review":
            counts.in_review += 1
        else:
            counts.accepted += 1
    return counts
