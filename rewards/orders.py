"""What can happen to an order: placed, approved, sent, delivered, or cancelled; each step is claimed before it acts.

Rows are held in one order everywhere: person, order, article, wallet. Nothing here commits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import ColumnElement, exists, func, insert, or_, select, update

from foundation import audit, clock
from foundation.database import db
from foundation.programme import setting
from network.models import Person
from network.notices import notify, said
from network.permissions import STAFF
from points import wallet
from points.rules import NotEnough
from rewards import codes
from rewards.models import Order, OrderChange, Reward, VoucherCode
from rewards.rules import BEFORE, NotOrdered


def form_token(person: Person, reward: Reward) -> str:
    """What makes the forms of one wish one: it stays the same, in every tab, until the article has been ordered."""
    before = select(func.count()).where(Order.person_id == person.id, Order.reward_id == reward.id)
    return hashlib.sha256(f"{person.id}:{reward.id}:{db.session.scalar(before)}".encode()).hexdigest()


def needs_step_up(points: int) -> bool:
    """Whether an order of so many points asks for a fresh code."""
    return points > int(setting("step_up_above_points"))


def place(
    person: Person, reward: Reward, *, price: int, token: str, address: str = "", stepped_up: bool = False, by: str,
    at: datetime,
) -> Order:  # fmt: skip
    """Order an article at the price that was shown; stock and points are held with the order, or nothing is.

    The same person and token again give the order there is. Raises NotOrdered with its reason: `suspended`,
    `unavailable`, `country`, `limit`, `price` (`.value`: the price now), `address`, `sold_out`, `step_up`, or `points`
    (`.value`: how many are missing). What was written before is undone with the transaction.
    """
    held = db.session.execute(
        select(Person).where(Person.id == person.id).with_for_update(key_share=True, of=Person),
        execution_options={"populate_existing": True},
    ).scalar_one()
    known = db.session.scalar(select(Order).where(Order.person_id == held.id, Order.form_token == token))
    if known is not None:
        return known
    if held.suspended_at is not None or held.role != "reseller":
        raise NotOrdered("suspended")
    db.session.refresh(reward)
    _check(held, reward, price, address, at)
    if needs_step_up(price) and not stepped_up:
        raise NotOrdered("step_up")
    _hold_stock(reward, price)
    order = Order(
        person_id=held.id, reward_id=reward.id, price_points=price, cost_cents=reward.cost_cents, state="ordered",
        form_token=token, address=address.strip() if reward.sent_home else None, tracking="", reason="", ordered_at=at,
        changed_at=at, provider=reward.provider, tries=0,
    )  # fmt: skip
    db.session.add(order)
    db.session.flush()
    why = {"counts": "order", "order": order.id, "reward": reward.name}
    try:
        wallet.spend(held.id, price, order.reference, order.reference, why, at=at)
    except NotEnough as lacking:
        raise NotOrdered("points", lacking.needs - lacking.has) from lacking
    _note(order, "", by=by, at=at)
    return order


def _check(person: Person, reward: Reward, price: int, address: str, at: datetime) -> None:
    today = clock.day_of(at, current_app.config["TIMEZONE"])
    late = reward.ends_on is not None and today > reward.ends_on
    if reward.price_points is None or late or (reward.starts_on is not None and today < reward.starts_on):
        raise NotOrdered("unavailable")
    country = person.outlet.country if person.outlet else ""
    if reward.countries and country not in reward.countries.split(","):
        raise NotOrdered("country")
    if reward.price_points != price:
        raise NotOrdered("price", reward.price_points)
    if reward.limit_per_person is not None:
        had = select(func.count()).where(
            Order.person_id == person.id, Order.reward_id == reward.id, Order.state != "cancelled"
        )
        if (db.session.scalar(had) or 0) >= reward.limit_per_person:
            raise NotOrdered("limit", reward.limit_per_person)
    if reward.sent_home and not address.strip():
        raise NotOrdered("address")


def _hold_stock(reward: Reward, price: int) -> None:
    """Take one from the stock, if there is one and its price is still the one that was shown."""
    taken = db.session.execute(
        update(Reward)
        .where(Reward.id == reward.id, Reward.price_points == price, or_(Reward.stock.is_(None), Reward.stock > 0))
        .values(stock=Reward.stock - 1)
        .execution_options(synchronize_session=False)
    )
    db.session.refresh(reward)
    if taken.rowcount == 1:  # type: ignore[attr-defined]
        return
    if reward.price_points != price:
        raise NotOrdered("price" if reward.price_points is not None else "unavailable", reward.price_points or 0)
    raise NotOrdered("sold_out")


def approve(order: Order, *, by: str, at: datetime) -> None:
    """Let an order be prepared. A voucher's code is given at once; a provider is told by a job.

    Raises NotOrdered("state") when it is no longer waiting for this; so do the other steps.
    """
    _move(order, "approved", by=by, at=at)
    _tell(order, lambda: _("Votre commande est acceptée"), lambda: _("Elle est en préparation."), at=at)
    if order.provider != "manual":
        order.next_try_at = at
        db.session.flush()
    else:
        give_code(order, at=at)


def send(order: Order, tracking: str, *, by: str, at: datetime) -> None:
    """Say that an order has left; `tracking` is what helps its owner to follow it, or ''.

    A voucher of ours leaves with its code (`give_code`), not otherwise: NotOrdered("no_code").
    """
    tracking = " ".join(tracking.split())[:300]
    if order.provider == "manual" and db.session.get_one(Reward, order.reward_id).kind == "voucher":
        raise NotOrdered("no_code")
    _move(order, "sent", tracking, by=by, at=at, tracking=tracking)
    _tell(order, lambda: _("Votre commande est partie"), lambda: tracking or _("Elle arrive bientôt."), at=at)


def deliver(order: Order, *, by: str, at: datetime) -> None:
    """Say that an order has arrived. Where it was sent is forgotten."""
    _move(order, "delivered", by=by, at=at, address=None)


def cancel(
    order: Order, reason: str, *, by: str, at: datetime, by_provider: bool = False, while_ordered: bool = False
) -> None:  # fmt: skip
    """Call an order off: its article and its points come back, once. Where it should have gone is forgotten.

    Only before anybody prepares it, `while_ordered`. What a provider has been told can only be called off by the
    provider (`by_provider`): NotOrdered("told").
    """
    reason = " ".join(reason.split())[:300]
    if not reason:
        raise NotOrdered("reason")
    told = order.provider != "manual" and order.tries > 0
    if told and not by_provider:
        raise NotOrdered("told")
    conditions = [] if by_provider else [or_(Order.provider == "manual", Order.tries == 0)]
    if while_ordered:
        conditions.append(Order.state == "ordered")
    cleared = {"address": None, "reason": reason, "next_try_at": None}
    _move(order, "cancelled", reason, *conditions, by=by, at=at, **cleared)
    reward = _held_reward(order.reward_id)
    if not codes.count_stock(reward):
        db.session.execute(
            update(Reward)
            .where(Reward.id == reward.id, Reward.stock.is_not(None))
            .values(stock=Reward.stock + 1)
            .execution_options(synchronize_session=False)
        )
    db.session.refresh(reward)
    why = {"counts": "order_cancelled", "order": order.id, "reward": reward.name, "reason": reason}
    wallet.give_back(order.reference, f"{order.reference}/cancelled", why, at=at)
    _tell(
        order,
        lambda: _("Votre commande est annulée"),
        lambda: _("Vos points sont revenus. %(reason)s", reason=reason),
        at=at,
    )


def give_code(order: Order, *, at: datetime) -> bool:
    """Give an approved voucher its code: it is then sent. Without one left the order waits and staff are alerted."""
    reward = db.session.get_one(Reward, order.reward_id)
    if reward.kind != "voucher" or order.state != "approved" or order.provider != "manual":
        return False
    if not codes.claim(order):
        if order.alerted_at is None:
            order.alerted_at = at
            db.session.flush()
            alert_staff(
                lambda: _("Plus de code pour %(name)s", name=reward.name),
                lambda: _("La commande %(number)s attend : importez des codes.", number=order.id),
                f"/studio/orders/{order.id}",
                at=at,
            )
        return False
    _move(order, "sent", by=audit.SYSTEM, at=at)
    _tell(order, lambda: _("Votre bon est prêt"), lambda: _("Ouvrez la commande pour lire le code."), at=at)
    return True


def reveal(order: Order, person: Person, *, at: datetime) -> str:
    """The code of a voucher, for its owner alone, who has just proved who they are; each reading is noted.

    The first one is the delivery. Raises NotOrdered("no_code"), or ValueError when the code cannot be opened.
    """
    sealed = db.session.scalar(select(VoucherCode.sealed).where(VoucherCode.order_id == order.id))
    if order.person_id != person.id or sealed is None:
        raise NotOrdered("no_code")
    code = codes.opened(sealed)
    audit.record("order.code_revealed", str(order.id), by=person.code, at=at)
    if order.state == "sent":
        deliver(order, by=person.code, at=at)
    return code


def free_code_of(reward_id: Any) -> ColumnElement[bool]:
    """Whether an article has a free code, to be part of another select."""
    return exists().where(VoucherCode.reward_id == reward_id, VoucherCode.order_id.is_(None))


def _held_reward(reward_id: int) -> Reward:
    return db.session.execute(
        select(Reward).where(Reward.id == reward_id).with_for_update(key_share=True),
        execution_options={"populate_existing": True},
    ).scalar_one()


def _move(
    order: Order, state: str, note: str = "", *conditions: ColumnElement[bool], by: str, at: datetime, **values: Any
) -> None:
    """Claim a step of an order and note it; NotOrdered("state") when somebody else was first."""
    claimed = db.session.execute(
        update(Order)
        .where(Order.id == order.id, Order.state.in_(BEFORE[state]), *conditions)
        .values(state=state, changed_at=at, **values)
        .execution_options(synchronize_session=False)
    )
    if claimed.rowcount != 1:  # type: ignore[attr-defined]
        raise NotOrdered("state")
    db.session.refresh(order)
    _note(order, note, by=by, at=at)


def _note(order: Order, note: str, *, by: str, at: datetime) -> None:
    db.session.execute(
        insert(OrderChange).values(order_id=order.id, state=order.state, note=note, changed_at=at, changed_by=by)
    )
    audit.record(f"order.{order.state}", str(order.id), by=by, at=at)


def _tell(order: Order, title: Callable[[], str], text: Callable[[], str], *, at: datetime) -> None:
    name = db.session.get_one(Reward, order.reward_id).name
    notify([order.person_id], "order", said(title), said(lambda: f"{name} – {text()}"), f"/orders/{order.id}", at=at)


def alert_staff(title: Callable[[], str], text: Callable[[], str], address: str, *, at: datetime) -> None:
    """A notice to everyone who prepares orders."""
    staff = select(Person.id).where(Person.role.in_(sorted(STAFF)))
    notify(staff, "order", said(title), said(text), address, at=at)
