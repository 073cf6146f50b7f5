"""The studio in a browser: from a template to a published challenge, and nothing typed is ever lost."""

from __future__ import annotations

import re
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, Route, expect
from sqlalchemy import select

from challenges.definition import definition_from
from challenges.models import Challenge, Draft
from challenges.queries import challenge_by_code
from challenges.starters import STARTERS
from foundation import clock
from foundation.database import db
from foundation.transactions import transaction
from rewards.jobs import advance_challenges
from tests.browser.conftest import PHONE, tap_in
from tests.browser.stage import day
from tests.conftest import Runner

DESK = {"width": 1440, "height": 900}
TWO_MINUTES = 120_000


def begin(page: Page, title: str) -> int:
    """Choose where to begin; answers the id of the draft."""
    page.goto("/studio/new")
    page.get_by_role("button", name=title).first.click()
    page.wait_for_url("**/drafts/*/who")
    return int(page.url.split("/")[-2])


def stored(draft_id: int) -> dict:
    """What the draft holds by now."""
    db.session.rollback()
    return db.session.execute(select(Draft.content).where(Draft.id == draft_id)).scalar_one()


def publish(page: Page, code: str) -> None:
    """From the last step to the published challenge, by the page that asks once more."""
    page.get_by_role("button", name="Publier…").last.click()
    page.wait_for_url(f"**/studio/{code}/publication")
    page.locator("main").get_by_role("button", name=re.compile("^Publier")).click()


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("starter", STARTERS, ids=lambda starter: starter.code)
def test_each_template_goes_from_start_to_published_by_clicks(
    app: Flask, cast, sign_in, new_context, tmp_path: Path, starter, viewport
):
    context = new_context(viewport=viewport)
    context.set_default_timeout(TWO_MINUTES)
    page = context.new_page()
    page.on("dialog", lambda dialog: dialog.accept())
    sign_in(page, cast.marc)
    with app.test_request_context():
        title = str(starter.title)
    draft_id = begin(page, title)
    code = stored(draft_id)["code"]
    for following in ("Quoi", "Combien", "Gains", "Quand"):
        page.get_by_role("button", name=f"Suivant : {following}").click()
        expect(page.get_by_role("button", name=re.compile(f"^{following}"))).to_have_attribute("aria-current", "step")
    with page.expect_download() as download:
        page.get_by_role("button", name="Télécharger le fichier du challenge").click()
    path = tmp_path / f"{code}.toml"
    download.value.save_as(path)
    Runner(app).run("challenges", "check", path)
    publish(page, code)
    expect(page.locator("main")).to_contain_text("publié")
    db.session.rollback()
    challenge = challenge_by_code(code)
    assert challenge is not None and challenge.state == "published"
    assert definition_from(tomllib.loads(path.read_text(encoding="utf-8"))).canonical() == challenge.definition


def test_on_a_phone_the_way_on_stays_inside_its_bar_and_no_word_of_a_tile_is_cut(cast, sign_in, new_context):
    page = new_context(viewport=PHONE).new_page()
    sign_in(page, cast.marc)
    draft_id = begin(page, "Des paliers pour tous")
    for width in (320, 360, 390, 1440):
        page.set_viewport_size({"width": width, "height": 844})
        for step in ("who", "what", "how-much", "prizes", "when"):
            page.goto(f"/studio/drafts/{draft_id}/{step}")
            bar = page.locator(".studio-actions").bounding_box()
            last = page.locator(".studio-actions > :last-child").bounding_box()
            assert bar is not None and last is not None
            assert last["x"] + last["width"] < bar["x"] + bar["width"], (width, step)
            cut = page.locator(".tile > span").evaluate_all(
                "all => all.filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent)"
            )
            assert cut == [], (width, step)
    page.goto(f"/studio/drafts/{draft_id}/what")
    multiplier = page.locator(".tile", has_text="Multiplicateur").locator("span").first
    page.evaluate("document.fonts.ready")
    assert multiplier.evaluate("e => e.getClientRects().length === 1 && e.offsetHeight < 30"), "one line, one word"


