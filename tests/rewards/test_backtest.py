"""A backtest: what a challenge would have given on past sales, as really running it would, and nothing written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, func, select

from challenges.definition import Definition, definition_from
from challenges.imports import read_challenge
from challenges.models import Draw, Participant
from declarations.publishing import publish_definition
from foundation import clock
from foundation.database import Base, db
from foundation.transactions import transaction
from leaderboards.models import FinalStanding
from network.models import Outlet
from rewards.backtest import Backtest, Cancelled, backtest, deciles, on_period, top_tenth_bp
from rewards.models import Award, Reward
from tests.cast import Cast
from tests.conftest import Runner
from tests.declarations.stage import sell
from tests.test_reference import AFTER, DATA, import_network, rows

CHALLENGES = sorted((DATA / "challenges").glob("*.toml"))
NOW = datetime(2026, 6, 1, tzinfo=UTC)
RULES: list[dict[str, Any]] = [{"id": "unites", "counts": "units", "points": 10}]


def draft(**changes: Any) -> Definition:
    """A challenge of January and February 2026."""
    data = {
        "code": "essai", "name": "Essai", "starts_on": "2026-01-05", "ends_on": "2026-03-01", "rules": RULES,
    }  # fmt: skip
    return definition_from(data | changes)


def winter(definition: Definition, **options: Any) -> Backtest:
    """Its backtest over its own period."""
    return backtest(definition, definition.starts_on, definition.ends_on, at=NOW, **options)


def reward(code: str = "SPA", cost_cents: int = 20_000) -> None:
    """An article in the catalogue."""
    with transaction():
        db.session.add(
            Reward(
                code=code, name=code, kind="gift", cost_cents=cost_cents, price_points=None, stock=None,
                limit_per_person=None, countries="", starts_on=None, ends_on=None,
            )
        )  # fmt: skip


def everything() -> dict[str, str]:
    """A digest of every table."""
    db.session.rollback()
    found = {}
    for table in Base.metadata.sorted_tables:
        content = sorted(repr(tuple(row)) for row in db.session.execute(select(table)))
        found[table.name] = f"{len(content)} {hashlib.sha256(json.dumps(content).encode()).hexdigest()}"
    return found


@contextmanager
def statements() -> Iterator[list[str]]:
    """The SQL that is sent meanwhile."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        sent.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


@pytest.mark.parametrize("path", CHALLENGES, ids=lambda path: path.stem)
def test_a_backtest_over_the_own_period_is_what_publishing_and_closing_give(
    runner: Runner, path: Path, tmp_path: Path
) -> None:
    import_network(runner, path.stem.split("-")[0])
    definition = read_challenge(path)
    before = everything()
    found = winter(definition, seed="graine")
    runner.run(
        "challenges", "backtest", path, "--from", definition.starts_on, "--until", definition.ends_on,
        "--to", tmp_path / "standings.csv", "--awards", tmp_path / "awards.csv",
    )  # fmt: skip
    assert everything() == before

    with transaction():
        challenge, _ = publish_definition(definition, by="ADA", at=datetime(2010, 1, 1, tzinfo=UTC))
    drawn = db.session.get(Draw, challenge.id)
    if drawn is not None:
        with transaction():
            drawn.seed = "graine"
    runner.run("jobs", "run", "--at", AFTER)

    db.session.rollback()
    final = FinalStanding
    assert [tuple(line) for line in found.standings] == [
        tuple(row)
        for row in db.session.execute(
            select(
                final.league, final.rank, final.competitor, final.name, final.points, final.progress_bp,
                final.reached_at,
            )
            .where(final.challenge_id == challenge.id)
            .order_by(final.league, final.rank, final.competitor)
        )
    ]  # fmt: skip
    assert found.standings, "the case must rank somebody"
    assert [
        (one.payout, one.kind, one.league, one.rank, one.code, one.points, one.reward, one.wallet_points,
         one.cost_cents, one.status)
        for one in found.awards
    ] == [
        tuple(row)
        for row in db.session.execute(
            select(
                Award.payout, Award.kind, Award.league, Award.rank, Award.competitor, Award.points, Reward.code,
                Award.wallet_points, Award.cost_cents, Award.status,
            )
            .outerjoin(Reward, Reward.id == Award.reward_id)
            .where(Award.challenge_id == challenge.id)
            .order_by(Award.payout, Award.league, Award.rank, Award.competitor)
        )
    ]  # fmt: skip
    people = db.session.scalar(
        select(func.count()).select_from(Participant).where(Participant.challenge_id == challenge.id)
    )
    assert found.people == people
    assert found.cost_cents == sum(one.cost_cents for one in found.awards if one.status == "granted")

    code = definition.code
    assert (tmp_path / "standings.csv").read_text() == runner.run("leaderboards", "export", code).stdout
    if drawn is None:
        assert (tmp_path / "awards.csv").read_text() == runner.run("rewards", "awards", code).stdout


