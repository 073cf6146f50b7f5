"""A home meeting told in one go: one sale for each guest who bought, all or none, once."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from sqlalchemy import func, select

from declarations.meeting import MOST_PRODUCTS
from declarations.models import Declaration, Line, Revision
from foundation import clock
from foundation.database import db
from foundation.transactions import transaction
from tests.cast import Cast
from tests.conftest import Client
from tests.declarations.stage import NOW, TODAY, publish, sell
from tests.declarations.test_views import statements

HOSTESS, GUEST, IDLE = (str(uuid.UUID(int=number)) for number in (1, 2, 3))
AT_HOME, BUYER, SILENT = (guest[-8:] for guest in (HOSTESS, GUEST, IDLE))


@pytest.fixture(autouse=True)
def _noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def typed(**changes: Any) -> dict[str, Any]:
    """A meeting: the hostess took two creams, a guest a cream and a serum, another nothing."""
    return {
        "sold_on": str(TODAY), "sku": ["CREME", "SERUM"], "guest": [HOSTESS, GUEST, IDLE],
        f"{AT_HOME}-units-CREME": "2", f"{AT_HOME}-units-SERUM": "0", f"{AT_HOME}-customer": "returning",
        f"{BUYER}-units-CREME": "1", f"{BUYER}-units-SERUM": "1", f"{BUYER}-customer": "new",
        f"{SILENT}-units-CREME": "0", f"{SILENT}-units-SERUM": "",
    } | changes  # fmt: skip


def sold() -> int:
    return db.session.scalar(select(func.count()).select_from(Declaration)) or 0


def test_every_guest_who_bought_becomes_a_sale_of_their_own(client: Client, cast: Cast) -> None:
    publish()
    client.sign_in(cast.nina)
    for _ in range(2):  # sent twice, written once
        sent = client.post("/declare/meeting", data=typed(), follow_redirects=True)
        assert "Réunion enregistrée : 2 ventes." in sent.text
    told = {
        one.public_id: (one.status, said.channel, said.customer, said.sold_on)
        for one, said in db.session.execute(
            select(Declaration, Revision).join(Revision, Revision.declaration_id == Declaration.id)
        )
    }
    assert told == {
        HOSTESS: ("accepted", "meeting", "returning", TODAY),
        GUEST: ("accepted", "meeting", "new", TODAY),
    }
    assert db.session.scalar(select(func.sum(Line.units))) == 4
    assert "30" in client.get("/points").text


def test_a_meeting_is_answered_as_a_sale_is(client: Client, cast: Cast) -> None:
    challenge = publish()
    with transaction():
        challenge.state = "running"
    sell("BRUNO", [("CREME", 1)])
    client.sign_in(cast.nina)
    page = client.post("/declare/meeting", data=typed(), follow_redirects=True)
    answered = page.request.url
    assert "Réunion enregistrée : 2 ventes." in page.text and 'data-count-up="40"' in page.text
    assert "Nouveau badge" in page.text and "Vous entrez au classement" in page.text
    for sale in (HOSTESS, GUEST):
        assert f'href="/declarations/{sale}"' in page.text, "each sale leads to its own answer"
    assert f"/challenges/{challenge.code}/progress" in page.text, "the next step"

    with statements() as many:
        client.get(answered)
    with statements() as one:
        client.get(f"/declare/meeting/answer?sale={GUEST}")
    assert len(many) == len(one), "as many statements for one guest as for all of them"
    client.sign_in(cast.awa)
    assert client.get(answered).status_code == 404


def test_one_wrong_number_writes_nothing_and_loses_nothing(client: Client, cast: Cast) -> None:
    client.sign_in(cast.nina)
    refused = client.post("/declare/meeting", data=typed(**{f"{BUYER}-units-SERUM": "trois"}))
    assert refused.status_code == 422 and sold() == 0
    assert "Client 1\u00a0: Sérum éclat\u00a0: écrivez un nombre d’unités" in refused.text
    assert re.search(rf'name="{AT_HOME}-units-CREME"[^>]*value="2"', refused.text)
    assert client.post("/declare/meeting", data=typed()).status_code == 302
    assert sold() == 2


def test_a_meeting_where_nobody_bought_is_told_what_is_missing(client: Client, cast: Cast) -> None:
    client.sign_in(cast.nina)
    refused = client.post("/declare/meeting", data={"sold_on": str(TODAY), "guest": [HOSTESS]})
    assert refused.status_code == 422
    assert "Ajoutez un produit et ce qu’au moins un client a acheté." in refused.text


def test_another_meeting_from_the_same_page_is_asked_about(client: Client, cast: Cast) -> None:
    client.sign_in(cast.nina)
    client.post("/declare/meeting", data=typed())
    again = client.post("/declare/meeting", data=typed(**{f"{BUYER}-units-SERUM": "5"}))
    assert again.status_code == 409 and sold() == 2
    assert "est déjà enregistrée" in again.text
    fresh = re.findall(r'name="guest" value="([^"]+)"', again.text)
    assert len(fresh) == 3 and GUEST not in fresh


def test_without_scripts_products_and_guests_come_and_go(client: Client, cast: Cast) -> None:
    client.sign_in(cast.nina)
    page = client.post("/declare/meeting/draft", data=typed(add="ROUGE")).text
    assert f'name="{BUYER}-units-ROUGE"' in page and re.search(rf'name="{AT_HOME}-units-CREME"[^>]*value="2"', page)
    assert re.search(r'name="remove" value="ROUGE" id="chip', page), "the same tap takes it back"
    page = client.post("/declare/meeting/draft", data=typed(remove="SERUM")).text
    assert f'name="{BUYER}-units-SERUM"' not in page
    page = client.post("/declare/meeting/draft", data=typed(more="1")).text
    assert f'name="{SILENT}-rating"' in page and "Client 3" in page
    assert len(re.findall('name="guest"', page)) == 4
    page = client.post("/declare/meeting/draft", data=typed(less=GUEST)).text
    assert GUEST not in page and HOSTESS in page
    page = client.post("/declare/meeting/draft", data=typed(code="3600000000030")).text
    assert f'name="{BUYER}-units-ROUGE"' in page
    page = client.post("/declare/meeting/draft", data=typed(code="4")).text
    assert "Aucun produit n’a le code «\u00a04\u00a0»" in page and f'name="{BUYER}-units-SERUM"' in page
    page = client.post("/declare/meeting/draft", data=typed(q="rouge")).text
    assert 'formaction="/declare/meeting/draft" name="add" value="ROUGE"' in page
    assert sold() == 0


def test_a_product_too_many_is_said_and_nothing_is_lost(client: Client, cast: Cast) -> None:
    client.sign_in(cast.nina)
    skus = ["CREME", "SERUM", *(f"OLD-{number}" for number in range(MOST_PRODUCTS - 2))]
    page = client.post("/declare/meeting/draft", data=typed(sku=skus, add="ROUGE")).text
    said = "Une réunion prend 40 produits au plus"  # once for the scripts of the page in any case
    assert page.count(said) == 2 and f'name="{BUYER}-units-ROUGE"' not in page
    assert re.search(rf'name="{AT_HOME}-units-CREME"[^>]*value="2"', page)
    page = client.post("/declare/meeting/draft", data=typed(sku=skus[:-1], add="ROUGE")).text
    assert page.count(said) == 1 and f'name="{BUYER}-units-ROUGE"' in page


def test_every_guest_may_have_an_opinion_and_a_profile(client: Client, cast: Cast) -> None:
    publish()
    client.sign_in(cast.nina)
    said = {
        f"{BUYER}-rating": "5", f"{BUYER}-comment": "Elle adore la texture et le parfum.", f"{BUYER}-recommend": "9",
        f"{BUYER}-age_band": "35-49", f"{BUYER}-area": "2a", f"{AT_HOME}-area": "31",
    }  # fmt: skip
    form = client.get("/declare/meeting").text
    assert "+15 pts" in form and "+5 pts" in form, "each fold says what it earns"
    assert client.post("/declare/meeting", data=typed(**said)).status_code == 302
    told = {
        one.public_id: (revision.rating, revision.recommend, revision.comment, revision.age_band, revision.area)
        for one, revision in db.session.execute(
            select(Declaration, Revision).join(Revision, Revision.declaration_id == Declaration.id)
        )
    }
    assert told == {
        GUEST: (5, 9, "Elle adore la texture et le parfum.", "35-49", "2A"),
        HOSTESS: (None, None, "", "", "31"),
    }


def test_what_is_wrong_with_a_guest_is_said_by_name_and_nothing_is_lost(client: Client, cast: Cast) -> None:
    client.sign_in(cast.nina)
    wrong = typed(**{f"{BUYER}-area": "Bretagne", f"{SILENT}-comment": "Hésite encore."})
    refused = client.post("/declare/meeting", data=wrong)
    assert refused.status_code == 422 and sold() == 0
    assert "Client 1\u00a0: Écrivez un numéro de département" in refused.text
    assert "Client 2\u00a0: Un avis part avec un achat" in refused.text
    assert 'value="BRETAGNE"' in refused.text and "Hésite encore." in refused.text
    mended = typed(**{f"{BUYER}-area": "29", f"{SILENT}-comment": ""})
    assert client.post("/declare/meeting", data=mended).status_code == 302
    assert sold() == 2


def test_the_points_of_the_whole_meeting_are_expected(client: Client, cast: Cast) -> None:
    publish()
    client.sign_in(cast.nina)
    said = {f"{BUYER}-rating": "5", f"{BUYER}-comment": "Elle adore la texture et le parfum."}
    page = client.post("/declare/meeting/expected", data=typed(**said)).text
    assert "+<span>55</span>" in page and "Hiver" in page
    halfway = typed(
        **said,
        **{f"{BUYER}-units-SERUM": "", f"{BUYER}-units-CREME": "0", f"{AT_HOME}-rating": "abc"},
    )
    wrong = client.post("/declare/meeting/expected", data=halfway | {f"{BUYER}-units-CREME": "trois"}).text
    assert "Écrivez un nombre d’unités entre 1 et" in wrong
    assert "+<span>20</span>" in client.post("/declare/meeting/expected", data=halfway).text
    assert "Choisissez un produit" in client.post("/declare/meeting/expected", data={}).text
    nobody = client.post("/declare/meeting/expected", data={"sku": ["CREME"], "guest": [HOSTESS]}).text
    assert "Notez qui a pris quoi" in nobody and "Choisissez un produit" not in nobody
    client.post("/declare/meeting", data=typed(**said))
    assert "55" in client.get("/points").text, "what was expected is what is given"


def test_a_large_meeting_takes_no_more_statements_than_a_small_one(client: Client, cast: Cast) -> None:
    publish()
    client.sign_in(cast.nina)
    counts = []
    for size in (1, 1, 20):
        guests = [str(uuid.UUID(int=100 + number)) for number in range(size)]
        form = {"sold_on": str(TODAY), "sku": ["CREME", "SERUM"], "guest": guests}
        form |= {f"{guest[-8:]}-units-{sku}": "2" for guest in guests for sku in ("CREME", "SERUM")}
        for path in ("/declare/meeting/expected", "/declare/meeting/draft"):
            with statements() as seen:
                assert client.post(path, data=form).status_code == 200
            counts.append(len(seen))
    assert counts[2:4] == counts[4:] and max(counts) <= 13


def test_a_challenge_that_wants_a_photo_says_what_becomes_of_the_sales(client: Client, cast: Cast) -> None:
    client.sign_in(cast.nina)
    assert "demande une photo" not in client.get("/declare/meeting").text
    publish(proof="required")
    assert "Hiver demande une photo du ticket ou du bon." in client.get("/declare/meeting").text
    client.post("/declare/meeting", data=typed())
    assert set(db.session.scalars(select(Declaration.status))) == {"in_review"}


def test_home_sellers_find_it_from_the_form(client: Client, cast: Cast) -> None:
    client.sign_in(cast.nina)
    assert 'href="/declare/meeting"' in client.get("/declare").text
    client.sign_in(cast.awa)
    assert 'href="/declare/meeting"' not in client.get("/declare").text
