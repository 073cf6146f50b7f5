"""A sale sent as JSON, taken or refused in JSON: what the API and the outbox of a phone have in common."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, jsonify, request
from pydantic import ValidationError

from challenges import wording
from declarations import operations, permissions, queries
from declarations.forms import DeclarationBody
from declarations.models import Declaration, Revision
from declarations.queries import Card, ToldLine
from declarations.rules import Refused
from foundation import clock
from foundation.localisation import language
from foundation.transactions import transaction
from foundation.web import problem
from network.models import Person

MOST_BYTES = 1024 * 1024


def take(person: Person, *, at: datetime, zone: ZoneInfo, address: Callable[[str], str]) -> Response:
    """Take the sale in the body of the request as told by `person`: 201, or 200 for the same id and content again;
    400, 409, 413 or 422 with nothing written. `address` gives where a declaration can be read."""
    if (request.content_length or 0) > MOST_BYTES:
        return problem(413, "The body is larger than 1 MB")
    raw = request.get_data(cache=False)
    try:
        body = DeclarationBody.model_validate_json(raw)
    except ValidationError as refusal:
        if any(error["type"] == "json_invalid" for error in refusal.errors(include_url=False)):
            faults = [{"field": "body", "wrong": "it is not JSON", "right": "write JSON in UTF-8"}]
            return problem(400, "The body is not JSON", faults=faults)
        return problem(422, "The declaration cannot be taken; nothing was written", faults=_faults(refusal))
    try:
        with transaction():
            [receipt] = operations.receive([body.submission(person.code)], by=person.code, at=at, zone=zone)
    except Refused as refusal:
        faults = [
            {"field": _place(one.field, one.line), "wrong": one.wrong, "right": one.right} for one in refusal.problems
        ]
        if refusal.conflict:
            return problem(409, "This id was already declared with other content; nothing was written", faults=faults)
        return problem(422, "The declaration cannot be taken; nothing was written", faults=faults)
    found = permissions.declaration_of(person, receipt.public_id)
    assert found is not None
    answer = jsonify(told(*found, at=at) | {"replay": receipt.replay})
    answer.status_code = 200 if receipt.replay else 201
    answer.headers["Location"] = address(receipt.public_id)
    return answer


def _said(declaration: Declaration, revision: Revision, lines: list[ToldLine]) -> dict[str, Any]:
    """What was told, in the words of the contract."""
    return {
        "id": declaration.public_id,
        "status": declaration.status,
        "revision": declaration.revision,
        "sold_on": revision.sold_on.isoformat(),
        "declared_at": clock.format_instant(declaration.declared_at),
        "received_at": clock.format_instant(declaration.received_at),
        "channel": revision.channel,
        "lines": [{"sku": line.sku, "units": line.units, "unit_price_cents": line.unit_price_cents} for line in lines],
    }


def told(declaration: Declaration, revision: Revision, *, at: datetime) -> dict[str, Any]:
    """A declaration with what it gives: expected points while it waits, challenge by challenge, each explained."""
    answer = queries.answer(declaration, revision, at=at)
    return _said(declaration, revision, answer.lines) | {
        "review_reasons": [reason for reason in declaration.review_reasons.split(",") if reason]
        if declaration.status == "in_review"
        else [],
        "clock_replaced": declaration.clock,
        "rejection": {"reason": declaration.rejection, "note": declaration.rejection_note or ""}
        if declaration.status == "rejected"
        else None,
        "barred": {"reason": revision.barred, "explanation": wording.explain_bar(revision.barred)}
        if revision.barred
        else None,
        "expected": answer.waiting,
        "points": [
            {
                "challenge": found.challenge.code,
                "name": found.challenge.title(language()),
                "points": found.points,
                "counts": not found.late,
                "gains": [
                    {
                        "rule": gain.rule,
                        "version": gain.version,
                        "points": gain.points,
                        "explanation": wording.explain(gain.why, answer.names),
                    }
                    for gain in found.gains
                ],
            }
            for found in answer.challenges
        ],
    }


def in_list(card: Card) -> dict[str, Any]:
    """A declaration as a list shows it."""
    return _said(card.declaration, card.revision, card.lines) | {"points_total": card.points or 0}


def _place(field: str, line: int | None) -> str:
    """Where a fault of reception is, as a path in the body."""
    if line is not None:
        return f"lines.{line}.{'unit_price_cents' if field == 'unit_price' else field}"
    return {
        "declaration": "id",
        "area": "customer.area",
        "rating": "feedback.rating",
        "recommend": "feedback.recommend",
        "comment": "feedback.comment",
    }.get(field, field)


# What would be right, for the kinds of fault whose message does not say it.
RIGHT = {
    "missing": "give it",
    "extra_forbidden": "leave it out; the description at /api/v1/openapi.json lists what there is",
    "timezone_aware": "write an instant with an offset, such as 2026-02-04T00:05:00+01:00",
    "uuid_parsing": "write a UUID",
    "date_from_datetime_parsing": "write a date such as 2026-02-04",
    "date_parsing": "write a date such as 2026-02-04",
}


def _faults(refusal: ValidationError) -> list[dict[str, str]]:
    """One entry per fault of the body: its path, what is wrong, what would be right."""
    faults = []
    for error in refusal.errors(include_url=False, include_context=True, include_input=False):
        faults.append(
            {
                "field": ".".join(map(str, error["loc"])) or "body",
                "wrong": error["msg"],
                "right": RIGHT.get(error["type"], "see /api/v1/openapi.json"),
            }
        )
    return faults
