"""What can happen to an article of the catalogue: written, shown by a picture, wished for, waited for."""

from __future__ import annotations

from datetime import date, datetime

from flask_babel import gettext as _
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from foundation import audit
from foundation.database import db
from foundation.merging import chunks
from network.models import Person
from network.notices import notify, said
from rewards import codes
from rewards.models import Favourite, Reward, Waiting


class StockMoved(ValueError):
    """The stock of an article was changed by an order, or by somebody else, while it was being written."""

    def __init__(self, stock: int | None) -> None:
        super().__init__(f"the stock is {stock} now")
        self.stock = stock


def write(
    reward: Reward | None, *, code: str, name: str, description: str, kind: str, cost_cents: int,
    price_points: int | None, stock: int | None, limit_per_person: int | None, countries: str, starts_on: date | None,
    ends_on: date | None, provider: str, by: str, at: datetime, stock_seen: int | None = None,
) -> Reward:  # fmt: skip
    """Write an article, new (None) or not; its code stays. The stock of a voucher with codes stays what they say.

    `stock_seen` is the stock its author started from: left as it was, orders placed meanwhile still count. Raises
    StockMoved when it was changed by both.
    """
    fresh = reward is None
    if reward is None:
        reward = Reward(code=code)
        db.session.add(reward)
    else:
        held = select(Reward).where(Reward.id == reward.id).with_for_update(key_share=True)
        reward = db.session.execute(held, execution_options={"populate_existing": True}).scalar_one()
        if stock == stock_seen:
            stock = reward.stock
        elif reward.stock != stock_seen and not (reward.kind == kind == "voucher" and codes.has_pool(reward.id)):
            raise StockMoved(reward.stock)
    reward.name, reward.description, reward.kind, reward.cost_cents = name, description, kind, cost_cents
    reward.price_points, reward.stock, reward.limit_per_person = price_points, stock, limit_per_person
    reward.countries, reward.starts_on, reward.ends_on, reward.provider = countries, starts_on, ends_on, provider
    db.session.flush()
    codes.count_stock(reward)
    audit.record(
        "reward.created" if fresh else "reward.changed", reward.code, by=by, at=at, price=price_points, stock=stock
    )
    return reward


def show_picture(reward: Reward, picture: str | None, *, by: str, at: datetime) -> str | None:
    """Show this picture (its name among the kept ones) from now on, or none; answers the name of the former one."""
    former, reward.picture = reward.picture, picture
    audit.record("reward.picture_changed", reward.code, by=by, at=at, shown=picture is not None)
    return former


def favour(person: Person, reward: Reward, wished: bool, *, at: datetime) -> None:
    """Keep an article among somebody's favourites, or no longer. A wish is nobody else's affair: no audit entry."""
    if wished:
        _insert(Favourite, person_id=person.id, reward_id=reward.id, chosen_at=at)
    else:
        db.session.execute(delete(Favourite).where(Favourite.person_id == person.id, Favourite.reward_id == reward.id))


def wait_for(person: Person, reward: Reward, waits: bool, *, at: datetime) -> None:
    """Have somebody told when a sold-out article is back, or no longer."""
    if waits:
        _insert(Waiting, reward_id=reward.id, person_id=person.id, asked_at=at)
    else:
        db.session.execute(delete(Waiting).where(Waiting.person_id == person.id, Waiting.reward_id == reward.id))


def tell_waiting(reward: Reward, *, at: datetime) -> int:
    """Tell everybody who waits for an article that it can be ordered again, once; answers how many."""
    gone = delete(Waiting).where(Waiting.reward_id == reward.id).returning(Waiting.person_id)
    people = list(db.session.scalars(gone))
    title = said(lambda: _("%(name)s est de retour", name=reward.name))
    text = said(lambda: _("Vous l’attendiez : vous pouvez le commander."))
    for part in chunks(people):
        notify(part, "order", title, text, f"/rewards/{reward.code}", at=at)
    return len(people)


def _insert(model: type[Favourite] | type[Waiting], **values: object) -> None:
    """Insert a row that may be there already."""
    insert_new = postgresql_insert if db.engine.dialect.name == "postgresql" else sqlite_insert
    db.session.execute(insert_new(model).values(**values).on_conflict_do_nothing())
