"""My points on a page, and a person's statement as a file: every movement with its reason."""

from __future__ import annotations

import csv
import html as markup
import io
import re
from datetime import timedelta
from typing import Any

import pytest

from declarations.models import Declaration
from declarations.operations import withdraw
from foundation import clock
from foundation.database import db
from foundation.transactions import transaction
from tests.cast import Cast
from tests.conftest import Client
from tests.declarations.stage import NOW, publish, sell


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is noon on 4 February."""
    monkeypatch.setattr(clock, "now", lambda: NOW)


def words(html: str) -> str:
    text = markup.unescape(re.sub(r"<[^>]+>", " ", html))
    return " ".join(text.replace("\u00a0", " ").replace("\u202f", " ").split())


def statement(runner: Any, person: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(runner.run("points", "statement", person).stdout)))


def test_every_movement_is_there_with_its_arithmetic(client: Client, cast: Cast) -> None:
    publish()
    sell("AWA", [("CREME", 3)], rating=5, comment="Une cliente vraiment ravie de sa crème")
    client.sign_in(cast.awa)
    page = words(client.get("/points").text)
    assert "3 × Crème de jour × 10 pts = 30" in page and "+ 30 pts" in page
    assert "Avis d’au moins 20 caractères = 15" in page
    assert "Hiver 45 pts" in page


def test_a_newcomer_is_told_where_points_come_from(client: Client, cast: Cast) -> None:
    client.sign_in(cast.nina)
    page = client.get("/points").text
    assert "Pas encore de points" in page and 'href="/declare"' in page


def test_i_never_see_the_points_of_others(client: Client, cast: Cast) -> None:
    publish()
    sell("BRUNO", [("CREME", 3)])
    client.sign_in(cast.awa)
    assert "Crème" not in client.get("/points?challenge=hiver").text


def test_movements_are_paged_and_filtered_by_challenge(client: Client, cast: Cast) -> None:
    publish()
    publish(code="autre", name="Autre", rules=[{"id": "vente", "counts": "declaration", "points": 7}])
    for number in range(30):
        sell("AWA", [("CREME", 1)], name=f"sale-{number}", at=NOW - timedelta(hours=1, minutes=number))
    client.sign_in(cast.awa)
    assert "Page 1 sur 3" in client.get("/points").text
    filtered = client.get("/points?challenge=autre", headers={"HX-Request": "true"}).text
    assert "Page 1 sur 2" in filtered and "Crème de jour × 10" not in filtered
    assert "Page 2 sur 2" in client.get("/points?challenge=autre&page=9").text


def test_a_sale_taken_back_says_so(client: Client, cast: Cast) -> None:
    publish()
    sell("AWA", [("CREME", 3)])
    with transaction():
        declaration = db.session.scalars(db.select(Declaration)).one()
        withdraw(declaration, by="AWA", at=NOW)
    client.sign_in(cast.awa)
    page = words(client.get("/points").text)
    assert "Repris : cette vente ne compte plus (30 → 0)" in page and "-30 pts" in page


def test_the_page_is_for_those_who_play(client: Client, cast: Cast) -> None:
    client.sign_in(cast.marc)
    assert client.get("/points").status_code == 404


# --- flask points statement ----------------------------------------------------------------------------------------


def test_the_statement_holds_every_entry_oldest_first(runner: Any, cast: Cast) -> None:
    publish()
    sell("AWA", [("CREME", 3)], name="one", at=NOW - timedelta(hours=2))
    sell("AWA", [("SERUM", 1)], name="two")
    rows = statement(runner, "AWA")
    assert list(rows[0]) == [
        "posted_at", "effective_at", "book", "amount", "subject", "rule", "rules_version", "reference", "explanation",
    ]  # fmt: skip
    assert [(row["book"], row["amount"], row["subject"], row["rule"], row["rules_version"]) for row in rows] == [
        ("challenge:hiver", "30", "one", "soin", "1"),
        ("challenge:hiver", "10", "two", "soin", "1"),
    ]
    assert rows[0]["effective_at"] == "2026-02-04T09:00:00.000000Z"
    assert rows[0]["explanation"] == "3 × Crème de jour × 10 pts = 30"


def test_amounts_taken_back_are_negative_and_the_statement_adds_up_to_the_balance(runner: Any, cast: Cast) -> None:
    publish()
    sell("AWA", [("CREME", 3)])
    with transaction():
        withdraw(db.session.scalars(db.select(Declaration)).one(), by="AWA", at=NOW)
    assert [row["amount"] for row in statement(runner, "AWA")] == ["30", "-30"]


def test_the_statement_goes_to_a_file_and_someone_without_points_has_an_empty_one(
    runner: Any, cast: Cast, tmp_path: Any
) -> None:
    runner.run("points", "statement", "NINA", "--to", tmp_path / "nina.csv")
    assert len((tmp_path / "nina.csv").read_text().splitlines()) == 1


def test_an_unknown_person_is_one_line(runner: Any, cast: Cast) -> None:
    result = runner.run("points", "statement", "NOBODY", exits=1)
    assert result.stderr == "'NOBODY' is not a person; write the code of one of the network\n"
