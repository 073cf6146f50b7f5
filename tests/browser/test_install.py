"""The invitation to install: after a sale that counts, where it can be done, and not again for a season."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from foundation import clock
from rewards.jobs import advance_challenges
from tests.browser.access import violations
from tests.browser.stage import publish
from tests.declarations.stage import sell

pytestmark = pytest.mark.whole_browser

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.1 Mobile/15E148 Safari/604.1"
)
# Safari in a page knows no pushes; an application on the home screen does.
NO_PUSHES = "delete window.PushManager"
# Chromium fires this by itself only for people who come back; `asked` counts the times its own window was opened.
CAN_INSTALL = """() => {
    window.asked = 0;
    const event = new Event("beforeinstallprompt", { cancelable: true });
    event.prompt = async () => { window.asked += 1; return { outcome: "accepted" }; };
    window.dispatchEvent(event);
    return event.defaultPrevented;
}"""


@pytest.fixture(autouse=True)
def autumn(cast) -> None:
    """A running challenge: ten points for a unit of care."""
    publish()
    list(advance_challenges(clock.now()))


@pytest.fixture
def new_phone(new_context: Callable[..., BrowserContext], sign_in, cast) -> Callable[..., Page]:
    """new_phone(user_agent=IPHONE): a phone of Awa's own."""

    def make(**options: Any) -> Page:
        page = new_context(**options).new_page()
        page.add_init_script(NO_PUSHES)
        sign_in(page, cast.awa)
        return page

    return make


def answer_to(name: str, sku: str = "CREME") -> str:
    """The page that answers a new sale of Awa's, now."""
    sell("AWA", [(sku, 1)], name=name, at=clock.now())
    return f"/declarations/{name}?new=1"


def invitation(page: Page) -> Locator:
    """The card that invites to install."""
    return page.locator("#install")


def test_a_phone_that_can_install_is_invited_once_and_its_own_window_opens(new_phone):
    page = new_phone()
    page.goto(answer_to("first"))
    expect(invitation(page)).to_be_hidden()
    assert page.evaluate(CAN_INSTALL), "the browser's own banner stays away"
    card = invitation(page)
    expect(card).to_be_visible()
    expect(card.get_by_role("listitem").first).to_be_hidden()  # the steps are for Safari
    card.get_by_role("button", name="Installer").click()
    expect(card).to_be_hidden()
    assert page.evaluate("() => window.asked") == 1
    page.goto(answer_to("second"))
    page.evaluate(CAN_INSTALL)
    expect(invitation(page)).to_be_hidden()


def test_an_iphone_is_told_the_three_steps_of_safari(new_phone):
    page = new_phone(user_agent=IPHONE)
    page.goto(answer_to("first"))
    steps = invitation(page).get_by_role("listitem")
    expect(steps).to_have_text(
        ["Touchez le bouton Partager de Safari.", "Choisissez « Sur l’écran d’accueil ».", "Touchez « Ajouter »."]
    )
    expect(steps.last).to_be_visible()
    expect(invitation(page).get_by_role("button", name="Installer")).to_be_hidden()


def test_later_is_in_three_months(new_phone):
    page = new_phone(user_agent=IPHONE)
    page.clock.install(time=clock.now())
    first = answer_to("first")
    page.goto(first)
    invitation(page).get_by_role("button", name="Plus tard").click()
    expect(invitation(page)).to_be_hidden()
    for days, invited in ((1, False), (89, False), (91, True)):
        page.clock.set_system_time(clock.now() + timedelta(days=days))
        page.goto(first)
        page.evaluate("() => navigator.serviceWorker.ready.then(() => null)")
        expect(invitation(page)).to_be_visible(visible=invited)


def test_only_after_a_sale_and_not_on_the_page_of_an_old_one(new_phone):
    page = new_phone(user_agent=IPHONE)
    page.goto(answer_to("first"))
    expect(invitation(page)).to_be_visible()
    for address in ("/", "/declare", "/declarations", "/declarations/first"):
        page.goto(address)
        expect(invitation(page)).to_have_count(0)


@pytest.mark.parametrize(
    "installed",
    [
        "Object.defineProperty(navigator, 'standalone', { value: true })",
        """const asked = window.matchMedia.bind(window);
        window.matchMedia = (query) => asked(query.replace("display-mode: standalone", "min-width: 1px"));""",
    ],
)
def test_an_application_that_is_installed_does_not_ask_to_be(new_phone, installed):
    page = new_phone(user_agent=IPHONE)
    page.goto(answer_to("first"))
    expect(invitation(page)).to_be_visible()
    page.add_init_script(installed)
    page.goto(answer_to("second"))
    page.evaluate(CAN_INSTALL)
    expect(invitation(page)).to_be_hidden()


@pytest.mark.parametrize("language", ["fr", "en"])
def test_both_invitations_are_open_to_everybody(new_phone, language):
    wrong = []
    for options in ({"user_agent": IPHONE}, {}):
        page = new_phone(**options)
        page.goto("/")
        page.locator(".user-menu summary").click()
        page.get_by_role("button", name=language.upper(), exact=True).click()
        page.goto(answer_to(f"sale-{len(options)}"))
        page.evaluate(CAN_INSTALL)
        expect(invitation(page)).to_be_visible()
        wrong += list(violations(page))
    assert wrong == []
