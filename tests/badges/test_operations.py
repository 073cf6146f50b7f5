"""Badges are granted once, whoever asks and however often."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from flask import Flask
from sqlalchemy import func, select

from badges.models import BadgeGrant
from badges.operations import grant_earned
from badges.queries import grants_of, recent_grants
from badges.rules import Counts
from foundation.database import db
from foundation.models import AuditEntry
from foundation.transactions import transaction
from tests.cast import Cast

AT = datetime(2026, 2, 4, 9, 30, tzinfo=UTC)


def test_everybody_gets_what_they_earned_in_one_go(cast: Cast) -> None:
    awa, bruno, nina = cast.awa.id, cast.bruno.id, cast.nina.id
    with transaction():
        new = grant_earned({awa: Counts(12, 1), bruno: Counts(1), nina: Counts()}, at=AT)
    assert new == [(awa, "first-sale"), (awa, "first-feedback"), (awa, "ten-sales"), (bruno, "first-sale")]
    assert [(grant.badge.code, grant.granted_at, grant.quiet) for grant in grants_of(bruno)] == [
        ("first-sale", AT, False)
    ]
    assert grants_of(nina) == []


def test_asking_again_grants_only_what_is_new_and_keeps_the_first_date(cast: Cast) -> None:
    awa = cast.awa.id
    with transaction():
        grant_earned({awa: Counts(1)}, at=AT)
    with transaction():
        assert grant_earned({awa: Counts(9)}, at=AT + timedelta(days=1)) == []
    with transaction():
        assert grant_earned({awa: Counts(10)}, at=AT + timedelta(days=2)) == [(awa, "ten-sales")]
    assert [(grant.badge.code, grant.granted_at) for grant in grants_of(awa)] == [
        ("ten-sales", AT + timedelta(days=2)),
        ("first-sale", AT),
    ]
    assert [grant.badge.code for grant in recent_grants(awa, limit=1)] == ["ten-sales"]


def test_a_badge_stays_when_counts_go_down_again(cast: Cast) -> None:
    awa = cast.awa.id
    with transaction():
        grant_earned({awa: Counts(10)}, at=AT)
    with transaction():
        assert grant_earned({awa: Counts(2)}, at=AT) == []
    assert len(grants_of(awa)) == 2


def test_in_retrospect_badges_come_quietly(cast: Cast) -> None:
    awa = cast.awa.id
    with transaction():
        grant_earned({awa: Counts(1)}, at=AT, quiet=True)
    assert grants_of(awa)[0].quiet


def test_granting_leaves_one_line_in_the_audit_trail_and_none_when_nothing_is_new(cast: Cast) -> None:
    counts = {cast.awa.id: Counts(1), cast.bruno.id: Counts(1, 1)}
    for _ in range(2):
        with transaction():
            grant_earned(counts, at=AT)
    entries = db.session.scalars(select(AuditEntry).where(AuditEntry.act == "badges.granted")).all()
    assert [entry.details["granted"] for entry in entries] == [{"first-feedback": 1, "first-sale": 2}]


def test_two_at_the_same_time_grant_one_badge(app: Flask, cast: Cast) -> None:
    awa = cast.awa.id
    new: list[tuple[int, str]] = []
    start = threading.Barrier(4)

    def ask() -> None:
        with app.app_context():
            start.wait()
            with transaction():
                found = grant_earned({awa: Counts(10, 1)}, at=AT)
            new.extend(found)
            db.session.remove()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    db.session.rollback()
    assert sorted(new) == [(awa, "first-feedback"), (awa, "first-sale"), (awa, "ten-sales")]
    assert db.session.scalar(select(func.count()).select_from(BadgeGrant)) == 3
