"""A sale that was begun is there again: after a reload, after Back, and offered when another one is begun."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from network.models import Person
from tests.browser.test_offline import saved
from tests.cast import Cast

COMMENT = "Elle revient pour la crème, qu’elle trouve très douce, et pour en offrir une à sa sœur"


@pytest.fixture
def awas(cast: Cast, page: Page, sign_in: Callable[[Page, Person], None]) -> Iterator[Page]:
    """Awa's phone, on the declare form."""
    sign_in(page, cast.awa)
    page.goto("/declare")
    yield page


def begin(page: Page) -> None:
    """Two creams, and where they were sold; wait until that is saved."""
    page.get_by_role("group", name="Produits récents").get_by_role("button", name="Crème de jour").click(click_count=2)
    with saved(page, '"channel":"store"'):
        page.get_by_label("En boutique").check()
    page.wait_for_function("() => history.state?.sale")


def is_back(page: Page) -> None:
    """What was begun is in the form."""
    expect(page.get_by_label("Unités : Crème de jour")).to_have_value("2")
    expect(page.get_by_label("En boutique")).to_be_checked()
    expect(page.locator("#outbox-alert")).to_contain_text("Votre vente est reprise là où vous en étiez.")
    expect(page.locator("#expected")).to_contain_text("Aucun challenge à cette date")


def test_a_comment_typed_in_one_go_outlives_a_reload(awas: Page):
    page = awas
    page.get_by_text("L’avis du client").click()
    page.get_by_label("Ce qu’il en dit").press_sequentially(COMMENT, delay=40)  # a quick thumb
    page.reload()
    comment = page.get_by_label("Ce qu’il en dit")
    expect(comment).to_be_visible()
    kept = comment.input_value()
    assert COMMENT.startswith(kept) and len(kept) > len(COMMENT) / 2


def test_a_sale_is_where_it_was_after_a_reload(awas: Page):
    page = awas
    begin(page)
    page.get_by_text("Le profil du client").scroll_into_view_if_needed()
    page.evaluate("() => scrollTo(0, document.body.scrollHeight)")
    page.reload()
    is_back(page)


def test_a_sale_is_where_it_was_after_back(awas: Page):
    page = awas
    begin(page)
    page.get_by_role("navigation", name="Menu", exact=True).get_by_role("link", name="Accueil").click()
    expect(page.locator("#outbox-strip")).to_contain_text("1 vente commencée")
    page.go_back()
    is_back(page)


def test_another_sale_begins_empty_and_offers_the_one_that_waits(awas: Page):
    page = awas
    begin(page)
    menu = page.get_by_role("navigation", name="Menu", exact=True)
    menu.get_by_role("link", name="Accueil").click()
    menu.get_by_role("link", name="Déclarer").click()
    expect(page.get_by_text("Vous aviez commencé une vente")).to_be_in_viewport()
    expect(page.locator("#lines li")).to_have_count(0)
    page.get_by_role("button", name="Reprendre la vente").click()
    expect(page.get_by_label("Unités : Crème de jour")).to_have_value("2")
    expect(
        page.get_by_role("group", name="Produits récents").get_by_role("button", name="Crème de jour")
    ).to_have_attribute("aria-pressed", "true")


def test_what_was_taken_up_can_be_cleared(awas: Page):
    page = awas
    begin(page)
    page.reload()
    is_back(page)
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Tout effacer").click()
    expect(page.locator("#lines-empty")).to_be_visible()
    page.reload()
    expect(page.locator("#lines-empty")).to_be_visible()
    expect(page.locator("#outbox-alert")).to_be_empty()
