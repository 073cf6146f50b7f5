"""The API: what a machine sends, what it hears back."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from declarations.models import Declaration, Revision
from foundation import clock
from foundation.database import db
from foundation.transactions import transaction
from network.models import Person
from network.operations import create_token, suspend
from tests.cast import Cast
from tests.conftest import Client
from tests.declarations.stage import NOW, publish, sell

SALE_ID = "6d9c4c43-94c2-4d5c-8a2f-1c1b1f6f7e10"


@pytest.fixture(autouse=True)
def _noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def token_of(person: Person) -> dict[str, str]:
    """Headers that stand for somebody."""
    with transaction():
        token = create_token(person, by="ADA", at=NOW)
    return {"Authorization": f"Bearer {token}"}


def sale(**changes: Any) -> dict[str, Any]:
    """The body of a call, as in the contract."""
    return {
        "id": SALE_ID,
        "sold_on": "2026-02-04",
        "declared_at": "2026-02-04T11:58:00+01:00",
        "channel": "store",
        "lines": [{"sku": "CREME", "units": 2, "unit_price_cents": 1990}],
        "customer": {"kind": "new", "age_band": "35-49", "area": "35"},
        "feedback": {"rating": 5, "recommend": 9, "comment": "Elle adore la texture du soin."},
    } | changes


def sold() -> int:
    """How many declarations there are."""
    return db.session.scalar(select(func.count()).select_from(Declaration)) or 0


def test_a_sale_is_written_with_its_points_and_their_explanations(client: Client, cast: Cast) -> None:
    publish()
    answer = client.post("/api/v1/declarations", json=sale(), headers=token_of(cast.awa))
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/api/v1/declarations/{SALE_ID}"
    assert (answer.json["status"], answer.json["replay"], answer.json["expected"]) == ("accepted", False, False)
    assert answer.json["declared_at"] == "2026-02-04T10:58:00.000000Z"
    assert [(one["challenge"], one["points"]) for one in answer.json["points"]] == [("hiver", 40)]
    assert [(gain["rule"], gain["points"], gain["explanation"]) for gain in answer.json["points"][0]["gains"]] == [
        ("soin", 20, "2 × Crème de jour × 10 pts = 20"),
        ("avis", 15, "avis d’au moins 20 caractères = 15"),
        ("profil", 5, "profil du client complet = 5"),
    ]


def test_the_same_again_is_a_replay_and_other_content_a_conflict(client: Client, cast: Cast) -> None:
    headers = token_of(cast.awa)
    first = client.post("/api/v1/declarations", json=sale(), headers=headers)
    again = client.post("/api/v1/declarations", json=sale(), headers=headers)
    assert again.status_code == 200
    assert again.json == first.json | {"replay": True}
    other = client.post("/api/v1/declarations", json=sale(channel="online"), headers=headers)
    assert (other.status_code, other.mimetype) == (409, "application/problem+json")
    stranger = client.post("/api/v1/declarations", json=sale(), headers=token_of(cast.bruno))
    assert stranger.status_code == 409
    assert sold() == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"sold_on": "04/02/2026"}, "sold_on"),
        ({"sold_on": "2026-02-30"}, "sold_on"),
        ({"sold_on": "1999-12-31"}, "sold_on"),
        ({"sold_on": "2026-03-01"}, "sold_on"),
        ({"sold_on": 1770163200}, "sold_on"),
        ({"declared_at": "2026-02-04T11:58:00"}, "declared_at"),
        ({"declared_at": 1770163200}, "declared_at"),
        ({"declared_at": "yesterday"}, "declared_at"),
        ({"id": "sale-1"}, "id"),
        ({"id": None}, "id"),
        ({"channel": "stall"}, "channel"),
        ({"lines": []}, "lines"),
        ({"lines": [{"sku": "CREME", "units": 0}]}, "lines.0.units"),
        ({"lines": [{"sku": "CREME", "units": -1}]}, "lines.0.units"),
        ({"lines": [{"sku": "CREME", "units": 10**9}]}, "lines.0.units"),
        ({"lines": [{"sku": "CREME", "units": 10**30}]}, "lines.0.units"),
        ({"lines": [{"sku": "CREME", "units": "2"}]}, "lines.0.units"),
        ({"lines": [{"sku": "CREME", "units": 2.5}]}, "lines.0.units"),
        ({"lines": [{"sku": "CREME", "units": True}]}, "lines.0.units"),
        ({"lines": [{"sku": "PARTI", "units": 1}]}, "lines.0.sku"),
        ({"lines": [{"sku": "CREME", "units": 1, "unit_price_cents": -1}]}, "lines.0.unit_price_cents"),
        ({"lines": [{"sku": "CREME", "units": 1, "colour": "red"}]}, "lines.0.colour"),
        ({"customer": {"kind": "old"}}, "customer.kind"),
        ({"customer": {"area": "Bretagne"}}, "customer.area"),
        ({"customer": {"area": "35\n"}}, "customer.area"),
        ({"customer": {"name": "Mme Dupont"}}, "customer.name"),
        ({"feedback": {"rating": 6}}, "feedback.rating"),
        ({"feedback": {"recommend": 11}}, "feedback.recommend"),
        ({"feedback": {"comment": "x" * 5001}}, "feedback.comment"),
        ({"feedback": {"comment": "\x00"}}, "feedback.comment"),
        ({"person": "BRUNO"}, "person"),
    ],
)
def test_each_fault_is_named_and_nothing_is_written(
    client: Client, cast: Cast, changes: dict[str, Any], field: str
) -> None:
    answer = client.post("/api/v1/declarations", json=sale(**changes), headers=token_of(cast.awa))
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert all(error["wrong"] and error["right"] for error in answer.json["errors"])
    assert sold() == 0


def test_every_fault_of_a_body_is_listed_at_once(client: Client, cast: Cast) -> None:
    wrong = sale(channel="stall", lines=[{"sku": "CREME", "units": 0}, {"sku": "CREME", "units": 0}], more=1)
    answer = client.post("/api/v1/declarations", json=wrong, headers=token_of(cast.awa))
    fields = {error["field"] for error in answer.json["errors"]}
    assert fields == {"channel", "lines.0.units", "lines.1.units", "more"}


@pytest.mark.parametrize("body", [b"", b"{", b'{"id": NaN', b"\xff\xfe", b'{"id": "\\ud800"}'])
def test_what_is_not_json_is_refused(client: Client, cast: Cast, body: bytes) -> None:
    answer = client.post("/api/v1/declarations", data=body, headers=token_of(cast.awa), content_type="application/json")
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
    assert [fault["field"] for fault in answer.json["errors"]] == ["body"]


@pytest.mark.parametrize("body", [[], None, 3, "sale"])
def test_what_is_not_an_object_is_refused(client: Client, cast: Cast, body: Any) -> None:
    answer = client.post(
        "/api/v1/declarations", data=json.dumps(body), headers=token_of(cast.awa), content_type="application/json"
    )
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "body")


def test_only_the_id_day_channel_and_products_are_needed(client: Client, cast: Cast) -> None:
    body = {"id": SALE_ID, "sold_on": "2026-02-04", "channel": "store", "lines": [{"sku": "CREME", "units": 1}]}
    answer = client.post("/api/v1/declarations", json=body, headers=token_of(cast.awa))
    assert answer.status_code == 201
    assert answer.json["declared_at"] == clock.format_instant(NOW)


def test_an_absurd_instant_is_replaced_by_reception_and_said(client: Client, cast: Cast) -> None:
    answer = client.post(
        "/api/v1/declarations", json=sale(declared_at="2020-01-01T00:00:00Z"), headers=token_of(cast.awa)
    )
    assert answer.json["clock_replaced"] is True
    assert answer.json["declared_at"] == clock.format_instant(NOW)


def test_a_sale_in_review_shows_the_points_expected(client: Client, cast: Cast) -> None:
    publish()
    big = sale(lines=[{"sku": "CREME", "units": 1_001}])
    answer = client.post("/api/v1/declarations", json=big, headers=token_of(cast.awa)).json
    assert (answer["status"], answer["expected"], answer["review_reasons"]) == ("in_review", True, ["units"])
    assert answer["points"][0]["points"] == 10_030


def test_a_sale_barred_by_law_says_why_in_the_language_asked_for(client: Client, cast: Cast) -> None:
    publish()
    answer = client.post("/api/v1/declarations", json=sale(channel="online"), headers=token_of(cast.nina)).json
    assert (answer["status"], answer["points"]) == ("accepted", [])
    assert answer["barred"]["reason"] == "vdi_channel"
    assert "L135-1" in answer["barred"]["explanation"]


def test_comments_are_cleaned_before_they_are_kept(client: Client, cast: Cast) -> None:
    told = sale(feedback={"rating": 5, "comment": "Contactez-moi : lea@example.org"})
    client.post("/api/v1/declarations", json=told, headers=token_of(cast.awa))
    assert db.session.scalar(select(Revision.comment)) == "Contactez-moi : [e-mail]"


def test_without_a_valid_token_nothing_is_told(client: Client, cast: Cast) -> None:
    headers = token_of(cast.awa)
    with transaction():
        suspend(cast.awa, by="ADA", at=NOW)
    for wrong in ({}, {"Authorization": "Bearer no"}, {"Authorization": "Basic YTpi"}, headers):
        answer = client.post("/api/v1/declarations", json=sale(), headers=wrong)
        assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert sold() == 0


def test_a_session_is_not_a_token(client: Client, cast: Cast) -> None:
    client.sign_in(cast.awa)
    assert client.post("/api/v1/declarations", json=sale()).status_code == 401


def test_staff_do_not_declare(client: Client, cast: Cast) -> None:
    answer = client.post("/api/v1/declarations", json=sale(), headers=token_of(cast.marc))
    assert (answer.status_code, answer.mimetype) == (403, "application/problem+json")


def test_mine_are_listed_by_pages_and_read_one_by_one(client: Client, cast: Cast) -> None:
    publish()
    for number in range(3):
        sell("AWA", name=f"sale/{number}", at=NOW - timedelta(minutes=number))
    sell("BRUNO", name="other")
    headers = token_of(cast.awa)
    page = client.get("/api/v1/declarations", headers=headers).json
    assert [item["id"] for item in page["items"]] == ["sale/0", "sale/1", "sale/2"]
    assert (page["page"], page["pages"], page["total"], page["items"][0]["points_total"]) == (1, 1, 3, 20)
    assert client.get("/api/v1/declarations?status=rejected", headers=headers).json["items"] == []
    assert client.get("/api/v1/declarations?status=lost", headers=headers).status_code == 422
    assert client.get("/api/v1/declarations/sale/1", headers=headers).json["points"][0]["points"] == 20
    assert client.get("/api/v1/declarations/other", headers=headers).status_code == 404


def test_too_many_calls_are_asked_to_wait(client: Client, cast: Cast) -> None:
    headers = {"Authorization": "Bearer one-that-hammers"}
    answers = [client.post("/api/v1/declarations", json={}, headers=headers).status_code for _ in range(121)]
    assert answers[:120] == [401] * 120 and answers[120] == 429


def test_a_nul_character_in_a_product_is_a_fault_like_another(client: Client, cast: Cast) -> None:
    body = sale(lines=[{"sku": "CRE\0ME", "units": 1}])

    answer = client.post("/api/v1/declarations", json=body, headers=token_of(cast.awa))

    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json["errors"]] == ["lines.0.sku"]
