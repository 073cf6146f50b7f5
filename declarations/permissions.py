"""Which declarations someone may see: one's own, or those one may review. What is not there answers 404."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Select, and_, case, or_, select
from sqlalchemy.orm import aliased, joinedload

from declarations.models import STATUSES, Declaration, Photo, Revision
from foundation.database import db
from network.models import Person

_CURRENT = and_(Revision.declaration_id == Declaration.id, Revision.number == Declaration.revision)


def declarations_of(person: Person, status: str = "") -> Select[Any]:
    """A person's declarations with what they now say, latest first; of one status when it is given."""
    found = (
        select(Declaration, Revision)
        .join(Revision, _CURRENT)
        .where(Declaration.person_id == person.id)
        .order_by(Declaration.received_at.desc(), Declaration.id.desc())
    )
    return found.where(Declaration.status == status) if status in STATUSES else found


def declaration_of(person: Person, public_id: str) -> tuple[Declaration, Revision] | None:
    """One declaration of a person with what it now says; None when it is somebody else's."""
    row = db.session.execute(declarations_of(person).where(Declaration.public_id == public_id)).first()
    return None if row is None else (row[0], row[1])


def declarations_named(person: Person, public_ids: Collection[str]) -> list[tuple[Declaration, Revision]]:
    """Those of some declarations that are this person's, with what they now say. One statement."""
    rows = db.session.execute(declarations_of(person).where(Declaration.public_id.in_(public_ids)))
    return [(row[0], row[1]) for row in rows]


def version_of_mine(person: Person, public_id: str, version: int) -> Revision | None:
    """What a declaration of this person said in one of its versions."""
    return db.session.scalar(
        select(Revision)
        .join(Declaration, Declaration.id == Revision.declaration_id)
        .where(Declaration.public_id == public_id, Declaration.person_id == person.id, Revision.number == version)
    )


def waiting_for(reviewer: Person) -> Select[Any]:
    """What waits for this reviewer, oldest first, with its person: never one's own, nor one's own outlet's."""
    found = (
        select(Declaration, Revision, Person)
        .join(Revision, _CURRENT)
        .join(Person, Person.id == Declaration.person_id)
        .options(joinedload(Person.outlet))
        .where(Declaration.status == "in_review", Person.id != reviewer.id)
        .order_by(Declaration.received_at, Declaration.id)
    )
    if reviewer.outlet_id is not None:
        found = found.where(or_(Person.outlet_id.is_(None), Person.outlet_id != reviewer.outlet_id))
    return found


def reviewable(reviewer: Person, public_id: str) -> tuple[Declaration, Revision, Person] | None:
    """A waiting declaration this reviewer may decide on; None when there is none of that id."""
    row = db.session.execute(waiting_for(reviewer).where(Declaration.public_id == public_id)).first()
    return None if row is None else (row[0], row[1], row[2])


def with_the_same_photo(person: Person, declaration: Declaration) -> tuple[Declaration, Revision, Person] | None:
    """The sale whose photo a declaration's photo repeats, with what it said when it carried that photo, for a reviewer
    or for the person who told it; None when it is not theirs to see."""
    mine, other = aliased(Photo), aliased(Photo)
    with_it = Revision.proof == other.picture
    found = (
        select(Declaration, Revision, Person)
        .join(Revision, Revision.declaration_id == Declaration.id)
        .join(Person, Person.id == Declaration.person_id)
        .join(other, other.declaration_id == Declaration.id)
        .join(mine, mine.same_as_id == other.id)
        .options(joinedload(Person.outlet))
        .where(mine.declaration_id == declaration.id, or_(with_it, Revision.number == Declaration.revision))
        .order_by(mine.id.desc(), case((with_it, 0), else_=1), Revision.number.desc())
        .limit(1)
    )
    if person.role == "reseller":
        found = found.where(Declaration.person_id == person.id)
    else:
        found = found.where(Person.id != person.id)
        if person.outlet_id is not None:
            found = found.where(or_(Person.outlet_id.is_(None), Person.outlet_id != person.outlet_id))
    row = db.session.execute(found).first()
    return None if row is None else (row[0], row[1], row[2])


def reviewed_or_waiting(reviewer: Person, public_id: str, version: int | None = None) -> Revision | None:
    """What a declaration says, for a reviewer looking at its picture, whatever its status; or what it said in an
    earlier version."""
    found = (
        select(Revision)
        .join(Declaration, Declaration.id == Revision.declaration_id)
        .join(Person, Person.id == Declaration.person_id)
        .where(
            Declaration.public_id == public_id,
            Person.id != reviewer.id,
            Revision.number == (Declaration.revision if version is None else version),
        )
    )
    if reviewer.outlet_id is not None:
        found = found.where(or_(Person.outlet_id.is_(None), Person.outlet_id != reviewer.outlet_id))
    return db.session.scalar(found)
