"""Pages of challenges: mine, one of them, its full rules; and for animators the list, the form, the file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from challenges import law_pages, rules_pages
from challenges.definition import Definition, stored_definition
from challenges.exports import challenge_file
from challenges.facts import facts_about
from challenges.forms import ChallengeForm, fits_the_form, form_values
from challenges.imports import import_challenge
from challenges.lifecycle import NotPossible
from challenges.linter import findings
from challenges.models import Cancellation, Challenge
from challenges.permissions import SECTIONS, section_of, visible_challenge, visible_challenges
from challenges.pictures import picture_file
from challenges.queries import challenge_by_code
from challenges.vocabulary import categories, product_names, reward_names, rewards_on_offer
from challenges.wording import (
    audience_in_words,
    cap_in_words,
    city_of,
    last_moment,
    period_in_words,
    prize_in_words,
    rule_in_words,
    summary,
)
from foundation import clock
from foundation.database import db
from foundation.localisation import language
from foundation.pages import Paged, address, htmx, page_number, page_or_part, paged
from foundation.transactions import transaction
from network.permissions import STAFF, requires
from network.queries import regions

blueprint = Blueprint("challenges", __name__)

URGENT_DAYS = 3


@dataclass(frozen=True)
class Card:
    """A challenge in a list: its title, section, what counts in a sentence, when, and how long it still runs."""

    code: str
    title: str
    state: str
    section: str
    place: int
    first: str
    period: str
    left: str
    urgent: bool


@dataclass(frozen=True)
class RuleRow:
    """A line of the table of rules."""

    number: int
    words: str
    cap: str


# — for everybody —


@blueprint.get("/challenges")
@requires("see_challenges")
def index() -> str:
    """The challenges I take part in (all of them, for staff): running, closing, coming, past."""
    page: Paged[Challenge] = paged(visible_challenges(current_user), page_number(), size=20)
    names = product_names([one.definition for one in page.rows])
    prizes = reward_names([one.definition for one in page.rows])
    at = clock.now()
    cards = [_card(one, names, prizes, at) for one in page.rows]
    return page_or_part(
        "challenges/index.html", "challenges/_list.html", page=page, cards=cards, staff=current_user.role in STAFF
    )


@blueprint.get("/challenges/<code>")
@requires("see_challenges")
def show(code: str) -> str:
    """One challenge: what counts, what is won, my progress, until when."""
    challenge = _visible(code)
    at = clock.now()
    left, urgent = _time_left(challenge, at)
    plays = current_user.role == "reseller" and challenge.state != "published"
    return render_template(
        "challenges/challenge.html",
        challenge=challenge,
        title=challenge.title(language()),
        description=challenge.text("description", language()),
        left=left,
        urgent=urgent,
        picture_url=_picture_url(challenge),
        facts=_facts(challenge),
        ranking_url=address("leaderboards.ranking", code=code),
        cancellation=db.session.get(Cancellation, challenge.id) if challenge.state == "cancelled" else None,
        certificate_url=address("rewards.certificate", code=code) if challenge.state == "closed" else None,
        progress_url=address("portal.progress", code=code) if plays else None,
        declare_url=address("declarations.declare") if current_user.role == "reseller" else None,
        studio=current_user.role in STAFF,
        cancel_url=address("declarations.cancel", code=code) if challenge.is_open else None,
        **_readable(challenge.definition),
    )


@blueprint.get("/challenges/<code>/picture")
@requires("see_challenges")
def picture(code: str) -> Response:
    """The picture of a challenge, for whoever sees the challenge."""
    challenge = _visible(code)
    path = picture_file(challenge.code)
    if not challenge.definition.get("picture") or not path.is_file():
        abort(404)
    return send_file(path, mimetype="image/webp", max_age=3600)


def _picture_url(challenge: Challenge) -> str | None:
    shown = challenge.definition.get("picture") and picture_file(challenge.code).is_file()
    return url_for("challenges.picture", code=challenge.code) if shown else None


# — for animators —


@blueprint.route("/studio/challenges/new", methods=["GET", "POST"])
@requires("animate")
def new() -> AnyResponse | str:
    """Write a challenge."""
    return _write(None)


@blueprint.route("/studio/challenges/<code>/edit", methods=["GET", "POST"])
@requires("animate")
def edit(code: str) -> AnyResponse | str:
    """Change a draft."""
    challenge = challenge_by_code(code)
    if challenge is None or challenge.state != "draft":
        abort(404)
    return _write(challenge)


@blueprint.get("/studio/challenges/<code>/file")
@requires("animate")
def download(code: str) -> Response:
    """The challenge as a file, to change it or to keep it."""
    challenge = challenge_by_code(code)
    if challenge is None:
        abort(404)
    answer = Response(challenge_file(stored_definition(challenge.definition)), mimetype="application/toml")
    answer.headers.set("Content-Disposition", "attachment", filename=f"{code}.toml")
    return answer


def _write(challenge: Challenge | None) -> AnyResponse | str:
    """Show, preview or save the form."""
    if challenge is not None and not fits_the_form(challenge.definition):
        return render_template(
            "challenges/only_file.html",
            challenge=challenge,
            title=challenge.title(language()),
            publish_url=address("declarations.publish", code=challenge.code),
            preview=_preview(stored_definition(challenge.definition)),
        )
    form = ChallengeForm(
        known_regions=regions(),
        known_categories=categories(),
        known_rewards=rewards_on_offer(),
        **(form_values(challenge.definition) if challenge is not None else {}),
    )
    if challenge is not None:
        form.code.data = challenge.code
    definition = form.read() if form.validate_on_submit() else None
    if definition is not None and challenge is None and challenge_by_code(definition.code) is not None:
        form.code.errors = [_("Un challenge a déjà ce code — choisissez-en un autre.")]
        definition = None
    wants_preview = request.form.get("action") == "preview"
    if definition is not None and not wants_preview:
        try:
            with transaction():
                import_challenge(definition, by=current_user.code, at=clock.now())
        except NotPossible:
            form.code.errors = [_("Un challenge publié a déjà ce code — choisissez-en un autre.")]
        else:
            flash(_("Brouillon enregistré."), "success")
            return redirect(url_for("challenges.edit", code=definition.code))
    shown = definition
    if request.method == "GET" and challenge is not None:
        shown = stored_definition(challenge.definition)
    context: dict[str, Any] = {
        "form": form,
        "challenge": challenge,
        "publish_url": address("declarations.publish", code=challenge.code) if challenge is not None else None,
        "preview": _preview(shown) if shown is not None else None,
    }
    if htmx and wants_preview and definition is not None:
        return render_template("challenges/_preview.html", **context)
    answer = make_response(render_template("challenges/edit.html", **context))
    if htmx and wants_preview:
        answer.headers["HX-Retarget"] = "body"
        answer.headers["HX-Reswap"] = "innerHTML"
    elif form.errors:
        answer.status_code = 422
    return answer


def _preview(definition: Definition) -> dict[str, Any]:
    """What a participant would read, and what an animator should know."""
    stored = definition.canonical()
    facts = facts_about(definition, on=clock.day_of(clock.now(), definition.zone))
    return {
        "name": definition.name,
        "audience": audience_in_words(stored.get("audience")),
        "people": facts.people,
        "findings": findings(definition, facts),
        "period": period_in_words(stored),
        **_readable(stored),
    }


blueprint.add_url_rule("/studio/law", "law", law_pages.figures, methods=["GET", "POST"])
blueprint.add_url_rule("/challenges/<code>/rules", "rules", rules_pages.rules)
blueprint.add_url_rule("/challenges/<code>/rules/<int:number>", "rules_version", rules_pages.version)
blueprint.add_url_rule("/challenges/<code>/rules/<int:number>.pdf", "rules_pdf", rules_pages.pdf)
blueprint.add_url_rule("/challenges/<code>/acceptance", "acceptance", rules_pages.accept, methods=["POST"])
blueprint.add_url_rule("/acceptances", "acceptances", rules_pages.acceptances)
blueprint.add_app_template_global(rules_pages.asked_by, "rules_asked")


# — what the pages show —


def _visible(code: str) -> Challenge:
    return visible_challenge(current_user, code) or abort(404)


def _readable(definition: dict[str, Any]) -> dict[str, Any]:
    """Summary, table of rules and prizes in words."""
    products, rewards = product_names([definition]), reward_names([definition])
    rules = definition.get("rules") or []
    return {
        "summary": summary(definition, products, rewards),
        "rules": [
            RuleRow(
                number,
                _capital(rule_in_words(rule, rules, products, with_cap=False)),
                _capital(cap_in_words(rule.get("cap"))),
            )
            for number, rule in enumerate(rules, 1)
        ],
        "prizes": [prize_in_words(payout, rewards) for payout in definition.get("payouts") or []],
    }


def _facts(challenge: Challenge) -> list[tuple[str, str]]:
    zone = challenge.zone
    found = [
        (_("Ventes comptées"), _capital(period_in_words(challenge.definition))),
        (_("À déclarer"), _capital(last_moment(challenge.declare_until, zone))),
    ]
    if challenge.timezone != str(current_app.config["TIMEZONE"]):
        found.append((_("Heures"), _capital(city_of(challenge.timezone))))
    found.append((_("Public"), _capital(audience_in_words(challenge.definition.get("audience")))))
    return found


def _card(challenge: Challenge, products: Any, rewards: Any, at: datetime) -> Card:
    left, urgent = _time_left(challenge, at)
    return Card(
        code=challenge.code,
        title=challenge.title(language()),
        state=challenge.state,
        section=section_of(challenge),
        place=SECTIONS.index(section_of(challenge)),
        first=summary(challenge.definition, products, rewards)[0],
        period=_capital(period_in_words(challenge.definition)),
        left=left,
        urgent=urgent,
    )


def _time_left(challenge: Challenge, at: datetime) -> tuple[str, bool]:
    """How long until the next date that matters, in words, and whether it is near."""
    today = clock.day_of(at, challenge.zone)
    if challenge.state == "published":
        days = (challenge.starts_on - today).days
        if days > 0:
            return ngettext("Commence demain", "Commence dans %(num)s jours", days), False
    if challenge.state in ("published", "running") and today <= challenge.ends_on:
        days = (challenge.ends_on - today).days
        if days == 0:
            return _("Dernier jour"), True
        return ngettext("%(num)s jour restant", "%(num)s jours restants", days), days <= URGENT_DAYS
    if challenge.is_open and at < challenge.declare_until:
        return _capital(_("À déclarer %(until)s", until=last_moment(challenge.declare_until, challenge.zone))), True
    return "", False


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def state_in_words(state: str) -> str:
    """How people call a state."""
    words = {
        "draft": _("Brouillon"),
        "published": _("Publié"),
        "running": _("En cours"),
        "closing": _("Se termine"),
        "reviewing": _("Vérifications"),
        "closed": _("Clos"),
        "cancelled": _("Annulé"),
    }
    return words.get(state, state)


@blueprint.app_template_global()
def challenge_state(state: str) -> str:
    """state_in_words, for templates."""
    return state_in_words(state)
