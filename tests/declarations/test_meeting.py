"""A home meeting told in one go: one sale for each guest who bought, all or none, once."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from sqlalchemy import func, select

from declarations.models import Declaration, Line, Revision
from foundation import clock
from foundation.database import db
from tests.cast import Cast
from tests.conftest import Client
from tests.declarations.stage import NOW, TODAY, publish

HOSTESS, GUEST, IDLE = (str(uuid.UUID(int=number)) for number in (1, 2, 3))


@pytest.fixture(autouse=True)
def _noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def typed(**changes: Any) -> dict[str, Any]:
    """A meeting: the hostess took two creams, a guest a cream and a serum, another nothing."""
    return {
        "sold_on": str(TODAY), "sku": ["CREME", "SERUM"], "guest": [HOSTESS, GUEST, IDLE],
        f"units-{HOSTESS}-CREME": "2", f"units-{HOSTESS}-SERUM": "0", f"customer-{HOSTESS}": "returning",
        f"units-{GUEST}-CREME": "1", f"units-{GUEST}-SERUM": "1", f"customer-{GUEST}": "new",
        f"units-{IDLE}-CREME": "0", f"units-{IDLE}-SERUM": "",
    } | changes  # fmt: skip


def sold() -> int:
    return db.session.scalar(select(func.count()).select_from(Declaration)) or 0


def test_every_guest_who_bought_becomes_a_sale_of_their_own(client: Client, cast: Cast) -> None:
    publish()
    client.sign_in(cast.nina)
    for _ in range(2):  # sent twice, written once
        sent = client.post("/declare/meeting", data=typed(), follow_redirects=True)
        assert "Réunion enregistrée : 2 ventes." in sent.text
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


def test_one_wrong_number_writes_nothing_and_loses_nothing(client: Client, cast: Cast) -> None:
    client.sign_in(cast.nina)
    refused = client.post("/declare/meeting", data=typed(**{f"units-{GUEST}-SERUM": "trois"}))
    assert refused.status_code == 422 and sold() == 0
    assert "Sérum éclat : écrivez un nombre d’unités" in refused.text
    assert re.search(rf'name="units-{HOSTESS}-CREME"[^>]*value="2"', refused.text)
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
    again = client.post("/declare/meeting", data=typed(**{f"units-{GUEST}-SERUM": "5"}))
    assert again.status_code == 409 and sold() == 2
    assert "est déjà enregistrée" in again.text
    fresh = re.findall(r'name="guest" value="([^"]+)"', again.text)
    assert len(fresh) == 3 and GUEST not in fresh


def test_without_scripts_products_and_guests_come_and_go(client: Client, cast: Cast) -> None:
    client.sign_in(cast.nina)
    page = client.post("/declare/meeting/draft", data=typed(add="ROUGE")).text
    assert f'name="units-{GUEST}-ROUGE"' in page and re.search(rf'name="units-{HOSTESS}-CREME"[^>]*value="2"', page)
    page = client.post("/declare/meeting/draft", data=typed(remove="SERUM")).text
    assert f'name="units-{GUEST}-SERUM"' not in page
    page = client.post("/declare/meeting/draft", data=typed(more="1")).text
    assert len(re.findall('name="guest"', page)) == 4
    page = client.post("/declare/meeting/draft", data=typed(less=GUEST)).text
    assert GUEST not in page and HOSTESS in page
    page = client.post("/declare/meeting/draft", data=typed(q="rouge")).text
    assert 'formaction="/declare/meeting/draft" name="add" value="ROUGE"' in page
    assert sold() == 0


def test_home_sellers_find_it_from_the_form(client: Client, cast: Cast) -> None:
    client.sign_in(cast.nina)
    assert 'href="/declare/meeting"' in client.get("/declare").text
    client.sign_in(cast.awa)
    assert 'href="/declare/meeting"' not in client.get("/declare").text
