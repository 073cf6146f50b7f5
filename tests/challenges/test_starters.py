"""Eight challenges to start from: each is whole, lawful and affordable on whatever network it meets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask_babel import force_locale
from sqlalchemy import update

from challenges.definition import Definition, definition_from
from challenges.exports import challenge_file
from challenges.facts import facts_about
from challenges.imports import definition_of_text
from challenges.linter import blocking, findings
from challenges.starters import STARTERS, Starter
from challenges.vocabulary import known_names, product_names, reward_names
from challenges.wording import summary
from declarations.publishing import publish_definition
from foundation.database import db
from foundation.programme import change_setting
from foundation.transactions import transaction
from network.models import Outlet
from tests.cast import engage
from tests.conftest import Runner
from tests.test_reference import DATA

TODAY = date(2026, 2, 4)
AT = datetime(2026, 2, 4, 11, 0, tzinfo=UTC)


def an_empty_one(runner: Runner) -> None:
    """Nobody, nothing."""


def the_cast(runner: Runner) -> None:
    """Four people, three products, no reward."""
    engage()


def only_health(runner: Runner) -> None:
    """The cast, every outlet a pharmacy; articles for them."""
    engage()
    runner.run("rewards", "import", DATA / "rewards.csv")
    with transaction():
        db.session.execute(update(Outlet).values(health=True))


def only_health_and_nothing_to_give(runner: Runner) -> None:
    """The cast, every outlet a pharmacy; no article."""
    engage()
    with transaction():
        db.session.execute(update(Outlet).values(health=True))


def only_home_sellers(runner: Runner) -> None:
    """A network of independent home sellers."""
    engage()
    with transaction():
        db.session.execute(update(Outlet).values(kind="vdi"))


def dear_wallet_points(runner: Runner) -> None:
    """The cast, where one wallet point is worth two euros."""
    engage()
    with transaction():
        change_setting("wallet_point_cents", "200", by="ADA", at=AT)


def the_demonstration(runner: Runner) -> None:
    """Forty outlets of every kind, thirteen rewards."""
    runner.run("demo", "--at", "2026-02-04T11:00:00+01:00")


def real(folder: str) -> Callable[[Runner], None]:
    """The people and products of real invoices."""

    def real_data(runner: Runner) -> None:
        runner.run("network", "import-outlets", DATA / folder / "outlets.csv")
        runner.run("network", "import-people", DATA / folder / "people.csv")
        runner.run("catalogue", "import", DATA / folder / "products.csv")
        runner.run("rewards", "import", DATA / "rewards.csv")

    real_data.__name__ = f"real_data_{folder}"
    return real_data


NETWORKS = [
    an_empty_one,
    the_cast,
    only_health,
    only_health_and_nothing_to_give,
    only_home_sellers,
    dear_wallet_points,
    real("slice"),
    real("mixed"),
    the_demonstration,
]


def read(starter: Starter) -> Definition:
    """The starter as the studio would take it: plain values against today's catalogues."""
    content = starter.content(TODAY)
    return definition_from(content, known_names(content))


@pytest.mark.parametrize("fill", NETWORKS, ids=lambda fill: fill.__name__)
def test_on_any_network_each_passes_check_keeps_the_law_and_survives_its_file(
    runner: Runner, tmp_path: Path, fill: Callable[[Runner], None]
) -> None:
    fill(runner)
    codes = set()
    for starter in STARTERS:
        definition = read(starter)
        codes.add(definition.code)
        facts = facts_about(definition, on=TODAY)
        found = findings(definition, facts)
        assert blocking(found) == [], starter.code
        text = challenge_file(definition)
        path = tmp_path / f"{starter.code}.toml"
        path.write_text(text, encoding="utf-8")
        assert definition_of_text(path.read_bytes(), path.name) == definition
        checked = runner.run("challenges", "check", path).stdout
        assert len(definition.rules) <= 3 and definition.en is not None and definition.en.description
        assert "première marche" not in checked and "règles sont difficiles" not in checked
        assert "rien depuis" not in checked and "boutique ou en ligne" not in checked
        runner.run("challenges", "import", path)
        assert runner.run("challenges", "export", definition.code).stdout == text
    assert len(codes) == len(STARTERS) == 8


