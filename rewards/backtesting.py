"""Backtests in the studio: asking for one, following it, reading what it says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import PurePath
from typing import Any, cast

from flask import Flask, abort, current_app, flash, make_response, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import defer
from werkzeug.wrappers import Response as AnyResponse

from challenges.definition import Definition, stored_definition
from challenges.imports import definition_of_text
from challenges.models import Challenge
from challenges.queries import challenge_by_code
from challenges.vocabulary import reward_names
from challenges.wording import league_in_words, points_in_words, prize_in_words
from foundation import clock
from foundation.database import db
from foundation.localisation import euros, language, number
from foundation.pages import Paged, page_number, page_or_part, paged
from foundation.tables import Faulty
from foundation.transactions import after_commit, transaction
from leaderboards.labels import league_label
from network.permissions import requires
from rewards.backtest_runs import SILENCE, cancel_run, request_run, runs_of
from rewards.backtest_words import Advice, contribution_in_words, hints_in_words, share, step_in_words
from rewards.backtest_worker import start
from rewards.forms import BacktestForm
from rewards.models import BacktestRun
from rewards.queries import competitor_names, days_worth_testing
from rewards.status_words import StatusLine, after_backtest

OFFERED = 200  # challenges one can compare with, latest first; others come as a file


@dataclass(frozen=True)
class Row:
    """A line of the comparison: what, and a cell for each variant."""

    what: str
    cells: Sequence[str]


@dataclass(frozen=True)
class PaidRow:
    """A payout: who gets it, what, and how often."""

    who: str
    what: str
    granted: int
    not_funded: int
    cost: str
    capped: int = 0


@dataclass(frozen=True)
class Place:
    """A place of the board; `progress` is '' where it does not rank."""

    rank: int
    name: str
    code: str
    points: int
    progress: str


@dataclass(frozen=True)
class Variant:
    """One variant's answer as the page shows it; `board` are the first places of the league being looked at."""

    label: str
    result: Mapping[str, Any]
    hints: Sequence[Advice]
    notes: Sequence[str]
    statuses: Sequence[StatusLine]
    steps: Sequence[tuple[str, int]]
    payouts: Sequence[PaidRow]
    tenths: Sequence[tuple[str, int]]
    board: Sequence[Place]
    ranked: int
    has_leagues: bool
    tempted: Sequence[Mapping[str, Any]]


# — asking —


@requires("animate")
def backtests(code: str) -> AnyResponse | str:
    """The backtests of a challenge, and the form to ask for one."""
    challenge = _challenge(code)
    definition = stored_definition(challenge.definition)
    form = BacktestForm(days_worth_testing(definition.starts_on, definition.ends_on), _others(challenge))
    if form.validate_on_submit():
        variants = _variants(challenge, definition, form)
        if variants is not None:
            return _ask(code, variants, form.first_day.data, form.last_day.data)
    runs: Paged[BacktestRun] = paged(runs_of(code).options(defer(BacktestRun.results)), page_number(), size=10)
    page = page_or_part(
        "rewards/backtests.html", "rewards/_backtests.html",
        challenge=challenge, title=challenge.title(language()), form=form, runs=runs, states=states(),
    )  # fmt: skip
    return make_response(page, 422 if form.errors else 200)


def _ask(code: str, variants: Sequence[tuple[str, Definition]], first_day: date, last_day: date) -> AnyResponse:
    with transaction():
        run_id = request_run(code, variants, first_day, last_day, by=current_user.code, at=clock.now()).id
        app = cast(Flask, current_app._get_current_object())  # type: ignore[attr-defined]
        after_commit(partial(start, app, run_id, clock.now))
    return redirect(url_for("rewards.backtest", code=code, run_id=run_id), 303)


def _challenge(code: str) -> Challenge:
    return challenge_by_code(code) or abort(404)


def _others(challenge: Challenge) -> list[tuple[str, str]]:
    """The challenges to compare with, by code: drafts first."""
    found = db.session.scalars(
        select(Challenge)
        .where(Challenge.id != challenge.id)
        .order_by(Challenge.state != "draft", Challenge.starts_on.desc(), Challenge.id.desc())
        .limit(OFFERED)
    )
    return [
        (one.code, _("%(title)s (brouillon)", title=one.title(language())) if one.state == "draft" else
         one.title(language()))
        for one in found
    ]  # fmt: skip


