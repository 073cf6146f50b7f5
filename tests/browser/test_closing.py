"""A challenge ends by itself: the result is there, the wallet is filled, and the first has a new badge."""

from __future__ import annotations

from datetime import timedelta

from flask.testing import FlaskCliRunner
from playwright.sync_api import Page, expect

from foundation import clock
from tests.browser.conftest import tap_in
from tests.browser.stage import publish
from tests.declarations.stage import sell


def test_a_challenge_closes_and_pays_out(cast, runner: FlaskCliRunner, page: Page, new_context):
    now = clock.now()
    publish(starts=-35, ends=-8, at=now - timedelta(days=40))
    runner.run("jobs", "run", "--at", (now - timedelta(days=34)).isoformat())
    sell("AWA", [("CREME", 7)], name="a", at=now - timedelta(days=20))
    sell("CHLOE", [("CREME", 3)], name="c", at=now - timedelta(days=15))
    runner.run("jobs", "run", "--at", (now - timedelta(days=6)).isoformat())  # the period is over, not the reviews

    tap_in(page, "Awa Diallo")
    page.goto("/points")
    expect(page.locator(".hero-number")).to_contain_text("0")
    page.goto("/challenges/automne/ranking")
    expect(page.locator("main")).to_contain_text("Le challenge est terminé")
    page.goto("/badges")
    expect(page.get_by_role("heading", name="Podium")).to_have_count(1)
    earned = page.locator("section").filter(has=page.get_by_role("heading", name="Gagnés", exact=True))
    expect(earned).not_to_contain_text("Podium")

    told = runner.run("jobs", "run", "--at", now.isoformat()).stdout
    assert "automne" in told

    page.goto("/")
    result = page.get_by_role("link").filter(has_text="Automne")
    expect(result).to_contain_text("1er sur 2")
    expect(result).to_contain_text("120 pts")  # 7 × 10, and the step of 5 units
    page.goto("/challenges/automne/ranking")
    expect(page.locator("main")).to_contain_text("Classement final, figé à la clôture.")
    expect(page.locator(".podium")).to_contain_text("Chloé Le Gall")

    page.goto("/points")
    expect(page.locator(".hero-number")).to_contain_text("112")  # 100 for the first place, 12 for 120 points
    movements = page.locator("#movements")
    expect(movements).to_contain_text("+100 pts")
    expect(movements).to_contain_text("+12 pts")

    page.goto("/badges")
    expect(earned).to_contain_text("Podium")
    expect(earned).to_contain_text("Vous avez terminé un challenge sur le podium")

    # who came second sees her own
    other = new_context().new_page()
    tap_in(other, "Chloé Le Gall")
    other.goto("/points")
    expect(other.locator(".hero-number")).to_contain_text("3")

    # once more is not twice
    runner.run("jobs", "run", "--at", (now + timedelta(days=1)).isoformat())
    page.goto("/points")
    expect(page.locator(".hero-number")).to_contain_text("112")
    runner.run("points", "verify")
    runner.run("challenges", "verify", "automne")
