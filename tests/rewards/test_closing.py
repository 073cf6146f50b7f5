"""A challenge closes by itself, once, completely, as of its rules; whatever happens to the process that does it."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import func, select, text

from badges.models import BadgeGrant
from challenges.models import Challenge
from declarations import operations
from declarations.adjustments import adjust, approve
from declarations.models import CountedDeclaration, Declaration
from declarations.verification import differences as ledger_differences
from foundation import clock
from foundation.audit import SYSTEM
from foundation.database import db
from foundation.programme import change_setting
from foundation.settings import Settings
from foundation.transactions import transaction
from leaderboards.models import FinalStanding
from network.models import Person
from points.jobs import seal_books
from points.models import Account, Adjustment, Book, Entry, Lot
from points.rules import NotPossible
from rewards.closing import close
from rewards.jobs import SomeFailed, advance_challenges
from rewards.models import Award, Closure, Reward
from rewards.verification import differences
from tests.cast import Cast
from tests.declarations.stage import NOW, publish, sell
from tests.forked import ended, in_child
from tests.rewards.killed import close_and_die

AFTER = datetime(2026, 3, 10, tzinfo=UTC)
PAYOUTS: list[dict[str, Any]] = [
    {"kind": "rank", "from": 1, "to": 1, "reward": "SPA"},
    {"kind": "threshold", "points": 30, "wallet": 5},
    {"kind": "convert", "every": 10, "into": 1},
]


@pytest.fixture
def winter(app: Flask, cast: Cast) -> Challenge:
    """The winter challenge with prizes: Awa has 40 points, Bruno 30, Nina 10."""
    with transaction():
        db.session.add(
            Reward(
                code="SPA", name="Week-end spa", kind="experience", cost_cents=20_000, price_points=None, stock=None,
                limit_per_person=None, countries="", starts_on=None, ends_on=None,
            )
        )  # fmt: skip
    challenge = publish(payouts=PAYOUTS)
    sell("AWA", [("CREME", 4)], name="a")
    sell("BRUNO", [("CREME", 3)], name="b")
    sell("NINA", [("CREME", 1)], name="n", channel="meeting")
    return challenge


def advance(at: datetime = AFTER) -> list[str]:
    """Take every step that is due."""
    return list(advance_challenges(at))


def state(code: str = "hiver") -> str:
    """Where a challenge is in its life."""
    db.session.rollback()
    found = db.session.scalar(select(Challenge.state).where(Challenge.code == code))
    assert found is not None
    return found


def given() -> list[tuple[int, str, int, int, str]]:
    """Awards as (payout, who, wallet points, cents, status)."""
    return [
        (one.payout, one.competitor, one.wallet_points, one.cost_cents, one.status)
        for one in db.session.scalars(select(Award).order_by(Award.payout, Award.id))
    ]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-01-04T22:59:59+00:00", "published"),  # Paris is an hour ahead
        ("2026-01-04T23:00:00+00:00", "running"),
        ("2026-03-01T22:59:59+00:00", "running"),
        ("2026-03-01T23:00:00+00:00", "closing"),
        ("2026-03-05T22:59:59+00:00", "closing"),
        ("2026-03-05T23:00:00+00:00", "closed"),  # declare_until (5 March, 00:00) and a day for what is on its way
    ],
)
def test_each_step_is_taken_at_its_instant_in_the_zone_of_the_challenge(
    winter: Challenge, at: str, expected: str
) -> None:
    advance(clock.parse_instant(at))
    assert state() == expected


def test_midnight_is_that_of_the_day_when_clocks_change(app: Flask, cast: Cast) -> None:
    publish(starts_on="2026-03-01", ends_on="2026-03-29")  # summer time begins on the 29th
    advance(clock.parse_instant("2026-03-29T21:59:59+00:00"))
    assert state() == "running"
    advance(clock.parse_instant("2026-03-29T22:00:00+00:00"))
    assert state() == "closing"


def test_closing_freezes_ranks_pays_and_certifies(winter: Challenge, cast: Cast) -> None:
    assert advance() == [
        "hiver: published → running",
        "hiver: running → closing",
        "hiver: closing → reviewing",
        f"hiver: reviewing → closed (standings {_closure().standings_hash[:12]})",
    ]
    board = db.session.scalars(select(FinalStanding).order_by(FinalStanding.rank)).all()
    assert [(one.rank, one.competitor, one.points) for one in board] == [
        (1, "AWA", 40),
        (2, "BRUNO", 30),
        (3, "NINA", 10),
    ]
    assert given() == [
        (1, "AWA", 0, 20_000, "granted"),
        (2, "AWA", 5, 5, "granted"),
        (2, "BRUNO", 5, 5, "granted"),
        (3, "AWA", 4, 4, "granted"),
        (3, "BRUNO", 3, 3, "granted"),
        (3, "NINA", 1, 1, "granted"),
    ]
    wallets = dict(
        db.session.execute(select(Account.holder, Account.balance).join(Book).where(Book.name == "wallet")).all()
    )
    assert {code: balance for code, balance in wallets.items() if code != "issue"} == {
        "AWA": 9,
        "BRUNO": 8,
        "NINA": 1,
    }
    assert db.session.scalar(select(func.sum(Lot.left))) == 18
    certificate = _closure().certificate
    assert certificate["counts"] == {
        "participants": 4,
        "ranked": 3,
        "declarations": 3,
        "points": 80,
        "adjustments": 0,
        "awards": 6,
    }
    assert certificate["closed_by"] == SYSTEM
    assert list(differences(winter, _closure())) == []
    assert list(ledger_differences()) == []


def _closure() -> Closure:
    found = db.session.scalar(select(Closure))
    assert found is not None
    return found


def test_running_the_job_again_changes_nothing(winter: Challenge) -> None:
    advance()
    entries = db.session.scalar(select(func.count()).select_from(Entry))
    assert advance(AFTER + timedelta(days=400)) == []
    assert db.session.scalar(select(func.count()).select_from(Entry)) == entries
    assert db.session.scalar(select(func.count()).select_from(Closure)) == 1


@pytest.mark.parametrize(
    ("budget", "policy", "expected"),
    [
        (300, "stop", ["granted"] * 6),
        (200, "stop", ["granted"] + ["not_funded"] * 5),
        (199, "stop", ["not_funded"] * 6),
    ],
)
def test_a_budget_stops_at_the_first_award_that_does_not_fit(
    app: Flask, cast: Cast, winter: Challenge, budget: int, policy: str, expected: list[str]
) -> None:
    publish(code="budget", payouts=PAYOUTS, budget=budget, budget_policy=policy)
    with transaction():
        db.session.get_one(Challenge, winter.id).state = "cancelled"
    advance()
    assert [status for *_, status in given()] == expected
    challenge = db.session.scalar(select(Challenge).where(Challenge.code == "budget"))
    assert challenge is not None
    assert list(differences(challenge, _closure())) == []


def test_nobody_having_scored_a_challenge_closes_cleanly(app: Flask, cast: Cast) -> None:
    challenge = publish()
    advance()
    assert state() == "closed"
    assert _closure().certificate["counts"]["ranked"] == 0
    assert list(differences(challenge, _closure())) == []


def test_what_waits_for_review_is_waited_for(winter: Challenge) -> None:
    receipt = sell("NINA", [("CREME", 2_000)], name="big", channel="meeting")
    assert advance()[-1] == "hiver: waits for 1 declarations in review"
    assert state() == "reviewing"
    with transaction():
        operations.accept(db.session.get_one(Declaration, receipt.declaration_id), by="MARC", at=AFTER)
    advance()
    assert state() == "closed"
    assert db.session.scalar(select(FinalStanding.competitor).where(FinalStanding.rank == 1)) == "NINA"


def test_what_one_closing_settles_lets_another_that_waited_for_it_close_at_once(app: Flask, cast: Cast) -> None:
    publish(ends_on="2026-02-28")
    publish(code="autre", pending_at_close="accept", review_until="2026-03-09T00:00:00+01:00")
    sell("NINA", [("CREME", 2_000)], name="big", channel="meeting")
    advance(clock.parse_instant("2026-03-08T22:59:00+00:00"))
    assert (state(), state("autre")) == ("reviewing", "reviewing")
    closed = [line.split(" (")[0] for line in advance(clock.parse_instant("2026-03-08T23:00:00+00:00"))]
    assert closed == ["autre: reviewing → closed", "hiver: reviewing → closed"]


@pytest.mark.parametrize(("policy", "status", "ranked"), [("accept", "accepted", 1), ("reject", "rejected", 3)])
def test_or_settled_by_the_policy_once_review_time_is_over(
    app: Flask, cast: Cast, policy: str, status: str, ranked: int
) -> None:
    publish(pending_at_close=policy, review_until="2026-03-12T00:00:00+01:00")
    sell("AWA", [("CREME", 4)], name="a")
    sell("BRUNO", [("CREME", 3)], name="b")
    sell("NINA", [("CREME", 1)], name="n", channel="meeting")
    receipt = sell("NINA", [("CREME", 2_000)], name="big", channel="meeting")
    advance(clock.parse_instant("2026-03-11T22:59:00+00:00"))
    assert state() == "reviewing"
    advance(clock.parse_instant("2026-03-11T23:00:00+00:00"))
    assert state() == "closed"
    assert db.session.get_one(Declaration, receipt.declaration_id).status == status
    assert db.session.scalar(select(FinalStanding.rank).where(FinalStanding.competitor == "NINA")) == ranked


def test_a_later_withdrawal_moves_the_ledger_and_not_the_frozen_ranks(winter: Challenge, cast: Cast) -> None:
    advance()
    with transaction():
        declaration = db.session.scalar(select(Declaration).where(Declaration.public_id == "a"))
        assert declaration is not None
        operations.withdraw(declaration, by="AWA", at=AFTER)
    assert db.session.scalar(select(FinalStanding.points).where(FinalStanding.competitor == "AWA")) == 40
    book = select(Book.id).where(Book.name == "challenge:hiver").scalar_subquery()
    assert db.session.scalar(select(Account.balance).where(Account.book_id == book, Account.holder == "AWA")) == 0
    assert list(differences(winter, _closure())) == []
    assert list(ledger_differences()) == []


def test_one_broken_challenge_does_not_stop_the_others(winter: Challenge, cast: Cast) -> None:
    publish(code="autre", payouts=[])
    with transaction():
        db.session.execute(text("UPDATE rewards SET code = 'GONE'"))
    with pytest.raises(SomeFailed, match="hiver: 'SPA' is no longer an article"):
        advance()
    assert (state("hiver"), state("autre")) == ("reviewing", "closed")
    with transaction():
        db.session.execute(text("UPDATE rewards SET code = 'SPA'"))
    advance()
    assert state("hiver") == "closed"


def test_a_suspended_person_leaves_the_board_and_ranks_close_up(winter: Challenge, cast: Cast) -> None:
    with transaction():
        cast.awa.suspended_at = NOW
    advance()
    board = db.session.execute(select(FinalStanding.competitor, FinalStanding.rank).order_by(FinalStanding.rank))
    assert [tuple(row) for row in board] == [("BRUNO", 1), ("NINA", 2)]
    assert _closure().certificate["exclusions"] == [{"person": "AWA", "reason": "suspended"}]
    with transaction():
        cast.awa.suspended_at = None
    assert list(differences(winter, _closure())) == [], "who was suspended then is still left out of the check"


def test_people_of_a_health_outlet_keep_their_rank_and_win_no_individual_reward(app: Flask, cast: Cast) -> None:
    with transaction():
        cast.outlet("PDV-BREST").health = True
    challenge = publish(payouts=[{"kind": "rank", "from": 1, "to": 2, "wallet": 50}])
    sell("AWA", [("CREME", 4)], name="a")
    sell("BRUNO", [("CREME", 3)], name="b")
    advance()
    assert given() == [(1, "BRUNO", 50, 50, "granted")]
    assert db.session.scalar(select(FinalStanding.rank).where(FinalStanding.competitor == "AWA")) == 1
    assert list(differences(challenge, _closure())) == []


def test_nothing_new_comes_in_after_closing(winter: Challenge, cast: Cast) -> None:
    advance()
    sell("BRUNO", [("CREME", 9)], name="late")
    assert db.session.scalar(select(func.count()).select_from(CountedDeclaration)) == 3
    assert list(ledger_differences()) == []


def test_the_podium_earns_a_badge(winter: Challenge, cast: Cast) -> None:
    advance()
    holders = db.session.scalars(
        select(Person.code).join(BadgeGrant, BadgeGrant.person_id == Person.id).where(BadgeGrant.badge == "podium")
    ).all()
    assert set(holders) == {"AWA", "BRUNO", "NINA"}


# --- faults ----------------------------------------------------------------------------------------------------------


def test_a_closing_killed_at_ten_moments_is_one_closing_with_the_right_sums(
    app: Flask, cast: Cast, winter: Challenge, settings: Settings, tmp_path: Path
) -> None:
    moments = [10, 14, 18, 21, 24, 28, 32, 36, 40, 44]
    told = tmp_path / "told"
    for moment in moments:
        died = ended(in_child(lambda: close_and_die(settings, moment, AFTER), told))  # noqa: B023
        assert died == -signal.SIGKILL, (moment, told.read_text())
        db.session.rollback()
        closed = db.session.scalar(select(func.count()).select_from(Closure))
        awards = db.session.scalar(select(func.count()).select_from(Award))
        assert (closed, awards) == (0, 0), f"killed before statement {moment}, nothing half done may remain"
    assert ended(in_child(lambda: close_and_die(settings, 0, AFTER), told)) == 0, told.read_text()
    db.session.rollback()
    assert state() == "closed"
    assert db.session.scalar(select(func.count()).select_from(Closure)) == 1
    assert len(given()) == 6
    assert list(differences(winter, _closure())) == []
    assert list(ledger_differences()) == []
    assert int(told.read_text().rsplit(" ", 1)[1]) > 30, "the moments must fall inside the work"


def test_many_closing_at_once_make_one_closing(
    app: Flask, cast: Cast, winter: Challenge, settings: Settings, tmp_path: Path
) -> None:
    told = [tmp_path / f"told-{number}" for number in range(4)]
    children = [in_child(lambda: close_and_die(settings, 0, AFTER), one) for one in told]  # noqa: B023
    assert [ended(child) for child in children] == [0] * 4, [one.read_text() for one in told]
    assert sum("closed" in one.read_text() for one in told) == 1
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(Closure)) == 1
    assert len(given()) == 6
    assert list(ledger_differences()) == []


def drop_ledger_triggers(engine: str) -> None:
    """Behind the product's back, as somebody with the database's password could."""
    with db.engine.begin() as connection:
        if engine == "sqlite":
            names = connection.execute(
                text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'entries'")
            )
            for (name,) in names.all():
                connection.execute(text(f"DROP TRIGGER {name}"))
        else:
            connection.execute(text("ALTER TABLE entries DISABLE TRIGGER USER"))


@pytest.mark.parametrize(
    ("change", "sealed"),
    [
        ("UPDATE entries SET amount = amount + 1 WHERE id = {id}", False),
        ("UPDATE entries SET why = '{{}}' WHERE id = {id}", False),
        ("UPDATE entries SET effective_at = posted_at, rule = 'autre' WHERE id = {id}", True),
        ("DELETE FROM entries WHERE id = {id}", True),
    ],
)
def test_a_row_changed_behind_the_products_back_is_found_and_named(
    app: Flask, runner: FlaskCliRunner, engine_name: str, winter: Challenge, change: str, sealed: bool
) -> None:
    if sealed:
        list(seal_books(AFTER))
    assert runner.invoke(args=["points", "verify"]).exit_code == 0
    entry = db.session.scalar(select(Entry).order_by(Entry.id))
    assert entry is not None
    number, reference = entry.id, entry.reference
    db.session.rollback()
    drop_ledger_triggers(engine_name)
    with db.engine.begin() as connection:
        connection.execute(text(change.format(id=number)))
    result = runner.invoke(args=["points", "verify"])
    assert result.exit_code == 1
    named = f"entry {number} ({reference})" if "UPDATE" in change else f"entries {number} to"
    assert named in result.stderr


def test_a_frozen_board_changed_behind_the_products_back_is_found(
    app: Flask, runner: FlaskCliRunner, engine_name: str, winter: Challenge
) -> None:
    advance()
    assert runner.invoke(args=["challenges", "verify", "hiver"]).exit_code == 0
    with db.engine.begin() as connection:
        if engine_name == "sqlite":
            for (name,) in connection.execute(
                text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'final_standings'")
            ).all():
                connection.execute(text(f"DROP TRIGGER {name}"))
        else:
            connection.execute(text("ALTER TABLE final_standings DISABLE TRIGGER USER"))
        connection.execute(text("UPDATE final_standings SET points = 41 WHERE competitor = 'AWA'"))
    result = runner.invoke(args=["challenges", "verify", "hiver"])
    assert result.exit_code == 1
    assert "standing of AWA: rank 1 with 41 points was frozen" in result.stderr


def test_closing_by_hand_too_early_does_nothing(winter: Challenge) -> None:
    with transaction():
        assert close(db.session.get_one(Challenge, winter.id), by="ADA", at=NOW) is None
    assert state() == "published"


def test_anyone_who_takes_part_can_read_the_certificate(winter: Challenge, client: FlaskClient, cast: Cast) -> None:
    with transaction():
        cast.nina.suspended_at = NOW
    client.sign_in(cast.awa)  # type: ignore[attr-defined]
    assert client.get("/challenges/hiver/certificate").status_code == 404, "not closed yet"
    advance()
    told = client.get("/challenges/hiver/certificate").get_json()
    assert told["standings_hash"] == _closure().standings_hash
    assert told["exclusions"] == 1, "how many were left out, not who"
    assert b'href="/challenges/hiver/result"' in client.get("/challenges/hiver").data
    assert b'href="/challenges/hiver/certificate?download=1"' in client.get("/challenges/hiver/result").data
    client.sign_in(cast.marc)  # type: ignore[attr-defined]
    told = client.get("/challenges/hiver/certificate").get_json()
    assert told["exclusions"] == [{"person": "NINA", "reason": "suspended"}]


def test_a_cancelled_challenge_takes_its_points_back_and_says_why(
    winter: Challenge, runner: FlaskCliRunner, cast: Cast
) -> None:
    arguments = ["challenges", "cancel", "hiver", "--reason", "Rupture de stock", "--by"]
    assert "may not cancel" in runner.invoke(args=[*arguments, "BRUNO"]).stderr
    assert runner.invoke(args=[*arguments, "MARC"]).stdout == "hiver: cancelled\n"
    db.session.rollback()
    assert state() == "cancelled"
    assert set(db.session.scalars(select(Account.balance).where(Account.person_id.is_not(None)))) == {0}
    assert "le challenge est annulé" in runner.invoke(args=["points", "statement", "BRUNO"]).stdout
    assert list(ledger_differences()) == []
    assert "can no longer be cancelled" in runner.invoke(args=[*arguments, "MARC"]).stderr
    sell("BRUNO", name="after")
    assert advance() == []
    assert list(ledger_differences()) == []


def test_a_closed_challenge_is_no_longer_cancelled(winter: Challenge, runner: FlaskCliRunner) -> None:
    advance()
    result = runner.invoke(args=["challenges", "cancel", "hiver", "--reason", "Trop tard", "--by", "MARC"])
    assert result.exit_code == 1
    assert "is closed; it can no longer be cancelled" in result.stderr
    assert state() == "closed"


# --- points given by hand --------------------------------------------------------------------------------------------


def give(code: str, amount: int, *, at: datetime = NOW) -> Adjustment:
    """Points by hand, in the winter challenge."""
    with transaction():
        person = db.session.scalars(select(Person).where(Person.code == code)).one()
        challenge = db.session.scalars(select(Challenge)).one()
        return adjust(person, challenge, amount, "Salon", by="MARC", at=at)


def test_a_bonus_is_in_the_ranks_the_payouts_and_what_is_recomputed(winter: Challenge, cast: Cast) -> None:
    advance(NOW)
    give("NINA", 35)
    advance()
    board = db.session.execute(
        select(FinalStanding.rank, FinalStanding.competitor, FinalStanding.points).order_by(FinalStanding.rank)
    ).all()
    assert [tuple(row) for row in board] == [(1, "NINA", 45), (2, "AWA", 40), (3, "BRUNO", 30)]
    assert ("NINA", 4) in [(code, points) for payout, code, points, _, _ in given() if payout == 3]
    assert _closure().certificate["counts"]["adjustments"] == 1
    closed = db.session.scalars(select(Challenge)).one()
    assert list(differences(closed, _closure())) == []
    assert list(ledger_differences()) == []


@pytest.mark.parametrize(("bonus", "sale", "winner"), [(1, 2, "BRUNO"), (2, 1, "AWA")])
def test_a_race_is_run_with_bonuses_at_their_own_instant(cast: Cast, bonus: int, sale: int, winner: str) -> None:
    publish(payouts=[{"kind": "race", "points": 40, "first": 1, "wallet": 5}])
    sell("AWA", [("CREME", 3)], name="a", at=NOW - timedelta(hours=3))
    sell("BRUNO", [("CREME", 4)], name="b", at=NOW - timedelta(hours=sale))
    advance(NOW)
    give("AWA", 10, at=NOW - timedelta(hours=bonus))
    advance()
    assert [code for _, code, _, _, _ in given()] == [winner]
    closed = db.session.scalars(select(Challenge)).one()
    assert list(differences(closed, _closure())) == []


def test_a_bonus_nobody_has_decided_on_is_waited_for_until_reviews_must_end(winter: Challenge, cast: Cast) -> None:
    with transaction():
        change_setting("adjustment_points_above", "0", by="ADA", at=NOW)
    advance(NOW)
    asked = give("NINA", 35).id
    before = db.session.scalars(select(Challenge.review_until)).one() - timedelta(seconds=1)
    advance(before)
    assert state() == "reviewing"
    with transaction():
        approve(db.session.get_one(Adjustment, asked), by="ADA", at=before)
    advance(before)
    assert state() == "closed"
    assert db.session.scalars(select(FinalStanding.competitor).where(FinalStanding.rank == 1)).one() == "NINA"


def test_a_bonus_still_undecided_when_reviews_must_end_is_left_out(winter: Challenge, cast: Cast) -> None:
    with transaction():
        change_setting("adjustment_points_above", "0", by="ADA", at=NOW)
    advance(NOW)
    asked = give("NINA", 35).id
    advance(db.session.scalars(select(Challenge.review_until)).one())
    assert state() == "closed"
    with pytest.raises(NotPossible, match="closed"), transaction():
        approve(db.session.get_one(Adjustment, asked), by="ADA", at=AFTER)
    assert list(ledger_differences()) == []
