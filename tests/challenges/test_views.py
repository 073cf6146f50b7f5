"""The pages of challenges: what a reseller reads, what an animator writes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, select

from challenges.definition import definition_from
from challenges.imports import import_challenge
from challenges.lifecycle import enter, freeze_rules
from challenges.models import Challenge
from foundation.database import db
from foundation.transactions import transaction
from network.models import Person
from tests.cast import Cast

AT = datetime(2026, 1, 2, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every page is read on 28 January 2026 at noon."""
    monkeypatch.setattr("foundation.clock.now", lambda: datetime(2026, 1, 28, 11, 0, tzinfo=UTC))


def definition(**changes: Any) -> dict[str, Any]:
    """A challenge of January 2026."""
    return {
        "code": "hiver",
        "name": "Hiver",
        "en": {"name": "Winter"},
        "description": "Faites découvrir la gamme Soin.",
        "starts_on": "2026-01-05",
        "ends_on": "2026-02-01",
        "rules": [
            {
                "id": "creme",
                "counts": "units",
                "points": 10,
                "when": {"categories": "Soin", "channels": ["store", "meeting"]},
                "cap": {"points": 200, "per": "day"},
            },
            {"id": "avis", "counts": "feedback", "points": 15, "min_comment": 20},
        ],
        "payouts": [{"kind": "rank", "from": 1, "to": 3, "wallet": 500}],
    } | changes


def draft(**changes: Any) -> Challenge:
    """A draft in the database."""
    with transaction():
        return import_challenge(definition_from(definition(**changes)), by="MARC", at=AT)


def played(*people: Person, state: str = "running", **changes: Any) -> None:
    """A published challenge with these people in it."""
    ids = [(person.id, person.outlet_id) for person in people]
    with transaction():
        challenge = import_challenge(definition_from(definition(**changes)), by="MARC", at=AT)
        freeze_rules(challenge, by="MARC", at=AT)
        challenge.state = state
        rows = [{"person_id": one, "outlet_id": outlet, "league": "", "target": 1} for one, outlet in ids]
        enter(challenge, rows, at=AT)


def text_of(client: FlaskClient, address: str, status: int = 200) -> str:
    """The words of a page, without its tags."""
    answer = client.get(address)
    assert answer.status_code == status, answer.status
    return (
        re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))
        .replace("&#39;", "'")
        .replace("\u202f", " ")
        .replace("\u00a0", " ")
    )


FORM = {
    "code": "printemps",
    "name": "Printemps",
    "timezone": "Europe/Paris",
    "starts_on": "2026-03-01",
    "ends_on": "2026-03-31",
    "kinds": ["reseller"],
    "rule1_counts": "units",
    "rule1_points": "10",
    "rule1_skus": "CREME, SERUM",
    "rule1_channels": ["store"],
    "rule1_cap": "1 000",
    "rule1_cap_per": "day",
    "rule3_counts": "value",
    "rule3_points": "2",
    "rule3_per": "10",
    "rule3_category": "Soin",
    "rank1_from": "1",
    "rank1_to": "3",
    "rank1_wallet": "500",
    "convert_every": "10",
    "convert_into": "1",
    "action": "save",
}


def test_a_reseller_reads_what_counts_the_prizes_and_the_dates(cast: Cast, client: FlaskClient) -> None:
    played(cast.awa)
    client.sign_in(cast.awa)
    page = text_of(client, "/challenges/hiver")
    assert "Vous gagnez 10 points par unité de la catégorie Soin vendue en boutique ou en réunion" in page
    assert "jusqu'à 200 points par jour" in page.replace("J", "j")
    assert "Places 1 à 3" in page
    assert "Du 5 janvier 2026 au 1er février 2026" in page
    assert "Jusqu'au mercredi 4 février 2026 inclus" in page
    assert "4 jours restants" in page


def test_my_progress_is_a_part_of_the_page_and_a_link_without_scripts(cast: Cast, client: FlaskClient) -> None:
    played(cast.awa)
    client.sign_in(cast.awa)
    page = client.get("/challenges/hiver").text
    assert 'hx-get="/challenges/hiver/progress"' in page
    assert 'href="/challenges/hiver/ranking"' in page
    part = client.get("/challenges/hiver/progress", headers={"HX-Request": "true"})
    assert part.status_code == 200 and "Où j" in part.text
    client.sign_in(cast.bruno)
    assert client.get("/challenges/hiver/progress").status_code == 404


def test_the_summary_has_at_most_three_sentences(cast: Cast, client: FlaskClient) -> None:
    played(cast.awa)
    client.sign_in(cast.awa)
    prose = re.search(r'<div class="prose">(.*?)</div>', client.get("/challenges/hiver").text, re.S)
    assert prose is not None and 1 <= prose[1].count("<p>") <= 3


