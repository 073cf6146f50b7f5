"""The year's statement, to the cent, against figures worked out by hand.

2025: minimum wage 1 801.80 €; 15 % is 270.27 €, 150 % is 2 702.70 €.
2026: minimum wage 1 823.03 €; 15 % is 273.4545, so 273.45 €, 150 % is 2 734.545, so 2 734.55 €.
"""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from python_calamine import CalamineWorkbook
from sqlalchemy import event, select, update

from foundation import clock
from foundation.database import db
from foundation.models import AuditEntry
from foundation.programme import change_setting
from foundation.transactions import transaction
from network.models import Outlet, Person
from points import wallet
from rewards.contribution import Bands, Figures, Split, split
from rewards.jobs import advance_challenges
from tests.cast import Cast
from tests.rewards.years import IN_2025, IN_2026, article, challenge, give, sales

FIGURES = {
    2025: Figures(2025, Bands(27_027, 270_270, Decimal(20)), 240_000),
    2026: Figures(2026, Bands(27_345, 273_455, Decimal(20)), 240_000),
    2031: Figures(2031, None, None),
}


def statement(runner: Any, path: Path, year: int = 2026) -> dict[str, dict[str, str]]:
    """The file of a year by person, TOTAL included."""
    runner.run("insights", "statement", "--year", year, "--to", path / "year.csv")
    lines = (path / "year.csv").read_text("utf-8-sig").splitlines()
    return {row["person"]: row for row in csv.DictReader(line for line in lines if not line.startswith("#"))}


def bands(row: dict[str, str]) -> list[str]:
    """Received, free, between, due, common law."""
    names = ("benefit", "band_free", "band_contribution", "contribution", "band_common")
    return [row[f"{name}_cents"] for name in names]


# What is received, and what the law makes of it: (free, between, due, common law, wages, DAS2).
@pytest.mark.any_engine
@pytest.mark.parametrize(
    ("year", "status", "received", "expected"),
    [
        (2025, "employee", 0, (0, 0, 0, 0, 0, False)),
        (2025, "employee", 27_027, (27_027, 0, 0, 0, 0, False)),  # exactly 15 %
        (2025, "employee", 27_028, (27_027, 1, 0, 0, 0, False)),
        (2025, "employee", 270_270, (27_027, 243_243, 48_648, 0, 0, False)),  # 20 % of 2 432.43 = 486.486
        (2025, "employee", 270_271, (27_027, 243_243, 48_648, 1, 0, False)),
        (2026, "employee", 27_345, (27_345, 0, 0, 0, 0, False)),
        (2026, "employee", 273_455, (27_345, 246_110, 49_222, 0, 0, False)),  # 20 % of 2 461.10 = 492.22
        (2026, "employee", 300_000, (27_345, 246_110, 49_222, 26_545, 0, False)),
        (2026, "employee", -500, (0, 0, 0, 0, 0, False)),  # more was taken back than given
        (2031, "employee", 5_000, (None, None, None, None, 0, False)),
        (2026, "staff", 1, (0, 0, 0, 0, 1, False)),
        (2031, "staff", 300_000, (0, 0, 0, 0, 300_000, False)),
        (2026, "independent", 240_000, (0, 0, 0, 0, 0, False)),  # exactly the threshold
        (2026, "independent", 240_001, (0, 0, 0, 0, 0, True)),
        (2031, "independent", 240_001, (0, 0, 0, 0, 0, None)),
        (2026, "vdi", 300_000, (0, 0, 0, 0, 0, False)),
    ],
)
def test_what_the_law_makes_of_a_year(year: int, status: str, received: int, expected: tuple[Any, ...]) -> None:
    assert split(status, received, FIGURES[year]) == Split(*expected)


def test_awards_that_cross_15_and_150_percent_in_2025(app: Flask, cast: Cast, runner: Any, tmp_path: Path) -> None:
    sales()
    give("un", 20_000, IN_2025)
    # 200.00: below 270.27.
    assert bands(statement(runner, tmp_path, 2025)["AWA"]) == ["20000", "20000", "0", "0", "0"]
    give("deux", 100_000, IN_2025)
    # 1 200.00: 1 200.00 − 270.27 = 929.73; 20 % = 185.946.
    assert bands(statement(runner, tmp_path, 2025)["AWA"]) == ["120000", "27027", "92973", "18594", "0"]
    give("trois", 200_000, IN_2025)
    # 3 200.00: 2 702.70 − 270.27 = 2 432.43; 20 % = 486.486; 3 200.00 − 2 702.70 = 497.30.
    assert bands(statement(runner, tmp_path, 2025)["AWA"]) == ["320000", "27027", "243243", "48648", "49730"]


