"""The year's statement: what each person received, with the bands of the law, as CSV or XLSX."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

import xlsxwriter
from flask_babel import gettext as _

from foundation import audit, clock
from foundation.tables import write_table
from insights.exports import moved_when_whole
from insights.rules import TOTAL, WrongSelection
from rewards.benefits import Benefit
from rewards.contribution import Figures

HEADER = (
    "person", "name", "outlet", "group", "status", "given_cents", "taken_back_cents", "benefit_cents",
    "band_free_cents", "band_contribution_cents", "contribution_cents", "band_common_cents", "wages_cents", "das2",
    "q1_cents", "q2_cents", "q3_cents", "q4_cents",
)  # fmt: skip
FORMS = ("csv", "xlsx")
TEXTS = 5
Row = tuple[str | int | None, ...]


def rows(found: Iterable[Benefit], figures: Figures) -> Iterator[Row]:
    """A row per person by code, then TOTAL, each of whose figures is the sum of its column; quarters are those of home
    sellers only. A figure that the law does not give yet is empty, and so is its total."""
    totals: list[int | None] = [0] * (len(HEADER) - TEXTS)
    for one in found:
        cut = one.split(figures)
        das2 = None if cut.das2 is None else int(cut.das2)
        quarters: tuple[int | None, ...] = one.quarters if one.status == "vdi" else (None,) * 4
        amounts = (
            one.given_cents, one.taken_back_cents, one.received_cents, cut.free_cents, cut.between_cents,
            cut.due_cents, cut.common_cents, cut.wages_cents, das2, *quarters,
        )  # fmt: skip
        for place, amount in enumerate(amounts):
            before = totals[place]
            if place >= len(amounts) - len(quarters):
                totals[place] = (before or 0) + (amount or 0)
            else:
                totals[place] = None if before is None or amount is None else before + amount
        yield (one.person, one.name, one.outlet, one.group, one.status, *amounts)
    yield (TOTAL, "", "", "", "", *totals)


def remarks(figures: Figures, *, zone: ZoneInfo, at: datetime) -> list[tuple[str, str]]:
    """What a reader needs beside the figures: the year, how things are valued, the figures of the law."""
    bands = figures.bands
    law = (
        _("chiffres de %(year)s inconnus : colonnes vides ; un administrateur les inscrit dans les chiffres de la loi",
          year=figures.year)
        if bands is None
        else _("CSS art. L242-1-4 : rien jusqu’à %(free)s centimes, contribution de %(rate)s %% jusqu’à %(common)s, "
               "droit commun au-delà", free=bands.free_cents, rate=f"{bands.rate.normalize():f}",
               common=bands.common_cents)
    )  # fmt: skip
    das2 = "?" if figures.das2_cents is None else str(figures.das2_cents)
    return [
        ("title", _("Palmarès, relevé annuel des avantages par bénéficiaire")),
        ("year", str(figures.year)),
        ("time_zone", str(zone)),
        ("created_at", clock.format_instant(at)),
        ("valued", _("à la date d’attribution (clôture, ou crédit de cagnotte) ; un cadeau commandé avec des points "
                     "n’est pas compté une seconde fois")),
        ("employee", law),
        ("independent", _("das2 = 1 au-dessus de %(limit)s centimes par an (CGI art. 240)", limit=das2)),
        ("staff", _("salaire dès le premier euro : à transmettre à la paie (wages_cents)")),
        ("vdi", _("par trimestre, pour la paie de l’entreprise (à confirmer par un juriste)")),
    ]  # fmt: skip


def form_of(path: Path) -> str:
    """csv or xlsx, from the end of the name. Raises WrongSelection for any other."""
    form = path.suffix.lower().removeprefix(".")
    if form not in FORMS:
        raise WrongSelection(f"{path.name}: unknown kind of file; end the name in .csv or .xlsx")
    return form


def write_file(path: Path, found: Iterable[Benefit], figures: Figures, *, zone: ZoneInfo, at: datetime) -> int:
    """Write the statement; answers how many people are in it. Raises WrongSelection when it cannot be written there."""
    form = form_of(path)
    if not path.parent.is_dir():
        raise WrongSelection(f"{path}: there is no folder {path.parent}; make it first")
    try:
        with moved_when_whole(path) as target:
            return write_to(target, form, found, figures, zone=zone, at=at)
    except OSError as error:
        raise WrongSelection(f"{path}: cannot be written ({error.strerror or error})") from error


def as_bytes(form: str, found: Iterable[Benefit], figures: Figures, *, zone: ZoneInfo, at: datetime) -> bytes:
    """The whole file in memory, for a download."""
    target = io.BytesIO()
    write_to(target, form, found, figures, zone=zone, at=at)
    return target.getvalue()


def write_to(
    target: BinaryIO, form: str, found: Iterable[Benefit], figures: Figures, *, zone: ZoneInfo, at: datetime
) -> int:
    """Write the statement to an open binary file, in one of FORMS; answers how many people are in it."""
    count = -1  # TOTAL is nobody

    def counted() -> Iterator[Row]:
        nonlocal count
        for row in rows(found, figures):
            count += 1
            yield row

    said = remarks(figures, zone=zone, at=at)
    if form == "csv":
        text = io.TextIOWrapper(target, encoding="utf-8", newline="", write_through=False)
        write_table(text, HEADER, counted(), bom=True, remarks=[f"{name}: {value}" for name, value in said])
        text.flush()
        text.detach()
    else:
        _write_xlsx(target, counted(), said, at=at)
    return count


def _write_xlsx(target: BinaryIO, lines: Iterable[Row], said: list[tuple[str, str]], *, at: datetime) -> None:
    book = xlsxwriter.Workbook(
        target,
        {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False},
    )
    book.set_properties({"title": "Palmarès", "created": at.replace(tzinfo=None)})
    bold = book.add_format({"bold": True})
    sheet = book.add_worksheet(_("Relevé"))
    sheet.freeze_panes(1, 1)
    sheet.set_column(0, len(HEADER) - 1, 18)
    for column, name in enumerate(HEADER):
        sheet.write_string(0, column, name, bold)
    for line, row in enumerate(lines, 1):
        for column, value in enumerate(row):
            if isinstance(value, str):
                sheet.write_string(line, column, value)
            elif value is not None:
                sheet.write_number(line, column, value)
    about = book.add_worksheet(_("À propos"))
    about.set_column(0, 0, 14)
    about.set_column(1, 1, 120)
    for line, (name, value) in enumerate(said):
        about.write_string(line, 0, name, bold)
        about.write_string(line, 1, value)
    book.close()


def take_out(year: int, form: str, *, subject: str = "", by: str, at: datetime) -> None:
    """Remember that what people received left the product as a file; `subject` is the person or the employer."""
    audit.record("insights.statement_exported", subject or str(year), by=by, at=at, year=year, form=form)


def known_year(text: Any) -> int | None:
    """A year written in four digits, from 2000 to 2100; None otherwise."""
    told = str(text)
    return int(told) if told.isascii() and told.isdecimal() and len(told) == 4 and 2000 <= int(told) <= 2100 else None
