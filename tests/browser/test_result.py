"""The result of a closed challenge on a phone and at a desk, in both languages: what was won, what is kept back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask.testing import FlaskCliRunner
from playwright.sync_api import expect
from sqlalchemy import update

from foundation import clock
from foundation.database import db
from foundation.transactions import transaction
from network.models import Outlet
from tests.browser.conftest import PHONE
from tests.browser.stage import publish, today
from tests.declarations.stage import sell

DESK = {"width": 1440, "height": 900}
SAID = {
    "fr": ("Votre place", "Gardé pour vous", "Un de vos gains attend l’accord de votre employeur"),
    "en": ("Your place", "Kept for you", "One of your prizes waits for your employer’s agreement"),
}


def close(runner: FlaskCliRunner) -> None:
    """Close the autumn challenge: Awa came first and her employer has given up its agreement since her sales."""
    now = clock.now()
    publish(starts=-35, ends=-8, at=now - timedelta(days=40))
    sell("AWA", [("CREME", 7)], name="a", at=now - timedelta(days=20))
    sell("BRUNO", [("CREME", 3)], name="b", at=now - timedelta(days=15))
    with transaction():
        db.session.execute(update(Outlet).where(Outlet.code == "PDV-BREST").values(agreement_on=None))
    runner.run("jobs", "run", "--at", now.isoformat())


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize(("size", "scheme"), [(PHONE, "light"), (DESK, "dark")], ids=["phone", "desk"])
def test_whose_prizes_are_held_reads_why_and_what_comes_next(
    cast, runner: FlaskCliRunner, new_context, sign_in, size, scheme, language: str
):
    with transaction():
        cast.awa.language = language
    close(runner)
    place, kept, told = SAID[language]
    page = new_context(viewport=size, color_scheme=scheme).new_page()
    sign_in(page, cast.awa)
    page.goto("/notices")
    expect(page.locator("main")).to_contain_text(told)
    page.goto("/challenges/automne/result")
    main = page.locator("main")
    expect(main.get_by_role("heading", name=place)).to_be_visible()
    expect(main.get_by_text(kept, exact=True)).to_have_count(2)
    assert page.evaluate("() => document.scrollingElement.scrollWidth <= window.innerWidth"), "nothing is cut off"

    # the picture of the podium, with consent
    main.locator("button[name=agreed]").click()
    picture = main.locator("img[src*=podium]")
    expect(picture).to_be_visible()
    assert picture.evaluate("async (one) => { await one.decode(); return one.naturalWidth; }") == 1080


def test_once_the_agreement_is_back_the_prizes_are_there(cast, runner: FlaskCliRunner, page, sign_in):
    close(runner)
    with transaction():
        back = update(Outlet).where(Outlet.code == "PDV-BREST").values(agreement_on=today() - timedelta(days=60))
        db.session.execute(back)
    runner.run("jobs", "run")
    sign_in(page, cast.awa)
    page.goto("/notices")
    expect(page.locator("main")).to_contain_text("votre gain vous est remis")
    page.goto("/challenges/automne/result")
    expect(page.locator("main")).to_contain_text("il vous a été remis le")
    expect(page.locator("main").get_by_text("Gardé pour vous", exact=True)).to_have_count(0)
    page.goto("/points")
    expect(page.locator(".hero-number")).to_contain_text("112")


def test_an_animator_stops_a_series_after_a_question(cast, new_context, sign_in):
    publish(code="semaine", name="La semaine", starts=0, ends=6, repeat="weekly", payouts=[])
    marc = new_context(viewport=PHONE).new_page()
    sign_in(marc, cast.marc)
    marc.goto("/studio/semaine")
    marc.get_by_role("link", name="Arrêter la répétition…").click()
    expect(marc.get_by_role("heading", name="Arrêter la répétition ?")).to_be_visible()
    marc.wait_for_load_state()  # with its stylesheet
    assert marc.evaluate("() => document.scrollingElement.scrollWidth <= window.innerWidth")
    marc.get_by_role("button", name="Arrêter la répétition").click()
    expect(marc.locator("main")).to_contain_text("Répétition arrêtée")
    expect(marc.get_by_role("link", name="Arrêter la répétition…")).to_have_count(0)
