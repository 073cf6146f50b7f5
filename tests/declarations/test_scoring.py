"""Whatever happens to sales, and in whatever order, the ledger ends where a fold of what is accepted says."""

from __future__ import annotations

import contextlib
import uuid
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from challenges.models import Participant
from challenges.queries import challenge_by_code, versions
from challenges.rules import fold
from declarations import operations
from declarations.models import Declaration, Revision
from declarations.rules import Refused, Submission, SubmittedLine
from declarations.scoring import posted_sums, sales_of
from declarations.verification import differences
from foundation.database import db
from foundation.programme import change_setting
from foundation.transactions import transaction
from leaderboards.models import Standing
from network.models import Outlet, Person
from network.operations import announce_arrival
from points.models import Account, Entry
from tests.cast import Cast
from tests.declarations.stage import NOW, PARIS, publish, sell

RULES: dict[str, Any] = {
    "rules": [
        {"id": "soin", "counts": "units", "points": 10, "cap": {"points": 80, "per": "day"}},
        {"id": "valeur", "counts": "value", "points": 1, "per": 5, "when": {"categories": ["Maquillage"]}},
        {"id": "avis", "counts": "feedback", "points": 15},
        {"id": "semaine", "counts": "boost", "factor": "1.35", "when": {"weekdays": [1, 2, 3]}},
        {"id": "palier", "counts": "milestone", "measure": "units", "at": 12, "points": 50},
        {"id": "total", "counts": "milestone", "measure": "points", "at": 150, "points": 30},
    ],
    "cap_per_day": 130,
    "cap_total": 500,
}

told = st.fixed_dictionaries(
    {
        "lines": st.lists(
            st.tuples(st.sampled_from(["CREME", "SERUM", "ROUGE"]), st.integers(1, 9)), min_size=1, max_size=3
        ),
        "day": st.integers(-20, 0),
        "late": st.integers(0, 600),
        "rating": st.none() | st.integers(1, 5),
        "units_for_review": st.booleans(),
    }
)
events = st.lists(
    st.one_of(
        st.tuples(st.just("submit"), told),
        st.tuples(st.just("withdraw"), st.integers(0, 30)),
        st.tuples(st.just("correct"), st.tuples(st.integers(0, 30), told)),
        st.tuples(st.just("accept"), st.integers(0, 30)),
        st.tuples(st.just("reject"), st.integers(0, 30)),
    ),
    min_size=1,
    max_size=12,
)


def submission(person: str, public_id: str, what: dict[str, Any], at: datetime) -> Submission:
    """A sale told `late` minutes after it was written down on the phone."""
    units = 5_000 if what["units_for_review"] else 0
    return Submission(
        id=public_id,
        person=person,
        sold_on=at.date() + timedelta(days=what["day"]),
        declared_at=at - timedelta(minutes=what["late"]),
        channel="store",
        lines=tuple(SubmittedLine(sku, count + units, None) for sku, count in what["lines"]),
        rating=what["rating"],
    )


def arrive() -> str:
    """Somebody new arrives in the network, and so in the challenge."""
    code = f"P-{uuid.uuid4().hex[:12]}"
    lyon = db.session.scalar(select(Outlet.id).where(Outlet.code == "PDV-LYON"))
    person = Person(
        code=code, name="Une nouvelle", outlet_id=lyon, role="reseller", status="independent", language="fr",
        created_at=NOW, session_key="x",
    )  # fmt: skip
    db.session.add(person)
    db.session.flush()
    announce_arrival([person.id], at=NOW)
    return code


