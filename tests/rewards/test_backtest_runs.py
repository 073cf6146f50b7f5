"""Backtests asked for in the studio: one worker each, whatever happens to processes, and an answer or a sentence."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, current_app
from sqlalchemy import func, select, update

from challenges.definition import Definition, definition_from
from foundation import clock
from foundation.database import db
from foundation.models import AuditEntry
from foundation.settings import Settings
from foundation.transactions import transaction
from leaderboards.models import Standing
from points.models import Entry
from rewards.backtest_runs import cancel_run, claim_run, finish_run, forget_runs, hear, request_run, silent_runs
from rewards.backtest_worker import start, work
from rewards.jobs import forget_backtests, take_over_backtests
from rewards.models import BacktestRun
from tests.cast import Cast
from tests.declarations.stage import sell

ASKED = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
WINTER = date(2026, 1, 5), date(2026, 3, 1)


def draft(**changes: Any) -> Definition:
    """A challenge of the winter after: ten points a unit."""
    data = {
        "code": "essai", "name": "Essai", "starts_on": "2027-01-04", "ends_on": "2027-02-28",
        "rules": [{"id": "unites", "counts": "units", "points": 10}],
    }  # fmt: skip
    return definition_from(data | changes)


def ask(*variants: Definition, at: datetime = ASKED) -> int:
    """Ask for a backtest over the winter; answers its id."""
    with transaction():
        labelled = [(f"variante {place}", one) for place, one in enumerate(variants or (draft(),), 1)]
        return request_run("essai", labelled, *WINTER, by="MARC", at=at).id


def look(run_id: int) -> BacktestRun:
    """The run as it is now."""
    db.session.rollback()
    return db.session.get_one(BacktestRun, run_id)


class Hand:
    """A clock that ticks a second at each look, and does something at some of them."""

    def __init__(self, **acts: Callable[[], object]) -> None:
        self.looks = 0
        self.acts = acts

    def __call__(self) -> datetime:
        self.looks += 1
        act = self.acts.get(f"look_{self.looks}")
        if act is not None:
            with current_app.app_context():
                act()
        return ASKED + timedelta(seconds=self.looks)


@pytest.fixture
def sales(app: Flask, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Awa sold 4, Bruno 3, Nina 1; people are folded one by one."""
    monkeypatch.setattr("declarations.scoring.CHUNK", 1)
    sell("AWA", [("CREME", 4)], name="a")
    sell("BRUNO", [("CREME", 3)], name="b")
    sell("NINA", [("CREME", 1)], name="n", channel="meeting")


def test_what_is_asked_for_is_worked_on_and_answered(sales: None) -> None:
    run_id = ask(draft(), draft(cap_total=30))
    assert look(run_id).state == "waiting"
    assert work(run_id, Hand()) == "done"
    run = look(run_id)
    assert run.state == "done" and run.finished_at is not None
    assert (run.done, run.total) == (8, 8), "four people, two variants"
    assert [(one["label"], one["points"]) for one in run.results or []] == [("variante 1", 80), ("variante 2", 70)]
    first = (run.results or [])[0]
    assert {name: first[name] for name in ("people", "active", "scoring", "declarations", "first_step_bp")} == {
        "people": 4, "active": 3, "scoring": 3, "declarations": 3, "first_step_bp": 10_000,
    }  # fmt: skip
    assert [line["code"] for line in first["standings"][0]["lines"]] == ["AWA", "BRUNO", "NINA"]
    assert "Diallo" not in str(run.results), "names are read when it is shown"
    audited = db.session.scalars(select(AuditEntry.act).where(AuditEntry.subject == "essai")).all()
    assert audited == ["backtest.asked"]


def test_neither_ledger_nor_boards_are_written(sales: None) -> None:
    work(ask(), Hand())
    db.session.rollback()
    for table in (Entry, Standing):
        assert db.session.scalar(select(func.count()).select_from(table)) == 0


def test_progress_can_be_read_meanwhile(sales: None) -> None:
    run_id = ask()
    seen: list[tuple[str, int, int]] = []

    def note() -> None:
        run = db.session.get_one(BacktestRun, run_id)
        seen.append((run.state, run.done, run.total))

    work(run_id, Hand(look_3=note, look_4=note))
    assert seen == [("running", 1, 4), ("running", 2, 4)]


def test_a_cancelled_run_stops_at_the_next_batch(sales: None) -> None:
    run_id = ask()

    def cancel() -> None:
        with transaction():
            assert cancel_run(db.session.get_one(BacktestRun, run_id), by="MARC", at=ASKED)

    hand = Hand(look_3=cancel)
    assert work(run_id, hand) == "cancelled"
    assert hand.looks == 3, "nothing was looked at any more"
    run = look(run_id)
    assert (run.state, run.done, run.results) == ("cancelled", 1, None)
    with transaction():
        assert not cancel_run(look(run_id), by="MARC", at=ASKED), "once"
    assert work(run_id, Hand()) is None, "and nobody begins it anew"


def test_cancelled_after_the_last_batch_it_keeps_no_answer(sales: None) -> None:
    run_id = ask()

    def cancel() -> None:
        with transaction():
            cancel_run(db.session.get_one(BacktestRun, run_id), by="MARC", at=ASKED)

    assert work(run_id, Hand(look_6=cancel)) == "cancelled"
    assert look(run_id).results is None


