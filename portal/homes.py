"""The home of each role, and where a seller is in a challenge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote

from flask import abort, current_app, redirect, url_for
from flask.templating import render_template
from flask_babel import format_date, ngettext
from flask_babel import gettext as _
from flask_login import current_user
from markupsafe import Markup
from werkzeug.wrappers import Response

from badges.queries import recent_grants
from challenges.acceptance import is_required
from challenges.models import Challenge
from challenges.wording import points_in_words
from declarations import participation
from declarations.queries import posted_points
from foundation import clock
from foundation.localisation import day, language, number
from foundation.pages import htmx
from insights.queries import protected, snapshot
from insights.rules import Selection
from leaderboards.queries import Situation, competitor_code, frozen_day, rank_range, situations
from network.permissions import STAFF, may, requires
from points.queries import adjustments_to_decide
from portal import queries
from portal.queries import Playing, Won
from portal.rules import Step
from portal.wording import (
    amount_in_words,
    missing_in_words,
    rank_in_words,
    sale_in_words,
    short_amount,
    time_left,
)

OTHERS = 4
RESULTS = 3
RECENT = 4
SILENT_CLOCK = timedelta(hours=2)
HEADLINE_DAYS = 28


@requires("signed_in")
def home() -> str:
    """What this role needs first."""
    if current_user.role == "reseller":
        return _reseller_home()
    return _animator_home() if current_user.role in STAFF else _brand_home()


def _hello(at: datetime) -> dict[str, Any]:
    today = clock.day_of(at, current_app.config["TIMEZONE"])
    written = format_date(today, "EEEE d MMMM")
    first_name = current_user.nickname or current_user.name.split()[0]
    return {"today": written[:1].upper() + written[1:], "first_name": first_name}


def _address(challenge: Challenge) -> str:
    return f"/challenges/{quote(challenge.code)}"


# --- for those who sell ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bar:
    """A bar towards the next step, with its ends in words and marks for earlier steps."""

    percent: int
    label: str
    start: str
    end: str
    marks: list[int]


@dataclass(frozen=True)
class Board:
    """The running challenge as the green board shows it."""

    title: str
    href: str
    ranking: str
    time_left: str
    urgent: bool
    points: int
    expected: int
    rank: int | None
    competitors: int | None
    tied: bool
    delta: int | None
    bounds: tuple[int, int] | None
    frozen: date | None
    outlet: bool
    bar: Bar | None
    missing: Markup


@dataclass(frozen=True)
class Other:
    """Another challenge in a card: `percent` of what is to be reached, None where there is nothing to measure."""

    title: str
    href: str
    percent: int | None
    label: str
    detail: str


@dataclass(frozen=True)
class Result:
    """What a challenge that is over gave."""

    title: str
    href: str
    rank: int | None
    competitors: int | None
    points: int
    gains: list[str]


def _reseller_home() -> str:
    at = clock.now()
    mine = queries.playing(current_user, at=at)
    opened = [one for one in mine if one.challenge.is_open]
    closed = [one for one in mine if not one.challenge.is_open][:RESULTS]
    main = opened[0] if opened and opened[0].challenge.state != "published" else None
    others = [one for one in opened if one is not main][:OTHERS]
    shown = [one for one in (main, *others, *closed) if one is not None]
    places = situations([(one.challenge, competitor_code(one.challenge, current_user)) for one in shown], at=at)
    wallet, gains = queries.wallet_and_gains(current_user, closed)
    waiting, recent = queries.recent_sales(current_user.id, limit=RECENT)
    return render_template(
        "portal/reseller.html",
        board=_board(main, places.get(main.challenge.id), at) if main is not None else None,
        may_await=any(is_required(one.challenge.definition) for one in opened),
        others=[_other(one, places.get(one.challenge.id), at) for one in others],
        results=[_result(one, places.get(one.challenge.id), gains) for one in closed],
        waiting=waiting,
        waiting_count=waiting[0].of_its_kind if waiting else 0,
        recent=recent,
        earned=posted_points([current_user.id], [one.public_id for one in recent]) if recent else {},
        badges=recent_grants(current_user.id, limit=3),
        wallet=wallet,
        sold=sale_in_words,
        **_hello(at),
    )


def _board(one: Playing, situation: Situation | None, at: datetime) -> Board:
    challenge = one.challenge
    step = queries.next_step(one, current_user, at=at) if challenge.is_open else None
    frozen = frozen_day(challenge, at)
    text, urgent = time_left(challenge, at)
    place = situation.place if situation is not None else None
    outlet = challenge.ranks == "outlet"
    return Board(
        title=challenge.title(language()),
        href=_address(challenge),
        ranking=url_for("leaderboards.ranking", code=challenge.code),
        time_left=text,
        urgent=urgent,
        points=one.points,
        expected=one.expected,
        rank=place.rank if place is not None else None,
        competitors=situation.competitors if situation is not None else None,
        tied=place.tied if place is not None else False,
        delta=place.moved if place is not None and frozen is None else None,
        bounds=rank_range(challenge, current_user) if frozen is None else None,
        frozen=frozen,
        outlet=outlet,
        bar=_bar(step) if step is not None else None,
        missing=missing_in_words(one, step, situation if frozen is None else None),
    )


def _bar(step: Step) -> Bar:
    done, goal = short_amount(step.measure, step.done), short_amount(step.measure, step.goal)
    if step.kind == "milestone":
        end = _("palier %(goal)s : +%(points)s pts", goal=goal, points=number(step.gives))
    elif step.kind == "threshold":
        end = _("seuil %(goal)s", goal=goal)
    else:
        end = _("objectif : %(goal)s", goal=goal)
    marks = [other * 100 // step.goal for other in step.before]
    label = _("%(done)s, %(end)s", done=done, end=end)
    return Bar(step.percent, label, done, end, marks)


def _other(one: Playing, situation: Situation | None, at: datetime) -> Other:
    challenge = one.challenge
    percent, label = None, ""
    details = []
    if challenge.has_objective:
        goal = one.entered.target * (100 if challenge.measure == "value" else 1)
        percent, label = one.measure * 100 // goal, _("Objectif")
        details.append(
            _(
                "%(done)s sur %(goal)s",
                done=amount_in_words(challenge.measure, one.measure),
                goal=amount_in_words(challenge.measure, goal),
            )
        )
    elif challenge.state != "published":
        details.append(points_in_words(one.points))
    if situation is not None:
        details.append(rank_in_words(situation.place.rank))
    left, _urgent = time_left(challenge, at)
    details.append(left[:1].lower() + left[1:] if details else left)
    return Other(challenge.title(language()), _address(challenge), percent, label, " · ".join(details))


def _result(one: Playing, situation: Situation | None, gains: Sequence[Won]) -> Result:
    won = [gain for gain in gains if gain.challenge_id == one.challenge.id]
    words = []
    for gain in won:
        text = gain.reward or ngettext(
            "%(n)s point de cagnotte", "%(n)s points de cagnotte", gain.wallet_points, n=number(gain.wallet_points)
        )
        words.append(_("%(gain)s, pour votre point de vente", gain=text) if gain.to_outlet else text)
    return Result(
        one.challenge.title(language()),
        url_for("leaderboards.ranking", code=one.challenge.code),
        situation.place.rank if situation is not None else None,
        situation.competitors if situation is not None else None,
        one.points,
        words,
    )


@requires("play")
def progress(code: str) -> Response | str:
    """Where I am in one challenge: the part that its page includes."""
    at = clock.now()
    one = queries.playing_in(current_user, code)
    if one is None:
        abort(404)
    if not htmx:
        return redirect(_address(one.challenge))
    places = situations([(one.challenge, competitor_code(one.challenge, current_user))], at=at)
    return render_template("portal/_progress.html", board=_board(one, places.get(one.challenge.id), at))


# --- for those who animate, and for the brand ------------------------------------------------------------------------


@dataclass(frozen=True)
class Followed:
    """A challenge as those who run the programme follow it."""

    title: str
    href: str
    ranking: str
    time_left: str
    urgent: bool
    people: int
    active: int
    percent: int
    begun: bool


def _studio(challenge: Challenge) -> str:
    return f"/studio/{quote(challenge.code)}"


def _followed(one: queries.Running, at: datetime) -> Followed:
    text, urgent = time_left(one.challenge, at)
    return Followed(
        one.challenge.title(language()),
        _studio(one.challenge) if may(current_user, "animate") else _address(one.challenge),
        url_for("leaderboards.ranking", code=one.challenge.code),
        text,
        urgent,
        one.people,
        one.active,
        one.active * 100 // one.people if one.people else 0,
        one.challenge.state != "published",
    )


@dataclass(frozen=True)
class Alert:
    """Something that needs a look: `href` is where."""

    kind: str
    text: str
    href: str | None = None


def _animator_home() -> str:
    at = clock.now()
    waiting, oldest = queries.review_queue(current_user)
    running = queries.running()
    network = queries.network_size()
    return render_template(
        "portal/animator.html",
        challenges=[_followed(one, at) for one in running],
        drafts=[(one.title(language()), _studio(one), day(one.starts_on)) for one in queries.drafts()],
        waiting=waiting,
        oldest=oldest,
        network=network,
        alerts=[*_to_approve(adjustments_to_decide(current_user)), *_alerts(running, waiting, at)],
        **_hello(at),
    )


def _to_approve(count: int) -> list[Alert]:
    """The manual bonuses and corrections that wait for this second person."""
    if not count:
        return []
    text = ngettext(
        "%(n)s bonus ou correction de points attend votre approbation.",
        "%(n)s bonus ou corrections de points attendent votre approbation.",
        count,
        n=number(count),
    )
    return [Alert("info", text, "/studio/points/adjustments")]


def _alerts(running: Sequence[queries.Running], waiting: int, at: datetime) -> list[Alert]:
    """What cannot wait, in words."""
    found = []
    late = queries.reviewing()
    held_up = participation.waiting(late)
    for challenge in late:
        if challenge.id in held_up:
            found.append(_held_up(challenge, held_up[challenge.id].sales, at))
    for one in running:
        title, href = one.challenge.title(language()), _studio(one.challenge)
        if one.people == 0:
            text = _("« %(title)s » n’a aucun participant : vérifiez son public.", title=title)
            found.append(Alert("warning", text, href))
    for name in queries.failed_jobs():
        found.append(Alert("danger", _("La tâche %(name)s a échoué à son dernier passage.", name=name)))
    last = queries.last_tick()
    if running and (last is None or at - last > SILENT_CLOCK):
        text = _("L’horloge ne tourne pas : les challenges n’avancent plus d’eux-mêmes (flask jobs serve).")
        found.append(Alert("warning", text))
    return found


def _held_up(challenge: Challenge, sales: int, at: datetime) -> Alert:
    """A closing that waits for reviews: urgent once the time for them is over."""
    title = challenge.title(language())
    if at < challenge.review_until:
        text = ngettext(
            "« %(title)s » attend %(n)s vérification pour se clôturer.",
            "« %(title)s » attend %(n)s vérifications pour se clôturer.",
            sales, title=title, n=number(sales),
        )  # fmt: skip
        return Alert("warning", text, "/review")
    text = ngettext(
        "« %(title)s » devait se clôturer le %(day)s : %(n)s vérification l’en empêche.",
        "« %(title)s » devait se clôturer le %(day)s : %(n)s vérifications l’en empêchent.",
        sales, title=title, n=number(sales), day=day(clock.day_of(challenge.review_until, challenge.zone)),
    )  # fmt: skip
    return Alert("danger", text, "/review")


def _brand_home() -> str:
    at = clock.now()
    today = clock.day_of(at, current_app.config["TIMEZONE"])
    asked = Selection(clock.days_after(today, -HEADLINE_DAYS), clock.days_after(today, -1), ())
    with snapshot() as connection:
        figures = protected(connection, asked).total.measures
    return render_template(
        "portal/brand.html",
        figures=figures,
        challenges=[_followed(one, at) for one in queries.running()],
        since=asked.since,
        until=asked.until,
        period=f"/insights?from={asked.since}&until={asked.until}",
        **_hello(at),
    )
