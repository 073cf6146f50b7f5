"""A challenge steered from the studio: each decision is read before it is taken, refused clearly, told to people."""

from __future__ import annotations

import html
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from challenges.definition import definition_from
from challenges.imports import import_challenge
from challenges.models import Amendment, Challenge, Participant
from challenges.queries import challenge_by_code, versions_of
from declarations.amending import extend
from foundation import clock
from foundation.database import db
from foundation.transactions import transaction
from network.models import Notice
from rewards.jobs import advance_challenges
from tests.cast import Cast
from tests.conftest import Client
from tests.declarations.stage import NOW, TODAY, WINTER, publish, sell

TOMORROW = TODAY + timedelta(days=1)
LATER = "2026-03-15"
OBJECTIVE = {"measure": "units", "default": 10}
EVERY_WEEK = {"starts_on": "2026-02-02", "ends_on": "2026-02-08", "repeat": "weekly"}


@pytest.fixture
def marc(app: Flask, cast: Cast, client: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    """An animator's browser at noon, and a challenge that people play."""
    monkeypatch.setattr("foundation.clock.now", lambda: NOW)
    publish()
    client.sign_in(cast.marc)
    return client


def fields(client: Client, page: str) -> dict[str, str]:
    """What the form of a page of the challenge holds when it is opened."""
    return written(client.get(f"/studio/hiver/{page}").text)


def written(text: str) -> dict[str, str]:
    """The fields of a page's form and what they hold."""
    main = text[text.index("<main") :]
    found = {}
    for tag in re.findall(r"<input[^>]*>", main):
        name, value = re.search(r' name="([^"]+)"', tag), re.search(r' value="([^"]*)"', tag)
        if name is not None and 'type="file"' not in tag and name[1] != "csrf_token":
            found[name[1]] = html.unescape(value[1]) if value is not None else ""
    for name, value in re.findall(r'<textarea[^>]* name="([^"]+)"[^>]*>\r?\n?(.*?)</textarea>', main, re.S):
        found[name] = html.unescape(value)
    return found


def send(client: Client, page: str, told: dict[str, str], action: str = "confirm", **more: Any) -> Any:
    """Press a button of a page of the challenge."""
    return client.post(f"/studio/hiver/{page}", data=told | {"action": action} | more,
                       content_type="multipart/form-data")  # fmt: skip


def text_of(answer: Any) -> str:
    return html.unescape(answer.text)


def challenge() -> Challenge:
    db.session.rollback()
    found = challenge_by_code("hiver")
    assert found is not None
    return found


def changes() -> int:
    """How many changes there are since publication."""
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(Amendment)) or 0


# --- rules ---------------------------------------------------------------------------------------------------------


def test_other_rules_are_read_in_words_before_they_hold_and_then_told_to_participants(marc: Client, cast: Cast) -> None:
    told = fields(marc, "amendment")
    assert told["starts_on"] == TOMORROW.isoformat() and told["name"] == "Hiver" and told["en_name"] == "Winter"
    assert 'id = "soin"' in told["rules"] and "ends_on" not in told["rules"] and "name" not in told["rules"]
    told |= {"rules": told["rules"].replace("points = 10", "points = 20"), "notice": "Le soin vaut double.",
             "name": "Grand hiver"}  # fmt: skip
    asked = send(marc, "amendment", told, "look")
    page = text_of(asked)
    assert asked.status_code == 200 and "Rien n’est encore fait" in page and changes() == 0
    assert "10 points par unité" in page and "20 points par unité" in page and "Grand hiver" in page
    assert "Ce que liront 4 participants" in page and "à partir du 5 février 2026" in page
    assert db.session.scalar(select(func.count()).select_from(Notice)) == 0, "nobody was told of a trial"
    back = send(marc, "amendment", written(asked.text), "edit")
    assert written(back.text)["notice"] == "Le soin vaut double." and changes() == 0
    done = send(marc, "amendment", written(asked.text))
    assert done.location == "/studio/hiver" and changes() == 1
    assert [one.starts_on for one in versions_of(challenge().id)][-1] == TOMORROW
    marc.sign_in(cast.awa)
    page = text_of(marc.get("/challenges/hiver"))
    assert "Ce qui a changé" in page and "Le soin vaut double." in page and "à partir du 5 février 2026" in page
    assert "Vous gagnez 10 points par unité" in page, "the rules of today"
    assert "Vous gagnez 10 points par unité" in text_of(marc.get("/challenges"))
    assert "Version 2, à partir du 5 février 2026" in text_of(marc.get("/challenges/hiver/rules"))


