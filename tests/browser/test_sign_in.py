"""Coming in with a code read in the mail, and leaving, here or everywhere."""

from __future__ import annotations

import email
import email.policy
import re
import time
from pathlib import Path

from flask import Flask
from playwright.sync_api import Page, expect

from tests.browser.conftest import tap_in


def letter_with_code(app: Flask) -> str:
    """The six digits of the newest message in the outbox folder, once it is there."""
    outbox: Path = app.config["SETTINGS"].outbox_folder
    for _ in range(100):
        letters = sorted(outbox.glob("*.eml")) if outbox.is_dir() else []
        if letters:
            letter = email.message_from_bytes(letters[-1].read_bytes(), policy=email.policy.default)
            body = letter.get_body(("plain",))
            assert body is not None and letter["To"] == "awa@example.org"
            found = re.search(r"\b\d{6}\b", body.get_content())
            assert found is not None
            return found.group()
        time.sleep(0.1)
    raise AssertionError("no message in the outbox")


def open_menu(page: Page) -> None:
    """Open the menu of the person, at the top right."""
    page.locator("summary", has_text="Mon menu").click()


def test_a_code_from_the_mail_opens_the_door_and_a_wrong_one_does_not(app, cast, page: Page, new_context):
    page.goto("/points")
    expect(page).to_have_url("/sign-in?next=/points")
    page.get_by_label("Adresse e-mail").fill("awa@example.org")
    page.get_by_role("button", name="Recevoir un code").click()
    expect(page).to_have_url("/sign-in/code")
    code = letter_with_code(app)

    page.get_by_label("Code").fill("000000" if code != "000000" else "111111")
    page.get_by_role("button", name="Se connecter").click()
    expect(page.get_by_role("alert")).to_contain_text("Ce code n’est pas le bon, ou il n’est plus valable.")

    elsewhere = new_context().new_page()
    elsewhere.goto("/sign-in/code")
    expect(elsewhere).to_have_url("/sign-in")  # a code is of no use in another browser

    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Se connecter").click()
    page.wait_for_url("**/points")
    expect(page.get_by_role("heading", level=1)).to_have_text("Mes points")


def test_an_address_nobody_has_is_answered_in_the_same_words(cast, page: Page):
    told = []
    for address in ("awa@example.org", "personne@example.org"):
        page.goto("/sign-in")
        page.get_by_label("Adresse e-mail").fill(address)
        page.get_by_role("button", name="Recevoir un code").click()
        page.wait_for_url("**/sign-in/code")
        told.append(page.locator("main").inner_text().replace(address, "…"))
    assert told[0] == told[1]


def test_leaving_ends_this_session_and_leaving_everywhere_ends_the_others(cast, page: Page, new_context):
    tablet = new_context(viewport={"width": 820, "height": 1180}).new_page()
    for one in (page, tablet):
        tap_in(one, "Awa Diallo")

    open_menu(page)
    page.get_by_role("button", name="Se déconnecter", exact=True).click()
    expect(page).to_have_url("/sign-in")
    page.goto("/points")
    expect(page).to_have_url("/sign-in?next=/points")
    tablet.goto("/points")
    expect(tablet).to_have_url("/points")  # the other device stays in

    tap_in(page, "Awa Diallo")
    open_menu(page)
    page.get_by_role("button", name="Se déconnecter partout").click()
    expect(page.locator("main")).to_contain_text("Tous vos appareils sont déconnectés.")
    tablet.goto("/points")
    expect(tablet).to_have_url("/sign-in?next=/points&ended=1")
    expect(tablet.locator("main")).to_contain_text("Votre connexion est terminée")
