"""The reward catalogue from a file: created and updated by code, all or nothing, every fault named."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from foundation.database import db
from foundation.tables import Faulty
from foundation.transactions import transaction
from rewards.imports import COLUMNS, import_rewards
from rewards.models import Reward
from tests.cast import JOINED_AT as NOW

ROW = {
    "reward": "SPA",
    "name": "Week-end spa",
    "kind": "experience",
    "cost": "180,00",
    "price_points": "18000",
    "stock": "5",
    "limit_per_person": "1",
    "countries": "FR BE",
    "starts_on": "",
    "ends_on": "",
}


@pytest.fixture
def file(tmp_path):
    """file({...}, {...}): a file of rewards that differ from ROW by these cells."""

    def write(*changes):
        path = tmp_path / "rewards.csv"
        rows = [";".join((ROW | change)[name] for name in COLUMNS) for change in changes]
        path.write_text("\n".join([";".join(COLUMNS), *rows]) + "\n", encoding="utf-8")
        return path

    return write


def load(path):
    with transaction():
        return import_rewards(path, by="system", at=NOW)


def reward(code: str) -> Reward:
    return db.session.execute(select(Reward).where(Reward.code == code)).scalar_one()


def test_rewards_are_created_then_updated_then_left_alone(app, file):
    assert str(load(file({}, {"reward": "BON"}))) == "created 2, updated 0, unchanged 0"
    assert str(load(file({"price_points": "20000"}, {"reward": "BON"}))) == "created 0, updated 1, unchanged 1"
    assert (reward("SPA").price_points, reward("SPA").cost_cents) == (20000, 18000)


def test_empty_means_without_price_without_limit_everywhere(app, file):
    load(file({"price_points": "", "stock": "", "limit_per_person": "", "countries": ""}))
    found = reward("SPA")
    assert (found.price_points, found.stock, found.limit_per_person, found.countries) == (None, None, None, "")


@pytest.mark.parametrize("text", ["FR BE", "FR,BE", "FR|BE", "FR / BE", "FR BE FR"])
def test_countries_are_listed_with_spaces_commas_or_bars(app, file, text):
    load(file({"countries": text}))
    assert reward("SPA").countries == "FR,BE"


@pytest.mark.parametrize(
    ("column", "wrong"),
    [
        ("reward", ""),
        ("reward", "BON/20"),
        ("reward", "pictures"),
        ("name", ""),
        ("kind", "money"),
        ("cost", ""),
        ("cost", "-5"),
        ("price_points", "0"),
        ("price_points", "-1"),
        ("price_points", "1.5"),
        ("price_points", "99999999999"),
        ("stock", "-1"),
        ("limit_per_person", "0"),
        ("countries", "France"),
        ("countries", "fr"),
        ("starts_on", "demain"),
    ],
)
def test_a_wrong_cell_is_named_and_nothing_is_written(app, file, column, wrong):
    with pytest.raises(Faulty) as faulty:
        load(file({"reward": "BON"}, {column: wrong}))
    assert [(fault.line, fault.column) for fault in faulty.value.faults] == [(3, column)]
    assert db.session.scalar(select(func.count()).select_from(Reward)) == 0


def test_a_reward_that_ends_before_it_starts_is_refused(app, file):
    with pytest.raises(Faulty, match="ends_on: 2026-01-01 is before 2026-02-01"):
        load(file({"starts_on": "2026-02-01", "ends_on": "2026-01-01"}))


def test_a_code_is_there_once(app, file):
    with pytest.raises(Faulty, match="'SPA' is already on line 2"):
        load(file({}, {"name": "Autre"}))


def test_the_command_says_what_it_did_or_what_is_wrong(runner, file):
    assert runner.run("rewards", "import", file({})).stdout == "created 1, updated 0, unchanged 0\n"
    assert "kind: 'money'" in runner.run("rewards", "import", file({"kind": "money"}), exits=1).stderr
