"""A sale told faster than the network answers: every tap counts, and what comes late takes nothing back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from sqlalchemy import func, select

from catalogue.models import Product
from declarations.models import Line, Revision
from foundation import clock
from foundation.database import db
from foundation.transactions import transaction
from network.models import Person
from rewards.jobs import advance_challenges
from tests.browser.conftest import PHONE
from tests.browser.stage import publish
from tests.cast import Cast
from tests.declarations.stage import sell

LATENCY = 600  # ms before an answer begins
BETWEEN = 400  # ms between two taps of the same thumb
PRODUCTS = {"CREME": "Crème de jour", "SERUM": "Sérum éclat", "ROUGE": "Rouge velours", "BAUME": "Baume du soir"}


def slow(page: Page) -> None:
    """From now on the network answers late."""
    wire = page.context.new_cdp_session(page)
    wire.send("Network.enable")
    conditions = {"offline": False, "latency": LATENCY, "downloadThroughput": -1, "uploadThroughput": -1}
    wire.send("Network.emulateNetworkConditions", conditions)


@pytest.fixture
def awas(cast: Cast, page: Page, sign_in: Callable[[Page, Person], None]) -> Iterator[Page]:
    """Awa's phone on the declare form, on a slow network; a fortnight ago she sold four products."""
    publish()
    list(advance_challenges(clock.now()))
    with transaction():
        db.session.add(
            Product(sku="BAUME", ean="", name="Baume du soir", category="Soin", family="", list_price_cents=1_200)
        )
    sell("AWA", [(sku, 1) for sku in PRODUCTS], name="before", at=clock.now() - timedelta(days=15))
    sign_in(page, cast.awa)
    page.goto("/declare")
    slow(page)
    yield page


def chip(page: Page, name: str) -> Locator:
    """A recent product."""
    return page.get_by_role("group", name="Produits récents").get_by_role("button", name=name)


def units(page: Page, name: str) -> Locator:
    """How many of a product are in the sale."""
    return page.get_by_label(f"Unités : {name}")


def last_sale() -> dict[str, int]:
    """The units of each product of the sale that was told or corrected last."""
    db.session.rollback()
    last = select(func.max(Revision.id)).scalar_subquery()
    return dict(db.session.execute(select(Line.sku, Line.units).where(Line.revision_id == last)).all())


def test_four_products_tapped_one_after_the_other_are_four_products(awas: Page):
    page = awas
    for name in PRODUCTS.values():
        chip(page, name).click()
        page.wait_for_timeout(BETWEEN)
    expect(page.locator("#lines li")).to_have_count(4)
    expect(page.locator("#expected")).to_contain_text("+30")  # three of them are care
    for name in PRODUCTS.values():
        expect(units(page, name)).to_have_value("1")
        expect(chip(page, name)).to_have_attribute("aria-pressed", "true")


def test_units_added_while_another_product_is_on_its_way_stay(awas: Page):
    page = awas
    chip(page, "Crème de jour").click()
    expect(units(page, "Crème de jour")).to_have_value("1")
    chip(page, "Sérum éclat").click()
    more = units(page, "Crème de jour").locator("xpath=..").get_by_role("button", name="Plus")
    more.click()
    more.click()
    expect(page.locator("#expected")).to_contain_text("+40")
    expect(units(page, "Crème de jour")).to_have_value("3")
    expect(units(page, "Sérum éclat")).to_have_value("1")


def test_a_sale_sent_at_once_is_sent_whole(awas: Page):
    page = awas
    chip(page, "Crème de jour").click()
    chip(page, "Sérum éclat").click()
    page.get_by_role("button", name="Envoyer").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("+20")
    assert last_sale() == {"CREME": 1, "SERUM": 1}


def test_a_favourite_is_kept_while_the_sale_goes_on(awas: Page):
    page = awas
    chip(page, "Crème de jour").click()
    star = page.get_by_role("button", name="Garder Crème de jour parmi mes favoris")
    star.click()
    chip(page, "Sérum éclat").click()
    units(page, "Crème de jour").fill("3")
    expect(star).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#declare-chips button").first).to_have_text("Crème de jour")
    for name, count in (("Crème de jour", "3"), ("Sérum éclat", "1")):
        expect(units(page, name)).to_have_value(count)
        expect(chip(page, name)).to_have_attribute("aria-pressed", "true")
    expect(chip(page, "Rouge velours")).not_to_have_attribute("aria-pressed", "true")


