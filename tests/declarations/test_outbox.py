"""The server's side of the outbox: who is signed in, the sales a phone sends, the catalogue it keeps."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from catalogue.models import Product
from declarations.models import Declaration
from foundation import clock
from foundation.database import db
from foundation.transactions import transaction
from tests.browser.stage import publish, today


@pytest.fixture
def autumn(cast):
    """A challenge that runs today: 10 points for a unit of care."""
    return publish()


@pytest.fixture
def phone(client, cast):
    """Awa's phone, and the opaque name under which it keeps what is hers."""
    client.sign_in(cast.awa)
    return client, client.get("/outbox/session").json["person"]


def sale(**changes):
    """A sale as a phone sends it."""
    return {
        "id": str(uuid4()),
        "sold_on": today().isoformat(),
        "declared_at": clock.now().isoformat(),
        "channel": "store",
        "lines": [{"sku": "CREME", "units": 2}],
    } | changes


def sales_in_the_books() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(Declaration)) or 0


def test_a_sale_kept_on_the_phone_is_taken_once_however_often_it_is_sent(phone, autumn):
    client, person = phone
    one = sale(declared_at=(clock.now() - timedelta(days=2)).isoformat())
    first = client.post("/outbox/declarations", json=one, headers={"Palmares-Person": person})
    again = client.post("/outbox/declarations", json=one, headers={"Palmares-Person": person})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json["points"][0]["points"] == 20 and again.json["replay"] is True
    assert first.location == f"/declarations/{one['id']}"
    assert first.json["declared_at"][:16] == one["declared_at"][:16], "the instant of pressing send, not of arrival"
    assert sales_in_the_books() == 1
    other = client.post("/outbox/declarations", json=one | {"channel": "meeting"}, headers={"Palmares-Person": person})
    assert other.status_code == 409


def test_a_sale_that_cannot_be_taken_says_what_is_wrong_and_where(phone, autumn):
    client, person = phone
    wrong = sale(lines=[{"sku": "CREME", "units": 1}, {"sku": "NOTHING", "units": 1}])
    answer = client.post("/outbox/declarations", json=wrong, headers={"Palmares-Person": person})
    assert answer.status_code == 422 and answer.mimetype == "application/problem+json"
    assert [fault["field"] for fault in answer.json["errors"]] == ["lines.1.sku"]
    assert (
        client.post(
            "/outbox/declarations", json=wrong | {"lines": wrong["lines"][:1]}, headers={"Palmares-Person": person}
        ).status_code
        == 201
    )


def test_what_was_kept_for_one_person_is_never_taken_for_another(phone, autumn, client, cast):
    _, awas = phone
    client.sign_in(cast.chloe)
    for headers in ({"Palmares-Person": awas}, {}):
        refused = client.post("/outbox/declarations", json=sale(), headers=headers)
        assert refused.status_code == 403 and refused.mimetype == "application/problem+json"
    assert sales_in_the_books() == 0
    own = client.get("/outbox/session").json["person"]
    assert own != awas
    assert client.post("/outbox/declarations", json=sale(), headers={"Palmares-Person": own}).status_code == 201


def test_the_names_and_keys_of_a_phone_are_always_the_same_and_say_nothing(client, cast):
    client.sign_in(cast.awa)
    first = client.get("/outbox/session").json
    client.sign_out()
    assert client.get("/outbox/session").status_code == 401
    client.sign_in(cast.awa)
    second = client.get("/outbox/session").json
    assert (first["person"], first["key"]) == (second["person"], second["key"])
    assert first["person"] != first["key"] and "AWA" not in first["person"]


def test_without_the_token_of_the_session_nothing_is_taken_and_with_it_everything_is(app, phone, autumn):
    client, person = phone
    app.config["WTF_CSRF_ENABLED"] = True
    refused = client.post("/outbox/declarations", json=sale(), headers={"Palmares-Person": person})
    assert refused.status_code == 400 and refused.mimetype == "application/problem+json"
    assert sales_in_the_books() == 0
    token = client.get("/outbox/session").json["token"]
    headers = {"Palmares-Person": person, "X-CSRFToken": token}
    assert client.post("/outbox/declarations", json=sale(), headers=headers).status_code == 201


def test_somebody_who_has_not_read_the_notice_is_told_so_in_json(client, cast):
    with transaction():
        cast.awa.notice_accepted_at = None
    client.sign_in(cast.awa)
    answer = client.get("/outbox/products")
    assert answer.status_code == 403 and answer.mimetype == "application/problem+json"


def test_the_catalogue_of_a_phone_holds_what_may_be_sold_around_today(phone, cast):
    client, _ = phone
    with transaction():
        for sku, starts, ends in (("OVER", -90, -30), ("NEW", 3, 90), ("LATER", 60, 90)):
            db.session.add(
                Product(
                    sku=sku, ean="", name=f"A {sku}", category="Soin", family="", list_price_cents=100,
                    starts_on=today() + timedelta(days=starts), ends_on=today() + timedelta(days=ends),
                )
            )  # fmt: skip
    told = client.get("/outbox/products").json
    skus = [one[0] for one in told["items"]]
    assert "CREME" in skus and "NEW" in skus
    assert "OVER" not in skus and "LATER" not in skus
    assert told["pages"] == 1
    [new] = [one for one in told["items"] if one[0] == "NEW"]
    assert new[4] == (today() + timedelta(days=3)).isoformat()