def _variants(challenge: Challenge, own: Definition, form: BacktestForm) -> list[tuple[str, Definition]] | None:
    """The challenge itself and what it is compared with, each under a label of its own; None when a file is wrong."""
    found = [(challenge.title(language()), own)]
    for chosen, file in form.variants:
        if file.data:
            name = PurePath(file.data.filename or "").name[:60]
            try:
                found.append((name, definition_of_text(file.data.read(), name)))
            except Faulty as faulty:
                file.errors = faulty.lines()
        elif chosen.data:
            other = db.session.scalar(select(Challenge).where(Challenge.code == chosen.data))
            if other is None:
                chosen.errors = [_("Ce challenge n’existe plus.")]
            else:
                found.append((other.title(language()), stored_definition(other.definition)))
    if form.errors:
        return None
    labels: list[str] = []
    for label, _definition in found:
        same = sum(1 for one in labels if one == label or one.startswith(f"{label} ("))
        labels.append(f"{label} ({same + 1})" if same else label)
    return [(label, definition) for label, (_label, definition) in zip(labels, found, strict=True)]


# — following —


@requires("animate")
def show(code: str, run_id: int) -> str:
    """One backtest: how far it is, then what it says."""
    challenge = _challenge(code)
    run = _run(code, run_id)
    at = clock.now()
    context: dict[str, Any] = {
        "challenge": challenge,
        "title": challenge.title(language()),
        "run": run,
        "percent": run.done * 100 // run.total if run.total else 0,
        "silent": run.state == "running" and run.heard_at < at - SILENCE,
        "labels": [variant["label"] for variant in run.variants],
        "states": states(),
    }
    if run.state == "done":
        context |= _read(run)
    return page_or_part("rewards/backtest.html", "rewards/_backtest.html", **context)


@requires("animate")
def cancellation(code: str, run_id: int) -> AnyResponse:
    """Stop a backtest."""
    with transaction():
        stopped = cancel_run(_run(code, run_id), by=current_user.code, at=clock.now())
    if not stopped:
        flash(_("Ce backtest était déjà fini."), "info")
    return redirect(url_for("rewards.backtest", code=code, run_id=run_id), 303)


@requires("animate")
def repetition(code: str, run_id: int) -> AnyResponse:
    """Ask for the same once more: same variants, same days, today's sales and network."""
    run = _run(code, run_id)
    variants = [(data["label"], _definition_of(data)) for data in run.variants]
    return _ask(code, variants, run.first_day, run.last_day)


def _run(code: str, run_id: int) -> BacktestRun:
    return db.session.scalar(runs_of(code).where(BacktestRun.id == run_id)) or abort(404)


def _definition_of(data: Mapping[str, Any]) -> Definition:
    return stored_definition({key: value for key, value in data.items() if key != "label"})


def states() -> dict[str, str]:
    """The states of a backtest, as people read them."""
    return {
        "waiting": _("En attente"),
        "running": _("En cours"),
        "done": _("Terminé"),
        "cancelled": _("Arrêté"),
        "failed": _("Échoué"),
    }


# — reading —


def _read(run: BacktestRun) -> dict[str, Any]:
    """What the page shows of a backtest that is done."""
    results: list[dict[str, Any]] = run.results or []
    leagues: dict[str, str] = {}
    for data, result in zip(run.variants, results, strict=True):
        if data.get("league_by"):
            leagues |= {one["league"]: league_label(data["league_by"], one["league"]) for one in result["standings"]}
    asked = request.args.get("league", "")
    league = asked if asked in leagues else next(iter(leagues), "")
    splits = {data["league_by"] for data in run.variants if data.get("league_by")}
    rewards = reward_names(run.variants)
    names = _names(run.variants, results, league)
    return {
        "empty": all(result["declarations"] == 0 for result in results),
        "told": [date.fromisoformat(day) for day in results[0]["told"] or ()] if results else [],
        "variants": [
            _variant(data, result, _board(data, result, league), rewards, names)
            for data, result in zip(run.variants, results, strict=True)
        ],
        "rows": _comparison(results),
        "league": league,
        "leagues": list(leagues.items()),
        "split_by": _(" ou ").join(sorted(league_in_words(split) for split in splits)),
    }


Names = Mapping[str, str]


def _board(data: Mapping[str, Any], result: Mapping[str, Any], league: str) -> Mapping[str, Any]:
    """The first places of a league; of the only board where there are no leagues."""
    wanted = league if data.get("league_by") else ""
    return next((one for one in result["standings"] if one["league"] == wanted), {"ranked": 0, "lines": []})


def _names(
    variants: Sequence[Mapping[str, Any]], results: Sequence[Mapping[str, Any]], league: str
) -> tuple[Names, Names]:
    """The names of the people and of the outlets that are shown."""
    people: set[str] = set()
    outlets: set[str] = set()
    for data, result in zip(variants, results, strict=True):
        people |= {one["code"] for one in result["tempted"]}
        placed = {line["code"] for line in _board(data, result, league)["lines"]}
        outlets |= placed if data.get("ranks") == "outlet" else set()
        people |= set() if data.get("ranks") == "outlet" else placed
    return competitor_names(people, outlets)


