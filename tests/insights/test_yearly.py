"""The year on pages and as PDF: each person's own, the brand's, the employer's; and what is held."""

from __future__ import annotations

import csv
import html as markup
import io
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pypdf import PdfReader
from sqlalchemy import event, select, update

from foundation import clock
from foundation.database import db
from foundation.models import AuditEntry
from foundation.programme import change_setting
from foundation.transactions import transaction
from network.models import Outlet, Person
from points import wallet
from rewards.benefits import benefits, totals
from rewards.contribution import figures_of
from rewards.models import Award, Release
from tests.cast import Cast
from tests.declarations.stage import PARIS
from tests.rewards.years import IN_2025, IN_2026, give, sales

NOW = datetime(2026, 7, 1, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every page is read in July 2026."""
    monkeypatch.setattr("foundation.clock.now", lambda: NOW)


@pytest.fixture
def year(app: Flask, cast: Cast) -> None:
    """Everybody has received 1 200 € in 2026 and 4 € in 2025."""
    sales()
    give("avant", 400, IN_2025)
    give("un", 120_000)
    with transaction():
        change_setting("brand_name", "Maison Émeraude", by="ADA", at=NOW)


def words(content: bytes) -> str:
    """What a PDF says, its spaces made plain."""
    text = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    return " ".join(text.split())


def plain(page: str) -> str:
    return page.replace("\u202f", " ").replace("\u00a0", " ")


def test_my_statement_says_who_paid_what_the_law_makes_of_it_and_each_award(
    year: None, cast: Cast, client: FlaskClient
) -> None:
    client.sign_in(cast.awa)
    answer = client.get("/points/year/2026.pdf")
    assert answer.mimetype == "application/pdf"
    text = words(answer.data)
    for part in (
        "Maison Émeraude", "Awa Diallo · AWA", "Reçu dans l’année 1 200,00 €", "Exemplaire du bénéficiaire",
        # 1 200.00 − 273.45 = 926.55; 20 % = 185.31.
        "sur 926,55 €, 185,31 €", "10 mars 2026", "un : 120 000 pts",
    ):  # fmt: skip
        assert part in text, part
    assert "avant :" not in text
    assert client.get("/points/year/2026.pdf").data == answer.data
    client.get("/points", headers={"Accept-Language": "en"})
    with transaction():
        db.session.execute(update(Person).where(Person.code == "AWA").values(language="en"))
    english = words(client.get("/points/year/2026.pdf").data)
    assert "Yearly statement of benefits 2026" in english and "€1,200.00" in english


@pytest.mark.parametrize("address", ["/points/year/2024.pdf", "/points/year/99999.pdf"])
def test_a_year_without_anything_has_no_statement(year: None, cast: Cast, client: FlaskClient, address: str) -> None:
    client.sign_in(cast.awa)
    assert client.get(address).status_code == 404
    assert "Aucun avantage reçu en 2024" in client.get("/points/year?year=2024").text


def test_nobody_reads_the_year_of_another(year: None, cast: Cast, client: FlaskClient) -> None:
    addresses = (
        "/insights/statement", "/insights/statement.csv", "/insights/statement/people/CHLOE/2026.pdf",
        "/insights/statement/employer.pdf?group=g1", "/studio/network/people/CHLOE/benefits",
    )  # fmt: skip
    client.sign_in(cast.awa)
    assert {client.get(address).status_code for address in addresses} == {404}
    client.sign_in(cast.marc)  # an animator reads people's, not the accounts
    assert [client.get(address).status_code for address in addresses] == [404, 404, 200, 404, 200]
    client.sign_in(cast.ines)
    assert [client.get(address).status_code for address in addresses] == [200, 200, 200, 200, 404]


def test_the_employer_gets_its_employees_and_nobody_elses(year: None, cast: Cast, client: FlaskClient) -> None:
    client.sign_in(cast.ines)
    answer = client.get("/insights/statement/employer.pdf?group=g1&year=2026")
    assert len(PdfReader(io.BytesIO(answer.data)).pages) == 2
    text = words(answer.data)
    assert text.count("Copie pour l’employeur") == 2
    assert "Awa Diallo" in text and "Chloé Le Gall" in text and "Bruno" not in text
    assert client.get("/insights/statement/employer.pdf?group=g2&year=2026").status_code == 404  # an independent's
    assert client.get("/insights/statement/employer.pdf").status_code == 400
    outs = db.session.scalars(select(AuditEntry).where(AuditEntry.act == "insights.statement_exported")).all()
    assert [(one.by, one.subject, one.details["form"]) for one in outs] == [("INES", "g1", "pdf")]


def test_the_brands_page_shows_sums_and_bands_and_downloads_are_remembered(
    year: None, cast: Cast, client: FlaskClient
) -> None:
    client.sign_in(cast.ines)
    page = plain(client.get("/insights/statement?year=2026").text)
    assert "4 800,00 €" in page
    assert "370,62 €" in page  # 2 × 185.31
    assert "1 200,00 €" not in plain(client.get("/insights/statement?year=2025").text)
    assert "Le SMIC de 2031" in client.get("/insights/statement?year=2031").text
    assert client.get("/insights/statement?year=x").status_code == 404
    for form in ("csv", "xlsx"):
        assert client.get(f"/insights/statement.{form}?year=2026").status_code == 200
    outs = db.session.scalars(select(AuditEntry).where(AuditEntry.act == "insights.statement_exported"))
    assert [(one.by, one.details["form"]) for one in outs] == [("INES", "csv"), ("INES", "xlsx")]


def test_the_sums_of_the_page_are_those_of_the_rows(year: None, cast: Cast) -> None:
    with transaction():
        db.session.execute(update(Person).where(Person.code == "CHLOE").values(status="staff"))
    give("trois", 200_007, "2026-04-10T12:00:00+00:00")
    with transaction():
        wallet.revert("closing/avant/1/AWA", "fraude", by="ADA", at=NOW)
    for number in (2025, 2026, 2031):
        figures = figures_of(number)
        rows = list(benefits(number, PARIS))
        cuts = [one.split(figures) for one in rows]
        found = totals(number, PARIS, figures)
        assert (found.people, found.received_cents) == (len(rows), sum(one.received_cents for one in rows))
        assert found.wages_cents == sum(cut.wages_cents for cut in cuts)
        if rows:
            assert (found.between_cents, found.due_cents, found.common_cents) == tuple(
                sum(getattr(cut, name) or 0 for cut in cuts) for name in ("between_cents", "due_cents", "common_cents")
            )


def test_the_number_of_statements_of_a_page_does_not_depend_on_how_much_there_is(
    app: Flask, cast: Cast, client: FlaskClient
) -> None:
    counted: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *told: counted.append(told[2]))

    def statements(person: Any, address: str) -> int:
        client.sign_in(person)
        counted.clear()
        assert client.get(address).status_code == 200
        return len(counted)

    before = statements(cast.ines, "/insights/statement"), statements(cast.awa, "/points/year")
    sales()
    give("un", 10)
    after = statements(cast.ines, "/insights/statement"), statements(cast.awa, "/points/year")
    assert after == before


def test_a_held_gain_tells_why_and_staff_give_it_with_a_reason(app: Flask, cast: Cast, client: FlaskClient) -> None:
    sales()
    with transaction():
        db.session.execute(update(Outlet).where(Outlet.code == "PDV-BREST").values(agreement_on=None))
    give("un", 400)
    client.sign_in(cast.awa)
    told = client.get("/points/year").text
    assert "ne couvre plus ces ventes" in told and "n’est pas perdu" in told and "<form" not in told.split("<main")[1]
    award = db.session.scalar(select(Award.id).where(Award.competitor == "AWA"))
    client.sign_in(cast.marc)
    assert "Remettre ce gain" in client.get("/studio/network/people/AWA/benefits").text
    address = f"/studio/network/people/AWA/benefits/{award}/release"
    assert client.post(f"/studio/network/people/BRUNO/benefits/{award}/release").status_code == 404
    client.post(address, data={"reason": " "})
    assert db.session.scalar(select(Release.award_id)) is None
    client.post(address, data={"reason": "accord reçu sur papier"})
    found = db.session.scalar(select(Release))
    assert found is not None and (found.award_id, found.released_by) == (award, "MARC")
    client.sign_in(cast.awa)
    after = client.get("/points/year").text
    assert "Gain en attente" not in after and "4,00 €" in plain(after)
    assert clock.now() == NOW


# Three awards of a year: 200.00, then 1 000.00, then 2 000.00, so 3 200.00 received.
# 2025: 15 % of 1 801.80 is 270.27, 150 % is 2 702.70. Between them 2 702.70 − 270.27 = 2 432.43; 20 % is 486.486, so
# 486.48; above, 3 200.00 − 2 702.70 = 497.30.
# 2026: 15 % of 1 823.03 is 273.4545, so 273.45, 150 % is 2 734.545, so 2 734.55. Between them 2 734.55 − 273.45 =
# 2 461.10; 20 % is 492.22; above, 3 200.00 − 2 734.55 = 465.45.
@pytest.mark.parametrize(
    ("year", "instant", "free", "between", "due", "above"),
    [
        (2025, IN_2025, "270,27", "2 432,43", "486,48", "497,30"),
        (2026, IN_2026, "273,45", "2 461,10", "492,22", "465,45"),
    ],
)
def test_awards_that_cross_both_limits_read_the_same_everywhere(
    app: Flask, cast: Cast, client: FlaskClient, runner: Any, tmp_path: Path, year: int, instant: str, free: str,
    between: str, due: str, above: str,
) -> None:  # fmt: skip
    sales()
    for code, points in (("un", 20_000), ("deux", 100_000), ("trois", 200_000)):
        give(code, points, instant)
    cents = [amount.replace(" ", "").replace(",", "") for amount in ("3 200,00", free, between, due, above)]

    runner.run("insights", "statement", "--year", year, "--to", tmp_path / "year.csv")
    client.sign_in(cast.ines)
    downloaded = client.get(f"/insights/statement.csv?year={year}").data.decode("utf-8-sig")
    for file in ((tmp_path / "year.csv").read_text("utf-8-sig"), downloaded):
        rows = list(csv.DictReader(line for line in file.splitlines() if not line.startswith("#")))
        awa, chloe, total = (
            next(row for row in rows if row["person"] == who) for who in ("AWA", "CHLOE", "TOTAL")
        )  # fmt: skip
        columns = ("benefit_cents", "band_free_cents", "band_contribution_cents", "contribution_cents",
                   "band_common_cents")  # fmt: skip
        assert [awa[name] for name in columns] == [chloe[name] for name in columns] == cents
        # Two employees in the total; Bruno and Nina received as much, without bands.
        assert [total[name] for name in columns] == [str(4 * 320_000), *(str(2 * int(one)) for one in cents[1:])]

    page = markup.unescape(re.sub(r"<[^>]+>", " ", plain(client.get(f"/insights/statement?year={year}").text)))
    for amount in ("3 200,00", between, due, above):
        assert f"{amount} €" in page, amount

    sentences = (
        "Reçu dans l’année 3 200,00 €",
        f"rien n’est dû : {free} €.",
        f"contribution libératoire de 20 % : sur {between} €, {due} €.",
        f"les cotisations de droit commun s’appliquent : {above} €.",
        "un : 20 000 pts", "deux : 100 000 pts", "trois : 200 000 pts",
    )  # fmt: skip
    copies = client.get(f"/insights/statement/employer.pdf?group=g1&year={year}").data
    staffs = client.get(f"/insights/statement/people/AWA/{year}.pdf").data
    client.sign_in(cast.awa)
    own = client.get(f"/points/year/{year}.pdf").data
    for document, times in ((own, 1), (staffs, 1), (copies, 2)):  # Awa and Chloé are of one employer
        text = words(document)
        for sentence in sentences:
            assert text.count(sentence) == times, (sentence, text)
    mine = markup.unescape(re.sub(r"<[^>]+>", "", plain(client.get(f"/points/year?year={year}").text)))
    for sentence in sentences[1:4]:
        assert sentence in mine, sentence


def test_an_employers_copy_in_english_has_the_same_cents(year: None, cast: Cast, client: FlaskClient) -> None:
    with transaction():
        db.session.execute(update(Person).where(Person.code == "INES").values(language="en"))
    client.sign_in(cast.ines)
    text = words(client.get("/insights/statement/employer.pdf?group=g1&year=2026").data)
    assert text.count("€926.55") == text.count("€185.31") == 2
