"""A phone is told: asked at a useful moment and never again when it said no, shown what happened, led to the page.

The service of the browser's maker is out of reach: `subscribe` alone is answered by a service on this machine, which
takes what we send; what it took is given to the browser's own worker, as the service would.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect
from sqlalchemy import select

from foundation import clock, mail, web_push
from foundation.database import db
from foundation.transactions import transaction
from network import topics
from network.jobs import send_notices
from network.models import Device, Person
from network.notices import notify
from rewards.jobs import advance_challenges
from tests.browser.access import violations
from tests.browser.conftest import PUSH_KEY, tap_in
from tests.browser.stage import publish
from tests.declarations.stage import PARIS, sell
from tests.network.push_service import Browser, PushService, push_service

pytestmark = pytest.mark.whole_browser

# What a browser does when its maker's service answers, or does not.
SUBSCRIBES = """(said) => {
    const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
        .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
    const bytes = (key) =>
        Uint8Array.from(atob(key.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
    const made = (key) => ({
        options: { userVisibleOnly: true, applicationServerKey: bytes(key).buffer },
        toJSON: () => ({ endpoint: said.endpoint, keys: { p256dh: said.p256dh, auth: said.auth } }),
        unsubscribe: async () => localStorage.removeItem("subscribed") ?? true,
    });
    PushManager.prototype.subscribe = async (options) => {
        if (!said.endpoint) throw new DOMException("Registration failed - push service error", "AbortError");
        if (!options.userVisibleOnly) throw new DOMException("Silent pushes are not allowed", "NotAllowedError");
        localStorage.setItem("subscribed", text(options.applicationServerKey));
        return made(text(options.applicationServerKey));
    };
    PushManager.prototype.getSubscription = async () => {
        const key = localStorage.getItem("subscribed");
        return key && made(key);
    };
}"""


@pytest.fixture
def service() -> Iterator[PushService]:
    """A push service."""
    with push_service() as running:
        yield running


@pytest.fixture
def autumn(cast) -> None:
    """A running challenge: ten points for a unit of care."""
    publish()
    list(advance_challenges(clock.now()))


@pytest.fixture
def new_phone(new_context: Callable[..., BrowserContext], address: str) -> Callable[..., Page]:
    """new_phone(browser): a phone that lets itself be told, through this browser's service."""

    def make(browser: Browser | None, *, allowed: bool = True) -> Page:
        context = new_context()
        # what is not in the list is forbidden
        context.grant_permissions(["notifications"] if allowed else ["geolocation"], origin=address)
        said = browser.said if browser is not None else {"endpoint": ""}
        context.add_init_script(f"({SUBSCRIBES})({json.dumps(said)})")
        return context.new_page()

    return make


def by_day() -> datetime:
    """The next instant at which phones may ring."""
    return mail.outside_quiet_hours(clock.now(), PARIS)


def devices() -> list[tuple[str, str]]:
    """Who is told on what, as the server knows it."""
    db.session.rollback()
    found = select(Person.code, Device.name).join(Device).order_by(Device.id)
    return [(code, name) for code, name in db.session.execute(found)]


def tell(person: Person) -> None:
    """A challenge of this person is extended."""
    with transaction():
        notify(
            [person.id], "extension", "Automne est prolongé", "Jusqu’à dimanche soir.", "/challenges", at=clock.now()
        )


def answer_to(name: str, person: str = "AWA", sku: str = "CREME") -> str:
    """The page that answers a new sale of somebody, now."""
    sell(person, [(sku, 1)], name=name, at=clock.now())
    return f"/declarations/{name}?new=1"


def turn_on(page: Page) -> Locator:
    """Have this phone told, on the profile page; the section that says so."""
    page.goto("/me")
    notifications = page.locator("#notifications")
    expect(notifications).not_to_contain_text("Cet appareil")
    notifications.get_by_role("button", name="Activer les notifications").click()
    expect(notifications.get_by_role("listitem")).to_contain_text("Cet appareil")
    return notifications


# A worker that is still being activated is not given any push.
READY = """async () => {
    const { active } = await navigator.serviceWorker.ready;
    while (active.state !== "activated") await new Promise((done) => setTimeout(done, 20));
}"""


def deliver(page: Page, message: str) -> None:
    """Bring a push to the worker of the page, as the browser does when its service has one."""
    page.evaluate(READY)
    registrations: list[str] = []
    tools = page.context.new_cdp_session(page)
    tools.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda said: registrations.extend(one["registrationId"] for one in said["registrations"]),
    )
    tools.send("ServiceWorker.enable")
    for _ in range(500):
        if registrations:
            break
        page.wait_for_timeout(20)
    origin = page.evaluate("() => window.location.origin")
    tools.send(
        "ServiceWorker.deliverPushMessage", {"origin": origin, "registrationId": registrations[0], "data": message}
    )
    tools.detach()


SHOWN = """async () => (await (await navigator.serviceWorker.ready).getNotifications())
    .map((one) => [one.title, one.body, one.tag])"""


def shown(page: Page, many: int, *, body: str = "") -> list[list[str]]:
    """The title, body and tag of each notification on the screen, once there are so many, and one says so."""
    said: list[list[str]] = page.evaluate(SHOWN)
    for _ in range(500):
        if len(said) == many and (not body or body in [one[1] for one in said]):
            break
        page.wait_for_timeout(20)
        said = page.evaluate(SHOWN)
    return said


# No tool presses a notification: the worker is told that it was.
PRESS = """async () => {
    const [notification] = await self.registration.getNotifications();
    const event = new NotificationEvent("notificationclick", { notification });
    let done;
    event.waitUntil = (work) => { done = work; };
    self.dispatchEvent(event);
    await done;
}"""


def test_a_notice_goes_from_the_server_to_the_screen_and_a_press_opens_it(cast, service, sign_in, new_phone):
    browser = service.browser()
    page = new_phone(browser)
    sign_in(page, cast.awa)
    notifications = turn_on(page)
    expect(notifications.get_by_role("button", name="Activer les notifications")).to_be_hidden()
    assert devices() == [("AWA", "Chrome, Linux")]
    assert page.evaluate("() => localStorage.getItem('subscribed')") == web_push.public_key(PUSH_KEY)

    tell(cast.awa)
    assert list(send_notices(by_day()))[-1] == "pushes: 1 sent"
    [(_path, _headers, body)] = service.taken
    message = browser.read(body)
    deliver(page, json.dumps(message))
    assert shown(page, 1) == [["Automne est prolongé", "Jusqu’à dimanche soir.", message["tag"]]]
    deliver(page, json.dumps(message | {"body": "Jusqu’à lundi."}))
    shown(page, 1, body="Jusqu’à lundi.")
    assert len(shown(page, 1)) == 1, "the same notice twice is one notification"

    [worker] = page.context.service_workers
    worker.evaluate(PRESS)
    page.wait_for_url(f"**{message['address']}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Automne est prolongé")
    assert shown(page, 0) == []
    db.session.rollback()
    tell(cast.awa)
    assert list(send_notices(by_day()))[-1] == "pushes: 1 sent"


@pytest.mark.parametrize("message", ["", "no data at all", '{"title": "", "address": "https://example.org/"}'])
def test_what_was_not_written_by_us_is_shown_as_a_message_and_leads_nowhere_else(cast, sign_in, new_phone, message):
    page = new_phone(None)
    sign_in(page, cast.awa)
    page.goto("/")
    deliver(page, message)
    assert shown(page, 1) == [["Palmarès", "", "palmares"]]
    [worker] = page.context.service_workers
    worker.evaluate(PRESS)
    page.wait_for_url("**/notices")


def test_the_offer_comes_after_a_sale_that_counts_and_not_once_it_is_taken(cast, autumn, service, sign_in, new_phone):
    page = new_phone(service.browser())
    sign_in(page, cast.awa)
    offer = page.locator("[data-push-offer]")
    # no points for make-up: nothing to be told about yet
    page.goto(answer_to("first", sku="ROUGE"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("0")
    expect(offer).to_have_count(0)
    second = answer_to("second")
    page.goto(second)
    expect(offer).to_be_visible()
    page.goto("/declarations/second")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(offer).to_have_count(0)
    page.goto(second)
    offer.get_by_role("button", name="Activer les notifications").click()
    expect(offer.get_by_role("status")).to_contain_text("C’est fait")
    expect(offer.get_by_role("button")).to_have_count(0)
    assert devices() == [("AWA", "Chrome, Linux")]
    page.goto(answer_to("third"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("+10")
    expect(offer).to_have_count(0)


def test_put_off_it_does_not_come_back_for_three_months_but_does_for_somebody_else(
    cast, autumn, service, sign_in, new_phone
):
    page = new_phone(service.browser())
    page.clock.install(time=clock.now())
    sign_in(page, cast.awa)
    offer = page.locator("[data-push-offer]")
    page.goto(answer_to("first"))
    offer.get_by_role("button", name="Plus tard").click()
    expect(offer).to_be_hidden()
    again = answer_to("again")
    page.goto(again)
    ready(page)
    expect(offer).to_be_hidden()
    sign_in(page, cast.chloe)
    page.goto(answer_to("hers", "CHLOE"))
    expect(offer).to_be_visible()
    sign_in(page, cast.awa)
    page.clock.set_system_time(clock.now() + timedelta(days=89))
    page.goto(again)
    ready(page)
    expect(offer).to_be_hidden()
    page.clock.set_system_time(clock.now() + timedelta(days=91))
    page.goto(again)
    expect(offer).to_be_visible()
    assert devices() == []


def ready(page: Page) -> None:
    """Whatever the page shows by itself is there: its scripts ran, and its worker answered."""
    page.evaluate(
        """async () => {
            const worker = await navigator.serviceWorker.ready;
            await worker.pushManager.getSubscription();
            await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
        }"""
    )


def test_a_browser_told_never_to_ask_is_not_asked_and_the_profile_says_where_to_change_it(
    cast, autumn, service, sign_in, new_phone
):
    page = new_phone(service.browser(), allowed=False)
    sign_in(page, cast.awa)
    page.goto(answer_to("first"))
    assert page.evaluate("() => Notification.permission") == "denied"
    ready(page)
    expect(page.locator("[data-push-offer]")).to_be_hidden()
    page.goto("/me")
    notifications = page.locator("#notifications")
    notifications.get_by_role("button", name="Activer les notifications").click()
    expect(notifications.get_by_role("status")).to_contain_text("autorisez-les dans ses réglages")
    assert devices() == []


def test_when_the_browsers_service_fails_the_page_says_so_and_can_try_again(cast, autumn, sign_in, new_phone):
    page = new_phone(None)
    sign_in(page, cast.awa)
    page.goto(answer_to("first"))
    offer = page.locator("[data-push-offer]")
    offer.get_by_role("button", name="Activer les notifications").click()
    expect(offer.get_by_role("status")).to_contain_text("n’ont pas pu être activées")
    expect(offer.get_by_role("button", name="Activer les notifications")).to_be_enabled()
    assert devices() == []


def test_each_kind_is_switched_and_the_device_taken_off_again(cast, autumn, service, sign_in, new_phone):
    page = new_phone(service.browser())
    sign_in(page, cast.awa)
    notifications = turn_on(page)
    expect(notifications).to_contain_text("entre 20 h et 8 h ni le dimanche")

    changes = notifications.get_by_role("group", name="Changements d’un challenge")
    expect(changes.get_by_label("Notification")).to_be_checked()
    changes.get_by_label("Notification").uncheck()
    notifications.get_by_role("button", name="Enregistrer").click()
    expect(page.get_by_text("C’est enregistré.")).to_be_visible()
    expect(changes.get_by_label("Notification")).not_to_be_checked()
    db.session.rollback()
    assert topics.choices_of(cast.awa.id)["changes"]["push"] is False
    tell(cast.awa)
    list(send_notices(by_day()))
    assert service.taken == []
    changes.get_by_label("Notification").check()
    notifications.get_by_role("button", name="Enregistrer").click()
    expect(changes.get_by_label("Notification")).to_be_checked()
    db.session.rollback()
    tell(cast.awa)
    list(send_notices(by_day()))
    assert len(service.taken) == 1

    # taken off, it stays off: no sale brings the question back
    notifications.get_by_role("button", name="Enlever").click()
    expect(page.get_by_text("Cet appareil ne recevra plus de notifications.")).to_be_visible()
    expect(notifications.get_by_role("button", name="Activer les notifications")).to_be_visible()
    assert devices() == []
    db.session.rollback()
    tell(cast.awa)
    list(send_notices(by_day()))
    assert len(service.taken) == 1
    page.goto(answer_to("after"))
    ready(page)
    expect(page.locator("[data-push-offer]")).to_be_hidden()


def test_a_phone_that_changes_hands_is_told_what_concerns_its_new_owner_alone(cast, autumn, service, new_phone):
    page = new_phone(service.browser())
    tap_in(page, "Awa Diallo")
    turn_on(page)
    page.locator(".user-menu summary").click()
    page.get_by_role("button", name="Se déconnecter", exact=True).click()
    page.wait_for_url("**/sign-in*")
    assert devices() == []
    tap_in(page, "Chloé Le Gall")
    # her browser has an address for pushes from before; she is asked all the same, and it becomes hers
    page.goto(answer_to("hers", "CHLOE"))
    offer = page.locator("[data-push-offer]")
    offer.get_by_role("button", name="Activer les notifications").click()
    expect(offer.get_by_role("status")).to_contain_text("C’est fait")
    assert devices() == [("CHLOE", "Chrome, Linux")]
    tell(cast.awa)
    assert "pushes: 1 sent" not in list(send_notices(by_day()))
    tell(cast.chloe)
    assert list(send_notices(by_day()))[-1] == "pushes: 1 sent"


def test_one_question_at_a_time(cast, autumn, service, sign_in, new_phone):
    page = new_phone(service.browser())
    sign_in(page, cast.awa)
    page.goto(answer_to("first"))
    expect(page.locator("[data-push-offer]")).to_be_visible()
    page.evaluate("() => window.dispatchEvent(new Event('beforeinstallprompt', { cancelable: true }))")
    expect(page.locator("#install")).to_have_count(0)
    page.get_by_role("button", name="Plus tard").click()
    page.goto(answer_to("second"))
    ready(page)
    page.evaluate("() => window.dispatchEvent(new Event('beforeinstallprompt', { cancelable: true }))")
    expect(page.locator("#install")).to_be_visible()
    expect(page.locator("[data-push-offer]")).to_be_hidden()


@pytest.mark.parametrize("language", ["fr", "en"])
def test_what_asks_and_what_chooses_is_open_to_everybody(cast, autumn, service, sign_in, new_phone, language):
    page = new_phone(service.browser())
    sign_in(page, cast.awa)
    page.goto("/me")
    page.locator(".user-menu summary").click()
    page.get_by_role("button", name=language.upper(), exact=True).click()
    page.wait_for_function("(language) => document.documentElement?.lang === language", arg=language)
    expect(page.locator("[data-push]")).to_be_visible()
    wrong = list(violations(page))
    page.goto(answer_to("first"))
    expect(page.locator("[data-push-offer]")).to_be_visible()
    wrong += violations(page)
    page.locator("[data-push-on]").click()
    expect(page.locator("[data-push-status]")).not_to_be_empty()
    wrong += violations(page)
    page.goto("/me")
    expect(page.locator("[data-this-device]")).to_be_visible()
    wrong += violations(page)
    assert wrong == []
