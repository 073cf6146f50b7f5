"""An animator asks what a draft would have given: watches the work, stops another, reads it on a phone and a desk."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from challenges.definition import definition_from
from challenges.imports import import_challenge
from declarations.scoring import sales_of
from foundation import clock
from foundation.transactions import transaction
from tests.browser.conftest import PHONE
from tests.browser.stage import AUTUMN, day
from tests.declarations.stage import sell

DESK = {"width": 1440, "height": 900}


def keep(code: str, **changes: Any) -> None:
    """A draft for the month to come."""
    data = AUTUMN | {"code": code, "name": code.title(), "starts_on": day(5), "ends_on": day(32)} | changes
    data.pop("en")
    with transaction():
        import_challenge(definition_from(data), by="MARC", at=clock.now())


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Work waits after the first person until the gate is opened; people are folded one by one."""
    opened = threading.Event()
    monkeypatch.setattr("declarations.scoring.CHUNK", 1)
    real = sales_of
    asked: list[int] = []

    def waiting(*given: Any, **named: Any) -> Any:
        asked.append(1)
        if len(asked) > 1:
            opened.wait(60)
        return real(*given, **named)

    monkeypatch.setattr("rewards.backtest.sales_of", waiting)
    return opened


def no_sideways_scroll(page: Page) -> bool:
    """Whether everything fits the width."""
    return bool(page.evaluate("document.scrollingElement.scrollWidth <= window.innerWidth"))


def test_asking_watching_and_reading(cast, new_context, sign_in, gate: threading.Event):
    keep("neige")
    keep("givre", rules=[{"id": "ventes", "counts": "declaration", "points": 30}])
    now = clock.now()
    sell("AWA", [("CREME", 7)], name="a", at=now - timedelta(days=20))
    sell("BRUNO", [("CREME", 2)], name="b", at=now - timedelta(days=12))

    page = new_context(viewport=DESK).new_page()
    sign_in(page, cast.marc)
    page.goto("/studio/neige/backtests")
    page.get_by_label("Premier jour de ventes").fill(day(-25))
    page.get_by_label("Dernier jour de ventes").fill(day(-1))
    page.get_by_text("Comparer avec d’autres variantes").click()
    page.get_by_label("Deuxième variante").select_option(label="Givre (brouillon)")
    page.get_by_role("button", name="Lancer le backtest").click()
    page.wait_for_url("**/studio/neige/backtests/*")
    expect(page.locator("#backtest")).to_contain_text("1 personne sur 8")
    gate.set()
    expect(page.get_by_role("heading", name="En chiffres")).to_be_visible()  # without a reload

    figures = page.get_by_role("table", name="Les chiffres de chaque variante")
    expect(figures.get_by_role("columnheader")).to_have_text(["Mesure", "Neige", "Givre"])
    expect(figures.get_by_role("row", name="Points", exact=False).filter(has_text="140")).to_contain_text("60")
    expect(page.locator("#backtest")).to_contain_text("Awa Diallo")
    assert no_sideways_scroll(page)

    phone = new_context(viewport=PHONE).new_page()
    sign_in(phone, cast.marc)
    phone.goto(page.url)
    expect(phone.get_by_role("heading", name="Qui gagne quoi")).to_be_visible()
    assert no_sideways_scroll(phone)
    phone.goto("/studio/neige/backtests")
    expect(phone.locator("#backtests")).to_contain_text("Terminé")
    assert no_sideways_scroll(phone)


def test_stopping_one_and_running_it_again(cast, page: Page, sign_in, gate: threading.Event):
    keep("neige")
    sell("AWA", [("CREME", 7)], name="a", at=clock.now() - timedelta(days=20))
    sign_in(page, cast.marc)
    page.goto("/studio/neige/backtests")
    page.get_by_label("Premier jour de ventes").fill(day(-25))
    page.get_by_role("button", name="Lancer le backtest").click()
    expect(page.locator("#backtest")).to_contain_text("1 personne sur 4")
    page.get_by_role("button", name="Arrêter").click()
    expect(page.locator("#backtest")).to_contain_text("Ce backtest a été arrêté avant la fin.")
    gate.set()
    page.get_by_role("button", name="Relancer à l’identique").click()
    expect(page.get_by_role("heading", name="En chiffres")).to_be_visible()
    page.goto("/studio/neige/backtests")
    expect(page.locator("#backtests tbody tr")).to_have_count(2)


def test_without_scripts_the_page_is_reloaded(cast, new_context, sign_in, gate: threading.Event):
    keep("neige")
    sell("AWA", [("CREME", 7)], name="a", at=clock.now() - timedelta(days=20))
    page = new_context(java_script_enabled=False).new_page()
    sign_in(page, cast.marc)
    page.goto("/studio/neige/backtests")
    page.get_by_label("Premier jour de ventes").fill(day(-25))
    page.get_by_role("button", name="Lancer le backtest").click()
    expect(page.get_by_role("link", name="Actualiser")).to_be_visible()
    gate.set()
    while page.get_by_role("link", name="Actualiser").count():
        page.get_by_role("link", name="Actualiser").click()
    expect(page.get_by_role("heading", name="En chiffres")).to_be_visible()
