"""A phone that goes from hand to hand, or fails: nothing of the one before is shown, and nothing is lost.

`weather` stands between the phone and the server; `phone` is a browser of its own, without a profile on the disk.
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import select

from declarations import photos
from declarations.models import Revision
from foundation import clock
from foundation.database import db
from rewards.jobs import advance_challenges
from tests.browser.conftest import PHONE, served, tap_in
from tests.browser.stage import publish
from tests.browser.test_offline import (
    Weather,
    declare,
    kept_page,
    kept_pages,
    leave,
    queue,
    readable,
    ready,
    receipt,
    sales_of,
    until,
)


class Storm(Weather):
    """A weather in which single requests (method, path) fare badly: those in `refused` are answered with a status and a
    body, those in `broken` get no answer, those in `late` are answered at once, but told only after `released`. `seen`:
    what was asked for."""

    def __init__(self, application: Callable[..., Any]) -> None:
        super().__init__(application)
        self.seen: list[tuple[str, str]] = []
        self.refused: dict[tuple[str, str], tuple[str, str]] = {}
        self.broken: set[tuple[str, str]] = set()
        self.late: set[tuple[str, str]] = set()
        self.released = threading.Event()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        asked = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self.seen.append(asked)
        if asked in self.broken:
            return self.hang_up(environ)
        if asked in self.refused:
            status, body = self.refused[asked]
            kind = "application/problem+json"
            start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
            return [body.encode()]
        if asked in self.late:
            self.late.remove(asked)
            told: list[tuple[Any, ...]] = []
            answer = list(self.application(environ, lambda *head: told.append(head)))
            self.released.wait(30)
            start_response(*told[0])
            return answer
        return super().__call__(environ, start_response)


@pytest.fixture
def weather(app: Flask) -> Storm:
    """The weather over the product under test; fine to begin with."""
    weather = Storm(app.wsgi_app)
    app.wsgi_app = weather  # type: ignore[method-assign]
    return weather


@pytest.fixture
def address(app: Flask, weather: Storm) -> Iterator[str]:
    """Where the product answers while the test runs."""
    with served(app) as address:
        yield address
        weather.released.set()


@pytest.fixture
def phone(chromium: Browser, address: str) -> Iterator[BrowserContext]:
    """A phone; what its console says of a failing network is no fault."""
    context = chromium.new_context(base_url=address, viewport=PHONE, locale="fr-FR", timezone_id="Europe/Paris")
    context.set_default_timeout(15_000)
    yield context
    context.close()


@pytest.fixture
def autumn(cast: Any) -> None:
    """A running challenge: 10 points for a unit of care, 50 more at five units."""
    publish(proof="optional")
    list(advance_challenges(clock.now()))


def signed_in(phone: BrowserContext) -> Page:
    """Awa's first page on this phone; the worker sees what it asks for."""
    page = phone.new_page()
    tap_in(page, "Awa Diallo")
    page.wait_for_function("() => navigator.serviceWorker.controller")
    return page


def hers(phone: BrowserContext) -> Page:
    """Awa's first page on this phone, which is ready for no network."""
    page = signed_in(phone)
    ready(page)
    return page


SENDS = ("POST", "/outbox/declarations")
LISTS = ("GET", "/declarations")

# Everything that the worker does from now on, also after it has answered.
NOTED = """() => {
    self.work = [];
    const wait = ExtendableEvent.prototype.waitUntil;
    ExtendableEvent.prototype.waitUntil = function (promise) {
        self.work.push(promise);
        return wait.call(this, promise);
    };
}"""


def home_under_way(phone: BrowserContext, weather: Storm) -> tuple[Page, Callable[[], None]]:
    """Her home in its last state, while the server's answer is under way; and what lets it come, with all that the
    worker then does."""
    page = hers(phone)
    [worker] = phone.service_workers
    worker.evaluate(NOTED)
    weather.late = {("GET", "/")}
    page.goto("/")
    expect(page.locator(".offline-note")).to_be_visible()

    def come() -> None:
        weather.released.set()
        worker.evaluate("() => Promise.allSettled(self.work)")

    return page, come