def test_nothing_but_reading_is_sent_to_the_database(app: Flask, cast: Cast) -> None:
    sell("AWA", [("CREME", 4)], name="a")
    with statements() as sent:
        assert winter(draft()).points == 40
    assert {statement.split()[0].upper() for statement in sent} <= {"SELECT", "BEGIN", "ROLLBACK", "PRAGMA"}
    assert not db.session.new and not db.session.dirty


def test_a_backtest_of_a_month_is_what_running_that_month_gives(runner: Runner, tmp_path: Path) -> None:
    import_network(runner, "slice")
    text = (DATA / "challenges" / "slice-caps.toml").read_text()
    month = text.replace("2011-02-14", "2011-04-01").replace("2011-06-15", "2011-04-30")
    month = "\n".join(line for line in month.splitlines() if not line.startswith("declare_until"))
    (tmp_path / "long.toml").write_text(text)
    (tmp_path / "month.toml").write_text(month)
    found = backtest(read_challenge(tmp_path / "long.toml"), date(2011, 4, 1), date(2011, 4, 30), at=NOW)
    with transaction():
        publish_definition(read_challenge(tmp_path / "month.toml"), by="ADA", at=NOW)
    really = rows(runner.run("leaderboards", "export", "ref-plafonds").stdout)
    assert [(line.code, line.rank, line.points) for line in found.standings] == [
        (row["person"], int(row["rank"]), int(row["points"])) for row in really
    ]
    assert really


def test_sales_that_wait_or_came_too_late_do_not_count(app: Flask, cast: Cast) -> None:
    sell("AWA", [("CREME", 4)], name="a", sold_on=date(2026, 1, 31))
    told = sell("BRUNO", [("CREME", 90_000)], name="b", sold_on=date(2026, 1, 31))
    assert told.status == "in_review"
    found = winter(draft())
    assert [(line.code, line.points) for line in found.standings] == [("AWA", 40)]
    until_noon = draft(ends_on="2026-01-31", declare_until="2026-02-04T12:00:00+01:00")
    assert winter(until_noon).points == 40, "told at eleven"
    assert winter(draft(ends_on="2026-01-31", declare_until="2026-02-04T11:00:00+01:00")).is_empty


def test_suspended_people_are_nowhere(app: Flask, cast: Cast) -> None:
    sell("AWA", [("CREME", 4)], name="a")
    sell("BRUNO", [("CREME", 3)], name="b")
    with transaction():
        cast.awa.suspended_at = NOW
    found = winter(draft(payouts=[{"kind": "convert", "every": 10, "into": 1}]))
    assert [line.code for line in found.standings] == ["BRUNO"]
    assert [one.code for one in found.awards] == ["BRUNO"]
    assert (found.people, found.active, found.scoring, found.points) == (3, 1, 1, 30)


def test_people_of_health_outlets_win_nothing(app: Flask, cast: Cast) -> None:
    sell("AWA", [("CREME", 4)], name="a")
    with transaction():
        outlet = db.session.scalar(select(Outlet).where(Outlet.code == "PDV-BREST"))
        assert outlet is not None
        outlet.health = True
    found = winter(draft(payouts=[{"kind": "convert", "every": 10, "into": 1}]))
    assert [line.code for line in found.standings] == ["AWA"]
    assert found.awards == ()


# --- another period --------------------------------------------------------------------------------------------------


def test_the_own_period_leaves_the_file_as_it_is(app: Flask) -> None:
    own = draft(declare_until="2026-03-04T12:00:00+01:00")
    assert on_period(own, own.starts_on, own.ends_on) == (own, 0)


