"""An animator answers the sales that wait."""

from __future__ import annotations

from datetime import timedelta

from playwright.sync_api import Page, expect

from foundation import clock
from rewards.jobs import advance_challenges
from tests.browser.conftest import LAPTOP, tap_in
from tests.browser.stage import publish
from tests.declarations.stage import sell


def test_a_sale_that_waits_is_accepted_another_refused_with_a_reason(cast, page: Page, new_context):
    publish()
    list(advance_challenges(clock.now()))
    for name, minutes in (("large-1", 60), ("large-2", 30)):
        sell("AWA", [("CREME", 1_500)], name=name, at=clock.now() - timedelta(minutes=minutes))

    tap_in(page, "Awa Diallo")
    expect(page.locator("main")).to_contain_text("En vérification")
    expect(page.locator(".hero-number")).to_contain_text("0")

    desk = new_context(viewport=LAPTOP).new_page()
    tap_in(desk, "Marc Petit")
    desk.get_by_role("link", name="Vérifier").first.click()
    expect(desk.locator("main")).to_contain_text("2 ventes attendent une réponse")
    expect(desk.locator("main")).to_contain_text("Une ligne compte beaucoup d’unités.")
    expect(desk.get_by_role("button", name="Accepter")).to_be_focused()
    desk.keyboard.press("Enter")
    expect(desk.locator("main")).to_contain_text("Vente acceptée.")
    expect(desk.locator("main")).to_contain_text("1 vente attend une réponse")

    desk.get_by_role("button", name="Refuser", exact=True).click()
    expect(desk.get_by_role("alert").first).to_contain_text("Choisissez une raison.")
    desk.get_by_label("Raison").select_option(label="Quantité inexacte")
    desk.get_by_label("Une phrase pour la personne").fill("Le bon dit 15, pas 1 500.")
    desk.get_by_role("button", name="Refuser", exact=True).click()
    expect(desk.locator("main")).to_contain_text("Vente refusée ; la personne voit la raison.")
    expect(desk.locator("main")).to_contain_text("Tout est vérifié")

    page.goto("/")
    expect(page.locator(".hero-number")).to_contain_text("15")  # 15 000 and the step of 5 units
    page.goto("/declarations?status=rejected")
    page.get_by_role("link").filter(has_text="Crème de jour").click()
    expect(page.get_by_role("alert").or_(page.locator(".alert")).first).to_contain_text("Quantité inexacte")
    expect(page.locator("main")).to_contain_text("Le bon dit 15, pas 1 500.")