def test_a_page_that_comes_after_its_person_has_left_is_not_kept(cast, autumn, weather: Storm, phone: BrowserContext):
    page, come = home_under_way(phone, weather)
    leave(page)
    page.wait_for_url("**/sign-in")
    assert kept_pages(page) == [] and readable(page) == []

    come()
    assert kept_pages(page) == [] and readable(page) == []
    weather.down = True
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Pas de réseau")
    expect(page.locator("body")).not_to_contain_text("Awa")


def test_a_page_that_comes_late_does_not_take_the_place_of_one_that_was_fetched_since(
    cast, autumn, weather: Storm, phone: BrowserContext
):
    page, come = home_under_way(phone, weather)
    page.goto("/declare")
    fill_in(page, 2)
    page.get_by_role("button", name="Envoyer").click()
    page.wait_for_url("**/declarations/*")
    until(lambda: "2\u00a0×\u00a0Crème" in kept_page(page, "/"))

    come()
    assert "2\u00a0×\u00a0Crème" in kept_page(page, "/")


def test_a_sale_that_is_answered_while_the_page_of_sales_comes_is_in_the_list(
    cast, autumn, weather: Storm, phone: BrowserContext
):
    page, other = hers(phone), phone.new_page()
    other.goto("/points")
    weather.down = True
    page.goto("/declare")
    fill_in(page, 2)
    page.get_by_role("button", name="Envoyer").click()
    expect(page.get_by_role("heading", level=1, name="Votre vente est en sécurité")).to_be_visible()
    # the page is made before the sale arrives, and comes after
    weather.late, weather.seen, weather.refused = {LISTS}, [], {SENDS: ("503 Service Unavailable", "")}
    weather.down = False
    other.evaluate("() => void location.assign('/declarations')")
    until(lambda: LISTS in weather.seen)
    weather.refused = {}
    page.evaluate("() => window.dispatchEvent(new Event('focus'))")  # at once
    page.wait_for_url("**/declarations/*")
    weather.released.set()
    expect(other.locator("#outbox-list li")).to_contain_text("Comptée")


# Whatever is read from here on is read only when `release` is called; `held` counts it. What is read later goes on.
HELD_READING = """() => {
    const decrypt = crypto.subtle.decrypt.bind(crypto.subtle);
    const released = new Promise((resolve) => { window.release = resolve; });
    window.holding = true;
    window.held = 0;
    crypto.subtle.decrypt = async (...told) => {
        if (window.holding) {
            window.held += 1;
            await released;
        }
        return decrypt(...told);
    };
    window.dispatchEvent(new CustomEvent("outbox", { detail: {} }));
}"""


def test_what_was_shown_of_the_queue_is_never_older_than_what_is(cast, autumn, weather: Storm, phone: BrowserContext):
    page = hers(phone)
    weather.down = True
    page.goto("/declare")
    declare(page, 2)
    page.goto("/declarations")
    row = page.locator("#outbox-list li")
    expect(row).to_contain_text("Gardée sur ce téléphone")
    page.evaluate(HELD_READING)
    page.wait_for_function("() => window.held === 2")  # the strip and the list
    page.evaluate("() => { window.holding = false; }")
    weather.down = False
    page.get_by_role("button", name="Envoyer maintenant").click()
    until(lambda: queue(page) == {"answered": 1})
    # longer than a slow phone takes to show it
    page.evaluate("() => new Promise((done) => setTimeout(done, 500)).then(window.release)")
    page.evaluate("async () => { for (const _ of 'ab') await window.outbox.store.mine(); }")  # what was held is shown
    assert "Comptée" in row.inner_text()


# The next saving of this page goes on only when `release` is called, just before it is written.
HELD = """() => {
    const encrypt = crypto.subtle.encrypt.bind(crypto.subtle);
    const released = new Promise((resolve) => { window.release = resolve; });
    crypto.subtle.encrypt = async (...told) => {
        const first = !window.held;
        window.held = true;
        const sealed = await encrypt(...told);
        if (first) await released;
        return sealed;
    };
}"""
IS_HELD = "() => window.held"
# Releases it, and waits until it has been written, or could not be.
TRIED = """() => new Promise((resolve) => {
    const transaction = IDBDatabase.prototype.transaction;
    IDBDatabase.prototype.transaction = function (stores, mode, ...more) {
        const change = transaction.call(this, stores, mode, ...more);
        if (mode === "readwrite") for (const end of ["complete", "abort"]) change.addEventListener(end, resolve);
        return change;
    };
    window.release();
})"""


