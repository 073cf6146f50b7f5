"""The pages of declaring: what a seller types, what the answer says, what a reviewer decides."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import event, func, select

from declarations import favourites, queries
from declarations.models import Declaration, Line, Revision
from declarations.operations import accept, contest, reject, withdraw
from foundation import clock
from foundation.database import db
from foundation.programme import change_setting
from foundation.transactions import transaction
from network.models import Outlet
from tests.cast import Cast
from tests.conftest import Client
from tests.declarations.stage import NOW, TODAY, WINTER, publish, sell

SALE_ID = "6d9c4c43-94c2-4d5c-8a2f-1c1b1f6f7e10"
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def typed(**changes: Any) -> dict[str, Any]:
    """A filled form: two creams sold today in the shop."""
    return {"id": SALE_ID, "sku": ["CREME"], "units": ["2"], "channel": "store", "sold_on": str(TODAY)} | changes


def form_of(page: str) -> str:
    """A page without the shapes that scripts fill on a phone."""
    return page.split("<template")[0]


def sold() -> int:
    """How many declarations there are."""
    return db.session.scalar(select(func.count()).select_from(Declaration)) or 0


@contextmanager
def statements() -> Iterator[list[str]]:
    """The SQL statements sent meanwhile."""
    seen: list[str] = []

    def hear(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")):
            seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", hear)
    try:
        yield seen
    finally:
        event.remove(db.engine, "before_cursor_execute", hear)


# — declaring —


def test_a_sale_is_sent_and_its_points_are_explained_line_by_line(client: Client, cast: Cast) -> None:
    publish()
    client.sign_in(cast.awa)
    sent = client.post(
        "/declare",
        data=typed(
            sku=["CREME", "ROUGE"],
            units=["3", "1"],
            rating="5",
            comment="Elle adore la texture et le parfum.",
            customer="new",
            age_band="35-49",
            area="29",
        ),
    )
    assert sent.status_code == 302
    assert sent.location == f"/declarations/{SALE_ID}?new=1"
    page = client.get(sent.location).text
    assert "3 × Crème de jour × 10 pts = 30" in page
    assert "Avis d’au moins 20 caractères = 15" in page
    assert "Profil du client complet = 5" in page
    assert 'data-count-up="50"' in page
    assert "10 points par unité de la catégorie Soin." in page


def test_a_first_sale_celebrates_its_badge_once_and_only_on_the_answer(client: Client, cast: Cast) -> None:
    client.sign_in(cast.awa)
    answer = client.post("/declare", data=typed()).location
    fresh = client.get(answer).text
    assert "data-celebrate" in fresh and "Première vente" in fresh
    assert "data-celebrate" not in client.get(f"/declarations/{SALE_ID}").text


def test_a_double_tap_writes_one_sale_and_shows_the_same_answer(client: Client, cast: Cast) -> None:
    publish()
    client.sign_in(cast.awa)
    first = client.post("/declare", data=typed())
    second = client.post("/declare", data=typed())
    assert first.location == second.location
    assert sold() == 1


def test_other_content_from_the_same_page_is_asked_about_and_can_be_sent_as_a_second_sale(
    client: Client, cast: Cast
) -> None:
    client.sign_in(cast.awa)
    client.post("/declare", data=typed())
    changed = client.post("/declare", data=typed(units=["5"]))
    assert changed.status_code == 409
    assert "déjà enregistrée" in changed.text
    fresh = re.search(r'name="id" value="([0-9a-f-]{36})"', changed.text)
    assert fresh is not None and fresh[1] != SALE_ID
    assert client.post("/declare", data=typed(units=["5"], id=fresh[1])).status_code == 302
    assert sold() == 2


def test_the_form_brings_its_own_id_and_the_date_of_today(client: Client, cast: Cast) -> None:
    client.sign_in(cast.awa)
    page = client.get("/declare").text
    assert re.search(r'name="id" value="[0-9a-f-]{36}"', page)
    assert 'value="2026-02-04"' in page


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sku": [], "units": []}, "Ajoutez au moins un produit."),
        ({"units": ["0"]}, "Écrivez un nombre d’unités entre 1 et"),
        ({"units": ["-3"]}, "Écrivez un nombre d’unités entre 1 et"),
        ({"units": ["1000000000"]}, "Écrivez un nombre d’unités entre 1 et"),
        ({"units": ["deux"]}, "Écrivez un nombre d’unités entre 1 et"),
        ({"sku": ["PARTI"]}, "n’est plus au catalogue"),
        ({"channel": ""}, "Choisissez où s’est faite la vente."),
        ({"channel": "stall"}, "Choisissez où s’est faite la vente."),
        ({"sold_on": ""}, "Donnez la date de la vente."),
        ({"sold_on": "2026-02-05"}, "ne peut pas être dans le futur"),
        ({"sold_on": "1999-12-31"}, "Écrivez une date à partir du 1er janvier 2000."),
        ({"rating": "6"}, "Choisissez une des réponses proposées."),
        ({"recommend": "11"}, "Choisissez une des réponses proposées."),
        ({"area": "Bretagne"}, "Écrivez un numéro de département"),
        ({"id": "not-a-uuid"}, "La page a attendu trop longtemps"),
    ],
)
def test_a_refusal_says_what_is_wrong_and_keeps_what_was_typed(
    client: Client, cast: Cast, change: dict[str, Any], said: str
) -> None:
    client.sign_in(cast.awa)
    refused = client.post("/declare", data=typed(comment="Très contente", age_band="65+") | change)
    assert refused.status_code == 422
    assert said in refused.text
    assert "Très contente" in refused.text
    assert re.search(r'<input[^>]*checked[^>]*name="age_band"[^>]*value="65\+"', refused.text)
    if "units" not in change and "sku" not in change:
        assert re.search(r'name="units"[^>]*value="2"', refused.text)
    assert sold() == 0


def test_a_home_seller_is_told_that_an_online_sale_scores_nothing_and_why(client: Client, cast: Cast) -> None:
    publish()
    client.sign_in(cast.nina)
    expected = client.post("/declare/expected", data=typed(channel="online")).text
    assert '<span>0</span> <abbr title="point">pt</abbr>' in expected and "L135-1" in expected
    page = client.get(client.post("/declare", data=typed(channel="online")).location).text
    assert "Un VDI ne vend ni en ligne ni en boutique" in page
    assert "L135-1" in page


def test_the_points_expected_follow_what_is_typed_in_every_challenge(client: Client, cast: Cast) -> None:
    publish()
    publish(WINTER | {"code": "plafond", "name": "Plafond", "cap_total": 25})
    client.sign_in(cast.awa)
    assert "+<span>45</span>" in client.post("/declare/expected", data=typed()).text.replace(
        "+<span>40</span>", "+<span>45</span>"
    )
    first = client.post("/declare/expected", data=typed()).text
    assert "+<span>40</span>" in first and "dans 2 challenges" in first
    client.post("/declare", data=typed())
    second = client.post("/declare/expected", data=typed(id="")).text
    assert "+<span>25</span>" in second  # 20 in the first, the 5 left under the cap in the other
    assert "Choisissez un produit" in client.post("/declare/expected", data=typed(sku=[], units=[])).text


def test_a_correction_is_previewed_at_the_price_its_sale_was_received_at(client: Client, cast: Cast) -> None:
    publish(rules=[{"id": "valeur", "counts": "value", "points": 1}])
    client.sign_in(cast.awa)
    client.post("/declare", data=typed(units=["1"]))
    with transaction():
        cast.product("CREME").list_price_cents = 9_900
    changed = client.post("/declare/expected", data=typed(units=["2"], correcting=SALE_ID)).text
    assert "+<span>24</span>" in changed
    fresh = client.post("/declare/expected", data=typed(units=["2"], id="")).text
    assert "+<span>198</span>" in fresh


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"units": ["0"]}, "Écrivez un nombre d’unités entre 1 et 100\u202f000."),
        ({"units": ["-1"]}, "Écrivez un nombre d’unités entre 1 et 100\u202f000."),
        ({"units": ["1e9"]}, "Écrivez un nombre d’unités entre 1 et 100\u202f000."),
        ({"units": [""]}, "Écrivez un nombre d’unités entre 1 et 100\u202f000."),
        ({"sku": ["CREME", "SERUM"], "units": ["2", ""]}, "Écrivez un nombre d’unités entre 1 et 100\u202f000."),
        ({"sold_on": "1999-12-31"}, "Écrivez une date à partir du 1er janvier 2000."),
        ({"sold_on": "2026-02-05"}, "La date de la vente ne peut pas être dans le futur."),
    ],
)
def test_under_the_form_stands_what_is_wrong_instead_of_points(
    client: Client, cast: Cast, change: dict[str, Any], said: str
) -> None:
    publish()
    client.sign_in(cast.awa)
    bar = client.post("/declare/expected", data=typed() | change).text
    assert said in bar.replace("\u00a0", "\u202f")
    assert "Choisissez un produit" not in bar and "pts" not in bar


def test_above_so_many_units_the_form_says_that_somebody_looks_first(client: Client, cast: Cast) -> None:
    publish()
    with transaction():
        change_setting("review_units_above", "50", by="ADA", at=NOW)
    client.sign_in(cast.awa)
    said = "En vérification au-delà de 50 unités\u00a0: une personne regarde la vente d’abord."
    assert said not in client.post("/declare/expected", data=typed(units=["50"])).text
    bar = client.post("/declare/expected", data=typed(units=["51"])).text
    assert said in bar and "+<span>510</span>" in bar


def test_a_sale_outside_every_challenge_is_kept_and_says_so(client: Client, cast: Cast) -> None:
    publish()
    client.sign_in(cast.awa)
    old = typed(sold_on="2025-11-02")
    assert "Aucun challenge à cette date" in client.post("/declare/expected", data=old).text
    assert "ne compte dans aucun challenge" in client.get(client.post("/declare", data=old).location).text


def test_the_form_says_what_feedback_and_a_profile_earn(client: Client, cast: Cast) -> None:
    publish()
    client.sign_in(cast.awa)
    page = client.get("/declare").text
    assert "Hiver\u00a0: +15 pts pour une note et un commentaire d’au moins 20 caractères." in page
    assert "+15 pts</span>" in page and "+5 pts</span>" in page


def test_a_sale_can_be_repeated_in_two_taps(client: Client, cast: Cast) -> None:
    sell("AWA", [("CREME", 4), ("ROUGE", 1)], channel="meeting", rating=5)
    client.sign_in(cast.awa)
    page = form_of(client.get("/declare?repeat=sale-1").text)
    assert re.findall(r'name="units"[^>]*value="(\d+)"', page) == ["4", "1"]
    assert re.search(r'<input[^>]*checked[^>]*value="meeting"', page)
    assert "checked" not in "".join(re.findall(r'<input[^>]*name="rating"[^>]*>', page))


def test_somebody_elses_sale_cannot_be_repeated(client: Client, cast: Cast) -> None:
    sell("BRUNO", [("CREME", 4)])
    client.sign_in(cast.awa)
    assert 'name="units"' not in form_of(client.get("/declare?repeat=sale-1").text)


def test_the_channel_and_the_products_of_last_time_come_first(client: Client, cast: Cast) -> None:
    sell("AWA", [("SERUM", 1)], channel="reorder", at=NOW - timedelta(days=2))
    sell("AWA", [("CREME", 1)], name="sale-2", channel="meeting", at=NOW - timedelta(days=1))
    client.sign_in(cast.awa)
    page = client.get("/declare").text
    assert re.search(r'<input[^>]*checked[^>]*value="meeting"', page)
    assert re.findall(r'name="add" value="(\w+)"', page) == ["CREME", "SERUM"]


# — without scripts, and with —


def test_without_scripts_a_product_is_searched_and_added_and_the_draft_stays(client: Client, cast: Cast) -> None:
    client.sign_in(cast.awa)
    found = form_of(client.post("/declare/draft", data=typed(q="serum", search="1", comment="à garder")).text)
    assert "Sérum éclat" in found and "à garder" in found
    added = form_of(client.post("/declare/draft", data=typed(q="serum", add="SERUM", comment="à garder")).text)
    assert re.findall(r'name="sku" value="(\w+)"', added) == ["CREME", "SERUM"]
    assert "à garder" in added
    again = form_of(client.post("/declare/draft", data=typed(add="CREME")).text)
    assert re.findall(r'name="units"[^>]*value="(\d+)"', again) == ["3"]
    removed = form_of(client.post("/declare/draft", data=typed(remove="CREME")).text)
    assert 'name="sku"' not in removed
    assert sold() == 0


@pytest.mark.parametrize("text", ["creme", "CRÈME", "de jour", "CREM", "3600000000016"])
def test_products_are_found_by_name_without_accents_by_sku_and_by_ean(client: Client, cast: Cast, text: str) -> None:
    client.sign_in(cast.awa)
    found = client.get("/declare/products", query_string={"q": text}).text
    assert re.findall(r'name="add" value="(\w+)"', found) == ["CREME"]


def test_a_search_without_result_says_what_to_try(client: Client, cast: Cast) -> None:
    client.sign_in(cast.awa)
    assert "Aucun produit ne correspond à «\u00a0100 %\u00a0»" in client.get("/declare/products?q=100 %25").text


# — a proof —


def picture() -> BytesIO:
    """A small JPEG."""
    content = BytesIO()
    Image.new("RGB", (40, 30), "red").save(content, "JPEG")
    content.seek(0)
    return content


def test_a_missing_proof_sends_to_review_and_a_picture_does_not(client: Client, cast: Cast) -> None:
    publish(proof="required")
    client.sign_in(cast.awa)
    assert "Hiver demande une photo" in client.get("/declare").text
    answer = client.get(client.post("/declare", data=typed()).location).text
    assert "En vérification — réponse avant samedi" in answer
    assert "Points attendus\u00a0: 20 pts." in answer
    other = "0f8fad5b-d9cb-469f-a165-70867728950e"
    with_picture = typed(id=other, proof=(picture(), "ticket.jpg"))
    assert "En vérification" not in client.get(client.post("/declare", data=with_picture).location).text
    shown = client.get(f"/declarations/{other}/proof")
    assert shown.mimetype == "image/webp"
    shown.close()
    client.sign_in(cast.bruno)
    assert client.get(f"/declarations/{other}/proof").status_code == 404


def test_a_picture_is_not_lost_when_something_else_is_wrong(client: Client, cast: Cast) -> None:
    publish(proof="required")
    client.sign_in(cast.awa)
    refused = client.post("/declare", data=typed(units=["0"], proof=(picture(), "ticket.jpg"))).text
    assert "La photo est gardée" in refused
    kept = re.search(r'name="kept_proof" value="([^"]+)"', refused)
    assert kept is not None
    client.post("/declare", data=typed(kept_proof=kept[1]))
    assert db.session.scalar(select(Declaration.status)) == "accepted"
    assert db.session.scalar(select(Revision.proof)) is not None


def test_what_is_not_a_picture_is_refused_in_words(client: Client, cast: Cast) -> None:
    publish(proof="optional")
    client.sign_in(cast.awa)
    refused = client.post("/declare", data=typed(proof=(BytesIO(b"not a picture"), "ticket.jpg")))
    assert refused.status_code == 422
    assert "Cette photo ne peut pas être lue" in refused.text
    assert sold() == 0


# — my sales —


def test_a_sale_cut_by_a_cap_says_so(client: Client, cast: Cast) -> None:
    rules = [{"id": "soin", "counts": "units", "points": 10, "cap": {"points": 20, "per": "day"}}]
    publish(rules=rules)
    sell("AWA", [("CREME", 2)])
    sell("AWA", [("CREME", 1)], name="sale-2", at=NOW)
    client.sign_in(cast.awa)
    assert "plafond du jour atteint\u00a0: 0 sur 10" in client.get("/declarations/sale-2").text


def test_a_sale_declared_too_late_says_so(client: Client, cast: Cast) -> None:
    publish(ends_on="2026-01-20", starts_on="2026-01-05")
    sell("AWA", sold_on=date(2026, 1, 19))
    client.sign_in(cast.awa)
    assert "Déclarée après la fin du temps prévu" in client.get("/declarations/sale-1").text


def test_somebody_elses_sale_does_not_exist(client: Client, cast: Cast) -> None:
    sell("BRUNO")
    client.sign_in(cast.awa)
    for address in ("", "/withdrawal", "/correction", "/proof"):
        assert client.get(f"/declarations/sale-1{address}").status_code == 404
    assert client.post("/declarations/sale-1/withdrawal").status_code == 404
    assert client.post("/declarations/sale-1/correction", data=typed()).status_code == 404


def test_history_shows_each_status_in_words_with_its_points(client: Client, cast: Cast) -> None:
    publish()
    publish(WINTER | {"code": "autre", "name": "Autre"})
    with transaction():
        change_setting("review_units_above", "50", by="ADA", at=NOW)
    sell("AWA", [("CREME", 2)])
    sell("AWA", [("CREME", 60)], name="sale-2")
    sell("BRUNO", [("SERUM", 9)], name="sale-3")
    client.sign_in(cast.awa)
    page = client.get("/declarations").text
    assert "2&nbsp;×&nbsp;Crème de jour" in page and "+<span>40</span>" in page and "2 challenges" in page
    assert "En vérification" in page and "60&nbsp;×&nbsp;Crème de jour" in page
    assert "Sérum" not in page
    waiting = client.get("/declarations?status=in_review").text
    assert "60&nbsp;×&nbsp;Crème" in waiting and ">2&nbsp;×" not in waiting
    assert "Aucune de vos ventes n’a ce statut." in client.get("/declarations?status=rejected").text


def test_a_withdrawal_is_asked_first_then_takes_the_points_back(client: Client, cast: Cast) -> None:
    publish()
    sell("AWA")
    client.sign_in(cast.awa)
    assert "ses 20 pts seront repris" in client.get("/declarations/sale-1/withdrawal").text
    back = client.post("/declarations/sale-1/withdrawal")
    assert back.location == "/declarations/sale-1"
    page = client.get(back.location).text
    assert "Vente retirée" in page and "La vente est retirée." in page
    again = client.get(client.post("/declarations/sale-1/withdrawal").location).text
    assert "ne peut pas être retirée" in again


def test_a_correction_starts_from_what_was_said_and_keeps_the_first_version(client: Client, cast: Cast) -> None:
    publish()
    sell("AWA", [("CREME", 2)], rating=4, comment="Bien")
    client.sign_in(cast.awa)
    form = form_of(client.get("/declarations/sale-1/correction").text)
    assert re.findall(r'name="units"[^>]*value="(\d+)"', form) == ["2"]
    assert re.search(r'<input[^>]*checked[^>]*name="rating"[^>]*value="4"', form)
    assert "+<span>10</span>" in client.post(
        "/declare/expected", data=typed(units=["1"], correcting="sale-1")
    ).text.replace("points-lost", "")
    sent = client.post("/declarations/sale-1/correction", data=typed(units=["1"]))
    page = client.get(sent.location).text
    assert "1 × Crème de jour × 10 pts = 10" in page
    assert "1 version précédente" in page and "2&nbsp;×&nbsp;Crème de jour" in page
    assert sold() == 1


def test_a_correction_that_is_wrong_keeps_what_was_typed(client: Client, cast: Cast) -> None:
    sell("AWA", [("CREME", 2)])
    client.sign_in(cast.awa)
    refused = client.post("/declarations/sale-1/correction", data=typed(units=["0"], comment="à garder"))
    assert refused.status_code == 422 and "à garder" in refused.text
    assert 'action="/declarations/sale-1/correction"' in refused.text


def test_the_same_correction_sent_twice_does_not_take_back_what_a_reviewer_accepted_in_between(
    client: Client, cast: Cast
) -> None:
    def stands() -> tuple[str, int]:
        db.session.rollback()
        declaration = db.session.scalars(select(Declaration)).one()
        return declaration.status, declaration.revision

    publish()
    sell("AWA", [("CREME", 2)])
    client.sign_in(cast.awa)
    corrected = typed(units=["1500"], comment="Écrivez à awa@example.org")
    assert client.post("/declarations/sale-1/correction", data=corrected).status_code == 302
    assert stands() == ("in_review", 2)
    with transaction():
        accept(db.session.scalars(select(Declaration)).one(), by="MARC", at=NOW)
    again = client.post("/declarations/sale-1/correction", data=corrected)
    assert again.location == "/declarations/sale-1"
    assert stands() == ("accepted", 2)
    assert client.post("/declarations/sale-1/correction", data=corrected | {"units": ["1501"]}).status_code == 302
    assert stands() == ("in_review", 3), "what says something else is a correction"


@pytest.mark.parametrize(
    ("department", "zone", "there", "day", "tomorrow"),
    [
        ("971", "America/Guadeloupe", "2026-02-04T19:30", "2026-02-04", "2026-02-05"),  # in Paris already tomorrow
        ("988", "Pacific/Noumea", "2026-02-05T09:00", "2026-02-05", "2026-02-06"),  # in Paris still yesterday
        ("35", "Europe/Paris", "2026-02-04T23:30", "2026-02-04", "2026-02-05"),
    ],
)
@pytest.mark.parametrize("form", ["/declare", "/declare/meeting"])
def test_the_day_of_a_sale_is_the_day_it_is_where_one_sells(
    client: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch,
    form: str, department: str, zone: str, there: str, day: str, tomorrow: str,
) -> None:  # fmt: skip
    now = datetime.fromisoformat(there).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    monkeypatch.setattr(clock, "now", lambda: now)
    with transaction():
        outlet = db.session.get_one(Outlet, cast.awa.outlet_id)
        outlet.country, outlet.department = "FR", department
    client.sign_in(cast.awa)
    [field] = re.findall(r'<input[^>]*name="sold_on"[^>]*>', client.get(form).text)
    assert f'value="{day}"' in field and f'max="{day}"' in field
    if form == "/declare":
        assert client.post(form, data=typed(sold_on=tomorrow)).status_code == 422
        assert client.post(form, data=typed(sold_on=day)).status_code == 302
        assert str(db.session.scalar(select(Revision.sold_on))) == day


def test_a_withdrawn_sale_is_no_longer_corrected(client: Client, cast: Cast) -> None:
    sell("AWA", [("CREME", 2)])
    with transaction():
        withdraw(db.session.scalars(select(Declaration)).one(), by="AWA", at=NOW)
    client.sign_in(cast.awa)
    assert client.get("/declarations/sale-1/correction").location == "/declarations/sale-1"
    page = client.get(client.post("/declarations/sale-1/correction", data=typed()).location).text
    assert "ne peut plus être corrigée" in page


def test_a_refused_sale_gives_the_reason_and_the_sentence(client: Client, cast: Cast) -> None:
    sell("AWA", [("CREME", 2_000)])
    with transaction():
        found = db.session.scalars(select(Declaration)).one()
        reject(found, "wrong_quantity", by="MARC", at=NOW, note="Le ticket en montre 20.")
    client.sign_in(cast.awa)
    page = client.get("/declarations/sale-1").text
    assert "Vente refusée\u00a0: Quantité inexacte" in page and "Le ticket en montre 20." in page


# — reviewing —


def test_a_reviewer_accepts_the_oldest_and_gets_the_next(client: Client, cast: Cast) -> None:
    publish()
    sell("AWA", [("CREME", 1_500)], at=NOW - timedelta(hours=2))
    sell("BRUNO", [("SERUM", 1_200)], name="sale-2")
    client.sign_in(cast.marc)
    page = client.get("/review").text
    assert "2 ventes attendent une réponse" in page
    assert "<h2>Awa Diallo</h2>" in page and "beaucoup d’unités" in page
    assert "Ses ventes\u00a0: 0 acceptée, 1 en vérification, 0 refusée, 0 retirée." in page
    assert client.post("/review/sale-1/acceptance").location == "/review"
    assert "<h2>Bruno Martin</h2>" in client.get("/review").text
    assert "déjà été traitée" in client.get(client.post("/review/sale-1/acceptance").location).text


def test_a_refusal_needs_a_reason_and_other_needs_a_sentence(client: Client, cast: Cast) -> None:
    sell("AWA", [("CREME", 1_500)])
    client.sign_in(cast.marc)
    assert "Choisissez une raison." in client.post("/review/sale-1/rejection").text
    assert "Écrivez la raison" in client.post("/review/sale-1/rejection", data={"reason": "other"}).text
    client.post("/review/sale-1/rejection", data={"reason": "duplicate", "note": "Voir celle de lundi."})
    found = db.session.scalars(select(Declaration)).one()
    assert (found.status, found.rejection, found.rejection_note) == ("rejected", "duplicate", "Voir celle de lundi.")
    assert "Tout est vérifié" in client.get("/review").text


def test_a_refusal_is_contested_once_with_one_tap(client: Client, cast: Cast) -> None:
    receipt = sell("AWA", [("CREME", 1_500)])
    with transaction():
        reject(db.session.get_one(Declaration, receipt.declaration_id), "duplicate", by="MARC", at=NOW)
    client.sign_in(cast.awa)
    assert "Contester ce refus" in client.get("/declarations/sale-1").text
    answer = client.post("/declarations/sale-1/contest", follow_redirects=True).text
    assert "quelqu’un regarde à nouveau" in answer and "le second examen" in answer
    with transaction():
        reject(db.session.get_one(Declaration, receipt.declaration_id), "duplicate", by="ADA", at=NOW)
    page = client.get("/declarations/sale-1").text
    assert "Contester ce refus" not in page and "Cette réponse est définitive" in page
    client.post("/declarations/sale-1/contest")
    assert db.session.scalars(select(Declaration.status)).one() == "rejected"
    client.sign_in(cast.bruno)
    assert client.post("/declarations/sale-1/contest").status_code == 404, "not theirs"


def test_a_refusal_contested_late_is_answered_within_days_of_the_asking(
    client: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = sell("AWA", [("CREME", 1_500)])
    client.sign_in(cast.awa)
    assert "réponse avant samedi" in client.get("/declarations/sale-1").text, "three days after the sale was told"
    with transaction():
        reject(db.session.get_one(Declaration, receipt.declaration_id), "duplicate", by="MARC", at=NOW)
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(days=3))
    answer = client.post("/declarations/sale-1/contest", follow_redirects=True).text
    assert "réponse avant mardi" in answer


def test_what_is_missing_is_said_after_a_question_without_a_colon(client: Client, cast: Cast) -> None:
    client.sign_in(cast.awa)
    page = client.post("/declare", data=typed(channel="")).text
    assert "Où s’est faite la vente\u202f? Choisissez où s’est faite la vente." in page


def test_one_point_and_no_point_are_written_in_the_singular(client: Client, cast: Cast) -> None:
    client.sign_in(cast.awa)
    nothing = '<span class="stat-value"><span class="points"><span>0</span> <abbr title="{}">{}</abbr>'
    assert nothing.format("point", "pt") in client.get("/").text
    client.post("/language", data={"language": "en", "next": "/"})
    assert nothing.format("points", "pts") in client.get("/").text


def test_the_second_look_shows_what_was_answered_the_first_time(client: Client, cast: Cast) -> None:
    declaration_id = sell("AWA", [("CREME", 1_500)]).declaration_id

    def found() -> Declaration:
        return db.session.get_one(Declaration, declaration_id)

    client.sign_in(cast.ada)
    assert "first-refusal" not in client.get("/review/sale-1").text
    with transaction():
        reject(found(), "wrong_quantity", by="MARC", at=NOW, note="Le ticket en montre 20.")
    with transaction():
        contest(found(), by="AWA", at=NOW)
    page = client.get("/review/sale-1").text
    [first] = re.findall(r'id="first-refusal">(.*?)</section>', page, re.DOTALL)
    assert "Le premier refus\u00a0: Quantité inexacte" in first and "Le ticket en montre 20." in first
    assert "Par Marc Petit." in first and "4 févr. 2026" in first
    with transaction():
        accept(found(), by="ADA", at=NOW)
    client.sign_in(cast.awa)
    client.post("/declarations/sale-1/correction", data=typed(units=["1600"]))
    client.sign_in(cast.ada)
    assert "first-refusal" not in client.get("/review/sale-1").text, "the answer that held is no refusal"


def test_what_a_closing_refused_is_said_without_the_words_of_the_audit(client: Client, cast: Cast) -> None:
    receipt = sell("AWA", [("CREME", 1_500)])
    found = db.session.get_one(Declaration, receipt.declaration_id)
    with transaction():
        reject(found, "other", by="system", at=NOW, note="hiver: closed before a review")
    client.sign_in(cast.awa)
    hers = client.get("/declarations/sale-1").text
    with transaction():
        contest(found, by="AWA", at=NOW)
    client.sign_in(cast.marc)
    for page in (hers, client.get("/review/sale-1").text):
        assert "À la clôture du challenge" in page and "closed before a review" not in page


def test_the_record_of_a_seller_is_counted_in_the_words_of_each_language(client: Client, cast: Cast) -> None:
    for number in range(5):
        sell("AWA", [("CREME", 1_500 if number else 1)], name=f"sale-{number}")
    for number, act in ((1, "rejected"), (2, "withdrawn"), (3, "withdrawn")):
        found = db.session.scalars(select(Declaration).where(Declaration.public_id == f"sale-{number}")).one()
        with transaction():
            if act == "rejected":
                reject(found, "duplicate", by="MARC", at=NOW)
            else:
                withdraw(found, by="AWA", at=NOW)
    client.sign_in(cast.marc)
    assert "Ses ventes\u00a0: 1 acceptée, 1 en vérification, 1 refusée, 2 retirées." in client.get("/review").text
    client.post("/language", data={"language": "en"})
    assert "Their sales: 1 accepted, 1 in review, 1 refused, 2 withdrawn." in client.get("/review").text


def test_nobody_reviews_a_sale_of_their_own_outlet(client: Client, cast: Cast) -> None:
    sell("AWA", [("CREME", 1_500)])
    with transaction():
        marc = cast.marc
        marc.outlet_id = cast.awa.outlet_id
    client.sign_in(cast.marc)
    assert "Tout est vérifié" in client.get("/review").text
    assert client.get("/review/sale-1").status_code == 404
    client.post("/review/sale-1/acceptance")
    assert db.session.scalar(select(Declaration.status)) == "in_review"


@pytest.mark.parametrize("role", ["awa", "ines"])
def test_the_queue_is_for_animators(client: Client, cast: Cast, role: str) -> None:
    client.sign_in(getattr(cast, role))
    assert client.get("/review").status_code == 404


@pytest.mark.parametrize("role", ["marc", "ines"])
def test_declaring_is_for_sellers(client: Client, cast: Cast, role: str) -> None:
    client.sign_in(getattr(cast, role))
    assert client.get("/declare").status_code == 404
    assert client.get("/declarations").status_code == 404


# — how many statements —


def _many(count: int) -> None:
    for number in range(count):
        sell(
            "AWA", [("CREME", 1), ("SERUM", 2), ("ROUGE", 1)], name=f"sale-{number}",
            at=NOW - timedelta(hours=1, minutes=number), rating=5,
        )  # fmt: skip


@pytest.mark.parametrize("size", [1, 25])
def test_every_page_of_a_seller_needs_few_statements_whatever_there_is(client: Client, cast: Cast, size: int) -> None:
    for number in range(1 if size == 1 else 4):
        publish(WINTER | {"code": f"hiver-{number}", "name": f"Hiver {number}"})
    _many(size)
    client.sign_in(cast.awa)
    for address in (
        "/declare",
        "/declare?repeat=sale-0",
        "/declare/products?q=creme",
        "/declarations",
        "/declarations?page=2",
        "/declarations/sale-0",
        "/declarations/sale-0?new=1",
        "/declarations/sale-0/withdrawal",
        "/declarations/sale-0/correction",
    ):
        with statements() as seen:
            assert client.get(address).status_code == 200
        assert len(seen) <= 13, f"{address}: {len(seen)}\n" + "\n".join(seen)
    for address in ("/declare/expected", "/declare/favourites"):
        with statements() as seen:
            assert client.post(address, data=typed(), headers=HTMX).status_code == 200
        assert len(seen) <= 12, f"{address}: {len(seen)}\n" + "\n".join(seen)


def test_lines_are_written_in_their_order(client: Client, cast: Cast) -> None:
    client.sign_in(cast.awa)
    client.post("/declare", data=typed(sku=["ROUGE", "CREME"], units=["1", "2"]))
    lines = db.session.execute(select(Line.sku, Line.units).order_by(Line.position)).all()
    assert [tuple(line) for line in lines] == [("ROUGE", 1), ("CREME", 2)]


# — at the same moment, and publishing —


def test_two_taps_at_the_same_moment_write_one_sale(app: Flask, cast: Cast) -> None:
    publish()
    answers: list[str] = []
    ready = threading.Barrier(2)

    def tap() -> None:
        with app.app_context():
            client = app.test_client()
            client.sign_in(cast.awa)
            ready.wait()
            answers.append(client.post("/declare", data=typed()).location)
            db.session.remove()

    db.session.rollback()
    taps = [threading.Thread(target=tap) for _ in range(2)]
    for one in taps:
        one.start()
    for one in taps:
        one.join()
    assert answers == [f"/declarations/{SALE_ID}?new=1"] * 2
    assert sold() == 1


# — favourites and codes —


def chips(page: str) -> list[str]:
    """The products offered as chips, in their order."""
    return re.findall(r'name="add" value="(\w+)" id="chip-', page)


def test_a_starred_product_comes_first_until_it_is_let_go(client: Client, cast: Cast) -> None:
    client.sign_in(cast.awa)
    sell("AWA", [("CREME", 1)])
    assert chips(client.get("/declare").text) == ["CREME"]
    part = client.post("/declare/favourites", data=typed(favourite="SERUM"), headers=HTMX).text
    assert chips(part) == ["SERUM", "CREME"]
    assert 'name="sku"' not in part and 'id="expected"' not in part, "the sale goes on meanwhile"
    client.sign_in(cast.bruno)
    assert "SERUM" not in chips(client.get("/declare").text)[:1]
    client.sign_in(cast.awa)
    page = client.post("/declare/favourites", data=typed(favourite="SERUM")).text
    assert chips(page) == ["CREME"] and 'value="2"' in page  # what was typed is still there


@pytest.mark.parametrize("headers", [HTMX, {}], ids=["a part", "the page"])
def test_one_favourite_too_many_is_said_where_it_was_chosen(
    client: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    monkeypatch.setattr(queries, "MOST_FAVOURITES", 1)
    monkeypatch.setattr(favourites, "MOST_FAVOURITES", 1)
    client.sign_in(cast.awa)
    said = "Vous avez déjà 1 favoris\u202f; retirez-en un."
    assert said not in client.post("/declare/favourites", data=typed(favourite="CREME"), headers=headers).text
    part = client.post("/declare/favourites", data=typed(favourite="SERUM"), headers=headers).text
    assert said in part.split('id="lines-notice"')[1].split('id="lines"')[0]
    assert chips(part)[0] == "CREME"
    assert said not in client.get("/declare").text, "it is said once"
    client.post("/declare/favourites", data=typed(favourite="CREME"), headers=headers)
    assert said not in client.post("/declare/favourites", data=typed(favourite="SERUM"), headers=headers).text


def test_a_favourite_that_does_not_exist_is_nothing(client: Client, cast: Cast) -> None:
    client.sign_in(cast.awa)
    assert client.post("/declare/favourites", data=typed(favourite="NOTHING")).status_code == 200


@pytest.mark.parametrize("code", ["3600000000023", "03600000000023", "SERUM"])
def test_a_code_names_its_product(client: Client, cast: Cast, code: str) -> None:
    client.sign_in(cast.awa)
    part = client.get("/declare/products", query_string={"code": code}).text
    assert re.findall(r'name="add" value="(\w+)"', part) == ["SERUM"] and "data-named" in part
    assert "data-named" not in client.get("/declare/products", query_string={"q": code}).text


def test_an_unknown_code_offers_a_search(client: Client, cast: Cast) -> None:
    client.sign_in(cast.awa)
    part = client.get("/declare/products?code=4006381333931").text
    assert "Aucun produit n’a le code «\u00a04006381333931\u00a0»" in part and 'name="add"' not in part