@pytest.mark.parametrize("java_script_enabled", [True, False], ids=["with scripts", "without scripts"])
def test_a_challenge_is_written_from_nothing_published_and_played(
    app: Flask, cast, new_context, java_script_enabled, page: Page
):
    studio = new_context(viewport=DESK, java_script_enabled=java_script_enabled).new_page()
    studio.on("dialog", lambda dialog: dialog.accept())
    tap_in(studio, "Marc Petit")
    draft_id = begin(studio, "Partir de rien")
    studio.get_by_label("Nom du challenge", exact=True).fill("Soins d’hiver")
    studio.get_by_role("button", name="Enregistrer", exact=True).last.click()
    expect(studio.get_by_role("alert").first).to_contain_text("rien n’est perdu")
    studio.get_by_role("alert").get_by_role("link", name="Code").click()
    expect(studio.get_by_label("Code", exact=True)).to_be_focused()
    studio.get_by_label("Code", exact=True).fill("soins-d-hiver")
    expect(studio.get_by_label("Nom du challenge", exact=True)).to_have_value("Soins d’hiver")
    studio.get_by_role("button", name="Suivant : Quoi").click()

    studio.get_by_role("button", name="Unités vendues").click()
    studio.get_by_role("region", name="Règle 1").get_by_label("Points", exact=True).fill("10")
    studio.locator("#rules-0-when summary").click()
    studio.locator("#rules-0-when-categories").get_by_label("Soin").check()
    studio.get_by_role("button", name="Avis de client").click()
    expect(studio.get_by_role("region", name="Règle 2")).to_be_visible()
    studio.get_by_role("button", name="Palier").click()
    studio.get_by_role("button", name="Monter : Règle 3").click()
    expect(studio.locator("#rules-1-counts")).to_have_value("milestone")
    studio.get_by_role("button", name="Retirer : Règle 2").click()
    expect(studio.get_by_role("region", name="Règle 3")).to_have_count(0)
    expect(studio.locator("#rules-1-counts")).to_have_value("feedback")
    studio.get_by_role("button", name="Suivant : Combien").click()
    studio.get_by_label("Plafond par jour").fill("1 000")
    studio.get_by_role("button", name="Suivant : Gains").click()
    studio.get_by_role("button", name="Selon la place").click()
    expect(studio.get_by_role("region", name="Gain 1")).to_be_visible()
    studio.get_by_role("button", name="Suivant : Quand").click()
    studio.get_by_label("Premier jour de vente").fill(day(-1))
    studio.get_by_label("Dernier jour de vente").fill(day(-3))
    studio.get_by_role("button", name="Enregistrer", exact=True).last.click()
    expect(studio.get_by_role("alert").first).to_contain_text("avant de commencer")
    studio.get_by_label("Dernier jour de vente").fill(day(20))
    studio.get_by_role("button", name="Enregistrer", exact=True).last.click()
    phone = studio.locator(".phone")
    expect(phone).to_contain_text("Vous gagnez 10 points par unité de la catégorie Soin")
    expect(phone).to_contain_text("300 points de cagnotte")
    expect(studio.locator("#preview")).to_contain_text("4 personnes aujourd’hui")
    assert stored(draft_id)["cap_per_day"] == 1000

    publish(studio, "soins-d-hiver")
    expect(studio.locator("main")).to_contain_text("publié")
    list(advance_challenges(clock.now()))
    tap_in(page, "Awa Diallo")
    page.goto("/challenges/soins-d-hiver")
    expect(page.locator("main")).to_contain_text("Vous gagnez 10 points par unité de la catégorie Soin")
    page.goto("/declare")
    page.get_by_role("group", name="Produits récents").get_by_role("button", name="Crème de jour").click()
    page.get_by_label("En boutique").check()
    expect(page.locator("#expected")).to_contain_text("+10")


def test_a_draft_saves_itself_and_shows_what_participants_will_read(cast, sign_in, page: Page):
    sign_in(page, cast.marc)
    draft_id = begin(page, "Des paliers pour tous")
    page.get_by_label("Nom du challenge", exact=True).fill("Trois marches")
    expect(page.locator("h1")).to_have_text("Trois marches")
    expect(page.locator(".phone")).to_contain_text("Trois marches")
    expect(page.locator("#status")).to_contain_text("Enregistré à")
    assert stored(draft_id)["name"] == "Trois marches"
    page.get_by_label("VDI").check()
    expect(page.locator("#preview")).to_contain_text("1 personne aujourd’hui")
    page.get_by_role("button", name="EN", exact=True).click()
    expect(page.locator(".phone")).to_contain_text("What counts")
    page.locator("#description").fill("Toujours en anglais à côté.")
    expect(page.locator("#status")).to_contain_text("Enregistré à")
    expect(page.locator(".phone")).to_contain_text("What counts")
    page.get_by_label("Code", exact=True).fill("a b")
    expect(page.locator("#code-error")).to_contain_text("ne peut pas servir de code")
    page.get_by_label("Code", exact=True).fill("trois-marches")
    expect(page.locator("#code-error")).to_have_count(0)


