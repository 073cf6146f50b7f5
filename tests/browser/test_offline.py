"""Declaring without network: nothing is lost, nothing is written twice, and the next person on the phone sees nothing.

The phone is Chromium with a profile of its own on the disk, so that it can be closed and opened again. The weather is
the test's: without network no connection comes through, and in bad weather every third answer to the outbox is lost
after the server has committed it.
"""

from __future__ import annotations

import io
import os
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from PIL import Image
from playwright.sync_api import BrowserContext, BrowserType, Page, Playwright, expect
from sqlalchemy import delete, func, select

from catalogue.models import Product
from declarations.models import Declaration, Line, Photo, Revision
from foundation import clock
from foundation.database import db
from foundation.transactions import transaction
from network.models import Person
from points.models import Entry
from rewards.jobs import advance_challenges
from tests.browser.conftest import ARGUMENTS, PHONE, program, served, tap_in
from tests.browser.stage import day, publish, today

SEEDS = range(int(os.environ.get("PALMARES_OFFLINE_SEEDS", "2")))
SALES = 20
PHOTOS = 5


class Weather:
    """What stands between the phone and the server: `down`, nothing comes through; else every `lose`-th answer to the
    outbox, from the `first` on, is lost after the server has done its work."""

    def __init__(self, application: Callable[..., Any]) -> None:
        self.application = application
        self.down = False
        self.lose = 0
        self.first = 0
        self.asked = 0
        self.lost = 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if self.down:
            return self.hang_up(environ)
        answer = self.application(environ, start_response)
        if self.lose and environ["PATH_INFO"].startswith("/outbox/") and environ["REQUEST_METHOD"] != "GET":
            self.asked += 1
            if self.asked % self.lose == self.first:
                list(answer)
                self.lost += 1
                return self.hang_up(environ)
        return answer

    @staticmethod
    def hang_up(environ: dict[str, Any]) -> list[bytes]:
        """The connection ends without an answer."""
        environ["werkzeug.socket"].shutdown(2)
        raise ConnectionAbortedError


class Phone:
    """A browser with its own profile, in somebody's hand."""

    def __init__(self, kind: BrowserType, folder: Path, address: str) -> None:
        self.kind, self.folder, self.address = kind, folder, address
        self.context: BrowserContext | None = None

    def open(self) -> Page:
        """Open the browser, and a page in it."""
        self.context = self.kind.launch_persistent_context(
            str(self.folder),
            executable_path=program(whole=True),
            args=ARGUMENTS,
            base_url=self.address,
            viewport=PHONE,
            locale="fr-FR",
            timezone_id="Europe/Paris",
            reduced_motion="reduce",
        )
        self.context.set_default_timeout(15_000)
        return self.context.pages[0]

    def close(self) -> None:
        """Close the browser; what it keeps stays on the disk."""
        if self.context is not None:
            self.context.close()
            self.context = None


@pytest.fixture
def weather(app: Flask) -> Weather:
    """The weather over the product under test; fine to begin with."""
    weather = Weather(app.wsgi_app)
    app.wsgi_app = weather  # type: ignore[method-assign]
    return weather


@pytest.fixture
def address(app: Flask, weather: Weather) -> Iterator[str]:
    """Where the product answers while the test runs."""
    with served(app) as address:
        yield address


@pytest.fixture
def phone(driver: Playwright, address: str, tmp_path: Path) -> Iterator[Phone]:
    """A phone, switched off."""
    phone = Phone(driver.chromium, tmp_path / "profile", address)
    yield phone
    phone.close()


@pytest.fixture
def autumn(cast: Any) -> None:
    """A running challenge: 10 points for a unit of care, 50 more at five units."""
    publish(proof="optional")
    list(advance_challenges(clock.now()))


def sales_of(code: str) -> list[tuple[str, int]]:
    """(status, units) of somebody's sales, as the server has them."""
    db.session.rollback()
    found = (
        select(Declaration.status, func.sum(Line.units))
        .join(Revision, Revision.declaration_id == Declaration.id)
        .join(Line, Line.revision_id == Revision.id)
        .join(Person, Person.id == Declaration.person_id)
        .where(Person.code == code)
        .group_by(Declaration.id)
    )
    return [(status, int(units)) for status, units in db.session.execute(found)]


def until(true: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until something is true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.1)


def kept_pages(page: Page) -> list[str]:
    """The pages on the phone that open without network, whoever's."""
    return page.evaluate(
        """async () => {
            const paths = [];
            for (const name of await caches.keys()) {
                if (!name.startsWith("pages-")) continue;
                for (const one of await (await caches.open(name)).keys()) paths.push(new URL(one.url).pathname);
            }
            return paths;
        }"""
    )


