"""Protected aggregates as CSV, XLSX or Parquet: what was asked first, then the cells, then TOTAL.

A file is written beside its place under another name and then moved there: nobody finds half a file.
"""

from __future__ import annotations

import importlib
import io
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

import xlsxwriter
from flask_babel import gettext as _

from foundation.clock import format_instant
from foundation.tables import write_table
from insights.queries import Protected
from insights.rules import (
    LEAST_ANSWERS,
    LEAST_DECLARATIONS,
    LEAST_GROUPS,
    MEASURES,
    MOST_OF_ONE_GROUP,
    TOTAL,
    WrongSelection,
)

FORMS = ("csv", "xlsx", "parquet")
LARGEST_SHEET = 1_048_576

Row = tuple[str | int | None, ...]
Remarks = Sequence[tuple[str, str]]


def form_of(path: Path) -> str:
    """csv, xlsx or parquet, from the end of the name. Raises WrongSelection for any other."""
    form = path.suffix.lower().removeprefix(".")
    if form not in FORMS:
        raise WrongSelection(f"{path.name}: unknown kind of file; end the name in .csv, .xlsx or .parquet")
    return form


def check_form(form: str) -> None:
    """Say before the work what would prevent it: Parquet needs the extra `parquet`. Raises WrongSelection."""
    if form == "parquet":
        _arrow()


def header(table: Protected) -> tuple[str, ...]:
    """The columns: the dimensions asked, the measures, whether the cell is withheld."""
    return (*table.selection.by, *MEASURES, "withheld")


def rows(table: Protected) -> Iterator[Row]:
    """The cells in dimension order, then TOTAL; a withheld row keeps its dimensions and has empty measures."""
    nothing: tuple[None, ...] = (None,) * len(MEASURES)
    for cell in table.cells:
        yield (*cell.key, *(cell.measures.values() if cell.measures else nothing), int(cell.withheld))
    total = table.total
    key = (TOTAL, *("",) * (len(table.selection.by) - 1))
    yield (*key, *(total.measures.values() if total.measures else nothing), int(total.withheld))


def remarks(table: Protected, *, zone: ZoneInfo, at: datetime) -> Remarks:
    """What a reader needs beside the figures: filters, time zone, instant of creation, rule of disclosure."""
    asked = table.selection
    return (
        ("title", _plain(_("Palmarès, insight client : déclarations acceptées"))),
        ("from", asked.since.isoformat()),
        ("until", asked.until.isoformat()),
        ("by", ",".join(asked.by)),
        ("time_zone", str(zone)),
        ("created_at", format_instant(at)),
        ("disclosure", _plain(disclosure_in_words())),
    )


def _plain(text: str) -> str:
    """With ordinary spaces only, as the remarks of a CSV have them: the three forms of the file say the same."""
    return " ".join(text.split())


def disclosure_in_words() -> str:
    """The rule of disclosure, in the reader's language."""
    return _(
        "Une cellule est montrée à partir de %(declarations)s déclarations de %(groups)s groupes juridiques, sans "
        "qu’aucun ne fasse plus de %(share)s %% de sa valeur ; la note moyenne et le NPS demandent aussi %(answers)s "
        "réponses chacun. Sinon elle est protégée (withheld = 1), et les plus petites cellules avec elle, tant que le "
        "total permettrait de la retrouver. La ligne TOTAL compte tout.",
        declarations=LEAST_DECLARATIONS,
        groups=LEAST_GROUPS,
        share=MOST_OF_ONE_GROUP,
        answers=LEAST_ANSWERS,
    )


def write_file(path: Path, table: Protected, *, zone: ZoneInfo, at: datetime) -> None:
    """Write the file its name asks for. Raises WrongSelection when it cannot be written there or in that form."""
    form = form_of(path)
    if not path.parent.is_dir():
        raise WrongSelection(f"{path}: there is no folder {path.parent}; make it first")
    try:
        with moved_when_whole(path) as target:
            write_to(target, form, table, zone=zone, at=at)
    except OSError as error:
        raise WrongSelection(f"{path}: cannot be written ({error.strerror or error})") from error