def test_every_fault_of_the_rules_has_its_line_and_nothing_written_is_lost(marc: Client) -> None:
    told = fields(marc, "amendment")
    told["rules"] = '[[rules]]\nid = "soin"\ncounts = "unites"\npoints = 10\n[[rules]]\nid = "avis"\n'
    told |= {"notice": "Oui", "starts_on": "demain", "description": "Gardée"}
    answer = send(marc, "amendment", told, "look")
    page = text_of(answer)
    assert answer.status_code == 422 and "Ligne 3\u00a0:" in page and "Ligne 5\u00a0:" in page
    assert written(answer.text)["rules"] == told["rules"] and written(answer.text)["description"] == "Gardée"
    broken = send(marc, "amendment", told | {"rules": "points = = 3"}, "look")
    assert broken.status_code == 422 and "pas du TOML" in text_of(broken)
    nameless = send(marc, "amendment", told | {"name": " "}, "look")
    assert nameless.status_code == 422 and changes() == 0


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"starts_on": TODAY.isoformat()}, "a déjà commencé"),
        ({"starts_on": "2026-04-01"}, "aucune vente ne compterait"),
        ({"notice": " "}, "il manque ce que les participants liront"),
        ({"rules": "RULES\nbudget = 5"}, "un budget qui arrive en cours de route"),
        ({"rules": 'RULES\nranks = "outlet"'}, "«\u00a0ranks\u00a0» ne change plus"),
        ({"rules": "RULES\nends_on = 2026-04-01"}, "prolongez le challenge"),
        ({}, "rien ne change"),
    ],
)
def test_what_was_promised_stays(marc: Client, change: dict[str, str], why: str) -> None:
    told = fields(marc, "amendment") | {"notice": "Du neuf"}
    if change:
        told["rules"] = told["rules"].replace("points = 10", "points = 20")
    more = change.get("rules", "").removeprefix("RULES\n")
    told |= change | ({"rules": f"{more}\n{told['rules']}"} if more else {})
    for action in ("look", "confirm"):
        answer = send(marc, "amendment", told, action)
        assert answer.status_code == 422 and why.lower() in text_of(answer).lower()
    assert changes() == 0


def test_a_file_takes_the_place_of_the_text(marc: Client) -> None:
    told = fields(marc, "amendment") | {"notice": "Tout double"}
    file = marc.get("/studio/hiver/file").data.replace(b"points = 10", b"points = 20")
    asked = send(marc, "amendment", told, "look", file=(io.BytesIO(file), "hiver.toml"))
    assert asked.status_code == 200 and "20 points par unité" in text_of(asked)
    assert send(marc, "amendment", written(asked.text)).status_code == 303 and changes() == 1
    told = fields(marc, "amendment") | {"notice": "Autre chose"}
    wrong = send(marc, "amendment", told, "look", file=(io.BytesIO(b"\xff\xfe"), "hiver.toml"))
    assert wrong.status_code == 422 and "fichier de texte" in text_of(wrong)


