"""The reward catalogue as a reseller sees it; the addresses of orders, results, draws and backtests."""

from __future__ import annotations

from flask import Blueprint, current_app, request
from flask_login import current_user

from foundation import clock
from foundation.pages import Paged, page_number, page_or_part, paged
from network.permissions import requires
from points.queries import wallet_points
from rewards import backtesting, draw_pages, launching, ordering, preparing, queries, result_pages, stocking, wording
from rewards.models import KINDS

blueprint = Blueprint("rewards", __name__)


@blueprint.get("/rewards")
@requires("play")
def catalogue() -> str:
    """What wallet points are worth, in my country, today; what I can afford first."""
    today = clock.day_of(clock.now(), current_app.config["TIMEZONE"])
    wallet = wallet_points(current_user.id)
    kind, favourites = request.args.get("kind", ""), request.args.get("favourites") == "1"
    person = current_user._get_current_object()
    query, shape = queries.offered(person, wallet, on=today, kind=kind, favourites=favourites)
    offers: Paged[queries.Offer] = paged(query, page_number(), size=24, shape=shape)
    return page_or_part(
        "rewards/catalogue.html",
        "rewards/_catalogue.html",
        offers=offers,
        wallet=wallet,
        kind=kind if kind in KINDS else "",
        favourites=favourites,
        kinds=wording.kinds(),
        icons=wording.ICONS,
    )


# --- the addresses of ordering, preparing, stocking ------------------------------------------------------------------

for rule, view, methods in (
    ("/rewards/pictures/<name>", stocking.picture, ["GET"]),
    ("/rewards/<code>", ordering.article, ["GET"]),
    ("/rewards/<code>/order", ordering.order, ["GET", "POST"]),
    ("/rewards/<code>/favourite", ordering.favourite, ["POST"]),
    ("/rewards/<code>/waiting", ordering.waiting, ["POST"]),
    ("/orders", ordering.my_orders, ["GET"]),
    ("/orders/<int:order_id>", ordering.my_order, ["GET"]),
    ("/orders/<int:order_id>/cancellation", ordering.cancel_mine, ["POST"]),
    ("/orders/<int:order_id>/code", ordering.read_code, ["POST"]),
    ("/studio/orders", preparing.queue, ["GET"]),
    ("/studio/orders/<int:order_id>", preparing.prepare, ["GET"]),
    ("/studio/orders/<int:order_id>/approval", preparing.approval, ["POST"]),
    ("/studio/orders/<int:order_id>/sending", preparing.sending, ["POST"]),
    ("/studio/orders/<int:order_id>/delivery", preparing.delivery, ["POST"]),
    ("/studio/orders/<int:order_id>/cancellation", preparing.cancellation, ["POST"]),
    ("/studio/rewards", stocking.articles, ["GET"]),
    ("/studio/rewards/new", stocking.new_article, ["GET", "POST"]),
    ("/studio/rewards/import", stocking.import_articles, ["GET", "POST"]),
    ("/studio/rewards/article/<code>", stocking.edit_article, ["GET", "POST"]),
    ("/studio/rewards/article/<code>/codes", stocking.import_pool, ["GET", "POST"]),
):
    blueprint.add_url_rule(rule, view_func=view, methods=methods)
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
