"""The first minute of a person with the product."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def test_a_person_of_the_demonstration_is_in_with_one_tap(cast, page: Page):
    page.goto("/sign-in")
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    page.get_by_role("button", name="Awa Diallo").click()
    page.wait_for_url("**/")
    expect(page.locator("body")).to_contain_text("Awa")


def test_without_a_session_every_page_asks_who_one_is(cast, page: Page):
    page.goto("/declare")
    expect(page).to_have_url("/sign-in?next=/declare")