def test_a_page_opened_before_somebody_elses_change_is_refused_and_the_fresh_one_works(marc: Client) -> None:
    stale = {page: fields(marc, page) | {"notice": "Pour tous"} for page in ("amendment", "extension", "early-closing")}
    with transaction():
        extend(challenge(), TODAY + timedelta(days=60), "Plus long", by="ADA", at=NOW)
    stale["amendment"]["rules"] = stale["amendment"]["rules"].replace("points = 10", "points = 20")
    stale["extension"]["ends_on"] = "2026-05-01"
    for page, told in stale.items():
        answer = send(marc, page, told)
        assert answer.status_code == 422 and "a changé depuis que vous avez ouvert cette page" in text_of(answer)
    assert changes() == 1
    fresh = fields(marc, "extension") | {"notice": "Encore plus", "ends_on": "2026-05-01"}
    assert send(marc, "extension", fresh).location == "/studio/hiver" and changes() == 2


# --- other ends ----------------------------------------------------------------------------------------------------


def test_a_challenge_is_extended_with_a_notice_that_participants_read(marc: Client, cast: Cast) -> None:
    told = fields(marc, "extension") | {"ends_on": LATER, "notice": "Deux semaines de plus"}
    asked = send(marc, "extension", told, "look")
    page = text_of(asked)
    assert "15 mars 2026" in page and "mercredi 18 mars 2026 inclus" in page and changes() == 0
    assert send(marc, "extension", written(asked.text)).location == "/studio/hiver"
    assert challenge().ends_on.isoformat() == LATER
    marc.sign_in(cast.nina)
    page = text_of(marc.get("/challenges/hiver"))
    assert "Prolongé jusqu’au 15 mars 2026" in page and "Deux semaines de plus" in page
    assert "Deux semaines de plus" in text_of(marc.get("/notices"))


def test_an_extension_says_why_and_goes_forward(marc: Client) -> None:
    told = fields(marc, "extension")
    for wrong, why in (
        ({"ends_on": LATER, "notice": ""}, "Il manque ce que les participants liront"),
        ({"ends_on": "2026-03-01", "notice": "Oui"}, "ne prolonge rien"),
        ({"ends_on": "31/03/2026", "notice": "Oui"}, "Ce n’est pas une date"),
        ({"ends_on": "", "notice": "Oui"}, "Ce n’est pas une date"),
    ):
        answer = send(marc, "extension", told | wrong)
        assert answer.status_code == 422 and why in text_of(answer)
        assert written(answer.text)["notice"] == wrong["notice"]
    assert changes() == 0
    assert send(marc, "extension", told | {"ends_on": LATER, "notice": "Oui"}).status_code == 303 and changes() == 1


def test_a_challenge_ends_early_with_its_reason(marc: Client, cast: Cast) -> None:
    sell("AWA")
    told = fields(marc, "early-closing")
    assert told["ends_on"] == TODAY.isoformat()
    refused = send(marc, "early-closing", told | {"notice": "", "ends_on": "2026-02-01"})
    assert refused.status_code == 422 and "est passé" in text_of(refused)
    assert "il manque ce que les participants liront" in text_of(refused).lower()
    asked = send(marc, "early-closing", told | {"notice": "Rupture de stock"}, "look")
    assert "Les ventes faites après le 4 février 2026 ne comptent plus" in text_of(asked) and changes() == 0
    assert send(marc, "early-closing", written(asked.text)).location == "/studio/hiver"
    assert challenge().ends_on == TODAY
    marc.sign_in(cast.awa)
    page = text_of(marc.get("/challenges/hiver"))
    assert "Fin avancée au 4 février 2026" in page and "Rupture de stock" in page