def test_the_full_rules_carry_their_version_and_fingerprint(cast: Cast, client: FlaskClient) -> None:
    played(cast.awa)
    client.sign_in(cast.awa)
    page = text_of(client, "/challenges/hiver/rules")
    assert "Règle 2 : 15 points par avis de client avec un commentaire d'au moins 20 caractères." in page
    assert "publiée le 2 janvier 2026 à 10:00, en vigueur le 5 janvier 2026." in page
    assert re.search(r"\b[0-9a-f]{64}\b", page)


def test_the_list_puts_what_is_played_before_what_is_over(cast: Cast, client: FlaskClient) -> None:
    played(cast.awa, code="passe", name="Automne", state="closed", starts_on="2025-10-01", ends_on="2025-10-31")
    played(cast.awa)
    played(cast.awa, code="bientot", name="Printemps", state="published", starts_on="2026-03-01", ends_on="2026-03-31")
    client.sign_in(cast.awa)
    page = text_of(client, "/challenges")
    places = [page.index(words) for words in ("En cours", "Hiver", "Bientôt", "Printemps", "Terminés", "Automne")]
    assert places == sorted(places)
    assert "Commence dans 32 jours" in page


def test_what_is_not_mine_does_not_exist(cast: Cast, client: FlaskClient) -> None:
    played(cast.awa)
    draft(code="brouillon")
    client.sign_in(cast.bruno)
    for address in ("/challenges/hiver", "/challenges/hiver/rules", "/challenges/brouillon", "/studio"):
        assert client.get(address).status_code == 404, address
    assert "Aucun challenge pour le moment" in text_of(client, "/challenges")
    client.sign_in(cast.awa)
    assert client.get("/challenges/brouillon").status_code == 404
    client.sign_in(cast.ines)
    assert client.get("/challenges/hiver").status_code == 200
    assert client.get("/challenges/brouillon").status_code == 404
    client.sign_in(cast.marc)
    assert client.get("/challenges/brouillon").status_code == 200


def test_animators_see_every_challenge_with_its_state(cast: Cast, client: FlaskClient) -> None:
    played(cast.awa)
    draft(code="brouillon", name="Été")
    client.sign_in(cast.marc)
    page = text_of(client, "/studio")
    assert page.index("Été") < page.index("Hiver")
    assert "Brouillon" in page and "En cours" in page


def test_an_animator_writes_a_challenge_and_finds_it_as_a_draft(cast: Cast, client: FlaskClient) -> None:
    client.sign_in(cast.marc)
    assert client.get("/studio/challenges/new").status_code == 200
    answer = client.post("/studio/challenges/new", data=FORM)
    assert answer.headers["Location"] == "/studio/challenges/printemps/edit"
    found = db.session.execute(select(Challenge)).scalar_one()
    assert found.state == "draft"
    assert found.definition == {
        "code": "printemps",
        "name": "Printemps",
        "timezone": "Europe/Paris",
        "starts_on": "2026-03-01",
        "ends_on": "2026-03-31",
        "audience": {"kinds": ["reseller"]},
        "rules": [
            {
                "id": "regle-1",
                "counts": "units",
                "points": 10,
                "when": {"skus": ["CREME", "SERUM"], "channels": ["store"]},
                "cap": {"points": 1000, "per": "day"},
            },
            {"id": "regle-3", "counts": "value", "points": 2, "per": 10, "when": {"categories": ["Soin"]}},
        ],
        "payouts": [
            {"kind": "rank", "from": 1, "to": 3, "wallet": 500},
            {"kind": "convert", "every": 10, "into": 1},
        ],
    }
    page = text_of(client, "/studio/challenges/printemps/edit")
    assert "10 points par unité de « Crème de jour » ou « Sérum éclat » vendue en boutique" in page
    assert "2 personnes aujourd'hui" in page


