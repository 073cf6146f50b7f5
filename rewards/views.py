"""The reward catalogue as a reseller sees it, the certificates of closings; the addresses of draws and backtests."""

from __future__ import annotations

from flask import Blueprint, Response, abort, current_app, jsonify, url_for
from flask_login import current_user

from challenges.permissions import visible_challenge
from foundation import clock
from foundation.database import db
from foundation.pages import Paged, page_number, page_or_part, paged
from network.permissions import requires
from rewards import backtesting, draw_pages, launching
from rewards.models import Closure, Reward
from rewards.queries import orderable_rewards

blueprint = Blueprint("rewards", __name__)


@blueprint.get("/rewards")
@requires("play")
def catalogue() -> str:
    """What wallet points are worth, in my country, today."""
    today = clock.day_of(clock.now(), current_app.config["TIMEZONE"])
    country = current_user.outlet.country if current_user.outlet else ""
    rewards: Paged[Reward] = paged(orderable_rewards(country, on=today), page_number(), size=24)
    return page_or_part("rewards/catalogue.html", "rewards/_catalogue.html", rewards=rewards)


@blueprint.get("/challenges/<code>/certificate")
@requires("see_challenges")
def certificate(code: str) -> Response:
    """The certificate of a closing, as JSON. Participants read how many were left out of it, staff also who."""
    challenge = visible_challenge(current_user, code)
    closure = db.session.get(Closure, challenge.id) if challenge is not None else None
    if closure is None:
        abort(404)
    told = dict(closure.certificate)
    if current_user.role == "reseller":
        told["exclusions"] = len(told["exclusions"])
    if told.get("draw_seed") is not None:
        told["draw_page"] = url_for("rewards.draw", code=code, _external=True)
    return jsonify(told)


blueprint.add_url_rule("/challenges/<code>/draw", "draw", draw_pages.draw)
blueprint.add_url_rule("/challenges/<code>/draw/tickets.csv", "draw_tickets", draw_pages.tickets)
blueprint.add_url_rule("/challenges/<code>/draw/standings.txt", "draw_standings", draw_pages.standings)

# — backtests (rewards/backtesting.py) —

blueprint.add_url_rule("/studio/<code>/backtests", "backtests", backtesting.backtests, methods=["GET", "POST"])
blueprint.add_url_rule("/studio/<code>/backtests/<int:run_id>", "backtest", backtesting.show)
blueprint.add_url_rule(
    "/studio/<code>/backtests/<int:run_id>/cancellation", "cancel_backtest", backtesting.cancellation, methods=["POST"]
)
blueprint.add_url_rule(
    "/studio/<code>/backtests/<int:run_id>/repetition", "repeat_backtest", backtesting.repetition, methods=["POST"]
)

# — publishing (rewards/launching.py) —

blueprint.add_url_rule("/studio/<code>/publication", "publication", launching.publication, methods=["GET", "POST"])
