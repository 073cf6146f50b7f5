"""The week by mail: to who wants it, once, on Monday by day, in their language, and never to say nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from foundation.database import db
from foundation.models import OutboxMessage
from foundation.transactions import transaction
from network import topics
from network.models import Person
from network.operations import choose_language
from portal.jobs import send_digests
from rewards.jobs import advance_challenges
from tests.cast import Cast
from tests.declarations.stage import NOW, publish, sell

MONDAY = datetime(2026, 2, 9, 9, 0, tzinfo=UTC)  # ten o'clock in Paris


@pytest.fixture(autouse=True)
def _everybody_came_in(cast: Cast):
    with transaction():
        db.session.execute(update(Person).values(notice_accepted_at=NOW))


def letters() -> dict[str, OutboxMessage]:
    db.session.rollback()
    found = list(db.session.scalars(select(OutboxMessage)))
    by_reader = {one.recipient: one for one in found}
    assert len(by_reader) == len(found)
    return by_reader


def a_week_of_sales(**changes) -> None:
    publish(**changes)
    list(advance_challenges(NOW - timedelta(days=2)))
    sell("AWA", [("CREME", 3)], name="a")
    sell("BRUNO", [("CREME", 5)], name="b")


def test_whoever_earned_something_reads_points_rank_and_what_is_missing(cast: Cast):
    a_week_of_sales()
    with transaction():
        choose_language(cast.bruno, "en", by="BRUNO", at=NOW)
    assert list(send_digests(MONDAY)) == ["2 digests written"]
    found = letters()
    assert set(found) == {"awa@example.org", "bruno@example.org"}
    text = found["awa@example.org"].text
    for said in (
        "Bonjour Awa Diallo",
        "Hiver\n- Points de la semaine\u00a0: 30 points\n- Votre place\u00a0: 2e\n- Encore",
        "/me#notif",
    ):
        assert said in text, text
    assert "\n\n\n" not in text
    assert "Winter\n" in found["bruno@example.org"].text


def test_twice_at_once_or_later_it_is_written_once(cast: Cast):
    a_week_of_sales()
    list(send_digests(MONDAY))
    assert list(send_digests(MONDAY)) == []
    assert list(send_digests(MONDAY + timedelta(days=1))) == []
    sell("AWA", [("CREME", 1)], name="next", at=MONDAY + timedelta(days=2))
    assert list(send_digests(MONDAY + timedelta(days=7))) == ["1 digests written"]


@pytest.mark.parametrize(
    ("moment", "count"),
    [
        ("2026-02-09T06:59", 0),  # before eight in Paris
        ("2026-02-09T07:00", 2),
        ("2026-02-10T18:59", 2),
        ("2026-02-10T19:00", 0),  # eight in the evening
        ("2026-02-11T09:00", 0),
        ("2026-02-08T09:00", 0),
    ],
)
def test_it_leaves_on_monday_by_day_or_on_tuesday_at_the_latest(cast: Cast, moment, count):
    a_week_of_sales()
    list(send_digests(datetime.fromisoformat(moment).replace(tzinfo=UTC)))
    assert len(letters()) == count


def test_it_is_monday_where_the_reader_lives(cast: Cast):
    with transaction():
        cast.outlet("PDV-BREST").department = "974"
    a_week_of_sales()
    list(send_digests(datetime(2026, 2, 9, 4, 30, tzinfo=UTC)))  # 8:30 in Saint-Denis, 5:30 in Paris
    assert set(letters()) == {"awa@example.org"}


def test_who_said_no_gets_none(cast: Cast):
    a_week_of_sales()
    with transaction():
        topics.choose(cast.awa, {})
    list(send_digests(MONDAY))
    assert set(letters()) == {"bruno@example.org"}


def test_there_is_nothing_to_say_but_what_closes_soon(cast: Cast):
    a_week_of_sales(ends_on="2026-02-13")
    list(send_digests(MONDAY))
    assert {"awa@example.org", "bruno@example.org", "chloe@example.org", "nina@example.org"} == set(letters())
    assert "4 jours restants" in letters()["chloe@example.org"].text
