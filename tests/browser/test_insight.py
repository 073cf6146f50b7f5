"""The brand reads what sells, for another period, and takes it home; what is too little to show is never shown."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from pathlib import Path

from playwright.sync_api import Page, expect
from python_calamine import CalamineWorkbook

from tests.browser.conftest import LAPTOP, Demonstration
from tests.browser.stage import today

MEASURES = (
    "declarations,units,value_cents,units_per_declaration,returning_share_bp,rating_avg_milli,nps,comments,withheld"
)


def taken(page: Page, kind: str) -> Path:
    """The file behind a link of the table."""
    with page.expect_download() as download:
        page.locator("#table").get_by_role("link", name=kind).click()
    return Path(download.value.path())


def test_the_brand_changes_the_period_and_downloads_the_figures(demonstration: Demonstration):
    page = demonstration.enter("Thomas Ravel", viewport=LAPTOP)
    page.get_by_role("link", name="Insight").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Insight client")
    four_weeks = page.locator("#insights .stat-value").first.inner_text()
    page.get_by_role("link", name="12 mois").click()
    expect(page.locator("#insights .stat-value").first).not_to_have_text(four_weeks)

    # charts are tables too
    page.get_by_text("Voir le tableau").first.click()
    expect(page.get_by_role("columnheader", name="Semaine du").first).to_be_visible()

    since, until = today() - timedelta(days=40), today() - timedelta(days=5)
    page.get_by_label("Du", exact=True).fill(since.isoformat())
    page.get_by_label("Au", exact=True).fill(until.isoformat())
    page.get_by_label("Tableau par").select_option(label="Département")
    page.get_by_role("button", name="Afficher").click()
    page.wait_for_url(f"**from={since}**")
    marks = page.locator("#table .is-withheld")
    expect(marks.first).to_be_visible()
    expect(marks.first).to_contain_text("protégé")

    text = taken(page, "CSV").read_text(encoding="utf-8-sig")
    remarks = [line for line in text.splitlines() if line.startswith("#")]
    said = "\n".join(remarks)
    assert text.splitlines()[: len(remarks)] == remarks, "what the file is about comes first"
    for part in (since.isoformat(), until.isoformat(), "department", "Europe/Paris", "withheld"):
        assert part in said
    rows = list(csv.DictReader(io.StringIO("\n".join(text.splitlines()[len(remarks) :]))))
    assert ",".join(rows[0]) == f"department,{MEASURES}"
    assert [row["department"] for row in rows[:-1]] == sorted(row["department"] for row in rows[:-1])
    assert rows[-1]["department"] == "TOTAL"
    hidden = [row for row in rows if row["withheld"] == "1"]
    assert hidden and all(row["declarations"] == row["units"] == row["value_cents"] == "" for row in hidden)
    shown = [row for row in rows[:-1] if row["withheld"] == "0"]
    assert all(int(row["declarations"]) >= 5 for row in shown)
    on_the_page = page.locator("#table tfoot td").first.inner_text()
    assert int("".join(filter(str.isdigit, on_the_page))) == int(rows[-1]["declarations"])
    assert marks.count() == len(hidden)

    book = CalamineWorkbook.from_path(str(taken(page, "Excel")))
    sheet = book.get_sheet_by_index(0).to_python()
    assert sheet[0] == list(rows[0])
    assert sheet[-1][0] == "TOTAL" and sheet[-1][1] == int(rows[-1]["declarations"])
    assert len(sheet) == len(rows) + 1
    assert len(book.sheet_names) == 2
    about = "\n".join(str(cell) for line in book.get_sheet_by_index(1).to_python() for cell in line)
    assert since.isoformat() in about and "Europe/Paris" in about


def test_comments_are_read_without_names_and_addresses(demonstration: Demonstration):
    page = demonstration.enter("Thomas Ravel", viewport=LAPTOP)
    page.goto("/insights?period=12m")
    page.get_by_role("link", name="commentaires").first.click()
    expect(page.locator("main li.row").first).to_be_visible()
    assert "@" not in page.locator("main").inner_text()


def test_without_scripts_the_period_changes_too(demonstration: Demonstration):
    page = demonstration.enter("Thomas Ravel", viewport=LAPTOP, java_script_enabled=False)
    page.goto("/insights")
    page.get_by_label("Du", exact=True).fill(date(2000, 1, 1).isoformat())
    page.get_by_label("Au", exact=True).fill(date(2000, 2, 1).isoformat())
    page.get_by_role("button", name="Afficher").click()
    expect(page.locator("main")).to_contain_text("Aucune vente sur cette période")