def test_what_a_search_finds_too_late_does_not_come_back(awas: Page):
    page = awas
    search = page.get_by_label("Chercher un produit, un code")
    search.press_sequentially("seru")
    found = page.locator("#declare-results").get_by_role("button", name="Sérum éclat")
    expect(found).to_be_visible()
    with page.expect_response("**/declare/products?q=serum"):
        with page.expect_request("**/declare/products?q=serum"):
            search.press_sequentially("m")
        found.click()
    expect(page.locator("#expected")).to_contain_text("+10")  # an answer that was asked for later is there
    expect(page.locator("#declare-results")).to_be_empty()
    expect(search).to_have_value("")
    expect(units(page, "Sérum éclat")).to_have_value("1")


def test_nor_in_a_meeting(awas: Page, cast: Cast, sign_in: Callable[[Page, Person], None]):
    page = awas
    sign_in(page, cast.nina)
    page.goto("/declare/meeting")
    search = page.get_by_label("Chercher un produit, un code")
    search.press_sequentially("seru")
    found = page.locator("#declare-results").get_by_role("button", name="Sérum éclat")
    expect(found).to_be_visible()
    late = "**/declare/products?place=meeting&q=serum"
    with page.expect_response(late):
        with page.expect_request(late):
            search.press_sequentially("m")
        found.click()
    page.get_by_label("Sérum éclat", exact=True).first.fill("1")
    expect(page.locator("#expected")).to_contain_text("+10")  # an answer that was asked for later is there
    expect(page.locator("#declare-results")).to_be_empty()


def test_a_correction_takes_every_tap_too(awas: Page):
    page = awas
    chip(page, "Crème de jour").click()
    page.get_by_role("button", name="Envoyer").click()
    page.get_by_role("link", name="Corriger").click()
    page.wait_for_url("**/correction")
    chip(page, "Sérum éclat").click()
    chip(page, "Crème de jour").click()
    page.get_by_role("button", name="Retirer Crème de jour").click()
    chip(page, "Rouge velours").click()
    page.get_by_role("button", name="Corriger").click()
    page.wait_for_url(lambda url: "/correction" not in url)
    assert last_sale() == {"SERUM": 1, "ROUGE": 1}


@pytest.fixture
def unwatched(awas: Page, chromium: Browser, address: str) -> Iterator[Page]:
    """Awa's phone in a browser nobody watches: when the network fails its console complains."""
    context = chromium.new_context(base_url=address, viewport=PHONE, locale="fr-FR", timezone_id="Europe/Paris")
    context.add_cookies(awas.context.cookies())  # type: ignore[arg-type]
    page = context.new_page()
    page.goto("/declare")
    yield page
    context.close()


def test_without_network_what_is_chosen_looks_chosen_and_a_star_says_that_it_waits(unwatched: Page):
    page = unwatched
    page.context.set_offline(True)
    for name in ("Crème de jour", "Sérum éclat", "Crème de jour"):
        chip(page, name).click()
    for name in ("Crème de jour", "Sérum éclat"):
        expect(chip(page, name)).to_have_attribute("aria-pressed", "true")
    expect(chip(page, "Rouge velours")).not_to_have_attribute("aria-pressed", "true")
    expect(page.locator("#expected")).to_contain_text("Hors ligne : les points seront dits à l’envoi.")
    page.get_by_role("button", name="Garder Crème de jour parmi mes favoris").click()
    expect(page.get_by_role("status").filter(has_text="Ce favori n’a pas pu être gardé")).to_be_in_viewport()
    page.get_by_role("button", name="Retirer Sérum éclat").click()
    expect(chip(page, "Sérum éclat")).not_to_have_attribute("aria-pressed", "true")
    expect(page.locator("#lines li")).to_have_count(1)
    expect(units(page, "Crème de jour")).to_have_value("2")


def test_a_server_that_fails_takes_nothing_from_the_sale(unwatched: Page):
    page = unwatched
    page.route("**/declare/**", lambda route: route.fulfill(status=500, body="<h1>broken</h1>"))
    chip(page, "Crème de jour").click()
    chip(page, "Sérum éclat").click()
    expect(page.locator("#expected")).to_contain_text("les points seront dits à l’envoi")
    page.get_by_role("button", name="Garder Sérum éclat parmi mes favoris").click()
    expect(page.get_by_role("status").filter(has_text="Ce favori n’a pas pu être gardé")).to_be_visible()
    page.get_by_role("button", name="Envoyer").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("+20")
    assert last_sale() == {"CREME": 1, "SERUM": 1}
