"""A fresh code before what matters, and changing one's address."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from foundation import clock
from foundation.database import db
from foundation.models import AuditEntry
from foundation.transactions import transaction
from network import step_up


@pytest.fixture
def awa(client, cast):
    """Awa's browser."""
    client.sign_in(cast.awa)
    return client


def digits(letter) -> str:
    return re.search(r"\b(\d{6})\b", letter.text)[1]  # type: ignore[index]


def prove(browser, letters, target="/me/address") -> None:
    """Ask for a code and type it."""
    assert browser.post("/me/confirmation", data={"next": target}).status_code == 302
    answer = browser.post("/me/confirmation/code", data={"next": target, "code": digits(letters()[-1])})
    assert answer.location == target


def other_than(code: str) -> str:
    return "000000" if code != "000000" else "111111"


def test_a_code_goes_to_my_address_and_opens_the_way_for_ten_minutes(awa, letters, monkeypatch):
    assert awa.get("/me/address").location == "/me/confirmation?next=/me/address"
    prove(awa, letters)
    assert letters()[-1].recipient == "awa@example.org"
    assert awa.get("/me/address").status_code == 200
    later = clock.now() + timedelta(minutes=10)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert awa.get("/me/address").location == "/me/confirmation?next=/me/address"


def test_a_wrong_code_opens_nothing_and_five_tries_are_all(awa, letters):
    awa.post("/me/confirmation", data={"next": "/me/address"})
    right = digits(letters()[-1])
    for _ in range(5):
        assert awa.post("/me/confirmation/code", data={"code": other_than(right)}).status_code == 422
    assert awa.post("/me/confirmation/code", data={"code": right}).status_code == 422
    assert awa.get("/me/address").status_code == 302


def test_a_code_that_signs_in_confirms_nothing_and_the_other_way_round(app, awa, cast, letters):
    awa.post("/me/confirmation", data={"next": "/"})
    stranger = app.test_client()
    stranger.post("/sign-in", data={"email": "awa@example.org"})
    to_sign_in, to_confirm = digits(letters()[-1]), digits(letters()[-2])
    if to_sign_in != to_confirm:
        assert stranger.post("/sign-in/code", data={"code": to_confirm}).status_code == 422
        assert awa.post("/me/confirmation/code", data={"code": to_sign_in}).status_code == 422
    assert awa.post("/me/confirmation/code", data={"code": to_confirm}).status_code == 302
    assert stranger.post("/sign-in/code", data={"code": to_sign_in}).status_code == 302


def test_a_confirmation_ends_with_the_session(awa, cast, letters):
    prove(awa, letters)
    awa.post("/sign-out")
    awa.sign_in(cast.awa)
    assert awa.get("/me/address").status_code == 302


def test_one_confirms_for_oneself_only(app, cast, letters, client):
    client.sign_in(cast.awa)
    prove(client, letters)
    client.sign_in(cast.bruno)  # the same browser, another person
    assert client.get("/me/address").status_code == 302


def test_a_code_sent_to_somebody_else_in_the_same_browser_confirms_nothing(client, cast, letters):
    client.sign_in(cast.awa)
    client.post("/me/confirmation", data={"next": "/me/address"})
    client.sign_in(cast.bruno)
    answer = client.post("/me/confirmation/code", data={"next": "/me/address", "code": digits(letters()[-1])})
    assert answer.status_code == 422
    assert client.get("/me/address").status_code == 302


def test_no_more_than_five_codes_are_on_their_way(app, cast):
    with app.test_request_context("/"):
        for _ in range(step_up.MOST_LIVE_CODES):
            with transaction():
                step_up.ask(cast.awa, secret="s", at=clock.now())
        with pytest.raises(ValueError, match="Plusieurs codes"), transaction():
            step_up.ask(cast.awa, secret="s", at=clock.now())
        with transaction():
            step_up.ask(cast.awa, secret="s", at=clock.now() + timedelta(minutes=11))


def test_an_address_changes_once_proved_and_the_former_one_is_told(app, awa, cast, letters):
    elsewhere = app.test_client()
    elsewhere.sign_in(cast.awa)
    prove(awa, letters)
    assert awa.post("/me/address", data={"email": " Awa.Diallo@Boutique.FR "}).location == "/me/address/code"
    assert cast.awa.email == "awa@example.org"
    letter = letters()[-1]
    assert letter.recipient == "awa.diallo@boutique.fr"
    assert awa.post("/me/address/code", data={"code": other_than(digits(letter))}).status_code == 422
    assert cast.awa.email == "awa@example.org"
    assert awa.post("/me/address/code", data={"code": digits(letter)}).location == "/me"
    assert cast.awa.email == "awa.diallo@boutique.fr"
    assert letters()[-1].recipient == "awa@example.org" and "a changé" in letters()[-1].text
    assert awa.get("/me").status_code == 200  # this device stays
    assert elsewhere.get("/me").status_code == 302  # the others do not
    trail = str(db.session.execute(select(AuditEntry.act, AuditEntry.subject, AuditEntry.details)).all())
    assert "person.email_changed" in trail and "@" not in trail


def test_the_address_of_somebody_else_is_refused_only_to_who_reads_it(awa, cast, letters):
    prove(awa, letters)
    assert awa.post("/me/address", data={"email": "bruno@example.org"}).location == "/me/address/code"
    letter = letters()[-1]
    assert letter.recipient == "bruno@example.org"
    answer = awa.post("/me/address/code", data={"code": digits(letter)}, follow_redirects=True)
    assert "déjà celle d’une autre personne" in answer.text
    assert (cast.awa.email, cast.bruno.email) == ("awa@example.org", "bruno@example.org")


def test_something_that_is_no_address_is_said_beside_the_field(awa, letters):
    prove(awa, letters)
    answer = awa.post("/me/address", data={"email": "awa@"})
    assert answer.status_code == 422 and "incomplète" in answer.text


def test_who_has_no_address_is_told_whom_to_ask(awa, cast):
    with transaction():
        cast.awa.email = None
    answer = awa.post("/me/confirmation", data={"next": "/"})
    assert "Aucune adresse e-mail" in answer.text


def test_one_goes_on_within_this_site_only(awa, letters):
    awa.post("/me/confirmation", data={"next": "https://elsewhere.example"})
    answer = awa.post("/me/confirmation/code", data={"next": "//elsewhere.example", "code": digits(letters()[-1])})
    assert answer.location == "/"


def test_in_demonstration_the_code_is_on_the_page_and_elsewhere_it_never_is(app, awa, letters):
    awa.post("/me/confirmation", data={"next": "/"})
    assert digits(letters()[-1]) not in awa.get("/me/confirmation/code?next=/").text
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], demonstration=True)
    awa.post("/me/confirmation", data={"next": "/"})
    code = digits(letters()[-1])
    assert code in awa.get("/me/confirmation/code?next=/").text
    assert awa.post("/me/confirmation/code", data={"next": "/", "code": code}).location == "/"