def test_what_was_not_sent_comes_back_after_a_reload(cast, sign_in, page: Page):
    sign_in(page, cast.marc)
    draft_id = begin(page, "Des paliers pour tous")
    page.route("**/drafts/**", lambda route: route.abort() if route.request.method == "POST" else route.fallback())
    page.get_by_label("Nom du challenge", exact=True).fill("Gardé ici")
    page.get_by_label("VDI").check()
    assert stored(draft_id)["name"] != "Gardé ici"
    page.unroute("**/drafts/**")
    page.reload()
    expect(page.get_by_label("Nom du challenge", exact=True)).to_have_value("Gardé ici")
    expect(page.get_by_label("VDI")).to_be_checked()
    expect(page.locator("h1")).to_have_text("Gardé ici")
    assert stored(draft_id)["audience"]["kinds"] == ["vdi"]
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('palmares-draft'))") == []


def test_what_is_typed_before_the_page_is_whole_does_not_take_the_place_of_what_was_not_sent(cast, sign_in, page: Page):
    sign_in(page, cast.marc)
    draft_id = begin(page, "Des paliers pour tous")
    page.route("**/drafts/**", lambda route: route.abort() if route.request.method == "POST" else route.fallback())
    page.get_by_label("Nom du challenge", exact=True).fill("Gardé ici")
    page.unroute("**/drafts/**")
    # a picture that is long in coming
    coming: list[Route] = []
    page.route("**/slow.svg", lambda route: coming.append(route))
    page.add_init_script(
        """addEventListener("DOMContentLoaded", () => {
            document.body.append(Object.assign(new Image(), { src: "/slow.svg", alt: "" }));
        })"""
    )
    page.reload(wait_until="domcontentloaded")
    page.locator("#description").fill("Et ceci aussi.")
    page.wait_for_function("() => document.readyState === 'interactive'")
    assert len(coming) == 1
    coming[0].fulfill(content_type="image/svg+xml", body='<svg xmlns="http://www.w3.org/2000/svg"/>')
    expect(page.get_by_label("Nom du challenge", exact=True)).to_have_value("Gardé ici")
    expect(page.locator("h1")).to_have_text("Gardé ici")
    expect(page.locator(".phone")).to_contain_text("Et ceci aussi.")
    assert stored(draft_id)["description"] == "Et ceci aussi."


def test_an_expired_session_leads_back_to_the_step_with_everything_typed(cast, sign_in, page: Page):
    sign_in(page, cast.marc)
    draft_id = begin(page, "Des paliers pour tous")
    page.context.clear_cookies()
    page.get_by_label("Nom du challenge", exact=True).fill("Après la pause")
    page.wait_for_url(re.compile(r"/sign-in\?next="))
    page.get_by_role("button", name="Marc Petit").click()
    page.wait_for_url(f"**/studio/drafts/{draft_id}/who")
    expect(page.get_by_label("Nom du challenge", exact=True)).to_have_value("Après la pause")
    expect(page.locator("h1")).to_have_text("Après la pause")
    assert stored(draft_id)["name"] == "Après la pause"


