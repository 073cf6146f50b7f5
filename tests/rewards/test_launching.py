"""Publishing from the studio: what is promised is read first, then one button; and what it can cost at most."""

from __future__ import annotations

import html as markup
import re
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from challenges.definition import Definition, definition_from
from challenges.drafts import save
from challenges.facts import Facts
from challenges.imports import import_challenge
from challenges.lifecycle import claim
from challenges.models import Draft
from challenges.queries import challenge_by_code, draft_by_id
from foundation.database import db
from foundation.programme import change_setting
from foundation.transactions import transaction
from rewards.backtest_runs import request_run
from rewards.backtest_worker import work
from rewards.bounds import Field, most_contribution, most_in_all
from tests.cast import Cast
from tests.conftest import Client
from tests.declarations.stage import NOW, TODAY, WINTER, sell

PAGE = "/studio/hiver/publication"


def keep(**changes: Any) -> None:
    """The winter challenge as a draft."""
    with transaction():
        import_challenge(definition_from(WINTER | changes), by="MARC", at=NOW)


@pytest.fixture
def marc(app: Flask, cast: Cast, client: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    """An animator's browser, at noon."""
    monkeypatch.setattr("foundation.clock.now", lambda: NOW)
    client.sign_in(cast.marc)
    return client


def seen(page: str) -> str:
    """The fingerprint the page asks about."""
    found = re.search(r'name="hash" value="([0-9a-f]{64})"', page)
    assert found is not None
    return found[1]


def state() -> str:
    db.session.rollback()
    challenge = challenge_by_code("hiver")
    assert challenge is not None
    return challenge.state


# --- the page ------------------------------------------------------------------------------------------------------


def test_what_is_promised_is_read_then_one_button_publishes(marc: Client, cast: Cast) -> None:
    sell("AWA")
    sell("NINA", name="sale-2", channel="meeting")
    keep()
    page = marc.get(PAGE).text
    assert "4 personnes" in page and "Du 5 janvier 2026 au 1er mars 2026" in page
    assert "Jusqu’au mercredi 4 mars 2026 inclus" in page and "Jusqu’au mercredi 11 mars 2026 inclus" in page
    assert "2 ventes déjà déclarées sur cette période comptent dès la publication" in page
    assert "Vous gagnez 10 points par unité" in page and "points se convertissent sans plafond" in page
    assert "pas encore été rejoué" in page and "Publier le challenge" in page
    assert state() == "draft"
    answer = marc.post(PAGE, data={"hash": seen(page)})
    assert answer.location == "/studio/hiver" and state() == "published"
    assert "4 personnes participent" in marc.get(answer.location).text
    again = marc.post(PAGE, data={"hash": seen(page)}, follow_redirects=True)
    assert "déjà publié" in again.text
    marc.sign_in(cast.awa)
    assert "2 × Crème de jour × 10 pts = 20" in marc.get("/declarations/sale-1").text


def test_a_draft_changed_since_the_page_was_opened_is_read_again_first(marc: Client) -> None:
    keep()
    before = seen(marc.get(PAGE).text)
    keep(name="Grand hiver")
    refused = marc.post(PAGE, data={"hash": before})
    assert refused.status_code == 409 and "a été changé depuis" in refused.text and state() == "draft"
    assert marc.post(PAGE, data={"hash": seen(refused.text)}).status_code == 303 and state() == "published"


def test_an_unfinished_draft_goes_back_to_its_first_faulty_step(marc: Client) -> None:
    keep()
    challenge = challenge_by_code("hiver")
    assert challenge is not None
    draft = draft_by_id(challenge_id=challenge.id)
    assert draft is not None
    with transaction():
        save(draft.id, read=draft.revision, change=lambda content: content | {"ends_on": "2025-01-01", "rules": []},
             by="MARC", at=NOW)  # fmt: skip
    for answer in (marc.get(PAGE), marc.post(PAGE)):
        assert answer.location is not None and re.fullmatch(r"/studio/drafts/\d+/(when|what)", answer.location)
    assert "quelque chose à corriger" in marc.get(answer.location).text and state() == "draft"
    again = db.session.get_one(Draft, draft.id)
    with transaction():
        save(again.id, read=again.revision, change=lambda _content: WINTER, by="MARC", at=NOW)
    assert marc.get(PAGE).status_code == 200


def test_the_law_stops_it_with_the_article_and_a_way_to_mend(marc: Client) -> None:
    unlawful = {"audience": {"kinds": ["vdi"]}, "rules": [WINTER["rules"][0] | {"when": {"channels": ["online"]}}]}
    keep(**unlawful)
    page = marc.get(PAGE).text
    assert "ne peut pas être publié" in page and "L135-1" in page and "Publier le challenge" not in page
    refused = marc.post(PAGE, data={"hash": seen(page)})
    assert refused.status_code == 422 and "L135-1" in refused.text and state() == "draft"
    keep(audience={"kinds": ["vdi"]})
    marc.post(PAGE, data={"hash": seen(marc.get(PAGE).text)})
    assert state() == "published"


def test_a_draw_is_published_before_its_challenge_starts(marc: Client) -> None:
    draw = {"kind": "draw", "winners": 1, "tickets_per": 5, "wallet": 100}
    keep(payouts=[draw])
    page = marc.get(PAGE).text
    assert "se publie avant son premier jour" in page and "Publier le challenge" not in page
    assert marc.post(PAGE, data={"hash": seen(page)}).status_code == 422 and state() == "draft"
    keep(payouts=[draw], starts_on=(TODAY + timedelta(days=1)).isoformat())
    assert marc.post(PAGE, data={"hash": seen(marc.get(PAGE).text)}).status_code == 303 and state() == "published"


def test_the_latest_backtest_says_what_it_cost_and_whether_the_draft_is_still_the_same(marc: Client) -> None:
    sell("AWA", [("CREME", 20)])
    keep()
    with transaction():
        run = request_run("hiver", [("Hiver", definition_from(WINTER))], date(2026, 2, 1), date(2026, 2, 4),
                          by="MARC", at=NOW)  # fmt: skip
        run_id = run.id
    work(run_id, lambda: NOW)
    page = marc.get(PAGE).text
    assert "il aurait coûté 0,20\xa0€" in page and f"/studio/hiver/backtests/{run_id}" in page
    assert "a changé depuis cet essai" not in page
    keep(name="Autre")
    assert "a changé depuis cet essai" in marc.get(PAGE).text


def test_publishing_is_for_animators_and_for_drafts_that_are_there(marc: Client, cast: Cast) -> None:
    keep()
    assert marc.get("/studio/inconnu/publication").status_code == 404
    for person in (cast.awa, cast.ines):
        marc.sign_in(person)
        assert marc.get(PAGE).status_code == marc.post(PAGE).status_code == 404
    marc.sign_in(cast.marc)
    challenge = challenge_by_code("hiver")
    assert challenge is not None
    with transaction():
        claim(challenge.id, "draft", "cancelled", by="MARC", at=NOW)
    assert marc.get(PAGE).location == "/studio/hiver"


# --- what it can cost at most --------------------------------------------------------------------------------------

PEOPLE = Field(people=100, outlets=40, leagues=3)
KNOWN = Facts(
    date(2026, 1, 1), people=100, employees=10, costs={"spa": 9_000, "cure": 37_000}, point_cents=1,
    bands=(27_000, 270_000), contribution=Decimal(20),
)  # fmt: skip
CONVERT = {"kind": "convert", "every": 10, "into": 1}


def challenge(**changes: Any) -> Definition:
    return definition_from(WINTER | changes)


@pytest.mark.parametrize(
    ("changes", "cents"),
    [
        ({"payouts": []}, 0),
        ({"payouts": [CONVERT]}, None),
        ({"payouts": [CONVERT], "cap_total": 1_005}, 100 * 100),
        ({"payouts": [CONVERT], "budget": 50}, 5_000),
        ({"payouts": [{"kind": "rank", "from": 1, "to": 3, "reward": "spa"}]}, 3 * 3 * 9_000),
        ({"payouts": [{"kind": "rank", "from": 1, "to": 3, "reward": "spa"}], "budget": 9_999}, 3 * 3 * 9_000),
        ({"payouts": [{"kind": "rank", "from": 1, "to": 90, "wallet": 1}]}, 100),
        ({"payouts": [{"kind": "threshold", "points": 5, "wallet": 50}]}, 100 * 50),
        ({"payouts": [{"kind": "threshold", "points": 5, "reward": "spa"}], "ranks": "outlet"}, 40 * 9_000),
        ({"payouts": [{"kind": "race", "points": 5, "first": 3, "wallet": 50}]}, 150),
        ({"payouts": [{"kind": "draw", "winners": 2, "tickets_per": 5, "wallet": 50}]}, 100),
    ],
)
def test_the_most_it_can_cost_follows_from_payouts_people_and_budget(
    app: Flask, changes: dict[str, Any], cents: int | None
) -> None:
    assert most_in_all(challenge(**changes), KNOWN, PEOPLE).cents == cents


def test_the_contribution_is_highest_when_few_receive_all(app: Flask) -> None:
    def due(**changes: Any) -> int | None:
        definition = challenge(**changes)
        found = most_contribution(definition, KNOWN, most_in_all(definition, KNOWN, PEOPLE))
        return found.due_cents if found is not None else None

    each = {"kind": "threshold", "points": 5, "wallet": 37_000}
    assert due(payouts=[each | {"wallet": 27_000}]) == 0, "up to the band nothing is due"
    assert due(payouts=[each]) == 10 * 10_000 * 20 // 100, "ten employees, 100 € above the band each"
    assert due(payouts=[each], budget=800) == 2 * 10_000 * 20 // 100, "the budget pays two of them, and a rest"
    assert due(payouts=[CONVERT]) is None, "nothing bounds it"
    assert due(payouts=[CONVERT], budget=370) == 10_000 * 20 // 100, "one person may convert the whole budget"
    article = {"kind": "threshold", "points": 5, "reward": "cure"}
    assert due(payouts=[article]) == 10 * 10_000 * 20 // 100
    assert due(payouts=[article], ranks="outlet") == 0, "what an outlet receives is nobody's wage"
    unknown = replace(KNOWN, bands=None)
    assert most_contribution(challenge(payouts=[each]), unknown, most_in_all(challenge(), unknown, PEOPLE)) is None


def test_a_year_whose_figures_are_unknown_is_said(marc: Client) -> None:
    keep(starts_on="2199-01-05", ends_on="2199-03-01")
    assert "chiffres de 2199 ne sont pas connus" in marc.get(PAGE).text
    keep()
    assert "chiffres de 2026 ne sont pas connus" not in marc.get(PAGE).text


def test_the_bands_of_each_status_are_read_before_publishing(marc: Client) -> None:
    each = {"kind": "threshold", "points": 10, "wallet": 300_000}
    keep(payouts=[each])
    words = plain(marc.get(PAGE).text)
    # 3 000.00: 2 734.55 − 273.45 = 2 461.10, 20 % of it 492.22; 3 000.00 − 2 734.55 = 265.45 above.
    for said in (
        "Salarié · 2 personnes Rien n’est dû jusqu’à 273,45 € dans l’année ; contribution de 20 % de là à 2 734,55 €",
        "À ce maximum : 492,22 € de contribution, et 265,45 € au-delà du second seuil. au plus 3 000,00 € par personne",
        "Indépendant · 1 personne Chacun déclare ses gains. La marque déclare aussi qui reçoit plus de 2 400,00 €",
        "VDI · 1 personne Listé par trimestre pour la paie de l’entreprise",
    ):
        assert said in words, said
    assert "Plafond du programme" not in words
    with transaction():
        change_setting("benefit_cap", "15", by="ADA", at=NOW)
    words = plain(marc.get(PAGE).text)
    assert "un salarié ne reçoit pas plus de 273,45 € par an (15 % du SMIC mensuel)" in words
    assert "Un salarié peut gagner jusqu’à 3 000,00 €, plus que les 273,45 € par an" in words


def test_a_small_challenge_says_that_nothing_is_due(marc: Client) -> None:
    keep(payouts=[{"kind": "threshold", "points": 10, "wallet": 100}])
    words = plain(marc.get(PAGE).text)
    assert "À ce maximum : 0,00 € de contribution" in words
    assert "Ce challenge seul ne fait passer personne au-dessus des 2 400,00 € de la DAS2." in words
    keep(payouts=[])
    assert "par statut" not in plain(marc.get(PAGE).text)


def plain(html: str) -> str:
    text = markup.unescape(re.sub(r"<[^>]+>", " ", html))
    return " ".join(text.replace("\u00a0", " ").replace("\u202f", " ").split())
