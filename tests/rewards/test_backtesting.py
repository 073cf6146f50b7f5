"""Backtests in the studio's pages: asking, following without scripts, reading variants side by side."""

from __future__ import annotations

import html
import io
import re
from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask import Flask

from challenges.definition import definition_from
from challenges.imports import import_challenge
from foundation import clock
from foundation.database import db
from foundation.transactions import transaction
from network.models import Person
from rewards.backtest_runs import request_run
from rewards.backtest_worker import start, work
from rewards.models import BacktestRun
from rewards.queries import days_worth_testing
from tests.cast import Cast
from tests.conftest import Client
from tests.declarations.stage import sell

ASKED = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
FEBRUARY = {"first_day": "2026-02-01", "last_day": "2026-02-28"}
RULES = [{"id": "unites", "counts": "units", "points": 10}]


def draft(code: str = "essai", **changes: Any) -> dict[str, Any]:
    """The values of a challenge of February 2027."""
    return {
        "code": code,
        "name": code.title(),
        "starts_on": "2027-02-01",
        "ends_on": "2027-02-28",
        "rules": RULES,
    } | changes


def keep(*drafts: dict[str, Any]) -> None:
    """Drafts in the studio."""
    for one in drafts:
        with transaction():
            import_challenge(definition_from(one), by="MARC", at=ASKED)


