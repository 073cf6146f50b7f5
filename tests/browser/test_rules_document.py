"""The rules in a browser: read, kept as a PDF, accepted; and a draw that the browser redoes by itself."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask.testing import FlaskCliRunner
from playwright.sync_api import Page, expect
from pypdf import PdfReader
from sqlalchemy import select

from challenges.models import Acceptance, Draw, RulesVersion
from foundation import clock
from foundation.database import db
from rewards.models import Award
from tests.browser.conftest import tap_in
from tests.browser.stage import publish
from tests.declarations.stage import sell

DRAW: dict[str, Any] = {"kind": "draw", "winners": 2, "tickets_per": 10, "wallet": 100}


def test_rules_are_read_kept_as_a_pdf_and_accepted(cast, page: Page):
    publish(acceptance="required")
    tap_in(page, "Awa Diallo")
    waiting = page.get_by_text("Le règlement du challenge « Automne » attend votre accord.")
    expect(waiting).to_be_visible()
    page.goto("/declare")
    expect(waiting).to_be_visible()
    page.get_by_role("link", name="Lire et accepter").click()

    expect(page.get_by_role("heading", name="Vérification et contestation")).to_be_visible()
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Télécharger en PDF").click()
    content = downloading.value.path().read_bytes()
    assert downloading.value.suggested_filename == "automne-reglement-1.pdf"
    text = " ".join(sheet.extract_text() for sheet in PdfReader(io.BytesIO(content)).pages).replace("\u00a0", " ")
    version = db.session.scalars(select(RulesVersion)).one()
    for words in (
        "Automne",
        "Règle 1 : 10 points par unité de la catégorie Soin",
        "Données personnelles",
        version.hash,
    ):
        assert words in text

    page.get_by_role("button", name="J’ai lu et j’accepte").click()
    expect(page.get_by_text("Règlement accepté.")).to_be_visible()
    expect(page.get_by_text("Vous avez accepté la version 1 du règlement")).to_be_visible()
    db.session.rollback()
    assert db.session.scalars(select(Acceptance.rules_hash)).all() == [version.hash]
    page.goto("/")
    expect(page.get_by_role("heading", name="Bonjour Awa")).to_be_visible()
    page.wait_for_load_state("networkidle")
    expect(waiting).to_have_count(0)


def test_it_works_without_scripts_too(cast, new_context):
    publish(acceptance="required")
    page = new_context(java_script_enabled=False).new_page()
    tap_in(page, "Awa Diallo")
    page.get_by_role("link", name="Lire et accepter").click()
    page.get_by_role("button", name="J’ai lu et j’accepte").click()
    expect(page.get_by_text("Vous avez accepté la version 1 du règlement")).to_be_visible()


def test_on_paper_only_the_rules_are_left(cast, page: Page):
    publish(acceptance="required")
    tap_in(page, "Awa Diallo")
    page.goto("/challenges/automne/rules")
    page.emulate_media(media="print")
    expect(page.get_by_role("heading", name="Ce que dit la loi")).to_be_visible()
    for pressed in (".site-header", ".bottom-bar", ".back-link"):
        expect(page.locator(pressed)).not_to_be_visible()
    expect(page.get_by_role("button", name="J’ai lu et j’accepte")).not_to_be_visible()


def closed_with_a_draw(runner: FlaskCliRunner) -> None:
    """Three people sold, and the challenge is over."""
    now = clock.now()
    publish(starts=-35, ends=-8, at=now - timedelta(days=40), payouts=[DRAW])
    runner.run("jobs", "run", "--at", (now - timedelta(days=34)).isoformat())
    for name, units in (("AWA", 7), ("BRUNO", 2), ("CHLOE", 3)):
        sell(name, [("CREME", units)], name=name, at=now - timedelta(days=20))
    runner.run("jobs", "run", "--at", now.isoformat())


def test_the_browser_redoes_the_draw_and_finds_the_same(cast, runner: FlaskCliRunner, page: Page):
    closed_with_a_draw(runner)
    tap_in(page, "Bruno Martin")
    page.goto("/challenges/automne")
    page.get_by_role("link", name="Le tirage au sort").click()
    page.get_by_role("button", name="Refaire le tirage ici").click()
    for check in ("commitment", "standings", "tickets", "winners"):
        expect(page.locator(f"[data-check={check}] strong")).to_have_text("égal")
    winners = sorted(db.session.scalars(select(Award.competitor)))
    assert sorted(page.locator("[data-list]").inner_text().split(", ")) == winners and len(winners) == 2


@pytest.mark.parametrize(
    ("file", "before", "after", "found"),
    [
        ("standings.txt", b"\t120\t", b"\t130\t", {"standings", "tickets"}),
        ("tickets.csv", b"AWA,120,12,", b"AWA,120,99,", {"tickets"}),
    ],
)
def test_the_browser_says_what_differs_when_a_file_was_changed(
    cast, runner: FlaskCliRunner, page: Page, file: str, before: bytes, after: bytes, found: set[str]
):
    closed_with_a_draw(runner)
    tap_in(page, "Awa Diallo")

    def changed(route) -> None:
        answer = route.fetch()
        body = answer.body()
        assert before in body
        route.fulfill(response=answer, body=body.replace(before, after))

    page.route(f"**/draw/{file}*", changed)
    page.goto("/challenges/automne/draw")
    page.get_by_role("button", name="Refaire le tirage ici").click()
    expect(page.locator("[data-check=commitment] strong")).to_have_text("égal")
    for check in found:
        expect(page.locator(f"[data-check={check}] strong")).to_have_text("différent")


def test_a_seed_that_is_not_the_promised_one_is_found(cast, runner: FlaskCliRunner, page: Page):
    closed_with_a_draw(runner)
    tap_in(page, "Awa Diallo")
    page.goto("/challenges/automne/draw")
    page.locator("[data-draw]").evaluate("box => box.dataset.seed = '0'.repeat(64)")
    page.get_by_role("button", name="Refaire le tirage ici").click()
    expect(page.locator("[data-check=commitment] strong")).to_have_text("différent")
    assert db.session.scalars(select(Draw)).one().seed != "0" * 64


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_the_new_pages_are_accessible(cast, runner: FlaskCliRunner, new_context, colours: str):
    closed_with_a_draw(runner)
    publish(code="hiver", acceptance="required")
    page = new_context(color_scheme=colours).new_page()
    tap_in(page, "Awa Diallo")
    for address in ("/challenges/automne/draw", "/challenges/hiver/rules", "/challenges/hiver", "/acceptances"):
        page.goto(address)
        violations = Axe().run(page).response["violations"]
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in violations] == []
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), address
