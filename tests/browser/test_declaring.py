"""A sale is told on a phone: what it earned and why is said at once, and the ranking moves."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import BrowserContext, Page, Request, expect
from sqlalchemy import func, select

from declarations import favourites
from declarations.models import Declaration
from foundation import clock
from foundation.database import db
from network.models import Person
from rewards.jobs import advance_challenges
from tests.browser.conftest import tap_in
from tests.browser.stage import publish
from tests.declarations.stage import sell

COMMENT = "Elle revient pour la crème, qu’elle trouve très douce."


@pytest.fixture
def autumn(cast):
    """A running challenge in which Chloé has 30 points and Awa none yet."""
    publish()
    list(advance_challenges(clock.now()))
    sell("CHLOE", [("CREME", 3)], name="rival", at=clock.now() - timedelta(days=1))


def points_and_rank(page: Page) -> tuple[str, str]:
    """What the board of the home page says: points, rank."""
    page.goto("/")
    board = page.locator(".hero-board")
    return board.locator(".hero-number").inner_text(), board.locator(".hero-rank").inner_text()


def sales_in_the_books() -> int:
    """How many sales Awa has declared."""
    db.session.rollback()
    awas = select(func.count()).select_from(Declaration).join(Person).where(Person.code == "AWA")
    return db.session.scalar(awas) or 0


def test_a_sale_declared_on_a_phone_earns_points_and_a_rank(cast, autumn, page: Page):
    tap_in(page, "Awa Diallo")
    points, rank = points_and_rank(page)
    assert points.startswith("0") and "Pas encore au classement" in rank

    # a first one, in three taps: Déclarer, the product, Envoyer
    page.get_by_role("navigation", name="Menu", exact=True).get_by_role("link", name="Déclarer").click()
    expect(page).to_have_url("/declare")
    page.get_by_role("group", name="Produits récents").get_by_role("button", name="Crème de jour").click()
    page.get_by_label("En boutique").check()
    expect(page.locator("#expected")).to_contain_text("+10")
    page.get_by_role("button", name="Envoyer").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("+10")
    expect(page.locator("main")).to_contain_text("Nouveau badge")
    expect(page.locator("main")).to_contain_text("Première vente")
    points, rank = points_and_rank(page)
    assert points.startswith("10") and rank.startswith("2e")

    # a larger one, with all there is to say
    page.goto("/declare")
    expect(page.get_by_label("En boutique")).to_be_checked()  # as the last time
    page.get_by_role("group", name="Produits récents").get_by_role("button", name="Crème de jour").click()
    units = page.get_by_label("Unités : Crème de jour")
    units.locator("xpath=..").get_by_role("button", name="Plus").click(click_count=2)
    expect(units).to_have_value("3")
    page.get_by_label("Chercher un produit, un code").press_sequentially("serum")
    page.locator("#declare-results").get_by_role("button", name="Sérum éclat").click()
    expect(page.get_by_label("Unités : Sérum éclat")).to_have_value("1")
    expect(page.get_by_label("Unités : Crème de jour")).to_have_value("3")
    expect(page.locator("#expected")).to_contain_text("+90")
    page.get_by_text("L’avis du client").click()
    page.get_by_label("5 étoiles").check()
    page.get_by_label("Ce qu’il en dit").fill(COMMENT)
    expect(page.locator("#expected")).to_contain_text("+105")
    page.get_by_role("button", name="Envoyer").dblclick()

    expect(page.get_by_role("heading", level=1)).to_contain_text("+105")
    why = page.get_by_role("listitem")
    expect(why.filter(has_text="4 unités × 10 pts = 40")).to_contain_text("+40")
    expect(why.filter(has_text="avis de client avec un commentaire")).to_contain_text("+15")
    expect(why.filter(has_text="Palier de 5 unités = 50")).to_contain_text("+50")
    assert sales_in_the_books() == 2, "two quick taps on Envoyer are one sale"

    points, rank = points_and_rank(page)
    assert points.startswith("115") and rank.startswith("1er")
    page.get_by_role("link", name="Voir le classement").first.click()
    expect(page.locator(".podium")).to_contain_text("Chloé Le Gall")
    expect(page.locator("main")).to_contain_text("115")

    # it is in the history, and can be taken back
    page.goto("/declarations")
    row = page.get_by_role("link").filter(has_text="3 × Crème de jour")
    expect(row).to_contain_text("+105")
    row.click()
    expect(page.locator("blockquote")).to_have_text(COMMENT)
    page.get_by_role("link", name="Retirer").click()
    expect(page.locator("main")).to_contain_text("105")
    page.get_by_role("button", name="Retirer la vente").click()
    expect(page.locator("main")).to_contain_text("Vente retirée")
    points, rank = points_and_rank(page)
    assert points.startswith("10") and rank.startswith("2e")


def test_the_same_form_sent_again_writes_nothing(cast, autumn, new_context):
    page = new_context(java_script_enabled=False).new_page()
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    tap_in(page, "Awa Diallo")
    page.goto("/declare")
    page.get_by_role("group", name="Produits récents").get_by_role("button", name="Crème de jour").click()
    page.get_by_label("En boutique").check()
    page.get_by_role("button", name="Envoyer").click()
    page.wait_for_url("**/declarations/*")
    answer = page.url
    [form] = [request for request in sent if request.url.endswith("/declare")]
    again = page.request.post("/declare", multipart=form_fields(form))
    assert again.url == answer, "the same sale leads to the same answer"
    assert sales_in_the_books() == 1


def form_fields(request: Request) -> dict[str, str]:
    """The fields of a form sent as multipart/form-data; files are left out."""
    body = (request.post_data_buffer or b"").decode()
    return dict(re.findall(r'name="([^"]+)"\r\n\r\n(.*?)\r\n--', body, flags=re.DOTALL))


def test_a_mistake_is_explained_and_what_was_typed_is_kept(cast, autumn, page: Page):
    tap_in(page, "Awa Diallo")
    page.goto("/declare")
    page.get_by_role("button", name="Envoyer").click()
    summary = page.get_by_role("alert").filter(has_text="rien n’est perdu")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("Ajoutez au moins un produit.")
    page.get_by_role("group", name="Produits récents").get_by_role("button", name="Rouge velours").click()
    page.get_by_label("Unités : Rouge velours").fill("1000000000")
    page.get_by_label("En boutique").check()
    page.get_by_role("button", name="Envoyer").click()
    expect(page.locator("main")).to_contain_text("Écrivez un nombre d’unités entre 1 et 100")
    expect(page.get_by_label("Unités : Rouge velours")).to_have_value("1000000000")
    assert sales_in_the_books() == 0


def test_without_scripts_a_sale_is_declared_just_the_same(cast, autumn, new_context: Callable[..., BrowserContext]):
    page = new_context(java_script_enabled=False).new_page()
    tap_in(page, "Awa Diallo")
    page.get_by_role("navigation", name="Menu", exact=True).get_by_role("link", name="Déclarer").click()
    page.get_by_role("group", name="Produits récents").get_by_role("button", name="Crème de jour").click()
    page.get_by_label("Unités : Crème de jour").fill("3")
    page.get_by_label("En boutique").check()
    page.get_by_label("Chercher un produit, un code").fill("serum")
    page.locator("#declare-picker").get_by_role("button", name="Chercher").click()
    page.locator("#declare-results").get_by_role("button", name="Sérum éclat").click()
    expect(page.get_by_label("Unités : Crème de jour")).to_have_value("3")
    expect(page.get_by_label("En boutique")).to_be_checked()
    page.get_by_text("L’avis du client").click()
    page.get_by_label("4 étoiles").check()
    page.get_by_label("Ce qu’il en dit").fill(COMMENT)
    page.get_by_role("button", name="Envoyer").dblclick()
    expect(page).to_have_url(re.compile("/declarations/"))  # the second press cuts off the way of the first
    expect(page.get_by_role("heading", level=1)).to_contain_text("+55")
    assert sales_in_the_books() == 1

    points, rank = points_and_rank(page)
    assert points.startswith("55") and rank.startswith("1er")
    page.goto("/declarations")
    page.get_by_role("link").filter(has_text="3 × Crème de jour").click()
    page.get_by_role("link", name="Retirer").click()
    page.get_by_role("button", name="Retirer la vente").click()
    expect(page.locator("main")).to_contain_text("Vente retirée")
    points, rank = points_and_rank(page)
    assert points.startswith("0") and "Pas encore au classement" in rank


def test_one_favourite_too_many_is_said_beside_the_products(cast, page: Page, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(favourites, "MOST_FAVOURITES", 1)
    sell("AWA", [("CREME", 1), ("SERUM", 1)], name="before", at=clock.now() - timedelta(days=1))
    tap_in(page, "Awa Diallo")
    page.goto("/declare?repeat=before")
    first = page.get_by_role("button", name="Garder Crème de jour parmi mes favoris")
    first.click()
    expect(first).to_have_attribute("aria-pressed", "true")
    second = page.get_by_role("button", name="Garder Sérum éclat parmi mes favoris")
    second.click()
    said = page.get_by_role("status").filter(has_text="favoris ; retirez-en un")
    expect(said).to_be_in_viewport()
    expect(second).to_have_attribute("aria-pressed", "false")
    first.click()
    expect(said).to_have_count(0)
    second.click()
    expect(second).to_have_attribute("aria-pressed", "true")
