"""E-mail, six digits typed in the same session, and you are in. Nobody learns which addresses exist."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from foundation import clock, localisation
from foundation.database import db
from foundation.transactions import transaction
from network import operations, sign_in, views
from network.models import SignInCode

SECRET = "a-secret-for-tests-only"


def ask(client, email="awa@example.org", **fields):
    return client.post("/sign-in", data={"email": email} | fields)


def code_of(letters) -> str:
    return re.search(r"\b(\d{6})\b", letters()[-1].text).group(1)


def is_in(client) -> bool:
    return client.get("/me").status_code == 200


def test_the_page_asks_for_an_address(client):
    page = client.get("/sign-in")
    assert page.status_code == 200
    assert "Recevoir un code" in page.text


def test_a_code_is_sent_and_opens_the_session_that_asked(client, cast, letters):
    assert ask(client).headers["Location"] == "/sign-in/code"
    letter = letters()[-1]
    assert (letter.recipient, letter.urgent) == ("awa@example.org", True)
    answer = client.post("/sign-in/code", data={"code": code_of(letters)})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert is_in(client)


def test_capitals_and_spaces_in_the_address_or_the_code_do_no_harm(client, cast, letters):
    ask(client, " AWA@Example.org ")
    code = code_of(letters)
    client.post("/sign-in/code", data={"code": f" {code[:3]} {code[3:]} "})
    assert is_in(client)


def test_the_message_speaks_the_language_of_the_person(client, cast, letters):
    with transaction():
        cast.awa.language = "en"
    ask(client)
    assert code_of(letters)
    assert letters()[-1].recipient == "awa@example.org"


def test_the_code_is_worth_nothing_in_another_browser(app, cast, letters):
    one, other = app.test_client(), app.test_client()
    ask(one)
    code = code_of(letters)
    assert other.post("/sign-in/code", data={"code": code}).headers["Location"] == "/sign-in"
    ask(other, "bruno@example.org")
    other.post("/sign-in/code", data={"code": code})
    assert not is_in(other)


def test_a_code_serves_once(client, cast, letters):
    ask(client)
    code = code_of(letters)
    with client.session_transaction() as session:
        ticket = session["sign_in"]
    client.post("/sign-in/code", data={"code": code})
    client.post("/sign-out")
    with client.session_transaction() as session:
        session["sign_in"] = ticket
    assert client.post("/sign-in/code", data={"code": code}).status_code == 422
    assert not is_in(client)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def test_whoever_was_signed_in_is_told_why_they_are_asked_again(client, cast):
    part = client.post("/declare/draft", headers={"HX-Request": "true", "HX-Current-URL": "http://localhost/declare"})
    assert part.headers["HX-Redirect"] == "/sign-in?next=/declare&ended=1"
    came = client.get("/points", headers={"Referer": "http://localhost/me"})
    assert came.headers["Location"] == "/sign-in?next=/points&ended=1"
    assert "Votre connexion est terminée" in client.get(came.headers["Location"]).text
    fresh = client.get("/points", headers={"Referer": "http://localhost/sign-in"}).headers["Location"]
    assert fresh == "/sign-in?next=/points" and "Votre connexion est terminée" not in client.get(fresh).text


def test_a_form_of_another_sign_in_is_refused_and_says_whose_it_is_now(app, client, cast):
    client.sign_in(cast.chloe)
    app.config["WTF_CSRF_ENABLED"] = True
    refused = client.post("/declare", data={"csrf_token": "that of somebody else"})
    assert refused.status_code == 400
    for page in (refused, client.get("/changed")):
        assert "c’est maintenant celle de Chloé Le Gall" in page.text and "rechargez" not in page.text
    client.sign_out()
    assert client.get("/changed").headers["Location"] == "/sign-in"


def test_after_five_wrong_codes_the_right_one_comes_too_late(client, cast, letters):
    ask(client)
    code = code_of(letters)
    for _ in range(5):
        assert client.post("/sign-in/code", data={"code": wrong(code)}).status_code == 422
    assert client.post("/sign-in/code", data={"code": code}).status_code == 422
    assert not is_in(client)


def test_the_fifth_try_still_counts(client, cast, letters):
    ask(client)
    code = code_of(letters)
    for _ in range(4):
        client.post("/sign-in/code", data={"code": wrong(code)})
    client.post("/sign-in/code", data={"code": code})
    assert is_in(client)


def test_a_code_lasts_ten_minutes(cast):
    at = clock.now()

    def made(ticket):
        with transaction():
            return sign_in.request_code("awa@example.org", ticket, secret=SECRET, at=at)[1]

    early, late = made("early"), made("late")
    with transaction():
        just = at + timedelta(minutes=10) - timedelta(microseconds=1)
        assert sign_in.use_code("early", early, secret=SECRET, at=just).code == "AWA"
    with transaction():
        assert sign_in.use_code("late", late, secret=SECRET, at=at + timedelta(minutes=10)) is None


def test_only_a_keyed_hash_of_the_code_is_kept(client, cast, letters):
    ask(client)
    kept = db.session.scalar(select(SignInCode.code_hash))
    assert len(kept) == 64
    assert code_of(letters) not in kept


def shown(page) -> str:
    """A page without the form token, which is another each time."""
    return re.sub(r'content="[\w.-]{60,}"|value="[\w.-]{60,}"', "", page.text)


def test_an_unknown_address_gets_the_same_answers_and_no_message(app, cast, letters):
    known, unknown = app.test_client(), app.test_client()
    first, second = ask(known), ask(unknown, "nobody@example.org")
    assert (first.status_code, first.headers["Location"]) == (second.status_code, second.headers["Location"])
    code = wrong(code_of(letters))
    pages = [one.post("/sign-in/code", data={"code": code}) for one in (known, unknown)]
    assert pages[0].status_code == pages[1].status_code == 422
    assert shown(pages[0]).replace("awa@", "X@") == shown(pages[1]).replace("nobody@", "X@")
    assert len(letters()) == 1


def test_an_unknown_address_waits_as_long(client, cast, monkeypatch):
    monkeypatch.setattr(views, "EVEN_SECONDS", 0.2)
    for email in ("awa@example.org", "nobody@example.org"):
        begun = time.monotonic()
        ask(client, email)
        assert time.monotonic() - begun >= 0.2


def test_a_suspended_person_gets_no_code(client, cast, letters):
    with transaction():
        operations.suspend(cast.awa, by="MARC", at=clock.now())
    assert ask(client).headers["Location"] == "/sign-in/code"
    assert letters() == []


@pytest.mark.parametrize("email", ["", "awa", "awa@example", "a@b.fr\r\nBcc: x@y.fr", "a b@c.fr"])
def test_what_is_no_address_is_said_to_be_none(client, email, letters):
    page = ask(client, email)
    assert page.status_code == 422
    assert letters() == []


def test_asking_for_one_address_again_and_again_is_stopped(client, cast, letters):
    answers = [ask(client).status_code for _ in range(6)]
    assert answers == [302] * 5 + [429]
    assert ask(client, "bruno@example.org").status_code == 302
    assert len(letters()) == 6


def test_one_goes_on_to_where_one_wanted_to_go(client, cast, letters):
    assert client.get("/me").headers["Location"] == "/sign-in?next=/me"
    ask(client, next="/me?tab=1")
    answer = client.post("/sign-in/code", data={"code": code_of(letters)})
    assert answer.headers["Location"] == "/me?tab=1"


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/sign-out"]
)
def test_one_is_never_sent_elsewhere(client, cast, letters, target):
    ask(client, next=target)
    assert client.post("/sign-in/code", data={"code": code_of(letters)}).headers["Location"] == "/"


def test_signing_out_ends_this_session_only(app, cast):
    one, other = app.test_client(), app.test_client()
    one.sign_in(cast.awa)
    other.sign_in(cast.awa)
    one.post("/sign-out")
    assert not is_in(one)
    assert is_in(other)


def test_signing_out_everywhere_ends_every_session(app, cast, letters):
    one, other = app.test_client(), app.test_client()
    ask(one)
    one.post("/sign-in/code", data={"code": code_of(letters)})
    other.sign_in(cast.awa)
    assert is_in(one)
    other.post("/sign-out-everywhere")
    assert not is_in(one)
    assert not is_in(other)


def test_signing_out_cannot_be_done_by_following_a_link(client, cast):
    client.sign_in(cast.awa)
    assert client.get("/sign-out").status_code == 405
    assert is_in(client)


def test_suspension_ends_the_sessions_of_a_person(client, cast):
    client.sign_in(cast.awa)
    assert is_in(client)
    with transaction():
        operations.suspend(cast.awa, by="MARC", at=clock.now())
    assert not is_in(client)
    with transaction():
        operations.reinstate(cast.awa, by="MARC", at=clock.now())
    assert not is_in(client), "an earlier session does not come back to life"


@pytest.fixture
def demonstration(app):
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], demonstration=True)


def test_in_demonstration_one_tap_signs_in(client, cast, demonstration):
    page = client.get("/sign-in").text
    assert "Awa Diallo" in page and "Marc Petit" in page and "Inès Roux" in page
    assert client.post("/sign-in/demonstration", data={"person": "AWA"}).status_code == 302
    assert is_in(client)


def test_outside_demonstration_nobody_is_listed_and_one_tap_is_not_there(client, cast):
    assert "Awa Diallo" not in client.get("/sign-in").text
    assert client.post("/sign-in/demonstration", data={"person": "AWA"}).status_code == 404
    assert not is_in(client)


def test_in_demonstration_a_suspended_person_is_neither_listed_nor_let_in(client, cast, demonstration):
    with transaction():
        operations.suspend(cast.awa, by="MARC", at=clock.now())
    assert "Awa Diallo" not in client.get("/sign-in").text
    assert client.post("/sign-in/demonstration", data={"person": "AWA"}).status_code == 404


def test_forms_without_their_token_are_refused(app, cast, client):
    app.config["WTF_CSRF_ENABLED"] = True
    client.sign_in(cast.awa)
    for address in ("/sign-out", "/sign-out-everywhere", "/language", "/me", "/theme"):
        assert client.post(address, data={"language": "en", "theme": "dark"}).status_code == 400
    app.config["WTF_CSRF_ENABLED"] = False
    assert is_in(client)


def test_a_visitor_chooses_a_language_for_the_session(client):
    answer = client.post("/language", data={"language": "en", "next": "/sign-in"})
    assert answer.headers["Location"] == "/sign-in"
    with client:
        client.get("/sign-in")
        assert localisation.language() == "en"


def test_a_person_chooses_a_language_for_good(client, cast):
    client.sign_in(cast.awa)
    client.post("/language", data={"language": "en"})
    assert cast.awa.language == "en"
    assert client.post("/language", data={"language": "xx"}).status_code == 400


def test_the_theme_is_kept_in_a_cookie(client):
    client.post("/theme", data={"theme": "dark"})
    assert client.get_cookie("theme").value == "dark"
    assert 'data-theme="palmares-dark"' in client.get("/sign-in").text
    assert client.post("/theme", data={"theme": "pink"}).status_code == 400
