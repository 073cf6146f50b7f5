"""A challenge that comes back: each week or month its own ranks, rewards and closing, once, whatever happens."""

from __future__ import annotations

import os
import random
import signal
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import event, func, select

from challenges.definition import WrongDefinition, definition_from, definition_hash
from challenges.models import Challenge, Period
from challenges.repeating import following, moved
from declarations.amending import amend, close_early, extend
from declarations.publishing import cancel, publish_definition
from declarations.verification import differences as ledger_differences
from foundation import clock
from foundation.database import db
from foundation.settings import Settings
from foundation.transactions import transaction
from leaderboards.models import FinalStanding
from points.models import Account, Book, Lot
from rewards.jobs import SomeFailed, advance_challenges
from rewards.models import Award, Closure
from rewards.verification import differences
from tests.cast import Cast
from tests.conftest import make_app
from tests.declarations.stage import PARIS, sell
from tests.forked import ended, in_child

MONTHLY: dict[str, Any] = {
    "code": "mensuel",
    "name": "Le mois",
    "starts_on": "2026-01-01",
    "ends_on": "2026-01-31",
    "repeat": "monthly",
    "rules": [{"id": "soin", "counts": "units", "points": 10}],
    "payouts": [
        {"kind": "rank", "from": 1, "to": 1, "wallet": 100},
        {"kind": "convert", "every": 10, "into": 1},
    ],
}
WEEKLY: dict[str, Any] = MONTHLY | {
    "code": "semaine",
    "repeat": "weekly",
    "starts_on": "2026-02-02",
    "ends_on": "2026-02-08",
}
PUBLISHED = datetime(2025, 12, 20, tzinfo=UTC)


def publish(data: dict[str, Any], **changes: Any) -> Challenge:
    """Publish a challenge before it starts."""
    with transaction():
        return publish_definition(definition_from(data | changes), by="MARC", at=PUBLISHED)[0]


def at(text: str) -> datetime:
    """An instant of Paris."""
    return datetime.fromisoformat(text).replace(tzinfo=PARIS).astimezone(UTC)


def advance(text: str) -> list[str]:
    """What the scheduler does at an instant of Paris."""
    return list(advance_challenges(at(text)))


def codes() -> list[str]:
    """The challenges there are, in the order in which they were made."""
    db.session.rollback()
    return list(db.session.scalars(select(Challenge.code).order_by(Challenge.id)))


def one(code: str) -> Challenge:
    """A challenge by its code."""
    db.session.rollback()
    return db.session.scalars(select(Challenge).where(Challenge.code == code)).one()


# --- the dates -------------------------------------------------------------------------------------------------------


@pytest.mark.any_engine
@pytest.mark.parametrize(
    ("day", "repeat", "expected"),
    [
        ("2026-01-31", "monthly", "2026-02-28"),
        ("2026-02-28", "monthly", "2026-03-31"),
        ("2028-02-29", "monthly", "2028-03-31"),
        ("2026-12-15", "monthly", "2027-01-15"),
        ("2026-12-28", "weekly", "2027-01-04"),
    ],
)
def test_the_last_day_of_a_month_goes_to_the_last_of_the_next(day: str, repeat: str, expected: str) -> None:
    assert moved(date.fromisoformat(day), repeat) == date.fromisoformat(expected)


