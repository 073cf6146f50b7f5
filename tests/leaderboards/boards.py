"""Boards written straight into the tables, to look at ranking alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from challenges.models import Challenge, Participant
from foundation.database import db
from foundation.transactions import transaction
from leaderboards.models import Standing
from network.models import Outlet, Person

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
NOW = datetime(2026, 1, 20, 11, 0, tzinfo=UTC)


class One(NamedTuple):
    """A participant: `reached` is in minutes after the start; `outlet` and `league` are codes."""

    code: str
    points: int
    reached: int = 0
    league: str = ""
    measure: int = 0
    target: int = 1
    expected: int | None = None
    outlet: str = "O1"
    suspended: bool = False
    nickname: str | None = None


def write_challenge(code: str = "jeu", **columns: Any) -> Challenge:
    """A challenge under way, with these columns."""
    definition = {"name": "Le jeu", "rules": [], "payouts": []} | columns.pop("definition", {})
    values = {
        "state": "running",
        "timezone": "Europe/Paris",
        "starts_on": date(2026, 1, 5),
        "ends_on": date(2026, 2, 1),
        "declare_until": datetime(2026, 2, 4, 23, 0, tzinfo=UTC),
        "review_until": datetime(2026, 2, 11, 23, 0, tzinfo=UTC),
        "ranks": "person",
        "rank_by": "points",
        "tie_break": "earliest",
        "has_objective": False,
        "measure": "units",
        "freeze_board_on": None,
    } | columns
    challenge = Challenge(code=code, definition=definition, created_at=START, published_at=START, **values)
    db.session.add(challenge)
    db.session.flush()
    return challenge


def stand(people: Sequence[One], **columns: Any) -> Challenge:
    """Write a challenge, its people with their outlets, and where they stand."""
    with transaction():
        return write(people, **columns)


def write(people: Sequence[One], **columns: Any) -> Challenge:
    """The same inside a transaction that is open already."""
    challenge = write_challenge(**columns)
    outlets: dict[str, Outlet] = {}
    for one in people:
        if one.outlet not in outlets:
            outlets[one.outlet] = Outlet(
                code=one.outlet, name=f"Outlet {one.outlet}", kind="reseller", brands="", country="FR", region="",
                department="", city="", activity="", potential="", group_code=one.outlet, health=False,
            )  # fmt: skip
            db.session.add(outlets[one.outlet])
    db.session.flush()
    persons = [
        Person(
            code=one.code, name=f"Name {one.code}", nickname=one.nickname, outlet_id=outlets[one.outlet].id,
            role="reseller", status="independent", language="fr", created_at=START, notice_accepted_at=START,
            session_key=one.code[:32], suspended_at=START if one.suspended else None,
        )
        for one in people
    ]  # fmt: skip
    db.session.add_all(persons)
    db.session.flush()
    for one, person in zip(people, persons, strict=True):
        db.session.add(
            Participant(
                challenge_id=challenge.id, person_id=person.id, outlet_id=person.outlet_id, league=one.league,
                target=one.target, entered_at=START,
            )
        )  # fmt: skip
        db.session.add(
            Standing(
                challenge_id=challenge.id, person_id=person.id, points=one.points,
                expected_points=one.points if one.expected is None else one.expected, measure=one.measure,
                reached_at=START + timedelta(minutes=one.reached) if one.points else None,
            )
        )  # fmt: skip
    db.session.flush()
    return challenge