def _variant(
    data: Mapping[str, Any],
    result: Mapping[str, Any],
    board: Mapping[str, Any],
    rewards: Names,
    names: tuple[Names, Names],
) -> Variant:
    people, outlets = names
    competitors = outlets if data.get("ranks") == "outlet" else people
    by_progress = data.get("rank_by") == "progress"
    payouts = []
    for paid, payout in zip(result["payouts"], data.get("payouts") or (), strict=True):
        prize = prize_in_words(payout, rewards)
        payouts.append(PaidRow(
                prize.who, prize.what, paid["granted"], paid["not_funded"], euros(paid["cost_cents"]),
                paid.get("capped", 0),
            )
        )  # fmt: skip
    return Variant(
        label=result["label"],
        result=result,
        hints=hints_in_words(result, data.get("league_by")),
        notes=_notes(result),
        statuses=after_backtest(result),
        steps=[(step_in_words(step), step["people"]) for step in result["milestones"]],
        payouts=payouts,
        tenths=[(share(tenth * 1_000), points) for tenth, points in enumerate(result["deciles"])],
        board=[
            Place(
                line["rank"], competitors.get(line["code"], "—"), line["code"], line["points"],
                share(line["progress_bp"]) if by_progress and line["progress_bp"] is not None else "",
            )
            for line in board["lines"]
        ],
        ranked=board["ranked"],
        tempted=[one | {"name": people.get(one["code"], "—")} for one in result["tempted"]],
        has_leagues=bool(data.get("league_by")),
    )  # fmt: skip


def _notes(result: Mapping[str, Any]) -> list[str]:
    """What to know when reading the figures: dates that were moved, and what the law asks."""
    shift = result["shifted"]
    moved = ngettext(
        "Les dates des règles ont été décalées de %(shift)s jour.",
        "Les dates des règles ont été décalées de %(shift)s jours.",
        abs(shift),
        shift=number(shift),
    )
    return [*([moved] if shift else []), *contribution_in_words(result)]


def _comparison(results: Sequence[Mapping[str, Any]]) -> list[Row]:
    """The main figures, a line each and a cell per variant."""
    lines: list[tuple[str, Callable[[Mapping[str, Any]], str]]] = [
        (_("Personnes du public, aujourd’hui"), lambda one: number(one["people"])),
        (_("Avec une vente qui compte"), lambda one: _of(one["active"], one["people"])),
        (_("Avec des points"), lambda one: _of(one["scoring"], one["active"])),
        (_("Ventes comptées"), lambda one: number(one["declarations"])),
        (_("Points"), lambda one: number(one["points"])),
        (_("Première marche"), _first_step),
        (_("La moitié a au plus"), lambda one: points_in_words(one["deciles"][5]) if one["deciles"] else "—"),
        (_("Part du premier dixième"), lambda one: "—" if one["top_tenth_bp"] is None else share(one["top_tenth_bp"])),
        (_("Coût des gains"), lambda one: euros(one["cost_cents"])),
        (_("Contribution de la loi"), _contribution),
        (_("Coût en tout"), _whole_cost),
        (_("Budget"), _budget),
    ]
    return [Row(what, [cell(result) for result in results]) for what, cell in lines]


def _of(part: int, whole: int) -> str:
    """13 (32,5 %)."""
    return _("%(n)s (%(share)s)", n=number(part), share=share(part * 10_000 // whole)) if whole else number(part)


def _first_step(result: Mapping[str, Any]) -> str:
    return _(
        "%(step)s : %(people)s",
        step=step_in_words(result["first_step"]),
        people=_of(result["first_step"]["people"], result["active"]),
    )


def _contribution(result: Mapping[str, Any]) -> str:
    if result["contribution_cents"] is None:
        return _("chiffres de %(year)s inconnus", year=result["law_year"])
    return euros(result["contribution_cents"])


def _whole_cost(result: Mapping[str, Any]) -> str:
    whole = euros(result["cost_cents"] + (result["contribution_cents"] or 0))
    if result["contribution_cents"] is None:
        return _("%(euros)s sans la contribution", euros=whole)
    if result["above_cents"]:
        return _("%(euros)s, et les cotisations au-delà du second seuil", euros=whole)
    return whole


def _budget(result: Mapping[str, Any]) -> str:
    if result["budget_cents"] is None:
        return _("sans budget")
    budget = euros(result["budget_cents"])
    if result["short"] is None:
        return _("%(budget)s, suffisant", budget=budget)
    return _("%(budget)s, épuisé au gain n° %(payout)s : il faudrait %(wanted)s", budget=budget,
             payout=number(result["short"]["payout"]), wanted=euros(result["wanted_cents"]))  # fmt: skip