@pytest.mark.any_engine
def test_every_date_of_a_period_moves_with_it(app: Flask) -> None:
    first = definition_from(
        MONTHLY
        | {
            "code": "mensuel-2026-01",
            "declare_until": "2026-02-03T12:00:00+01:00",
            "freeze_board_on": "2026-01-25",
            "repeat_until": "2026-03-31",
            "rules": [
                {"id": "soin", "counts": "units", "points": 10, "when": {"from": "2026-01-10", "to": "2026-01-31"}}
            ],
            "objective": {"measure": "units", "baseline": {"from": "2025-01-01", "to": "2025-01-31"}},
        }
    )
    second = following(first, first)
    assert second is not None
    third = following(second, second)
    assert third is not None
    assert (second.code, third.code) == ("mensuel-2026-02", "mensuel-2026-03")
    assert (third.starts_on, third.ends_on) == (date(2026, 3, 1), date(2026, 3, 31))
    assert third.canonical()["declare_until"] == "2026-04-03T12:00:00+02:00", "noon stays noon when the clocks change"
    assert third.canonical()["freeze_board_on"] == "2026-03-25"
    assert third.canonical()["rules"][0]["when"] == {"from": "2026-03-10", "to": "2026-03-31"}
    assert third.canonical()["objective"]["baseline"] == {"from": "2025-03-01", "to": "2025-03-31"}
    assert following(third, third) is None, "the fourth would begin after the last day on which one may"


@pytest.mark.any_engine
@pytest.mark.parametrize(
    ("where", "changes"),
    [
        (("starts_on",), {"starts_on": "2026-01-30", "ends_on": "2026-02-20"}),
        (("ends_on",), {"ends_on": "2026-02-01"}),
        (("ends_on",), {"repeat": "weekly", "ends_on": "2026-01-08"}),
        (("repeat_until",), {"repeat_until": "2025-12-31"}),
        (("repeat_until",), {"repeat": None, "repeat_until": "2026-12-31"}),
        (("code",), {"code": "m" * 55}),
    ],
)
def test_what_cannot_come_back_is_refused_with_its_place(app: Flask, where: Any, changes: dict[str, Any]) -> None:
    data = {key: value for key, value in (MONTHLY | changes).items() if value is not None}
    with pytest.raises(WrongDefinition) as refused:
        definition_from(data)
    assert where in [problem.where for problem in refused.value.problems]


@pytest.mark.any_engine
def test_a_challenge_that_does_not_come_back_keeps_its_fingerprint(app: Flask) -> None:
    once = {key: value for key, value in MONTHLY.items() if key != "repeat"}
    assert definition_from(once).canonical() == once
    assert definition_hash(once) != definition_hash(definition_from(MONTHLY).canonical())


# --- publishing what follows -----------------------------------------------------------------------------------------


def test_the_next_week_is_published_three_days_before_it_starts(app: Flask, cast: Cast) -> None:
    publish(WEEKLY)
    advance("2026-02-05T23:59:59")
    assert codes() == ["semaine"]
    assert "semaine-2026-W07: published, after semaine" in advance("2026-02-06T00:00:00")
    following_week = one("semaine-2026-W07")
    assert (following_week.state, following_week.starts_on) == ("published", date(2026, 2, 9))
    assert advance("2026-02-06T00:01:00") == []


def test_each_period_has_its_own_book_board_and_closing(app: Flask, cast: Cast) -> None:
    publish(WEEKLY)
    advance("2026-02-04T09:00:00")
    sell("AWA", [("CREME", 3)], name="first", at=at("2026-02-04T10:00:00"))
    advance("2026-02-10T09:00:00")
    sell("BRUNO", [("CREME", 5)], name="second", at=at("2026-02-10T10:00:00"))
    advance("2026-02-25T09:00:00")
    winners = db.session.execute(
        select(Challenge.code, FinalStanding.competitor, FinalStanding.points)
        .join(FinalStanding, FinalStanding.challenge_id == Challenge.id)
        .order_by(Challenge.id)
    )
    assert [tuple(row) for row in winners] == [("semaine", "AWA", 30), ("semaine-2026-W07", "BRUNO", 50)]
    for closure in db.session.scalars(select(Closure)):
        assert list(differences(db.session.get_one(Challenge, closure.challenge_id), closure)) == []
    assert list(ledger_differences()) == []


