"""The file opens right the first time, in Excel and in a program, and says what it is."""

from __future__ import annotations

import csv
import io
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow.parquet
import pytest
from flask import Flask
from python_calamine import CalamineWorkbook

from insights import exports
from insights.queries import Protected, protected, snapshot
from insights.rules import Selection, WrongSelection
from tests.insights.sales import Sale, write

ZONE = ZoneInfo("Europe/Paris")
AT = datetime(2026, 2, 4, 9, 30, tzinfo=UTC)
MONDAY = date(2026, 1, 5)
NEEDED = ("declarations", "units", "value_cents", "units_per_declaration", "returning_share_bp", "rating_avg_milli")
HEADER = ["region", "month", *NEEDED, "nps", "comments", "withheld"]
ROWS = [
    ["", "2026-01", *[None] * 8, 1],
    ["=Wallonie", "2026-01", *[None] * 8, 1],
    ["Bretagne", "2026-01", 12, 12, 12_000, 1, 5000, 4500, -10, 1, 0],
    ["Île-de-France", "2026-01", *[None] * 8, 1],
    ["TOTAL", "", 19, 19, 19_000, 1, 5000, 4500, -10, 1, 0],
]


@pytest.fixture
def table(app: Flask) -> Protected:
    sales = [Sale(shop, MONDAY, customer="new", rating=4, recommend=9) for shop in ("a1", "b", "d")]
    sales += [Sale(shop, MONDAY, customer="returning", rating=5, recommend=3) for shop in ("a2", "b", "d")]
    sales += [
        Sale(shop, MONDAY, recommend=5 + n, comment="Oui" if n == 0 else "")
        for n, shop in enumerate(("a1", "b", "d", "a1", "b"))
    ]
    sales += [Sale("d", MONDAY)]
    sales += [Sale(shop, MONDAY) for shop in ("c", "c", "e", "e", "f", "g", "g")]
    write(sales)
    with snapshot() as connection:
        return protected(connection, Selection(date(2026, 1, 1), date(2026, 1, 31), ("region", "month")))


def test_the_csv_says_what_it_is_then_the_cells_then_the_total(table: Protected, tmp_path: Path) -> None:
    path = tmp_path / "insight.csv"
    exports.write_file(path, table, zone=ZONE, at=AT)
    raw = path.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf# ")
    lines = raw.decode("utf-8-sig").splitlines()
    said = [line for line in lines if line.startswith("# ")]
    assert lines[: len(said)] == said
    for expected in ("from: 2026-01-01", "until: 2026-01-31", "by: region,month", "time_zone: Europe/Paris"):
        assert f"# {expected}" in said
    assert "# created_at: 2026-02-04T09:30:00.000000Z" in said
    assert any("85 %" in line and "5 déclarations de 3 groupes" in line for line in said)
    rows = list(csv.reader(lines[len(said) :]))
    assert rows[0] == HEADER
    expected_rows = [["" if value is None else str(value) for value in row] for row in ROWS]
    expected_rows[1][0] = "'=Wallonie"
    assert rows[1:] == expected_rows


def test_the_workbook_holds_numbers_as_numbers_and_no_formula(table: Protected, tmp_path: Path) -> None:
    path = tmp_path / "insight.XLSX"
    exports.write_file(path, table, zone=ZONE, at=AT)
    book = CalamineWorkbook.from_path(str(path))
    assert book.sheet_names == ["Insight", "À propos"]
    sheet = book.get_sheet_by_index(0).to_python()
    assert sheet[0] == HEADER
    assert sheet[1:] == [["" if value is None else value for value in row] for row in ROWS]
    assert isinstance(sheet[3][2], float | int)
    about = {row[0]: row[1] for row in book.get_sheet_by_index(1).to_python()}
    assert about["from"] == "2026-01-01"
    assert about["by"] == "region,month"
    assert about["created_at"] == "2026-02-04T09:30:00.000000Z"
    assert "85 %" in about["disclosure"]


def test_the_parquet_file_has_types_and_says_what_it_is(table: Protected, tmp_path: Path) -> None:
    path = tmp_path / "insight.parquet"
    exports.write_file(path, table, zone=ZONE, at=AT)
    read = pyarrow.parquet.read_table(path)
    assert read.column_names == HEADER
    assert [list(row.values()) for row in read.to_pylist()] == ROWS
    assert str(read.schema.field("value_cents").type) == "int64"
    assert str(read.schema.field("region").type) == "string"
    assert read.schema.metadata[b"until"] == b"2026-01-31"
    assert b"85 %" in read.schema.metadata[b"disclosure"]


def test_without_pyarrow_parquet_is_refused_in_words(table: Protected, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(WrongSelection, match=r"install palmares\[parquet\]"):
        exports.write_to(io.BytesIO(), "parquet", table, zone=ZONE, at=AT)


def test_a_failure_leaves_the_earlier_file_and_nothing_half_written(
    table: Protected, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "insight.csv"
    path.write_text("the earlier one")

    def break_off(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exports, "write_table", break_off)
    with pytest.raises(WrongSelection, match="No space left"):
        exports.write_file(path, table, zone=ZONE, at=AT)
    assert path.read_text() == "the earlier one"
    assert [file.name for file in tmp_path.iterdir() if file.suffix == ".part"] == []


def test_nothing_declared_still_makes_a_file(app: Flask) -> None:
    with snapshot() as connection:
        empty = protected(connection, Selection(MONDAY, MONDAY, ("day",)))
    text = exports.as_bytes("csv", empty, zone=ZONE, at=AT).decode("utf-8-sig")
    assert text.splitlines()[-1] == "TOTAL,,,,,,,,,1"
    for form in ("xlsx", "parquet"):
        assert exports.as_bytes(form, empty, zone=ZONE, at=AT)
