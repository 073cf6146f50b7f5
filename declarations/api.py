"""Declarations for machines: sending one, reading one's own. Told in docs/api.md, and at /api/v1/openapi.json."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from typing import Any, TypeVar

from flask import Blueprint, Response, current_app, g, jsonify, request, url_for
from flask.blueprints import BlueprintSetupState
from flask_limiter.util import get_remote_address

from declarations import permissions, queries, taking
from declarations.forms import DeclarationBody
from declarations.models import STATUSES
from foundation import clock
from foundation.pages import page_number, paged
from foundation.web import csrf, limiter, problem
from network.permissions import PERMISSIONS, requires
from network.tokens import bearer_person

blueprint = Blueprint("declarations_api", __name__, url_prefix="/api/v1")
SIZE = 50

View = TypeVar("View", bound=Callable[..., Any])


@blueprint.record_once
def _without_cookies(state: BlueprintSetupState) -> None:
    """A token in a header is not sent by a browser on its own, so no form token is asked for."""
    csrf.exempt(blueprint)


def _caller() -> str:
    """Who is counted by the limits: the token, or the address without one."""
    token = request.headers.get("Authorization", "")
    return "token:" + sha256(token.encode()).hexdigest() if token else get_remote_address()


def with_token(view: View) -> View:
    """Find who calls (g.caller): 401 without a valid token, 403 when this person may not use the API."""

    @wraps(view)
    def identified(*args: Any, **kwargs: Any) -> Any:
        person = bearer_person(request)
        if person is None:
            answer = problem(401, "A valid personal token is needed: Authorization: Bearer …")
            answer.headers["WWW-Authenticate"] = "Bearer"
            return answer
        if person.role not in PERMISSIONS["machine"]:
            return problem(403, "Only resellers declare sales")
        g.caller = person
        return view(*args, **kwargs)

    return identified  # type: ignore[return-value]


@blueprint.post("/declarations")
@requires("machine")
@limiter.limit("120 per minute", key_func=_caller)
@with_token
def send() -> Response:
    """Tell one sale: 201, or 200 for the same id and content again."""
    return taking.take(
        g.caller,
        at=clock.now(),
        zone=current_app.config["TIMEZONE"],
        address=lambda public_id: url_for("declarations_api.one", public_id=public_id),
    )


@blueprint.get("/declarations")
@requires("machine")
@limiter.limit("300 per minute", key_func=_caller)
@with_token
def many() -> Response:
    """One's declarations, latest first, by pages of 50; `?status=` keeps one status."""
    status = request.args.get("status", "")
    if status and status not in STATUSES:
        right = f"write one of {', '.join(STATUSES)}"
        fault = {"field": "status", "wrong": f"{status!r} is not a status", "right": right}
        return problem(422, "The list cannot be read", faults=[fault])
    page = paged(
        permissions.declarations_of(g.caller, status), page_number(), size=SIZE, shape=lambda row: (row[0], row[1])
    )
    return jsonify(
        items=[taking.in_list(card) for card in queries.cards(page.rows)],
        page=page.number,
        pages=page.pages,
        total=page.total,
    )


@blueprint.get("/declarations/<path:public_id>")
@requires("machine")
@limiter.limit("300 per minute", key_func=_caller)
@with_token
def one(public_id: str) -> Response:
    """One of one's declarations, with its points and why."""
    found = permissions.declaration_of(g.caller, public_id)
    if found is None:
        return problem(404, "There is no such declaration")
    return jsonify(taking.told(*found, at=clock.now()))


# — the description —————————————————————————————————————————————————————————————————————————————————————————————————