def play(person: str, event: tuple[str, Any], at: datetime) -> None:
    """Let one thing happen to this person's sales; what cannot happen changes nothing."""
    kind, what = event
    if kind == "submit":
        operations.receive([submission(person, str(uuid.uuid4()), what, at)], by=person, at=at, zone=PARIS)
        return
    number, correction = what if kind == "correct" else (what, None)
    own = select(Declaration).join(Person, Person.id == Declaration.person_id).where(Person.code == person)
    found = db.session.scalars(own.order_by(Declaration.id)).all()
    if not found:
        return
    declaration = found[number % len(found)]
    with contextlib.suppress(operations.NotPossible):
        if kind == "withdraw":
            operations.withdraw(declaration, by=person, at=at)
        elif kind == "correct":
            changed = submission(person, declaration.public_id, correction, at)
            operations.correct(declaration, changed, by=person, at=at, zone=PARIS)
        elif kind == "accept":
            operations.accept(declaration, by="MARC", at=at)
        else:
            operations.reject(declaration, "other", by="MARC", at=at)


def assert_sums_are_zero() -> None:
    """What people hold is what the brand has issued and not taken back."""
    issue = select(Account.id).where(Account.holder == "issue")
    issued = db.session.scalar(select(func.sum(Entry.amount)).where(Entry.source_id.in_(issue))) or 0
    returned = db.session.scalar(select(func.sum(Entry.amount)).where(Entry.destination_id.in_(issue))) or 0
    held = db.session.scalar(select(func.sum(Account.balance)).where(Account.holder != "issue")) or 0
    assert held == issued - returned


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(happenings=events)
def test_any_order_of_submit_withdraw_correct_and_review_ends_where_a_refold_does(
    app: Flask, cast: Cast, happenings: list[tuple[str, Any]]
) -> None:
    if challenge_by_code("essai") is None:
        publish(RULES, code="essai", name="Essai", starts_on="2026-01-05", ends_on="2026-03-01")
    with transaction():
        person = arrive()
    for number, event in enumerate(happenings):
        with transaction():
            play(person, event, NOW + timedelta(hours=number))
    assert list(differences()) == []
    assert_sums_are_zero()
    challenge = challenge_by_code("essai")
    assert challenge is not None
    person_id = db.session.scalar(select(Person.id).where(Person.code == person))
    told_all = sales_of([person_id], challenge.starts_on, challenge.ends_on).get(person_id, ())
    _, everything = fold(versions(challenge.id), [one.sale for one in told_all])
    standing = db.session.get(Standing, (challenge.id, person_id), populate_existing=True)
    assert (standing.expected_points if standing else 0) == everything.points
    db.session.rollback()


def test_the_same_sale_twice_is_written_once(app: Flask, cast: Cast) -> None:
    publish()
    one = sell("BRUNO")
    two = sell("BRUNO")
    assert (one.replay, two.replay, one.declaration_id) == (False, True, two.declaration_id)
    assert db.session.scalar(select(func.count()).select_from(Entry)) == 1


def test_the_same_id_with_other_content_is_refused_and_nothing_is_written(app: Flask, cast: Cast) -> None:
    publish()
    sell("BRUNO")
    with pytest.raises(Refused, match="already declared with other content") as refused:
        sell("BRUNO", [("CREME", 3)])
    assert refused.value.conflict
    assert db.session.scalar(select(func.count()).select_from(Declaration)) == 1


def test_a_withdrawn_sale_takes_its_points_back_as_a_new_entry(app: Flask, cast: Cast) -> None:
    challenge = publish()
    receipt = sell("BRUNO")
    with transaction():
        operations.withdraw(db.session.get_one(Declaration, receipt.declaration_id), by="BRUNO", at=NOW)
    assert [entry.amount for entry in db.session.scalars(select(Entry).order_by(Entry.id))] == [20, 20]
    standing = db.session.get_one(Standing, (challenge.id, cast.bruno.id))
    assert (standing.points, standing.reached_at) == (0, None)
    with pytest.raises(operations.NotPossible), transaction():
        operations.withdraw(db.session.get_one(Declaration, receipt.declaration_id), by="BRUNO", at=NOW)