@pytest.mark.parametrize("choice", ["theirs", "mine"])
def test_two_animators_meet_and_one_chooses(cast, new_context, sign_in, choice):
    marc, ada = new_context(viewport=DESK).new_page(), new_context().new_page()
    sign_in(marc, cast.marc)
    sign_in(ada, cast.ada)
    draft_id = begin(marc, "Des paliers pour tous")
    ada.goto(f"/studio/drafts/{draft_id}/who")
    ada.get_by_label("Nom du challenge", exact=True).fill("Le nom d’Ada")
    expect(ada.locator("h1")).to_have_text("Le nom d’Ada")
    marc.get_by_label("Nom du challenge", exact=True).fill("Le nom de Marc")
    meeting = marc.locator("#meeting")
    expect(meeting).to_be_focused()
    expect(meeting).to_contain_text("Ada Faure a enregistré ce brouillon à")
    expect(meeting.get_by_role("row", name=re.compile("Nom du challenge"))).to_contain_text("Le nom d’Ada")
    expect(meeting.get_by_role("row", name=re.compile("Nom du challenge"))).to_contain_text("Le nom de Marc")
    assert stored(draft_id)["name"] == "Le nom d’Ada"
    if choice == "theirs":
        meeting.get_by_role("link", name="Prendre les siennes").click()
        expect(marc.get_by_label("Nom du challenge", exact=True)).to_have_value("Le nom d’Ada")
    else:
        meeting.get_by_role("button", name="Garder les miennes").click()
        expect(marc.locator("#meeting")).to_have_count(0)
        expect(marc.locator("h1")).to_have_text("Le nom de Marc")
        assert stored(draft_id)["name"] == "Le nom de Marc"
    expect(marc.locator("#meeting")).to_have_count(0)


def test_the_keyboard_is_enough(cast, new_context, sign_in):
    page = new_context(viewport=DESK).new_page()
    sign_in(page, cast.marc)
    page.goto("/studio/new")
    page.get_by_role("button", name="Partir de rien").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/who")
    page.get_by_label("Nom du challenge", exact=True).focus()
    page.keyboard.type("Au clavier")
    page.keyboard.press("Enter")
    expect(page.locator(".error-summary")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Code", exact=True)).to_be_focused()
    page.keyboard.type("au-clavier")
    expect(page.locator("#status")).to_contain_text("Enregistré à")
    page.get_by_role("button", name="Suivant : Quoi").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/what")
    page.get_by_role("button", name="Unités vendues").focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("region", name="Règle 1")).to_be_focused()
    for _ in range(9):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "rules-0-points":
            break
    page.keyboard.press("Control+a")
    page.keyboard.type("25")
    expect(page.locator(".phone")).to_contain_text("25 points par unité")


def test_products_are_found_while_one_types(cast, sign_in, page: Page):
    sign_in(page, cast.marc)
    draft_id = begin(page, "Partir de rien")
    page.goto(f"/studio/drafts/{draft_id}/what")
    page.get_by_role("button", name="Unités vendues").click()
    page.locator("#rules-0-when summary").click()
    field = page.get_by_label("Ajouter : Produits").first
    field.press_sequentially("rou")
    expect(page.locator("#rules-0-when-skus-known option[value=ROUGE]")).to_have_count(1)
    field.fill("ROUGE")
    field.press("Tab")
    expect(page.get_by_label("Rouge velours")).to_be_checked()
    assert stored(draft_id)["rules"][0]["when"] == {"skus": ["ROUGE"]}
    page.locator("#rules-0-counts").select_option("feedback")
    expect(page.get_by_label("Longueur du commentaire")).to_be_visible()


def test_a_file_with_faults_is_explained_line_by_line(cast, sign_in, page: Page, tmp_path: Path):
    sign_in(page, cast.marc)
    page.goto("/studio/new")
    path = tmp_path / "ete.toml"
    path.write_text('code = "ete"\nname = "Été"\nstarts_on = 2026-07-01\nends_on = 2026-06-01\n', encoding="utf-8")
    page.get_by_label("Fichier TOML").set_input_files(path)
    page.get_by_role("button", name="Importer").click()
    expect(page.get_by_role("alert")).to_contain_text("rien n’a été écrit")
    expect(page.get_by_role("alert")).to_contain_text("ete.toml:4")
    assert db.session.execute(select(Challenge)).first() is None


def test_a_draft_published_by_a_colleague_says_so(cast, sign_in, page: Page):
    sign_in(page, cast.marc)
    draft_id = begin(page, "Des paliers pour tous")
    with transaction():
        challenge = challenge_by_code(stored(draft_id)["code"])
        assert challenge is not None
        challenge.state = "published"
        challenge.published_at = clock.now() - timedelta(minutes=1)
    page.get_by_label("Nom du challenge", exact=True).fill("Trop tard")
    expect(page.locator("main")).to_contain_text("Ce challenge est publié")