def fill_in(page: Page, units: int) -> None:
    """Tell of a sale, on the form that is open."""
    page.get_by_role("group", name="Produits récents").get_by_role("button", name="Crème de jour").click()
    page.get_by_label("Unités : Crème de jour").fill(str(units))
    page.get_by_label("En boutique").check()


def test_a_sale_that_is_kept_never_becomes_a_draft_again(cast, autumn, weather: Storm, phone: BrowserContext):
    page = hers(phone)
    weather.down = True
    page.goto("/declare")
    fill_in(page, 1)
    until(lambda: queue(page) == {"draft": 1})
    page.evaluate(HELD)
    page.get_by_label("Unités : Crème de jour").fill("2")
    page.wait_for_function(IS_HELD)
    # she goes on, and sends before the first is written
    page.evaluate(
        """() => {
            window.addEventListener("outbox", ({ detail }) => detail.state === "kept" && window.release());
            setTimeout(window.release, 1000);
        }"""
    )
    page.get_by_label("Unités : Crème de jour").fill("3")
    page.evaluate("() => window.dispatchEvent(new Event('pagehide'))")  # that is saved too, at once
    page.get_by_role("button", name="Envoyer").click()
    expect(page.get_by_role("heading", level=1, name="Votre vente est en sécurité")).to_be_visible()
    assert queue(page) == {"kept": 1}
    page.goto("/declare")

    # another sale, in two windows: it is sent in one while the other is saving it
    fill_in(page, 1)
    until(lambda: queue(page) == {"kept": 1, "draft": 1})
    other = phone.new_page()
    other.goto("/declare#sale=" + page.locator("form[data-declare] input[name=id]").input_value())
    expect(other.get_by_label("Unités : Crème de jour")).to_have_value("1")
    other.evaluate(HELD)
    other.get_by_label("Unités : Crème de jour").fill("7")
    other.wait_for_function(IS_HELD)
    page.get_by_role("button", name="Envoyer").click()
    expect(page.get_by_role("heading", level=1, name="Votre vente est en sécurité")).to_be_visible()
    other.evaluate(TRIED)
    assert queue(other) == {"kept": 2}

    weather.down = False
    page.goto("/declarations")
    until(lambda: sorted(sales_of("AWA")) == [("accepted", 1), ("accepted", 3)])


# Opens the phone's store as a later version did, which this one cannot read any more; or takes that away again.
NEWER = """() => new Promise((resolve) => {
    const asked = indexedDB.open("palmares", 2);
    asked.onsuccess = () => (asked.result.close(), resolve());
})"""
GONE = """() => new Promise((resolve) => { indexedDB.deleteDatabase("palmares").onsuccess = resolve; })"""


def test_a_phone_whose_store_fails_shows_what_the_server_answers_until_it_opens_again(
    cast, autumn, weather: Storm, phone: BrowserContext
):
    page = hers(phone)
    page.evaluate(NEWER)
    for path in ("/challenges", "/declare"):
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.locator(".user-menu")).to_contain_text("Awa Diallo")
    fill_in(page, 2)
    page.get_by_role("button", name="Envoyer").click()
    page.wait_for_url("**/declarations/*")
    assert sales_of("AWA") == [("accepted", 2)]
    weather.down = True
    page.goto("/challenges")
    expect(page.get_by_role("heading", level=1)).to_have_text("Pas de réseau")

    # the worker was there all along: a failure is not remembered
    page.evaluate(GONE)
    weather.down = False
    page.goto("/")
    until(lambda: "person" in readable(page))
    until(lambda: "/" in kept_pages(page))
    weather.down = True
    page.goto("/")
    expect(page.locator(".offline-note")).to_contain_text("Hors ligne · état du")