def test_days_inside_the_own_period_move_no_date(app: Flask) -> None:
    rules = [RULES[0] | {"when": {"from": "2026-01-10", "to": "2026-01-20"}}]
    own = draft(rules=rules, declare_until="2026-03-04T12:00:00+01:00", freeze_board_on="2026-02-20")
    played, shifted = on_period(own, date(2026, 1, 5), date(2026, 1, 31))
    assert shifted == 0
    assert (played.starts_on, played.ends_on) == (date(2026, 1, 5), date(2026, 1, 31))
    assert played.canonical()["rules"] == own.canonical()["rules"]
    assert played.declares_until == clock.parse_instant("2026-02-04T00:00:00+01:00"), "the default, not the file's"


def test_another_period_moves_the_dates_inside_with_its_start(app: Flask) -> None:
    rules = [RULES[0] | {"when": {"from": "2026-01-10", "to": "2026-01-20", "weekdays": [6]}}]
    baseline = {"from": "2025-01-01", "to": "2025-01-31"}
    own = draft(rules=rules, objective={"measure": "units", "baseline": baseline})
    played, shifted = on_period(own, date(2025, 1, 6), date(2025, 3, 2))
    assert shifted == -364
    assert played.canonical()["rules"][0]["when"] == {"from": "2025-01-11", "to": "2025-01-21", "weekdays": [6]}
    assert played.canonical()["objective"]["baseline"] == {"from": "2024-01-03", "to": "2024-02-02"}


def test_a_draft_for_next_year_is_played_on_this_winter(app: Flask, cast: Cast) -> None:
    sell("AWA", [("CREME", 4)], name="a")
    played_on = winter(draft()).standings
    rules = [RULES[0] | {"when": {"from": "2027-01-04", "to": "2027-02-28"}}]
    later = draft(starts_on="2027-01-04", ends_on="2027-02-28", rules=rules)
    found = backtest(later, date(2026, 1, 5), date(2026, 3, 1), at=NOW)
    assert found.shifted == -364
    assert found.standings == played_on != ()


# --- what it says ----------------------------------------------------------------------------------------------------


def test_steps_are_counted_and_the_first_is_what_most_people_reach(app: Flask, cast: Cast) -> None:
    sell("AWA", [("CREME", 4)], name="a")
    sell("BRUNO", [("CREME", 3)], name="b")
    sell("NINA", [("CREME", 1)], name="n", channel="meeting")
    milestone = {"id": "trois", "counts": "milestone", "measure": "units", "at": 3, "points": 5}
    found = winter(draft(rules=[*RULES, milestone], payouts=[{"kind": "threshold", "points": 40, "wallet": 5}]))
    assert [tuple(step) for step in found.milestones] == [("milestone", "trois", "units", 3, 2)]
    assert found.first_step.name == "trois" and found.first_step_bp == 6_666
    assert [(one.payout, one.granted) for one in found.payouts] == [(1, 1)]
    easier = winter(draft(rules=[*RULES, milestone], payouts=[{"kind": "threshold", "points": 10, "wallet": 5}]))
    assert tuple(easier.first_step) == ("threshold", "1", "points", 10, 3)
    assert tuple(winter(draft()).first_step) == ("points", "", "points", 1, 3)


def test_who_could_act_and_who_wins_is_counted(app: Flask, cast: Cast) -> None:
    sell("AWA", [("CREME", 4)], name="a")
    sell("BRUNO", [("CREME", 3)], name="b")
    sell("NINA", [("CREME", 1)], name="n", channel="meeting")
    rules = [
        RULES[0] | {"cap": {"points": 30, "per": "challenge"}},
        {"id": "reunion", "counts": "declaration", "points": 1, "when": {"channels": ["meeting"]}},
        {"id": "en-ligne", "counts": "boost", "factor": "2", "when": {"channels": ["online"]}},
        {"id": "trois", "counts": "milestone", "measure": "units", "at": 3, "points": 5},
    ]
    found = winter(draft(rules=rules, league_by="potential"))
    assert [tuple(one) for one in found.used] == [
        ("unites", "units", 3), ("reunion", "declaration", 1), ("en-ligne", "boost", 0), ("trois", "milestone", 2),
    ]  # fmt: skip
    assert [tuple(one) for one in found.leagues] == [
        ("high", ("franchisee",), ("franchisee",)),
        ("low", ("vdi",), ("vdi",)),
        ("medium", ("reseller",), ("reseller",)),
    ]
    [together] = winter(draft()).leagues
    assert tuple(together) == ("", ("franchisee", "reseller", "vdi"), ("reseller", "franchisee", "vdi"))
    assert [hint.kind for hint in found.hints] == ["unused_rule"]
    assert winter(draft()).hints == []
    by_outlet = winter(draft(ranks="outlet"))
    assert by_outlet.leagues[0].rewarded == ("reseller", "franchisee", "vdi")