def test_a_late_sale_is_folded_in_its_place(app: Flask, cast: Cast) -> None:
    challenge = publish(rules=[{"id": "un", "counts": "units", "points": 10}], cap_total=30)
    sell("BRUNO", [("CREME", 3)], name="later")
    with transaction():
        early = Submission(
            "early", "BRUNO", NOW.date(), NOW - timedelta(hours=5), "store", (SubmittedLine("CREME", 1, None),)
        )
        operations.receive([early], by="BRUNO", at=NOW, zone=PARIS)
    sums: dict[str, int] = {}
    for by_person in posted_sums(challenge, [cast.bruno.id]).values():
        for (declaration, _, _), (total, _) in by_person.items():
            sums[declaration] = total
    assert sums == {"early": 10, "later": 20}
    assert list(differences()) == []


def test_what_waits_for_review_is_expected_and_scores_once_accepted(app: Flask, cast: Cast) -> None:
    challenge = publish()
    receipt = sell("BRUNO", [("CREME", 2_000)])
    assert receipt.status == "in_review"
    standing = db.session.get_one(Standing, (challenge.id, cast.bruno.id))
    assert (standing.points, standing.expected_points) == (0, 20_000)
    with transaction():
        operations.accept(db.session.get_one(Declaration, receipt.declaration_id), by="MARC", at=NOW)
    standing = db.session.get_one(Standing, (challenge.id, cast.bruno.id))
    assert (standing.points, standing.expected_points) == (20_000, 20_000)


def test_a_refusal_is_contested_once(app: Flask, cast: Cast) -> None:
    challenge = publish()
    receipt = sell("BRUNO", [("CREME", 2_000)])

    def told() -> Declaration:
        return db.session.get_one(Declaration, receipt.declaration_id)

    with pytest.raises(operations.NotPossible, match="was not refused"), transaction():
        operations.contest(told(), by="BRUNO", at=NOW)
    with transaction():
        operations.reject(told(), "wrong_quantity", by="MARC", at=NOW)
    with transaction():
        operations.contest(told(), by="BRUNO", at=NOW)
    assert (told().status, told().review_reasons) == ("in_review", "units,contested")
    assert db.session.get_one(Standing, (challenge.id, cast.bruno.id)).expected_points == 20_000
    with transaction():
        operations.reject(told(), "wrong_quantity", by="ADA", at=NOW)
    with pytest.raises(operations.NotPossible, match="the second answer is final"), transaction():
        operations.contest(told(), by="BRUNO", at=NOW)
    assert list(differences()) == []


def test_nobody_decides_on_a_sale_of_their_own_or_of_their_outlet(app: Flask, cast: Cast) -> None:
    publish()
    receipt = sell("BRUNO", [("CREME", 2_000)])
    with transaction():
        cast.marc.outlet_id = cast.bruno.outlet_id
    with pytest.raises(operations.NotPossible, match="may not decide"), transaction():
        operations.accept(db.session.get_one(Declaration, receipt.declaration_id), by="MARC", at=NOW)
    with transaction():
        operations.accept(db.session.get_one(Declaration, receipt.declaration_id), by="ADA", at=NOW)
    assert db.session.get_one(Declaration, receipt.declaration_id).status == "accepted"


@pytest.mark.parametrize(
    ("person", "channel", "customer", "bar"),
    [
        ("NINA", "meeting", "", ""),
        ("NINA", "face_to_face", "", ""),
        ("NINA", "online", "", "vdi_channel"),
        ("NINA", "store", "", "vdi_channel"),
        ("NINA", "reorder", "new", "vdi_reorder"),
        ("NINA", "reorder", "returning", "vdi_reorder"),
        ("AWA", "online", "", ""),
        ("CHLOE", "store", "", "before_agreement"),
    ],
)
def test_what_the_law_bars_is_kept_and_scores_nothing(
    app: Flask, cast: Cast, person: str, channel: str, customer: str, bar: str
) -> None:
    publish()
    if bar == "before_agreement":
        with transaction():
            cast.outlet("PDV-BREST").agreement_on = date(2026, 2, 5)
    receipt = sell(person, channel=channel, customer=customer)
    assert receipt.status == "accepted"
    [barred] = db.session.scalars(select(Revision.barred).where(Revision.declaration_id == receipt.declaration_id))
    assert barred == bar
    assert (db.session.scalar(select(func.count()).select_from(Entry)) == 0) is bool(bar)


