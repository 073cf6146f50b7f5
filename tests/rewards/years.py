"""A stage for years of benefits: challenges of November 2025, one sale of each person, closings when the test says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from challenges.models import Challenge
from foundation import clock
from foundation.database import db
from rewards.jobs import advance_challenges
from rewards.models import Reward
from tests.declarations.stage import publish, sell

IN_2025 = "2025-12-10T12:00:00+00:00"
IN_2026 = "2026-03-10T12:00:00+00:00"
SOLD = datetime(2025, 11, 15, 10, tzinfo=UTC)


def sales() -> None:
    """One sale each, in November 2025: Awa and Chloé are employed, Bruno is independent, Nina a home seller."""
    for who, channel in (("AWA", "store"), ("CHLOE", "store"), ("BRUNO", "store"), ("NINA", "meeting")):
        sell(who, [("CREME", 1)], name=f"sale-{who}", at=SOLD, channel=channel)


def challenge(code: str, **changes: Any) -> Challenge:
    """A challenge of November 2025 in which everybody who sold has 10 points."""
    return publish(code=code, name=code, starts_on="2025-11-01", ends_on="2025-11-30", **changes)


def give(code: str, wallet: int, at: str = IN_2026, **changes: Any) -> Challenge:
    """Close a challenge at an instant that gives everybody who sold this many wallet points, a cent each."""
    made = challenge(code, payouts=[{"kind": "threshold", "points": 10, "wallet": wallet}], **changes)
    list(advance_challenges(clock.parse_instant(at)))
    return made


def article(code: str, cents: int) -> None:
    """An article that can be won."""
    db.session.add(
        Reward(
            code=code, name=code, kind="gift", cost_cents=cents, price_points=None, stock=None, limit_per_person=None,
            countries="", starts_on=None, ends_on=None,
        )
    )  # fmt: skip
