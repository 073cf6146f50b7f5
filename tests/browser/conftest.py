"""The product served for real, and Debian's Chromium in front of it.

`page` is a phone of 390 × 844 pixels; `sign_in(page, cast.awa)` spares a journey the e-mail and the code; `address` is
where the product answers. A page that says something went wrong in its console, that asks another host for anything,
or that breaks the content-security policy fails the test.

Journeys that write have a small network of their own: the cast. What is only looked at is looked at in the
demonstration, which is made once per run: `demonstration.new_context()`, `demonstration.enter("Camille Morvan")`.

Debian builds the same engine twice: `chromium`, and `chromium-headless-shell`, which has nothing around the page and
takes a quarter to a third less of the processor for the same journey. Pages are looked at in the shell where it is
installed. Left to itself it rounds the width of letters (a table 1102 pixels wide took 1133): ARGUMENTS forbid it, so
that both lay a page out alike. It grants no notification and knows no installing: what is about those, about a camera
or about a profile that outlives the browser (test_push, test_install, test_scan, test_offline) has the whole one, by
the marker `whole_browser` or because it starts its own.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, abort
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright
from werkzeug.serving import make_server

from foundation import web_push
from foundation.database import db
from network.models import Person
from tests.conftest import Client, Runner, copied_database, make_app, make_settings

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",  # heard by the shell alone: its letters are as wide as in the whole browser
]
expect.set_options(timeout=10_000)  # ms, as for what is pressed and opened: the machine may have other things to do
PHONE = {"width": 390, "height": 844}
LAPTOP = {"width": 1280, "height": 800}


@pytest.fixture(scope="session")
def driver() -> Iterator[Playwright]:
    """What drives browsers; a run can have one only."""
    with sync_playwright() as playwright:
        yield playwright


def program(*, whole: bool = False) -> str:
    """Where the browser is: the shell when it is there and will do, else the whole."""
    shell = None if whole else shutil.which("chromium-headless-shell")
    path = shell or shutil.which("chromium")
    assert path, "install the Debian package chromium"
    return path


@pytest.fixture(scope="session")
def launched(driver: Playwright) -> Iterator[Callable[[str], Browser]]:
    """Browsers without a window, each program started once."""
    running: dict[str, Browser] = {}

    def launch(path: str) -> Browser:
        if path not in running:
            running[path] = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        return running[path]

    yield launch
    for browser in running.values():
        browser.close()


@pytest.fixture
def chromium(request: pytest.FixtureRequest, launched: Callable[[str], Browser]) -> Browser:
    """Debian's Chromium, without a window: its shell, or the whole where the test is marked so."""
    return launched(program(whole=request.node.get_closest_marker("whole_browser") is not None))


# Signs the pushes of this run; they go to services on this machine alone.
PUSH_KEY = web_push.new_key()


def make_served_app(database_url: str, folder: Path) -> Flask:
    """The application as people meet it: forms carry their token, the sign-in page offers people, notifications are
    offered."""
    pushes = {"push_key": PUSH_KEY, "push_services": ("127.0.0.1",)}
    app = make_app(make_settings(database_url, folder, demonstration=True, **pushes))
    app.config.update(WTF_CSRF_ENABLED=True)
    app.add_url_rule("/refused/<int:code>", "refused", abort)
    return app


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The address at which the application answers meanwhile."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(10)
    server.server_close()


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[Flask]:
    """The application under test, its context pushed."""
    app = make_served_app(database_url, tmp_path)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """Where the product answers while the test runs."""
    with served(app) as address:
        yield address


@contextmanager
def browsers(chromium: Browser, address: str) -> Iterator[Callable[..., BrowserContext]]:
    """Makes browsers that look at `address`, and in the end says what went wrong in any of them."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def complain(page: Page, text: str, about: str) -> None:
        # A form that is refused is answered with 422 or 409, and a photo of which nothing has come yet with 404: the
        # browser notes it, nothing is wrong.
        asked_first = "status of 404" in text and "/outbox/photos/" in about
        if "status of 422" not in text and "status of 409" not in text and not asked_first:
            wrong.append(f"{page.url}: {text}")

    def watch(page: Page) -> None:
        page.on("pageerror", lambda error: wrong.append(f"{page.url}: {error}"))
        page.on(
            "console",
            lambda message: complain(page, message.text, message.location["url"]) if message.type == "error" else None,
        )
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((address, "data:", "blob:", "about:"))
                else wrong.append(f"{page.url}: asked for {request.url}")
            ),
        )

    def make(**options: Any) -> BrowserContext:
        values: dict[str, Any] = {
            "base_url": address,
            "viewport": PHONE,
            "locale": "fr-FR",
            "timezone_id": "Europe/Paris",
            "reduced_motion": "reduce",
        }
        context = chromium.new_context(**(values | options))
        context.set_default_timeout(10_000)
        context.on("page", watch)
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def new_context(chromium: Browser, address: str) -> Iterator[Callable[..., BrowserContext]]:
    """Makes browsers of their own: new_context(viewport=LAPTOP, color_scheme="dark", java_script_enabled=False)."""
    with browsers(chromium, address) as make:
        yield make


@pytest.fixture
def page(new_context: Callable[..., BrowserContext]) -> Page:
    """A phone held in one hand."""
    return new_context().new_page()


@pytest.fixture
def sign_in(app: Flask, address: str) -> Callable[[Page, Person], None]:
    """sign_in(page, cast.awa): this browser is now hers."""

    def enter(page: Page, person: Person) -> None:
        client = Client(app)
        client.sign_in(person)
        name = app.config["SESSION_COOKIE_NAME"]
        cookie = client.get_cookie(name)
        assert cookie is not None
        page.context.add_cookies([{"name": name, "value": cookie.value, "url": address}])

    return enter


def tap_in(page: Page, name: str) -> None:
    """Sign in as one of the people of the sign-in page."""
    page.goto("/sign-in")
    page.get_by_role("button", name=name).click()
    page.wait_for_url("**/")


@dataclass(frozen=True)
class Demonstration:
    """The demonstration network, served, and browsers in front of it."""

    app: Flask
    new_context: Callable[..., BrowserContext]

    def enter(self, name: str, **options: Any) -> Page:
        """A page of somebody's own browser, signed in."""
        page = self.new_context(**options).new_page()
        tap_in(page, name)
        return page


@pytest.fixture(scope="session")
def demonstration_served(
    engine_name: str, template_database: str, run_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Flask, str]]:
    """The demonstration network of this minute, made by its own command, and where it answers."""
    folder = tmp_path_factory.mktemp("demonstration")
    with copied_database(engine_name, template_database, run_folder, folder) as url:
        app = make_served_app(url, folder)
        with app.app_context():
            Runner(app).run("demo")
            db.session.remove()
        with served(app) as address:
            yield app, address
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def demonstration(chromium: Browser, demonstration_served: tuple[Flask, str]) -> Iterator[Demonstration]:
    """The demonstration network; what a test writes in it, the next one finds."""
    app, address = demonstration_served
    with browsers(chromium, address) as make:
        yield Demonstration(app, make)
