"""An animator publishes a challenge, changes it, extends it, ends it early and calls another off; a participant reads
each of these where they play."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from challenges.definition import definition_from
from challenges.imports import import_challenge
from foundation import clock
from foundation.transactions import transaction
from rewards.jobs import advance_challenges
from tests.browser.conftest import PHONE, tap_in
from tests.browser.stage import AUTUMN, day, publish

DESK = {"width": 1440, "height": 900}


def act(page: Page, words: str, code: str = "automne") -> None:
    """From the challenge's page in the studio to a decision."""
    page.goto(f"/studio/{code}")
    page.locator("main").get_by_role("link", name=words).click()


def confirm(page: Page, code: str = "automne") -> None:
    """Read what it changes, then do it."""
    page.get_by_role("button", name="Voir ce que cela change").click()
    expect(page.locator("main")).to_contain_text("Rien n’est encore fait")
    page.get_by_role("button", name="Confirmer").click()
    page.wait_for_url(f"**/studio/{code}")


@pytest.mark.parametrize(
    ("viewport", "java_script_enabled"),
    [(PHONE, True), (DESK, True), (PHONE, False)],
    ids=["phone", "desk", "phone without scripts"],
)
def test_a_challenge_is_published_changed_extended_ended_early_and_another_called_off(
    cast, new_context, viewport, java_script_enabled
):
    with transaction():
        dates = {"starts_on": day(-3), "ends_on": day(20)}
        import_challenge(definition_from(AUTUMN | dates), by="MARC", at=clock.now())
    publish(code="autre", name="Autre")
    list(advance_challenges(clock.now()))
    studio = new_context(viewport=viewport, java_script_enabled=java_script_enabled).new_page()
    tap_in(studio, "Marc Petit")
    main = studio.locator("main")

    studio.goto("/studio/automne/publication")
    expect(main).to_contain_text("4 personnes")
    studio.get_by_role("button", name="Publier le challenge").click()
    studio.wait_for_url("**/studio/automne")
    expect(main).to_contain_text("4 personnes participent")
    list(advance_challenges(clock.now()))

    phone = new_context(viewport=PHONE, java_script_enabled=java_script_enabled).new_page()
    tap_in(phone, "Awa Diallo")
    seen = phone.locator("main")

    act(studio, "Changer le règlement")
    rules = studio.get_by_label("Règles, plafonds, gains et budget")
    text = rules.input_value()
    rules.fill(text.replace('counts = "units"', 'counts = "unites"'))
    studio.get_by_label("Ce que les participants liront").fill("Le soin vaut double.")
    studio.get_by_role("button", name="Voir ce que cela change").click()
    expect(studio.get_by_role("alert")).to_contain_text("Ligne ")
    rules.fill(text.replace("points = 10\n", "points = 20\n"))
    expect(studio.get_by_label("Ce que les participants liront")).to_have_value("Le soin vaut double.")
    confirm(studio)
    phone.goto("/challenges/automne")
    expect(seen).to_contain_text("Le soin vaut double.")
    expect(seen).to_contain_text("Vous gagnez 10 points")

    act(studio, "Prolonger")
    studio.get_by_label("Nouveau dernier jour").fill(day(30))
    studio.get_by_label("Ce que les participants liront").fill("Dix jours de plus.")
    confirm(studio)
    act(studio, "Terminer plus tôt")
    studio.get_by_label("Raison, que les participants liront").fill("Rupture de stock.")
    confirm(studio)
    phone.goto("/challenges/automne")
    expect(seen).to_contain_text("Dix jours de plus.")
    expect(seen).to_contain_text("Rupture de stock.")

    act(studio, "Annuler ce challenge…", "autre")
    studio.get_by_label("Raison, que les participants liront").fill("Produit retiré.")
    studio.get_by_role("button", name="Annuler le challenge").click()
    studio.wait_for_url("**/studio/autre")
    phone.goto("/challenges/autre")
    expect(seen).to_contain_text("Produit retiré.")
