"""The reward catalogue as a reseller sees it, certificates of closings; the addresses of orders, draws, backtests."""

from __future__ import annotations

from flask import Blueprint, Response, abort, current_app, jsonify, request, url_for
from flask_login import current_user

from challenges.permissions import visible_challenge
from foundation import clock
from foundation.database import db
from foundation.pages import Paged, page_number, page_or_part, paged
from network.permissions import requires
from points.queries import wallet_points
from rewards import backtesting, draw_pages, launching, ordering, preparing, queries, stocking, wording
from rewards.models import KINDS, Closure

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