def ready(page: Page) -> None:
    """Wait until the pages that open without network are kept, and the catalogue."""
    until(lambda: {"/", "/declare", "/declare/meeting", "/declarations", "/ranking"} <= set(kept_pages(page)))
    until(lambda: {"key", "CREME"} <= set(readable(page)))


def cut_off(phone: Phone, weather: Weather, name: str = "Awa Diallo") -> Page:
    """Somebody's phone, which has lost the network after it was ready."""
    page = phone.open()
    tap_in(page, name)
    ready(page)
    weather.down = True
    return page


def queue(page: Page) -> dict[str, int]:
    """How many sales of each state are on the phone, whoever's."""
    return page.evaluate(
        """() => new Promise((resolve, reject) => {
            const asked = indexedDB.open("palmares");
            asked.onerror = () => reject(asked.error);
            asked.onsuccess = () => {
                const all = asked.result.transaction("items").objectStore("items").getAll();
                all.onsuccess = () => {
                    const counts = {};
                    for (const one of all.result) counts[one.state] = (counts[one.state] ?? 0) + 1;
                    asked.result.close();
                    resolve(counts);
                };
            };
        })"""
    )


def at_rest(page: Page) -> None:
    """Wait until the page has shown what it found on the phone: what is not there now does not come."""
    page.evaluate("() => window.outbox.met()")
    for _ in range(3):  # each part of the page asks the phone twice at most, before this is answered
        page.evaluate("() => window.outbox.store.mine().then(() => window.outbox.store.get('expired'))")


def pictures(page: Page) -> list[str]:
    """The ids of the photos on the phone."""
    return page.evaluate(
        """() => new Promise((resolve) => {
            const asked = indexedDB.open("palmares");
            asked.onsuccess = () => {
                const all = asked.result.transaction("photos").objectStore("photos").getAllKeys();
                all.onsuccess = () => (asked.result.close(), resolve(all.result));
            };
        })"""
    )


def receipt(chance: random.Random) -> bytes:
    """A photo of about 100 kB."""
    picture = Image.frombytes("RGB", (240, 240), chance.randbytes(240 * 240 * 3)).resize((600, 600))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=70)
    return file.getvalue()


def declare(page: Page, units: int, photo: bytes | None = None, *, product: str = "Crème de jour") -> None:
    """Declare some units of a product on the form that is open, without network."""
    page.get_by_role("group", name="Produits récents").get_by_role("button", name=product).click()
    page.get_by_label(f"Unités : {product}").fill(str(units))
    page.get_by_label("En boutique").check()
    if photo:
        page.locator("input[name=proof]").set_input_files(
            {"name": "ticket.jpg", "mimeType": "image/jpeg", "buffer": photo}
        )
    page.get_by_role("button", name="Envoyer").click()
    expect(page.get_by_role("heading", level=1, name="Votre vente est en sécurité")).to_be_visible()


def test_a_sale_made_without_network_is_kept_dated_and_sent(cast, autumn, weather: Weather, phone: Phone):
    page = cut_off(phone, weather)
    for path in ("/", "/declare", "/declarations", "/ranking", "/challenges/automne/ranking"):
        page.goto(path)
        expect(page.locator(".offline-note")).to_contain_text("Hors ligne · état du")
    page.goto("/rewards")
    expect(page.get_by_role("heading", level=1)).to_have_text("Pas de réseau")

    page.goto("/declare")
    page.get_by_label("Chercher un produit, un code").press_sequentially("serum")
    page.locator("#declare-results").get_by_role("button", name="Sérum éclat").click()
    declare(page, 3)
    page.goto("/declarations")
    row = page.locator("#outbox-list li")
    expect(row).to_contain_text("1 × Sérum éclat, 3 × Crème de jour")
    expect(row).to_contain_text("Gardée sur ce téléphone")
    assert sales_of("AWA") == []

    weather.down = False
    page.get_by_role("button", name="Envoyer maintenant").click()
    expect(row).to_contain_text("Comptée")
    expect(row).to_contain_text("+40")
    note = page.locator(".offline-note")
    expect(note.get_by_role("link", name="Actualiser")).to_be_visible()
    expect(note).to_contain_text("État du")
    expect(note.get_by_text("Hors ligne")).to_be_hidden()
    assert sales_of("AWA") == [("accepted", 4)]
    row.get_by_role("link", name="Voir ce que donne la vente : 1 × Sérum éclat").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("+40pts")
    expect(page.locator("main")).to_contain_text("Nouveau badge")
    expect(page.locator("main")).to_contain_text("Vous entrez au classement : 1er")
    page.goto("/declarations")
    expect(page.get_by_role("link").filter(has_text="1 × Sérum éclat")).to_be_visible()
    until(lambda: queue(page) == {})
    expect(page.locator("#outbox-list")).to_be_hidden()


