"""Reads of declarations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

from sqlalchemy import and_, func, select

from badges.rules import Counts, week_streak
from declarations.models import Declaration, Revision
from foundation.database import db


def achievements(people: Sequence[int]) -> dict[int, Counts]:
    """What badges look at, for some people: accepted sales, feedbacks, longest run of weeks with a sale."""
    found: dict[int, Counts] = {}
    for start in range(0, len(people), 5_000):
        batch = people[start : start + 5_000]
        current = and_(Revision.declaration_id == Declaration.id, Revision.number == Declaration.revision)
        mine = (Declaration.person_id.in_(batch), Declaration.status == "accepted")
        days: dict[int, list[date]] = defaultdict(list)
        for person_id, sold_on in db.session.execute(
            select(Declaration.person_id, Revision.sold_on).join(Revision, current).where(*mine).distinct()
        ):
            days[person_id].append(sold_on)
        counts = db.session.execute(
            select(Declaration.person_id, func.count(), func.count(Revision.rating))
            .join(Revision, current)
            .where(*mine)
            .group_by(Declaration.person_id)
        )
        for person_id, sales, feedbacks in counts:
            found[person_id] = Counts(
                declarations=sales, feedbacks=feedbacks, best_week_streak=week_streak(days[person_id]), podiums=0
            )
    return found
