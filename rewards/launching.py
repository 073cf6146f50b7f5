"""Publishing a draft: what it means for whom, until when and at which cost is shown first; then one button does it."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import quote

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from sqlalchemy import func, select
from werkzeug.wrappers import Response as AnyResponse

from challenges import drafts, forms
from challenges.definition import Definition, definition_hash, stored_definition
from challenges.facts import Facts, facts_about
from challenges.lifecycle import NotPossible, Unlawful
from challenges.linter import EMPLOYEES, findings
from challenges.models import Challenge
from challenges.queries import audience_select, challenge_by_code, draft_by_id
from challenges.reading import capital
from challenges.vocabulary import product_names, reward_names
from challenges.wording import (
    audience_in_words,
    city_of,
    last_moment,
    league_in_words,
    period_in_words,
    prize_in_words,
    summary,
)
from declarations import publishing
from declarations.queries import already_told
from foundation import clock
from foundation.database import db
from foundation.localisation import euros, language, number, short_day
from foundation.pages import existing
from foundation.transactions import transaction
from network.permissions import requires
from rewards.backtest_runs import runs_of
from rewards.bounds import Bound, Field, most_contribution, most_in_all
from rewards.models import BacktestRun
from rewards.status_words import before_launch


class PrizeRow(NamedTuple):
    """A payout: who gets it, what, and what it can cost at most."""

    who: str
    what: str
    cost: str


@requires("animate")
def publication(code: str) -> AnyResponse | str:
    """The last look before publishing, and publishing."""
    challenge = challenge_by_code(code) or abort(404)
    if challenge.state != "draft":
        flash(_("Ce challenge est déjà publié."), "info")
        return redirect(_home(code), 303)
    draft = draft_by_id(challenge_id=challenge.id)
    if draft is not None and (problems := drafts.judge(draft.content, challenge.id).problems):
        flash(_("Il reste quelque chose à corriger ici avant de publier."), "warning")
        return redirect(url_for("challenges.step", draft_id=draft.id, step=forms.step_of(problems[0].where).name), 303)
    if request.method == "GET":
        return _page(challenge)
    try:
        with transaction():
            again = challenge_by_code(code) or abort(404)
            if again.state == "draft" and request.form.get("hash") != definition_hash(again.definition):
                raise _Changed
            count = publishing.publish(again, by=current_user.code, at=clock.now())
    except _Changed:
        changed = _("Le brouillon a été changé depuis que vous avez ouvert cette page. Relisez avant de publier.")
        return make_response(_page(challenge_by_code(code) or abort(404), stale=changed), 409)
    except Unlawful:
        return make_response(_page(challenge_by_code(code) or abort(404)), 422)
    except NotPossible:
        now = challenge_by_code(code) or abort(404)
        if now.state == "draft":
            return make_response(_page(now), 422)
        flash(_("Ce challenge est déjà publié."), "info")
    else:
        said = ngettext(
            "Le challenge est publié : %(n)s personne participe.",
            "Le challenge est publié : %(n)s personnes participent.",
            count,
            n=number(count),
        )
        flash(said, "success")
    return redirect(_home(code), 303)


class _Changed(Exception):
    """The draft is no longer the one that was looked at."""


def _home(code: str) -> str:
    return existing(f"/studio/{quote(code)}") or url_for("challenges.show", code=code)


# — what is shown —


def _page(challenge: Challenge, *, stale: str = "") -> str:
    at = clock.now()
    definition, stored = stored_definition(challenge.definition), challenge.definition
    today = clock.day_of(at, definition.zone)
    facts = facts_about(definition, on=today)
    found = findings(definition, facts)
    too_late = definition.has_draw and today >= definition.starts_on
    bound = most_in_all(definition, facts, _field(definition, facts))
    return render_template(
        "rewards/publication.html",
        challenge=challenge,
        title=challenge.title(language()),
        hash=definition_hash(stored),
        stale=stale,
        audience=_audience(definition, facts),
        dates=_dates(definition, today),
        told=already_told(stored, definition.starts_on, definition.ends_on) if today >= definition.starts_on else 0,
        summary=summary(stored, product_names([stored]), reward_names([stored])),
        prizes=_prizes(stored, bound),
        costs=_costs(definition, facts, bound),
        statuses=before_launch(definition, facts),
        cap=_cap(facts),
        backtest=_backtest(challenge),
        blocking=[one for one in found if one.level == "blocking"],
        warnings=[one for one in found if one.level != "blocking"],
        too_late=too_late,
        over=at >= definition.declares_until,
        edit_url=url_for("challenges.draft_of", code=challenge.code),
        backtests_url=url_for("rewards.backtests", code=challenge.code),
    )


def _field(definition: Definition, facts: Facts) -> Field:
    """Who can win: people of health outlets receive nothing of their own."""
    _person, outlet, league = audience_select(definition.canonical()).subquery().c
    outlets, leagues = db.session.execute(select(func.count(outlet.distinct()), func.count(league.distinct()))).one()
    return Field(facts.people - facts.health, outlets, leagues)


def _audience(definition: Definition, facts: Facts) -> list[tuple[str, str]]:
    found = [
        (_("Public"), capital(audience_in_words(definition.canonical().get("audience")))),
        (_("Aujourd’hui"), ngettext("%(n)s personne", "%(n)s personnes", facts.people, n=number(facts.people))),
    ]
    if definition.league_by is not None:
        found.append((_("Un classement par"), league_in_words(definition.league_by)))
    return found


def _dates(definition: Definition, today: Any) -> list[tuple[str, str]]:
    zone = definition.zone
    found = [
        (_("Ventes comptées"), capital(period_in_words(definition.canonical()))),
        (_("À déclarer"), capital(last_moment(definition.declares_until, zone))),
        (_("À vérifier"), capital(last_moment(definition.reviews_until, zone))),
    ]
    return [*found, (_("Heures"), capital(city_of(definition.timezone)))]


def _prizes(stored: Any, bound: Bound) -> list[PrizeRow]:
    names = reward_names([stored])
    prizes = [prize_in_words(payout, names) for payout in stored.get("payouts") or ()]
    return [
        PrizeRow(prize.who, prize.what, euros(cents) if cents is not None else _("sans limite"))
        for prize, cents in zip(prizes, bound.payouts, strict=True)
    ]


def _costs(definition: Definition, facts: Facts, bound: Bound) -> list[str]:
    """What it costs at most and what bounds it, sentence by sentence; then what the law adds."""
    if not definition.payouts:
        return [_("Rien n’est à gagner : ce challenge ne coûte rien.")]
    found = []
    if bound.cents is None:
        found.append(
            _(
                "Rien ne borne ce que ce challenge peut coûter : les points se convertissent sans plafond."
                " Un budget, ou un plafond total par personne, le bornerait."
            )
        )
    elif bound.budget_cents is not None:
        found.append(_("Au plus %(most)s : c’est le budget qui l’arrête.", most=euros(bound.cents)))
    else:
        found.append(
            _("Au plus %(most)s : si tous les gains possibles étaient gagnés par le public d’aujourd’hui.",
              most=euros(bound.cents))
        )  # fmt: skip
        if any(payout.kind in ("rank", "race") for payout in definition.payouts):
            found.append(_("Des ex æquo à une place qui gagne reçoivent chacun le gain, en plus."))
    return [*found, *_law(definition, facts, bound)]


def _cap(facts: Facts) -> str:
    """What the programme's yearly cap does to awards; '' without a cap, or without employees."""
    if facts.cap_cents is None or not facts.employees:
        return ""
    return _(
        "Plafond du programme : tous challenges compris, un salarié ne reçoit pas plus de %(cap)s par an"
        " (%(percent)s %% du SMIC mensuel). Un gain qui le ferait passer n’est pas remis et figure comme « plafonné ».",
        cap=euros(facts.cap_cents),
        percent=facts.benefit_cap,
    )


