"""Rules that change, ends that move: nothing that was earned ever does."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask_babel import force_locale
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from challenges.definition import Definition, WrongDefinition, definition_from, definition_hash
from challenges.lifecycle import NotAllowed, NotPossible, Unlawful
from challenges.models import Amendment, Challenge
from challenges.queries import as_read, version_in_force, versions_of
from declarations.amending import amend, close_early, earliest_start, extend
from declarations.models import Declaration, Revision
from declarations.operations import receive, withdraw
from declarations.publishing import cancel, import_challenge, publish, publish_definition
from declarations.rules import Submission, SubmittedLine
from declarations.scoring import score
from declarations.verification import differences
from foundation import clock
from foundation.database import db
from foundation.models import AuditEntry
from foundation.transactions import transaction
from leaderboards.models import Standing
from points.models import Account, Entry
from tests.cast import Cast
from tests.challenges.strategies import boosts, definitions, milestones, plain_rules
from tests.declarations.stage import NOW, PARIS, TODAY, WINTER, sell
from tests.declarations.stage import publish as publish_winter
from tests.declarations.test_concurrency import at_once

TOMORROW = TODAY + timedelta(days=1)
RULES: list[dict[str, Any]] = WINTER["rules"]
DOUBLE = [RULES[0] | {"points": 20}, *RULES[1:]]


def changed(challenge: Challenge, **changes: Any) -> Definition:
    """The challenge as it now is, with changes; None takes a key away."""
    data = {key: value for key, value in (challenge.definition | changes).items() if value is not None}
    return definition_from(data)


def amend_winter(challenge: Challenge, day: date = TOMORROW, /, *, at: datetime = NOW, **changes: Any) -> None:
    """Change the rules from a day on, in a transaction."""
    with transaction():
        amend(challenge, changed(challenge, **changes), day, "Des points en plus", by="MARC", at=at)


def reasons(refusal: pytest.ExceptionInfo[NotAllowed]) -> list[tuple[tuple[str | int, ...], str, str]]:
    """Each reason of a refusal: the key, what is wrong, what would be right."""
    return [(one.where, one.wrong, one.right) for one in refusal.value.problems]


def book() -> list[tuple[Any, ...]]:
    """Every entry of the ledger, as it is."""
    return [tuple(row) for row in db.session.execute(select(*Entry.__table__.columns).order_by(Entry.id))]


def board() -> list[tuple[Any, ...]]:
    """Every standing, as it is."""
    columns = Standing.__table__.columns
    return [
        tuple(row) for row in db.session.execute(select(*columns).order_by(Standing.challenge_id, Standing.person_id))
    ]


# --- what an amendment does ----------------------------------------------------------------------------------------


def test_an_amended_rule_leaves_earlier_awards_alone_and_holds_from_its_day_on(app: Flask, cast: Cast) -> None:
    challenge = publish_winter()
    sell("BRUNO", [("CREME", 3)], name="before")
    before, standing = book(), board()
    amend_winter(challenge, rules=DOUBLE)
    assert (book(), board()) == (before, standing)
    with transaction():
        score(challenge, [cast.bruno.id], at=NOW)
    assert (book(), board()) == (before, standing)
    sell("BRUNO", [("CREME", 1)], name="late", at=NOW + timedelta(days=2), sold_on=TODAY)
    sell("BRUNO", [("CREME", 1)], name="new", at=NOW + timedelta(days=2))
    assert [(row.amount, row.rules_version) for row in db.session.scalars(select(Entry).order_by(Entry.id))] == [
        (30, 1), (10, 1), (20, 2),
    ]  # fmt: skip
    assert list(differences()) == []


def test_caps_and_milestones_go_on_under_the_names_of_their_rules(app: Flask, cast: Cast) -> None:
    capped = RULES[0] | {"cap": {"points": 50, "per": "challenge"}}
    step = {"id": "palier", "counts": "milestone", "measure": "units", "at": 5, "points": 100}
    challenge = publish_winter(rules=[capped, step])
    sell("BRUNO", [("CREME", 4)], name="before")
    amend_winter(challenge, rules=[capped | {"points": 20, "cap": {"points": 70, "per": "challenge"}}, step])
    sell("BRUNO", [("CREME", 2)], name="after", at=NOW + timedelta(days=1))
    sell("BRUNO", [("CREME", 9)], name="again", at=NOW + timedelta(days=1, hours=1))
    given = [(row.rule, row.amount, row.rules_version) for row in db.session.scalars(select(Entry).order_by(Entry.id))]
    assert given == [("soin", 40, 1), ("soin", 30, 2), ("palier", 100, 2)]


def test_a_change_leaves_a_version_a_notice_and_an_audit_entry(app: Flask, cast: Cast) -> None:
    challenge = publish_winter()
    amend_winter(challenge, rules=DOUBLE, name="Grand hiver", payouts=[*WINTER["payouts"], _threshold()])
    first, second = versions_of(challenge.id)
    assert (second.number, second.starts_on, second.hash) == (2, TOMORROW, definition_hash(challenge.definition))
    assert first.definition == challenge.definition | {
        "name": "Hiver", "rules": RULES, "payouts": WINTER["payouts"],
    }  # fmt: skip
    kept = db.session.get_one(Amendment, (challenge.id, 2))
    assert (kept.kind, kept.notice, kept.decided_by, kept.decided_at) == ("rules", "Des points en plus", "MARC", NOW)
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.act == "challenge.rules")).one()
    assert (entry.subject, entry.by, entry.details["version"]) == ("hiver", "MARC", 2)


def test_pages_read_the_rules_of_the_day_and_everything_else_as_last_decided(app: Flask, cast: Cast) -> None:
    challenge = publish_winter()
    amend_winter(challenge, rules=DOUBLE, name="Grand hiver", cap_per_day=90)
    today, then = (as_read([challenge], at)[challenge.id] for at in (NOW, NOW + timedelta(days=1)))
    assert (today["name"], today["rules"], today.get("cap_per_day")) == ("Grand hiver", RULES, None)
    assert then == challenge.definition
    early, late = version_in_force(challenge.id, date(2025, 1, 1)), version_in_force(challenge.id, date(2027, 1, 1))
    assert early is not None and late is not None
    assert (early.number, late.number) == (1, 2)


def test_a_second_change_for_the_same_day_takes_the_place_of_the_first(app: Flask, cast: Cast) -> None:
    challenge = publish_winter()
    amend_winter(challenge, TODAY + timedelta(days=7), rules=DOUBLE)
    amend_winter(challenge, TODAY + timedelta(days=7), rules=[RULES[0] | {"points": 30}, *RULES[1:]])
    sell("BRUNO", [("CREME", 1)], at=NOW + timedelta(days=8))
    assert db.session.scalar(select(Standing.points).where(Standing.person_id == cast.bruno.id)) == 30


def test_an_equal_file_is_still_a_no_op_and_another_is_still_refused(app: Flask, cast: Cast) -> None:
    challenge = publish_winter()
    amend_winter(challenge, rules=DOUBLE)
    with transaction():
        same, fresh = publish_definition(changed(challenge), by="MARC", at=NOW)
    assert (same.id, fresh, len(versions_of(challenge.id))) == (challenge.id, False, 2)
    with pytest.raises(NotPossible, match="amend"), transaction():
        import_challenge(definition_from(WINTER), by="MARC", at=NOW)


# --- what is refused, and the lawful neighbour ---------------------------------------------------------------------


def _threshold(points: int = 100) -> dict[str, Any]:
    return {"kind": "threshold", "points": points, "wallet": 5}


DRAW = {"kind": "draw", "winners": 1, "tickets_per": 10, "wallet": 5}
CONVERT = WINTER["payouts"][0]
OBJECTIVE = {"measure": "units", "default": 10}
PROMISES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    # key of the refusal, what is asked, its lawful neighbour
    ("starts_on", {"starts_on": "2026-01-06"}, {"name": "Grand hiver"}),
    ("ends_on", {"ends_on": "2026-03-08"}, {"name": "Grand hiver", "ends_on": "2026-03-01"}),
    ("declare_until", {"declare_until": "2026-03-09T00:00:00+01:00"},
     {"name": "Grand hiver", "declare_until": "2026-03-05T00:00:00+01:00"}),
    ("review_until", {"review_until": "2026-03-30T00:00:00+01:00"},
     {"name": "Grand hiver", "review_until": "2026-03-12T00:00:00+01:00"}),
    ("timezone", {"timezone": "Europe/London"}, {"name": "Grand hiver", "timezone": "Europe/Paris"}),
    ("audience", {"audience": {"regions": ["Bretagne"]}}, {"description": "Tout le réseau"}),
    ("proof", {"proof": "required"}, {"name": "Grand hiver", "proof": "none"}),
    ("pending_at_close", {"pending_at_close": "reject"}, {"name": "Grand hiver", "pending_at_close": "wait"}),
    ("ranks", {"ranks": "outlet"}, {"name": "Grand hiver", "ranks": "person"}),
    ("tie_break", {"tie_break": "shared"}, {"name": "Grand hiver", "tie_break": "earliest"}),
    ("league_by", {"league_by": "region"}, {"en": {"name": "Great winter"}}),
    ("objective", {"objective": OBJECTIVE}, {"cap_total": 400}),
    ("budget_policy", {"budget_policy": "pro_rata"}, {"budget": 200}),
    ("freeze_board_on", {"freeze_board_on": "2026-02-20"}, {"cap_per_day": 40}),
    ("picture", {"picture": "hiver.jpg"}, {"en": {"description": "Snow"}}),
    ("budget", {"budget": 99}, {"budget": 101}),
    ("payouts", {"payouts": None}, {"payouts": [CONVERT, _threshold()]}),
    ("payouts", {"payouts": [CONVERT | {"into": 2}]}, {"payouts": [CONVERT, CONVERT | {"into": 2}]}),
    ("payouts", {"payouts": [_threshold(), CONVERT]}, {"payouts": [CONVERT, _threshold(), _threshold(200)]}),
    ("payouts", {"payouts": [CONVERT, DRAW]}, {"budget": None}),
    ("rules", {"rules": [{"id": "soin", "counts": "declaration", "points": 5}]},
     {"rules": [{"id": "vente", "counts": "declaration", "points": 5}]}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "refused", "lawful"), PROMISES, ids=[f"{key}-{n}" for n, (key, *_) in enumerate(PROMISES)]
)
def test_what_was_promised_does_not_change_and_what_is_beside_it_may(
    app: Flask, cast: Cast, key: str, refused: dict[str, Any], lawful: dict[str, Any]
) -> None:
    challenge = publish_winter(budget=100)
    with pytest.raises(NotAllowed) as refusal:
        amend_winter(challenge, **refused)
    assert {where[0] for where, _, _ in reasons(refusal)} == {key}
    assert all(wrong and right for _, wrong, right in reasons(refusal))
    assert len(versions_of(challenge.id)) == 1
    amend_winter(challenge, **lawful)
    assert len(versions_of(challenge.id)) == 2


def test_a_budget_is_not_added_on_the_way(app: Flask, cast: Cast) -> None:
    challenge = publish_winter()
    with pytest.raises(NotAllowed) as refusal:
        amend_winter(challenge, budget=1_000_000)
    assert [where for where, _, _ in reasons(refusal)] == [("budget",)]


def test_a_milestone_keeps_its_measure_under_its_name(app: Flask, cast: Cast) -> None:
    step = {"id": "palier", "counts": "milestone", "measure": "units", "at": 5, "points": 100}
    challenge = publish_winter(rules=[*RULES, step])
    with pytest.raises(NotAllowed) as refusal:
        amend_winter(challenge, rules=[*RULES, step | {"measure": "value"}])
    assert [where for where, _, _ in reasons(refusal)] == [("rules", 3, "measure")]
    amend_winter(challenge, rules=[*RULES, step | {"at": 4}, step | {"id": "palier-euros", "measure": "value"}])


def test_nothing_different_is_no_change(app: Flask, cast: Cast) -> None:
    challenge = publish_winter()
    with pytest.raises(NotAllowed, match="rien ne change"):
        amend_winter(challenge)


def test_every_reason_is_told_at_once(app: Flask, cast: Cast) -> None:
    challenge = publish_winter()
    with force_locale("en"), pytest.raises(NotAllowed) as refusal, transaction():
        amend(challenge, changed(challenge, proof="required", budget=5), TODAY, "  ", by="MARC", at=NOW)
    assert [where[0] for where, _, _ in reasons(refusal)] == ["notice", "proof", "budget", "from"]


@pytest.mark.parametrize(
    ("starts_on", "words", "earliest"),
    [
        (TODAY, "a déjà commencé", TOMORROW),
        (TODAY - timedelta(days=1), "a déjà commencé", TOMORROW),
        (date(2026, 3, 2), "se termine le 1er mars 2026", date(2026, 3, 1)),
    ],
)
def test_new_rules_start_tomorrow_at_the_earliest_and_on_the_last_day_at_the_latest(
    app: Flask, cast: Cast, starts_on: date, words: str, earliest: date
) -> None:
    challenge = publish_winter()
    with pytest.raises(NotAllowed, match=words) as refusal:
        amend_winter(challenge, starts_on, rules=DOUBLE)
    assert [where for where, _, _ in reasons(refusal)] == [("from",)]
    amend_winter(challenge, earliest, rules=DOUBLE)


def test_new_rules_never_start_on_a_day_somebody_has_already_told_about(app: Flask, cast: Cast) -> None:
    challenge = publish_winter()
    # At eleven in the evening in Paris it is already tomorrow further east, and there the day's first sale is told.
    late = datetime(2026, 2, 4, 22, 0, tzinfo=UTC)
    sell("BRUNO", at=late, sold_on=TOMORROW)
    entries = book()
    for day in (TOMORROW,):
        with pytest.raises(NotAllowed, match="déjà déclarées pour le 5 février 2026"):
            amend_winter(challenge, day, at=late + timedelta(minutes=5), rules=DOUBLE)
    assert earliest_start(challenge, late) == TODAY + timedelta(days=2)
    amend_winter(challenge, TODAY + timedelta(days=2), at=late + timedelta(minutes=5), rules=DOUBLE)
    assert book() == entries


def test_a_sale_that_was_refused_or_taken_back_was_declared_all_the_same(app: Flask, cast: Cast) -> None:
    challenge = publish_winter()
    late = datetime(2026, 2, 4, 22, 0, tzinfo=UTC)
    receipt = sell("BRUNO", at=late, sold_on=TOMORROW)
    with transaction():
        withdraw(db.session.get_one(Declaration, receipt.declaration_id), by="BRUNO", at=late)
    with pytest.raises(NotAllowed):
        amend_winter(challenge, at=late, rules=DOUBLE)


def test_new_rules_do_not_overtake_those_that_were_announced(app: Flask, cast: Cast) -> None:
    challenge = publish_winter()
    amend_winter(challenge, date(2026, 2, 20), rules=DOUBLE)
    with pytest.raises(NotAllowed, match="dernières règles annoncées"):
        amend_winter(challenge, date(2026, 2, 19), name="Grand hiver")
    amend_winter(challenge, date(2026, 2, 20), name="Grand hiver")


def test_a_change_written_from_an_older_version_is_told_so(app: Flask, cast: Cast) -> None:
    challenge = publish_winter()
    written = changed(challenge, cap_total=300)
    amend_winter(challenge, rules=DOUBLE)
    with pytest.raises(NotAllowed, match="entre-temps"), transaction():
        amend(challenge, written, TOMORROW, "Un plafond", by="ADA", at=NOW, after=1)
    with transaction():
        amend(challenge, written, TOMORROW, "Un plafond", by="ADA", at=NOW, after=2)


def test_rules_that_the_law_forbids_are_refused_and_their_lawful_neighbour_is_not(app: Flask, cast: Cast) -> None:
    challenge = publish_winter(
        audience={"kinds": ["vdi"]}, rules=[{"id": "soin", "counts": "units", "points": 10}], payouts=[CONVERT]
    )

    def sold(channel: str) -> list[dict[str, Any]]:
        return [{"id": "soin", "counts": "units", "points": 10, "when": {"channels": [channel]}}]

    with pytest.raises(Unlawful, match="L135-1"):
        amend_winter(challenge, rules=sold("online"))
    amend_winter(challenge, rules=sold("meeting"))


@pytest.mark.parametrize("state", ["draft", "closing", "reviewing", "closed", "cancelled"])
def test_only_a_challenge_that_is_published_and_not_over_changes(app: Flask, cast: Cast, state: str) -> None:
    challenge = publish_winter()
    with transaction():
        challenge.state = state
    for act in (
        lambda: amend(challenge, changed(challenge, rules=DOUBLE), TOMORROW, "x", by="MARC", at=NOW),
        lambda: extend(challenge, date(2026, 3, 8), "x", by="MARC", at=NOW),
        lambda: close_early(challenge, date(2026, 2, 8), "x", by="MARC", at=NOW),
    ):
        with pytest.raises(NotAllowed, match="ne peut pas changer"), transaction():
            act()


def test_after_its_last_day_a_challenge_does_not_change_even_when_nobody_has_moved_it_on(
    app: Flask, cast: Cast
) -> None:
    challenge = publish_winter()
    after = datetime(2026, 3, 1, 23, 0, tzinfo=UTC)  # midnight in Paris
    with pytest.raises(NotAllowed), transaction():
        extend(challenge, date(2026, 3, 8), "Encore", by="MARC", at=after)
    with transaction():
        extend(challenge, date(2026, 3, 8), "Encore", by="MARC", at=after - timedelta(seconds=1))


# --- a later end ---------------------------------------------------------------------------------------------------


def test_an_extended_challenge_counts_the_days_that_were_added(app: Flask, cast: Cast) -> None:
    challenge = publish_winter()
    sell("BRUNO", [("CREME", 1)], name="before")
    before = book()
    with transaction():
        version = extend(challenge, date(2026, 3, 8), "Une semaine de plus", by="MARC", at=NOW)
    assert (version.number, version.starts_on) == (2, TOMORROW)
    assert (challenge.ends_on, challenge.declare_until) == (date(2026, 3, 8), datetime(2026, 3, 11, 23, tzinfo=UTC))
    assert book() == before
    sell("BRUNO", [("CREME", 1)], name="after", at=datetime(2026, 3, 8, 12, tzinfo=UTC))
    assert db.session.scalar(select(Standing.points).where(Standing.person_id == cast.bruno.id)) == 20
    assert list(differences()) == []


def test_instants_of_the_file_move_with_the_end_by_the_wall_clock(app: Flask, cast: Cast) -> None:
    challenge = publish_winter(declare_until="2026-03-10T18:00:00+01:00", review_until="2026-03-20T18:00:00+01:00")
    with transaction():
        extend(challenge, date(2026, 3, 22), "Trois semaines de plus", by="MARC", at=NOW)
    # The clocks of Paris go forward on 29 March.
    assert challenge.definition["declare_until"] == "2026-03-31T18:00:00+02:00"
    assert challenge.review_until == datetime(2026, 4, 10, 16, 0, tzinfo=UTC)
    with transaction():
        extend(
            challenge, date(2026, 3, 23), "Un jour de plus", by="MARC", at=NOW,
            declare_until=datetime(2026, 4, 2, tzinfo=UTC),
        )  # fmt: skip
    assert challenge.declare_until == datetime(2026, 4, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ends_on", "given", "key"),
    [
        (date(2026, 3, 1), {}, "ends_on"),
        (date(2026, 2, 20), {}, "ends_on"),
        (date(2026, 3, 2), {"declare_until": datetime(2026, 3, 4, 22, tzinfo=UTC)}, "declare_until"),
        (date(2026, 3, 8), {"declare_until": datetime(2026, 3, 8, 22, tzinfo=UTC)}, "declare_until"),
        (date(2026, 3, 8), {"review_until": datetime(2026, 3, 11, 22, tzinfo=UTC)}, "review_until"),
    ],
)
def test_an_extension_gives_time_and_never_takes_any(
    app: Flask, cast: Cast, ends_on: date, given: dict[str, datetime], key: str
) -> None:
    challenge = publish_winter()
    with pytest.raises(NotAllowed) as refusal, transaction():
        extend(challenge, ends_on, "Plus long", by="MARC", at=NOW, **given)
    assert {where[0] for where, _, _ in reasons(refusal)} == {key}
    with transaction():
        extend(challenge, date(2026, 3, 2), "Plus long", by="MARC", at=NOW)


def test_an_extension_needs_a_notice(app: Flask, cast: Cast) -> None:
    challenge = publish_winter()
    for notice in ("", "  ", "x" * 1_001):
        with pytest.raises(NotAllowed) as refusal, transaction():
            extend(challenge, date(2026, 3, 8), notice, by="MARC", at=NOW)
        assert [where for where, _, _ in reasons(refusal)] == [("notice",)]
    with transaction():
        extend(challenge, date(2026, 3, 8), "x" * 1_000, by="MARC", at=NOW)


def test_a_sale_told_before_its_day_was_part_of_the_challenge_counts_once_it_is(app: Flask, cast: Cast) -> None:
    challenge = publish_winter()
    late = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)
    sell("BRUNO", [("CREME", 2)], at=late, sold_on=date(2026, 3, 2))
    assert book() == []
    with transaction():
        extend(challenge, date(2026, 3, 8), "Une semaine", by="MARC", at=late + timedelta(hours=1))
    assert [row.amount for row in db.session.scalars(select(Entry))] == [20]
    assert list(differences()) == []


def test_an_extension_that_would_take_points_from_a_sale_is_refused(app: Flask, cast: Cast) -> None:
    challenge = publish_winter(cap_total=20)
    late = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)
    sell("BRUNO", [("CREME", 2)], name="early", at=late, sold_on=date(2026, 3, 2))
    sell("BRUNO", [("CREME", 2)], name="today", at=late + timedelta(minutes=5), sold_on=date(2026, 3, 1))
    before = book()
    with pytest.raises(NotAllowed, match="points déjà gagnés"), transaction():
        extend(challenge, date(2026, 3, 8), "Une semaine", by="MARC", at=late + timedelta(hours=1))
    db.session.rollback()
    assert (book(), challenge.ends_on) == (before, date(2026, 3, 1))


# --- an earlier end ------------------------------------------------------------------------------------------------


def test_a_challenge_that_ends_early_counts_nothing_after_its_new_last_day(app: Flask, cast: Cast) -> None:
    challenge = publish_winter(freeze_board_on="2026-02-20")
    sell("BRUNO", [("CREME", 1)], name="before")
    before = book()
    with transaction():
        version = close_early(challenge, TODAY, "Rupture de stock", by="MARC", at=NOW)
    assert (challenge.ends_on, challenge.freeze_board_on, version.starts_on) == (TODAY, None, TOMORROW)
    assert challenge.declare_until == datetime(2026, 2, 7, 23, 0, tzinfo=UTC)
    assert book() == before
    sell("BRUNO", [("CREME", 1)], name="late", at=NOW + timedelta(days=1), sold_on=TODAY)
    sell("BRUNO", [("CREME", 1)], name="after", at=NOW + timedelta(days=1))
    assert db.session.scalar(select(Standing.points).where(Standing.person_id == cast.bruno.id)) == 20
    assert list(differences()) == []


@pytest.mark.parametrize(
    ("ends_on", "words"),
    [
        (TODAY - timedelta(days=1), "est passé"),
        (date(2026, 3, 1), "un jour avant le 1er mars 2026"),
        (date(2026, 3, 9), "un jour avant le 1er mars 2026"),
    ],
)
def test_an_early_end_is_from_today_to_the_day_before_the_last(
    app: Flask, cast: Cast, ends_on: date, words: str
) -> None:
    challenge = publish_winter()
    with pytest.raises(NotAllowed, match=words), transaction():
        close_early(challenge, ends_on, "Fini", by="MARC", at=NOW)
    with transaction():
        close_early(challenge, date(2026, 2, 28), "Fini", by="MARC", at=NOW)


def test_a_challenge_does_not_end_before_it_starts(app: Flask, cast: Cast) -> None:
    challenge = publish_winter(starts_on="2026-02-10")
    with pytest.raises(NotAllowed, match="annulation"), transaction():
        close_early(challenge, TODAY, "Fini", by="MARC", at=NOW)
    with transaction():
        close_early(challenge, date(2026, 2, 10), "Un seul jour", by="MARC", at=NOW)
    assert versions_of(challenge.id)[1].starts_on == date(2026, 2, 10)


def test_an_end_does_not_move_before_a_day_somebody_has_told_about(app: Flask, cast: Cast) -> None:
    challenge = publish_winter()
    late = datetime(2026, 2, 4, 22, 0, tzinfo=UTC)
    sell("BRUNO", at=late, sold_on=TOMORROW)
    with pytest.raises(NotAllowed, match="5 février 2026 est déjà déclarée"), transaction():
        close_early(challenge, TODAY, "Fini", by="MARC", at=late)
    with transaction():
        close_early(challenge, TOMORROW, "Fini", by="MARC", at=late)


def test_rules_that_no_day_is_left_for_leave_with_the_days(app: Flask, cast: Cast) -> None:
    weekend = {"id": "fin", "counts": "declaration", "points": 5, "when": {"from": "2026-02-20"}}
    boost = {"id": "fois", "counts": "boost", "factor": "2", "of": ["soin", "fin"]}
    alone = {"id": "seul", "counts": "boost", "factor": "2", "of": ["fin"]}
    challenge = publish_winter(rules=[*RULES, weekend, boost, alone])
    with transaction():
        close_early(challenge, TODAY, "Fini", by="MARC", at=NOW)
    assert [rule["id"] for rule in challenge.definition["rules"]] == ["soin", "avis", "profil", "fois"]
    assert challenge.definition["rules"][3]["of"] == ["soin"]
    assert changed(challenge).canonical() == challenge.definition


def test_an_early_end_at_which_nobody_could_have_scored_is_a_cancellation(app: Flask, cast: Cast) -> None:
    late = {"id": "fin", "counts": "declaration", "points": 5, "when": {"from": "2026-02-20"}}
    challenge = publish_winter(rules=[late])
    with pytest.raises(NotAllowed, match="aucune règle n’aura donné de points"), transaction():
        close_early(challenge, TODAY, "Fini", by="MARC", at=NOW)
    with transaction():
        cancel(challenge, "Fini", by="MARC", at=NOW)


def test_rules_announced_for_after_an_early_end_never_hold(app: Flask, cast: Cast) -> None:
    challenge = publish_winter()
    amend_winter(challenge, date(2026, 2, 20), rules=DOUBLE, payouts=[CONVERT, _threshold()])
    with transaction():
        close_early(challenge, date(2026, 2, 10), "Fini", by="MARC", at=NOW)
    assert challenge.definition["rules"] == RULES
    assert challenge.definition["payouts"] == [CONVERT, _threshold()]
    assert versions_of(challenge.id)[-1].starts_on == date(2026, 2, 20)


# --- the same day counts once, whatever the clocks do --------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone_day", "instant"),
    [
        (date(2026, 3, 28), datetime(2026, 3, 28, 22, 30, tzinfo=UTC)),  # the night the clocks go forward
        (date(2026, 10, 24), datetime(2026, 10, 24, 21, 30, tzinfo=UTC)),  # the night they go back
        (date(2026, 6, 30), datetime(2026, 6, 30, 21, 30, tzinfo=UTC)),
    ],
)
def test_a_sale_at_half_past_eleven_belongs_to_one_version(
    app: Flask, cast: Cast, zone_day: date, instant: datetime
) -> None:
    challenge = publish_winter(ends_on="2026-12-31")
    next_day = zone_day + timedelta(days=1)
    with transaction():
        amend(
            challenge, changed(challenge, rules=DOUBLE), next_day, "Double", by="MARC", at=instant - timedelta(hours=5)
        )
    sell("BRUNO", [("CREME", 1)], name="evening", at=instant)
    sell("BRUNO", [("CREME", 1)], name="morning", at=instant + timedelta(hours=1))
    with pytest.raises(NotAllowed, match="a déjà commencé"), transaction():
        amend(challenge, changed(challenge, cap_total=5), zone_day, "Trop tard", by="MARC", at=instant)
    entries = db.session.scalars(select(Entry).order_by(Entry.id)).all()
    assert [(one.amount, one.rules_version) for one in entries] == [(10, 1), (20, 2)]
    with transaction():
        close_early(challenge, next_day, "Fini", by="MARC", at=instant + timedelta(hours=1))
    sell(
        "BRUNO",
        [("CREME", 1)],
        name="last",
        at=datetime(next_day.year, next_day.month, next_day.day, 21, 29, tzinfo=UTC),
    )
    sell("BRUNO", [("CREME", 1)], name="after", at=instant + timedelta(days=2))
    assert db.session.scalar(select(Standing.points).where(Standing.person_id == cast.bruno.id)) == 50


# --- at the same moment --------------------------------------------------------------------------------------------


def test_a_change_made_while_people_declare_loses_nothing_and_counts_nothing_twice(app: Flask, cast: Cast) -> None:
    challenge_id = publish_winter().id

    def act(number: int) -> None:
        if number == 5:
            challenge = db.session.get_one(Challenge, challenge_id)
            amend_winter(challenge, rules=DOUBLE)
            return
        day = TODAY if number % 2 else TOMORROW
        told = Submission(f"sale-{number}", "BRUNO", day, None, "store", (SubmittedLine("CREME", 1, None),))
        with transaction():
            receive([told], by="BRUNO", at=datetime(2026, 2, 4, 22, 30, tzinfo=UTC), zone=PARIS)

    def careful(number: int) -> str:
        try:
            act(number)
        except NotAllowed:
            return "refused"
        return "done"

    answers = at_once(app, careful, 12)
    assert answers.count("refused") == answers[5:6].count("refused")
    for version, day, points in db.session.execute(_scored()):
        assert version == (2 if day == TOMORROW and answers[5] == "done" else 1)
        assert points == (20 if version == 2 else 10)
    assert db.session.scalar(select(func.count()).select_from(Entry)) == 11
    assert list(differences()) == []


def _scored() -> Any:
    """Version, day and points of each entry."""
    return (
        select(Entry.rules_version, Revision.sold_on, Entry.amount)
        .join(Declaration, Declaration.public_id == Entry.subject)
        .join(Revision, Revision.declaration_id == Declaration.id)
    )


# --- whatever is changed, whenever ---------------------------------------------------------------------------------

SELLERS = (("AWA", "store"), ("BRUNO", "online"), ("NINA", "meeting"))
RULE_KINDS = st.one_of(plain_rules, boosts, milestones)


def _sold_here(data: dict[str, Any], draw: Any) -> dict[str, Any]:
    """The same rules over what the cast sells."""
    rules = []
    for rule in data["rules"]:
        when = {key: value for key, value in rule.get("when", {}).items() if key in ("customer", "min_units")}
        when |= draw(st.sampled_from(({}, {"categories": ["Soin"]}, {"skus": ["CREME", "ROUGE"]})))
        plain = {key: value for key, value in rule.items() if key != "when"}
        pointless = rule["counts"] == "milestone" and rule["measure"] == "points"
        rules.append(plain | ({"when": when} if when and not pointless else {}))
    return data | {"rules": rules}


def _other_rules(challenge: Challenge, draw: Any) -> list[dict[str, Any]]:
    """Other rules for a challenge: some dropped, some changed, some new, in another order."""
    kept = [rule for rule in challenge.definition["rules"] if draw(st.booleans())]
    changed_ones = [
        rule | {"points": draw(st.integers(1, 50))} if "points" in rule and draw(st.booleans()) else rule
        for rule in kept
    ]
    fresh = draw(st.lists(RULE_KINDS, min_size=0 if kept else 1, max_size=2))
    number = len(versions_of(challenge.id))
    named = [rule | {"id": f"n{number}-{place}"} for place, rule in enumerate(fresh)]
    return draw(st.permutations(changed_ones + named))


def _edit(challenge: Challenge, at: datetime, draw: Any) -> bool:
    """Change a challenge in one of the ways there are; False when this one is not possible now."""
    today = clock.day_of(at, challenge.zone)
    kind = draw(st.sampled_from(("rules", "rules", "extension", "early_close")))
    try:
        if kind == "rules":
            caps = draw(st.fixed_dictionaries({}, optional={"cap_per_day": st.integers(1, 99)}))
            data = _sold_here(challenge.definition | {"rules": _other_rules(challenge, draw)}, draw) | caps
            day = earliest_start(challenge, at) + timedelta(days=draw(st.integers(0, 3)))
            amend(challenge, definition_from(data), day, "Autrement", by="MARC", at=at)
        elif kind == "extension":
            extend(challenge, challenge.ends_on + timedelta(days=draw(st.integers(1, 9))), "Plus", by="MARC", at=at)
        else:
            close_early(challenge, today + timedelta(days=draw(st.integers(0, 5))), "Moins", by="MARC", at=at)
    except (NotAllowed, WrongDefinition):
        return False
    return True


def _tell(name: str, at: datetime, zone: Any, draw: Any) -> None:
    """One sale of somebody, of today, of a day before, or of tomorrow as it already is further east."""
    person, channel = draw(st.sampled_from(SELLERS))
    day = clock.day_of(at, zone) + timedelta(days=draw(st.sampled_from((0, 0, 0, -1, -3))))
    if draw(st.integers(0, 5)) == 0:
        day = (at + timedelta(hours=14)).date()
    lines = tuple(
        SubmittedLine(sku, draw(st.integers(1, 30)), None)
        for sku in draw(st.lists(st.sampled_from(("CREME", "SERUM", "ROUGE")), min_size=1, max_size=2, unique=True))
    )
    said = draw(st.sampled_from(({}, {"customer": "new", "age_band": "35-49", "area": "35"}, {"rating": 5})))
    receive([Submission(name, person, day, None, channel, lines, **said)], by=person, at=at, zone=PARIS)


def _earned() -> dict[tuple[str, str], int]:
    """Points of each declaration by rule and version, as the ledger holds them."""
    rows = db.session.execute(
        select(Entry.subject, Entry.rule, Entry.rules_version, func.sum(Entry.amount), Account.person_id)
        .join(Account, Account.id == Entry.destination_id)
        .group_by(Entry.subject, Entry.rule, Entry.rules_version, Account.person_id)
    )
    return {(row.subject, f"{row.rule}/{row.rules_version}/{row.person_id}"): row[3] for row in rows}


class Undo(Exception):
    """The end of an example: nothing of it stays."""


@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_edit_of_a_running_challenge_never_changes_points_already_earned(
    app: Flask, cast: Cast, data: st.DataObject
) -> None:
    draw = data.draw
    plain = _sold_here(draw(definitions()), draw) | {"proof": "none", "code": "essai"}
    plain.pop("audience", None)
    with pytest.raises(Undo), transaction():
        definition = definition_from(plain)
        first = clock.start_of_day(definition.starts_on, definition.zone)
        challenge = import_challenge(definition, by="MARC", at=first - timedelta(days=3))
        publish(challenge, by="MARC", at=first - timedelta(days=3))
        at = first + timedelta(minutes=draw(st.integers(0, 1_400)))
        for number in range(draw(st.integers(2, 7))):
            before = _earned()
            _tell(f"sale-{number}", at, challenge.zone, draw)
            told = _earned()
            assert {key: told[key] for key in before} == before, "a sale declared later changes no earlier one"
            at += timedelta(minutes=draw(st.integers(1, 2_000)))
            entries, standings = book(), board()
            try:
                with db.session.begin_nested():
                    changed_it = _edit(challenge, at, draw)
                    if not changed_it:
                        raise Undo
            except Undo:
                db.session.expire_all()
                continue
            event(db.session.scalars(select(Amendment.kind).order_by(Amendment.version.desc())).first() or "")
            entering = len(book()) > len(entries)
            assert book()[: len(entries)] == entries
            # A longer period may let in a sale that gives nothing: a standing of 0 points, without an entry.
            same = [row for row in board() if row in standings or row[2:4] != (0, 0)]
            assert entering or same == standings
            settled = book(), board()
            score(challenge, [row[1] for row in settled[1]], at=at)
            assert (book(), board()) == settled, "folding everything again finds nothing to change"
            assert {key: _earned()[key] for key in told} == told
            at += timedelta(minutes=draw(st.integers(1, 2_000)))
        assert list(differences()) == []
        raise Undo
