"""What people can be told about, and how each of them wants it: on their devices, by mail, or only inside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Boolean, func, literal, select
from sqlalchemy.sql import ColumnElement

from foundation.database import db
from network.models import NoticeChoice, Person


@dataclass(frozen=True)
class Topic:
    """Some kinds of notices that are chosen together. `push` and `mail`: offered, and chosen until somebody says
    otherwise; None: not offered. `daily`: a device is pushed the latest only, and one a day at most."""

    name: str
    label: Any
    kinds: tuple[str, ...]
    push: bool | None
    mail: bool | None
    daily: bool = False


TOPICS = (
    Topic("announcement", _l("Messages de l’animateur"), ("announcement",), True, True),
    Topic(
        "changes",
        _l("Changements d’un challenge"),
        ("rules", "extension", "early_close", "cancelled", "waiting"),
        True,
        False,
    ),
    Topic("sales", _l("Réponses à vos ventes en vérification"), ("accepted", "refused"), True, False),
    Topic("results", _l("Résultats"), ("closed", "award"), True, False),
    Topic("points", _l("Points donnés ou repris à la main"), ("points",), True, False),
    Topic("order", _l("Commandes de cadeaux"), ("order",), True, False),
    Topic("overtaken", _l("Dépassement au classement, une fois par jour au plus"), ("overtaken",), True, None, True),
    Topic("digest", _l("Résumé de la semaine, le lundi"), (), None, True),
)
BY_NAME = {topic.name: topic for topic in TOPICS}
BY_KIND = {kind: topic for topic in TOPICS for kind in topic.kinds}
WAYS = ("push", "mail")


def choices_of(person_id: int) -> dict[str, dict[str, bool | None]]:
    """How a person wants to be told, by topic and way; None where a way is not offered."""
    made = {
        one.topic: one for one in db.session.scalars(select(NoticeChoice).where(NoticeChoice.person_id == person_id))
    }
    found: dict[str, dict[str, bool | None]] = {}
    for topic in TOPICS:
        own = made.get(topic.name)
        found[topic.name] = {
            way: None if getattr(topic, way) is None else getattr(own if own is not None else topic, way)
            for way in WAYS
        }
    return found


def choose(person: Person, wanted: Mapping[str, Mapping[str, bool]]) -> None:
    """Keep how a person wants to be told, for every topic: {topic: {way: yes or no}}; what is missing means no.

    It changes nothing for anybody else and is not an act of the programme, so no audit entry is written.
    """
    for topic in TOPICS:
        asked = wanted.get(topic.name, {})
        values = {way: bool(asked.get(way)) and getattr(topic, way) is not None for way in WAYS}
        db.session.merge(NoticeChoice(person_id=person.id, topic=topic.name, **values))
    db.session.flush()


def wants(topic: Topic, way: str) -> ColumnElement[bool]:
    """Whether each person of a select wants to be told about a topic in a way ("push" or "mail")."""
    default = getattr(topic, way)
    if default is None:
        return literal(False, Boolean)
    column = NoticeChoice.push if way == "push" else NoticeChoice.mail
    own = select(column).where(NoticeChoice.person_id == Person.id, NoticeChoice.topic == topic.name).correlate(Person)
    return func.coalesce(own.scalar_subquery(), literal(default, Boolean))
