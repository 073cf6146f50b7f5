"""An award without an employer's agreement waits and is not lost; one beyond the yearly cap is not granted."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from challenges.definition import definition_from
from challenges.models import Challenge
from foundation import clock
from foundation.database import db
from foundation.programme import change_setting
from foundation.transactions import transaction
from network.models import Outlet
from points.models import WALLET, Account, Book, Entry
from rewards.backtest import backtest
from rewards.benefits import benefits
from rewards.exports import in_words
from rewards.jobs import SomeFailed, advance_challenges, release_held
from rewards.models import Award, Closure
from rewards.rules import Ranked, awards
from rewards.verification import differences
from tests.cast import AGREED_ON, Cast
from tests.declarations.stage import PARIS
from tests.rewards.years import IN_2026, challenge, give, sales

LATER = datetime(2026, 5, 4, 9, tzinfo=UTC)


def agree(day: date | None, outlet: str = "PDV-BREST") -> None:
    """Write the date of an employer's agreement."""
    with transaction():
        db.session.execute(update(Outlet).where(Outlet.code == outlet).values(agreement_on=day))


def exported(runner: Any, code: str = "un") -> dict[str, str]:
    """The status of each person's award, as the file says it."""
    return {
        row["person"]: row["status"]
        for row in csv.DictReader(io.StringIO(runner.run("rewards", "awards", code).stdout))
    }


def wallet_of(code: str) -> int:
    db.session.rollback()
    balance = select(Account.balance).join(Book).where(Book.name == WALLET, Account.holder == code)
    return db.session.scalar(balance) or 0


def closure_of(made: Challenge) -> Closure:
    return db.session.get_one(Closure, made.id)


def received(code: str, year: int = 2026) -> int:
    return next((one.received_cents for one in benefits(year, PARIS) if one.person == code), 0)


EVERYBODY = dict.fromkeys(("AWA", "BRUNO", "CHLOE", "NINA"), "granted")
HELD = EVERYBODY | {"AWA": "held", "CHLOE": "held"}


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (None, HELD),  # revoked
        (date(2025, 11, 16), HELD),  # moved after the sale of the 15th
        (date(2026, 2, 1), HELD),
        (date(2025, 11, 15), EVERYBODY),  # moved, and still covers the sale
        (AGREED_ON, EVERYBODY),
    ],
)
def test_employees_wait_when_their_agreement_no_longer_covers_what_they_sold(
    app: Flask, cast: Cast, runner: Any, day: date | None, expected: dict[str, str]
) -> None:
    sales()
    agree(day)
    made = give("un", 400)
    assert exported(runner) == expected
    assert list(differences(made, closure_of(made))) == []
    assert [wallet_of(who) for who in ("AWA", "BRUNO")] == [400 if expected["AWA"] == "granted" else 0, 400]
    certificate = closure_of(made).certificate
    assert certificate["held"] == [who for who in expected if expected[who] == "held"]
    assert received("AWA") == wallet_of("AWA")  # what waits is not received


def test_only_those_without_an_agreement_wait(app: Flask, cast: Cast, runner: Any) -> None:
    """An outlet that never needed one, of a home seller or an independent, holds nobody."""
    sales()
    agree(None, "VDI-NINA")
    agree(None, "PDV-LYON")
    give("un", 400)
    assert exported(runner) == EVERYBODY


def test_when_the_agreement_is_back_what_waited_is_given_once(app: Flask, cast: Cast, runner: Any) -> None:
    sales()
    agree(None)
    made = give("un", 400)
    assert list(release_held(LATER)) == []
    agree(AGREED_ON)
    assert len(list(release_held(LATER))) == 2
    assert list(release_held(LATER)) == []
    assert wallet_of("AWA") == 400
    assert exported(runner) == EVERYBODY
    assert list(differences(made, closure_of(made))) == []
    assert db.session.scalar(select(func.count()).where(Entry.reference == "closing/un/1/AWA")) == 1