def test_changing_a_draft_keeps_what_was_not_changed(cast: Cast, client: FlaskClient) -> None:
    draft()
    before = db.session.execute(select(Challenge.definition)).scalar_one()
    client.sign_in(cast.marc)
    page = client.get("/studio/challenges/hiver/edit").text
    fields: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]+>", page):
        given = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if given.get("type") == "checkbox" and " checked" not in tag:
            continue
        if given.get("name"):
            fields.setdefault(given["name"], []).append(given.get("value", ""))
    for name, choices in re.findall(r'<select[^>]* name="(\w+)"[^>]*>(.*?)</select>', page, re.S):
        chosen = re.search(r'<option selected value="([^"]*)"', choices)
        fields[name] = chosen[1] if chosen else ""
    for name, words in re.findall(r'<textarea[^>]* name="(\w+)"[^>]*>\s*(.*?)</textarea>', page, re.S):
        fields[name] = words
    answer = client.post("/studio/challenges/hiver/edit", data=fields | {"cap_total": "5000"})
    assert answer.status_code == 302
    after = db.session.execute(select(Challenge.definition)).scalar_one()
    assert after == before | {"cap_total": 5000, "timezone": "Europe/Paris"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ends_on": "2026-02-01"}, "ends_on"),
        ({"starts_on": ""}, "starts_on"),
        ({"name": " "}, "name"),
        ({"code": "a b"}, "code"),
        ({"rule1_points": "0"}, "rule1_points"),
        ({"rule1_points": "dix"}, "rule1_points"),
        ({"rule1_skus": "CREME, HUILE"}, "rule1_skus"),
        ({"rule3_category": "Parfum"}, "rule3_category"),
        ({"rule1_channels": ["moon"]}, "rule1_channels"),
        ({"rule1_cap": "-1"}, "rule1_cap"),
        ({"rank2_from": "3", "rank2_to": "5", "rank2_wallet": "5"}, "rank2_from"),
        ({"rank1_wallet": ""}, "rank1_reward"),
        ({"convert_into": ""}, "convert_into"),
        ({"kinds": ["shop"]}, "kinds"),
        ({"budget": "-5"}, "budget"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_saved(
    cast: Cast, client: FlaskClient, changes: dict[str, Any], field: str
) -> None:
    client.sign_in(cast.marc)
    answer = client.post("/studio/challenges/new", data=FORM | changes)
    assert answer.status_code == 422
    assert f'<a href="#{field}">' in answer.text
    assert db.session.execute(select(Challenge)).first() is None


def test_a_form_without_any_rule_asks_for_one(cast: Cast, client: FlaskClient) -> None:
    client.sign_in(cast.marc)
    data = {key: value for key, value in FORM.items() if not key.startswith("rule")}
    answer = client.post("/studio/challenges/new", data=data)
    assert answer.status_code == 422 and "#rule1_counts" in answer.text


def test_a_code_that_is_taken_is_refused(cast: Cast, client: FlaskClient) -> None:
    draft(code="printemps")
    client.sign_in(cast.marc)
    answer = client.post("/studio/challenges/new", data=FORM)
    assert answer.status_code == 422 and "a déjà ce code" in answer.text


def test_the_preview_shows_what_people_will_read_and_saves_nothing(cast: Cast, client: FlaskClient) -> None:
    client.sign_in(cast.marc)
    answer = client.post("/studio/challenges/new", data=FORM | {"action": "preview"})
    assert answer.status_code == 200 and "par tranche de 10 €" in answer.text.replace("\u00a0", " ")
    part = client.post("/studio/challenges/new", data=FORM | {"action": "preview"}, headers={"HX-Request": "true"}).text
    assert part.lstrip().startswith("<section") and "Printemps" in part
    assert db.session.execute(select(Challenge)).first() is None


def test_a_draft_the_form_cannot_show_is_changed_through_its_file(cast: Cast, client: FlaskClient) -> None:
    rules = [
        *definition()["rules"],
        {"id": "week-end", "counts": "boost", "factor": "1.5", "when": {"weekdays": [6, 7]}},
    ]
    draft(rules=rules)
    client.sign_in(cast.marc)
    page = text_of(client, "/studio/challenges/hiver/edit")
    assert "Ce brouillon vient d'un fichier" in page
    assert "multipliés par 1,5, le samedi ou le dimanche" in page
    answer = client.get("/studio/challenges/hiver/file")
    assert "attachment" in answer.headers["Content-Disposition"]
    assert 'factor = "1.5"' in answer.text


def test_a_published_challenge_has_no_form(cast: Cast, client: FlaskClient) -> None:
    played(cast.awa)
    client.sign_in(cast.marc)
    assert client.get("/studio/challenges/hiver/edit").status_code == 404
    assert client.get("/studio/challenges/rien/edit").status_code == 404
    assert client.get("/studio/challenges/rien/file").status_code == 404


def test_the_draft_is_published_from_its_page(cast: Cast, client: FlaskClient) -> None:
    client.sign_in(cast.marc)
    client.post("/studio/challenges/new", data=FORM)
    page = client.get("/studio/challenges/printemps/edit").text
    address = re.search(r'action="(/studio/challenges/printemps/publication)"', page)
    assert address is not None
    client.post(address[1])
    assert db.session.execute(select(Challenge.state)).scalar_one() == "published"
    client.sign_in(cast.awa)
    assert "Printemps" in text_of(client, "/challenges/printemps")


def test_the_pages_speak_english_to_who_reads_english(cast: Cast, client: FlaskClient) -> None:
    played(cast.awa)
    with transaction():
        cast.awa.language = "en"
    client.sign_in(cast.awa)
    assert "Winter" in text_of(client, "/challenges/hiver")


def test_pages_ask_the_database_a_bounded_number_of_times(cast: Cast, client: FlaskClient) -> None:
    for number in range(12):
        played(cast.awa, cast.chloe, code=f"hiver-{number}", name=f"Hiver {number}")
    client.sign_in(cast.awa)
    asked: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        asked.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        for address in ("/challenges", "/challenges/hiver-3", "/challenges/hiver-3/rules"):
            asked.clear()
            assert client.get(address).status_code == 200
            assert len([one for one in asked if one.startswith("SELECT")]) <= 8, asked
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