def description() -> dict[str, Any]:
    """These addresses as a part of an OpenAPI document: the body from its model, the answers as written here."""
    body = DeclarationBody.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = body.pop("$defs", {}) | {"DeclarationBody": body} | _ANSWERS
    refused = {
        "401": _error("No valid personal token."),
        "403": _error("This person does not declare sales."),
        "429": _error("Too many calls; wait a minute."),
    }
    public_id = {
        "name": "id", "in": "path", "required": True, "schema": {"type": "string"}, "description": "A declaration's id."
    }  # fmt: skip
    return {
        "paths": {
            "/api/v1/declarations": {
                "post": {
                    "operationId": "declare",
                    "security": [{"token": []}],
                    "summary": "Tell one sale",
                    "requestBody": {
                        "required": True,
                        "content": {"application/json": {"schema": _ref("DeclarationBody"), "example": _EXAMPLE}},
                    },
                    "responses": {
                        "201": _json("Written.", "Declared"),
                        "200": _json("The same id and content were already written; nothing was.", "Declared"),
                        "400": _error("The body is not JSON."),
                        "409": _error("The id was already declared with other content; nothing was written."),
                        "413": _error("The body is larger than 1 MB."),
                        "422": _error("One entry in `errors` per fault; nothing was written."),
                        **refused,
                    },
                },
                "get": {
                    "operationId": "declarations",
                    "security": [{"token": []}],
                    "summary": "One's declarations, latest first",
                    "parameters": [
                        {"name": "page", "in": "query", "schema": {"type": "integer", "minimum": 1, "default": 1}},
                        {"name": "status", "in": "query", "schema": {"type": "string", "enum": list(STATUSES)}},
                    ],
                    "responses": {
                        "200": _json("A page.", "Page"), "422": _error("The status is unknown."), **refused
                    },
                },
            },
            "/api/v1/declarations/{id}": {
                "get": {
                    "operationId": "declaration",
                    "security": [{"token": []}],
                    "summary": "One declaration, with its points and why",
                    "parameters": [public_id],
                    "responses": {
                        "200": _json("The declaration.", "Told"), "404": _error("Not there, or not yours."), **refused
                    },
                }
            },
        },
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "Made by `flask network token PERSON`."}
            },
            "schemas": schemas,
        },
    }  # fmt: skip


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(text: str, name: str) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": _ref(name)}}}


def _error(text: str) -> dict[str, Any]:
    return {"description": text, "content": {"application/problem+json": {"schema": _ref("Problem")}}}


def _object(properties: dict[str, Any], *, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


def _list_of(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


_TEXT = {"type": "string"}
_WHOLE = {"type": "integer"}
_YES_NO = {"type": "boolean"}
_INSTANT = {"type": "string", "format": "date-time"}
_SAID = {
    "id": _TEXT,
    "status": {"type": "string", "enum": list(STATUSES)},
    "revision": _WHOLE,
    "sold_on": {"type": "string", "format": "date"},
    "declared_at": _INSTANT,
    "received_at": _INSTANT,
    "channel": _TEXT,
    "lines": _list_of(_object({"sku": _TEXT, "units": _WHOLE, "unit_price_cents": {"type": ["integer", "null"]}})),
}
_TOLD = _SAID | {
    "review_reasons": _list_of(_TEXT),
    "clock_replaced": _YES_NO,
    "rejection": {"anyOf": [_object({"reason": _TEXT, "note": _TEXT}), {"type": "null"}]},
    "barred": {"anyOf": [_object({"reason": _TEXT, "explanation": _TEXT}), {"type": "null"}]},
    "expected": _YES_NO | {"description": "The points are those of acceptance: the declaration waits for a review."},
    "points": _list_of(_ref("ChallengePoints")),
}
_ANSWERS: dict[str, Any] = {
    "Told": _object(_TOLD),
    "Declared": _object(_TOLD | {"replay": _YES_NO}),
    "ChallengePoints": _object(
        {
            "challenge": _TEXT,
            "name": _TEXT,
            "points": _WHOLE,
            "counts": _YES_NO | {"description": "False when it was declared too late for this challenge."},
            "gains": _list_of(_object({"rule": _TEXT, "version": _WHOLE, "points": _WHOLE, "explanation": _TEXT})),
        }
    ),
    "Page": _object(
        {
            "items": _list_of(_object(_SAID | {"points_total": _WHOLE})),
            "page": _WHOLE,
            "pages": _WHOLE,
            "total": _WHOLE,
        }
    ),
    "Problem": _object(
        {
            "type": _TEXT,
            "title": _TEXT,
            "status": _WHOLE,
            "errors": _list_of(_object({"field": _TEXT, "wrong": _TEXT, "right": _TEXT})),
        },
        optional=("errors",),
    ),
}
_EXAMPLE = {
    "id": "6d9c4c43-94c2-4d5c-8a2f-1c1b1f6f7e10",
    "sold_on": "2026-02-03",
    "declared_at": "2026-02-03T18:05:00+01:00",
    "channel": "store",
    "lines": [{"sku": "CREME-NUIT", "units": 2, "unit_price_cents": 1990}],
    "customer": {"kind": "new", "age_band": "35-49", "area": "35"},
    "feedback": {"rating": 5, "recommend": 9, "comment": "Elle adore la texture."},
}
