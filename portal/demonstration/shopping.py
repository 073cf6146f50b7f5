"""The shop of the demonstration: articles with their pictures, points given by hand, wishes, and orders in each state.

Told by shop.json in days before the instant of the demonstration, and done through the operations everybody uses.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from io import BytesIO
from random import Random
from typing import Any

from flask import current_app
from sqlalchemy import select

from declarations import adjustments
from foundation.audit import SYSTEM
from foundation.database import db
from foundation.pictures import keep_picture
from foundation.transactions import transaction
from network.models import Outlet, Person
from network.notices import read_all
from network.queries import person_by_code
from points.models import Adjustment
from portal.demonstration.content import Content
from portal.demonstration.pictures import picture_of
from portal.demonstration.plans import ZONE
from rewards import catalogue, orders
from rewards.imports import import_codes
from rewards.models import Order, Reward
from rewards.queries import article

ANIMATOR, SECOND = "DEMO-CLAIRE", "DEMO-AGNES"
POOLS_ARRIVE = 130  # days ago: before the first voucher is ordered

Happening = tuple[datetime, str, Callable[[], None]]


def furnish(content: Content, *, at: datetime) -> None:
    """Give every article its words and its picture; the caller commits."""
    folder = current_app.config["SETTINGS"].media_folder / "rewards"
    for reward in db.session.scalars(select(Reward).order_by(Reward.id)).all():
        _rewrite(reward, description=content.shop["descriptions"][reward.code], at=at)
        catalogue.show_picture(reward, keep_picture(picture_of(reward.code), folder), by=SYSTEM, at=at)


def happenings(content: Content, now: datetime) -> Iterator[Happening]:
    """What happens in the shop up to `now`: instant, name, and what does it in transactions of its own."""
    shop, today = content.shop, now.astimezone(ZONE).date()

    def on(days_ago: int, hour: int, minute: int = 0) -> datetime:
        return min(_instant(today, days_ago, hour, minute), now)

    if current_app.config["SETTINGS"].codes_keys:
        for code, count in shop["pools"].items():
            at = on(POOLS_ARRIVE, 9)
            yield at, f"codes of {code}", _committed(_fill, code, count, at)
    for code, again in shop["restocked"].items():
        at = on(again["days_ago"], 8)
        yield at, f"{code} is back", _committed(_restock, code, again["stock"], at)
    for code, people in shop["waiting"].items():
        for person, days_ago in people.items():
            at = on(days_ago, 13)
            yield at, f"{person} waits for {code}", _committed(_wait, person, code, at)
    for person, codes in shop["favourites"].items():
        for place, code in enumerate(codes):
            at = on(30 - place, 20)
            yield at, f"{person} likes {code}", _committed(_favour, person, code, at)
    for person, days_ago in shop["read"].items():
        at = on(days_ago, 21)
        yield at, f"{person} reads", _committed(_read_notices, person, at)
    for told in shop["adjustments"]:
        asked, decided = on(told["days_ago"], 10), on(told["days_ago"], 15)
        yield asked, f"points for {told['person']}", _committed(_adjust, told, asked, decided)
    for place, told in enumerate(shop["orders"]):
        ordered = on(told["days_ago"], 12, place)
        number: list[int] = []
        yield ordered, f"order of {told['person']}", _committed(_order, told, number, ordered)
        for hour, (step, act) in enumerate(_STEPS.items(), start=9):
            if step in told:
                at = max(on(told[step], hour, place), ordered)
                yield at, f"order of {told['person']}: {step}", _committed(act, told, number, at)


def _instant(today: date, days_ago: int, hour: int, minute: int) -> datetime:
    return datetime.combine(today - timedelta(days=days_ago), time(hour, minute), ZONE).astimezone(UTC)


def _committed(act: Callable[..., object], *values: Any) -> Callable[[], None]:
    def done() -> None:
        with transaction():
            act(*values)

    return done


def _person(code: str) -> Person:
    found = person_by_code(code)
    assert found is not None, code
    return found


def _reward(code: str) -> Reward:
    found = article(code)
    assert found is not None, code
    return found


def _rewrite(reward: Reward, *, at: datetime, **changes: Any) -> None:
    """Write an article anew with some changes."""
    names = (
        "name", "description", "kind", "cost_cents", "price_points", "stock", "limit_per_person", "countries",
        "starts_on", "ends_on", "provider",
    )  # fmt: skip
    values = {name: getattr(reward, name) for name in names} | changes
    catalogue.write(reward, code=reward.code, stock_seen=reward.stock, by=SYSTEM, at=at, **values)


def _fill(code: str, count: int, at: datetime) -> None:
    chance = Random(code)
    letters = string.ascii_uppercase + string.digits
    lines = ["-".join("".join(chance.choices(letters, k=4)) for _ in range(3)) for _ in range(count)]
    file = BytesIO("\n".join(["code", *lines]).encode())
    file.name = f"{code}.csv"
    import_codes(code, file, by=ANIMATOR, at=at)


def _restock(code: str, stock: int, at: datetime) -> None:
    _rewrite(_reward(code), stock=stock, at=at)


def _wait(person: str, code: str, at: datetime) -> None:
    catalogue.wait_for(_person(person), _reward(code), True, at=at)


def _favour(person: str, code: str, at: datetime) -> None:
    catalogue.favour(_person(person), _reward(code), True, at=at)


def _read_notices(person: str, at: datetime) -> None:
    read_all(_person(person), at=at)


def _adjust(told: Mapping[str, Any], asked_at: datetime, decided_at: datetime) -> None:
    asked_by = told.get("asked_by", ANIMATOR)
    asked: Adjustment = adjustments.adjust(
        _person(told["person"]), None, told["points"], told["reason"], by=asked_by, at=asked_at
    )
    if told.get("decided") == "approved":
        adjustments.approve(asked, by=SECOND, at=decided_at)
    elif told.get("decided") == "refused":
        adjustments.refuse(asked, told["note"], by=SECOND, at=decided_at)


def _order(told: Mapping[str, Any], number: list[int], at: datetime) -> None:
    person, reward = _person(told["person"]), _reward(told["reward"])
    token = orders.form_token(person, reward)
    price = reward.price_points or 0
    placed = orders.place(person, reward, price=price, token=token, address=_address(person), by=person.code, at=at)
    number.append(placed.id)


def _address(person: Person) -> str:
    outlet = db.session.get_one(Outlet, person.outlet_id)
    return f"{person.name}\n{outlet.name}\n1 rue de l’Exemple\n{outlet.department}000 {outlet.city}"


def _step(act: Callable[[Order, Mapping[str, Any], datetime], object]) -> Callable[..., None]:
    def take(told: Mapping[str, Any], number: list[int], at: datetime) -> None:
        act(db.session.get_one(Order, number[0]), told, at)

    return take


def _read(order: Order, told: Mapping[str, Any], at: datetime) -> None:
    """Its owner reads the code; there is none where no key keeps codes."""
    if order.state == "sent":
        orders.reveal(order, _person(told["person"]), at=at)


def _cancel(order: Order, told: Mapping[str, Any], at: datetime) -> None:
    by = ANIMATOR if "reason" in told else told["person"]
    orders.cancel(order, told.get("reason", "Annulée par vous."), by=by, at=at)


# What is done to an order, in the order of its life, which is that of the hours of a day.
_STEPS = {
    "approved": _step(lambda order, told, at: orders.approve(order, by=ANIMATOR, at=at)),
    "sent": _step(lambda order, told, at: orders.send(order, told.get("tracking", ""), by=ANIMATOR, at=at)),
    "delivered": _step(lambda order, told, at: orders.deliver(order, by=ANIMATOR, at=at)),
    "read": _step(_read),
    "cancelled": _step(_cancel),
}
