"""What closing now would cost equals what closing then does cost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from challenges.models import Challenge
from foundation.database import db
from foundation.transactions import transaction
from network.operations import suspend
from rewards.closing import close
from rewards.forecast import Forecast, forecasts
from rewards.models import Award, Reward
from tests.cast import Cast
from tests.declarations.stage import NOW, publish, sell
from tests.portal.test_statements import counted

RULES = [{"id": "soin", "counts": "units", "points": 10}]
EVERY_PAYOUT = [
    {"kind": "rank", "from": 1, "to": 2, "reward": "spa"},
    {"kind": "threshold", "points": 20, "wallet": 50},
    {"kind": "objective", "wallet": 70},
    {"kind": "race", "points": 20, "first": 1, "wallet": 11},
    {"kind": "convert", "every": 10, "into": 3},
]
# An outlet has no wallet: it is given articles.
OF_OUTLETS = [
    {key: value for key, value in payout.items() if key != "wallet"} | {"reward": "spa"}
    if "wallet" in payout
    else payout
    for payout in EVERY_PAYOUT
]
LATER = NOW + timedelta(days=60)


def play(**changes: Any) -> Challenge:
    with transaction():
        db.session.add(Reward(code="spa", name="Spa", kind="gift", cost_cents=24_000, countries=""))
    values = {"rules": RULES, "payouts": EVERY_PAYOUT, "objective": {"measure": "units", "default": 3}} | changes
    challenge = publish(**values)
    sell("AWA", [("CREME", 3)], name="awa-1", at=NOW - timedelta(hours=3))
    sell("BRUNO", [("CREME", 2)], name="bruno-1", at=NOW - timedelta(hours=2))
    sell("CHLOE", [("CREME", 1)], name="chloe-1", at=NOW - timedelta(hours=1))
    return db.session.get_one(Challenge, challenge.id)


def now_and_then(challenge: Challenge) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]:
    """(payout, gains, cents) as forecast, and as its closing then gives them."""
    forecast = forecasts([challenge])[challenge.id]
    expected = [(cost.payout, cost.gains, cost.cents) for cost in forecast.costs if cost.gains]
    with transaction():
        db.session.get_one(Challenge, challenge.id).state = "reviewing"
    with transaction():
        assert close(db.session.get_one(Challenge, challenge.id), by="system", at=LATER) is not None
    given = db.session.execute(
        select(Award.payout, func.count(), func.sum(Award.cost_cents))
        .where(Award.challenge_id == challenge.id)
        .group_by(Award.payout)
        .order_by(Award.payout)
    )
    return expected, [(payout, gains, int(cents)) for payout, gains, cents in given]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"league_by": "region"},
        {"rank_by": "progress"},
        {"ranks": "outlet", "payouts": OF_OUTLETS},
        {"ranks": "outlet", "payouts": OF_OUTLETS, "rank_by": "progress", "tie_break": "shared"},
        {"payouts": [{"kind": "race", "points": 10, "first": 2, "wallet": 5}]},
    ],
    ids=str,
)
def test_what_would_be_won_now_is_what_closing_gives(cast: Cast, changes: dict[str, Any]):
    expected, given = now_and_then(play(**changes))
    assert expected == given and given


def test_health_outlets_and_suspended_people_win_nothing_in_either(cast: Cast):
    challenge = play()
    with transaction():
        cast.outlet("PDV-LYON").health = True
        db.session.flush()
        suspend(cast.awa, by="MARC", at=NOW)
    expected, given = now_and_then(challenge)
    assert expected == given


def test_a_draw_is_counted_as_if_all_it_can_give_were_won(cast: Cast):
    challenge = play(payouts=[{"kind": "rank", "from": 1, "to": 1, "reward": "spa"}])
    with transaction():
        again = db.session.get_one(Challenge, challenge.id)
        again.definition = again.definition | {
            "payouts": [
                {"kind": "draw", "winners": 2, "tickets_per": 10, "reward": "spa"},
                {"kind": "draw", "winners": 9, "tickets_per": 20, "wallet": 7},
            ]
        }
    forecast = forecasts([db.session.get_one(Challenge, challenge.id)])[challenge.id]
    assert [(cost.gains, cost.cents) for cost in forecast.costs] == [(2, 48_000), (2, 14)]


def test_a_budget_says_how_much_of_it_is_burnt_and_what_it_would_not_pay(cast: Cast):
    assert Forecast((), None).percent is None and Forecast((), None).short_cents == 0
    challenge = play(payouts=[{"kind": "rank", "from": 1, "to": 1, "reward": "spa"}], budget=200)
    forecast = forecasts([challenge])[challenge.id]
    assert (forecast.cents, forecast.budget_cents, forecast.percent, forecast.short_cents) == (
        24_000,
        20_000,
        120,
        4_000,
    )


def test_a_closed_challenge_says_what_it_gave(cast: Cast):
    challenge = play()
    expected, _ = now_and_then(challenge)
    closed = forecasts([db.session.get_one(Challenge, challenge.id)])[challenge.id]
    assert [(cost.payout, cost.gains, cost.cents) for cost in closed.costs if cost.gains] == expected


def test_nobody_having_scored_costs_nothing_and_several_challenges_take_no_more_statements(cast: Cast):
    empty = db.session.get_one(Challenge, publish(code="vide", rules=RULES).id)
    assert forecasts([empty])[empty.id].cents == 0
    assert forecasts([]) == {}
    challenge = play()
    both = [db.session.get_one(Challenge, one) for one in (challenge.id, empty.id)]
    with counted() as one:
        forecasts(both[:1])
    with counted() as two:
        forecasts(both)
    assert len(two) == len(one) == 3
