"""Ordering, as a reseller does it: one article, the one question, my orders, my codes."""

from __future__ import annotations

from typing import Any

from flask import abort, current_app, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from foundation import clock
from foundation.logs import log
from foundation.pages import Paged, page_number, page_or_part, paged
from foundation.transactions import transaction
from network import step_up
from network.models import Person
from network.permissions import requires
from network.rules import Refused
from points.queries import wallet_points
from rewards import catalogue, orders, queries, wording
from rewards.models import Order, Reward
from rewards.order_forms import OrderForm
from rewards.rules import NotOrdered


def _me() -> Person:
    """The person, also once the session has moved on to another transaction."""
    return current_user._get_current_object()  # type: ignore[no-any-return]


def _offer(code: str, wallet: int) -> queries.Offer:
    today = clock.day_of(clock.now(), current_app.config["TIMEZONE"])
    return queries.offer(_me(), code, wallet, on=today) or abort(404)


def _secret() -> str:
    secret: str = current_app.config["SETTINGS"].secret_key
    return secret


@requires("play")
def article(code: str) -> str:
    """One article: what it is, what it costs, what is missing."""
    wallet = wallet_points(current_user.id)
    offer = _offer(code, wallet)
    limit = offer.reward.limit_per_person
    return render_template(
        "rewards/article.html",
        offer=offer,
        reward=offer.reward,
        wallet=wallet,
        had=queries.ordered_before(_me(), offer.reward) if limit is not None else 0,
        kinds=wording.kinds(),
        icons=wording.ICONS,
    )


@requires("play")
def favourite(code: str) -> AnyResponse:
    """Save points for an article, or no longer."""
    reward = queries.article(code) or abort(404)
    with transaction():
        catalogue.favour(_me(), reward, request.form.get("wished") == "1", at=clock.now())
    return redirect(url_for("rewards.article", code=code))


@requires("play")
def waiting(code: str) -> AnyResponse:
    """Be told when a sold-out article is back, or no longer."""
    reward, waits = queries.article(code) or abort(404), request.form.get("waits") == "1"
    with transaction():
        catalogue.wait_for(_me(), reward, waits, at=clock.now())
    flash(_("Vous serez prévenu dès qu’il revient.") if waits else _("Vous ne serez pas prévenu."), "success")
    return redirect(url_for("rewards.article", code=code))


@requires("play")
def order(code: str) -> AnyResponse:
    """The one question before an order, and the order."""
    form, at = OrderForm(), clock.now()
    if request.method == "POST" and _withdrawn(code, form):
        flash(wording.refusal(NotOrdered("unavailable")), "danger")
        return redirect(url_for("rewards.catalogue"), 303)
    reward = _offer(code, wallet_points(current_user.id)).reward
    if request.method == "GET":
        return _question(reward, form)
    if not form.validate() or not _addressed(reward, form):
        return _question(reward, form, status=422)
    unproved = orders.needs_step_up(int(form.price.data)) and not step_up.is_fresh(_me(), at=at)
    if unproved and not _confirmed(form):
        return _question(reward, form, status=422 if form.errors else 200)
    try:
        with transaction():
            placed = orders.place(
                _me(),
                reward,
                price=int(form.price.data),
                token=form.token.data,
                address=form.address.data or "",
                stepped_up=step_up.is_fresh(_me(), at=at),
                by=current_user.code,
                at=at,
            )
            number, again = placed.id, placed.ordered_at != at
    except NotOrdered as refused:
        if refused.reason in ("unavailable", "country"):
            flash(wording.refusal(refused), "danger")
            return redirect(url_for("rewards.catalogue"), 303)
        return _question(reward, form, refused=refused, status=409)
    flash(_("Cette commande était déjà faite ; la voici.") if again else _("C’est commandé."), "success")
    return redirect(url_for("rewards.my_order", order_id=number), 303)


def _withdrawn(code: str, form: OrderForm) -> bool:
    """Whether an article was offered when this form was shown, and no longer is."""
    today = clock.day_of(clock.now(), current_app.config["TIMEZONE"])
    if queries.offer(_me(), code, 0, on=today) is not None:
        return False
    reward = queries.article(code)
    return reward is not None and form.token.data == orders.form_token(_me(), reward)


def _addressed(reward: Reward, form: OrderForm) -> bool:
    """Whether what is sent home has somewhere to go; if not it is said beside the field, before a code leaves."""
    if not reward.sent_home or (form.address.data or "").strip():
        return True
    form.address.errors = [wording.refusal(NotOrdered("address"))]
    return False


