"""The pages of challenges: what a reseller reads, and the ways from there into the studio."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete, event

from challenges.definition import definition_from
from challenges.imports import import_challenge
from challenges.lifecycle import enter, freeze_rules
from challenges.models import Challenge, Draft
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


def test_a_reseller_reads_what_counts_the_prizes_and_the_dates(cast: Cast, client: FlaskClient) -> None:
    played(cast.awa)
    client.sign_in(cast.awa)
    page = text_of(client, "/challenges/hiver")
    assert "Vous gagnez 10 points par unité de la catégorie Soin vendue en boutique ou en réunion" in page
    assert "jusqu’à 200 points par jour" in page.replace("J", "j")
    assert "Places 1 à 3" in page
    assert "Du 5 janvier 2026 au 1er février 2026" in page
    assert "Jusqu’au mercredi 4 février 2026 inclus" in page
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
    assert "Règle 2 : 15 points par avis de client avec un commentaire d’au moins 20 caractères." in page
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
    for address in (
        "/challenges/hiver",
        "/challenges/hiver/rules",
        "/challenges/brouillon",
        "/studio",
        "/studio/hiver/file",
    ):
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


def test_a_draft_is_opened_from_its_page_and_any_challenge_is_given_as_a_file(cast: Cast, client: FlaskClient) -> None:
    rules = [
        *definition()["rules"],
        {"id": "week-end", "counts": "boost", "factor": "1.5", "when": {"weekdays": [6, 7]}},
    ]
    draft(rules=rules)
    client.sign_in(cast.marc)
    assert 'href="/studio/hiver/draft"' in client.get("/challenges/hiver").text
    editor = client.get("/studio/hiver/draft").headers["Location"]
    assert re.fullmatch(r"/studio/drafts/\d+/who", editor)
    assert "multipliés par 1,5, le samedi ou le dimanche" in text_of(client, editor)
    answer = client.get("/studio/hiver/file")
    assert "attachment" in answer.headers["Content-Disposition"]
    assert 'factor = "1.5"' in answer.text
    assert client.get("/studio/rien/file").status_code == 404
    assert client.get("/studio/rien/draft").status_code == 404


def test_a_draft_from_before_the_studio_is_given_its_editor(cast: Cast, client: FlaskClient) -> None:
    draft()
    with transaction():
        db.session.execute(delete(Draft))
    client.sign_in(cast.marc)
    editor = client.get("/studio/hiver/draft").headers["Location"]
    assert client.get("/studio/hiver/draft").headers["Location"] == editor
    assert "Faites découvrir la gamme Soin." in text_of(client, editor)


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
