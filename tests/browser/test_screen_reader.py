"""What a screen reader is given: where one is, the name of every control as it is seen, and what changes is said."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from foundation import clock
from network.models import Person
from rewards.jobs import advance_challenges
from tests.browser.conftest import PHONE, Demonstration
from tests.browser.stage import publish
from tests.browser.test_every_page import SOMEBODY, pages
from tests.cast import Cast
from tests.declarations.stage import sell

# Headings that skip a level, controls whose name does not hold the words that are seen on them, landmarks without a
# name of their own, and fields without any.
UNCLEAR = """() => {
    const faults = [];
    const shown = (one) => one.checkVisibility({ visibilityProperty: true });
    let level = 0;
    for (const heading of [...document.querySelectorAll("h1, h2, h3, h4, h5")].filter(shown)) {
        const next = Number(heading.localName[1]);
        if (next > level + 1) faults.push(`h${next} after h${level}: ${heading.innerText}`);
        level = next;
    }
    for (const kind of ["main", "header.site-header"])
        if (document.querySelectorAll(kind).length !== 1) faults.push(`not one ${kind}`);
    const names = [...document.querySelectorAll("nav")].filter(shown).map((one) => one.ariaLabel);
    if (names.includes(null) || new Set(names).size < names.length) faults.push(`navigations named ${names}`);
    const plain = (text) => text.toLowerCase().replace(/[^\\p{L}\\p{N}]+/gu, " ").trim();
    for (const one of [...document.querySelectorAll("a[aria-label], button[aria-label]")].filter(shown)) {
        const seen = plain(one.innerText);
        const hidden = one.querySelector("[aria-hidden=true]:not(svg)");
        if (seen && !hidden && !plain(one.ariaLabel).includes(seen))
            faults.push(`“${one.innerText}” is called “${one.ariaLabel}”`);
    }
    for (const one of [...document.querySelectorAll("input:not([type=hidden]), select, textarea")].filter(shown))
        if (!one.ariaLabel && !one.labels.length && !one.getAttribute("aria-labelledby"))
            faults.push(`no name: ${one.name}`);
    return faults;
}"""


@pytest.mark.parametrize("role", ["reseller", "animator"])
def test_every_page_has_its_landmarks_headings_and_names(demonstration: Demonstration, role: str):
    page = demonstration.enter(SOMEBODY[role])
    wrong = []
    for some in pages(demonstration.app, role).values():
        page.goto(some[0])
        page.evaluate("() => document.querySelectorAll('main details').forEach((fold) => (fold.open = true))")
        wrong += [f"{some[0]}: {fault}" for fault in page.evaluate(UNCLEAR)]
    assert wrong == []


@pytest.fixture
def awas(cast: Cast, page: Page, sign_in: Callable[[Page, Person], None]) -> Iterator[Page]:
    """Awa's phone."""
    publish()
    list(advance_challenges(clock.now()))
    sell("AWA", [("CREME", 2)], name="yesterday", at=clock.now() - timedelta(days=1))
    sign_in(page, cast.awa)
    yield page


def test_the_declare_form_reads_in_the_order_of_a_sale(awas: Page):
    page = awas
    page.goto("/declare")
    page.get_by_role("group", name="Produits récents").get_by_role("button", name="Crème de jour").click()
    expect(page.locator("#lines li")).to_be_focused()
    expect(page.get_by_role("status").filter(has_text=re.compile(r"\+20|\+10"))).to_be_visible()
    page.get_by_label("En boutique").check()
    expect(page.locator("main")).to_match_aria_snapshot("""
        - main:
          - heading "Déclarer une vente" [level=1]
          - region "Choisir un produit":
            - searchbox "Chercher un produit, un code"
            - group "Produits récents":
              - button "Crème de jour" [pressed]
          - list:
            - listitem:
              - button "Moins" [disabled]
              - 'spinbutton "Unités : Crème de jour"'
              - button "Plus"
              - button "Garder Crème de jour parmi mes favoris"
              - button "Retirer Crème de jour"
          - group "Où s’est faite la vente ?":
            - radio "En boutique" [checked]
            - radio "En face à face"
          - text: Date de la vente
          - textbox "Date de la vente"
          - button "Envoyer"
    """)


def test_a_mistake_is_said_beside_its_field(awas: Page):
    page = awas
    page.goto("/declare")
    page.get_by_role("group", name="Produits récents").get_by_role("button", name="Crème de jour").click()
    units = page.get_by_label("Unités : Crème de jour")
    units.fill("1000000000")
    page.get_by_label("En boutique").check()
    page.get_by_role("button", name="Envoyer").click()
    expect(page.get_by_role("alert").filter(has_text="rien n’est perdu")).to_be_focused()
    expect(units).to_have_attribute("aria-invalid", "true")
    expect(units).to_have_accessible_description(re.compile("nombre d’unités"))


def test_a_sale_kept_on_the_phone_is_said(awas: Page, chromium: Browser, address: str):
    # A browser nobody watches: without network its console complains.
    context = chromium.new_context(base_url=address, viewport=PHONE, locale="fr-FR")
    context.add_cookies(awas.context.cookies())  # type: ignore[arg-type]
    page = context.new_page()
    page.goto("/declare")
    page.get_by_role("group", name="Produits récents").get_by_role("button", name="Crème de jour").click()
    page.get_by_label("En boutique").check()
    expect(page.locator("#expected")).to_contain_text("+")
    context.set_offline(True)
    page.get_by_role("button", name="Envoyer").click()
    expect(page.get_by_role("heading", level=1, name="Votre vente est en sécurité")).to_be_focused()
    expect(page.get_by_role("main")).to_contain_text("Gardée sur ce téléphone")
    context.close()


@pytest.mark.parametrize("address", ["/", "/declare"])
def test_controls_stay_in_sight_in_high_contrast(demonstration: Demonstration, address: str):
    page = demonstration.enter(SOMEBODY["reseller"], forced_colors="active")
    page.goto(address)
    for control in page.locator("main .btn:visible, main .chip:visible, main .tile:visible").all()[:12]:
        edge = control.evaluate("(one) => getComputedStyle(one).borderTopWidth")
        assert edge != "0px", control.inner_text()