@pytest.fixture
def marc(app: Flask, cast: Cast, client: Client) -> Client:
    """An animator's browser, a draft, and sales of February."""
    keep(draft())
    sell("AWA", [("CREME", 4)], name="a")
    sell("BRUNO", [("CREME", 2)], name="b")
    client.sign_in(cast.marc)
    return client


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The runs for which a thread was to be started; they wait for `finish`."""
    asked: list[int] = []
    monkeypatch.setattr("rewards.backtesting.start", lambda app, run_id, read_clock: asked.append(run_id))
    return asked


def ask(client: Client, code: str = "essai", **fields: Any) -> Any:
    """Send the form."""
    return client.post(f"/studio/{code}/backtests", data=FEBRUARY | fields, content_type="multipart/form-data")


def finish(run_id: int) -> None:
    """Do the work that a thread would do."""
    db.session.rollback()
    assert work(run_id, clock.now) == "done"


def text(answer: Any) -> str:
    """The words of a page, spaces made plain."""
    found = re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", answer.get_data(as_text=True), flags=re.S)
    return re.sub(r"[\s\u00a0\u202f]+", " ", html.unescape(found))


def test_the_form_proposes_the_same_weeks_a_year_earlier(marc: Client) -> None:
    page = marc.get("/studio/essai/backtests").get_data(as_text=True)
    assert 'value="2026-02-02"' in page and 'value="2026-03-01"' in page


@pytest.mark.parametrize(
    ("starts_on", "sold", "proposed"),
    [
        ("2027-02-01", [date(2026, 2, 4)], ("2026-02-02", "2026-03-01")),  # sales in the same weeks of the year before
        ("2027-07-01", [date(2026, 1, 20), date(2026, 2, 3)], ("2026-01-01", "2026-01-31")),  # the last whole month
        ("2027-07-01", [date(2025, 12, 1), date(2026, 1, 31)], ("2026-01-01", "2026-01-31")),
        ("2027-07-01", [date(2026, 2, 3)], ("2026-02-01", "2026-02-28")),  # there is no whole one
        ("2027-07-01", [], ("2026-07-02", "2026-07-29")),  # nothing to go by
    ],
)
def test_days_worth_testing(
    app: Flask, cast: Cast, starts_on: str, sold: list[date], proposed: tuple[str, str]
) -> None:
    for place, day in enumerate(sold):
        sell("AWA", [("CREME", 4)], name=f"a{place}", sold_on=day)
    first = date.fromisoformat(starts_on)
    last = date.fromordinal(first.toordinal() + 27)
    assert tuple(day.isoformat() for day in days_worth_testing(first, last)) == proposed


def test_asking_following_and_reading_without_scripts(marc: Client, by_hand: list[int]) -> None:
    asked = ask(marc)
    assert (asked.status_code, by_hand) == (303, [1])
    page = marc.get(asked.location)
    assert "En attente" in text(page) and "Actualiser" in text(page)
    assert 'hx-trigger="every 1s"' in page.get_data(as_text=True)
    finish(1)
    page = marc.get(asked.location)
    words = text(page)
    assert "every 1s" not in page.get_data(as_text=True)
    for said in (
        "Personnes du public, aujourd’hui 4", "Avec une vente qui compte 2 (50 %)", "Points 60",
        "Première marche le premier point : 2 (100 %)", "Part du premier dixième 66,7 %", "Budget sans budget",
        "Awa Diallo", "Bruno Martin", "décalées de -365 jours",
    ):  # fmt: skip
        assert said in words, said
    listed = text(marc.get("/studio/essai/backtests"))
    assert "du 1er févr. 2026 au 28 févr. 2026" in listed and "Terminé" in listed


def test_a_part_is_answered_to_htmx(marc: Client, by_hand: list[int]) -> None:
    address = ask(marc).location
    part = marc.get(address, headers={"HX-Request": "true"}).get_data(as_text=True)
    assert part.lstrip().startswith('<div class="stack" id="backtest"') and "<html" not in part
    finish(1)
    part = marc.get(address, headers={"HX-Request": "true"}).get_data(as_text=True)
    assert "En chiffres" in part and "<html" not in part


def test_the_thread_of_the_web_process_does_the_work(marc: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []
    monkeypatch.setattr("rewards.backtesting.start", lambda *given: threads.append(start(*given)))
    address = ask(marc).location
    for thread in threads:
        thread.join(60)
    assert "En chiffres" in text(marc.get(address))


def test_variants_side_by_side_from_the_studio_and_from_a_file(marc: Client, by_hand: list[int]) -> None:
    keep(draft("autre", rules=[{**RULES[0], "points": 1}], budget=5, payouts=[
        {"kind": "convert", "every": 1, "into": 100},
    ]))  # fmt: skip
    file = (
        'code = "essai"\nname = "Plafonds"\nstarts_on = 2027-02-01\nends_on = 2027-02-28\ncap_total = 25\n'
        'rules = [{ id = "unites", counts = "units", points = 10 }]\n'
    )
    asked = ask(marc, challenge_2="autre", file_3=(io.BytesIO(file.encode()), "plafonds.toml"))
    finish(by_hand[0])
    page = marc.get(asked.location)
    words = text(page)
    for said in (
        "Mesure Essai Autre plafonds.toml",
        "Points 60 6 45",
        "Budget sans budget 5,00 €, épuisé au gain n° 1 : il faudrait 6,00 € sans budget",
        "Le budget de 5,00 € ne suffit pas : le premier gain qui n’est pas payé en entier est celui de BRUNO",
        "Portez-le à 6,00 €, ou réduisez les gains.",
        "plafonds : -15",
        "Ce que la loi en fait, par statut",
        "Salarié · 1 personne Le SMIC n’est pas connu : les seuils ne sont pas calculés. 4,00 €",
    ):  # fmt: skip
        assert said in words, said
    assert 'data-label="Autre"' in page.get_data(as_text=True), "tables become cards"


def test_what_is_wrong_is_said_at_its_field_and_nothing_is_asked(marc: Client, by_hand: list[int]) -> None:
    def refused(**fields: Any) -> str:
        answer = ask(marc, **fields)
        assert answer.status_code == 422
        return text(answer)

    assert "Le dernier jour vient avant le premier" in refused(last_day="2026-01-01")
    assert "Ce n’est pas un jour" in refused(first_day="février")
    assert "Donnez un jour." in refused(first_day="")
    assert "L’année doit être de 2000 à 2199." in refused(first_day="1066-10-14")
    wrong = refused(file_2=(io.BytesIO(b'code = "x"\nnome = "y"\n'), "faux.toml"))
    assert "faux.toml:2" in wrong and "nome" in wrong
    assert "TOML" in refused(file_3=(io.BytesIO(b"not a file"), "autre.toml"))
    keep(draft("autre"))
    both = refused(challenge_2="autre", file_2=(io.BytesIO(b"x"), "x.toml"))
    assert "Choisissez un challenge ou un fichier, pas les deux." in both
    assert 'value="2026-02-28"' in ask(marc, first_day="").get_data(as_text=True), "what was written is still there"
    assert by_hand == []
    assert ask(marc, challenge_2="autre").status_code == 303


def test_a_period_without_sales_says_where_they_are(marc: Client, by_hand: list[int]) -> None:
    asked = ask(marc, first_day="2025-02-01", last_day="2025-02-28")
    finish(by_hand[0])
    words = text(marc.get(asked.location))
    assert "Aucune vente ne compte dans ces jours" in words
    assert "Les ventes acceptées vont du 4 février 2026 au 4 février 2026." in words
    assert "En chiffres" not in words


def test_without_any_sale_it_says_what_to_do(app: Flask, cast: Cast, client: Client, by_hand: list[int]) -> None:
    keep(draft())
    client.sign_in(cast.marc)
    asked = ask(client)
    finish(by_hand[0])
    assert "Il n’y a encore aucune vente acceptée" in text(client.get(asked.location))


def test_stopping_and_running_again(marc: Client, by_hand: list[int]) -> None:
    address = ask(marc).location
    stopped = marc.post(f"{address}/cancellation", follow_redirects=True)
    assert "Ce backtest a été arrêté avant la fin." in text(stopped)
    assert "Ce backtest était déjà fini." in text(marc.post(f"{address}/cancellation", follow_redirects=True))
    again = marc.post(f"{address}/repetition")
    assert again.status_code == 303 and by_hand == [1, 2]
    finish(2)
    assert "Points 60" in text(marc.get(again.location))


def test_a_failure_is_told_and_can_be_run_again(marc: Client, by_hand: list[int]) -> None:
    keep(draft("spa", payouts=[{"kind": "rank", "from": 1, "to": 1, "reward": "SPA"}]))
    address = ask(marc, "spa").location
    db.session.rollback()
    assert work(by_hand[0], clock.now) == "failed"
    words = text(marc.get(address))
    assert "Le backtest n’est pas allé au bout" in words and "« SPA » n’est pas un article du catalogue" in words
    assert "Relancer à l’identique" in words


def test_leagues_are_looked_at_one_at_a_time(marc: Client, by_hand: list[int]) -> None:
    keep(draft("ligues", league_by="potential"))
    address = ask(marc, "ligues").location
    finish(by_hand[0])
    page = text(marc.get(address))
    assert "Classement par niveau de potentiel" in page and "Bruno Martin" in page and "Awa Diallo" not in page
    assert "Awa Diallo" in text(marc.get(f"{address}?league=medium"))


def test_the_contribution_of_the_law_is_told_and_an_unknown_year_too(marc: Client, by_hand: list[int]) -> None:
    payouts = [{"kind": "convert", "every": 10, "into": 12_500}]
    keep(
        draft("connue", starts_on="2026-12-01", ends_on="2026-12-31", payouts=payouts),
        draft("inconnue", starts_on="2031-12-01", ends_on="2031-12-31", payouts=payouts),
    )
    known = ask(marc, "connue").location
    finish(by_hand[0])
    words = text(marc.get(known))
    # Awa 500 €, Bruno (independent) 250 €: 20 % of 500.00 − 273.45 = 45.31.
    assert "Coût des gains 750,00 €" in words
    assert "Contribution de la loi 45,31 €" in words and "Coût en tout 795,31 €" in words
    assert "pour 1 salarié d’un point de vente, aux chiffres de 2026 (CSS art. L242-1-4)" in words
    unknown = ask(marc, "inconnue").location
    finish(by_hand[1])
    words = text(marc.get(unknown))
    assert "chiffres de 2031 inconnus" in words and "750,00 € sans la contribution" in words


def test_what_is_not_there_is_404(marc: Client, by_hand: list[int], cast: Cast) -> None:
    keep(draft("autre"))
    address = ask(marc).location
    assert marc.get("/studio/rien/backtests").status_code == 404
    assert marc.get("/studio/autre/backtests/1").status_code == 404, "it is another challenge's"
    assert marc.get("/studio/essai/backtests/99").status_code == 404
    assert marc.post("/studio/autre/backtests/1/cancellation").status_code == 404
    assert marc.get(address).status_code == 200
    for person in (cast.awa, cast.ines):
        marc.sign_in(person)
        assert marc.get(address).status_code == 404
        assert marc.post(f"{address}/cancellation").status_code == 404


def test_the_list_is_paged_and_english_is_complete(marc: Client, by_hand: list[int], cast: Cast) -> None:
    for _ in range(11):
        with transaction():
            request_run("essai", [("Essai", definition_from(draft()))], date(2026, 2, 1), date(2026, 2, 28),
                        by="MARC", at=ASKED)  # fmt: skip
    with transaction():
        db.session.query(Person).filter_by(code="MARC").update({"language": "en"})
    first = text(marc.get("/studio/essai/backtests"))
    assert "Page 1 of 2" in first and "Run the backtest" in first and first.count("Waiting") == 10
    assert text(marc.get("/studio/essai/backtests?page=2")).count("Waiting") == 1
    finish(db.session.query(BacktestRun).order_by(BacktestRun.id).first().id)
    page = text(marc.get("/studio/essai/backtests/1"))
    assert "In figures" in page and "The dates of the rules were moved by -365 days." in page
