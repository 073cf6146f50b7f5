"""flask insights export: the file asked for, or one line saying what would be right."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from foundation.database import db
from foundation.models import AuditEntry
from tests.insights.sales import Sale, write

MONDAY = date(2026, 1, 5)


def run(runner: Any, path: Path, exits: int = 0, **changes: str) -> Any:
    options = {"from": "2026-01-01", "until": "2026-01-31", "by": "month"} | changes
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return runner.run("insights", "export", *words, "--to", path, exits=exits)


def test_the_file_holds_the_period_both_days_included(runner: Any, tmp_path: Path) -> None:
    days = [date(2026, 1, 1)] * 3 + [date(2026, 1, 31)] * 3 + [date(2025, 12, 31), date(2026, 2, 1)]
    write([Sale(shop, day) for shop, day in zip(["a1", "b", "c", "d", "e", "f", "a1", "b"], days, strict=True)])
    path = tmp_path / "out.csv"
    said = run(runner, path).stdout
    assert "1 cells, 1 shown, 0 withheld" in said
    lines = [line for line in path.read_text("utf-8-sig").splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(lines))
    assert [(row["month"], row["declarations"], row["withheld"]) for row in rows] == [
        ("2026-01", "6", "0"),
        ("TOTAL", "6", "0"),
    ]


@pytest.mark.parametrize("name", ["out.xlsx", "out.parquet", "OUT.CSV"])
def test_the_end_of_the_name_chooses_the_kind_of_file(runner: Any, tmp_path: Path, name: str) -> None:
    run(runner, tmp_path / name)
    assert (tmp_path / name).stat().st_size > 0


def test_taking_figures_out_is_remembered(runner: Any, tmp_path: Path) -> None:
    run(runner, tmp_path / "out.csv", by="month,country")
    entry = db.session.execute(select(AuditEntry).where(AuditEntry.act == "insights.exported")).scalar_one()
    assert (entry.by, entry.subject, entry.details["form"]) == ("system", "month,country", "csv")


@pytest.mark.parametrize(
    ("changes", "name", "said"),
    [
        ({"by": "colour"}, "out.csv", "unknown dimension 'colour'; write one of day, week, month"),
        ({"by": ""}, "out.csv", "no dimension given; write at least one of day"),
        ({"from": "2026-02-01"}, "out.csv", "from 2026-02-01 is after until 2026-01-31"),
        ({"from": "yesterday"}, "out.csv", "'yesterday' is not a date; write it as 2026-02-04"),
        ({"until": "2026-02-30"}, "out.csv", "'2026-02-30' is not a date"),
        ({}, "out.ods", "out.ods: unknown kind of file; end the name in .csv, .xlsx or .parquet"),
        ({}, "out", "unknown kind of file"),
        ({}, "missing/out.csv", "there is no folder"),
    ],
)
def test_bad_input_is_refused_with_one_line_and_nothing_is_written(
    runner: Any, tmp_path: Path, changes: dict[str, str], name: str, said: str
) -> None:
    result = run(runner, tmp_path / name, exits=1, **changes)
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert [file.name for file in tmp_path.iterdir() if file.name.endswith((".csv", ".ods", ".part"))] == []


def test_a_missing_option_is_wrong_usage(runner: Any) -> None:
    runner.run("insights", "export", "--from", "2026-01-01", exits=2)