@contextmanager
def moved_when_whole(path: Path) -> Iterator[BinaryIO]:
    """A file under another name in the same folder, moved to `path` at the end, gone when anything failed."""
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with draft.open("xb") as target:
            yield target
            target.flush()
            os.fsync(target.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def write_to(target: BinaryIO, form: str, table: Protected, *, zone: ZoneInfo, at: datetime) -> None:
    """Write the table to an open binary file, in one of FORMS."""
    said = remarks(table, zone=zone, at=at)
    if form == "csv":
        _write_csv(target, table, said)
    elif form == "xlsx":
        _write_xlsx(target, table, said, at=at)
    elif form == "parquet":
        _write_parquet(target, table, said)
    else:
        raise WrongSelection(f"{form!r} is not a kind of file; write one of {', '.join(FORMS)}")


def as_bytes(form: str, table: Protected, *, zone: ZoneInfo, at: datetime) -> bytes:
    """The whole file in memory, for a download."""
    target = io.BytesIO()
    write_to(target, form, table, zone=zone, at=at)
    return target.getvalue()


def _write_csv(target: BinaryIO, table: Protected, said: Remarks) -> None:
    text = io.TextIOWrapper(target, encoding="utf-8", newline="", write_through=False)
    lines = [f"{name}: {value}" for name, value in said]
    write_table(text, header(table), rows(table), bom=True, remarks=lines)
    text.flush()
    text.detach()


def _write_xlsx(target: BinaryIO, table: Protected, said: Remarks, *, at: datetime) -> None:
    """First sheet the table, second what it is. Texts are written as texts: a formula in one stays a text."""
    if len(table.cells) + 2 > LARGEST_SHEET:
        raise WrongSelection(
            f"{len(table.cells)} rows do not fit in a sheet of {LARGEST_SHEET}; write a .csv or fewer dimensions"
        )
    book = xlsxwriter.Workbook(
        target,
        {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False},
    )
    book.set_properties({"title": "Palmarès", "created": at.replace(tzinfo=None)})
    bold = book.add_format({"bold": True})
    sheet = book.add_worksheet(_("Insight"))
    sheet.freeze_panes(1, len(table.selection.by))
    sheet.set_column(0, len(header(table)) - 1, 18)
    for column, name in enumerate(header(table)):
        sheet.write_string(0, column, name, bold)
    last = 0
    for last, row in enumerate(rows(table), 1):
        for column, value in enumerate(row):
            if isinstance(value, str):
                sheet.write_string(last, column, value)
            elif value is not None:
                sheet.write_number(last, column, value)
    sheet.autofilter(0, 0, last, len(header(table)) - 1)
    about = book.add_worksheet(_("À propos"))
    about.set_column(0, 0, 14)
    about.set_column(1, 1, 120)
    for line, (name, value) in enumerate(said):
        about.write_string(line, 0, name, bold)
        about.write_string(line, 1, value)
    book.close()


def _write_parquet(target: BinaryIO, table: Protected, said: Remarks) -> None:
    arrow, parquet = _arrow()
    dimensions = len(table.selection.by)
    schema = arrow.schema(
        [
            arrow.field(name, arrow.string() if place < dimensions else arrow.int64())
            for place, name in enumerate(header(table))
        ],
        metadata=dict(said),
    )
    columns = list(zip(*rows(table), strict=True))
    arrays = [arrow.array(values, type=field.type) for values, field in zip(columns, schema, strict=True)]
    parquet.write_table(arrow.Table.from_arrays(arrays, schema=schema), target)


def _arrow() -> tuple[Any, Any]:
    """pyarrow, read when first asked for: it is an extra, and heavy."""
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise WrongSelection(
            "Parquet needs pyarrow, which is not installed; install palmares[parquet], or write a .csv or .xlsx"
        ) from error
