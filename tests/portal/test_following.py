"""One challenge followed: its figures, who is missing, what it costs, who did what, and messages to its people."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from challenges.definition import definition_from
from challenges.imports import import_challenge
from challenges.models import Acceptance, Announcement, Challenge
from declarations.amending import extend
from declarations.publishing import cancel
from foundation import clock
from foundation.database import db
from foundation.models import OutboxMessage
from foundation.transactions import transaction
from network.models import Notice, Person
from tests.cast import Cast
from tests.conftest import Client
from tests.declarations.stage import NOW, TODAY, WINTER, publish, sell
from tests.portal.test_views import words

RULES = [
    {"id": "soin", "counts": "units", "points": 10},
    {"id": "deux", "counts": "milestone", "measure": "units", "at": 2, "points": 5},
]
SAID = {"segment": "not_declared", "subject": "Plus que dix jours", "text": "Bonjour,\nà vous de jouer.", "seen": "0"}
NIGHT = datetime(2026, 2, 4, 21, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is noon on 4 February."""
    monkeypatch.setattr(clock, "now", lambda: NOW)


def running(**changes: Any) -> Challenge:
    challenge = publish(rules=RULES, **changes)
    with transaction():
        db.session.get_one(Challenge, challenge.id).state = "running"
    return challenge


def lengthen(challenge: Challenge) -> None:
    """Ada gives it until 16 March."""
    with transaction():
        again = db.session.get_one(Challenge, challenge.id)
        extend(again, TODAY + timedelta(days=40), "Le stock arrive.", by="ADA", at=NOW)


def shown(client: Client, cast: Cast, address: str = "/studio/hiver") -> str:
    client.sign_in(cast.marc)
    answer = client.get(address)
    assert answer.status_code == 200
    return words(answer.text)


# --- the dashboard ---------------------------------------------------------------------------------------------------


def test_the_dashboard_says_how_a_challenge_is_played(client: Client, cast: Cast):
    running()
    sell("AWA", [("CREME", 3)], name="awa-1")
    sell("BRUNO", [("CREME", 1)], name="bruno-1", at=NOW - timedelta(days=1))
    sell("NINA", [("CREME", 2_000)], name="nina-1", channel="meeting")
    page = shown(client, cast)
    for said in (
        "4 participants", "3 ont déclaré (75 %)", "2 ventes acceptées", "45 points gagnés",
        "1 a atteint le palier de 2 unités", "1 vente à vérifier", "3 févr. 1", "4 févr. 1", "2 févr. 0",
    ):  # fmt: skip
        assert said in page, said


def test_who_has_not_declared_is_named_and_can_be_written_to(client: Client, cast: Cast):
    running()
    sell("AWA")
    page = shown(client, cast)
    assert "Chloé Le Gall Parfumerie du Port · Brest" in page and "3 personnes en tout" in page
    assert "segment=not_declared" in client.get("/studio/hiver").text
    everybody = shown(client, cast, "/studio/hiver/silent")
    assert "Nina Costa" in everybody and "Awa Diallo" not in everybody
    filtered = shown(client, cast, "/studio/hiver/silent?region=Bretagne")
    assert "Chloé Le Gall" in filtered and "Nina Costa" not in filtered
    part = client.get("/studio/hiver/silent?region=Bretagne", headers={"HX-Request": "true"}).text
    assert "<html" not in part and "Chloé" in part


def test_leagues_are_offered_as_a_filter_in_words(client: Client, cast: Cast):
    running(league_by="kind")
    assert "Franchisé" in shown(client, cast, "/studio/hiver/silent")
    vdi = shown(client, cast, "/studio/hiver/silent?league=vdi")
    assert "Nina Costa" in vdi and "Awa Diallo" not in vdi


def test_what_would_be_won_today_is_set_against_the_budget(client: Client, cast: Cast):
    running(budget=5, payouts=[{"kind": "rank", "from": 1, "to": 3, "wallet": 300}])
    sell("AWA", name="awa-1")
    assert "3,00 € budget : 5,00 €" in shown(client, cast)
    sell("BRUNO", name="bruno-1")
    page = shown(client, cast)
    assert "6,00 € budget : 5,00 €" in page and "1,00 € de gains ne seraient pas financés" in page
    assert "Places 1 à 3 : 300 points de cagnotte 2 6,00 €" in page


