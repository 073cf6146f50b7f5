"""Who loses a place since yesterday is told so: once a day, near the top, never while the board is frozen."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from foundation.database import db
from foundation.transactions import transaction
from leaderboards.jobs import tell_who_was_overtaken
from network.models import Notice
from network.operations import choose_language
from rewards.jobs import advance_challenges, remember_yesterday
from tests.cast import Cast
from tests.declarations.stage import NOW, publish, sell

MORNING = NOW - timedelta(hours=11)  # one o'clock in the night


def told() -> list[tuple[int, str, str]]:
    db.session.rollback()
    kind = Notice.kind == "overtaken"
    return [(one.person_id, one.title, one.text) for one in db.session.scalars(select(Notice).where(kind))]


def yesterday(**changes) -> None:
    """Bruno is first and Awa second."""
    publish(**changes)
    list(advance_challenges(NOW - timedelta(days=2)))
    sell("BRUNO", [("CREME", 3)], name="b", at=NOW - timedelta(days=1))
    sell("AWA", [("CREME", 2)], name="a", at=NOW - timedelta(days=1))
    list(remember_yesterday(MORNING))


def test_who_was_overtaken_is_told_once_however_often_the_clock_asks(cast: Cast):
    yesterday()
    with transaction():
        choose_language(cast.bruno, "en", by="BRUNO", at=NOW)
    assert list(tell_who_was_overtaken(NOW)) == []
    sell("AWA", [("CREME", 5)], name="more")
    assert list(tell_who_was_overtaken(NOW)) == ["hiver: 1 overtaken"]
    english = "Last night you were #1; now you are #2."
    assert told() == [(cast.bruno.id, "Winter: you have been overtaken", english)]
    sell("CHLOE", [("CREME", 9)], name="c")  # Bruno is told already; Awa is where she was last night
    assert list(tell_who_was_overtaken(NOW + timedelta(hours=1))) == []
    assert len(told()) == 1


def test_two_people_who_fall_are_told_each_where_they_are(cast: Cast):
    yesterday()
    sell("CHLOE", [("CREME", 9)], name="c")
    assert list(tell_who_was_overtaken(NOW)) == ["hiver: 2 overtaken"]
    assert {person: text for person, _title, text in told()} == {
        cast.bruno.id: "Hier soir vous étiez 1er\u202f; vous êtes maintenant 2e.",
        cast.awa.id: "Hier soir vous étiez 2e\u202f; vous êtes maintenant 3e.",
    }
    assert list(tell_who_was_overtaken(NOW + timedelta(hours=2))) == []


def test_the_next_day_counts_anew(cast: Cast):
    yesterday()
    sell("AWA", [("CREME", 5)], name="more")
    list(tell_who_was_overtaken(NOW))
    list(remember_yesterday(NOW + timedelta(days=1)))
    assert list(tell_who_was_overtaken(NOW + timedelta(days=1))) == []
    sell("BRUNO", [("CREME", 9)], name="again", at=NOW + timedelta(days=1))
    assert list(tell_who_was_overtaken(NOW + timedelta(days=1, hours=1))) == ["hiver: 1 overtaken"]


def test_a_frozen_board_tells_nothing(cast: Cast):
    yesterday(freeze_board_on="2026-02-04")
    sell("AWA", [("CREME", 5)], name="more")
    assert list(tell_who_was_overtaken(NOW)) == []


def test_a_board_of_outlets_is_nobodys_own(cast: Cast):
    yesterday(ranks="outlet")
    sell("AWA", [("CREME", 5)], name="more")
    assert list(tell_who_was_overtaken(NOW)) == []
