"""The home of each role, the menu, and what machines ask."""

from __future__ import annotations

import html as markup
import re
from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from badges.operations import grant_earned
from badges.rules import Counts
from challenges.models import Challenge
from declarations.models import Declaration
from declarations.operations import accept, withdraw
from foundation import clock
from foundation.database import db
from foundation.models import JobRun
from foundation.programme import change_setting
from foundation.transactions import transaction
from leaderboards.operations import remember_ranks
from network.models import Notice, Person
from points import wallet
from rewards.closing import close
from rewards.jobs import advance_challenges
from tests.cast import Cast
from tests.conftest import Client
from tests.declarations.stage import NOW, publish, sell

CREAMS = {"counts": "milestone", "measure": "units", "when": {"skus": ["CREME"]}}
MILESTONE = [
    {"id": "soin", "counts": "units", "points": 10, "when": {"categories": ["Soin"]}},
    CREAMS | {"id": "palier-5", "at": 5, "points": 50},
    CREAMS | {"id": "palier-10", "at": 10, "points": 250},
]


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is noon on 4 February."""
    monkeypatch.setattr(clock, "now", lambda: NOW)


def words(html: str) -> str:
    text = markup.unescape(re.sub(r"<[^>]+>", " ", html)).replace("\u00a0", " ").replace("\u202f", " ")
    return " ".join(text.split()).replace(" ,", ",").replace(" .", ".")


def home(client: Client, person: object) -> str:
    client.sign_in(person)  # type: ignore[arg-type]
    answer = client.get("/")
    assert answer.status_code == 200
    return words(answer.text)


def running(**changes: object) -> None:
    challenge = publish(rules=MILESTONE, **changes)
    with transaction():
        challenge.state = "running"


# --- reseller ------------------------------------------------------------------------------------------------------


def test_a_visitor_is_asked_to_sign_in(client: Client, app: Flask) -> None:
    assert client.get("/").location.startswith("/sign-in")


def test_the_running_challenge_with_points_rank_time_left_and_what_is_missing(client: Client, cast: Cast) -> None:
    running()
    sell("BRUNO", [("CREME", 9)], name="b")
    sell("AWA", [("CREME", 7)], name="a")
    page = home(client, cast.awa)
    assert "Bonjour Awa" in page and "Mercredi 4 février" in page
    assert "Hiver" in page and "25 jours restants" in page
    assert "120 pts" in page  # 7 × 10 and the first milestone
    assert "2 e" in page and "sur 2" in page
    assert "Encore 3 × Crème de jour pour le palier de 10 unités, et 21 points pour la 1re place." in page
    assert "palier 10 unités : +250 pts" in page


def test_points_count_up_to_the_value_that_is_written(client: Client, cast: Cast) -> None:
    running()
    sell("AWA", [("CREME", 2)])
    client.sign_in(cast.awa)
    assert 'data-count-up="20">20<' in client.get("/").text


def test_places_won_since_yesterday(client: Client, cast: Cast) -> None:
    running()
    sell("BRUNO", [("CREME", 2)], name="b", at=NOW - timedelta(days=2))
    sell("AWA", [("CREME", 1)], name="a", at=NOW - timedelta(days=2))
    with transaction():
        remember_ranks(the_challenge(), date(2026, 2, 3))
    sell("AWA", [("CREME", 3)], name="a2")
    assert "1 place gagnée" in home(client, cast.awa)


def the_challenge() -> Challenge:
    return db.session.scalars(db.select(Challenge)).one()


def test_what_waits_is_apart_with_my_range(client: Client, cast: Cast) -> None:
    running()
    sell("BRUNO", [("CREME", 3)], name="b")
    sell("AWA", [("CREME", 1)], name="a")
    sell("AWA", [("CREME", 2_000)], name="big")
    page = home(client, cast.awa)
    assert "En attente 2 000 × Crème de jour" in page and "En vérification" in page
    assert "entre 1 er et 2 e" in page
    assert "points attendus en vérification" in page
    assert "10 pts" in page


def test_the_latest_sales_can_be_told_again(client: Client, cast: Cast) -> None:
    running()
    sell("AWA", [("CREME", 2), ("SERUM", 1), ("ROUGE", 1)], name="sale one")
    client.sign_in(cast.awa)
    page = client.get("/").text
    assert "2 × Crème de jour, 1 × Sérum éclat et 1 autre produit" in words(page)
    assert "2\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}Crème" in page, "a number is not cut from its product"
    assert 'href="/declare?repeat=sale%20one"' in page and "+ 30 pts" in words(page)


def test_sales_taken_back_or_refused_say_so(client: Client, cast: Cast) -> None:
    sell("AWA", [("CREME", 2)])
    with transaction():
        withdraw(db.session.scalars(db.select(Declaration)).one(), by="AWA", at=NOW)
    assert "Retirée" in home(client, cast.awa)


def test_without_a_challenge_the_home_says_what_to_do(client: Client, cast: Cast) -> None:
    page = home(client, cast.nina)
    assert "Aucun challenge en cours" in page and "Déclarer une vente" in page
    assert "Résultats" not in page


def test_other_challenges_show_how_far_i_am(client: Client, cast: Cast) -> None:
    running()
    publish(
        code="objectif", name="Route du Soin", ends_on="2026-04-01",
        objective={"measure": "units", "default": 50}, rank_by="progress",
    )  # fmt: skip
    publish(code="bientot", name="Bientôt", starts_on="2026-02-09", ends_on="2026-04-01")
    sell("AWA", [("CREME", 20)])
    page = home(client, cast.awa)
    assert "40 % Route du Soin 20 unités sur 50 unités" in page
    assert "Bientôt Commence dans 5 jours" in page


def test_badges_earned_lately_and_the_wallet(client: Client, cast: Cast) -> None:
    with transaction():
        grant_earned({cast.awa.id: Counts(1)}, at=NOW)
    page = home(client, cast.awa)
    assert "Première vente" in page and "Cagnotte Mon relevé 0 pt" in page


def test_a_closed_challenge_leaves_its_result(client: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    running()
    sell("AWA", [("CREME", 2)])
    challenge = the_challenge()
    later = challenge.review_until + timedelta(days=1)
    with transaction():
        challenge.state = "reviewing"
    with transaction():
        close(challenge, by="system", at=later)
    monkeypatch.setattr(clock, "now", lambda: later)
    page = home(client, cast.awa)
    assert "Résultats Hiver 1 er sur 1 · 20 pts 2 points de cagnotte" in page
    assert "Cagnotte Mon relevé 2 pts" in page


def test_a_frozen_board_hides_where_i_stand_now(client: Client, cast: Cast) -> None:
    running(freeze_board_on="2026-02-04")
    sell("BRUNO", [("CREME", 2)], name="b", at=NOW - timedelta(days=2))
    sell("AWA", [("CREME", 1)], name="a", at=NOW - timedelta(days=2))
    with transaction():
        remember_ranks(the_challenge(), date(2026, 2, 3))
    sell("AWA", [("CREME", 4)], name="a2")
    page = home(client, cast.awa)
    assert "Classement figé au 3 février 2026" in page
    assert "2 e" in page and "place gagnée" not in page and "pour la 1re place" not in page


def test_the_home_speaks_english(client: Client, cast: Cast) -> None:
    running()
    with transaction():
        cast.awa.language = "en"
    page = home(client, cast.awa)
    assert "Hello Awa" in page and "Winter" in page and "25 days left" in page


# --- those who run the programme -----------------------------------------------------------------------------------


def test_an_animator_sees_participation_and_what_waits(client: Client, cast: Cast) -> None:
    running()
    sell("AWA", [("CREME", 2_000)], name="big", at=NOW - timedelta(days=1))
    sell("BRUNO", [("CREME", 2)])
    page = home(client, cast.marc)
    assert "1 vente à vérifier" in page and "La plus ancienne attend depuis le 3 févr. 2026, 12:00." in page
    assert "4 / 4 participants arrivés" in page and "3 points de vente" in page
    assert "1 a des points 4 participants" in page
    assert "L’horloge ne tourne pas" in page


def test_an_animator_is_told_how_many_adjustments_wait_for_their_approval(client: Client, cast: Cast) -> None:
    with transaction():
        change_setting("adjustment_points_above", "5", by="ADA", at=NOW)
    with transaction():
        first, _second, _small = (
            wallet.adjust(cast.awa, points, "Salon", by="MARC", at=NOW) for points in (10, -20, 5)
        )
    assert "votre approbation" not in home(client, cast.marc)  # nobody decides on what they asked
    assert "2 bonus ou corrections de points attendent votre approbation." in home(client, cast.ada)
    assert 'href="/studio/points/adjustments"' in client.get("/").text
    with transaction():
        wallet.approve(db.session.merge(first), by="ADA", at=NOW)
    assert "1 bonus ou correction de points attend votre approbation." in home(client, cast.ada)
    for other in (cast.awa, cast.ines):
        assert "votre approbation" not in home(client, other)


def test_an_animator_is_told_of_a_closing_that_waits_and_urgently_once_it_is_late(
    client: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What waits would give no point; the closing waits for it all the same.
    publish(rules=[{"id": "rouge", "counts": "units", "points": 10, "when": {"skus": ["ROUGE"]}}])
    receipt = sell("AWA", [("CREME", 2_000)], name="big")
    late = datetime(2026, 3, 20, tzinfo=UTC)
    for moment, said in (
        (datetime(2026, 3, 7, tzinfo=UTC), "« Hiver » attend 1 vérification pour se clôturer."),
        (late, "« Hiver » devait se clôturer le 12 mars 2026 : 1 vérification l’en empêche."),
    ):
        list(advance_challenges(moment))
        list(advance_challenges(moment))
        monkeypatch.setattr(clock, "now", lambda moment=moment: moment)
        assert said in home(client, cast.marc)
    db.session.rollback()
    told = select(Person.code, Notice.title).join(Notice, Notice.person_id == Person.id).where(Notice.kind == "waiting")
    assert sorted(map(tuple, db.session.execute(told))) == [
        ("ADA", "Hiver ne peut pas se clôturer"), ("MARC", "Hiver ne peut pas se clôturer"),
    ]  # fmt: skip
    with transaction():
        accept(db.session.get_one(Declaration, receipt.declaration_id), by="MARC", at=late)
    list(advance_challenges(late))
    assert "devait se clôturer" not in home(client, cast.marc)


def test_the_next_step_after_a_sale_says_of_which_challenge_it_is(client: Client, cast: Cast) -> None:
    for code, name in (("hiver", "Hiver"), ("salon", "Hiver au salon")):
        challenge = publish(code=code, name=name)
        with transaction():
            challenge.state = "running"
    sell("AWA", [("CREME", 2)])
    client.sign_in(cast.awa)
    answer = client.get("/declarations/sale-1?new=1").text
    parts = re.findall(r'hx-get="(/challenges/[^"]+/progress)"', answer)
    cards = [client.get(part, headers={"HX-Request": "true"}).text for part in parts]
    assert [re.findall(r"<h2[^>]*>(.*?)</h2>", card) for card in cards] == [["Hiver"], ["Hiver au salon"]]


def test_an_animator_is_told_which_job_failed(client: Client, cast: Cast) -> None:
    with transaction():
        db.session.add(JobRun(name="challenges.advance", finished_at=NOW, outcome="failed: ValueError"))
    assert "La tâche challenges.advance a échoué" in home(client, cast.marc)


def test_the_brand_sees_headline_figures_only_when_they_may_be_shown(client: Client, cast: Cast) -> None:
    sell("AWA", [("CREME", 2)], at=NOW - timedelta(days=1))
    page = home(client, cast.ines)
    assert "Trop peu de ventes pour un chiffre" in page
    for number, person in enumerate(["AWA", "BRUNO", "NINA", "AWA", "BRUNO", "NINA"]):
        channel = "meeting" if person == "NINA" else "store"
        sell(person, [("CREME", 2)], name=f"more-{number}", at=NOW - timedelta(days=2), channel=channel)
    page = home(client, cast.ines)
    assert "7 déclarations" in page and "14 unités" in page and "168,00 € au prix public" in page
    links = set(re.findall(r'href="(/insights[?][^"]+)"', client.get("/").text))
    (behind,) = links
    assert "7 déclarations" in words(client.get(markup.unescape(behind)).text), (
        "the page behind a figure says the same one"
    )


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("awa", ["Accueil", "Challenges", "Déclarer", "Classement", "Cadeaux"]),
        ("marc", ["Accueil", "Studio", "Vérifier", "Réseau", "Insight"]),
        ("ines", ["Accueil", "Challenges", "Insight"]),
        ("ada", ["Accueil", "Studio", "Vérifier", "Réseau", "Insight"]),
    ],
)
def test_each_role_has_its_menu_and_every_entry_leads_somewhere(
    client: Client, cast: Cast, name: str, labels: list[str]
) -> None:
    client.sign_in(getattr(cast, name))
    page = client.get("/").text
    bar = re.search(r'<nav class="bottom-bar".*?</nav>', page, re.S)
    assert bar is not None
    entry = r'<a href="([^"]+)"(?: class="is-primary")?( aria-current="page")?>.*?<span>([^<]+)</span></a>'
    links = re.findall(entry, bar[0])
    assert [label for _, _, label in links] == labels
    assert [label for _, current, label in links if current] == ["Accueil"]
    menu = re.findall(r'<a class="menu-entry" href="([^"]+)"', page)
    for address in [href for href, _, _ in links] + menu:
        assert client.get(address, follow_redirects=True).status_code == 200, address


# --- machines ------------------------------------------------------------------------------------------------------


def test_healthz_answers_without_a_database(client: Client, app: Flask) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_readyz_when_the_schema_is_current(client: Client, app: Flask) -> None:
    assert client.get("/readyz").json == {"status": "ok", "database": "ok", "schema": "current"}


def test_readyz_refuses_an_older_schema(client: Client, app: Flask) -> None:
    with transaction():
        db.session.execute(db.text("UPDATE alembic_version SET version_num = 'older'"))
    answer = client.get("/readyz")
    assert answer.status_code == 503 and answer.json["schema"] == "run flask db upgrade"


def test_readyz_refuses_an_unreachable_database(client: Client, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(self: object, *_: object, **__: object) -> None:
        raise OperationalError("connect", {}, Exception("no database"))

    monkeypatch.setattr(type(db.engine), "connect", unreachable)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["database"]) == (503, "unreachable")


def test_metrics_count_requests_declarations_and_jobs_without_names(client: Client, cast: Cast) -> None:
    sell("AWA", [("CREME", 2)])
    with transaction():
        db.session.add(JobRun(name="mail.deliver", finished_at=NOW, outcome="failed: OSError"))
    client.get("/healthz")
    text = client.get("/metrics").text
    assert 'palmares_requests_total{endpoint="portal_api.healthz",method="GET",status="200"}' in text
    assert 'palmares_request_seconds_count{endpoint="portal_api.healthz"}' in text
    assert 'palmares_declarations{status="accepted"} 1.0' in text
    assert 'palmares_job_failed{job="mail.deliver"} 1.0' in text
    assert "AWA" not in text and "Awa" not in text