def test_changes_and_the_trail_say_who_did_what_and_when(client: Client, cast: Cast):
    challenge = running()
    with transaction():
        extend(
            db.session.get_one(Challenge, challenge.id),
            TODAY + timedelta(days=40),
            "Le stock arrive.",
            by="ADA",
            at=NOW,
        )
    page = shown(client, cast)
    assert "Version 2, dès le" in page and "Le stock arrive." in page
    assert "Prolongé jusqu’au 16 mars 2026 4 févr. 2026, 12:00 · Ada Faure" in page
    history = shown(client, cast, "/studio/hiver/history")
    assert "Publié 5 janv. 2026, 12:00 · Marc Petit" in history and "Créé" in history


def test_who_takes_part_reads_of_the_extension_in_the_notice_centre(client: Client, cast: Cast):
    challenge = running()
    with transaction():
        extend(
            db.session.get_one(Challenge, challenge.id),
            TODAY + timedelta(days=40),
            "Le stock arrive.",
            by="ADA",
            at=NOW,
        )
    client.sign_in(cast.awa)
    page = client.get("/notices").text
    assert "Hiver est prolongé" in page and "Le stock arrive." in page


def test_acceptances_are_counted_where_the_challenge_asks_for_them(client: Client, cast: Cast):
    challenge = running()
    assert "accepté le règlement" not in shown(client, cast)
    with transaction():
        again = db.session.get_one(Challenge, challenge.id)
        again.definition = again.definition | {"acceptance": "required"}
        db.session.add(
            Acceptance(challenge_id=again.id, version=1, person_id=cast.awa.id, rules_hash="x" * 64, accepted_at=NOW)
        )
    assert "1 a accepté le règlement (version 1)" in shown(client, cast)


@pytest.mark.parametrize("state", ["published", "closing", "reviewing", "closed", "cancelled"])
def test_every_state_of_a_challenge_has_its_dashboard(client: Client, cast: Cast, state: str):
    challenge = running()
    sell("AWA")
    with transaction():
        db.session.get_one(Challenge, challenge.id).state = state
    assert "4 participants" in shown(client, cast)


def test_a_challenge_to_come_has_no_days_yet(client: Client, cast: Cast):
    publish(starts_on="2026-02-10")
    assert "La période n’a pas encore commencé." in shown(client, cast)


def test_a_draft_goes_on_being_written_and_what_is_not_there_is_404(client: Client, cast: Cast):
    with transaction():
        import_challenge(definition_from(WINTER | {"code": "ete"}), by="MARC", at=NOW)
    client.sign_in(cast.marc)
    assert client.get("/studio/ete").status_code == 302
    assert client.get("/studio/rien").status_code == 404
    for page in ("silent", "history", "announcements"):
        assert client.get(f"/studio/ete/{page}").status_code == 404
        assert client.get(f"/studio/rien/{page}").status_code == 404


def test_the_dashboard_is_for_those_who_animate(client: Client, cast: Cast):
    running()
    for person, status in ((cast.marc, 200), (cast.ada, 200), (cast.ines, 404), (cast.awa, 404)):
        client.sign_in(person)
        for page in ("", "/silent", "/history", "/announcements"):
            assert client.get(f"/studio/hiver{page}").status_code == status
        assert client.post("/studio/hiver/announcements", data=SAID).status_code == status


# --- messages --------------------------------------------------------------------------------------------------------


