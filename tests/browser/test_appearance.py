"""French or English, light or dark: chosen once, kept from page to page and from visit to visit."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import tap_in
from tests.browser.test_sign_in import open_menu

LIGHT, DARK = "rgb(251, 247, 240)", "rgb(16, 22, 31)"


def test_english_is_kept_also_for_the_next_visit(cast, page: Page, new_context):
    page.goto("/sign-in")
    page.get_by_role("button", name="EN", exact=True).click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    tap_in(page, "Awa Diallo")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Hello")
    menu = page.locator(".user-menu summary")
    menu.click()
    page.get_by_role("button", name="FR", exact=True).click()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    menu.click()
    page.get_by_role("button", name="EN", exact=True).click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.goto("/declare")
    expect(page.get_by_role("heading", level=1)).to_have_text("Declare a sale")

    another = new_context().new_page()
    tap_in(another, "Awa Diallo")
    expect(another.locator("html")).to_have_attribute("lang", "en")


@pytest.mark.parametrize("java_script_enabled", [True, False], ids=["with scripts", "without scripts"])
def test_the_dark_theme_is_kept_and_light_comes_back(cast, new_context, java_script_enabled):
    context = new_context(java_script_enabled=java_script_enabled)
    page = context.new_page()
    tap_in(page, "Awa Diallo")
    expect(page.locator("html")).to_have_css("background-color", LIGHT)
    open_menu(page)
    page.get_by_role("button", name="Sombre").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "palmares-dark")
    expect(page.locator("html")).to_have_css("background-color", DARK)
    page.goto("/challenges")
    expect(page.locator("html")).to_have_css("background-color", DARK)
    later = context.new_page()
    later.goto("/points")
    expect(later.locator("html")).to_have_css("background-color", DARK)
    open_menu(later)
    later.get_by_role("button", name="Clair").click()
    expect(later.locator("html")).to_have_attribute("data-theme", "palmares")
    expect(later.locator("html")).to_have_css("background-color", LIGHT)


def test_without_a_choice_the_page_follows_the_device(cast, new_context):
    page = new_context(color_scheme="dark").new_page()
    tap_in(page, "Awa Diallo")
    expect(page.locator("html")).to_have_css("background-color", DARK)