def _confirmed(form: OrderForm) -> bool:
    """Whether the code typed in the form is the one; without one, a code is sent."""
    at, typed = clock.now(), form.code.data or ""
    if typed:
        with transaction():
            right = step_up.confirm(_me(), typed, secret=_secret(), at=at)
        if not right:
            form.code.errors = [_("Ce code n’est pas le bon, ou il n’est plus valable.")]
        return right
    try:
        with transaction():
            step_up.ask(_me(), secret=_secret(), at=at)
        flash(_("Un code vient de partir à %(email)s.", email=current_user.email), "info")
    except Refused as refusal:
        form.code.errors = [str(refusal)]
    return False


def _question(reward: Reward, form: OrderForm, *, refused: NotOrdered | None = None, status: int = 200) -> AnyResponse:
    """The question, with what was typed, at the price of now."""
    wallet = wallet_points(current_user.id)
    offer = _offer(reward.code, wallet)
    price = offer.reward.price_points or 0
    form.price.data = str(price)
    form.token.data = orders.form_token(_me(), offer.reward)
    needs_code = orders.needs_step_up(price) and not step_up.is_fresh(_me(), at=clock.now())
    page = render_template(
        "rewards/order.html",
        form=form,
        offer=offer,
        reward=offer.reward,
        wallet=wallet,
        refusal=wording.refusal(refused) if refused else None,
        needs_code=needs_code,
        code_asked=needs_code and step_up.is_asked(),
        email=current_user.email,
        kinds=wording.kinds(),
        icons=wording.ICONS,
    )
    return make_response(page, status)


@requires("play")
def my_orders() -> str:
    """What I have ordered, the newest first."""
    page: Paged[tuple[Order, Reward]] = paged(
        queries.orders_of(_me()), page_number(), size=20, shape=lambda row: (row[0], row[1])
    )
    return page_or_part("rewards/orders.html", "rewards/_orders.html", page=page, **_words())


@requires("play")
def my_order(order_id: int) -> str:
    """One of them: where it is, and since when."""
    return _order_page(order_id)


def _words() -> dict[str, Any]:
    return {
        "states": wording.states(),
        "voucher_states": wording.voucher_states(),
        "tones": wording.TONES,
        "icons": wording.ICONS,
    }


def _order_page(order_id: int, *, code: str | None = None) -> str:
    found, reward = queries.order_of(_me(), order_id) or abort(404)
    return render_template(
        "rewards/my_order.html",
        order=found,
        reward=reward,
        changes=queries.changes_of(found),
        next_step=wording.next_step(found.state, reward.kind),
        has_code=queries.has_code(found) if reward.kind == "voucher" else False,
        code=code,
        **_words(),
    )


@requires("play")
def cancel_mine(order_id: int) -> AnyResponse:
    """Call my own order off, while nobody has begun to prepare it."""
    found, _reward = queries.order_of(_me(), order_id) or abort(404)
    try:
        with transaction():
            held, _reward = queries.order_of(_me(), order_id) or abort(404)
            orders.cancel(held, _("Annulée par vous."), by=current_user.code, at=clock.now(), while_ordered=True)
        flash(_("Votre commande est annulée, vos points sont revenus."), "success")
    except NotOrdered as refused:
        flash(wording.refusal(refused), "danger")
    return redirect(url_for("rewards.my_order", order_id=found.id))


@requires("play")
def read_code(order_id: int) -> AnyResponse | str:
    """My voucher's code, shown once for each time I have proved anew who I am. Every reading is noted."""
    found, _reward = queries.order_of(_me(), order_id) or abort(404)
    at = clock.now()
    here = url_for("rewards.my_order", order_id=found.id)
    if not step_up.is_fresh(_me(), at=at):
        return redirect(url_for("network.confirmation", next=here), 303)
    try:
        with transaction():
            held, _reward = queries.order_of(_me(), order_id) or abort(404)
            code = orders.reveal(held, _me(), at=at)
        step_up.use_up()
    except NotOrdered as refused:
        flash(wording.refusal(refused), "danger")
        return redirect(here, 303)
    except ValueError:
        log("rewards").error("a code cannot be opened", order=order_id)
        flash(_("Votre code ne s’ouvre pas ; rien n’est perdu, prévenez votre animateur."), "danger")
        return redirect(here, 303)
    return _order_page(order_id, code=code)
