"""Preparing orders, as staff do it: a queue one can clear with the keyboard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from foundation import clock
from foundation.pages import Paged, page_number, paged
from foundation.transactions import transaction
from network.models import Person
from network.permissions import requires
from rewards import orders, queries, wording
from rewards.models import STATES, Order, Reward
from rewards.order_forms import CancellationForm, SendingForm
from rewards.rules import NotOrdered

Row = tuple[Order, Reward, Person]


@requires("animate")
def queue() -> str:
    """The orders in one state; the first one is open."""
    return _page(None)


@requires("animate")
def prepare(order_id: int) -> str:
    """One order, beside the others of its state."""
    return _page(order_id)


def _page(order_id: int | None, *, cancellation: CancellationForm | None = None) -> str:
    chosen = (queries.prepared(order_id) or abort(404)) if order_id is not None else None
    state = chosen[0].state if chosen is not None else request.args.get("state", "ordered")
    if state not in STATES:
        state = "ordered"
    page: Paged[Row] = paged(queries.queue(state), page_number(), size=20, shape=lambda row: (row[0], row[1], row[2]))
    if chosen is None and page.rows:
        chosen = page.rows[0]
    waits_for_code = (
        chosen is not None
        and chosen[0].state == "approved"
        and chosen[0].provider == "manual"
        and chosen[1].kind == "voucher"
    )
    changes = queries.changes_of(chosen[0]) if chosen is not None else []
    codes = {change.changed_by for change in changes}
    return render_template(
        "rewards/queue.html",
        page=page,
        state=state,
        counts=queries.order_counts(),
        chosen=chosen,
        changes=changes,
        authors=wording.authors(codes) | queries.people_names(codes),
        waits_for_code=waits_for_code,
        sending=SendingForm(formdata=None),
        cancellation=cancellation or CancellationForm(formdata=None),
        states=wording.states(),
        kinds=wording.kinds(),
        tones=wording.TONES,
        icons=wording.ICONS,
    )


def _step(order_id: int, act: Callable[[Order], None], done: str) -> AnyResponse:
    """Take one step of an order, then go on to the next one of the same list."""
    queries.prepared(order_id) or abort(404)
    before = ""
    try:
        with transaction():
            order, _reward, _person = queries.prepared(order_id) or abort(404)
            before = order.state
            act(order)
        flash(done, "success")
    except NotOrdered as refused:
        flash(wording.refusal(refused), "danger")
        return redirect(url_for("rewards.prepare", order_id=order_id))
    return redirect(url_for("rewards.queue", state=before))


def _author() -> dict[str, Any]:
    return {"by": current_user.code, "at": clock.now()}


@requires("animate")
def approval(order_id: int) -> AnyResponse:
    """Let an order be prepared."""
    return _step(order_id, lambda order: orders.approve(order, **_author()), _("La commande est acceptée."))


@requires("animate")
def sending(order_id: int) -> AnyResponse:
    """Say that it has left."""
    tracking = (SendingForm().tracking.data or "")[:300]
    return _step(order_id, lambda order: orders.send(order, tracking, **_author()), _("La commande est partie."))


@requires("animate")
def delivery(order_id: int) -> AnyResponse:
    """Say that it has arrived."""
    return _step(order_id, lambda order: orders.deliver(order, **_author()), _("La commande est arrivée."))


@requires("animate")
def cancellation(order_id: int) -> AnyResponse:
    """Call it off with a reason."""
    form = CancellationForm()
    if not form.validate_on_submit():
        return make_response(_page(order_id, cancellation=form), 422)
    reason = form.reason.data or ""
    done = _("La commande est annulée, les points sont revenus.")
    return _step(order_id, lambda order: orders.cancel(order, reason, **_author()), done)
