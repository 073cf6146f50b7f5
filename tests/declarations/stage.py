"""A stage for declaring: a moment, a published challenge that covers it, and sales told through the real operations."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from challenges.definition import definition_from
from challenges.models import Challenge
from declarations.operations import Receipt, receive
from declarations.publishing import publish_definition
from declarations.rules import Submission, SubmittedLine
from foundation.transactions import transaction

PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 2, 4, 11, 0, tzinfo=UTC)  # a Wednesday, noon in Paris
TODAY = date(2026, 2, 4)

WINTER: dict[str, Any] = {
    "code": "hiver",
    "name": "Hiver",
    "en": {"name": "Winter"},
    "starts_on": "2026-01-05",
    "ends_on": "2026-03-01",
    "rules": [
        {"id": "soin", "counts": "units", "points": 10, "when": {"categories": ["Soin"]}},
        {"id": "avis", "counts": "feedback", "points": 15, "min_comment": 20},
        {"id": "profil", "counts": "profile", "points": 5},
    ],
    "payouts": [{"kind": "convert", "every": 10, "into": 1}],
}


def publish(data: dict[str, Any] | None = None, **changes: Any) -> Challenge:
    """Publish a challenge (the winter one by default, with changes) a month before now."""
    with transaction():
        challenge, _ = publish_definition(
            definition_from((data or WINTER) | changes), by="MARC", at=NOW - timedelta(days=30)
        )
    return challenge


def sell(
    person: str,
    lines: Iterable[tuple[str, int]] = (("CREME", 2),),
    *,
    name: str = "sale-1",
    at: datetime = NOW - timedelta(hours=1),
    sold_on: date | None = None,
    channel: str = "store",
    **said: Any,
) -> Receipt:
    """Tell one sale through the one entrance there is; sold on the day of `at` unless said otherwise."""
    day = sold_on or at.astimezone(PARIS).date()
    told = Submission(
        name, person, day, None, channel, tuple(SubmittedLine(sku, units, None) for sku, units in lines), **said
    )
    with transaction():
        [receipt] = receive([told], by=person, at=at, zone=PARIS)
    return receipt
