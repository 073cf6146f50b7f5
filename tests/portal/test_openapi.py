"""The machine-readable description of the API: every address is in it, and says what it takes and answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flask import Flask

from rewards.api import OUTCOMES
from tests.cast import Cast
from tests.conftest import Client
from tests.test_routes import routes

OUR_OWN = "/outbox/"  # what our own pages send from a phone, with the session: no interface for others


def description(client: Client) -> dict[str, Any]:
    """The document as a machine gets it."""
    answer = client.get("/api/v1/openapi.json")
    assert answer.status_code == 200 and "max-age" in answer.headers["Cache-Control"]
    found: dict[str, Any] = answer.json
    return found


def said(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each method of each address."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def test_every_address_for_machines_is_described_and_no_other(app: Flask, client: Client) -> None:
    document = description(client)
    there = {
        (method, re.sub(r"<(?:\w+:)?\w+>", "{}", rule.rule))
        for rule, method, permission in routes(app)
        if (permission == "machine" and not rule.rule.startswith(OUR_OWN)) or rule.rule.startswith("/api/")
    }
    described = {(method, re.sub(r"{\w+}", "{}", path)) for path, method, _ in said(document)}
    assert described == there - {("GET", "/api/v1/openapi.json")}


def test_every_reference_holds_and_every_operation_has_a_name_of_its_own(client: Client) -> None:
    document = description(client)
    assert document["openapi"] == "3.1.0"
    for kind, name in re.findall(r'"#/components/(\w+)/(\w+)"', json.dumps(document)):
        assert name in document["components"][kind]
    names = [operation["operationId"] for _, _, operation in said(document)]
    assert len(set(names)) == len(names)
    for _, _, operation in said(document):
        for need in operation["security"]:
            assert set(need) <= set(document["components"]["securitySchemes"])
        assert "401" in operation["responses"] and "429" in operation["responses"]


def test_bodies_are_those_the_program_reads(client: Client) -> None:
    schemas = description(client)["components"]["schemas"]
    assert schemas["LineBody"]["properties"]["units"]["maximum"] == 100_000
    assert schemas["ProviderMessage"]["required"] == ["data"]
    assert schemas["OrderWord"]["properties"]["state"]["enum"] == ["accepted", "sent", "delivered", "refused"]
    assert set(schemas["OrderWord"]["required"]) == {"order", "state"}


def test_what_is_answered_is_what_is_described(client: Client, cast: Cast) -> None:
    document = description(client)
    webhook = document["paths"]["/api/v1/provider-webhook"]["post"]
    assert str(client.post("/api/v1/provider-webhook", json={}).status_code) in webhook["responses"]
    assert str(client.post("/api/v1/provider-webhook", data=b"x" * 70_000).status_code) in webhook["responses"]
    outcome = webhook["responses"]["200"]["content"]["application/json"]["schema"]["properties"]["outcome"]
    assert tuple(outcome["enum"]) == OUTCOMES
    for method, path in (("get", "/api/v1/declarations"), ("post", "/api/v1/declarations")):
        assert str(client.open(path, method=method).status_code) in document["paths"][path][method]["responses"]


def test_the_page_about_the_api_tells_every_address(client: Client) -> None:
    page = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    for path, method, _ in said(description(client)):
        assert f"`{method} {path}".replace("{", "<").replace("}", ">") in page