@pytest.mark.parametrize("page", ["amendment", "extension", "early-closing"])
def test_a_challenge_that_is_over_no_longer_changes_and_says_so(
    marc: Client, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = fields(marc, page)
    monkeypatch.setattr("foundation.clock.now", lambda: NOW + timedelta(days=30))
    for ask in (lambda: marc.get(f"/studio/hiver/{page}"), lambda: send(marc, page, told | {"notice": "Trop tard"})):
        answer = ask()
        assert answer.location == "/studio/hiver"
        assert "ne peut plus changer" in text_of(marc.get(answer.location))
    assert changes() == 0


@pytest.mark.parametrize("page", ["amendment", "extension", "early-closing", "cancellation", "targets", "series"])
def test_steering_is_for_animators_and_for_published_challenges(marc: Client, cast: Cast, page: str) -> None:
    publish(code="but", objective=OBJECTIVE, **EVERY_WEEK)
    assert marc.get(f"/studio/but/{page}").status_code == 200
    assert marc.get(f"/studio/inconnu/{page}").status_code == 404
    with transaction():
        import_challenge(definition_from(WINTER | {"code": "brouillon"}), by="MARC", at=NOW)
    assert marc.get(f"/studio/brouillon/{page}").status_code == 404
    for person in (cast.awa, cast.ines):
        marc.sign_in(person)
        assert marc.get(f"/studio/but/{page}").status_code == marc.post(f"/studio/but/{page}").status_code == 404


# --- calling off ---------------------------------------------------------------------------------------------------


def test_an_animator_calls_a_challenge_off_and_participants_read_why(marc: Client, cast: Cast) -> None:
    sell("AWA")
    page = "/studio/hiver/cancellation"
    assert page in marc.get("/studio/hiver").text
    assert "4 participants sont prévenus" in text_of(marc.get(page))
    refused = marc.post(page, data={"reason": "  "})
    assert refused.status_code == 422 and "Écrivez la raison." in refused.text
    done = marc.post(page, data={"reason": "Rupture"})
    assert done.location == "/studio/hiver" and "Ses points ont été repris" in marc.get(done.location).text
    again = marc.post(page, data={"reason": "Encore"}, follow_redirects=True)
    assert "ne peut plus être annulé" in again.text
    marc.sign_in(cast.awa)
    shown = marc.get("/challenges/hiver").text
    assert "Challenge annulé le" in shown and "Rupture" in shown


# --- a series ------------------------------------------------------------------------------------------------------


def published() -> list[str]:
    """The codes of what is published when the scheduler has come by in three weeks."""
    list(advance_challenges(NOW + timedelta(days=21)))
    db.session.rollback()
    return list(db.session.scalars(select(Challenge.code).where(Challenge.code.startswith("semaine"))))


def test_an_animator_stops_a_series_and_what_is_published_goes_on(marc: Client, cast: Cast) -> None:
    publish(code="semaine", **EVERY_WEEK)
    shown = text_of(marc.get("/studio/semaine"))
    assert "Arrêter la répétition…" in shown and "la période suivante est publiée le 6 février 2026" in shown
    asked = text_of(marc.get("/studio/semaine/series"))
    assert "La période suivante, qui commence le 9 février 2026, ne sera pas publiée" in asked
    done = marc.post("/studio/semaine/series")
    assert done.location == "/studio/semaine"
    shown = text_of(marc.get(done.location))
    assert "Ce challenge ne revient plus." in shown and "Répétition arrêtée" in shown
    assert "Arrêter la répétition…" not in shown
    again = text_of(marc.post("/studio/semaine/series", follow_redirects=True))
    assert "Aucune période ne suit ce challenge" in again
    assert text_of(marc.get("/studio/semaine")).count("Répétition arrêtée") == 1
    assert published() == ["semaine"]


def test_looking_at_the_question_stops_nothing_and_a_participant_cannot(marc: Client, cast: Cast) -> None:
    publish(code="semaine", **EVERY_WEEK)
    marc.get("/studio/semaine/series")
    marc.sign_in(cast.awa)
    assert marc.post("/studio/semaine/series").status_code == 404
    assert published() == ["semaine", "semaine-2026-W07", "semaine-2026-W08", "semaine-2026-W09"]


def test_a_form_of_another_site_stops_nothing(marc: Client, app: Flask, cast: Cast) -> None:
    publish(code="semaine", **EVERY_WEEK)
    app.config["WTF_CSRF_ENABLED"] = True
    assert marc.post("/studio/semaine/series").status_code == 400
    app.config["WTF_CSRF_ENABLED"] = False
    assert "Arrêter la répétition…" in text_of(marc.get("/studio/semaine"))


def test_a_series_is_stopped_from_any_of_its_periods(marc: Client, cast: Cast) -> None:
    publish(code="semaine", **EVERY_WEEK)
    list(advance_challenges(NOW + timedelta(days=2)))  # the next one is published
    assert "jusqu’à «\u00a0Hiver\u00a0» (semaine-2026-W07)" in text_of(marc.get("/studio/semaine/series"))
    marc.post("/studio/semaine/series")
    assert published() == ["semaine", "semaine-2026-W07"]


def test_a_challenge_that_does_not_come_back_has_no_series_to_stop(marc: Client) -> None:
    assert "/studio/hiver/series" not in marc.get("/studio/hiver").text
    assert "Aucune période ne suit ce challenge" in text_of(marc.get("/studio/hiver/series", follow_redirects=True))


# --- personal targets ----------------------------------------------------------------------------------------------


def upload(client: Client, text: str | None) -> Any:
    """Send a file of targets."""
    data = {"file": (io.BytesIO(text.encode()), "objectifs.csv")} if text is not None else {}
    return client.post("/studio/but/targets", data=data, content_type="multipart/form-data")


def test_targets_are_given_by_file_listed_and_given_back(marc: Client, cast: Cast) -> None:
    publish(code="but", objective=OBJECTIVE)
    assert "10 unités" in text_of(marc.get("/studio/but/targets")), "the one of the challenge"
    done = upload(marc, "person,target\nAWA,25\nBRUNO,30\n")
    assert done.location == "/studio/but/targets"
    page = text_of(marc.get(done.location))
    assert "2 objectifs sont en place" in page and "25 unités" in page and "Awa Diallo" in page
    file = marc.get("/studio/but/targets.csv").text
    assert file == "person,target\nAWA,25\nBRUNO,30\nCHLOE,10\nNINA,10\n"
    assert upload(marc, file).status_code == 303
    kept = db.session.scalar(
        select(Participant.target).where(Participant.person_id == cast.awa.id, Participant.target > 20)
    )
    assert kept == 25


def test_a_wrong_file_of_targets_is_refused_whole_with_every_fault(marc: Client) -> None:
    publish(code="but", objective=OBJECTIVE)
    refused = upload(marc, "person,target\nAWA,25\nPERSONNE,3\nBRUNO,zéro\n")
    page = text_of(refused)
    assert refused.status_code == 422 and "2 fautes" in page and "objectifs.csv:3" in page and "objectifs.csv:4" in page
    assert "25 unités" not in page
    empty = upload(marc, None)
    assert empty.status_code == 422 and "Choisissez d’abord un fichier" in empty.text


def test_targets_are_fixed_once_somebody_has_scored(marc: Client) -> None:
    publish(code="but", objective=OBJECTIVE)
    assert upload(marc, "person,target\nAWA,25\n").status_code == 303
    sell("AWA")
    page = text_of(marc.get("/studio/but/targets"))
    assert "les objectifs ne changent plus" in page and 'type="file"' not in page
    upload(marc, "person,target\nAWA,5\n")
    assert "AWA,25" in marc.get("/studio/but/targets.csv").text


def test_a_drafts_targets_wait_for_its_publication(marc: Client) -> None:
    with transaction():
        import_challenge(definition_from(WINTER | {"code": "but", "objective": OBJECTIVE}), by="MARC", at=clock.now())
    assert "Aucun objectif déposé" in marc.get("/studio/but/targets").text
    assert upload(marc, "person,target\nAWA,25\n").status_code == 303
    assert marc.get("/studio/but/targets.csv").text == "person,target\nAWA,25\n"
