"""A sell-out file is taken whole or not at all; every fault is one line that says where and what would be right."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import func, select

from declarations.models import Declaration, Line, Revision
from foundation.database import db
from foundation.models import AuditEntry
from points.models import Entry
from tests.cast import Cast
from tests.declarations.stage import publish
from tests.test_reference import DATA, run

REQUIRED = "declaration,person,sold_on,declared_at,channel,sku,units"
HEADER = f"{REQUIRED},unit_price,customer,age_band,area,rating,recommend,comment"
RECEIVED = ("--received-at", "2026-02-04T12:00:00+01:00")
GOOD = "s1,BRUNO,2026-02-03,2026-02-03T10:00:00+01:00,store,CREME,2,12.50,new,35-49,69,5,9,Très bien"


def write(folder: Path, *rows: str, header: str = HEADER, encoding: str = "utf-8") -> str:
    """A file of declarations."""
    path = folder / "sales.csv"
    path.write_bytes(("\n".join((header, *rows)) + "\n").encode(encoding))
    return str(path)


def count(model: Any) -> int:
    """How many rows a table holds."""
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_a_file_is_received_with_its_lines_wherever_they_stand(
    runner: FlaskCliRunner, cast: Cast, tmp_path: Path
) -> None:
    publish()
    file = write(
        tmp_path,
        GOOD,
        "s2,AWA,2026-02-03,,online,ROUGE,1,,,,,,,",
        "s1,BRUNO,2026-02-03,,store,SERUM,1,,,,,,,",
    )
    assert run(runner, "declarations", "import", file, *RECEIVED) == (
        "accepted 2, in review 0, rejected 0, replayed 0\n"
    )
    lines = db.session.execute(select(Line.sku, Line.units, Line.unit_price_cents, Line.list_price_cents)).all()
    assert sorted(map(tuple, lines)) == [
        ("CREME", 2, 1_250, 1_200),
        ("ROUGE", 1, None, 990),
        ("SERUM", 1, None, 2_500),
    ]
    revision = db.session.scalar(select(Revision).where(Revision.rating == 5))
    assert revision is not None
    assert (revision.customer, revision.age_band, revision.area, revision.recommend) == ("new", "35-49", "69", 9)
    assert (revision.comment, revision.comment_length) == ("Très bien", 9)


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_both_separators_and_a_byte_order_mark_are_understood(
    runner: FlaskCliRunner, cast: Cast, tmp_path: Path, separator: str, encoding: str
) -> None:
    row = GOOD.replace("12.50", "12.5").replace(",", separator)
    file = write(tmp_path, row, header=HEADER.replace(",", separator), encoding=encoding)
    assert "accepted 1" in run(runner, "declarations", "import", file, *RECEIVED)


def test_the_optional_columns_may_be_left_out(runner: FlaskCliRunner, cast: Cast, tmp_path: Path) -> None:
    file = write(tmp_path, "s1,BRUNO,2026-02-03,,store,CREME,2", header=REQUIRED)
    assert "accepted 1" in run(runner, "declarations", "import", file, *RECEIVED)


@pytest.mark.parametrize(
    ("old", "new", "column", "says"),
    [
        ("BRUNO", "NOBODY", "person", "'NOBODY' is not a reseller"),
        ("BRUNO", "MARC", "person", "'MARC' is not a reseller"),
        ("BRUNO", "", "person", "empty"),
        ("CREME", "INCONNU", "sku", "'INCONNU' is not a product"),
        ("CREME", "", "sku", "empty"),
        (",2,", ",0,", "units", "'0'"),
        (",2,", ",-1,", "units", "'-1'"),
        (",2,", ",1000000000,", "units", "'1000000000'"),
        (",2,", ",100001,", "units", "'100001'"),
        (",2,", ",2.5,", "units", "'2.5'"),
        (",2,", ",,", "units", "empty"),
        ("12.50", "12.505", "unit_price", "'12.505'"),
        ("12.50", "-3", "unit_price", "'-3'"),
        ("2026-02-03,", "2026-02-30,", "sold_on", "'2026-02-30'"),
        ("2026-02-03,", "03/02/2026,", "sold_on", "'03/02/2026'"),
        ("2026-02-03,", "2026-02-10,", "sold_on", "2026-02-10 is not a day on which"),
        ("2026-02-03,", "1987-02-03,", "sold_on", "1987-02-03 is not a day on which"),
        ("2026-02-03T10:00:00+01:00", "2026-02-03T10:00:00", "declared_at", "'2026-02-03T10:00:00'"),
        ("2026-02-03T10:00:00+01:00", "yesterday", "declared_at", "'yesterday'"),
        ("2026-02-03T10:00:00+01:00", "9999-12-31T23:59:59-23:59", "declared_at", "'9999-12-31T23:59:59-23:59'"),
        ("store", "shop", "channel", "'shop'"),
        (",new,", ",unknown,", "customer", "'unknown'"),
        ("35-49", "40", "age_band", "'40'"),
        (",69,", ",Rhône,", "area", "'Rhône' is not an area"),
        (",5,9,", ",6,9,", "rating", "'6'"),
        (",5,9,", ",5,11,", "recommend", "'11'"),
    ],
)
def test_a_fault_is_one_line_that_names_its_place_and_nothing_is_written(
    runner: FlaskCliRunner, cast: Cast, tmp_path: Path, old: str, new: str, column: str, says: str
) -> None:
    assert old in GOOD
    other = GOOD.replace("s1", "s0", 1)
    file = write(tmp_path, other, GOOD.replace(old, new, 1))
    result = runner.invoke(args=["declarations", "import", file, *RECEIVED])
    assert result.exit_code == 1
    faults = [line for line in result.stderr.splitlines() if line.startswith(file)]
    assert len(faults) == 1, result.stderr
    assert faults[0].startswith(f"{file}:3: {column}: {says}")
    assert "; write" in faults[0]
    assert (count(Declaration), count(Line), count(Entry), count(AuditEntry)) == (0, 0, 0, 0)


def test_every_fault_of_a_file_is_said_at_once(runner: FlaskCliRunner, cast: Cast, tmp_path: Path) -> None:
    file = write(
        tmp_path,
        GOOD.replace(",2,", ",0,"),
        "s2,BRUNO,2026-02-31,,shop,CREME,1,,,,,,,",
        "s1,AWA,2026-02-03,,store,CREME,1,,,,,,,",
    )
    result = runner.invoke(args=["declarations", "import", file, *RECEIVED])
    found = [tuple(line.removeprefix(f"{file}:").split(": ")[:2]) for line in result.stderr.splitlines()]
    assert found == [("2", "units"), ("3", "sold_on"), ("3", "channel"), ("4", "person")]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "there is no header"),
        (b"declaration;person\n", "this column is missing"),
        (HEADER.encode() + b"\n", "the file holds no declaration"),
        ((HEADER + ",colour\n").encode(), "colour: unknown column"),
        ((HEADER + "\n" + GOOD[:40]).encode(), "cells where the header has"),
        (b"PAR1\x15\x04\x15\x00\x12", "1: "),
        (b"PK\x03\x04xxxx", "this is a workbook"),
        ((HEADER + "\n" + GOOD).encode("utf-16"), "UTF-16"),
        ((HEADER + "\n" + GOOD).encode("latin-1"), "is not UTF-8"),
        ((HEADER + "\n" + GOOD + '"').encode() + b'\ns2,"BRUNO', "broken quoting"),
    ],
)
def test_half_a_file_or_another_kind_of_file_is_refused_in_words(
    runner: FlaskCliRunner, cast: Cast, tmp_path: Path, content: bytes, says: str
) -> None:
    path = tmp_path / "half.csv"
    path.write_bytes(content)
    result = runner.invoke(args=["declarations", "import", str(path), *RECEIVED])
    assert result.exit_code == 1
    assert says in result.stderr
    assert "Traceback" not in result.output
    assert count(Declaration) == 0


def test_the_same_file_again_is_replayed_and_changes_nothing(
    runner: FlaskCliRunner, cast: Cast, tmp_path: Path
) -> None:
    publish()
    file = write(tmp_path, GOOD, GOOD.replace("s1", "s2", 1))
    run(runner, "declarations", "import", file, *RECEIVED)
    before = (count(Declaration), count(Line), count(Entry))
    assert run(runner, "declarations", "import", file, *RECEIVED) == (
        "accepted 0, in review 0, rejected 0, replayed 2\n"
    )
    assert (count(Declaration), count(Line), count(Entry)) == before


def test_the_same_ids_with_other_content_are_refused_line_by_line(
    runner: FlaskCliRunner, cast: Cast, tmp_path: Path
) -> None:
    run(runner, "declarations", "import", write(tmp_path, GOOD), *RECEIVED)
    file = write(tmp_path, GOOD.replace(",2,", ",3,"), GOOD.replace("s1", "s2", 1))
    result = runner.invoke(args=["declarations", "import", file, *RECEIVED])
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"{file}:2: declaration: s1 was already declared with other content; give a new id, or correct the declaration"
    ]
    assert count(Declaration) == 1


def test_an_instant_without_a_zone_is_wrong_on_the_command_line_too(
    runner: FlaskCliRunner, cast: Cast, tmp_path: Path
) -> None:
    file = write(tmp_path, GOOD)
    result = runner.invoke(args=["declarations", "import", file, "--received-at", "2026-02-04T12:00:00"])
    assert result.exit_code == 1
    assert "has no time zone" in result.stderr


def test_large_lines_go_to_review_and_historical_ones_never_do(
    runner: FlaskCliRunner, cast: Cast, tmp_path: Path
) -> None:
    file = write(tmp_path, GOOD.replace(",2,", ",1001,"))
    assert "accepted 0, in review 1" in run(runner, "declarations", "import", file, *RECEIVED)
    file = write(tmp_path, GOOD.replace("s1", "s2", 1).replace(",2,", ",1001,"))
    assert "accepted 1, in review 0" in run(runner, "declarations", "import", file, "--historical")
    kept = db.session.scalar(select(Declaration).where(Declaration.public_id == "s2"))
    assert kept is not None
    assert kept.received_at == kept.declared_at


def test_a_review_on_the_command_line(runner: FlaskCliRunner, cast: Cast, tmp_path: Path) -> None:
    publish()
    rows = [GOOD.replace("s1", name, 1).replace(",2,", ",1001,") for name in ("a", "b")]
    run(runner, "declarations", "import", write(tmp_path, *rows), *RECEIVED)
    assert run(runner, "declarations", "review", "accept", "a", "--by", "MARC") == "a: accepted\n"
    refused = run(runner, "declarations", "review", "reject", "b", "--reason", "duplicate", "--by", "MARC")
    assert refused == "b: rejected\n"
    for arguments, says in (
        (["accept", "a", "--by", "MARC"], "is not waiting for a review"),
        (["accept", "zz", "--by", "MARC"], "'zz' is not a declaration"),
        (["accept", "a", "--by", "BRUNO"], "may not decide"),
    ):
        result = runner.invoke(args=["declarations", "review", *arguments])
        assert result.exit_code == 1
        assert says in result.stderr
    assert runner.invoke(args=["declarations", "review", "reject", "b", "--by", "MARC"]).exit_code == 2


def test_real_rows_as_the_source_has_them_are_refused_each_for_its_own_reason(
    app: Flask, runner: FlaskCliRunner
) -> None:
    """Cancellations, missing customers, bad debts, fees and instants without a zone, as they stand in the source."""
    folder = DATA / "slice"
    run(runner, "network", "import-outlets", str(folder / "outlets.csv"))
    run(runner, "network", "import-people", str(folder / "people.csv"))
    run(runner, "catalogue", "import", str(folder / "products.csv"))
    file = DATA / "raw-faults.csv"
    result = runner.invoke(args=["declarations", "import", str(file), "--historical"])
    assert result.exit_code == 1
    found: dict[int, set[str]] = {}
    for line in result.stderr.splitlines():
        match = re.match(re.escape(str(file)) + r":(\d+): (\w+): ", line)
        assert match, line
        found.setdefault(int(match[1]), set()).add(match[2])
    assert found == RAW_FAULTS
    assert count(Declaration) == 0


# line of the file → columns in fault
RAW_FAULTS: dict[int, set[str]] = {
    2: {"declared_at", "units"},  # a cancellation, its instant without a zone
    3: {"units"},
    4: {"units"},
    5: {"person", "sku", "units"},  # -80 995 units of something outside this catalogue
    6: {"person"},  # no customer
    7: {"person", "declared_at"},
    8: {"person", "sku", "unit_price"},  # a bad debt
    9: {"sku"},  # postage
    10: {"person", "sku"},  # a marketplace's fee
    11: {"sku", "units"},  # a discount
    12: {"declared_at", "person"},
    14: {"person", "units"},  # stock written off
    # 13, 15 and 16 are sound; 17 has no zone either, but an instant is read from a declaration's first row alone
}