def count(model: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_a_message_is_looked_at_first_with_how_many_it_reaches_and_nothing_leaves(client: Client, cast: Cast):
    running()
    sell("AWA")
    page = shown(client, cast, "/studio/hiver/announcements?segment=not_declared")
    assert "Tous les participants 4 personnes" in page and "Qui n’a pas encore déclaré 3 personnes" in page
    looked = client.post("/studio/hiver/announcements", data=SAID)
    assert looked.status_code == 200
    said = words(looked.text)
    assert "Envoyer à 3 personnes" in said and "3 adresses" in said and "tout de suite" in said
    assert "Bonjour Marc Petit, Bonjour, à vous de jouer." in said
    assert (count(Announcement), count(Notice), count(OutboxMessage)) == (0, 0, 0)
    again = client.post("/studio/hiver/announcements", data=SAID | {"act": "change"}).text
    assert "Plus que dix jours" in again and "à vous de jouer." in again


def test_sent_it_reaches_those_it_concerns_and_nobody_else(client: Client, cast: Cast):
    running()
    sell("AWA")
    client.sign_in(cast.marc)
    answer = client.post("/studio/hiver/announcements", data=SAID | {"act": "send"}, follow_redirects=True)
    assert "Message envoyé à 3 personnes." in answer.text and "Plus que dix jours" in answer.text
    told = db.session.scalars(select(Person.code).join(Notice, Notice.person_id == Person.id)).all()
    assert sorted(told) == ["BRUNO", "CHLOE", "NINA"] and count(OutboxMessage) == 3
    assert "Message envoyé à 3 personnes (qui n’a pas encore déclaré)" in shown(client, cast)


def test_a_double_click_sends_once(client: Client, cast: Cast):
    running()
    client.sign_in(cast.marc)
    for _ in range(2):
        answer = client.post("/studio/hiver/announcements", data=SAID | {"act": "send"}, follow_redirects=True)
        assert "Message envoyé à 4 personnes." in answer.text
    assert (count(Announcement), count(Notice), count(OutboxMessage)) == (1, 4, 4)


def test_at_night_the_page_says_when_mails_will_leave(client: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch):
    running()
    monkeypatch.setattr(clock, "now", lambda: NIGHT)
    client.sign_in(cast.marc)
    assert "Les e-mails partiront le 5 févr. 2026, 08:00" in words(client.get("/studio/hiver/announcements").text)
    assert "5 févr. 2026, 08:00" in words(client.post("/studio/hiver/announcements", data=SAID).text)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"subject": ""}, "Écrivez de quoi il s’agit."),
        ({"text": "  \n "}, "Écrivez votre message."),
        ({"text": "x" * 2_001}, "Au plus 2000 caractères."),
        ({"segment": "everybody-in-the-world"}, "À qui"),
    ],
)
def test_what_is_missing_is_said_beside_its_field_and_nothing_is_lost(
    client: Client, cast: Cast, changes: dict[str, str], why: str
):
    running()
    client.sign_in(cast.marc)
    for act in ("look", "send"):
        answer = client.post("/studio/hiver/announcements", data=SAID | changes | {"act": act})
        assert answer.status_code == 422 and why in answer.text
        kept = (SAID | changes)["subject"]
        assert f'value="{kept}"' in answer.text
    assert count(Announcement) == 0


def test_a_group_of_nobody_and_a_third_message_of_the_day_are_refused_before_and_after_the_look(
    client: Client, cast: Cast
):
    running()
    client.sign_in(cast.marc)
    for act in ("look", "send"):
        answer = client.post("/studio/hiver/announcements", data=SAID | {"segment": "waiting", "act": act})
        assert answer.status_code == 409 and "Personne n’est dans ce groupe" in answer.text
    for number in range(2):
        said = SAID | {"act": "send", "subject": f"Message {number}", "seen": str(number)}
        assert client.post("/studio/hiver/announcements", data=said).status_code == 302
    for act in ("look", "send"):
        answer = client.post("/studio/hiver/announcements", data=SAID | {"seen": "2", "act": act})
        assert answer.status_code == 409 and "pourra partir demain" in answer.text
        assert re.search("à vous de jouer", answer.text)
    assert count(Announcement) == 2


def test_a_colleagues_message_that_left_meanwhile_is_read_first(client: Client, cast: Cast):
    running()
    client.sign_in(cast.ada)
    client.post("/studio/hiver/announcements", data=SAID | {"act": "send", "subject": "D’Ada"})
    client.sign_in(cast.marc)
    answer = client.post("/studio/hiver/announcements", data=SAID | {"act": "send"})
    assert answer.status_code == 409
    assert "Un autre message vient de partir" in answer.text and "D’Ada" in answer.text
    assert 'name="seen" value="1"' in answer.text


def test_a_cancelled_challenge_has_no_form_to_write(client: Client, cast: Cast):
    challenge = running()
    with transaction():
        cancel(db.session.get_one(Challenge, challenge.id), "Erreur.", by="MARC", at=NOW)
    page = shown(client, cast, "/studio/hiver/announcements")
    assert "il n’est pas publié, ou il est annulé" in page and "Relire avant" not in page
    assert client.post("/studio/hiver/announcements", data=SAID | {"act": "send"}).status_code == 409