def test_awards_that_cross_15_and_150_percent_in_2026(app: Flask, cast: Cast, runner: Any, tmp_path: Path) -> None:
    sales()
    give("un", 20_000)
    assert bands(statement(runner, tmp_path)["AWA"]) == ["20000", "20000", "0", "0", "0"]
    give("deux", 100_000)
    # 1 200.00 − 273.45 = 926.55; 20 % = 185.31.
    assert bands(statement(runner, tmp_path)["AWA"]) == ["120000", "27345", "92655", "18531", "0"]
    give("trois", 200_000)
    # 2 734.55 − 273.45 = 2 461.10; 20 % = 492.22; 3 200.00 − 2 734.55 = 465.45.
    assert bands(statement(runner, tmp_path)["AWA"]) == ["320000", "27345", "246110", "49222", "46545"]


def test_a_year_turns_at_midnight_in_the_zone_of_the_programme(
    app: Flask, cast: Cast, runner: Any, tmp_path: Path
) -> None:
    sales()
    give("avant", 100, "2025-12-31T22:59:59+00:00")  # 23:59:59 in Paris
    give("apres", 40, "2025-12-31T23:00:00+00:00")
    assert statement(runner, tmp_path, 2025)["AWA"]["benefit_cents"] == "100"
    assert statement(runner, tmp_path, 2026)["AWA"]["benefit_cents"] == "40"
    assert "AWA" not in statement(runner, tmp_path, 2024)


def test_each_status_has_its_own_columns_and_total_is_their_sum(
    app: Flask, cast: Cast, runner: Any, tmp_path: Path
) -> None:
    sales()
    give("un", 250_000)
    with transaction():
        db.session.execute(update(Person).where(Person.code == "CHLOE").values(status="staff"))
    found = statement(runner, tmp_path)
    assert list(found) == ["AWA", "BRUNO", "CHLOE", "NINA", "TOTAL"]
    assert [found[who]["das2"] for who in found] == ["0", "1", "0", "0", "1"]
    assert found["CHLOE"]["wages_cents"] == found["TOTAL"]["wages_cents"] == "250000"
    assert bands(found["CHLOE"])[1:] == ["0"] * 4
    quarters = ("q1_cents", "q2_cents", "q3_cents", "q4_cents")
    assert [found["NINA"][name] for name in quarters] == ["250000", "0", "0", "0"]
    assert [found["AWA"][name] for name in quarters] == [""] * 4
    # Awa: 2 500.00 − 273.45 = 2 226.55; 20 % = 445.31.
    assert bands(found["TOTAL"]) == ["1000000", "27345", "222655", "44531", "0"]


def test_home_sellers_by_quarter_at_midnight(app: Flask, cast: Cast, runner: Any, tmp_path: Path) -> None:
    sales()
    give("a", 1, "2026-03-31T21:59:59+00:00")  # summer time: the second quarter begins at 22:00 UTC
    give("b", 2, "2026-03-31T22:00:00+00:00")
    give("c", 4, "2026-09-30T22:00:00+00:00")
    nina = statement(runner, tmp_path)["NINA"]
    assert [nina[f"q{number}_cents"] for number in (1, 2, 3, 4)] == ["1", "2", "0", "4"]


def test_an_article_counts_at_its_cost_of_then_and_an_outlets_is_nobodys(
    app: Flask, cast: Cast, runner: Any, tmp_path: Path
) -> None:
    sales()
    with transaction():
        article("SPA", 30_000)
    everyone = [{"kind": "threshold", "points": 10, "reward": "SPA"}]
    challenge("seul", payouts=everyone)
    challenge("equipe", ranks="outlet", payouts=everyone)
    list(advance_challenges(clock.parse_instant(IN_2026)))
    with transaction():
        db.session.execute(update(Outlet).values(name="=1+1"))
        db.session.execute(db.text("UPDATE rewards SET cost_cents = 1"))
    assert bands(statement(runner, tmp_path)["AWA"]) == ["30000", "27345", "2655", "531", "0"]


def test_points_given_by_hand_count_and_corrections_reduce(app: Flask, cast: Cast, runner: Any, tmp_path: Path) -> None:
    with transaction():
        change_setting("wallet_point_cents", "5", by="ADA", at=datetime(2026, 1, 1, tzinfo=UTC))
    with transaction():
        wallet.adjust(cast.awa, 100, "merci", by="MARC", at=datetime(2026, 2, 1, tzinfo=UTC))
        wallet.adjust(cast.awa, -30, "erreur", by="MARC", at=datetime(2026, 2, 2, tzinfo=UTC))
    with transaction():  # what a point costs later changes nothing of what was given
        change_setting("wallet_point_cents", "9", by="ADA", at=datetime(2026, 6, 1, tzinfo=UTC))
    with transaction():
        wallet.adjust(cast.awa, 10, "encore", by="MARC", at=datetime(2026, 7, 1, tzinfo=UTC))
    awa = statement(runner, tmp_path)["AWA"]
    assert (awa["given_cents"], awa["taken_back_cents"], awa["benefit_cents"]) == ("590", "150", "440")


def test_what_waits_for_approval_is_not_received(app: Flask, cast: Cast, runner: Any, tmp_path: Path) -> None:
    with transaction():
        asked = wallet.adjust(cast.awa, 5_000, "merci", by="MARC", at=datetime(2026, 2, 1, tzinfo=UTC))
    assert "AWA" not in statement(runner, tmp_path)
    with transaction():
        wallet.approve(asked, by="ADA", at=datetime(2026, 2, 2, tzinfo=UTC))
    assert statement(runner, tmp_path)["AWA"]["benefit_cents"] == "5000"


