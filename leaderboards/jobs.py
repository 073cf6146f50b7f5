"""What the clock does for the board: who has been overtaken is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from flask import current_app
from sqlalchemy import select

from challenges.models import Challenge
from foundation import clock
from foundation.database import db
from foundation.transactions import transaction
from leaderboards.overtaking import tell_overtaken


def tell_who_was_overtaken(at: datetime) -> Iterator[str]:
    """Tell who has lost a place since yesterday, in every running challenge, each in a transaction of its own."""
    day = clock.day_of(at, current_app.config["TIMEZONE"])
    for challenge_id in db.session.scalars(
        select(Challenge.id).where(Challenge.state == "running").order_by(Challenge.id)
    ).all():
        with transaction():
            challenge = db.session.get_one(Challenge, challenge_id)
            told, code = tell_overtaken(challenge, day=day, at=at), challenge.code
        if told:
            yield f"{code}: {told} overtaken"