def test_two_workers_at_once_are_one(app: Flask, sales: None) -> None:
    run_id = ask()
    barrier = threading.Barrier(2)
    outcomes: list[str | None] = []

    def race() -> None:
        with app.app_context():
            barrier.wait(30)
            outcomes.append(work(run_id, clock.now))

    threads = [threading.Thread(target=race) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(map(str, outcomes)) == ["None", "done"]


def test_who_was_silent_too_long_has_lost_the_run(app: Flask, cast: Cast) -> None:
    run_id = ask()
    with transaction():
        assert claim_run(run_id, at=ASKED)
    with transaction():
        assert not claim_run(run_id, at=ASKED + timedelta(seconds=60)), "a minute of silence is allowed"
        assert claim_run(run_id, at=ASKED + timedelta(seconds=61))
    with transaction():
        assert not hear(run_id, ASKED, 1, 4, at=ASKED + timedelta(seconds=62)), "the first is told to stop"
        assert not finish_run(run_id, ASKED, [], at=ASKED + timedelta(seconds=63))
        assert hear(run_id, ASKED + timedelta(seconds=61), 1, 4, at=ASKED + timedelta(seconds=64))


def test_a_run_nobody_came_to_is_taken_over_by_the_clock(app: Flask, sales: None) -> None:
    run_id = ask()
    assert list(take_over_backtests(ASKED + timedelta(seconds=30))) == [], "its own thread may still come"
    assert list(take_over_backtests(ASKED + timedelta(seconds=61))) == [f"backtest {run_id}: done"]
    assert list(take_over_backtests(ASKED + timedelta(seconds=200))) == []


def test_a_killed_process_is_followed_by_another_with_the_same_answer(
    app: Flask, settings: Settings, sales: None, tmp_path: Path
) -> None:
    drawn = draft(payouts=[{"kind": "draw", "winners": 1, "tickets_per": 10, "wallet": 50_000}])
    run_id = ask(drawn)
    killed = subprocess.run(
        [sys.executable, "-m", "tests.rewards.killed_backtest", settings.database_url, str(tmp_path), str(run_id), "3"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert look(run_id).state == "running" and look(run_id).done == 1
    assert silent_runs(ASKED + timedelta(minutes=5)) == [run_id]
    assert list(take_over_backtests(clock.now())) == [f"backtest {run_id}: done"]
    first = look(run_id).results
    assert first and first[0]["payouts"][0]["granted"] == 1

    with transaction():
        db.session.execute(update(BacktestRun).values(state="running", heard_at=ASKED, results=None, finished_at=None))
    assert list(take_over_backtests(clock.now())) == [f"backtest {run_id}: done"]
    assert look(run_id).results == first


def test_what_is_told_meanwhile_is_neither_seen_nor_held_up(sales: None) -> None:
    run_id = ask()
    assert work(run_id, Hand(look_2=lambda: sell("NINA", [("CREME", 9)], name="late", channel="meeting"))) == "done"
    assert (look(run_id).results or [])[0]["points"] == 80
    again = ask()
    work(again, Hand())
    assert (look(again).results or [])[0]["points"] == 170


def test_a_refusal_is_told_in_the_language_of_who_asked(sales: None, cast: Cast) -> None:
    gone = draft(payouts=[{"kind": "rank", "from": 1, "to": 1, "reward": "SPA"}])
    run_id = ask(gone)
    assert work(run_id, Hand()) == "failed"
    assert look(run_id).failure.startswith("gain n° 1\u00a0: «\u00a0SPA\u00a0» n’est pas un article du catalogue")
    with transaction():
        cast.marc.language = "en"
    again = ask(gone)
    work(again, Hand())
    assert look(again).failure.startswith("payout 1: “SPA” is not an article of the reward catalogue")
    assert look(again).finished_at is not None


def test_a_fault_of_ours_is_logged_and_told(
    sales: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("of all things")

    monkeypatch.setattr("rewards.backtest_worker.backtest", broken)
    run_id = ask()
    assert work(run_id, Hand()) == "failed"
    assert "Erreur inattendue (RuntimeError)" in look(run_id).failure
    assert "of all things" not in look(run_id).failure
    assert "of all things" in capsys.readouterr().err
    monkeypatch.undo()
    assert work(ask(), Hand()) == "done", "the next one works"


def test_a_thread_of_the_web_process_works_on_it(app: Flask, sales: None) -> None:
    run_id = ask()
    start(app, run_id, clock.now).join(60)
    assert look(run_id).state == "done"


def test_runs_are_forgotten_after_90_days(app: Flask, cast: Cast) -> None:
    old, recent = ask(at=ASKED - timedelta(days=91)), ask(at=ASKED - timedelta(days=89))
    assert list(forget_backtests(ASKED)) == ["1 backtests forgotten"]
    db.session.rollback()
    assert db.session.scalars(select(BacktestRun.id)).all() == [recent] and old != recent
    with transaction():
        assert forget_runs(at=ASKED) == 0


def test_one_to_three_variants(app: Flask, cast: Cast) -> None:
    ask(draft(), draft(), draft())
    with pytest.raises(ValueError, match="1 to 3"):
        ask(draft(), draft(), draft(), draft())
