"""A stage for journeys: a challenge around this very day, and sales told before the curtain rises."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from challenges.definition import definition_from
from challenges.models import Challenge
from declarations.publishing import publish_definition
from foundation import clock
from foundation.transactions import transaction
from tests.declarations.stage import PARIS


def today() -> date:
    """The day in Paris, as the pages see it."""
    return clock.day_of(clock.now(), PARIS)


def day(days_from_now: int) -> str:
    """A day as it is written in a challenge file and in a form."""
    return (today() + timedelta(days=days_from_now)).isoformat()


AUTUMN: dict[str, Any] = {
    "code": "automne",
    "name": "Automne",
    "en": {"name": "Autumn"},
    "rules": [
        {"id": "soin", "counts": "units", "points": 10, "when": {"categories": ["Soin"]}},
        {"id": "avis", "counts": "feedback", "points": 15, "min_comment": 20},
        {"id": "palier", "counts": "milestone", "measure": "units", "at": 5, "points": 50},
    ],
    "payouts": [{"kind": "rank", "from": 1, "to": 1, "wallet": 100}, {"kind": "convert", "every": 10, "into": 1}],
}


def publish(starts: int = -10, ends: int = 10, *, at: datetime | None = None, **changes: Any) -> Challenge:
    """Publish the autumn challenge, with changes, from and to so many days from now."""
    data = AUTUMN | {"starts_on": day(starts), "ends_on": day(ends)} | changes
    with transaction():
        challenge, _ = publish_definition(definition_from(data), by="MARC", at=at or clock.now() - timedelta(days=20))
    return challenge
