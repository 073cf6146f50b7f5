"""Pages of challenges: mine, one of them, its full rules; its file. Those of the studio are in the table below."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, abort, render_template, url_for
from flask_babel import gettext as _
from flask_login import current_user

from challenges import editing, law_pages, rules_pages, studio
from challenges.definition import stored_definition
from challenges.exports import challenge_file
from challenges.forms import STEP_NAMES
from challenges.models import Cancellation, Challenge
from challenges.permissions import SECTIONS, section_of, visible_challenge, visible_challenges
from challenges.pictures import picture_file
from challenges.queries import amendments, as_read, challenge_by_code
from challenges.reading import capital, changes_told, participant_page, time_left
from challenges.vocabulary import product_names, reward_names
from challenges.wording import period_in_words, summary
from foundation import clock
from foundation.database import db
from foundation.localisation import language
from foundation.pages import Paged, address, existing, page_number, page_or_part, paged
from foundation.web import send_picture
from network.permissions import STAFF, requires

blueprint = Blueprint("challenges", __name__)


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


# — for everybody —


@blueprint.get("/challenges")
@requires("see_challenges")
def index() -> str:
    """The challenges I take part in (all of them, for staff): running, closing, coming, past."""
    page: Paged[Challenge] = paged(visible_challenges(current_user), page_number(), size=20)
    at = clock.now()
    read = as_read(page.rows, at)
    names, prizes = product_names(read.values()), reward_names(read.values())
    cards = [_card(one, read[one.id], names, prizes, at) for one in page.rows]
    return page_or_part(
        "challenges/index.html", "challenges/_list.html", page=page, cards=cards, staff=current_user.role in STAFF
    )


@blueprint.get("/challenges/<code>")
@requires("see_challenges")
def show(code: str) -> str:
    """One challenge: what counts, what is won, my progress, until when."""
    challenge = _visible(code)
    at = clock.now()
    left, urgent = time_left(challenge, at)
    plays = current_user.role == "reseller" and challenge.state != "published"
    return render_template(
        "challenges/challenge.html",
        challenge=challenge,
        state=challenge.state,
        left=left,
        urgent=urgent,
        picture_url=_picture_url(challenge),
        ranking_url=address("leaderboards.ranking", code=code),
        rules_url=url_for("challenges.rules", code=code),
        cancellation=db.session.get(Cancellation, challenge.id) if challenge.state == "cancelled" else None,
        result_url=address("rewards.result", code=code) if challenge.state == "closed" else None,
        progress_url=address("portal.progress", code=code) if plays else None,
        declare_url=address("declarations.declare") if current_user.role == "reseller" else None,
        studio=current_user.role in STAFF,
        dashboard_url=existing(f"/studio/{code}"),
        changes=changes_told(amendments(challenge.id)),
        **participant_page(as_read([challenge], at)[challenge.id]),
    )


@blueprint.get("/challenges/<code>/picture")
@requires("see_challenges")
def picture(code: str) -> Response:
    """The picture of a challenge, for whoever sees the challenge."""
    challenge = _visible(code)
    path = picture_file(challenge.code)
    if not challenge.definition.get("picture") or not path.is_file():
        abort(404)
    return send_picture(path, kept_for=3600)


def _picture_url(challenge: Challenge) -> str | None:
    shown = challenge.definition.get("picture") and picture_file(challenge.code).is_file()
    return url_for("challenges.picture", code=challenge.code) if shown else None


# — for animators —


@blueprint.get("/studio/<code>/file")
@requires("animate")
def download(code: str) -> Response:
    """The challenge as a file, to change it or to keep it."""
    challenge = challenge_by_code(code)
    if challenge is None:
        abort(404)
    answer = Response(challenge_file(stored_definition(challenge.definition)), mimetype="application/toml")
    answer.headers.set("Content-Disposition", "attachment", filename=f"{code}.toml")
    return answer


# — what the pages show —


def _visible(code: str) -> Challenge:
    return visible_challenge(current_user, code) or abort(404)


def _card(challenge: Challenge, read: Mapping[str, Any], products: Any, rewards: Any, at: datetime) -> Card:
    left, urgent = time_left(challenge, at)
    return Card(
        code=challenge.code,
        title=challenge.title(language()),
        state=challenge.state,
        section=section_of(challenge),
        place=SECTIONS.index(section_of(challenge)),
        first=summary(read, products, rewards)[0],
        period=capital(period_in_words(read)),
        left=left,
        urgent=urgent,
    )


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


# — the studio —

BOTH = ["GET", "POST"]
for rule, name, view, methods in (
    ("/studio/law", "law", law_pages.figures, BOTH),
    ("/studio/new", "new", studio.new, BOTH),
    ("/studio/names/<catalogue>", "names", editing.names, ["GET"]),
    ("/studio/<code>/draft", "draft_of", editing.draft_of, ["GET"]),
    ("/studio/drafts/<int:draft_id>/removal", "removal", editing.removal, BOTH),
    ("/studio/drafts/<int:draft_id>/picture", "picture_of_draft", editing.picture, ["GET"]),
    (f"/studio/drafts/<int:draft_id>/<any({', '.join(map(repr, STEP_NAMES))}):step>", "step", editing.step, BOTH),
):
    blueprint.add_url_rule(rule, name, view, methods=methods)

# — the rules as documents —

blueprint.add_url_rule("/challenges/<code>/rules", "rules", rules_pages.rules)
blueprint.add_url_rule("/challenges/<code>/rules/<int:number>", "rules_version", rules_pages.version)
blueprint.add_url_rule("/challenges/<code>/rules/<int:number>.pdf", "rules_pdf", rules_pages.pdf)
blueprint.add_url_rule("/challenges/<code>/acceptance", "acceptance", rules_pages.accept, methods=["POST"])
blueprint.add_url_rule("/acceptances", "acceptances", rules_pages.acceptances)
blueprint.add_app_template_global(rules_pages.asked_by, "rules_asked")
blueprint.add_app_template_global(rules_pages.awaited, "rules_awaited")
