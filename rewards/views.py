"""The reward catalogue as a reseller sees it."""

from __future__ import annotations

from flask import Blueprint, current_app
from flask_login import current_user

from foundation import clock
from foundation.pages import Paged, page_number, page_or_part, paged
from network.permissions import requires
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
