"""What the brand and the resellers see of insight."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, select

from foundation import clock
from foundation.database import db
from foundation.models import AuditEntry
from network.models import Person
from tests.cast import Cast
from tests.insights.sales import Sale, write

TODAY = date(2026, 2, 4)
NOW = datetime(2026, 2, 4, 10, 0, tzinfo=UTC)
WEEK, BEFORE = date(2026, 1, 28), date(2026, 1, 21)
LINE = (("S1", 2, 500, "Soin", "Visage"),)
BRITTANY = ("a1", "a2", "b", "d", "d", "b")


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def text_of(answer: Any) -> str:
    """What a page says, without its marks."""
    assert answer.status_code == 200, answer.status
    body = re.sub(r"<(script|style)[^>]*>.*?</\1>", "", answer.get_data(as_text=True), flags=re.S)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).replace("\u202f", " ").replace("\xa0", " ").split())


def lively_network() -> dict[str, int]:
    sales = [Sale(shop, WEEK, rating=5, recommend=10, comment=f"Parfait {n}") for n, shop in enumerate(BRITTANY)]
    sales += [Sale(shop, WEEK, (("M1", 1, 2500, "Maquillage", "Lèvres"),)) for shop in BRITTANY]
    sales += [Sale(shop, BEFORE) for shop in BRITTANY]
    sales += [Sale(shop, BEFORE, (("M1", 1, 1500, "Maquillage", "Lèvres"),)) for shop in BRITTANY]
    sales += [Sale("c", WEEK, channel="online", comment="Seule en ligne")]
    return write(sales)


def test_the_page_says_first_what_changed_in_words(client: FlaskClient, cast: Cast) -> None:
    lively_network()
    client.sign_in(cast.ines)
    said = text_of(client.get("/insights"))
    assert (
        "Semaine du 26 janvier : 13 ventes déclarées pour 220,00 €, 46 % de plus que la semaine d’avant. "
        "Maquillage progresse le plus : 66 % de plus." in said
    )


def test_the_page_shows_what_may_be_shown_and_marks_the_rest(client: FlaskClient, cast: Cast) -> None:
    lively_network()
    client.sign_in(cast.ines)
    page = client.get("/insights?by=channel")
    said = text_of(page)
    assert "Déclarations par semaine" in said
    assert "Voir le tableau" in said
    assert "5,00 note moyenne sur 5" in said
    assert "+100 NPS" in said
    assert "2 cellules sont protégées" in said
    assert "protégé" in said
    assert "Parfait 5" not in said, "with the shop online alone, both channels are withheld, their comments too"
    assert "Seule en ligne" not in said
    assert "style=" not in page.get_data(as_text=True)


def test_units_per_declaration_are_not_cut_to_a_whole_number(client: FlaskClient, cast: Cast) -> None:
    two, three = LINE, (("S1", 3, 750, "Soin", "Visage"),)
    write([Sale(shop, WEEK, line) for shop, line in zip(("a1", "b", "d") * 2, (two,) + (three,) * 5, strict=True)])
    client.sign_in(cast.ines)
    said = text_of(client.get("/insights?by=region"))
    assert "Total 6 17" in said and " € 2,8 " in said


def test_comments_are_read_without_a_name_or_a_place(client: FlaskClient, cast: Cast) -> None:
    write([Sale(shop, WEEK, rating=4, comment=f"Doux {n}") for n, shop in enumerate(BRITTANY * 5)])
    client.sign_in(cast.ines)
    said = text_of(client.get("/insights"))
    assert "Doux 29" in said
    assert "4 sur 5" in said
    assert "Lire les 30 commentaires" in said
    first = text_of(client.get("/insights/comments"))
    assert "30 commentaires" in first
    assert "Page 1 sur 2" in first
    assert "Boutique" not in first
    assert "Vendeur" not in first
    assert "Doux 0" in text_of(client.get("/insights/comments?page=2"))
    assert client.get("/insights/comments?page=9").status_code == 404


def test_nothing_sold_says_what_to_do(client: FlaskClient, cast: Cast) -> None:
    client.sign_in(cast.marc)
    said = text_of(client.get("/insights"))
    assert "Aucune vente sur cette période" in said
    assert "Semaine du 26 janvier : trop peu de ventes déclarées" in said
    assert "Aucun commentaire à montrer" in text_of(client.get("/insights/comments"))


@pytest.mark.parametrize(
    "address",
    [
        "?period=13w",
        "?period=12m&by=week&then=category",
        "?from=2026-01-01&until=2026-01-31&by=region&then=region",
        "?by=colour",
        "?page=7",
    ],
)
def test_the_filters_are_understood(client: FlaskClient, cast: Cast, address: str) -> None:
    lively_network()
    client.sign_in(cast.ada)
    assert "Tableau" in text_of(client.get(f"/insights{address}"))


@pytest.mark.parametrize(
    "dates", ["from=2026-02-02&until=2026-01-01", "from=x&until=y", "from=1900-01-01&until=2026-01-01"]
)
def test_dates_that_mean_nothing_are_said_and_four_weeks_shown(client: FlaskClient, cast: Cast, dates: str) -> None:
    client.sign_in(cast.ines)
    said = text_of(client.get(f"/insights?{dates}"))
    assert "Ces dates ne vont pas" in said
    assert "du 12 janvier 2026 au 4 février 2026" in said


def test_what_is_shown_can_be_taken_out_and_that_is_remembered(client: FlaskClient, cast: Cast) -> None:
    lively_network()
    client.sign_in(cast.ines)
    page = client.get("/insights?by=category").get_data(as_text=True)
    link = unescape(re.findall(r'href="(/insights/export\.csv[^"]*by=category[^"]*)"', page)[0])
    answer = client.get(link)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "insight-2026-01-12-2026-02-04-category.csv" in answer.headers["Content-Disposition"]
    assert answer.get_data().decode("utf-8-sig").splitlines()[-1].startswith("TOTAL,25,")
    entry = db.session.execute(select(AuditEntry).where(AuditEntry.act == "insights.exported")).scalar_one()
    assert (entry.by, entry.details["form"]) == ("INES", "csv")
    book = client.get(link.replace(".csv", ".xlsx"))
    assert book.get_data()[:2] == b"PK"
    assert client.get("/insights/export.pdf").status_code == 404
    for wrong, why in (
        ("", "from et until sont des dates comme 2026-02-04"),
        ("?from=2026-01-31&until=2026-01-01&by=channel", "la première date d’abord"),
        ("?from=2026-01-01&until=2026-01-31&by=colour", "by est une liste, séparée par des virgules, de"),
    ):
        refused = client.get(f"/insights/export.csv{wrong}")
        assert refused.status_code == 400 and "Cette adresse n’est pas juste" in refused.text and why in refused.text


def test_resellers_do_not_see_the_brand_page_and_the_brand_has_no_mirror(client: FlaskClient, cast: Cast) -> None:
    client.sign_in(cast.awa)
    for address in ("/insights", "/insights/comments", "/insights/export.csv"):
        assert client.get(address).status_code == 404
    client.sign_in(cast.ines)
    assert client.get("/mirror").status_code == 404


def person(shop: str) -> Person:
    return db.session.execute(select(Person).where(Person.code == f"seller-{shop}")).scalar_one()


def test_the_mirror_shows_the_region_beside_my_shop_a_week_later(client: FlaskClient, cast: Cast) -> None:
    until = TODAY - timedelta(days=7)
    seen = [Sale(shop, until, LINE) for shop in ("a1", "a2", "d", "h", "h")]
    write([*seen, Sale("a1", until + timedelta(days=1), LINE), Sale("d", until - timedelta(days=28), LINE)])
    client.sign_in(person("a1"))
    said = text_of(client.get("/mirror"))
    assert "du 1er janvier 2026 au 28 janvier 2026" in said
    assert "Déclarations 5 1 Unités 10 2 Valeur au prix public 50,00 € 10,00 €" in said
    assert "Déclarations 6 1" in text_of(client.get("/mirror?weeks=13"))


def test_a_mirror_without_enough_shops_keeps_the_region_to_itself(client: FlaskClient, cast: Cast) -> None:
    write([Sale("e", BEFORE, rating=4), *[Sale("c", BEFORE)] * 5])
    client.sign_in(person("e"))
    said = text_of(client.get("/mirror"))
    assert "Région protégée" in said
    assert "Déclarations protégé 1" in said
    assert "Note moyenne sur 5 protégé 4,00" in said
    assert "Région non précisée · VDI" in said


def test_someone_without_a_shop_has_no_mirror_yet(client: FlaskClient, cast: Cast) -> None:
    awa = cast.awa
    db.session.rollback()
    from_shop = Person.__table__.update().where(Person.id == awa.id).values(outlet_id=None)
    with db.engine.begin() as connection:
        connection.execute(from_shop)
    client.sign_in(cast.awa)
    assert "Pas encore de point de vente" in text_of(client.get("/mirror"))


def test_the_mirror_asks_the_database_few_questions(client: FlaskClient, cast: Cast) -> None:
    lively_network()
    client.sign_in(person("a1"))
    statements: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *words: statements.append(words[2]))
    client.get("/mirror")
    asked = [statement for statement in statements if statement.lstrip().upper().startswith(("SELECT", "WITH"))]
    assert 0 < len(asked) <= 12