def test_a_reorder_of_a_returning_customer_scores_where_the_programme_allows_it(app: Flask, cast: Cast) -> None:
    publish()
    with transaction():
        change_setting("vdi_reorder", "yes", by="ADA", at=NOW)
    sell("NINA", channel="reorder", customer="new", name="a")
    assert db.session.scalar(select(func.count()).select_from(Entry)) == 0
    sell("NINA", channel="reorder", customer="returning", name="b")
    assert db.session.scalar(select(func.count()).select_from(Entry)) == 1


@pytest.mark.parametrize(
    ("declared", "flagged"),
    [
        (timedelta(days=-14), False),
        (timedelta(days=-14, seconds=-1), True),
        (timedelta(minutes=5), False),
        (timedelta(minutes=5, seconds=1), True),
    ],
)
def test_a_clock_that_is_wrong_is_replaced_and_flagged(
    app: Flask, cast: Cast, declared: timedelta, flagged: bool
) -> None:
    told_at = NOW + declared
    one = Submission("a", "BRUNO", date(2026, 1, 20), told_at, "store", (SubmittedLine("CREME", 1, None),))
    with transaction():
        operations.receive([one], by="BRUNO", at=NOW, zone=PARIS)
    [kept] = db.session.scalars(select(Declaration))
    assert (kept.clock, kept.declared_at) == (flagged, NOW if flagged else told_at)


def test_a_correction_is_a_new_revision_and_the_earlier_one_stays(app: Flask, cast: Cast) -> None:
    challenge = publish()
    receipt = sell("BRUNO")
    with transaction():
        changed = Submission("sale-1", "BRUNO", NOW.date(), None, "store", (SubmittedLine("CREME", 5, None),))
        declaration = db.session.get_one(Declaration, receipt.declaration_id)
        operations.correct(declaration, changed, by="BRUNO", at=NOW, zone=PARIS)
    assert db.session.scalars(select(Revision.number).order_by(Revision.number)).all() == [1, 2]
    assert db.session.get_one(Standing, (challenge.id, cast.bruno.id)).points == 50
    assert sell("BRUNO").replay, "the first submission again is still a replay"
    with pytest.raises(operations.NotPossible), transaction():
        declaration = db.session.get_one(Declaration, receipt.declaration_id)
        operations.correct(declaration, changed, by="BRUNO", at=challenge.declare_until, zone=PARIS)


def test_a_sale_cannot_be_moved_into_a_challenge_whose_time_for_declaring_is_over(app: Flask, cast: Cast) -> None:
    challenge = publish(ends_on="2026-02-01", declare_until="2026-02-05T00:00:00+01:00")
    receipt = sell("BRUNO")  # sold on 4 February, three days after the challenge's end
    with pytest.raises(operations.NotPossible), transaction():
        moved = Submission("sale-1", "BRUNO", date(2026, 2, 1), None, "store", (SubmittedLine("CREME", 2, None),))
        declaration = db.session.get_one(Declaration, receipt.declaration_id)
        operations.correct(declaration, moved, by="BRUNO", at=challenge.declare_until, zone=PARIS)
    assert db.session.get(Standing, (challenge.id, cast.bruno.id)) is None


def test_somebody_who_arrives_later_enters_and_somebody_outside_scores_nothing(app: Flask, cast: Cast) -> None:
    challenge = publish(audience={"kinds": ["franchisee"]})
    sell("AWA", name="outside")
    assert db.session.scalar(select(func.count()).select_from(Entry)) == 0
    with transaction():
        newcomer = arrive()
    sell(newcomer, name="inside")
    entered = db.session.scalars(
        select(Person.code).join(Participant).where(Participant.challenge_id == challenge.id)
    ).all()
    assert set(entered) == {"BRUNO", newcomer}
    assert db.session.scalar(select(func.count()).select_from(Entry)) == 1
