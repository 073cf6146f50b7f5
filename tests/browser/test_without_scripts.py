"""A seller's whole life without scripts: all that is on a page works, and what needs a script is not there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect
from sqlalchemy import func, select

from declarations.models import Photo
from foundation import clock
from foundation.database import db
from network import topics
from network.models import Person
from rewards.jobs import advance_challenges
from tests.browser.conftest import Demonstration
from tests.browser.stage import publish, refused_sale
from tests.browser.test_appearance import DARK
from tests.browser.test_every_page import SOMEBODY, pages
from tests.cast import Cast
from tests.declarations.stage import sell
from tests.declarations.test_views import picture

# Buttons in sight that would do nothing when pressed: outside a form, or made for a script.
DEAD = """() => [...document.querySelectorAll("button, a:not([href]), [role=button]")]
    .filter((one) => one.checkVisibility() && (one.type === "button" || (one.localName === "button" && !one.form)
        || one.localName !== "button"))
    .map((one) => one.ariaLabel || one.innerText)"""


@pytest.fixture
def awas(cast: Cast, new_context: Callable[..., BrowserContext], sign_in: Callable[[Page, Person], None]) -> Page:
    """Awa's phone, that runs no script."""
    publish(proof="optional")
    list(advance_challenges(clock.now()))
    sell("AWA", [("CREME", 2)], name="yesterday", at=clock.now() - timedelta(days=1))
    page = new_context(java_script_enabled=False).new_page()
    sign_in(page, cast.awa)
    return page


def test_a_sale_with_a_photo_is_told_corrected_withdrawn_and_told_again(awas: Page):
    page = awas
    page.goto("/declare")
    chips = page.get_by_role("group", name="Produits récents")
    chips.get_by_role("button", name="Crème de jour").click()
    page.get_by_role("button", name="Garder Crème de jour parmi mes favoris").click()
    expect(page.get_by_role("button", name="Garder Crème de jour parmi mes favoris")).to_have_attribute(
        "aria-pressed", "true"
    )
    page.get_by_label("Chercher un produit, un code").fill("serum")
    page.get_by_role("button", name="Chercher").locator("visible=true").click()
    page.locator("#declare-results").get_by_role("button", name="Sérum éclat").click()
    page.get_by_label("Unités : Sérum éclat").fill("2")
    page.get_by_label("En boutique").check()
    page.get_by_text("L’avis du client").click()
    page.get_by_label("5 étoiles").check()
    page.locator("input[type=file]").set_input_files(
        {"name": "ticket.jpg", "mimeType": "image/jpeg", "buffer": picture().getvalue()}
    )
    page.get_by_role("button", name="Envoyer").click()
    page.wait_for_url("**/declarations/*")
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(Photo)) == 1
    page.get_by_role("link", name="Corriger").click()
    page.get_by_label("Unités : Sérum éclat").fill("1")
    page.get_by_role("button", name="Corriger").click()
    expect(page.locator("main")).to_contain_text("1 version précédente")
    page.get_by_role("link", name="Retirer").click()
    page.get_by_role("button", name="Retirer la vente").click()
    expect(page.locator("main")).to_contain_text("Vente retirée")
    page.goto("/")
    page.get_by_role("link", name="Redéclarer").first.click()
    page.get_by_role("button", name="Envoyer").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("+")


def test_a_code_that_is_typed_finds_its_product(awas: Page):
    page = awas
    page.goto("/declare")
    page.get_by_label("Chercher un produit, un code").fill("3600000000030")
    page.get_by_role("button", name="Chercher").locator("visible=true").click()
    page.locator("#declare-results").get_by_role("button", name="Rouge velours").click()
    expect(page.get_by_label("Unités : Rouge velours")).to_have_value("1")


def test_nothing_on_the_pages_waits_for_a_script(demonstration: Demonstration):
    signed_in = demonstration.enter(SOMEBODY["reseller"]).context.cookies()
    context = demonstration.new_context(java_script_enabled=False, color_scheme="dark")
    context.add_cookies(signed_in)  # type: ignore[arg-type]
    page = context.new_page()
    dead = []
    for some in pages(demonstration.app, "reseller").values():
        page.goto(some[0])
        dead += [f"{some[0]}: {name}" for name in page.evaluate(DEAD)]
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == DARK
    assert dead == []


def test_a_refusal_is_contested_messages_are_read_and_one_leaves(awas: Page, cast: Cast):
    page = awas
    sale = refused_sale()
    page.goto(f"/declarations/{sale}")
    page.get_by_role("button", name="Contester ce refus").click()
    expect(page.locator("main")).to_contain_text("En vérification")
    page.goto("/notices")
    page.get_by_role("button", name="Tout marquer comme lu").click()
    expect(page.get_by_role("link", name="Messages", exact=True)).to_be_visible()
    page.goto("/ranking")
    expect(page.get_by_role("heading", level=1)).to_have_text("Classement")
    page.locator(".user-menu summary").click()
    page.get_by_role("button", name="Se déconnecter", exact=True).click()
    expect(page).to_have_url("/sign-in")


def test_what_one_wants_to_be_told_is_chosen_and_kept(awas: Page, cast: Cast):
    page = awas

    def box(topic: str, way: str) -> Locator:
        return page.locator("#notifications").get_by_role("group", name=topic).get_by_label(way, exact=True)

    changes = (
        ("Résumé de la semaine, le lundi", "E-mail", False),
        ("Messages de l’animateur", "Notification", False),
        ("Résultats", "E-mail", True),
    )
    page.goto("/me")
    for topic, way, wanted in changes:
        expect(box(topic, way)).to_be_checked(checked=not wanted)
        box(topic, way).set_checked(wanted)
    page.locator("#notifications").get_by_role("button", name="Enregistrer").click()
    expect(page.get_by_text("C’est enregistré.")).to_be_in_viewport()

    page.goto("/")
    page.locator(".user-menu summary").click()
    page.get_by_role("link", name="Mon profil et mes données").click()
    for topic, way, wanted in changes:
        expect(box(topic, way)).to_be_checked(checked=wanted)
    # what was not touched is as it was
    expect(box("Résultats", "Notification")).to_be_checked()
    expect(box("Messages de l’animateur", "E-mail")).to_be_checked()
    db.session.rollback()
    chosen = topics.choices_of(cast.awa.id)
    assert chosen["digest"] == {"push": None, "mail": False}
    assert chosen["announcement"] == {"push": False, "mail": True}
    assert chosen["results"] == {"push": True, "mail": True}