def _law(definition: Definition, facts: Facts, bound: Bound) -> list[str]:
    """The contribution on what employees of outlets receive, as far as it can be known."""
    year = definition.ends_on.year
    if not facts.employees or facts.employees == facts.without_agreement:
        return []
    if facts.bands is None or facts.contribution is None:
        return [
            _(
                "La contribution sur les gains des salariés (%(article)s) n’est pas comptée : les chiffres de %(year)s"
                " ne sont pas connus.",
                article=EMPLOYEES,
                year=year,
            )
        ]
    due = most_contribution(definition, facts, bound)
    free = euros(facts.bands[0])
    if due is None:
        return [
            _(
                "S’y ajoute la contribution de %(rate)s %% sur ce qu’un salarié reçoit au-delà de %(free)s dans l’année"
                " (%(article)s), que rien ne borne non plus.",
                rate=facts.contribution,
                free=free,
                article=EMPLOYEES,
            )
        ]
    if not due.due_cents:
        return [
            _(
                "Aucune contribution à prévoir : personne ne peut recevoir plus de %(free)s de ce challenge"
                " (%(article)s), autres gains de l’année non comptés.",
                free=free,
                article=EMPLOYEES,
            )
        ]
    found = [
        _(
            "S’y ajoute une contribution d’au plus %(due)s : %(rate)s %% de ce qu’un salarié reçoit au-delà de"
            " %(free)s dans l’année (%(article)s), autres gains de l’année non comptés.",
            due=euros(due.due_cents),
            rate=facts.contribution,
            free=free,
            article=EMPLOYEES,
        )
    ]
    if due.above_cents:
        found.append(
            _(
                "Au-delà de %(common)s pour une même personne, les cotisations de droit commun s’y ajoutent encore.",
                common=euros(facts.bands[1]),
            )
        )
    return found


def _backtest(challenge: Challenge) -> dict[str, Any] | None:
    """The latest finished backtest of this challenge: when, over which days, what it cost, and of which rules."""
    run = db.session.scalar(runs_of(challenge.code).where(BacktestRun.state == "done").limit(1))
    if run is None or not run.results:
        return None
    result, played = run.results[0], run.variants[0]
    return {
        "url": url_for("rewards.backtest", code=challenge.code, run_id=run.id),
        "period": _("du %(first)s au %(last)s", first=short_day(run.first_day), last=short_day(run.last_day)),
        "finished_at": run.finished_at,
        "cost": euros(result["cost_cents"]),
        "contribution": euros(result["contribution_cents"]) if result["contribution_cents"] else "",
        "same": {key: value for key, value in played.items() if key != "label"} == challenge.definition,
    }
