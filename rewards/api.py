"""What a provider of rewards tells us: signed messages (Standard Webhooks). Told in docs/rewards.md and docs/api.md,
and described at /api/v1/openapi.json (portal/api.py)."""

from __future__ import annotations

from typing import Any, Literal

from flask import Blueprint, Response, current_app, jsonify, request
from flask.blueprints import BlueprintSetupState
from pydantic import BaseModel, Field, ValidationError
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from foundation import clock
from foundation.logs import log
from foundation.transactions import transaction
from foundation.web import csrf, limiter, problem
from network.permissions import requires
from rewards import fulfilment
from rewards.providers import Word
from rewards.rules import NotOrdered

blueprint = Blueprint("rewards_api", __name__, url_prefix="/api/v1")
MOST_BYTES = 64 * 1024
OUTCOMES = ("applied", "known", "replay", "refused")


@blueprint.record_once
def _without_cookies(state: BlueprintSetupState) -> None:
    """A signature is not sent by a browser on its own, so no form token is asked for."""
    csrf.exempt(blueprint)


class OrderWord(BaseModel):
    """What a message says of one order."""

    order: str = Field(pattern=r"^[0-9]{1,15}$")
    state: Literal["accepted", "sent", "delivered", "refused"]
    tracking: str = Field("", max_length=300)
    reason: str = Field("", max_length=300)


class ProviderMessage(BaseModel):
    """A message: `data` is what counts."""

    type: str = ""
    data: OrderWord


@blueprint.post("/provider-webhook")
@requires("machine")
@limiter.limit("600 per minute")
def provider_webhook() -> Response:
    """Take a message in, once. 401 unless it is signed; 200 for one already known, whatever came in between."""
    secret = current_app.config["SETTINGS"].provider_secret
    if (request.content_length or 0) > MOST_BYTES:
        return problem(413, "The message is larger than 64 kB")
    body = request.get_data(cache=False)
    event = request.headers.get("webhook-id", "")
    if not secret or not _is_signed(secret, body) or len(event) > 200:
        return problem(401, "The message is not signed by the provider")
    try:
        message = ProviderMessage.model_validate_json(body)
    except ValidationError as refused:
        faults = [{"field": ".".join(map(str, one["loc"])), "wrong": one["msg"]} for one in refused.errors()]
        return problem(422, "The message cannot be read", faults=faults)
    told = message.data
    word = Word(told.state, " ".join((told.reason if told.state == "refused" else told.tracking).split()))
    try:
        with transaction():
            outcome = fulfilment.receive(event, int(told.order), word, at=clock.now())
    except NotOrdered:
        return problem(422, "No such order was given to a provider")
    log("rewards").info("provider's message", order=told.order, state=told.state, outcome=outcome)
    return jsonify(outcome=outcome)


def _is_signed(secret: str, body: bytes) -> bool:
    """Whether the provider signed this message, in the last five minutes."""
    try:
        Webhook(secret).verify(body, dict(request.headers), json_parse=False)
    except (WebhookVerificationError, ValueError):  # ValueError: what is no signature, no number, no UTF-8
        return False
    return True


def description() -> dict[str, Any]:
    """This address as a part of an OpenAPI document; errors are the `Problem` of the others."""
    body = ProviderMessage.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = body.pop("$defs") | {"ProviderMessage": body}

    def error(text: str) -> dict[str, Any]:
        problem_schema = {"$ref": "#/components/schemas/Problem"}
        return {"description": text, "content": {"application/problem+json": {"schema": problem_schema}}}

    headers = [
        {"name": name, "in": "header", "required": True, "schema": {"type": "string"}, "description": text}
        for name, text in (
            ("webhook-id", "The name of this message, at most 200 characters; the same one again changes nothing."),
            ("webhook-timestamp", "When it was sent, in seconds since 1970; at most five minutes away."),
        )
    ]
    outcome = {"type": "object", "properties": {"outcome": {"type": "string", "enum": list(OUTCOMES)}}}
    return {
        "paths": {
            "/api/v1/provider-webhook": {
                "post": {
                    "operationId": "providerMessage",
                    "summary": "Told by the provider of rewards: how an order stands",
                    "security": [{"signature": []}],
                    "parameters": headers,
                    "requestBody": {
                        "required": True,
                        "content": {
                            "application/json": {
                                "schema": {"$ref": "#/components/schemas/ProviderMessage"},
                                "example": _EXAMPLE,
                            }
                        },
                    },
                    "responses": {
                        "200": {
                            "description": "Taken in: applied, known (nothing new), replay (this message was here"
                            " before) or refused (it cannot be any more).",
                            "content": {"application/json": {"schema": outcome | {"required": ["outcome"]}}},
                        },
                        "401": error("Not signed by the provider, or more than five minutes away."),
                        "413": error("The message is larger than 64 kB."),
                        "422": error("It cannot be read, or names no order of the provider's."),
                        "429": error("More than 600 messages a minute; wait as Retry-After says."),
                    },
                }
            }
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "signature": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "webhook-signature",
                    "description": "Standard Webhooks: `v1,` and the base64 of HMAC-SHA256(secret, id.timestamp.body).",
                }
            },
        },
    }


_EXAMPLE = {"type": "order.updated", "data": {"order": "42", "state": "sent", "tracking": "6A0042"}}
