"""The home of each role, the menu of every page, and how templates write numbers and dates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote

from flask import Blueprint, abort, current_app, redirect, request, url_for
from flask.templating import render_template
from flask_babel import format_date, ngettext
from flask_babel import gettext as _
from flask_login import current_user
from markupsafe import Markup, escape
from werkzeug.wrappers import Response

from badges.queries import recent_grants
from challenges.models import Challenge
from challenges.wording import measure_in_words, points_in_words
from declarations.queries import posted_points
from foundation import clock, localisation
from foundation.localisation import day, language, number
from foundation.pages import htmx
from insights.queries import protected, snapshot
from insights.rules import Selection
from leaderboards.queries import Situation, competitor_code, frozen_day, rank_range, situations
from leaderboards.rules import measure_to_climb, points_to_climb
from network.permissions import STAFF, may, requires
from portal import queries
from portal.queries import Playing, RecentSale, Won
from portal.rules import Step

blueprint = Blueprint("portal", __name__)

for name in ("number", "euros", "points", "day", "short_day", "moment"):
    blueprint.add_app_template_filter(getattr(localisation, name), name)

OTHERS = 4
RESULTS = 3
RECENT = 4
URGENT_DAYS = 3
SILENT_CLOCK = timedelta(hours=2)
HEADLINE_DAYS = 28


# --- the menu --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Link:
    """An entry of the menu."""

    label: str
    href: str
    icon: str
    current: bool = False
    primary: bool = False


@blueprint.app_context_processor
def _menu() -> dict[str, list[Link]]:
    """`navigation`, by role, and `account_links`, a person's own pages."""
    if not current_user or not current_user.is_authenticated:
        return {"navigation": [], "account_links": []}
    if current_user.role == "reseller":
        main = [
            _link(_("Accueil"), "/", "home"),
            _link(_("Challenges"), "/challenges", "trophy"),
            _link(_("Déclarer"), "/declare", "plus", primary=True),
            _link(_("Classement"), "/ranking", "chart"),
            _link(_("Cadeaux"), "/rewards", "gift"),
        ]
        own = [
            _link(_("Mes ventes"), "/declarations", "list"),
            _link(_("Mes points"), "/points", "wallet"),
            _link(_("Mes badges"), "/badges", "medal"),
            _link(_("Mon miroir"), "/mirror", "scale"),
        ]
        return {"navigation": main, "account_links": own}
    main = [_link(_("Accueil"), "/", "home"), _link(_("Challenges"), "/challenges", "trophy")]
    if may(current_user, "review"):
        main.append(_link(_("Vérifier"), "/review", "check-circle"))
    if may(current_user, "animate"):
        main.append(_link(_("Réseau"), "/studio/network/people", "users"))
    if may(current_user, "see_insights"):
        main.append(_link(_("Insight"), "/insights", "chart"))
    return {"navigation": main, "account_links": [_link(_("Classements"), "/ranking", "medal")]}


def _link(label: str, href: str, icon: str, *, primary: bool = False) -> Link:
    return Link(label, href, icon, _section() == href, primary)


def _section() -> str:
    """The entry of the menu under which the present page is."""
    path = request.path
    if path.endswith("/ranking"):
        return "/ranking"
    if path.startswith("/studio/network"):
        return "/studio/network/people"
    if path.startswith("/studio/challenges"):
        return "/challenges"
    return "/" + path.split("/", 2)[1]


# --- home ------------------------------------------------------------------------------------------------------------


@blueprint.get("/")
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
        others=[_other(one, places.get(one.challenge.id), at) for one in others],
        results=[_result(one, places.get(one.challenge.id), gains) for one in closed],
        waiting=waiting,
        waiting_count=waiting[0].of_its_kind if waiting else 0,
        recent=recent,
        earned=posted_points(current_user.id, [one.public_id for one in recent]) if recent else {},
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
        missing=_missing(one, step, situation if frozen is None else None),
    )


def _address(challenge: Challenge) -> str:
    return f"/challenges/{quote(challenge.code)}"