def test_amended_rules_go_on_and_a_moved_end_does_not(app: Flask, cast: Cast) -> None:
    challenge = publish(MONTHLY, ends_on="2026-01-20")
    advance("2026-01-05T09:00:00")
    better = definition_from(
        MONTHLY | {"ends_on": "2026-01-20", "rules": [{"id": "soin", "counts": "units", "points": 20}]}
    )
    with transaction():
        amend(one("mensuel"), better, date(2026, 1, 12), "Points doublés", by="MARC", at=at("2026-01-06T09:00:00"))
    with transaction():
        extend(one("mensuel"), date(2026, 1, 31), "Dix jours de plus", by="MARC", at=at("2026-01-07T09:00:00"))
    advance("2026-01-29T00:00:00")
    following_month = one("mensuel-2026-02")
    assert following_month.definition["rules"][0]["points"] == 20
    assert (following_month.starts_on, following_month.ends_on) == (date(2026, 2, 1), date(2026, 2, 20))
    assert challenge.id != following_month.id


def test_rules_dropped_by_an_early_end_come_back_with_the_next_period(app: Flask, cast: Cast) -> None:
    late = {"id": "fin", "counts": "units", "points": 5, "when": {"from": "2026-01-31"}}
    publish(MONTHLY, rules=[*MONTHLY["rules"], late])
    advance("2026-01-05T09:00:00")
    with transaction():
        close_early(one("mensuel"), date(2026, 1, 29), "Rupture", by="MARC", at=at("2026-01-15T09:00:00"))
    advance("2026-01-29T00:00:00")
    assert [rule["id"] for rule in one("mensuel-2026-02").definition["rules"]] == ["soin", "fin"]
    assert one("mensuel-2026-02").definition["rules"][1]["when"] == {"from": "2026-02-28"}


def test_a_cancelled_series_ends(app: Flask, cast: Cast) -> None:
    publish(WEEKLY)
    with transaction():
        cancel(one("semaine"), "Rupture", by="MARC", at=at("2026-02-03T09:00:00"))
    advance("2026-03-03T09:00:00")
    assert codes() == ["semaine"]


def test_a_stopped_series_ends_and_what_is_published_goes_on(app: Flask, cast: Cast, runner: FlaskCliRunner) -> None:
    publish(WEEKLY)
    advance("2026-02-06T00:00:00")
    refused = runner.invoke(args=["challenges", "stop", "semaine", "--by", "BRUNO"])
    assert refused.exit_code == 1 and "may not stop" in refused.stderr
    assert (
        runner.invoke(args=["challenges", "stop", "semaine", "--by", "MARC"]).stdout == "semaine: no further period\n"
    )
    assert "nothing to stop" in runner.invoke(args=["challenges", "stop", "semaine", "--by", "MARC"]).stderr
    advance("2026-03-20T09:00:00")
    assert codes() == ["semaine", "semaine-2026-W07"]
    assert {challenge.state for challenge in db.session.scalars(select(Challenge))} == {"closed"}


def test_a_code_that_is_taken_is_named_and_stops_nobody_else(app: Flask, cast: Cast) -> None:
    publish(WEEKLY)
    publish(MONTHLY, code="semaine-2026-W07", repeat_until="2026-01-31")
    with pytest.raises(SomeFailed, match="semaine-2026-W07 would be the next period of semaine"):
        advance("2026-02-06T00:00:00")
    assert one("semaine-2026-W07").state == "closed"


def test_a_draw_that_can_no_longer_be_promised_is_left_out(app: Flask, cast: Cast) -> None:
    draw = {"kind": "draw", "winners": 1, "tickets_per": 10, "wallet": 50}
    publish(MONTHLY, payouts=[draw])
    advance("2026-02-15T09:00:00")
    assert codes() == ["mensuel", "mensuel-2026-03"], "February has begun without a promise"
    assert db.session.scalars(select(Period.number).order_by(Period.number)).all() == [0, 2]


# --- thirty-six months -----------------------------------------------------------------------------------------------