def test_a_budget_says_whom_it_does_not_reach_first(app: Flask, cast: Cast) -> None:
    reward(cost_cents=3_000)
    sell("AWA", [("CREME", 4)], name="a")
    sell("BRUNO", [("CREME", 3)], name="b")
    payouts = [{"kind": "rank", "from": 1, "to": 2, "reward": "SPA"}]
    found = winter(draft(payouts=payouts, budget=50))
    assert (found.cost_cents, found.wanted_cents, found.budget_cents) == (3_000, 6_000, 5_000)
    assert found.short is not None and found.short.code == "BRUNO"
    assert [(one.granted, one.not_funded) for one in found.payouts] == [(1, 1)]
    assert winter(draft(payouts=payouts, budget=60)).short is None
    shared = winter(draft(payouts=[{"kind": "convert", "every": 1, "into": 100}], budget=35, budget_policy="pro_rata"))
    assert shared.short is not None and shared.short.code == "AWA"
    assert (shared.cost_cents, shared.wanted_cents) == (3_500, 7_000)


def test_what_caps_take_and_boosts_give_is_told_by_person(app: Flask, cast: Cast) -> None:
    sell("AWA", [("CREME", 4)], name="a")
    sell("BRUNO", [("CREME", 2)], name="b")
    rules = [
        RULES[0] | {"cap": {"points": 30, "per": "day"}},
        {"id": "double", "counts": "boost", "factor": "2"},
    ]
    found = winter(draft(rules=rules, cap_total=50))
    # Awa: 40 cut to 30 by the day, doubled to 60, of which the challenge takes 10. Bruno: 20, doubled, nothing taken.
    assert [(one.code, one.points, one.cut, one.boosted) for one in found.tempted] == [
        ("AWA", 50, 20, 20),
        ("BRUNO", 40, 0, 20),
    ]
    assert winter(draft()).tempted == ()


@pytest.mark.any_engine
def test_tenths_are_totals_that_somebody_has() -> None:
    assert deciles([]) == ()
    assert deciles([7]) == (7,) * 11
    assert deciles(list(range(1, 101))) == (1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)
    assert deciles([0, 0, 5]) == (0, 0, 0, 0, 0, 0, 0, 5, 5, 5, 5)


@pytest.mark.any_engine
def test_the_first_tenth_is_rounded_up_to_a_person() -> None:
    assert top_tenth_bp([]) is None
    assert top_tenth_bp([0, 0]) is None
    assert top_tenth_bp([10, 20, 70]) == 7_000
    assert top_tenth_bp([1] * 20) == 1_000
    assert top_tenth_bp([1] * 21) == 1_428