def amount_in_words(measure: str, amount: int, *, up: bool = False) -> str:
    """An amount of a measure in words; `amount` is in cents for value, rounded down to euros, or up."""
    if measure == "value":
        amount = -(-amount // 100) if up else amount // 100
    return measure_in_words(measure, amount)


def _short(measure: str, amount: int) -> str:
    """An amount as short as it can be said: 741 €, 97 unités, 12 ventes, 500 pts."""
    if measure == "value":
        return _("%(n)s €", n=number(amount // 100))
    return localisation.points(amount) if measure == "points" else measure_in_words(measure, amount)


def _bar(step: Step) -> Bar:
    done, goal = _short(step.measure, step.done), _short(step.measure, step.goal)
    if step.kind == "milestone":
        end = _("palier %(goal)s : +%(points)s pts", goal=goal, points=number(step.gives))
    elif step.kind == "threshold":
        end = _("seuil %(goal)s", goal=goal)
    else:
        end = _("objectif : %(goal)s", goal=goal)
    marks = [other * 100 // step.goal for other in step.before]
    label = _("%(done)s, %(end)s", done=done, end=end)
    return Bar(step.percent, label, done, end, marks)


def _missing(one: Playing, step: Step | None, situation: Situation | None) -> Markup:
    """What is missing to the next step and to the next place, in one sentence; '' when there is nothing to say."""
    what = _step_in_words(step) if step is not None else None
    climb = _climb_in_words(one, situation) if situation is not None and situation.above is not None else None
    challenge = one.challenge
    if challenge.state not in ("running", "closing"):
        return Markup("")
    if situation is not None and situation.place.rank == 1 and what is None:
        return escape(_("Vous êtes en tête."))
    if one.points == 0 and one.expected == 0 and what is None:
        return escape(_("Votre première vente vous fait entrer au classement."))
    if what is not None and climb is not None:
        return Markup(
            _("Encore <strong>%(what)s</strong> pour %(goal)s, et <strong>%(points)s</strong> pour la %(place)s.")
        ) % {"what": what[0], "goal": what[1], "points": climb[0], "place": climb[1]}
    if what is not None:
        return Markup(_("Encore <strong>%(what)s</strong> pour %(goal)s.")) % {"what": what[0], "goal": what[1]}
    if climb is not None:
        return Markup(_("Encore <strong>%(points)s</strong> pour la %(place)s.")) % {
            "points": climb[0],
            "place": climb[1],
        }
    return Markup("")


def _step_in_words(step: Step) -> tuple[str, str]:
    """What is missing, and for what: ("3 × Crème de jour", "le palier de 100 unités")."""
    what = amount_in_words(step.measure, step.missing, up=True)
    when = step.when
    if step.measure == "units":
        kinds = when.categories or when.families
        if when.skus is not None and len(when.skus) == 1:
            (sku,) = when.skus
            what = f"{number(step.missing)} × {queries.product_names([sku]).get(sku, sku)}"
        elif when.skus is None and kinds is not None and len(kinds) == 1:
            (kind,) = kinds
            what = ngettext(
                "%(n)s produit %(kind)s", "%(n)s produits %(kind)s", step.missing, n=number(step.missing), kind=kind
            )
    goal = _short(step.measure, step.goal)
    if step.kind == "milestone":
        return what, _("le palier %(goal)s", goal=goal)
    if step.kind == "threshold":
        return what, _("le seuil %(goal)s", goal=goal)
    return what, _("votre objectif")


def _climb_in_words(one: Playing, situation: Situation) -> tuple[str, str] | None:
    """What is missing to the next better rank, and its name; None where it cannot be told."""
    challenge, above = one.challenge, situation.above
    if above is None:
        return None
    place = _("1re place") if above.rank == 1 else _("%(rank)se place", rank=number(above.rank))
    if challenge.rank_by == "points":
        missing = points_to_climb(situation.place.points, above.points, tie_break=challenge.tie_break)
        return points_in_words(missing), place
    if challenge.ranks == "outlet" or above.progress_bp is None:
        return None
    target = one.entered.target * (100 if challenge.measure == "value" else 1)
    missing = measure_to_climb(one.measure, target, above.progress_bp, tie_break=challenge.tie_break)
    return amount_in_words(challenge.measure, missing, up=True), place


def time_left(challenge: Challenge, at: datetime) -> tuple[str, bool]:
    """How long a challenge still lasts, in words, and whether that is soon over."""
    today = clock.day_of(at, challenge.zone)
    if challenge.state == "published":
        days = (challenge.starts_on - today).days
        if days <= 0:
            return _("Commence aujourd’hui"), False
        return ngettext("Commence demain", "Commence dans %(num)s jours", days), False
    if challenge.state == "running":
        days = (challenge.ends_on - today).days
        if days <= 0:
            return _("Dernier jour"), True
        return ngettext("Se termine demain", "%(num)s jours restants", days), days <= URGENT_DAYS
    if challenge.state == "closing":
        last = clock.day_of(challenge.declare_until - timedelta(microseconds=1), challenge.zone)
        return _("À déclarer jusqu’au %(day)s", day=format_date(last, "d MMMM")), True
    if challenge.state == "reviewing":
        return _("Vérifications en cours"), False
    return _("Terminé"), False


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
        details.append(_place(situation.place.rank))
    left, _urgent = time_left(challenge, at)
    details.append(left[:1].lower() + left[1:] if details else left)
    return Other(challenge.title(language()), _address(challenge), percent, label, " · ".join(details))


def _place(rank: int) -> str:
    return _("1er") if rank == 1 else _("%(rank)se", rank=number(rank))


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


def sale_in_words(sale: RecentSale) -> str:
    """What a sale holds: "2 × Crème de jour, 1 × Sérum et 3 autres"."""
    named = ", ".join(f"{number(units)} × {name}" for units, name in sale.products)
    if not sale.more:
        return named
    return ngettext(
        "%(named)s et %(num)s autre produit", "%(named)s et %(num)s autres produits", sale.more, named=named
    )


@blueprint.get("/challenges/<code>/progress")
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


def _followed(one: queries.Running, at: datetime) -> Followed:
    text, urgent = time_left(one.challenge, at)
    return Followed(
        one.challenge.title(language()),
        _address(one.challenge),
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
        drafts=[(one.title(language()), _address(one), day(one.starts_on)) for one in queries.drafts()],
        waiting=waiting,
        oldest=oldest,
        network=network,
        alerts=_alerts(running, waiting, at),
        **_hello(at),
    )


def _alerts(running: Sequence[queries.Running], waiting: int, at: datetime) -> list[Alert]:
    """What cannot wait, in words."""
    found = []
    for one in running:
        title, href = one.challenge.title(language()), _address(one.challenge)
        if one.challenge.state == "reviewing" and one.waiting_points:
            text = _("« %(title)s » attend des vérifications pour se clôturer.", title=title)
            found.append(Alert("warning", text, "/review"))
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
        **_hello(at),
    )
