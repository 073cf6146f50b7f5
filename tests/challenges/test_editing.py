"""The studio's editor: every key of a challenge shown as a field, saved under its revision, judged as its file is."""

from __future__ import annotations

import html
import io
import re
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from PIL import Image
from sqlalchemy import event, select
from werkzeug.datastructures import MultiDict

from challenges import drafts, forms
from challenges.definition import Definition, WrongDefinition, definition_from
from challenges.drafts import Conflict
from challenges.exports import challenge_file
from challenges.forms import STEPS, StepForm, Vocabulary, content_with, step_of
from challenges.imports import import_challenge
from challenges.lifecycle import NotPossible, Unfinished, freeze_rules
from challenges.models import Challenge, Draft
from challenges.queries import challenge_by_code
from foundation.database import db
from foundation.models import AuditEntry
from foundation.transactions import transaction
from tests.cast import Cast
from tests.challenges import test_definition
from tests.challenges.strategies import definitions

AT = datetime(2026, 1, 2, 9, 0, tzinfo=UTC)
NOON = datetime(2026, 1, 28, 11, 0, tzinfo=UTC)
EVERY_KEY = tomllib.loads(Path(__file__).with_name("every-key.toml").read_text(encoding="utf-8"))
HTMX = {"HX-Request": "true"}


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every page is read on 28 January 2026 at noon."""
    monkeypatch.setattr("foundation.clock.now", lambda: NOON)


def written(**changes: Any) -> dict[str, Any]:
    """A challenge of March that can be played, with changes; None takes a key away."""
    data: dict[str, Any] = {
        "code": "printemps",
        "name": "Printemps",
        "starts_on": "2026-03-01",
        "ends_on": "2026-03-31",
        "rules": [{"id": "soin", "counts": "units", "points": 10, "when": {"categories": ["Soin"]}}],
        "payouts": [{"kind": "convert", "every": 10, "into": 1}],
    } | changes
    return {key: value for key, value in data.items() if value is not None}


def begun(**changes: Any) -> int:
    """A draft in the studio, by its id."""
    with transaction():
        return drafts.start(written(**changes), by="MARC", at=AT).id


def content(draft_id: int) -> dict[str, Any]:
    """What a draft holds now."""
    return db.session.execute(select(Draft.content).where(Draft.id == draft_id)).scalar_one()


def sent_by(form: StepForm) -> MultiDict[str, str]:
    """What a browser sends for a form as it is shown."""
    sent: MultiDict[str, str] = MultiDict()
    for name in form.places:
        data = form[name].data
        boxes = [choice.data for choice in form[name] if choice.checked] if isinstance(data, list) else []
        for text in ["", *boxes] if isinstance(data, list) else [data]:
            sent.add(name, text.replace("\n", "\r\n"))
    return sent


def fields(page: str, step: str) -> MultiDict[str, str]:
    """What a browser would send for the form in a page."""
    body = re.search(r'<form[^>]* id="draft".*?</form>', page, re.S)
    assert body is not None, step
    sent: MultiDict[str, str] = MultiDict()
    for tag in re.findall(r"<input[^>]+>", body[0]):
        given_ = {name: html.unescape(value) for name, value in re.findall(r'([\w-]+)="([^"]*)"', tag)}
        if given_.get("name") and (given_.get("type") != "checkbox" or " checked" in tag):
            sent.add(given_["name"], given_.get("value", ""))
    for name, choices in re.findall(r'<select[^>]* name="([^"]+)"[^>]*>(.*?)</select>', body[0], re.S):
        chosen = re.search(r'<option selected value="([^"]*)"', choices)
        sent.add(name, html.unescape(chosen[1]) if chosen else "")
    for name, words in re.findall(r'<textarea[^>]* name="([^"]+)"[^>]*>\r?\n?(.*?)</textarea>', body[0], re.S):
        sent.add(name, html.unescape(words))
    return sent


def address(draft_id: int, step: str) -> str:
    """A step of a draft."""
    return f"/studio/drafts/{draft_id}/{step}"


def post(client: FlaskClient, draft_id: int, step: str, *, action: str = "save", **changes: Any) -> Any:
    """Send a step as its page shows it, with changes."""
    sent = fields(client.get(address(draft_id, step)).text, step)
    for name, value in changes.items():
        sent.setlist(name.replace("__", "-"), value if isinstance(value, list) else [value])
    return client.post(address(draft_id, step), data=sent | MultiDict({"action": action}))


# --- nothing is lost -----------------------------------------------------------------------------------------------


@pytest.mark.any_engine
def test_every_key_of_a_challenge_is_a_field_of_one_step(app: Flask) -> None:
    shown = {key.path[0] for step in STEPS for key in step.keys} | {step.rows for step in STEPS if step.rows}
    assert shown == set(Definition.model_fields)
    for key in Definition.model_fields:
        assert sum(key == step.rows or any(one.path[0] == key for one in step.keys) for step in STEPS) == 1, key


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(definitions())
@pytest.mark.any_engine
def test_opening_and_saving_a_challenge_loses_nothing(app: Flask, data: dict[str, Any]) -> None:
    """Whatever a valid definition holds comes back from the values of the five forms."""
    with app.test_request_context():
        stored = definition_from(data).canonical()
        saved = stored
        for step in STEPS:
            saved = content_with(step, saved, sent_by(StepForm(step, saved)))
        assert saved == stored


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(definitions())
@pytest.mark.any_engine
def test_typed_anew_a_challenge_means_the_same(app: Flask, data: dict[str, Any]) -> None:
    """Sent onto an empty draft, the values make a challenge that is played in the same way."""
    with app.test_request_context():
        first = definition_from(data)
        typed: dict[str, Any] = {}
        for step in reversed(STEPS):  # the zone first, then instants in it
            typed = content_with(step, typed, sent_by(StepForm(step, first.canonical())))
        assert meaning(definition_from(typed)) == meaning(first)


def meaning(definition: Definition) -> dict[str, Any]:
    """A definition with every default written out; lists as sets, and the spaces around texts left out."""

    def bare(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: bare(inner) for key, inner in value.items() if bare(inner) not in (None, {}, ())}
        if isinstance(value, list | tuple):
            inners = [bare(inner) for inner in value]
            texts = all(isinstance(inner, str | int) for inner in inners)
            return tuple(sorted(set(inners))) if texts else tuple(inners)
        return value.strip() if isinstance(value, str) else value

    told: dict[str, Any] = bare(definition.model_dump())
    return told


@pytest.mark.any_engine
def test_a_file_with_every_key_passes_through_the_forms(app: Flask) -> None:
    with app.test_request_context():
        stored = definition_from(EVERY_KEY).canonical()
        saved = stored
        for step in STEPS:
            form = StepForm(step, saved, Vocabulary())
            saved = content_with(step, saved, sent_by(form))
        assert saved == stored


@pytest.mark.parametrize("step", [step.name for step in STEPS])
def test_the_page_of_a_step_sends_back_what_it_shows(cast: Cast, client: FlaskClient, step: str, noon: None) -> None:
    rules = EVERY_KEY["rules"]
    draft_id = begun(**(EVERY_KEY | {"rules": rules, "payouts": EVERY_KEY["payouts"]}))
    before = content(draft_id)
    client.sign_in(cast.marc)
    post(client, draft_id, step)
    assert content(draft_id) == before
    assert db.session.execute(select(Draft.revision)).scalar_one() == 1


# --- file and form refuse the same ---------------------------------------------------------------------------------


def refused() -> list[Any]:
    """Every refusal of the tests of the definition, as (where, changes)."""

    def cases(test: Any) -> list[Any]:
        return [one for mark in test.pytestmark if mark.name == "parametrize" for one in mark.args[1]]

    found = list(cases(test_definition.test_a_challenge_that_cannot_be_played_is_refused))
    found += [
        (("rules", 0, *where), {"rules": rules})
        for where, rules in cases(test_definition.test_a_rule_that_cannot_be_played_is_refused)
    ]
    found += [
        (("payouts", *where), {"payouts": payouts})
        for where, payouts in cases(test_definition.test_a_payout_that_gives_nothing_clear_is_refused)
        if payouts[0].get("reward") != "lune"
    ]
    return found


@pytest.mark.any_engine
@pytest.mark.parametrize(("where", "changes"), refused(), ids=repr)
def test_what_a_file_is_refused_for_the_form_says_beside_the_field(
    app: Flask, where: tuple[Any, ...], changes: dict[str, Any]
) -> None:
    """The place is on its step, the words are there, and sending the form as it is mends nothing by itself."""
    given_ = drafts.plain(test_definition.challenge(**changes))
    with app.test_request_context():
        with pytest.raises(WrongDefinition) as refusal:
            definition_from(given_)
        (problem,) = refusal.value.problems
        step = step_of(where)
        form = StepForm(step, given_)
        form.tell([problem])
        place = form.place(where)
        told = form[place].errors if place in form.places else form.notes[place]
        assert len(told) == 1 and told[0].strip()
        saved = content_with(step, given_, sent_by(form))
        if any(key in str(given_) for key in ("colour", "'every': 10, 'into': 1, 'wallet'")) or where[-1] == "cap":
            return  # a key that has no field: it cannot be written in the form
        with pytest.raises(WrongDefinition) as again:
            definition_from(saved)
        assert step_of(again.value.problems[0].where) is step


def test_what_is_wrong_is_said_at_its_field_in_the_list_and_on_the_step(
    cast: Cast, client: FlaskClient, noon: None
) -> None:
    draft_id = begun()
    client.sign_in(cast.marc)
    answer = post(client, draft_id, "what", rules__0__points="0", rules__0__when__categories=["", "Parfum"])
    assert answer.status_code == 422
    assert '<a href="#rules-0-points">' in answer.text and '<a href="#rules-0-when-categories">' in answer.text
    assert 'id="rules-0-points-error"' in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert content(draft_id)["rules"][0]["points"] == 0, "a draft keeps what was written, right or wrong"
    elsewhere = client.get(address(draft_id, "when")).text
    assert f'href="{address(draft_id, "what")}#rules-0-points"' in elsewhere
    assert "2 points à compléter ou à corriger" in elsewhere
    stored = challenge_by_code("printemps")
    assert stored is not None and stored.definition["rules"][0]["points"] == 10, "the last that could be played"
    assert (
        post(client, draft_id, "what", rules__0__points="12", rules__0__when__categories=["", "Soin"]).status_code
        == 303
    )
    stored = challenge_by_code("printemps")
    assert stored is not None and stored.definition["rules"][0]["points"] == 12


def test_a_code_that_is_taken_is_refused_with_a_free_one(cast: Cast, client: FlaskClient, noon: None) -> None:
    begun()
    draft_id = begun(code="ete")
    client.sign_in(cast.marc)
    answer = post(client, draft_id, "who", code="printemps")
    assert answer.status_code == 422 and "printemps-2" in answer.text and "#code" in answer.text
    assert post(client, draft_id, "who", code="printemps-2").status_code == 303
    assert challenge_by_code("ete") is None and challenge_by_code("printemps-2") is not None


def test_a_blank_draft_asks_for_everything_without_scolding(cast: Cast, client: FlaskClient, noon: None) -> None:
    client.sign_in(cast.marc)
    answer = client.post("/studio/new", data={"from": "blank"})
    page = client.get(answer.location).text
    assert "field-error" not in page
    assert "à remplir" in page and "À gagner" not in page
    answer = client.post(answer.location, data={"action": "save", "revision": "1", "name": "", "code": ""})
    assert answer.status_code == 422 and 'id="name-error"' in answer.text
    assert db.session.execute(select(Challenge)).first() is None


# --- steps, rows ---------------------------------------------------------------------------------------------------


def test_rules_are_added_moved_changed_and_removed_without_scripts(cast: Cast, client: FlaskClient, noon: None) -> None:
    draft_id = begun()
    client.sign_in(cast.marc)
    for kind, number in zip(
        ("value", "declaration", "feedback", "profile", "boost", "milestone"), range(1, 7), strict=True
    ):
        answer = post(client, draft_id, "what", action=f"add:{kind}")
        assert answer.location.endswith(f"/what#rules-{number}")
    assert [rule["counts"] for rule in content(draft_id)["rules"]] == [
        "units", "value", "declaration", "feedback", "profile", "boost", "milestone",
    ]  # fmt: skip
    assert drafts.judge(content(draft_id), challenge_by_code("printemps").id).problems == ()  # type: ignore[union-attr]
    assert post(client, draft_id, "what", action="up:1").location.endswith("#rules-0")
    assert [rule["id"] for rule in content(draft_id)["rules"]][:2] == ["valeur", "soin"]
    post(client, draft_id, "what", action="save", rules__5__of=["", "soin"])
    post(client, draft_id, "what", action="save", rules__1__id="creme")
    assert content(draft_id)["rules"][5]["of"] == ["creme"], "a rule that changes its name is followed"
    post(client, draft_id, "what", action="reshape:rules-0-counts", rules__0__counts="units")
    assert content(draft_id)["rules"][0]["counts"] == "units" and content(draft_id)["rules"][0]["points"] == 1
    post(client, draft_id, "what", action="remove:1")
    assert "of" not in content(draft_id)["rules"][4] and len(content(draft_id)["rules"]) == 6


def test_every_payout_can_be_added_and_played(cast: Cast, client: FlaskClient, noon: None) -> None:
    draft_id = begun(payouts=None, objective={"measure": "units", "default": 5})
    client.sign_in(cast.marc)
    for kind in ("rank", "threshold", "objective", "race", "convert", "draw", "rank"):
        post(client, draft_id, "prizes", action=f"add:{kind}")
    assert [one["kind"] for one in content(draft_id)["payouts"]] == [
        "rank", "threshold", "objective", "race", "convert", "draw", "rank",
    ]  # fmt: skip
    stored = challenge_by_code("printemps")
    assert stored is not None and stored.definition["payouts"] == content(draft_id)["payouts"]
    post(client, draft_id, "prizes", action="down:0")
    assert [one["kind"] for one in content(draft_id)["payouts"]][:2] == ["threshold", "rank"]


def test_names_are_added_from_the_catalogue(cast: Cast, client: FlaskClient, noon: None) -> None:
    draft_id = begun()
    client.sign_in(cast.marc)
    post(client, draft_id, "what", action="names:rules-0-when-skus", **{"rules-0-when-skus-add": "CREME; SERUM"})
    assert content(draft_id)["rules"][0]["when"]["skus"] == ["CREME", "SERUM"]
    assert "Crème de jour" in client.get(address(draft_id, "what")).text
    found = client.get("/studio/names/products?rules-0-when-skus-add=CREME,roug", headers=HTMX).text
    assert 'value="ROUGE"' in found and "Rouge velours" in found and "CREME" not in found
    assert "PDV-LYON" in client.get("/studio/names/outlets?audience-outlets-add=bellecour", headers=HTMX).text
    assert client.get("/studio/names/stars?x-add=a").status_code == 404


def test_an_instant_is_shown_and_read_in_the_zone_of_the_challenge(cast: Cast, client: FlaskClient, noon: None) -> None:
    draft_id = begun(timezone="Indian/Reunion", declare_until="2026-04-05T20:00:00+00:00")
    client.sign_in(cast.marc)
    assert 'value="2026-04-06T00:00"' in client.get(address(draft_id, "when")).text
    post(client, draft_id, "when", declare_until="2026-04-07T12:30")
    assert content(draft_id)["declare_until"] == "2026-04-07T12:30:00+04:00"
    post(client, draft_id, "when", timezone="Europe/Paris")
    assert content(draft_id)["declare_until"] == "2026-04-07T12:30:00+02:00", "what the clock on the page says"


# --- who saved, and when -------------------------------------------------------------------------------------------


def test_saving_says_when_and_a_save_that_changes_nothing_is_none(cast: Cast, client: FlaskClient, noon: None) -> None:
    draft_id = begun()
    client.sign_in(cast.ada)
    assert "Enregistré à 10:00 par Marc Petit" in text_of(client.get(address(draft_id, "who")).text)
    post(client, draft_id, "who", name="Printemps doux")
    page = text_of(client.get(address(draft_id, "who")).text)
    assert "Enregistré à 12:00" in page and "par Marc" not in page
    post(client, draft_id, "who")
    assert db.session.execute(select(Draft.revision)).scalar_one() == 2
    acts = db.session.scalars(select(AuditEntry.act).where(AuditEntry.act.startswith("draft"))).all()
    assert acts == ["draft.started", "draft.changed"]


def test_two_animators_are_shown_what_differs_and_choose(cast: Cast, client: FlaskClient, noon: None) -> None:
    draft_id = begun()
    client.sign_in(cast.marc)
    stale = fields(client.get(address(draft_id, "who")).text, "who")
    client.sign_in(cast.ada)
    post(client, draft_id, "who", name="Printemps vif", ranks="outlet")
    client.sign_in(cast.marc)
    stale["name"] = "Printemps doux"
    for headers in ({}, HTMX):
        answer = client.post(address(draft_id, "who"), data=stale, headers=headers)
        assert answer.status_code == 409
        words = text_of(answer.text)
        assert "Ada Faure a enregistré ce brouillon à 12:00" in words
        assert "Nom du challenge Printemps vif Printemps doux" in words
        assert "Qui est classé Les points de vente Les personnes" in words
        assert content(draft_id)["name"] == "Printemps vif", "nothing is overwritten"
    keep = re.search(r'name="keep"[^>]*value="(\d+)"|value="(\d+)"[^>]*name="keep"', answer.text)
    assert keep is not None
    kept = client.post(address(draft_id, "who"), data=stale | MultiDict({"keep": keep[1] or keep[2]}))
    assert kept.status_code == 303
    assert (content(draft_id)["name"], content(draft_id).get("ranks")) == ("Printemps doux", None)
    again = client.post(address(draft_id, "who"), data=MultiDict(stale) | MultiDict({"keep": "1"}))
    assert again.status_code == 303, "the same values again overwrite nothing"


def test_an_older_revision_with_the_same_values_is_no_conflict(cast: Cast, client: FlaskClient, noon: None) -> None:
    draft_id = begun()
    client.sign_in(cast.marc)
    stale = fields(client.get(address(draft_id, "who")).text, "who") | MultiDict({"action": "save"})
    post(client, draft_id, "when", ends_on="2026-04-15")
    assert client.post(address(draft_id, "who"), data=stale).status_code == 303
    assert content(draft_id)["ends_on"] == "2026-04-15"


def test_the_operation_itself_refuses_an_old_revision(cast: Cast) -> None:
    draft_id = begun()
    with transaction():
        drafts.save(draft_id, read=1, change=lambda one: one | {"name": "Un"}, by="ADA", at=AT)
    with pytest.raises(Conflict) as conflict, transaction():
        drafts.save(draft_id, read=1, change=lambda one: one | {"name": "Deux"}, by="MARC", at=AT)
    assert (conflict.value.theirs["name"], conflict.value.mine["name"], conflict.value.revision) == ("Un", "Deux", 2)
    with pytest.raises(LookupError), transaction():
        drafts.save(draft_id + 1, read=1, change=lambda one: one, by="MARC", at=AT)


def test_a_published_challenge_is_no_longer_drafted(cast: Cast, client: FlaskClient, noon: None) -> None:
    draft_id = begun()
    with transaction():
        challenge = challenge_by_code("printemps")
        assert challenge is not None
        freeze_rules(challenge, by="MARC", at=AT)
    with pytest.raises(NotPossible), transaction():
        drafts.save(draft_id, read=1, change=lambda one: one | {"name": "Trop tard"}, by="MARC", at=AT)
    client.sign_in(cast.marc)
    for answer in (client.get(address(draft_id, "who")), client.post(address(draft_id, "who"), data={"name": "x"})):
        assert answer.status_code == 303 and "printemps" in answer.location
    assert client.get("/studio/printemps/draft").status_code == 404
    assert client.post(f"/studio/drafts/{draft_id}/removal").status_code == 302
    assert challenge_by_code("printemps") is not None


def test_what_is_half_mended_in_the_studio_is_not_published_as_it_was_before(cast: Cast) -> None:
    draft_id = begun()
    with transaction():
        drafts.save(draft_id, read=1, change=lambda one: one | {"rules": []}, by="MARC", at=AT)
    for content_now, refused in (({"rules": []}, True), (written(), False)):
        with transaction():
            drafts.save(draft_id, read=2, change=lambda one, now=content_now: one | now, by="MARC", at=AT)
        challenge = challenge_by_code("printemps")
        assert challenge is not None
        if refused:
            with pytest.raises(Unfinished, match="not finished"), transaction():
                freeze_rules(db.session.merge(challenge), by="MARC", at=AT)
        else:
            with transaction():
                freeze_rules(db.session.merge(challenge), by="MARC", at=AT)
    db.session.expire_all()
    assert challenge_by_code("printemps").state == "published"  # type: ignore[union-attr]


def test_importing_a_file_over_a_draft_replaces_what_the_studio_shows(cast: Cast) -> None:
    draft_id = begun()
    with transaction():
        import_challenge(definition_from(written(name="Du fichier")), by="ADA", at=NOON)
    found = db.session.get(Draft, draft_id)
    assert found is not None
    assert (found.content["name"], found.revision, found.changed_by) == ("Du fichier", 2, "ADA")
    with transaction():
        import_challenge(definition_from(written(name="Du fichier")), by="ADA", at=NOON)
    db.session.expire_all()
    assert db.session.execute(select(Draft.revision)).scalar_one() == 2


def test_a_draft_is_thrown_away_with_its_challenge(cast: Cast, client: FlaskClient, noon: None) -> None:
    draft_id = begun()
    client.sign_in(cast.marc)
    assert "Supprimer ce brouillon" in client.get(f"/studio/drafts/{draft_id}/removal").text
    client.post(f"/studio/drafts/{draft_id}/removal")
    assert db.session.execute(select(Draft)).first() is None and challenge_by_code("printemps") is None
    assert client.get(address(draft_id, "who")).status_code == 404


def test_drafts_are_for_those_who_animate(cast: Cast, client: FlaskClient, noon: None) -> None:
    draft_id = begun()
    for person in (cast.awa, cast.ines):
        client.sign_in(person)
        assert client.get(address(draft_id, "who")).status_code == 404
        assert client.post(address(draft_id, "who"), data={"name": "x"}).status_code == 404
        assert client.get("/studio/new").status_code == 404
    assert content(draft_id)["name"] == "Printemps"


# --- beside the form -----------------------------------------------------------------------------------------------


def text_of(page: str) -> str:
    """The words of a page, without its tags."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page))).replace("\u00a0", " ").strip()