def die_somewhere(settings: Settings, instant: datetime, statement: int) -> None:
    """The scheduler in a process of its own, killed at its n-th statement."""
    app = make_app(settings)
    with app.app_context():
        left = [statement]

        @event.listens_for(db.engine, "before_cursor_execute")
        def perhaps(*arguments: Any) -> None:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        list(advance_challenges(instant))


def run_once(settings: Settings, instant: datetime) -> None:
    """The scheduler in a process of its own, to its end."""
    with make_app(settings).app_context():
        list(advance_challenges(instant))
        db.session.remove()
        db.engine.dispose()


def test_thirty_six_months_with_downtime_kills_and_doubled_schedulers_pay_each_month_once(
    app: Flask, cast: Cast, settings: Settings, tmp_path: Path
) -> None:
    publish(MONTHLY, repeat_until="2028-12-31")
    chance = random.Random(36)
    expected: dict[str, dict[str, int]] = {}
    today, last = datetime(2026, 1, 1, 6, 0, tzinfo=UTC), datetime(2029, 1, 31, tzinfo=UTC)
    asleep = 0
    killed = doubled = 0
    month = date(2025, 12, 1)
    while today < last:
        if asleep:
            asleep -= 1
        else:
            event_of_the_day = chance.random()
            db.session.rollback()
            if event_of_the_day < 0.02:
                asleep = chance.randint(2, 12)
            elif event_of_the_day < 0.06:
                statement = chance.randint(1, 120)
                killed += ended(in_child(lambda: die_somewhere(settings, today, statement))) == -signal.SIGKILL  # noqa: B023
            elif event_of_the_day < 0.09:
                pair = [in_child(lambda: run_once(settings, today)) for _ in range(2)]  # noqa: B023
                assert [ended(child) for child in pair] == [0, 0]
                doubled += 1
            else:
                list(advance_challenges(today))
        day = clock.day_of(today, PARIS)
        if day.day == 5 and day.replace(day=1) > month and day.year < 2029:
            month = day.replace(day=1)
            code = "mensuel" if (day.year, day.month) == (2026, 1) else f"mensuel-{day:%Y-%m}"
            units = {person: chance.randint(1, 9) for person in ("AWA", "BRUNO", "NINA")}
            for person, count in units.items():
                channel = "meeting" if person == "NINA" else "store"
                sell(person, [("CREME", count)], name=f"{code}-{person}", at=today, channel=channel)
            expected[code] = units
        today += timedelta(days=1)
    list(advance_challenges(today))
    db.session.rollback()
    assert len(expected) == 36 and killed and doubled
    assert sorted(codes()) == sorted(expected)
    assert db.session.scalar(select(func.count()).select_from(Closure)) == 36
    totals: dict[str, int] = dict.fromkeys(("AWA", "BRUNO", "NINA"), 0)
    for challenge in db.session.scalars(select(Challenge)).all():
        units = expected[challenge.code]
        best = max(units.values())
        gains = {person: count for person, count in units.items()}
        won = db.session.execute(
            select(Award.competitor, func.sum(Award.wallet_points))
            .where(Award.challenge_id == challenge.id, Award.kind == "convert")
            .group_by(Award.competitor)
        )
        assert {person: int(amount) for person, amount in won} == gains, challenge.code
        first = db.session.scalars(
            select(Award.competitor).where(Award.challenge_id == challenge.id, Award.kind == "rank")
        ).all()
        assert first and all(units[person] == best for person in first)
        for person, count in units.items():
            totals[person] += count + 100 * (person in first)
        closure = db.session.get_one(Closure, challenge.id)
        assert list(differences(challenge, closure)) == []
    wallets = select(Account.holder, Account.balance).join(Book, Book.id == Account.book_id)
    found = db.session.execute(wallets.where(Book.name == "wallet", Account.person_id.is_not(None)))
    assert {holder: balance for holder, balance in found} == totals
    assert db.session.scalar(select(func.sum(Lot.amount))) == sum(totals.values())
    assert list(ledger_differences()) == []
