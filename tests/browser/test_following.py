"""An animator follows a challenge and writes to who has not declared yet; who is concerned reads it, others do not."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from foundation import clock
from rewards.jobs import advance_challenges
from tests.browser.conftest import PHONE, tap_in
from tests.browser.stage import publish
from tests.declarations.stage import sell

DESK = {"width": 1440, "height": 900}


@pytest.mark.parametrize(
    ("viewport", "java_script_enabled"),
    [(PHONE, True), (DESK, True), (PHONE, False)],
    ids=["phone", "desk", "phone without scripts"],
)
def test_a_message_reaches_who_has_not_declared_and_nobody_else(cast, new_context, viewport, java_script_enabled):
    publish(budget=5)
    list(advance_challenges(clock.now()))
    sell("AWA", [("CREME", 6)], name="awa-1", at=clock.now())

    studio = new_context(viewport=viewport, java_script_enabled=java_script_enabled).new_page()
    tap_in(studio, "Marc Petit")
    menu = "Menu" if viewport == PHONE else "Menu principal"
    studio.get_by_role("navigation", name=menu, exact=True).get_by_role("link", name="Studio").click()
    expect(studio.get_by_role("row", name="Automne")).to_contain_text("1 sur 4")
    studio.get_by_role("link", name="Automne", exact=True).click()
    main = studio.locator("main")
    expect(main).to_contain_text("4")
    expect(main).to_contain_text("a déclaré (25 %)")
    expect(main).to_contain_text("le palier de 5 unités")
    expect(main).to_contain_text("budget : 5,00")
    expect(main).to_contain_text("Chloé Le Gall")

    # the figures of a chart can be read as a table
    studio.locator(".chart-table summary").first.click()
    expect(studio.locator(".chart-table").first.get_by_role("row")).to_have_count(12)

    studio.get_by_role("link", name="Leur écrire").click()
    expect(studio.get_by_label("Qui n’a pas encore déclaré")).to_be_checked()
    studio.get_by_label("Message", exact=True).fill("Il reste dix jours.")
    studio.get_by_role("button", name="Relire avant d’envoyer").click()
    expect(studio.get_by_role("alert").first).to_contain_text("Écrivez de quoi il s’agit.")
    expect(studio.get_by_label("Message", exact=True)).to_have_value("Il reste dix jours.")
    studio.get_by_label("Objet").fill("Plus que dix jours")
    studio.get_by_role("button", name="Relire avant d’envoyer").click()
    expect(main).to_contain_text("3 adresses")
    studio.get_by_role("button", name="Envoyer à 3 personnes").click()
    expect(main).to_contain_text("Message envoyé à 3 personnes.")

    phone = new_context(viewport=viewport, java_script_enabled=java_script_enabled).new_page()
    tap_in(phone, "Chloé Le Gall")
    phone.get_by_role("link", name="Messages : 1 non lu").click()
    phone.get_by_role("link", name="Plus que dix jours").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Plus que dix jours")
    expect(phone.locator("main")).to_contain_text("Il reste dix jours.")
    expect(phone.get_by_role("link", name="Messages", exact=True).first).to_be_visible()
    phone.get_by_role("link", name="Voir de quoi il s’agit").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Automne")

    other = new_context(viewport=viewport, java_script_enabled=java_script_enabled).new_page()
    tap_in(other, "Awa Diallo")
    other.get_by_role("link", name="Messages", exact=True).click()
    expect(other.locator("main")).to_contain_text("Aucun message")