def test_the_preview_is_the_page_participants_read(cast: Cast, client: FlaskClient, noon: None) -> None:
    draft_id = begun(description="Faites découvrir.", en={"name": "Spring"}, cap_per_day=200)
    client.sign_in(cast.marc)
    page = client.get(address(draft_id, "who")).text
    phone = re.search(r'<div class="phone"[^>]*>(.*?)\n</div>\n</div></div>', page, re.S)
    assert phone is not None
    with transaction():
        challenge = challenge_by_code("printemps")
        assert challenge is not None
        freeze_rules(challenge, by="MARC", at=AT)
    public = client.get("/challenges/printemps").text
    for words in ("Faites découvrir.", "Vous gagnez 10 points par unité de la catégorie Soin", "Sans plafond",
                  "1 point de cagnotte", "Du 1er mars 2026 au 31 mars 2026", "Tout le réseau"):  # fmt: skip
        assert words in text_of(phone[1]) and words in text_of(public), words
    draft_id = begun(code="autre", en={"name": "Spring"})
    english = text_of(client.get(address(draft_id, "who") + "?view=en").text)
    assert "Spring" in english and "You earn 10 points per unit" in english and "Nom du challenge" in english


def test_what_cannot_be_shown_yet_is_named_and_the_rest_is_shown(cast: Cast, client: FlaskClient, noon: None) -> None:
    rules = [{"id": "soin", "counts": "units", "points": 10}, {"id": "avis", "counts": "feedback"}]
    draft_id = begun(starts_on=None, ends_on=None, rules=rules)
    client.sign_in(cast.marc)
    page = text_of(client.get(address(draft_id, "who")).text)
    assert "Quand · Premier jour de vente : à remplir" in page
    assert "Quoi · Règle 2 · Points : à remplir" in page
    assert "10 points par unité" in page and "du … au …" in page
    assert "4 personnes aujourd’hui" in page


