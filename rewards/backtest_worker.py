"""Who works on the backtests asked for in the studio: a thread beside the web's, or the clock where one has died.

The reading is one snapshot in a session of its own and holds no lock; each sign of life is a short transaction in
another. Backtests of one process wait for each other, so that they leave the pages their share of the machine.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Flask, current_app
from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from challenges.definition import Definition, stored_definition
from challenges.queries import audience_size
from foundation.database import db
from foundation.logs import log
from foundation.transactions import snapshot, transaction
from network.models import Person
from rewards.backtest import Cancelled, backtest
from rewards.backtest_results import plain
from rewards.backtest_runs import claim_run, fail_run, finish_run, hear
from rewards.models import BacktestRun

Clock = Callable[[], datetime]

_one_at_a_time = threading.Lock()


def start(app: Flask, run_id: int, read_clock: Clock) -> threading.Thread:
    """Begin work on a run in a thread of this process, which dies with it; the clock then takes the run over."""
    thread = threading.Thread(target=_apart, args=(app, run_id, read_clock), name=f"backtest {run_id}", daemon=True)
    thread.start()
    return thread


def _apart(app: Flask, run_id: int, read_clock: Clock) -> None:
    with _one_at_a_time, app.app_context():
        try:
            work(run_id, read_clock)
        except Exception:
            # The run stays as it is and falls silent: the clock begins it anew.
            log("backtests").exception("work was lost", run=run_id)


def work(run_id: int, read_clock: Clock) -> str | None:
    """Claim a run and bring it to its end: "done", "cancelled" (or taken over) or "failed"; None when it is not free.

    Opens its own transactions. What goes wrong is logged, and told to who asked in a sentence of their language.
    """
    held = read_clock()
    with current_app.app_context(), transaction():
        if not claim_run(run_id, at=held):
            return None
        run = db.session.get_one(BacktestRun, run_id)
        language = db.session.scalar(select(Person.language).where(Person.code == run.asked_by)) or "fr"
        db.session.expunge(run)
    life = _Life(run_id, held, read_clock)
    with force_locale(language):
        try:
            results = _answers(run, life)
        except Cancelled:
            return "cancelled"
        except Exception as error:
            log("backtests").exception("backtest failed", run=run_id, challenge=run.code)
            reason = _reason(error)
            life.end(lambda held, at: fail_run(run_id, held, reason, at=at))
            return "failed"
    return "done" if life.end(lambda held, at: finish_run(run_id, held, results, at=at)) else "cancelled"


def _reason(error: Exception) -> str:
    """A refusal in its own words; anything else by its name, with where to read on."""
    if type(error) is ValueError:
        return str(error)
    return _(
        "Erreur inattendue (%(name)s) ; le journal du serveur en dit plus. Rien n’est perdu, le backtest peut être"
        " relancé.",
        name=type(error).__name__,
    )


def _answers(run: BacktestRun, life: _Life) -> list[dict[str, Any]]:
    """The answer of each variant, all from the same snapshot."""
    variants = [(data["label"], _definition(data)) for data in run.variants]
    # The lot is cast from the run itself, so that work begun anew gives the same answer.
    seed = hashlib.sha256(f"backtest {run.id} {run.asked_at.isoformat()}".encode()).hexdigest()
    results = []
    with snapshot():
        sizes = [audience_size(definition.canonical()) for _label, definition in variants]
        for place, (label, definition) in enumerate(variants):
            before = sum(sizes[:place])
            found = backtest(
                definition,
                run.first_day,
                run.last_day,
                at=run.asked_at,
                seed=seed,
                progress=lambda done, _total, before=before: life.sign(before + done, sum(sizes)),  # type: ignore[misc]
                cancelled=lambda: not life.goes_on,
            )
            results.append(plain(found, label))
    return results


def _definition(data: dict[str, Any]) -> Definition:
    return stored_definition({key: value for key, value in data.items() if key != "label"})


class _Life:
    """The hold on a run: signs of life, each in a transaction and a session of its own."""

    def __init__(self, run_id: int, held: datetime, read_clock: Clock) -> None:
        self.run_id = run_id
        self.held = held
        self.read_clock = read_clock
        self.goes_on = True

    def sign(self, done: int, total: int) -> None:
        """Say how far the work is; it goes on unless the run was cancelled or taken over."""
        at = self.read_clock()
        try:
            with current_app.app_context(), transaction():
                self.goes_on = hear(self.run_id, self.held, done, total, at=at)
        except OperationalError as error:
            # A long import holds SQLite's one writer: no sign this time.
            log("backtests").warning("no sign of life", run=self.run_id, error=type(error).__name__)
        else:
            self.held = at

    def end(self, last: Callable[[datetime, datetime], bool]) -> bool:
        """The last act on the run; False when it is no longer ours."""
        at = self.read_clock()
        with current_app.app_context(), transaction():
            return last(self.held, at)