@pytest.mark.parametrize("seed", SEEDS)
def test_twenty_sales_made_without_network_arrive_once_each_through_lost_answers(
    cast, autumn, weather: Weather, phone: Phone, seed: int
):
    chance = random.Random(seed)
    units = [chance.randint(1, 4) for _ in range(SALES)]
    with_photo = set(chance.sample(range(SALES), PHOTOS))
    reloads = set(chance.sample(range(1, SALES), 2))
    closing = chance.randrange(2, SALES)

    page = cut_off(phone, weather)
    page.context.set_offline(True)
    for number, count in enumerate(units):
        if number in reloads:
            page.reload()
        if number == closing:
            phone.close()
            page = phone.open()
            page.context.set_offline(chance.random() < 0.5)
        page.goto("/declare")
        declare(page, count, receipt(chance) if number in with_photo else None)
    assert sales_of("AWA") == []
    phone.close()

    page = phone.open()
    page.goto("/declarations")
    expect(page.locator("#outbox-list li")).to_have_count(SALES)
    weather.lose, weather.first, weather.down = 3, chance.randrange(3), False
    page.get_by_role("button", name="Envoyer maintenant").click()
    until(lambda: queue(page).get("kept", 0) == 0, 120)
    assert queue(page) == {"answered": SALES} and weather.lost >= SALES // 3

    assert sorted(sales_of("AWA")) == sorted(("accepted", count) for count in units)
    gained = select(func.sum(Entry.amount)).where(Entry.rules_version > 0)
    assert db.session.scalar(gained) == 10 * sum(units) + 50, "points are counted once"
    proving = select(func.count()).select_from(Photo).where(Photo.declaration_id.is_not(None))
    assert db.session.scalar(proving) == PHOTOS
    weather.lose = 0
    page.goto("/declarations")
    until(lambda: queue(page) == {})
    expect(page.locator("#outbox-list")).to_be_hidden()
    page.goto("/")
    expect(page.locator(".hero-board .hero-number")).to_contain_text(str(10 * sum(units) + 50))


def test_a_sale_that_was_begun_keeps_its_photo(cast, autumn, weather: Weather, phone: Phone):
    page = cut_off(phone, weather)
    page.goto("/declare")
    page.get_by_role("group", name="Produits récents").get_by_role("button", name="Crème de jour").click()
    page.get_by_label("En boutique").check()
    kept: list[str] = []
    for seed in (1, 2):
        page.locator("input[name=proof]").set_input_files(
            {"name": "ticket.jpg", "mimeType": "image/jpeg", "buffer": receipt(random.Random(seed))}
        )
        # the second takes the place of the first, which goes
        until(lambda before=kept: len(pictures(page)) == 1 and pictures(page) != before)
        kept = pictures(page)

    phone.close()
    page = phone.open()
    page.goto("/declare")
    page.get_by_role("button", name="Reprendre la vente").click()
    expect(page.locator("[data-photo-shown]")).to_be_visible()
    page.get_by_role("button", name="Envoyer").click()
    expect(page.get_by_role("heading", level=1, name="Votre vente est en sécurité")).to_be_visible()
    assert pictures(page) == kept
    weather.down = False
    page.goto("/declarations")
    until(lambda: queue(page).get("kept", 0) == 0)
    assert sales_of("AWA") == [("accepted", 1)]
    [proof] = db.session.scalars(select(Photo).where(Photo.declaration_id.is_not(None)))
    assert proof.picture is not None and pictures(page) == []


