"""The product served for real, and Debian's Chromium in front of it.

`page` is a phone of 390 × 844 pixels; `sign_in(page, cast.awa)` spares a journey the e-mail and the code; `address` is
where the product answers. A page that says something went wrong in its console, that asks another host for anything,
or that breaks the content-security policy fails the test.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from werkzeug.serving import make_server

from foundation.database import db
from network.models import Person
from tests.conftest import Client, make_app, make_settings

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {"width": 390, "height": 844}
LAPTOP = {"width": 1280, "height": 800}


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    path = shutil.which("chromium")
    assert path, "install the Debian package chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def app(database_url: str, tmp_path: Any) -> Iterator[Flask]:
    """The application as people meet it: forms carry their token."""
    app = make_app(make_settings(database_url, tmp_path, demonstration=True))
    app.config.update(WTF_CSRF_ENABLED=True, RATELIMIT_ENABLED=False)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """Where the product answers while the test runs."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(10)
    server.server_close()


@pytest.fixture
def new_context(chromium: Browser, address: str) -> Iterator[Callable[..., BrowserContext]]:
    """Makes browsers of their own: new_context(viewport=LAPTOP, color_scheme="dark", java_script_enabled=False)."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def watch(page: Page) -> None:
        page.on("pageerror", lambda error: wrong.append(f"{page.url}: {error}"))
        page.on(
            "console",
            lambda message: wrong.append(f"{page.url}: {message.text}") if message.type == "error" else None,
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

    make.wrong = wrong  # type: ignore[attr-defined]
    yield make
    for context in contexts:
        context.close()
    assert wrong == []


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