def test_the_audience_is_counted_as_it_is_chosen(cast: Cast, client: FlaskClient, noon: None) -> None:
    draft_id = begun()
    client.sign_in(cast.marc)
    sent = fields(client.get(address(draft_id, "who")).text, "who")
    sent.setlist("audience-kinds", ["", "vdi"])
    answer = client.post(address(draft_id, "who"), data=sent, headers=HTMX)
    assert answer.status_code == 200 and answer.headers["HX-Reswap"] == "none"
    assert "1 personne aujourd’hui" in text_of(answer.text)
    assert 'id="revision" value="2"' in answer.text
    assert content(draft_id)["audience"] == {"kinds": ["vdi"]}


def test_the_law_speaks_beside_the_form_with_its_article(cast: Cast, client: FlaskClient, noon: None) -> None:
    draft_id = begun(
        audience={"kinds": ["vdi"]},
        rules=[{"id": "web", "counts": "units", "points": 10, "when": {"channels": ["online"]}}],
    )
    client.sign_in(cast.marc)
    page = client.get(address(draft_id, "who")).text
    assert "Ce challenge ne peut pas être publié" in page and "L135-1" in page
    assert f'href="{address(draft_id, "what")}#rules-0-when-channels"' in page


def test_a_picture_is_kept_shown_replaced_and_taken_away(cast: Cast, client: FlaskClient, noon: None) -> None:
    draft_id = begun()
    client.sign_in(cast.marc)

    def send(name: str, body: bytes) -> Any:
        revision = db.session.execute(select(Draft.revision)).scalar_one()
        data = {"action": "picture", "revision": str(revision), "file": (io.BytesIO(body), name)}
        return client.post(address(draft_id, "who"), data=data, content_type="multipart/form-data")

    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "green").save(picture, "PNG")
    wrong = send("notes.png", b"not a picture")
    assert wrong.status_code == 422 and 'id="file-error"' in wrong.text
    assert "picture" not in content(draft_id)
    assert send("../mon image.png", picture.getvalue()).status_code == 303
    assert content(draft_id)["picture"] == "mon_image.png"
    shown = client.get(f"/studio/drafts/{draft_id}/picture")
    assert (shown.mimetype, shown.headers["Cache-Control"]) == ("image/webp", "private, no-store")
    assert client.get("/challenges/printemps/picture").status_code == 200
    post(client, draft_id, "who", code="ete")
    assert client.get("/challenges/ete/picture").status_code == 200, "the picture follows the code"
    post(client, draft_id, "who", action="no-picture")
    assert client.get(f"/studio/drafts/{draft_id}/picture").status_code == 404
    assert client.get("/challenges/ete/picture").status_code == 404


