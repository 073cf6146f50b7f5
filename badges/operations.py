"""Granting badges: once each, whoever asks and however often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from badges.models import BadgeGrant
from badges.queries import granted_codes
from badges.rules import BADGES, Counts, earned
from foundation import audit
from foundation.database import db


def grant_earned(counts: Mapping[int, Counts], *, at: datetime, quiet: bool = False) -> list[tuple[int, str]]:
    """Grant what these people (by id) have earned and do not have yet; the new (person id, badge code) pairs.

    `quiet`: given in retrospect, so that nothing is celebrated. Whoever asks at the same time, or again, gets nothing
    twice: the unique key of the table decides, and only rows really written come back.
    """
    wanted = {person_id: codes for person_id, sums in counts.items() if (codes := earned(sums))}
    if not wanted:
        return []
    have = granted_codes(wanted.keys())
    rows = [
        {"person_id": person_id, "badge": badge.code, "granted_at": at, "quiet": quiet}
        for person_id in sorted(wanted)
        for badge in BADGES
        if badge.code in wanted[person_id] and (person_id, badge.code) not in have
    ]
    if not rows:
        return []
    insert = postgresql_insert if db.session.get_bind().dialect.name == "postgresql" else sqlite_insert
    statement = (
        insert(BadgeGrant)
        .on_conflict_do_nothing(index_elements=[BadgeGrant.person_id, BadgeGrant.badge])
        .returning(BadgeGrant.person_id, BadgeGrant.badge)
    )
    order = {badge.code: place for place, badge in enumerate(BADGES)}
    granted = [(person_id, code) for person_id, code in db.session.execute(statement, rows)]
    granted.sort(key=lambda pair: (pair[0], order[pair[1]]))
    if granted:
        audit.record(
            "badges.granted",
            "badges",
            by=audit.SYSTEM,
            at=at,
            quiet=quiet,
            granted=dict(sorted(Counter(code for _, code in granted).items())),
        )
    return granted
