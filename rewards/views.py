"""The reward catalogue as a reseller sees it, the certificates of closings; the addresses of draws and backtests."""

from __future__ import annotations

from flask import Blueprint, current_app
from flask_login import current_user

from foundation import clock
from foundation.pages import Paged, page_number, page_or_part, paged
from network.permissions import requires
from rewards import backtesting, draw_pages, launching, result_pages
from rewards.models import Reward
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


blueprint.add_url_rule("/challenges/<code>/result", "result", result_pages.result)
blueprint.add_url_rule("/challenges/<code>/certificate", "certificate", result_pages.certificate)
blueprint.add_url_rule("/challenges/<code>/podium", "podium_consent", result_pages.consent, methods=["POST"])
blueprint.add_url_rule("/challenges/<code>/podium.png", "podium", result_pages.picture)
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