def test_they_come_in_the_order_an_animator_reads_them_in_both_languages(app: Any) -> None:
    assert [starter.code for starter in STARTERS] == [
        "launch", "weekend", "feedback", "collective", "progress", "steps", "duel", "welcome",
    ]  # fmt: skip
    with app.test_request_context("/"):
        with force_locale("fr"):
            french = [(str(starter.title), str(starter.purpose)) for starter in STARTERS]
        with force_locale("en"):
            english = [(str(starter.title), str(starter.purpose)) for starter in STARTERS]
    assert french[6][0] == "Duel de régions" and english[6][0] == "Duel of regions"
    assert all(one != other for pair in zip(french, english, strict=True) for one, other in zip(*pair, strict=True))
    icons = (Path(app.root_path) / "static/icons.svg").read_text(encoding="utf-8")
    assert all(f'id="{starter.icon}"' in icons for starter in STARTERS)


@pytest.mark.parametrize("offset", range(7))
def test_they_begin_on_a_monday_a_week_away_at_least_and_end_on_a_sunday(runner: Runner, offset: int) -> None:
    the_cast(runner)
    today = TODAY + timedelta(days=offset)
    for starter in STARTERS:
        content = starter.content(today)
        first, last = date.fromisoformat(content["starts_on"]), date.fromisoformat(content["ends_on"])
        assert 7 <= (first - today).days <= 13 and first.isoweekday() == 1 and last.isoweekday() == 7
        baseline = content.get("objective", {}).get("baseline")
        if baseline:
            past = date.fromisoformat(baseline["from"]), date.fromisoformat(baseline["to"])
            assert past[1] < today and past[0].isoweekday() == 1 and past[1] - past[0] == last - first


def test_each_can_be_published_as_it_is(runner: Runner) -> None:
    the_demonstration(runner)
    for starter in STARTERS:
        definition = read(starter)
        with transaction():
            challenge, _ = publish_definition(definition, by="MARC", at=AT)
        assert challenge.state == "published"


def test_the_budget_pays_for_everything_everybody_can_win(runner: Runner) -> None:
    the_cast(runner)
    steps = read(next(starter for starter in STARTERS if starter.code == "steps"))
    # four people × (5 + 10 + 20) euros, said in one breath
    assert steps.budget == 140
    with transaction():
        change_setting("wallet_point_cents", "100", by="ADA", at=AT)
    steps = read(next(starter for starter in STARTERS if starter.code == "steps"))
    assert [payout.wallet for payout in steps.payouts if payout.kind == "threshold"] == [5, 10, 20]
    assert steps.budget == 140


def test_they_take_what_the_catalogue_and_the_network_hold(runner: Runner) -> None:
    the_demonstration(runner)
    launch, _, _, collective, _, _, duel, welcome = (read(starter) for starter in STARTERS)
    newest = launch.rules[0].when
    assert newest is not None and newest.skus is not None and len(newest.skus) == 1
    assert launch.league_by == "potential"
    assert all(payout.kind == "objective" and payout.reward for payout in collective.payouts)
    assert duel.audience is not None and duel.audience.regions is not None and len(duel.audience.regions) == 2
    assert welcome.audience is not None and welcome.audience.activity == ("low",)


def test_a_first_look_tells_it_in_three_sentences(runner: Runner) -> None:
    the_cast(runner)
    weekend = read(STARTERS[1]).canonical()
    assert summary(weekend, product_names([weekend]), reward_names([weekend])) == [
        "Vous gagnez 10 points par unité, jusqu’à 200 points par jour.",
        "En plus\u00a0: les points de la règle 1 sont multipliés par 1,5, le samedi ou le dimanche.",
        "À gagner du 16 février 2026 au 15 mars 2026\u00a0: dès 50 points, 500 points de cagnotte\u202f;"
        " chaque tranche de 10 points, 10 points de cagnotte.",
    ]
