"""A seller spends points, staff prepare the order, a voucher is read by its owner."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE
from tests.browser.stage import fill_shelves, last_code
from tests.rewards.shop import balance

WIDE = {"width": 1440, "height": 900}


@pytest.fixture
def shelves(cast):
    """The shop, and Awa's points for it; orders above 200 points ask for a code."""
    fill_shelves(cast.awa)


@pytest.mark.parametrize(
    ("size", "java_script_enabled"),
    [(PHONE, True), (WIDE, True), (PHONE, False)],
    ids=["phone", "laptop", "phone without scripts"],
)
def test_an_order_from_the_catalogue_to_the_door(cast, shelves, new_context, sign_in, size, java_script_enabled):
    awa: Page = new_context(viewport=size, java_script_enabled=java_script_enabled).new_page()
    marc: Page = new_context(viewport=size, java_script_enabled=java_script_enabled).new_page()
    sign_in(awa, cast.awa)
    sign_in(marc, cast.marc)

    # what can be afforded comes first; the rest says what is missing
    awa.goto("/rewards")
    titles = awa.locator("#rewards h2").all_inner_texts()
    assert titles == ["Bon de 10 €", "Sac de plage", "Week-end à Saint-Malo"]
    expect(awa.locator("#rewards")).to_contain_text(re.compile(r"encore 1.000 pts"))

    # one question, an address, a fresh code
    awa.get_by_role("link", name="Sac de plage").click()
    awa.get_by_role("link", name="Commander", exact=True).click()
    awa.get_by_label("Adresse de livraison").fill("Awa Diallo\n3 rue du Port\n29200 Brest")
    awa.get_by_role("button", name="Recevoir un code").click()
    expect(awa.get_by_label("Adresse de livraison")).to_have_value("Awa Diallo\n3 rue du Port\n29200 Brest")
    awa.get_by_label("Le code à six chiffres").fill(last_code())
    awa.get_by_role("button", name=re.compile("Commander pour 300")).click()
    expect(awa.locator("main")).to_contain_text("C’est commandé.")
    expect(awa.locator("main")).to_contain_text("Commandée")
    assert balance(cast.awa) == 200

    # staff accept, send, and say that it has arrived
    marc.goto("/studio/orders")
    expect(marc.locator("main")).to_contain_text("3 rue du Port")
    marc.get_by_role("button", name="Accepter").click()
    marc.get_by_role("link", name="À préparer").click()
    marc.get_by_label("Suivi").fill("Colis 6A0042")
    marc.get_by_role("button", name="Marquer comme partie").click()
    awa.reload()
    expect(awa.locator("main")).to_contain_text("Colis 6A0042")
    marc.get_by_role("link", name="Parties").click()
    marc.get_by_role("button", name="Marquer comme arrivée").click()
    awa.goto("/orders")
    expect(awa.locator("#orders")).to_contain_text("Reçue")
    awa.get_by_role("link", name="Sac de plage").click()
    expect(awa.locator("main")).not_to_contain_text("rue du Port")

    # a voucher: accepted, it has its code, which its owner alone reads
    awa.goto("/rewards/BON/order")
    awa.get_by_role("button", name=re.compile("Commander pour 150")).click()
    marc.goto("/studio/orders")
    marc.get_by_role("button", name="Accepter").click()
    awa.reload()
    expect(awa.locator("main")).not_to_contain_text("PLAGE-2026-XYZ")
    awa.get_by_role("button", name="Lire mon code").click()
    expect(awa.locator(".voucher-code")).to_have_text("PLAGE-2026-XYZ")
    assert balance(cast.awa) == 50


def test_a_queue_is_cleared_with_the_keyboard(cast, shelves, new_context, sign_in, page):
    sign_in(page, cast.awa)
    page.goto("/rewards/BON/order")
    page.get_by_role("button", name=re.compile("Commander pour 150")).click()
    page.wait_for_url("**/orders/*")
    marc = new_context(viewport=WIDE).new_page()
    sign_in(marc, cast.marc)
    marc.goto("/studio/orders")
    marc.keyboard.press("Enter")  # the first button has the focus
    expect(marc.locator("main")).to_contain_text("La commande est acceptée.")
    expect(marc.locator("main")).to_contain_text("Rien ici")
