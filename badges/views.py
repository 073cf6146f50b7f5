"""The page of a person's badges, and their pictures."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, Response, abort, current_app, send_file, url_for
from flask.templating import render_template
from flask_login import current_user

from badges.pictures import SIZE, SMALL, picture_file, version
from badges.queries import grants_of
from badges.rules import BADGES, BY_CODE
from foundation.clock import day_of
from foundation.localisation import day
from network.permissions import requires

blueprint = Blueprint("badges", __name__)


@blueprint.get("/badges")
@requires("play")
def badges() -> str:
    """What I have earned, with its date; what there is to earn, and how."""
    grants = grants_of(current_user.id)
    earned = {grant.badge.code for grant in grants}
    to_earn = [badge for badge in BADGES if badge.code not in earned]
    return render_template("badges/badges.html", grants=grants, to_earn=to_earn, total=len(BADGES))


@blueprint.get("/badges/<code>.webp", defaults={"size": SIZE})
@blueprint.get("/badges/small/<code>.webp", defaults={"size": SMALL})
@requires("public")
def picture(code: str, size: int) -> Response:
    """A medal, large or small. It changes only with the program, and its address with it: browsers may keep it."""
    badge = BY_CODE.get(code)
    if badge is None:
        abort(404)
    folder = current_app.config["SETTINGS"].instance_folder / "cache" / "badges"
    answer = send_file(picture_file(badge, folder, size), mimetype="image/webp", conditional=True, max_age=31_536_000)
    answer.cache_control.no_cache = None
    answer.cache_control.public = True
    answer.cache_control.immutable = True
    return answer


@blueprint.app_template_filter()
def badge_day(granted_at: datetime) -> str:
    """The calendar day of a grant, in the programme's time zone."""
    return day(day_of(granted_at, current_app.config["TIMEZONE"]))


@blueprint.app_template_global()
def badge_picture(code: str, small: bool = False) -> str:
    """The address of a badge's medal, for templates of every package; `small` where it is at most 72 pixels wide."""
    return url_for("badges.picture", code=code, size=SMALL if small else SIZE, v=version())