def test_a_page_asks_the_database_a_bounded_number_of_times(cast: Cast, client: FlaskClient, noon: None) -> None:
    one = {"counts": "units", "points": 10, "when": {"categories": ["Soin"]}}
    small, large = begun(), begun(code="grand", rules=[one | {"id": f"r{n}"} for n in range(25)])
    client.sign_in(cast.marc)
    asked: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        asked.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        counts = []
        for draft_id in (small, large):
            asked.clear()
            assert client.get(address(draft_id, "what")).status_code == 200
            counts.append(len(asked))
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    assert counts[0] == counts[1], asked


@pytest.mark.any_engine
def test_a_copy_begins_whole_weeks_later_with_everything_it_dates() -> None:
    definition = definition_from(
        written(
            timezone="Europe/Paris",
            declare_until="2026-04-04T00:00:00+02:00",
            rules=[{"id": "soin", "counts": "units", "points": 1, "when": {"from": "2026-03-08", "to": "2026-03-10"}}],
            objective={"measure": "units", "baseline": {"from": "2025-03-01", "to": "2025-03-31"}},
            freeze_board_on="2026-03-29",
        )
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drafts, "free_code", lambda wanted: f"{wanted}-2")
        copied = drafts.copied(definition, today=date(2026, 10, 20))
    assert copied["starts_on"] == "2026-10-25" and copied["ends_on"] == "2026-11-24"
    assert copied["declare_until"] == "2026-11-28T00:00:00+01:00", "midnight stays midnight when the clock changes"
    assert copied["rules"][0]["when"] == {"from": "2026-11-01", "to": "2026-11-03"}
    assert copied["objective"]["baseline"] == {"from": "2025-10-25", "to": "2025-11-24"}
    assert copied["code"] == "printemps-2"
    assert definition_from(copied)


@pytest.mark.any_engine
def test_a_file_of_any_draft_reads_back_to_it(app: Flask) -> None:
    definition = definition_from(EVERY_KEY)
    assert tomllib.loads(challenge_file(definition)) == EVERY_KEY
    assert forms.step_named("when").name == "when"