def test_what_waited_over_new_year_is_received_when_it_is_given(app: Flask, cast: Cast) -> None:
    sales()
    agree(None)
    give("un", 400, "2025-12-10T12:00:00+00:00")
    agree(AGREED_ON)
    list(release_held(LATER))
    assert (received("AWA", 2025), received("AWA", 2026)) == (0, 400)
    assert (received("BRUNO", 2025), received("BRUNO", 2026)) == (400, 0)


def test_staff_give_it_with_a_reason_and_not_twice(app: Flask, cast: Cast, runner: Any) -> None:
    sales()
    agree(None)
    made = give("un", 400)
    words = ("rewards", "release", "un", 1, "AWA", "--reason", "accord reçu sur papier", "--by")
    assert "is not an animator" in runner.run(*words, "BRUNO", exits=1).stderr
    assert (
        "a reason is needed"
        in runner.run("rewards", "release", "un", 1, "AWA", "--reason", " ", "--by", "MARC", exits=1).stderr
    )
    assert (
        "is granted, not held"
        in runner.run("rewards", "release", "un", 1, "BRUNO", "--reason", "x", "--by", "MARC", exits=1).stderr
    )
    assert (
        "gave nobody 'ADA'"
        in runner.run("rewards", "release", "un", 1, "ADA", "--reason", "x", "--by", "MARC", exits=1).stderr
    )
    assert wallet_of("AWA") == 0
    assert "un/1/AWA: granted" in runner.run(*words, "MARC").stdout
    assert "had already been granted" in runner.run(*words, "MARC").stdout
    assert wallet_of("AWA") == 400
    assert exported(runner) == EVERYBODY | {"CHLOE": "held"}
    assert list(differences(made, closure_of(made))) == []


def test_what_waits_keeps_its_part_of_the_budget(app: Flask, cast: Cast, runner: Any) -> None:
    sales()
    agree(None)
    made = give("un", 400, budget=8)  # four awards of 4 €: two fit
    assert exported(runner) == {"AWA": "held", "BRUNO": "granted", "CHLOE": "not_funded", "NINA": "not_funded"}
    assert closure_of(made).certificate["budget"]["spent_cents"] == 800
    assert list(differences(made, closure_of(made))) == []


def test_a_falsified_status_is_found(app: Flask, cast: Cast) -> None:
    sales()
    agree(None)
    made = give("un", 400)
    with transaction():
        db.session.execute(update(Award).where(Award.competitor == "AWA").values(status="not_funded"))
    assert [line.split(":")[0] for line in differences(made, closure_of(made))] == ["award 1 of AWA"]


def cap(percent: str) -> None:
    with transaction():
        change_setting("benefit_cap", percent, by="ADA", at=datetime(2025, 1, 1, tzinfo=UTC))


# 2026: 15 % is 273.45 €, 150 % is 2 734.55 €.
@pytest.mark.parametrize(
    ("percent", "amount", "expected"),
    [
        ("none", 300_000, EVERYBODY),
        ("15", 27_345, EVERYBODY),
        ("15", 27_346, EVERYBODY | {"AWA": "capped", "CHLOE": "capped"}),
        ("150", 273_455, EVERYBODY),
        ("150", 273_456, EVERYBODY | {"AWA": "capped", "CHLOE": "capped"}),
    ],
)
def test_an_employee_is_not_given_what_would_pass_the_cap(
    app: Flask, cast: Cast, runner: Any, percent: str, amount: int, expected: dict[str, str]
) -> None:
    sales()
    cap(percent)
    made = give("un", amount)
    assert exported(runner) == expected
    assert wallet_of("AWA") == (amount if expected["AWA"] == "granted" else 0)
    assert list(differences(made, closure_of(made))) == []