def test_progress_is_told_and_it_can_be_stopped(app: Flask, cast: Cast) -> None:
    told: list[tuple[int, int]] = []
    winter(draft(), progress=lambda done, total: told.append((done, total)))
    assert told == [(4, 4)]
    with pytest.raises(Cancelled):
        winter(draft(), cancelled=lambda: True)


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A challenge as a file."""
    path = tmp_path / "essai.toml"
    path.write_text(
        'code = "essai"\nname = "Essai"\nstarts_on = 2026-01-05\nends_on = 2026-03-01\nbudget = 1\n'
        'rules = [{ id = "unites", counts = "units", points = 10 }]\n'
        'payouts = [{ kind = "convert", every = 1, into = 10 }]\n'
    )
    return path


def test_the_command_tells_standings_winners_and_cost(runner: Runner, cast: Cast, file: Path) -> None:
    sell("AWA", [("CREME", 4)], name="a")
    sell("BRUNO", [("CREME", 1)], name="b")
    said = runner.run("challenges", "backtest", file, "--from", "2026-01-05", "--until", "2026-03-01").stdout
    assert "Essai (essai) on sales of 2026-01-05 to 2026-03-01" in said
    assert "4 people, 2 with a sale that counts, 2 with points; 2 declarations, 50 points" in said
    assert "First step: the first point, reached by 2, 100.00 % of active people" in said
    assert "holds 80.00 % of the points" in said
    assert (
        "Cost: 0.00 EUR of a budget of 1.00 EUR, which is reached: 5.00 EUR would be needed; "
        "the first not paid in full is AWA, payout 1 (convert), rank 1"
    ) in said
    assert "  ,1,AWA,Awa Diallo,40,,2026-02-04T10:00:00.000000Z" in said
    assert "  1,convert,AWA,1,40,,400,400,not_funded" in said


def test_a_period_without_declarations_says_so(runner: Runner, cast: Cast, file: Path) -> None:
    words = ("challenges", "backtest", file, "--from", "2020-01-01", "--until", "2020-01-31")
    assert "There are no accepted sales yet." in runner.run(*words).stdout
    sell("AWA", [("CREME", 4)], name="a")
    said = runner.run(*words).stdout
    assert "No declaration of this period counts among the 4 people of today's audience." in said
    assert "Accepted sales are from 2026-02-04 to 2026-02-04." in said


def test_the_command_tells_the_contribution_and_hints(runner: Runner, cast: Cast, file: Path) -> None:
    sell("AWA", [("CREME", 4)], name="a")
    words = ("challenges", "backtest", file, "--from", "2026-01-05", "--until", "2026-03-01")
    file.write_text(file.read_text().replace("budget = 1\n", "").replace("into = 10", "into = 1250"))
    said = runner.run(*words).stdout
    # 40 points at 12.50 € each are 500 €: 20 % of 500.00 − 273.45.
    assert "Cost: 500.00 EUR, without a budget\nContribution of €45.31 for 1 person employed by an outlet" in said
    assert "Hint:" not in said
    file.write_text(file.read_text().replace('counts = "units"', 'counts = "units", when = { channels = ["online"] }'))
    assert "Hint: nobody could act on the rule “unites” — widen what it asks for" in runner.run(*words).stdout
    file.write_text(file.read_text().replace("2026-01-05", "2031-01-06").replace("2026-03-01", "2031-03-02"))
    assert "The figures of the law for 2031 are not known" in runner.run(*words).stdout


def test_the_command_shows_variants_side_by_side(runner: Runner, cast: Cast, file: Path, tmp_path: Path) -> None:
    sell("AWA", [("CREME", 4)], name="a")
    other = tmp_path / "plafonds.toml"
    other.write_text(file.read_text().replace("budget = 1\n", "cap_total = 25\n"))
    days = ("--from", "2026-01-05", "--until", "2026-03-01")
    said = runner.run("challenges", "backtest", file, other, file, *days, "--to", tmp_path / "one.csv").stdout
    lines = said.splitlines()
    assert [line for line in lines if line.startswith("===")] == [
        f"=== {file}", f"=== {other}", f"=== {file}", "=== side by side",
    ]  # fmt: skip
    table = {line[:17].strip(): line[17:].split() for line in lines[lines.index("=== side by side") + 1 :]}
    assert table[""] == ["essai", "plafonds", "essai"]
    assert table["points"] == ["40", "25", "40"]
    assert table["budget reached"] == ["yes", "yes"], "the second has none"
    assert rows((tmp_path / "one.csv").read_text())[0]["points"] == "40", "files are of the first"
    assert "give 1 to 3" in runner.run("challenges", "backtest", file, file, file, file, *days, exits=2).stderr
    alone = runner.run("challenges", "backtest", file, *days).stdout
    assert "===" not in alone


def test_impossible_days_and_a_wrong_file_are_refused(runner: Runner, cast: Cast, file: Path) -> None:
    words = ("challenges", "backtest", file)
    backwards = runner.run(*words, "--from", "2026-02-01", "--until", "2026-01-01", exits=1)
    assert "before it begins" in backwards.stderr
    assert "is not a date" in runner.run(*words, "--from", "février", "--until", "2026-01-01", exits=1).stderr
    early = runner.run(*words, "--from", "1999-02-01", "--until", "2000-01-01", exits=1)
    assert "is not in 2000 to 2199" in early.stderr
    assert "Missing option '--until'" in runner.run(*words, "--from", "2026-02-01", exits=2).stderr
    file.write_text(file.read_text().replace("starts_on", "starts"))
    wrong = runner.run(*words, "--from", "2026-01-05", "--until", "2026-03-01", exits=1)
    assert f"{file}:" in wrong.stderr and "starts" in wrong.stderr
