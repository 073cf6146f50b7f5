"""The product against a recomputation in plain Python that shares no code with it (tests/reference)."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskCliRunner
from sqlalchemy import select

from challenges.imports import read_challenge
from challenges.models import Draw
from declarations.amending import amend, close_early, extend
from declarations.publishing import publish_definition
from foundation import clock
from foundation.database import db
from foundation.transactions import transaction
from points.models import Account, Book
from tests.reference import aggregate, recompute, wallet

DATA = Path(__file__).parent / "reference" / "data"
LATER = "mixed-later"  # has a draw, so it is published before its start, and its seed is known
CHALLENGES = sorted(path for path in (DATA / "challenges").glob("*.toml") if path.stem != LATER)
AFTER = "2013-01-01T00:00:00+00:00"


def run(runner: FlaskCliRunner, *arguments: str) -> str:
    """Run one command that must succeed; answers its standard output."""
    result = runner.invoke(args=list(arguments))
    assert result.exit_code == 0, (arguments, result.output, result.exception)
    return result.stdout


def rows(text: str) -> list[dict[str, str]]:
    """A CSV answer as a list of rows."""
    return list(csv.DictReader(io.StringIO(text)))


def sold(folder: Path) -> Path:
    """The declarations of a network, plain or compressed."""
    return next(folder.glob("declarations.csv*"))


def import_before_sales(runner: FlaskCliRunner, folder: Path) -> None:
    """Import who sells what, and what can be won: everything but the sales."""
    run(runner, "network", "import-outlets", str(folder / "outlets.csv"))
    run(runner, "network", "import-people", str(folder / "people.csv"))
    run(runner, "catalogue", "import", str(folder / "products.csv"))
    run(runner, "rewards", "import", str(DATA / "rewards.csv"))


def import_network(runner: FlaskCliRunner, name: str) -> None:
    """Import the four files of a network of tests/reference/data."""
    folder = DATA / name
    import_before_sales(runner, folder)
    imported = run(runner, "declarations", "import", str(sold(folder)), "--historical")
    assert "in review 0, rejected 0, replayed 0" in imported


@pytest.mark.parametrize("path", CHALLENGES, ids=lambda path: path.stem)
def test_a_closed_challenge_is_what_an_independent_recomputation_says(runner: FlaskCliRunner, path: Path) -> None:
    network = path.stem.split("-")[0]
    targets = DATA / f"targets-{network}.csv" if "progress" in path.stem else None
    code = next(line for line in path.read_text().splitlines() if line.startswith("code")).split('"')[1]
    import_network(runner, network)
    if targets is not None:
        run(runner, "challenges", "import", str(path))
        run(runner, "challenges", "targets", code, str(targets))
    run(runner, "challenges", "import", str(path), "--publish")

    live = rows(run(runner, "leaderboards", "export", code))
    run(runner, "jobs", "run", "--at", AFTER)
    final = rows(run(runner, "leaderboards", "export", code))
    expected = recompute.standings(DATA / network, path, targets=targets)
    assert expected, "the case must rank somebody"
    assert final == recompute.as_text(expected)
    assert live == final

    given = rows(run(runner, "rewards", "awards", code))
    assert given == recompute.as_text(recompute.awards(DATA / network, path, DATA / "rewards.csv", targets=targets))
    assert recompute.standings_hash(expected) in run(runner, "challenges", "verify", code)
    run(runner, "points", "verify")


def test_races_draws_and_shares_of_a_budget_too(runner: FlaskCliRunner) -> None:
    path = DATA / "challenges" / f"{LATER}.toml"
    import_network(runner, "mixed")
    with transaction():
        challenge, _ = publish_definition(read_challenge(path), by="ADA", at=datetime(2010, 1, 1, tzinfo=UTC))
    with transaction():
        drawn = db.session.get_one(Draw, challenge.id)
        assert drawn.commitment == hashlib.sha256(drawn.seed.encode()).hexdigest()
        drawn.seed = "graine"
    run(runner, "jobs", "run", "--at", AFTER)
    given = rows(run(runner, "rewards", "awards", "ref-course"))
    expected = recompute.awards(DATA / "mixed", path, DATA / "rewards.csv", seed="graine")
    assert {row["kind"] for row in expected} == {"race", "draw", "convert"}
    assert given == recompute.as_text(expected)
    assert "equal" in run(runner, "challenges", "verify", "ref-course")


def test_a_draw_is_published_before_its_start_or_not_at_all(runner: FlaskCliRunner) -> None:
    import_network(runner, "mixed")
    path = DATA / "challenges" / f"{LATER}.toml"
    result = runner.invoke(args=["challenges", "import", str(path), "--publish"])
    assert result.exit_code == 1
    assert "is published before its start" in result.stderr
    assert "ref-course: draft" in run(runner, "challenges", "import", str(path))


def test_the_order_of_publishing_and_declaring_does_not_matter(runner: FlaskCliRunner) -> None:
    path = DATA / "challenges" / "mixed-feedback.toml"
    folder = DATA / "mixed"
    import_before_sales(runner, folder)
    run(runner, "challenges", "import", str(path), "--publish")
    run(runner, "declarations", "import", str(sold(folder)), "--historical")
    assert rows(run(runner, "leaderboards", "export", "ref-avis")) == recompute.as_text(
        recompute.standings(folder, path)
    )
    again = run(runner, "declarations", "import", str(sold(folder)), "--historical")
    assert again.startswith("accepted 0, in review 0, rejected 0, replayed ")
    run(runner, "points", "verify")


def told_between(folder: Path, first: datetime | None, last: datetime | None, target: Path) -> Path:
    """The declarations of a network told between two instants, the second excluded, as a file of their own."""
    instants: dict[str, datetime] = {}
    with (
        sold(folder).open(encoding="utf-8", newline="") as file,
        target.open("w", encoding="utf-8", newline="") as part,
    ):
        reader = csv.DictReader(file)
        writer = csv.DictWriter(part, reader.fieldnames or ())
        writer.writeheader()
        for row in reader:
            # The first row of a declaration says when it was told.
            told_at = instants.get(row["declaration"]) or datetime.fromisoformat(row["declared_at"])
            instants[row["declaration"]] = told_at
            if (first is None or told_at >= first) and (last is None or told_at < last):
                writer.writerow(row)
    return target


def test_an_amended_extended_and_shortened_challenge_too(runner: FlaskCliRunner, tmp_path: Path) -> None:
    folder = DATA / "mixed"
    first, second, last = (
        DATA / "challenges" / name
        for name in ("mixed-points-objective.toml", "amended/objectif-2.toml", "amended/objectif-4.toml")
    )
    import_before_sales(runner, folder)
    with transaction():
        challenge, _ = publish_definition(read_challenge(first), by="ADA", at=datetime(2010, 12, 1, tzinfo=UTC))

    def amend_them(at: datetime) -> None:
        amend(challenge, read_challenge(second), date(2011, 3, 15), "Autrement", by="ADA", at=at)

    def extend_it(at: datetime) -> None:
        extend(challenge, date(2011, 7, 10), "Plus longtemps", by="ADA", at=at)

    def shorten_it(at: datetime) -> None:
        close_early(challenge, date(2011, 6, 12), "Rupture", by="ADA", at=at)

    before = None
    for decide, at in (
        (amend_them, datetime(2011, 3, 14, 12, tzinfo=UTC)),
        (extend_it, datetime(2011, 4, 20, 12, tzinfo=UTC)),
        (shorten_it, datetime(2011, 6, 10, 12, tzinfo=UTC)),
    ):
        part = told_between(folder, before, at, tmp_path / "part.csv")
        run(runner, "declarations", "import", str(part), "--historical")
        run(runner, "jobs", "run", "--at", at.isoformat())
        board = run(runner, "leaderboards", "export", "ref-objectif")
        with transaction():
            decide(at)
        assert run(runner, "leaderboards", "export", "ref-objectif") == board
        before = at
    part = told_between(folder, before, None, tmp_path / "part.csv")
    run(runner, "declarations", "import", str(part), "--historical")
    run(runner, "jobs", "run", "--at", AFTER)

    amended = [(date(2011, 3, 15), second), (date(2011, 6, 11), last)]
    expected = recompute.standings(folder, first, amended=amended)
    assert expected != recompute.standings(folder, first) != recompute.standings(folder, last) != expected
    assert rows(run(runner, "leaderboards", "export", "ref-objectif")) == recompute.as_text(expected)
    given = rows(run(runner, "rewards", "awards", "ref-objectif"))
    assert given == recompute.as_text(recompute.awards(folder, first, DATA / "rewards.csv", amended=amended))
    assert "threshold" in {row["kind"] for row in given}
    assert recompute.standings_hash(expected) in run(runner, "challenges", "verify", "ref-objectif")
    run(runner, "points", "verify")


ADJUSTED = ("mixed-points-objective", "mixed-feedback", "mixed-outlets", "mixed-audience", "mixed-outlet-progress")
BY_HAND = datetime(2011, 3, 5, 12, tzinfo=UTC)  # while all of them run
ZONE = ZoneInfo("Europe/Paris")
DAYS = 30


def given_by_hand(board: Any) -> list[tuple[str, datetime, int]]:
    """A bonus for the last who scored and for somebody without points, a correction of the first."""
    people = sorted(board.folds, key=lambda code: (-board.folds[code].points, code))
    scored = [code for code in people if board.folds[code].points]
    silent = [code for code in people if not board.folds[code].points]
    return [(scored[0], BY_HAND, -5), (scored[-1], BY_HAND, 1_000), *((code, BY_HAND, 40) for code in silent[:1])]


@pytest.mark.parametrize("name", ADJUSTED)
def test_points_given_by_hand_too_and_every_wallet_after_reversals_and_expiry(
    runner: FlaskCliRunner, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path, folder = DATA / "challenges" / f"{name}.toml", DATA / "mixed"
    adjusted = given_by_hand(recompute.compute(folder, path))
    import_network(runner, "mixed")
    run(runner, "network", "import-people", str(DATA / "staff.csv"))
    run(runner, "programme", "set", "adjustment_points_above", "1000000")
    run(runner, "challenges", "import", str(path), "--publish")
    run(runner, "jobs", "run", "--at", BY_HAND.isoformat())
    code = next(line for line in path.read_text().splitlines() if line.startswith("code")).split('"')[1]

    def by_hand(at: datetime, *words: str) -> None:
        monkeypatch.setattr(clock, "now", lambda: at)
        run(runner, "points", *words, "--reason", "Salon", "--by", "ANIM")

    for person, at, points in adjusted:
        by_hand(at, "adjust", person, str(points), "--book", code)
    run(runner, "programme", "set", "wallet_points_expire_after_days", str(DAYS))
    given: dict[str, wallet.Wallet] = defaultdict(lambda: wallet.Wallet(ZONE))
    first = adjusted[0][0]
    by_hand(BY_HAND, "adjust", first, "70")
    given[first].credit("adjustment/bonus", 70, BY_HAND, DAYS)
    run(runner, "programme", "set", "wallet_points_expire_after_days", "0")
    by_hand(BY_HAND, "adjust", first, "-30")
    given[first].correct(30, BY_HAND)
    run(runner, "jobs", "run", "--at", AFTER)

    closed = datetime.fromisoformat(AFTER)
    expected = recompute.standings(folder, path, adjusted=adjusted)
    assert expected != recompute.standings(folder, path)
    assert rows(run(runner, "leaderboards", "export", code)) == recompute.as_text(expected)
    awards = recompute.awards(folder, path, DATA / "rewards.csv", adjusted=adjusted)
    assert rows(run(runner, "rewards", "awards", code)) == recompute.as_text(awards)
    assert recompute.standings_hash(expected) in run(runner, "challenges", "verify", code)

    people = recompute.load(folder).people
    credits = [
        (one["person"], f"closing/{code}/{one['payout']}/{one['person']}", one["wallet_points"])
        for one in awards
        if one["wallet_points"] and one["status"] == "granted" and one["person"] in people
    ]
    for person, reference, points in credits:
        given[person].credit(reference, points, closed)
    for place, (person, reference, points) in enumerate(credits[:6]):
        at = closed + timedelta(days=place + 1)
        run(runner, "programme", "set", "reversal_policy", "forgive" if place % 3 == 2 else "debt")
        if place % 2:  # part of it
            by_hand(at, "revert", reference, "--points", str(max(points // 2, 1)))
            given[person].take_back(reference, at, points=max(points // 2, 1))
        else:
            by_hand(at, "adjust", person, str(-points))
            given[person].correct(points, at, forgive=place % 3 == 2)
            by_hand(at, "revert", reference)
            given[person].take_back(reference, at, forgive=place % 3 == 2)
            by_hand(at, "adjust", person, "3")
            given[person].credit(f"adjustment/{place}", 3, at)
    for one in given.values():
        one.expire(closed + timedelta(days=40))
    run(runner, "jobs", "run", "--at", (closed + timedelta(days=40)).isoformat())
    held = select(Account.holder, Account.balance).join(Book).where(Book.name == "wallet", Account.person_id > 0)
    assert {holder: points for holder, points in db.session.execute(held)} == {
        person: one.balance for person, one in given.items()
    }
    run(runner, "points", "verify")


def insight_cases() -> list[Any]:
    """The cases of tests/reference/data/insight-cases.csv."""
    with (DATA / "insight-cases.csv").open() as file:
        return [
            pytest.param(case, id="-".join(case.values()))
            for case in csv.DictReader(line for line in file if not line.startswith("#"))
        ]


@pytest.mark.parametrize("network", ["slice", "mixed"])
def test_insight_is_what_an_independent_aggregation_says(runner: FlaskCliRunner, network: str, tmp_path: Path) -> None:
    import_network(runner, network)
    checked = 0
    for parameter in insight_cases():
        case = parameter.values[0]
        if case["network"] != network:
            continue
        target = tmp_path / "insight.csv"
        run(
            runner, "insights", "export", "--from", case["from"], "--until", case["until"], "--by", case["by"],
            "--to", str(target),
        )  # fmt: skip
        lines = target.read_text(encoding="utf-8-sig").splitlines(keepends=True)
        found = rows("".join(line for line in lines if not line.startswith("#")))
        expected = aggregate.insight(DATA / network, case["from"], case["until"], case["by"])
        assert found == [{key: str(value) for key, value in row.items()} for row in expected], case
        checked += 1
    assert checked > 5


def test_closing_before_the_end_does_nothing(runner: FlaskCliRunner) -> None:
    path = DATA / "challenges" / "mixed-feedback.toml"
    import_network(runner, "mixed")
    run(runner, "challenges", "import", str(path), "--publish")
    run(runner, "jobs", "run", "--at", datetime(2010, 1, 1, tzinfo=UTC).isoformat())
    result = runner.invoke(args=["challenges", "verify", "ref-avis"])
    assert result.exit_code == 1
    assert "it has no closing yet" in result.stderr