def test_the_next_person_on_the_phone_sees_and_sends_nothing_of_the_first(cast, autumn, weather: Weather, phone: Phone):
    page = cut_off(phone, weather)
    page.goto("/declare")
    declare(page, 3)
    page.goto("/declare")
    page.get_by_role("group", name="Produits récents").get_by_role("button", name="Rouge velours").click()
    until(lambda: queue(page) == {"kept": 1, "draft": 1})

    # she leaves, without network: she is warned, and nothing of hers opens any more
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.accept()))
    leave(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Pas de réseau")
    assert "1 vente n’est pas encore envoyée" in asked[0]
    expect(page.locator("main")).to_contain_text("Ce téléphone est déconnecté.")
    expect(page.get_by_text("reste fermé sur ce téléphone")).to_be_visible()
    for path in ("/", "/declare", "/declarations", "/ranking", "/challenges/automne/ranking"):
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_have_text("Pas de réseau")
        expect(page.locator("body")).not_to_contain_text("Awa")
    assert kept_pages(page) == [] and readable(page) == []
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Pas de réseau")

    # the network comes back: her session ends before anything is shown; Chloé signs in
    weather.down = False
    page.get_by_role("link", name="Se reconnecter").click()
    expect(page).to_have_url(re.compile("/sign-in"))
    expect(page.get_by_role("button", name="Recevoir un code")).to_be_visible()
    tap_in(page, "Chloé Le Gall")
    ready(page)
    for path in ("/", "/declare", "/declarations", "/ranking"):
        page.goto(path)
        at_rest(page)
        expect(page.locator("#outbox-strip")).to_be_hidden()
        expect(page.locator("#main")).not_to_contain_text("Crème de jour, ")
    page.goto("/declarations")
    at_rest(page)
    expect(page.locator("#outbox-list")).to_be_hidden()
    weather.down = True
    page.goto("/declare")
    at_rest(page)
    expect(page.locator("#outbox-alert")).to_be_empty()
    declare(page, 2, product="Sérum éclat")
    page.goto("/declarations")
    expect(page.locator("#outbox-list li")).to_have_count(1)
    weather.down = False
    page.goto("/declarations")
    until(lambda: sales_of("CHLOE") == [("accepted", 2)])
    until(lambda: queue(page)["kept"] == 1)  # the answer has come too
    assert sales_of("AWA") == []
    leave(page)
    expect(page).to_have_url(re.compile("/sign-in"))
    assert kept_pages(page) == [] and readable(page) == []

    # Awa comes back and finds what she had left
    tap_in(page, "Awa Diallo")
    until(lambda: sales_of("AWA") == [("accepted", 3)])
    page.goto("/declare")
    expect(page.locator("#outbox-alert")).to_contain_text("1 × Rouge velours")
    page.get_by_role("button", name="Reprendre la vente").click()
    expect(page.get_by_label("Unités : Rouge velours")).to_have_value("1")
    assert sales_of("CHLOE") == [("accepted", 2)]


def test_an_expired_sign_in_keeps_the_sales_and_asks_to_sign_in_again(
    app: Flask, cast, autumn, weather: Weather, phone: Phone
):
    page = cut_off(phone, weather)
    page.goto("/declare")
    declare(page, 2)
    page.goto("/declarations")
    page.context.clear_cookies()
    weather.down = False
    page.evaluate("() => window.dispatchEvent(new Event('focus'))")  # at once, unless it has tried by itself meanwhile
    expect(page.locator("#outbox-strip")).to_contain_text("Votre connexion est terminée. 1 vente attend")
    page.get_by_role("link", name="Se reconnecter").click()
    page.get_by_role("button", name="Awa Diallo").click()
    until(lambda: sales_of("AWA") == [("accepted", 2)])
    until(lambda: "kept" not in queue(page))  # the answer has come too

    # it expires under a sale that is begun: the sale goes on, and every page says what sends it
    page.goto("/declare")
    at_rest(page)
    expect(page.locator("#outbox-strip")).to_be_hidden()
    page.context.clear_cookies()
    page.get_by_role("group", name="Produits récents").get_by_role("button", name="Crème de jour").click()
    expect(page.locator("#outbox-strip")).to_contain_text("Ce que vous notez reste sur ce téléphone : reconnectez-vous")
    expect(page.get_by_label("Unités : Crème de jour")).to_have_value("1")
    page.get_by_label("En boutique").check()
    page.get_by_role("button", name="Envoyer").click()
    panel = page.locator("[data-kept]")
    expect(panel).to_contain_text("Elle part dès que vous vous reconnectez sur ce téléphone.")
    expect(panel.get_by_text("dès que le réseau revient")).to_be_hidden()
    page.get_by_role("link", name="Se reconnecter").click()
    expect(page.get_by_role("status")).to_contain_text("Votre connexion est terminée")
    expect(page.get_by_role("status")).to_contain_text("Rien n’est perdu")
    page.get_by_role("button", name="Awa Diallo").click()
    until(lambda: sorted(sales_of("AWA")) == [("accepted", 1), ("accepted", 2)])


def test_a_page_of_somebody_who_is_no_longer_signed_in_says_so(cast, autumn, phone: Phone):
    page = phone.open()
    tap_in(page, "Awa Diallo")
    page.goto("/declare")
    page.get_by_role("group", name="Produits récents").get_by_role("button", name="Crème de jour").click()
    page.get_by_label("En boutique").check()
    other = page.context.new_page()
    other.goto("/")
    leave(other)
    expect(other).to_have_url(re.compile("/sign-in"))
    tap_in(other, "Chloé Le Gall")
    page.get_by_role("button", name="Envoyer").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("La page est d’une autre connexion")
    expect(page.locator("main")).to_contain_text("c’est maintenant celle de Chloé Le Gall")
    expect(page.locator("main")).to_contain_text("Rien n’est perdu")
    assert sales_of("AWA") == [] and sales_of("CHLOE") == []


def test_a_refused_sale_says_why_lets_the_others_pass_and_is_mended(cast, autumn, weather: Weather, phone: Phone):
    page = cut_off(phone, weather)
    page.goto("/declare")
    declare(page, 1, product="Sérum éclat")
    page.goto("/declare")
    declare(page, 2)
    with transaction():
        db.session.execute(delete(Product).where(Product.sku == "SERUM"))
    weather.down = False
    page.goto("/declarations")
    row = page.locator("#outbox-list li").filter(has_text="Refusée")
    expect(row).to_contain_text("Sérum éclat n’est plus au catalogue ; retirez-le.")
    until(lambda: sales_of("AWA") == [("accepted", 2)])
    row.get_by_role("link", name="Reprendre la vente").click()
    expect(page.get_by_role("alert")).to_contain_text("Sérum éclat n’est plus au catalogue")
    page.get_by_role("button", name="Retirer Sérum éclat").click()
    expect(page.get_by_label("Unités : Sérum éclat")).to_have_count(0)
    page.get_by_role("group", name="Produits récents").get_by_role("button", name="Crème de jour").click()
    expect(page.get_by_label("Unités : Crème de jour")).to_have_value("1")
    expect(page.get_by_label("En boutique")).to_be_checked()
    page.get_by_role("button", name="Envoyer").click()
    page.wait_for_url("**/declarations/*")
    assert sorted(sales_of("AWA")) == [("accepted", 1), ("accepted", 2)]
    assert queue(page).get("refused") is None


def test_a_sale_that_has_not_left_is_corrected_or_erased_and_one_that_may_have_arrived_is_not(
    cast, autumn, weather: Weather, phone: Phone
):
    page = cut_off(phone, weather)
    page.on("dialog", lambda dialog: dialog.accept())
    for units in (3, 7):
        page.goto("/declare")
        declare(page, units)
    page.goto("/declarations")
    rows = page.locator("#outbox-list li")
    rows.filter(has_text="7 × Crème").get_by_role("button", name="Effacer").click()
    expect(rows).to_have_count(1)
    rows.get_by_role("button", name="Corriger").click()
    expect(page.locator("#outbox-alert")).to_contain_text("Cette vente n’était pas encore partie.")
    expect(page.get_by_label("Unités : Crème de jour")).to_have_value("3")
    assert queue(page) == {"draft": 1}
    page.get_by_label("Unités : Crème de jour").fill("2")
    page.get_by_role("button", name="Envoyer").click()
    expect(page.get_by_role("heading", level=1, name="Votre vente est en sécurité")).to_be_visible()
    page.goto("/declarations")
    expect(rows.get_by_role("button", name="Corriger")).to_be_visible()

    # the server has it, the phone does not know: whatever comes, it is the server's answer that counts
    weather.lose, weather.down = 1, False
    page.get_by_role("button", name="Envoyer maintenant").click()
    expect(rows).to_contain_text("Elle est peut-être déjà arrivée")
    expect(rows.get_by_role("button")).to_have_count(0)
    weather.lose = 0
    page.evaluate("() => window.dispatchEvent(new Event('focus'))")  # at once, not after the next pause
    expect(rows).to_contain_text("Comptée")
    assert sales_of("AWA") == [("accepted", 2)]


def kept_page(page: Page, path: str) -> str:
    """A page as the phone keeps it."""
    return page.evaluate("(path) => caches.match(path, { ignoreVary: true }).then((kept) => kept?.text() ?? '')", path)


def test_kept_pages_follow_what_is_changed_and_the_network_when_it_is_back(
    cast, autumn, weather: Weather, phone: Phone
):
    page = phone.open()
    tap_in(page, "Awa Diallo")
    ready(page)
    page.locator("summary", has_text="Mon menu").click()
    page.get_by_role("button", name="Sombre").click()
    until(lambda: 'data-theme="palmares-dark"' in kept_page(page, "/ranking"))
    page.locator("summary", has_text="Mon menu").click()
    page.get_by_role("button", name="EN", exact=True).click()
    until(lambda: 'lang="en"' in kept_page(page, "/ranking"))
    page.goto("/declare")
    page.get_by_role("group", name="Recent products").get_by_role("button", name="Crème de jour").click()
    page.get_by_label("In store").check()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("+10pts")
    until(lambda: "1\u00a0×\u00a0Crème" in kept_page(page, "/"))

    # without network the pages are from before; when it is back they reload, but not under what is being typed
    weather.down = True
    page.goto("/ranking")
    expect(page.locator(".offline-note")).to_contain_text("Offline · as of")
    weather.down = False
    page.context.set_offline(True)
    page.context.set_offline(False)  # the browser says that the network is back
    expect(page.locator(".offline-note")).to_be_hidden()
    weather.down = True
    page.goto("/declare")
    page.get_by_label("Search for a product or a code").press_sequentially("cre")
    weather.down = False
    expect(page.get_by_role("link", name="Refresh")).to_be_visible()
    expect(page.get_by_label("Search for a product or a code")).to_have_value("cre")


def test_a_page_kept_yesterday_proposes_today_and_says_which_code_it_does_not_know(
    cast, autumn, weather: Weather, phone: Phone
):
    page = cut_off(phone, weather, "Nina Costa")
    page.clock.install(time=clock.now() + timedelta(days=1))
    for path, label in (("/declare", "Date de la vente"), ("/declare/meeting", "Date de la réunion")):
        page.goto(path)
        expect(page.locator(".offline-note")).to_be_visible()
        expect(page.get_by_label(label)).to_have_value(day(1))
        page.locator("[name=code]").evaluate("(button) => { button.value = '4006381333931'; button.click(); }")
        said = "Aucun produit n’a le code « 4006381333931 ». Cherchez-le par son nom."
        expect(page.locator("#declare-results")).to_have_text(said)


SLOW_PHONE = """() => {
    const request = LockManager.prototype.request;
    LockManager.prototype.request = async function (...asked) {
        await new Promise((resolve) => setTimeout(resolve, 2_000));
        return request.apply(this, asked);
    };
}"""

# What is kept of the form was made on another day.
MADE_ON = """async ([today, day]) => {
    for (const name of await caches.keys()) {
        if (!name.startsWith("pages-")) continue;
        const cache = await caches.open(name);
        const kept = await cache.match("/declare", { ignoreVary: true });
        const text = (await kept.text()).replaceAll(today, day);
        await cache.put("/declare", new Response(text, { headers: kept.headers }));
    }
}"""


def test_a_sale_sent_before_the_phone_is_ready_is_of_today_and_is_another_one(
    cast, autumn, weather: Weather, phone: Phone
):
    page = cut_off(phone, weather)
    page.evaluate(MADE_ON, [day(0), day(-1)])
    page.add_init_script(f"({SLOW_PHONE})()")
    for number in (1, 2):
        page.goto("/declare")
        declare(page, 3)
        assert queue(page) == {"kept": number}
    weather.down = False
    page.reload()
    until(lambda: sales_of("AWA") == [("accepted", 3)] * 2)
    assert db.session.scalars(select(Revision.sold_on)).all() == [today()] * 2


@contextmanager
def saved(page: Page, says: str) -> Iterator[None]:
    """Wait until a draft that says this has been saved; one of before may still be under way."""
    page.evaluate(
        """(says) => {
            const encrypt = crypto.subtle.encrypt;
            window.draftSaved = new Promise((resolve) => {
                const done = ({ detail }) => ["draft", "meeting"].includes(detail.state) && resolve();
                crypto.subtle.encrypt = function (way, key, content) {
                    if (new TextDecoder().decode(content).includes(says)) window.addEventListener("outbox", done);
                    return encrypt.call(this, way, key, content);
                };
            });
        }""",
        says,
    )
    yield
    page.evaluate("() => window.draftSaved")


def took(page: Page, guest: str, product: str, units: int) -> None:
    """Write how much of a product a guest of the meeting took."""
    page.get_by_role("group", name=guest, exact=True).get_by_label(product).fill(str(units))


def test_a_meeting_told_without_network_comes_back_and_is_written_once(cast, autumn, weather: Weather, phone: Phone):
    page = cut_off(phone, weather, "Nina Costa")
    page.goto("/declare/meeting")
    expect(page.locator(".offline-note")).to_contain_text("Hors ligne · état du")
    page.get_by_role("group", name="Produits récents").get_by_role("button", name="Crème de jour").click()
    page.get_by_label("Chercher un produit, un code").press_sequentially("rouge")
    page.locator("#declare-results").get_by_role("button", name="Rouge velours").click()
    page.get_by_role("button", name="Un client de plus").click()
    page.get_by_role("button", name="Un client de plus").click()
    untaken = page.context.new_page()
    until(lambda: queue(page) == {"meeting": 1})
    untaken.goto("/declarations")
    expect(untaken.locator("#outbox-list .row-title")).to_have_text("Réunion commencée, aucun achat noté")
    untaken.close()
    took(page, "L’hôtesse ou l’hôte", "Crème de jour", 1)
    took(page, "Client 1", "Crème de jour", 2)
    with saved(page, '"ROUGE":"5"'):
        took(page, "Client 2", "Rouge velours", 5)
    assert queue(page) == {"meeting": 1}

    # the page is reloaded, another page looked at, and the meeting goes on
    page.reload()
    expect(page.get_by_role("group", name="Client 2", exact=True).get_by_label("Rouge velours")).to_have_value("5")
    page.goto("/")
    expect(page.locator("#outbox-strip")).to_contain_text("1 vente commencée, à terminer.")
    page.goto("/declarations")
    row = page.locator("#outbox-list li")
    expect(row).to_contain_text("3 × Crème de jour, 5 × Rouge velours")
    row.get_by_role("link", name="Reprendre la réunion").click()
    expect(page.locator("#outbox-alert")).to_contain_text("Votre réunion est reprise là où vous en étiez.")
    first = page.get_by_role("group", name="Client 1", exact=True)
    expect(first.get_by_label("Crème de jour")).to_have_value("2")
    first.get_by_text("Son avis").click()
    first.get_by_label("5 étoiles").check()
    first.get_by_label("Ce qu’il en dit").fill("Elle adore la texture et le parfum.")
    took(page, "Client 2", "Rouge velours", 3)
    expect(page.locator("#expected")).to_contain_text("Hors ligne")
    page.get_by_role("button", name="Envoyer").click()
    title = page.get_by_role("heading", level=1)
    expect(title).to_have_text("Réunion gardée sur ce téléphone : 3 ventes.")
    assert queue(page) == {"kept": 3} and sales_of("NINA") == []

    # the network comes back, every second answer is lost after the server has committed
    weather.lose, weather.down = 2, False
    page.reload()
    until(lambda: queue(page).get("kept", 0) == 0, 60)
    assert weather.lost >= 1
    assert sorted(sales_of("NINA")) == [("accepted", 1), ("accepted", 2), ("accepted", 3)]
    gained = select(func.sum(Entry.amount)).where(Entry.rules_version > 0)
    assert db.session.scalar(gained) == 10 * 3 + 15 + 50, "three creams, an opinion, and the step at five units"
    told = db.session.scalars(select(Revision.channel)).all()
    assert set(told) == {"meeting"}
    assert len(set(db.session.scalars(select(Declaration.declared_at)).all())) == 1
    page.goto("/declare/meeting")
    expect(page.get_by_label("Crème de jour", exact=True)).to_have_count(0)
    assert queue(page).get("meeting") is None


def test_a_meeting_tells_what_becomes_of_its_sales(cast, autumn, weather: Weather, phone: Phone):
    page = phone.open()
    tap_in(page, "Nina Costa")
    ready(page)
    page.goto("/declare/meeting")
    expect(page.get_by_role("group", name="Client 1", exact=True)).to_be_visible()
    page.get_by_role("button", name="Envoyer").click()
    expect(page.get_by_role("alert")).to_contain_text("Ajoutez un produit et ce qu’au moins un client a acheté.")
    chips = page.get_by_role("group", name="Produits récents")
    for product in ("Crème de jour", "Sérum éclat"):
        chips.get_by_role("button", name=product).click()
    took(page, "L’hôtesse ou l’hôte", "Sérum éclat", 2)
    took(page, "Client 1", "Crème de jour", 1_000_000)
    page.get_by_role("button", name="Envoyer").click()
    expect(page.get_by_role("alert")).to_contain_text("Client 1 : Crème de jour : écrivez un nombre d’unités")
    took(page, "Client 1", "Crème de jour", 1)
    expect(page.locator("#expected")).to_contain_text("+30")
    with transaction():
        db.session.execute(delete(Product).where(Product.sku == "SERUM"))
    page.get_by_role("button", name="Envoyer").click()
    title = page.get_by_role("heading", level=1)
    expect(title).to_have_text("Réunion enregistrée : 1 vente. 1 vente refusée à reprendre.")
    rows = page.locator("[data-sent] li")
    expect(rows).to_have_count(2)
    expect(rows.filter(has_text="Comptée")).to_contain_text("+10")
    page.get_by_role("link", name="Badges, places et prochaine étape").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Réunion enregistrée : 1 vente.")
    expect(page.locator("[data-gained]")).to_have_text("+10 pts")
    expect(page.locator("main")).to_contain_text("Nouveau badge")
    page.goto("/declarations")
    rows = page.locator("#outbox-list li")
    rows.filter(has_text="Sérum éclat n’est plus au catalogue").get_by_role("link", name="Reprendre la vente").click()
    expect(page.get_by_label("En réunion")).to_be_checked()
    assert sales_of("NINA") == [("accepted", 1)]


def test_what_is_tapped_before_the_phone_has_found_a_meeting_joins_it(cast, autumn, weather: Weather, phone: Phone):
    page = cut_off(phone, weather, "Nina Costa")
    page.add_init_script(f"({SLOW_PHONE})()")
    chips = page.get_by_role("group", name="Produits récents")
    alert = page.locator("#outbox-alert")

    # nothing was kept: what is tapped at once is in the meeting
    page.goto("/declare/meeting")
    chips.get_by_role("button", name="Crème de jour").click()
    with saved(page, '"CREME":"4"'):
        took(page, "Client 1", "Crème de jour", 4)
    assert queue(page) == {"meeting": 1}

    # a meeting was kept: it comes back, with what was tapped meanwhile, and is not sent unseen
    page.goto("/declare/meeting")
    chips.get_by_role("button", name="Sérum éclat").click()
    expect(page.get_by_label("Crème de jour", exact=True)).to_have_count(0)
    took(page, "Client 1", "Sérum éclat", 2)
    page.get_by_role("button", name="Envoyer").click()
    expect(alert).to_contain_text("Votre réunion est reprise là où vous en étiez.")
    expect(page.get_by_role("group", name="Client 1", exact=True).get_by_label("Crème de jour")).to_have_value("4")
    expect(page.get_by_role("group", name="Client 2", exact=True).get_by_label("Sérum éclat")).to_have_value("2")
    assert "kept" not in queue(page)
    page.get_by_role("button", name="Envoyer").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Réunion gardée sur ce téléphone : 2 ventes.")
    weather.down = False
    page.reload()
    until(lambda: sorted(sales_of("NINA")) == [("accepted", 2), ("accepted", 4)])


def test_the_next_person_on_the_phone_sees_nothing_of_a_meeting(cast, autumn, weather: Weather, phone: Phone):
    page = cut_off(phone, weather, "Nina Costa")
    page.goto("/declare/meeting")
    chip = page.get_by_role("group", name="Produits récents").get_by_role("button", name="Crème de jour")
    chip.click()
    took(page, "Client 1", "Crème de jour", 4)
    page.get_by_role("button", name="Envoyer").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Réunion gardée sur ce téléphone : 1 vente.")
    page.goto("/declare/meeting")
    chip.click()
    with saved(page, '"CREME":"7"'):
        took(page, "Client 1", "Crème de jour", 7)
    assert queue(page) == {"kept": 1, "meeting": 1}
    page.on("dialog", lambda dialog: dialog.accept())
    leave(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Pas de réseau")
    page.goto("/declare/meeting")
    expect(page.get_by_role("heading", level=1)).to_have_text("Pas de réseau")
    assert kept_pages(page) == [] and readable(page) == []

    weather.down = False
    page.goto("/")
    tap_in(page, "Chloé Le Gall")
    ready(page)
    page.goto("/declare/meeting")
    expect(page.get_by_role("group", name="Client 1", exact=True)).to_be_visible()
    expect(page.get_by_label("Crème de jour", exact=True)).to_have_count(0)
    at_rest(page)
    expect(page.locator("#outbox-alert")).to_be_empty()
    page.goto("/declarations")
    at_rest(page)
    expect(page.locator("#outbox-list")).to_be_hidden()
    assert sales_of("NINA") == [] and sales_of("CHLOE") == []
    leave(page)
    expect(page).to_have_url(re.compile("/sign-in"))

    tap_in(page, "Nina Costa")
    until(lambda: sales_of("NINA") == [("accepted", 4)])
    page.goto("/declare/meeting")
    expect(page.get_by_role("group", name="Client 1", exact=True).get_by_label("Crème de jour")).to_have_value("7")
    assert sales_of("CHLOE") == []


def leave(page: Page) -> None:
    """Sign out on this phone."""
    page.locator("summary", has_text="Mon menu").click()
    page.get_by_role("button", name="Se déconnecter", exact=True).click()


def readable(page: Page) -> list[str]:
    """What somebody who searches the phone could read: whose it is, the key of what is sealed, the catalogue."""
    return page.evaluate(
        """() => new Promise((resolve) => {
            const asked = indexedDB.open("palmares");
            asked.onsuccess = () => {
                const change = asked.result.transaction(["state", "products"]);
                const names = change.objectStore("state").getAllKeys();
                const products = change.objectStore("products").getAllKeys();
                change.oncomplete = () => {
                    asked.result.close();
                    resolve([...names.result.filter((name) => ["key", "person", "expired"].includes(name)),
                             ...products.result]);
                };
            };
        })"""
    )