def test_what_is_taken_back_leaves_the_year_in_which_it_was_given(
    app: Flask, cast: Cast, runner: Any, tmp_path: Path
) -> None:
    sales()
    give("un", 400, IN_2025)
    give("deux", 70, IN_2026)
    with transaction():
        change_setting("wallet_point_cents", "8", by="ADA", at=datetime(2026, 4, 1, tzinfo=UTC))
    with transaction():
        wallet.revert("closing/un/1/AWA", "fraude", by="ADA", at=datetime(2026, 5, 1, tzinfo=UTC))
    awa = statement(runner, tmp_path, 2025)["AWA"]
    assert (awa["given_cents"], awa["taken_back_cents"], awa["benefit_cents"]) == ("400", "400", "0")
    assert statement(runner, tmp_path, 2026)["AWA"]["benefit_cents"] == "70"
    assert statement(runner, tmp_path, 2025)["CHLOE"]["benefit_cents"] == "400"


def test_what_was_spent_and_forgiven_stays_received(app: Flask, cast: Cast, runner: Any, tmp_path: Path) -> None:
    sales()
    give("un", 400)
    with transaction():
        change_setting("reversal_policy", "forgive", by="ADA", at=datetime(2026, 4, 1, tzinfo=UTC))
        wallet.spend(cast.awa.id, 150, "order/1", "cadeau", {}, at=datetime(2026, 4, 2, tzinfo=UTC))
    assert statement(runner, tmp_path)["AWA"]["benefit_cents"] == "400"  # spending changes nothing
    with transaction():
        wallet.revert("closing/un/1/AWA", "fraude", by="ADA", at=datetime(2026, 5, 1, tzinfo=UTC))
    assert statement(runner, tmp_path)["AWA"]["benefit_cents"] == "150"


def test_a_year_without_figures_says_so(app: Flask, cast: Cast, runner: Any, tmp_path: Path) -> None:
    sales()
    give("un", 400, "2031-01-05T12:00:00+00:00")
    said = runner.run("insights", "statement", "--year", 2031, "--to", tmp_path / "year.csv")
    assert "the SMIC of 2031 is not known" in said.stderr
    found = statement(runner, tmp_path, 2031)
    assert bands(found["AWA"]) == ["400", "", "", "", ""]
    assert bands(found["TOTAL"]) == ["1600", "", "", "", ""]
    assert "# employee: " in (tmp_path / "year.csv").read_text("utf-8-sig")


@pytest.mark.parametrize(
    ("year", "name", "said"),
    [
        ("26", "year.csv", "'26' is not a year; write it as 2026"),
        ("2026", "year.ods", "year.ods: unknown kind of file; end the name in .csv or .xlsx"),
        ("2026", "nowhere/year.csv", "there is no folder"),
    ],
)
def test_a_wrong_request_says_what_would_be_right(
    app: Flask, runner: Any, tmp_path: Path, year: str, name: str, said: str
) -> None:
    answer = runner.run("insights", "statement", "--year", year, "--to", tmp_path / name, exits=1)
    assert said in answer.stderr
    assert list(tmp_path.glob("*year*")) == []


def test_the_workbook_holds_the_same_and_no_text_is_a_formula(
    app: Flask, cast: Cast, runner: Any, tmp_path: Path
) -> None:
    sales()
    give("un", 400)
    with transaction():
        db.session.execute(update(Person).where(Person.code == "AWA").values(name="=HYPERLINK(1)"))
    assert statement(runner, tmp_path)["AWA"]["name"] == "'=HYPERLINK(1)"
    runner.run("insights", "statement", "--year", 2026, "--to", tmp_path / "year.xlsx")
    book = CalamineWorkbook.from_filelike(io.BytesIO((tmp_path / "year.xlsx").read_bytes()))
    sheet = book.get_sheet_by_index(0).to_python()
    assert sheet[1][:2] == ["AWA", "=HYPERLINK(1)"]
    assert sheet[-1][0] == "TOTAL" and sheet[-1][7] == 1_600.0
    outs = select(AuditEntry).where(AuditEntry.act == "insights.statement_exported")
    assert [one.details["form"] for one in db.session.scalars(outs)] == ["csv", "xlsx"]


def test_the_number_of_statements_does_not_depend_on_the_number_of_people(
    app: Flask, cast: Cast, runner: Any, tmp_path: Path
) -> None:
    counted: list[str] = []

    def count(*args: Any) -> None:
        counted.append(args[2])

    event.listen(db.engine, "before_cursor_execute", count)
    statement(runner, tmp_path)
    nobody = len(counted)
    sales()
    give("un", 400)
    counted.clear()
    statement(runner, tmp_path)
    event.remove(db.engine, "before_cursor_execute", count)
    assert len(counted) == nobody