def test_a_sale_that_can_neither_be_kept_nor_sent_stays_on_its_page(
    cast, autumn, weather: Storm, phone: BrowserContext
):
    page = phone.new_page()
    page.goto("/sign-in?next=/declare")
    page.evaluate("() => navigator.serviceWorker.ready")
    # the first page comes, but not the key with which sales are kept
    weather.broken = {("GET", "/outbox/session")}
    page.get_by_role("button", name="Awa Diallo").click()
    page.wait_for_url("**/declare")
    fill_in(page, 3)
    weather.down = True
    page.get_by_role("button", name="Envoyer").click()
    expect(page.get_by_role("alert")).to_contain_text("Ce téléphone n’a pas pu garder la vente.")
    expect(page.get_by_label("Unités : Crème de jour")).to_have_value("3")
    assert queue(page) == {}

    # the key comes after all: the draft is saved, and the sale kept
    weather.broken, weather.down = set(), False
    page.get_by_label("Unités : Crème de jour").fill("4")
    until(lambda: queue(page) == {"draft": 1})
    weather.down = True
    page.get_by_role("button", name="Envoyer").click()
    expect(page.get_by_role("heading", level=1, name="Votre vente est en sécurité")).to_be_visible()
    assert queue(page) == {"kept": 1}


def test_a_form_that_was_cut_off_is_not_said_to_be_safe(cast, autumn, weather: Storm, phone: BrowserContext):
    page = signed_in(phone)
    weather.broken = {("POST", "/language")}
    page.locator(".user-menu summary").click()
    page.get_by_role("button", name="EN", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Pas de réseau")
    expect(page.locator("main")).to_contain_text("nous ne savons pas si cela est arrivé")
    expect(page.locator("main")).not_to_contain_text("Rien n’a été perdu")


SHOWS = """() => navigator.serviceWorker.ready.then((worker) =>
    worker.showNotification("Commande refusée", { body: "Bonjour Awa, votre commande…", tag: "notice-1" }))"""
SHOWN = """() => navigator.serviceWorker.ready
    .then((worker) => worker.getNotifications())
    .then((all) => all.map(({ body }) => body))"""


@pytest.mark.whole_browser
def test_what_was_notified_leaves_the_screen_with_its_person(cast, autumn, phone: BrowserContext):
    phone.grant_permissions(["notifications"])
    page = signed_in(phone)
    page.evaluate(SHOWS)
    until(lambda: page.evaluate(SHOWN) == ["Bonjour Awa, votre commande…"])
    leave(page)
    page.wait_for_url("**/sign-in")
    until(lambda: page.evaluate(SHOWN) == [], 5)  # the browser itself puts it away after a while


def test_leaving_without_network_is_told_to_the_server_until_it_takes_it(
    cast, autumn, weather: Storm, phone: BrowserContext
):
    page = signed_in(phone)
    weather.down = True
    leave(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Pas de réseau")
    # it is being started again
    weather.refused, weather.down = {("POST", "/sign-out"): ("503 Service Unavailable", "")}, False
    for _ in range(2):
        page.goto("/")
        expect(page.get_by_role("heading", level=1)).to_have_text("Pas de réseau")
    weather.refused = {}
    page.goto("/")
    expect(page).to_have_url(re.compile("/sign-in"))


def test_a_photo_for_which_there_is_no_place_yet_holds_back_its_own_sale_alone(
    cast, autumn, weather: Storm, phone: BrowserContext, monkeypatch: pytest.MonkeyPatch
):
    page = hers(phone)
    weather.down = True
    for units, photo in ((1, receipt(random.Random(1))), (2, None)):
        page.goto("/declare")
        declare(page, units, photo)
    with monkeypatch.context() as full:
        full.setattr(photos, "MOST_UNUSED", 0)
        page.goto("/declarations")  # before the network is back: from here on nothing leads away
        weather.down = False
        page.get_by_role("button", name="Envoyer maintenant").click()
        until(lambda: sales_of("AWA") == [("accepted", 2)])
        until(lambda: queue(page) == {"kept": 1, "answered": 1})
    page.evaluate("() => window.dispatchEvent(new Event('focus'))")  # at once
    until(lambda: sorted(sales_of("AWA")) == [("accepted", 1), ("accepted", 2)])


def test_a_sale_with_half_a_letter_arrives_and_one_that_cannot_be_read_says_so(
    cast, autumn, weather: Storm, phone: BrowserContext
):
    page = hers(phone)
    weather.down = True
    page.goto("/declare")
    fill_in(page, 2)
    page.locator("textarea[name=comment]").evaluate(
        "(field) => { field.value = 'Elle adore ' + '😀'[0]; }"  # where the field was full
    )
    page.get_by_role("button", name="Envoyer").click()
    expect(page.get_by_role("heading", level=1, name="Votre vente est en sécurité")).to_be_visible()

    # a token of another session: the sale is tried again
    weather.refused, weather.down = {SENDS: ("400 Bad Request", '{"title": "The token is missing"}')}, False
    page.goto("/declarations")
    until(lambda: SENDS in weather.seen)
    assert queue(page) == {"kept": 1}
    weather.refused = {SENDS: ("400 Bad Request", '{"title": "Not JSON", "errors": [{"field": "body"}]}')}
    row = page.locator("#outbox-list li")
    expect(row).to_contain_text("Refusée")
    expect(row).to_contain_text("Cette vente ne peut pas être enregistrée ; parlez-en à votre animateur.")

    weather.refused = {}
    row.get_by_role("link", name="Reprendre la vente").click()
    expect(page.get_by_label("Unités : Crème de jour")).to_have_value("2")
    page.get_by_role("button", name="Envoyer").click()
    page.wait_for_url("**/declarations/*")
    assert sales_of("AWA") == [("accepted", 2)]
    assert db.session.scalars(select(Revision.comment)).all() == ["Elle adore"]


# The addresses of our files in the pages that are kept.
NAMED = """async () => {
    const named = [];
    for (const name of await caches.keys()) {
        if (!name.startsWith("pages-")) continue;
        const cache = await caches.open(name);
        for (const page of await cache.keys()) {
            const text = await (await cache.match(page)).text();
            named.push(...text.match(/outbox\\.js\\?v=\\w+/g));
        }
    }
    return named;
}"""


# Notes, in the window, how often the browser is asked to hold on to what is kept; it then does.
ASKED = """
    window.asked = 0;
    StorageManager.prototype.persisted = async () => window.asked > 0;
    StorageManager.prototype.persist = async () => Boolean(window.asked += 1);
"""


def test_the_browser_is_asked_to_hold_on_to_what_is_kept_once_something_is(
    cast, autumn, weather: Storm, phone: BrowserContext
):
    phone.add_init_script(ASKED)
    page = hers(phone)
    weather.down = True
    page.goto("/declare")
    fill_in(page, 2)
    until(lambda: queue(page) == {"draft": 1})
    assert page.evaluate("() => window.asked") == 0
    page.get_by_role("button", name="Envoyer").click()
    page.wait_for_function("() => window.asked === 1")
    assert queue(page) == {"kept": 1}


def test_with_a_new_version_the_pages_that_are_kept_are_fetched_anew(
    app: Flask, cast, autumn, weather: Storm, phone: BrowserContext
):
    page = hers(phone)
    before = app.jinja_env.globals["asset_url"]
    app.jinja_env.globals["asset_url"] = lambda name: before(name) + "new"
    last = ("GET", "/ranking")
    weather.refused, weather.seen = {last: ("503 Service Unavailable", "")}, []  # it has hardly started
    page.goto("/points")
    until(lambda: last in weather.seen)
    assert {one[-3:] for one in page.evaluate(NAMED)} > {"new"}, "the earlier page stays meanwhile"
    weather.refused = {}
    page.goto("/points")
    until(lambda: {one[-3:] for one in page.evaluate(NAMED)} == {"new"}, 10)
    phone.new_cdp_session(page).send("Network.clearBrowserCache")
    weather.down = True
    page.goto("/declare")
    fill_in(page, 2)
    page.get_by_role("button", name="Envoyer").click()
    expect(page.get_by_role("heading", level=1, name="Votre vente est en sécurité")).to_be_visible()
