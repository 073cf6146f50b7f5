"""The conversation with a provider: who is told what, when again, and what its words change.

Told twice, a parcel is one parcel; heard twice, late or in the wrong order, a word changes nothing. So every answer
may be lost. Nothing here commits or talks to the provider: the jobs and the door of its messages do.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import and_, func, insert, or_, select, update

from foundation import audit
from foundation.database import db
from network.models import Person
from rewards import orders
from rewards.models import PROVIDER, Order, ProviderEvent, Reward
from rewards.providers import Parcel, Word
from rewards.rules import NotOrdered, wait_after

AT_ONCE = 200
SILENT_AFTER = timedelta(hours=24)
ALERT_AFTER_TRIES = 5
KEEP_ADDRESS = timedelta(days=60)


def due(at: datetime) -> list[tuple[int, str]]:
    """The orders that a provider is to be told now and the names of these, the longest waiting first."""
    waiting = (
        select(Order.id, Order.provider)
        .where(Order.next_try_at <= at, Order.state == "approved", Order.provider != "manual")
        .order_by(Order.next_try_at, Order.id)
        .limit(AT_ONCE)
    )
    return [(row.id, row.provider) for row in db.session.execute(waiting)]


def silent(at: datetime) -> list[int]:
    """The orders of which a provider has said nothing for a day."""
    since = at - SILENT_AFTER
    found = (
        select(Order.id)
        .where(
            Order.provider != "manual",
            or_(and_(Order.state == "approved", Order.next_try_at.is_(None)), Order.state == "sent"),
            func.coalesce(Order.heard_at, Order.changed_at) < since,
        )
        .order_by(Order.id)
        .limit(AT_ONCE)
    )
    return list(db.session.scalars(found))


def claim(order_id: int, *, at: datetime) -> Parcel | None:
    """Claim the telling of one order: the parcel; None when another was first.

    The next try is put off, so that whoever dies in the middle leaves it to that next try.
    """
    tries = db.session.scalar(select(Order.tries).where(Order.id == order_id)) or 0
    claimed = db.session.execute(
        update(Order)
        .where(Order.id == order_id, Order.state == "approved", Order.next_try_at <= at, Order.tries == tries)
        .values(tries=min(tries + 1, 30_000), next_try_at=at + wait_after(tries + 1))
        .execution_options(synchronize_session=False)
    )
    if claimed.rowcount != 1:  # type: ignore[attr-defined]
        return None
    order, reward, person = db.session.execute(
        select(Order, Reward, Person)
        .join(Reward, Reward.id == Order.reward_id)
        .join(Person, Person.id == Order.person_id)
        .where(Order.id == order_id),
        execution_options={"populate_existing": True},
    ).one()
    country = person.outlet.country if person.outlet else ""
    return Parcel(str(order.id), reward.code, person.name, order.address or "", country, person.language)


def failed(order_id: int, *, at: datetime) -> None:
    """A try in vain; after some of them staff are alerted, once."""
    order = _held(order_id)
    if order is not None and order.tries >= ALERT_AFTER_TRIES and order.alerted_at is None:
        order.alerted_at = at
        audit.record("order.provider_silent", str(order.id), by=audit.SYSTEM, at=at, tries=order.tries)
        _alert(order, at=at)


def without_provider(order_id: int, *, at: datetime) -> None:
    """An order whose provider has no address here: it was told nothing, so staff can call it off; they are alerted,
    once."""
    order = _held(order_id)
    if order is not None and order.state == "approved" and order.alerted_at is None:
        order.alerted_at = at
        audit.record("order.without_provider", str(order.id), by=audit.SYSTEM, at=at)
        _alert(order, at=at)


def take_in(order_id: int, word: Word, *, at: datetime) -> str:
    """What a provider says of an order becomes its steps; answers "applied", "known" (nothing new) or "refused".

    A delivery also says that the parcel was sent. What the provider does not know is told anew; a refusal calls the
    order off, unless it had been sent: then staff are alerted.
    """
    order = _held(order_id)
    if order is None:
        return "refused"
    order.heard_at = at
    if word.state == "unknown":
        if order.state != "approved":
            _alert(order, at=at)
            return "refused"
        order.next_try_at, order.tries = at, 0
        db.session.flush()
        return "applied"
    if order.state == "approved":
        order.next_try_at = None
        order.tries = max(order.tries, 1)
    db.session.flush()
    if word.state == "refused":
        if order.state == "approved":
            reason = word.note or _("Le prestataire ne peut pas fournir cet article.")
            orders.cancel(order, reason, by=PROVIDER, at=at, by_provider=True)
            return "applied"
        if order.state == "sent":
            _alert(order, at=at)
        return "refused"
    before = order.state
    if before == "approved" and word.state in ("sent", "delivered"):
        orders.send(order, word.note, by=PROVIDER, at=at)
    if order.state == "sent" and word.state == "delivered":
        orders.deliver(order, by=PROVIDER, at=at)
    return "known" if order.state == before else "applied"


def receive(event: str, order_id: int, word: Word, *, at: datetime) -> str:
    """A message of the provider, by its own name: once taken in, the same one again is "replay".

    Raises NotOrdered("unknown") for an order that no provider was given.
    """
    order = _held(order_id)
    if order is None or order.provider == "manual" or order.state == "ordered":
        raise NotOrdered("unknown")
    if db.session.scalar(select(ProviderEvent.id).where(ProviderEvent.event == event)) is not None:
        return "replay"
    outcome = take_in(order_id, word, at=at)
    db.session.execute(
        insert(ProviderEvent).values(event=event, order_id=order_id, state=word.state, outcome=outcome, received_at=at)
    )
    return outcome


def asked(order_id: int, *, at: datetime) -> str | None:
    """Claim the asking after a silent order: the name of its provider, None when another was first."""
    silent_since = at - SILENT_AFTER
    claimed = db.session.execute(
        update(Order)
        .where(Order.id == order_id, func.coalesce(Order.heard_at, Order.changed_at) < silent_since)
        .values(heard_at=at)
        .execution_options(synchronize_session=False)
    )
    if claimed.rowcount != 1:  # type: ignore[attr-defined]
        return None
    return db.session.scalar(select(Order.provider).where(Order.id == order_id))


def waiting_for_a_code() -> list[int]:
    """Approved vouchers without a code whose article has codes again, the oldest first."""
    free = orders.free_code_of(Order.reward_id)
    waiting = (
        select(Order.id)
        .where(Order.state == "approved", Order.provider == "manual", free)
        .order_by(Order.id)
        .limit(AT_ONCE)
    )
    return list(db.session.scalars(waiting))


def forget_addresses(*, at: datetime) -> int:
    """Forget where orders were sent two months ago, delivered or not as far as we know; answers how many.

    Delivery and cancellation forget at once; this is for what nobody said had arrived.
    """
    forgotten = db.session.execute(
        update(Order)
        .where(
            Order.address.is_not(None),
            or_(
                Order.state.in_(("delivered", "cancelled")),
                and_(Order.state == "sent", Order.changed_at < at - KEEP_ADDRESS),
            ),
        )
        .values(address=None)
        .execution_options(synchronize_session=False)
    )
    count: int = forgotten.rowcount  # type: ignore[attr-defined]
    if count:
        audit.record("orders.addresses_forgotten", str(count), by=audit.SYSTEM, at=at)
    return count


def _held(order_id: int) -> Order | None:
    return db.session.execute(
        select(Order).where(Order.id == order_id).with_for_update(key_share=True),
        execution_options={"populate_existing": True},
    ).scalar_one_or_none()


def _alert(order: Order, *, at: datetime) -> None:
    orders.alert_staff(
        lambda: _("Le prestataire bloque"),
        lambda: _("Regardez la commande %(number)s avec lui.", number=order.id),
        f"/studio/orders/{order.id}",
        at=at,
    )