def test_what_was_received_before_in_the_year_counts_and_a_smaller_award_still_fits(
    app: Flask, cast: Cast, runner: Any
) -> None:
    sales()
    cap("15")
    give("avant", 20_000, "2025-12-10T12:00:00+00:00")  # another year
    give("un", 20_000)
    made = challenge(
        "deux", budget=510,
        payouts=[
            {"kind": "threshold", "points": 10, "wallet": 10_000},
            {"kind": "threshold", "points": 10, "wallet": 7_000},
            {"kind": "threshold", "points": 10, "wallet": 346},
            {"kind": "threshold", "points": 10, "wallet": 345},
        ],
    )  # fmt: skip
    list(advance_challenges(clock.parse_instant(IN_2026)))
    mine = db.session.execute(
        select(Award.payout, Award.status)
        .where(Award.challenge_id == made.id, Award.competitor == "AWA")
        .order_by(Award.payout)
    ).all()
    assert [tuple(row) for row in mine] == [(1, "capped"), (2, "granted"), (3, "capped"), (4, "granted")]
    assert list(differences(made, closure_of(made))) == []
    certified = closure_of(made).certificate
    assert certified["benefit_cap"]["people"][0] == {"person": "AWA", "received_cents": 20_000}
    assert certified["payouts"][0]["capped"] == 2
    # Capped awards take nothing of the budget: with them it would be 4 × 100 + 4 × 70 and more.
    assert received("AWA") == 27_345


def test_a_cap_without_a_minimum_wage_waits_and_says_so(app: Flask, cast: Cast) -> None:
    sales()
    cap("15")
    made = challenge("un", payouts=[{"kind": "threshold", "points": 10, "wallet": 5}])
    with pytest.raises(SomeFailed, match="SMIC of 2031 is not known"):
        list(advance_challenges(datetime(2031, 1, 10, tzinfo=UTC)))
    db.session.rollback()
    assert db.session.get_one(Challenge, made.id).state == "reviewing"
    cap("none")
    list(advance_challenges(datetime(2031, 1, 10, tzinfo=UTC)))
    db.session.rollback()
    assert db.session.get_one(Challenge, made.id).state == "closed"


def test_shares_are_made_without_what_is_capped(app: Flask, cast: Cast, runner: Any) -> None:
    sales()
    cap("15")
    convert = [{"kind": "convert", "every": 10, "into": 30_000}]  # 300 € each; Bruno and Nina have no cap
    made = challenge("un", payouts=convert, budget=400, budget_policy="pro_rata")
    list(advance_challenges(clock.parse_instant(IN_2026)))
    rows = db.session.execute(
        select(Award.competitor, Award.wallet_points, Award.status).order_by(Award.competitor)
    ).all()
    assert [tuple(row) for row in rows] == [
        ("AWA", 30_000, "capped"), ("BRUNO", 20_000, "granted"),
        ("CHLOE", 30_000, "capped"), ("NINA", 20_000, "granted"),
    ]  # fmt: skip
    assert list(differences(made, closure_of(made))) == []


@pytest.mark.any_engine
def test_the_pure_meaning_of_held_and_capped() -> None:
    board = [Ranked(code, "", place, 10, None) for place, code in enumerate("ABC", 1)]
    given = awards(
        [{"kind": "threshold", "points": 1, "wallet": 10}] * 2, board, board,
        barred=(), costs={}, point_cents=1, budget_cents=50, policy="stop", held={"A"}, room={"A": 20, "B": 15},
    )  # fmt: skip
    assert [(one.payout, one.code, one.status) for one in given] == [
        (1, "A", "held"), (1, "B", "granted"), (1, "C", "granted"),
        (2, "A", "held"), (2, "B", "capped"), (2, "C", "granted"),
    ]  # fmt: skip


def test_the_estimate_leaves_out_what_the_cap_would_refuse(app: Flask, cast: Cast) -> None:
    sales()
    cap("15")
    data = {
        "code": "essai", "name": "Essai", "starts_on": "2026-12-01", "ends_on": "2026-12-31",
        "rules": [{"id": "unites", "counts": "units", "points": 10}],
        "payouts": [{"kind": "threshold", "points": 10, "wallet": 30_000}],
    }  # fmt: skip
    found = backtest(definition_from(data), date(2025, 11, 1), date(2025, 11, 30), at=LATER)
    assert [(one.granted, one.capped, one.cost_cents) for one in found.payouts] == [(2, 2, 60_000)]
    assert found.short is None
    assert "2 granted, 0 not funded, 2 beyond the yearly cap" in "\n".join(in_words(found))
