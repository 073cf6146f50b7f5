"""An animator writes a challenge, publishes it, and answers the sales that wait."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from foundation import clock
from rewards.jobs import advance_challenges
from tests.browser.conftest import LAPTOP, tap_in
from tests.browser.stage import day, publish
from tests.declarations.stage import sell


def row(page: Page, name: str):
    """A field of the form by its name: rows of rules share their labels."""
    return page.locator(f"[name={name}]")


@pytest.mark.parametrize("java_script_enabled", [True, False], ids=["with scripts", "without scripts"])
def test_a_challenge_is_written_previewed_published_and_played(cast, new_context, java_script_enabled, page: Page):
    studio = new_context(viewport=LAPTOP, java_script_enabled=java_script_enabled).new_page()
    studio.on("dialog", lambda dialog: dialog.accept())
    tap_in(studio, "Marc Petit")
    studio.goto("/studio")
    studio.get_by_role("link", name="Nouveau challenge").first.click()

    # half of it, with a mistake: it is explained, nothing typed is lost
    studio.get_by_label("Code", exact=True).fill("soins-d-hiver")
    studio.get_by_label("Nom", exact=True).fill("Soins d’hiver")
    studio.get_by_label("Premier jour").fill(day(1))
    studio.get_by_label("Dernier jour").fill(day(-3))
    row(studio, "rule1_counts").select_option("units")
    row(studio, "rule1_points").fill("10")
    row(studio, "rule1_category").select_option("Soin")
    studio.get_by_role("button", name="Enregistrer le brouillon").click()
    expect(studio.get_by_role("alert").first).to_contain_text("rien n’est perdu")
    expect(studio.get_by_label("Nom", exact=True)).to_have_value("Soins d’hiver")

    studio.get_by_label("Premier jour").fill(day(-1))
    studio.get_by_label("Dernier jour").fill(day(20))
    studio.locator("summary").filter(has_text="Règle 2").click()
    row(studio, "rule2_counts").select_option("feedback")
    row(studio, "rule2_points").fill("15")
    row(studio, "rule2_min_comment").fill("20")
    studio.locator("summary").filter(has_text="Règle 3").click()
    row(studio, "rule3_counts").select_option("value")
    row(studio, "rule3_points").fill("1")
    row(studio, "rule3_per").fill("10")
    row(studio, "rule3_cap").fill("50")
    row(studio, "rank1_from").fill("1")
    row(studio, "rank1_to").fill("3")
    row(studio, "rank1_wallet").fill("500")
    row(studio, "convert_every").fill("10")
    row(studio, "convert_into").fill("1")

    studio.get_by_role("button", name="Voir l'aperçu").click()
    preview = studio.locator("#preview")
    expect(preview).to_contain_text("Vous gagnez 10 points par unité de la catégorie Soin")
    expect(preview).to_contain_text("commentaire d'au moins 20 caractères")
    expect(preview).to_contain_text("4 personnes aujourd'hui")
    expect(preview).not_to_contain_text("les règles du brouillon enregistré sont figées")  # nothing is saved yet

    studio.get_by_role("button", name="Enregistrer le brouillon").click()
    expect(studio.locator("main")).to_contain_text("Brouillon enregistré.")
    tap_in(page, "Awa Diallo")
    page.goto("/challenges")
    expect(page.locator("main")).not_to_contain_text("Soins d’hiver")

    studio.get_by_role("button", name="Publier").click()
    expect(studio.locator("main")).to_contain_text("Le challenge est publié. Participants : 4.")
    list(advance_challenges(clock.now()))

    page.goto("/challenges")
    page.get_by_role("link", name="Soins d’hiver").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Soins d’hiver")
    expect(page.locator("main")).to_contain_text("Vous gagnez 10 points par unité de la catégorie Soin")
    expect(page.locator("main")).to_contain_text("500 points de cagnotte")
    page.get_by_role("link", name="Lire le règlement complet").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.goto("/declare")
    page.get_by_role("group", name="Produits récents").get_by_role("button", name="Crème de jour").click()
    page.get_by_label("En boutique").check()
    expect(page.locator("#expected")).to_contain_text("+11")  # 1 × 10, and 12 € make one step of 10 €


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
