"""Who plays a challenge: figures, days, the first step, segments."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from challenges.models import Acceptance, Challenge
from declarations import participation
from declarations.models import Declaration
from declarations.operations import withdraw
from declarations.participation import Day, FirstStep, Silent
from foundation.database import db
from foundation.transactions import transaction
from network.models import Person
from network.operations import suspend
from tests.cast import Cast
from tests.declarations.stage import NOW, publish, sell

RULES = [
    {"id": "soin", "counts": "units", "points": 10},
    {"id": "deux", "counts": "milestone", "measure": "units", "at": 2, "points": 5},
    {"id": "dix", "counts": "milestone", "measure": "units", "at": 10, "points": 50},
]
YESTERDAY = NOW - timedelta(days=1)


def play(**changes: Any) -> Challenge:
    """Awa has sold 2 and 3, Bruno 1, Nina waits for a review, Chloé has told nothing."""
    challenge = publish(rules=RULES, **changes)
    sell("AWA", [("CREME", 2)], name="awa-1", at=YESTERDAY)
    sell("AWA", [("CREME", 3)], name="awa-2")
    sell("BRUNO", [("CREME", 1)], name="bruno-1")
    sell("NINA", [("CREME", 2_000)], name="nina-1", channel="meeting")
    return db.session.get_one(Challenge, challenge.id)


def codes(query: Any) -> list[str]:
    """The codes of the people of a segment."""
    return list(db.session.scalars(select(Person.code).where(Person.id.in_(query)).order_by(Person.code)))


def test_figures_tell_who_takes_part_has_declared_and_has_points(cast: Cast):
    challenge = play()
    found = participation.figures([challenge.id])[challenge.id]
    assert (found.people, found.declared, found.scoring, found.points) == (4, 3, 2, 55 + 10)
    assert found.percent == 75 and found.last == NOW - timedelta(hours=1)
    assert participation.figures([]) == {}


def test_the_suspended_are_in_no_figure(cast: Cast):
    challenge = play()
    with transaction():
        suspend(cast.awa, by="MARC", at=NOW)
    found = participation.figures([challenge.id])[challenge.id]
    assert (found.people, found.declared, found.points) == (3, 2, 10)
    assert codes(participation.segment(challenge, "everyone")) == ["BRUNO", "CHLOE", "NINA"]


def test_days_hold_the_accepted_sales_that_count_and_how_many_people_they_are_from(cast: Cast):
    challenge = play()
    sell("CHLOE", [("CREME", 1)], name="chloe-early", at=NOW - timedelta(days=60))  # before the period
    assert participation.by_day(challenge) == [Day(date(2026, 2, 3), 1, 1), Day(date(2026, 2, 4), 2, 2)]


def test_what_waits_is_counted_with_since_when(cast: Cast):
    challenge = play()
    other = db.session.get_one(Challenge, publish(code="autre").id)
    waiting = participation.waiting([challenge])
    assert waiting[challenge.id] == (1, NOW - timedelta(hours=1))
    assert set(participation.waiting([challenge, other])) == {challenge.id, other.id}
    assert participation.waiting([]) == {}


def test_the_first_step_is_the_milestone_most_people_hold(cast: Cast):
    challenge = play()
    assert participation.first_step(challenge) == FirstStep("milestone", "deux", "units", 2, 1)
    sale = db.session.scalars(select(Declaration).where(Declaration.public_id == "awa-2")).one()
    with transaction():
        withdraw(db.session.get_one(Declaration, sale.id), by="AWA", at=NOW)
    assert participation.first_step(challenge).people == 1
    sale = db.session.scalars(select(Declaration).where(Declaration.public_id == "awa-1")).one()
    with transaction():
        withdraw(db.session.get_one(Declaration, sale.id), by="AWA", at=NOW)
    assert participation.first_step(challenge).people == 0  # taken back, it is held no more


def test_a_threshold_that_more_people_reach_is_the_first_step_and_without_any_it_is_the_first_point(cast: Cast):
    low = [{"kind": "threshold", "points": 10, "wallet": 5}, {"kind": "threshold", "points": 500, "wallet": 50}]
    assert participation.first_step(play(payouts=low)) == FirstStep("threshold", "1", "points", 10, 2)
    plain = db.session.get_one(Challenge, publish(code="plain", rules=RULES[:1]).id)
    assert participation.first_step(plain) == FirstStep("points", "", "points", 1, 2)


def test_segments_hold_whom_they_say(cast: Cast):
    challenge = play()
    step = participation.first_step(challenge)
    found = {name: codes(participation.segment(challenge, name, step)) for name in participation.SEGMENTS}
    assert found == {
        "everyone": ["AWA", "BRUNO", "CHLOE", "NINA"],
        "not_declared": ["CHLOE"],
        "declared": ["AWA", "BRUNO", "NINA"],
        "below_first_step": ["BRUNO", "CHLOE", "NINA"],
        "waiting": ["NINA"],
    }
    sizes = participation.segment_sizes(challenge, step)
    assert {name: size.people for name, size in sizes.items()} == {name: len(one) for name, one in found.items()}


def test_a_segment_below_a_first_point_holds_who_has_none(cast: Cast):
    publish(rules=RULES[:1])
    challenge = db.session.scalars(select(Challenge)).one()
    sell("AWA")
    assert codes(participation.segment(challenge, "below_first_step")) == ["BRUNO", "CHLOE", "NINA"]


def test_who_has_not_declared_is_listed_outlet_by_outlet_and_can_be_filtered(cast: Cast):
    challenge = db.session.get_one(Challenge, publish(league_by="kind").id)
    sell("BRUNO")
    rows = [Silent(*row) for row in db.session.execute(participation.silent(challenge))]
    assert [(one.outlet, one.name) for one in rows] == [
        ("Nina à domicile", "Nina Costa"),
        ("Parfumerie du Port", "Awa Diallo"),
        ("Parfumerie du Port", "Chloé Le Gall"),
    ]
    assert [row[0] for row in db.session.execute(participation.silent(challenge, league="vdi"))] == ["NINA"]
    assert [row[0] for row in db.session.execute(participation.silent(challenge, region="Bretagne"))] == [
        "AWA",
        "CHLOE",
    ]


def test_acceptances_of_a_version_are_those_of_who_takes_part(cast: Cast):
    challenge = play()
    with transaction():
        for person in (cast.awa, cast.marc):
            db.session.add(
                Acceptance(
                    challenge_id=challenge.id, version=1, person_id=person.id, rules_hash="x" * 64, accepted_at=NOW
                )
            )
    assert participation.accepted_by(challenge, 1) == 1
    assert participation.accepted_by(challenge, 2) == 0
