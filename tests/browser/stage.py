"""A stage for journeys: a challenge around this very day, sales told before the curtain rises, and a shop."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select

from challenges.definition import definition_from
from challenges.models import Challenge
from declarations.models import Declaration
from declarations.operations import reject
from declarations.publishing import publish_definition
from foundation import clock, programme
from foundation.database import db
from foundation.models import OutboxMessage
from foundation.transactions import transaction
from network.models import Person
from network.notices import notify
from rewards import codes
from rewards.models import Reward
from tests.declarations.stage import PARIS, sell
from tests.rewards.shop import credit, offer


def today() -> date:
    """The day in Paris, as the pages see it."""
    return clock.day_of(clock.now(), PARIS)


def day(days_from_now: int) -> str:
    """A day as it is written in a challenge file and in a form."""
    return (today() + timedelta(days=days_from_now)).isoformat()


AUTUMN: dict[str, Any] = {
    "code": "automne",
    "name": "Automne",
    "en": {"name": "Autumn"},
    "rules": [
        {"id": "soin", "counts": "units", "points": 10, "when": {"categories": ["Soin"]}},
        {"id": "avis", "counts": "feedback", "points": 15, "min_comment": 20},
        {"id": "palier", "counts": "milestone", "measure": "units", "at": 5, "points": 50},
    ],
    "payouts": [{"kind": "rank", "from": 1, "to": 1, "wallet": 100}, {"kind": "convert", "every": 10, "into": 1}],
}


def publish(starts: int = -10, ends: int = 10, *, at: datetime | None = None, **changes: Any) -> Challenge:
    """Publish the autumn challenge, with changes, from and to so many days from now."""
    data = AUTUMN | {"starts_on": day(starts), "ends_on": day(ends)} | changes
    with transaction():
        challenge, _ = publish_definition(definition_from(data), by="MARC", at=at or clock.now() - timedelta(days=20))
    return challenge


def refused_sale() -> str:
    """The public id of a sale of Awa's that was refused with a note; a message about rules waits for her too."""
    sale = sell("AWA", [("CREME", 1_500)], name="large", at=clock.now() - timedelta(hours=1)).public_id
    waiting = db.session.scalars(select(Declaration).where(Declaration.public_id == sale)).one()
    with transaction():
        reject(waiting, "wrong_quantity", by="MARC", at=clock.now(), note="Le bon dit 15.")
        notify([waiting.person_id], "rules", "Le règlement change", "Dès lundi.", "/challenges", at=clock.now())
    return sale


def fill_shelves(person: Person) -> None:
    """Two articles, a voucher with a code, and 500 points for this person; orders above 200 points ask for a code."""
    offer("SAC", name="Sac de plage", price_points=300, stock=2, description="Toile épaisse, anses en corde.")
    offer("VOYAGE", name="Week-end à Saint-Malo", kind="experience", price_points=1_500)
    bon = offer("BON", name="Bon de 10 €", kind="voucher", price_points=150)
    with transaction():
        codes.add(db.session.get_one(Reward, bon.id), ["PLAGE-2026-XYZ"], by="ADA", at=clock.now())
        programme.change_setting("step_up_above_points", "200", by="ADA", at=clock.now())
    credit(person, 500, at=clock.now())


def last_code() -> str:
    """The six digits of the latest message."""
    db.session.rollback()
    text = db.session.scalar(select(OutboxMessage.text).order_by(OutboxMessage.id.desc()).limit(1))
    db.session.rollback()
    found = re.search(r"\b(\d{6})\b", text or "")
    assert found
    return found[1]
