"""The result of a challenge, for whoever sees it; and the picture of a podium, for the person on it alone."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from challenges.models import Challenge
from challenges.permissions import visible_challenge
from challenges.wording import points_in_words
from foundation import clock
from foundation.database import db
from foundation.localisation import language
from foundation.pages import address
from foundation.programme import setting
from foundation.transactions import transaction
from leaderboards.models import FinalStanding
from network.permissions import requires
from rewards.certificate import fingerprint, kept_back, told_certificate
from rewards.drawing import draws_of
from rewards.models import Closure, PodiumConsent
from rewards.podium import podium_picture
from rewards.result import result_of


@requires("see_challenges")
def result(code: str) -> str:
    """My rank, what I won and why, what I missed and by how much; the certificate and how to check it."""
    challenge, closure = _closed(code)
    mine = result_of(challenge, current_user, closure) if current_user.role == "reseller" else None
    on_podium = mine is not None and _on_podium(challenge, mine.line)
    consent = db.session.get(PodiumConsent, (challenge.id, current_user.id)) if on_podium else None
    certificate = told_certificate(closure, current_user)
    return render_template(
        "rewards/result.html",
        challenge=challenge,
        title=challenge.title(language()),
        closure=closure,
        result=mine,
        outlets=challenge.ranks == "outlet",
        on_podium=on_podium,
        consent=consent,
        fingerprint=fingerprint(certificate),
        kept=kept_back(closure),
        draws=draws_of(challenge),
        ranking_url=address("leaderboards.ranking", code=code),
        points_url=address("points.points"),
    )


@requires("see_challenges")
def certificate(code: str) -> Response:
    """The certificate of a closing, as JSON. Participants read how many were left out of it, staff also who."""
    challenge, closure = _closed(code)
    answer = Response(told_certificate(closure, current_user), mimetype="application/json")
    if "download" in request.args:
        answer.headers.set("Content-Disposition", "attachment", filename=f"{challenge.code}-certificate.json")
    return answer


@requires("see_challenges")
def consent(code: str) -> AnyResponse:
    """I agree that my picture be made, or no longer."""
    challenge, _closure = _closed(code)
    _mine(challenge)
    agreed = request.form.get("agreed") == "yes"
    with transaction():
        given = db.session.get(PodiumConsent, (challenge.id, current_user.id))
        if agreed and given is None:
            db.session.add(PodiumConsent(challenge_id=challenge.id, person_id=current_user.id, given_at=clock.now()))
        elif not agreed and given is not None:
            db.session.delete(given)
    flash(_("Votre image est prête.") if agreed else _("Votre image n’existe plus."), "success")
    return redirect(url_for("rewards.result", code=code))


@requires("see_challenges")
def picture(code: str) -> Response:
    """My place on the podium as a picture; nobody else's, and none before I have agreed."""
    challenge, _closure = _closed(code)
    line = _mine(challenge)
    if db.session.get(PodiumConsent, (challenge.id, current_user.id)) is None:
        abort(404)
    drawn = podium_picture(
        name=current_user.display_name,
        rank=line.rank,
        place=place_in_words(line.rank),
        challenge=challenge.title(language()),
        points=points_in_words(line.points),
        brand=str(setting("brand_name")) or "Palmarès",
    )
    answer = Response(drawn, mimetype="image/png")
    answer.headers["Cache-Control"] = "private, no-store"
    answer.headers.set("Content-Disposition", "inline", filename=f"{challenge.code}-podium.png")
    return answer


def place_in_words(rank: int) -> str:
    """1er, 2e, 3e; #1 in English."""
    return _("1er") if rank == 1 else _("%(n)se", n=rank)


def _closed(code: str) -> tuple[Challenge, Closure]:
    challenge = visible_challenge(current_user, code) or abort(404)
    return challenge, db.session.get(Closure, challenge.id) or abort(404)


def _mine(challenge: Challenge) -> FinalStanding:
    """My line on the podium; 404 for whoever is not on it."""
    found: Any = (
        db.session.query(FinalStanding)
        .filter(FinalStanding.challenge_id == challenge.id, FinalStanding.person_id == current_user.id)
        .one_or_none()
    )
    return found if _on_podium(challenge, found) else abort(404)


def _on_podium(challenge: Challenge, line: FinalStanding | None) -> bool:
    return challenge.ranks == "person" and line is not None and line.rank <= 3
