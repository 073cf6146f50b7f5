"""One challenge as its animator follows it: how it is played, what waits, what it costs, who did what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

from flask import abort, redirect, render_template, request
from flask_babel import format_date, ngettext
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from challenges.announcements import TOLD_STATES, sent_to
from challenges.models import Challenge
from challenges.queries import amendments, awaited_period, challenge_by_code, versions_of
from challenges.vocabulary import reward_names
from challenges.wording import period_in_words, prize_in_words
from declarations import participation
from declarations.participation import Day, Figures, Silent
from foundation import audit, clock
from foundation.database import db
from foundation.localisation import language, number, short_day
from foundation.models import AuditEntry
from foundation.pages import Paged, existing, page_number, page_or_part, paged
from leaderboards.labels import league_label
from leaderboards.queries import leagues_of
from network.permissions import requires
from network.queries import names_of, regions
from portal import projects, studio
from portal.wording import segment_in_words, step_in_words, time_left
from rewards.forecast import Forecast, forecasts

FIRST = 6


@dataclass(frozen=True)
class Act:
    """A line of the audit trail, in words."""

    at: datetime
    who: str
    what: str


@requires("animate")
def dashboard(code: str) -> AnyResponse | str:
    """Everything about one published challenge at a glance; a draft goes on being written."""
    challenge = challenge_by_code(code) or abort(404)
    if challenge.state == "draft":
        return redirect(studio.edit_address(challenge, projects.draft_of(challenge)) or "/studio")
    at = clock.now()
    figures = participation.figures([challenge.id]).get(challenge.id, Figures())
    step = participation.first_step(challenge)
    days = participation.by_day(challenge)
    waiting = participation.waiting([challenge]).get(challenge.id) if challenge.is_open else None
    silent: Paged[Silent] = paged(participation.silent(challenge), 1, size=FIRST, shape=lambda row: Silent(*row))
    forecast = forecasts([challenge])[challenge.id]
    changed = amendments(challenge.id, limit=FIRST)
    announced = db.session.scalars(sent_to(challenge).limit(FIRST)).all()
    entries = db.session.scalars(projects.trail(challenge).limit(FIRST)).all()
    names = names_of({entry.by for entry in entries} | {one.sent_by for one in announced})
    left, urgent = time_left(challenge, at) if challenge.state != "cancelled" else ("", False)
    every_day = _every_day(challenge, days, at)
    awaited = awaited_period(challenge.id)
    return render_template(
        "portal/dashboard.html",
        challenge=challenge,
        title=challenge.title(language()),
        period=period_in_words(challenge.definition),
        left=left,
        urgent=urgent,
        figures=figures,
        step=step,
        step_words=step_in_words(step),
        sales=sum(one.sales for one in days),
        sales_by_day=[(_short(one.day), one.sales) for one in every_day],
        people_by_day=[(_short(one.day), one.people) for one in every_day],
        waiting=waiting,
        silent=silent,
        forecast=forecast,
        costs=_costs(challenge, forecast),
        accepted=_accepted(challenge),
        amendments=changed,
        announced=announced,
        names=names,
        segment_in_words=segment_in_words,
        trail=[_act(entry, names) for entry in entries],
        alerts=studio.alerts(challenge, figures, waiting, forecast if challenge.state != "published" else None, at=at),
        awaited=awaited,
        actions=_actions(challenge, awaited is not None),
        may_write=challenge.state in TOLD_STATES,
    )


@requires("animate")
def silent(code: str) -> str:
    """Who has not declared yet, outlet by outlet."""
    challenge = _published(code)
    league, region = request.args.get("league", "")[:100], request.args.get("region", "")[:100]
    split_by = challenge.definition.get("league_by")
    asked = participation.silent(challenge, league=league, region=region)
    page: Paged[Silent] = paged(asked, page_number(), shape=lambda row: Silent(*row))
    return page_or_part(
        "portal/silent.html",
        "portal/_silent.html",
        challenge=challenge,
        title=challenge.title(language()),
        page=page,
        league=league,
        region=region,
        leagues=[(one, league_label(split_by, one)) for one in leagues_of(challenge) if one],
        regions=regions(),
        may_write=challenge.state in TOLD_STATES,
    )


@requires("animate")
def history(code: str) -> str:
    """Who did what to this challenge, and when."""
    challenge = _published(code)
    page: Paged[AuditEntry] = paged(projects.trail(challenge), page_number())
    names = names_of({entry.by for entry in page.rows})
    return page_or_part(
        "portal/history.html",
        "portal/_history.html",
        challenge=challenge,
        title=challenge.title(language()),
        page=page,
        trail=[_act(entry, names) for entry in page.rows],
    )


def _published(code: str) -> Challenge:
    challenge = challenge_by_code(code)
    if challenge is None or challenge.state == "draft":
        abort(404)
    return challenge


def _every_day(challenge: Challenge, days: list[Day], at: datetime) -> list[Day]:
    """One line for each day that has begun, also for those without a sale."""
    known = {one.day: one for one in days}
    last = min(challenge.ends_on, clock.day_of(at, challenge.zone))
    count = (last - challenge.starts_on).days + 1
    every = (clock.days_after(challenge.starts_on, number_of) for number_of in range(max(0, count)))
    return [known.get(day, Day(day, 0, 0)) for day in every]


def _short(day: date) -> str:
    return format_date(day, "d MMM")


def _costs(challenge: Challenge, forecast: Forecast) -> list[tuple[str, int, int]]:
    """Each payout in words, how many gains it gives, and what they cost in cents."""
    names = reward_names([challenge.definition])
    payouts = challenge.definition.get("payouts") or []
    prizes = [prize_in_words(payout, names) for payout in payouts]
    return [
        (f"{prize.who}{_(' : ')}{prize.what}", cost.gains, cost.cents)
        for prize, cost in zip(prizes, forecast.costs, strict=True)
    ]


def _accepted(challenge: Challenge) -> tuple[int, int] | None:
    """The newest version of the rules and how many have accepted it, where the challenge asks for it."""
    if challenge.definition.get("acceptance", "none") == "none":
        return None
    version = versions_of(challenge.id)[-1].number
    return version, participation.accepted_by(challenge, version)


def _actions(challenge: Challenge, comes_back: bool) -> list[tuple[str, str, str]]:
    """What may be done with a challenge in its present state: (words, icon, address)."""
    code = quote(challenge.code)
    under_way = challenge.state in ("published", "running")
    offered = [
        (True, _("Voir comme les participants"), "eye", f"/challenges/{code}"),
        (True, _("Le règlement"), "list", f"/challenges/{code}/rules"),
        (challenge.state != "published", _("Le classement"), "medal", f"/challenges/{code}/ranking"),
        (under_way, _("Changer le règlement"), "pencil", f"/studio/{code}/amendment"),
        (under_way, _("Prolonger"), "calendar", f"/studio/{code}/extension"),
        (challenge.state == "running", _("Terminer plus tôt"), "clock", f"/studio/{code}/early-closing"),
        (challenge.is_open and challenge.has_objective, _("Objectifs personnels"), "target", f"/studio/{code}/targets"),
        (True, _("Essais sur le passé"), "history", f"/studio/{code}/backtests"),
        (comes_back, _("Arrêter la répétition…"), "repeat", f"/studio/{code}/series"),
        (challenge.is_open, _("Annuler ce challenge…"), "x-circle", f"/studio/{code}/cancellation"),
    ]
    found = [(words, icon, existing(path)) for right, words, icon, path in offered if right]
    found.append((_("Télécharger le fichier"), "download", studio.file_address(challenge)))
    return [(words, icon, path) for words, icon, path in found if path is not None]


def _act(entry: AuditEntry, names: Any) -> Act:
    who = _("l’horloge") if entry.by == audit.SYSTEM else names.get(entry.by, entry.by)
    return Act(entry.at, who, act_in_words(entry))


def act_in_words(entry: AuditEntry) -> str:
    """What an entry of a challenge's audit trail says; an act without words is shown as it is kept."""
    known = entry.details
    act = entry.act.removeprefix("challenge.")
    people = int(known.get("people") or 0)
    if act == "entered":
        return ngettext("%(n)s personne arrivée", "%(n)s personnes arrivées", people, n=number(people))
    if act == "series_ended":
        stopped = known.get("why") == "stopped"
        return _("Répétition arrêtée") if stopped else _("Répétition finie : la dernière période est annulée")
    if act == "targets":
        return ngettext("%(n)s objectif déposé", "%(n)s objectifs déposés", people, n=number(people))
    if act == "announced":
        return ngettext(
            "Message envoyé à %(n)s personne (%(segment)s)", "Message envoyé à %(n)s personnes (%(segment)s)", people,
            n=number(people), segment=segment_in_words(str(known.get("segment", ""))).lower(),
        )  # fmt: skip
    if act in ("rules", "extension", "early_close") and "starts_on" in known and "ends_on" in known:
        first, last = (short_day(date.fromisoformat(known[key])) for key in ("starts_on", "ends_on"))
        words = {
            "rules": _("Règlement changé à partir du %(first)s (version %(n)s)", first=first, n=known["version"]),
            "extension": _("Prolongé jusqu’au %(last)s", last=last),
            "early_close": _("Fin avancée au %(last)s", last=last),
        }
        return words[act]
    words = {
        "imported": _("Créé"),
        "changed": _("Brouillon changé"),
        "published": _("Publié"),
        "running": _("Commencé"),
        "closing": _("Période terminée"),
        "reviewing": _("Délai de déclaration terminé"),
        "closed": _("Clos"),
        "cancelled": _("Annulé"),
    }
    return words.get(act, entry.act)
