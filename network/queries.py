"""Reading the network: people and outlets, one by one or by filters."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import contains_eager

from foundation.database import db, plain_text, without_accents
from network.models import Outlet, Person
from network.rules import normal_email


@dataclass(frozen=True)
class PeopleFilter:
    """What an animator asks of the list of people; '' means any. `suspended`: "yes" or "no"."""

    search: str = ""
    role: str = ""
    status: str = ""
    kind: str = ""
    region: str = ""
    suspended: str = ""


@dataclass(frozen=True)
class OutletFilter:
    """What an animator asks of the list of outlets; '' means any."""

    search: str = ""
    kind: str = ""
    region: str = ""


@dataclass(frozen=True)
class OutletRow:
    """An outlet in a list, with how many people it has."""

    outlet: Outlet
    people: int


def person_by_code(code: str) -> Person | None:
    """The person with this code."""
    return db.session.scalar(select(Person).where(Person.code == code))


def names_of(codes: Collection[str]) -> dict[str, str]:
    """The names of the people with these codes, by code."""
    rows = db.session.execute(select(Person.code, Person.name).where(Person.code.in_(codes)))
    return {row.code: row.name for row in rows}


def person_by_email(email: str) -> Person | None:
    """The person with this address, whatever its capitals."""
    return db.session.scalar(select(Person).where(Person.email == normal_email(email)))


def outlet_by_code(code: str) -> Outlet | None:
    """The outlet with this code."""
    return db.session.scalar(select(Outlet).where(Outlet.code == code))


def contains(text: str, *columns: Any) -> ColumnElement[bool]:
    """Whether one of these columns contains a text, whatever its capitals and accents."""
    plain = without_accents(text)
    pattern = "%" + plain.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    return or_(*(plain_text(column).like(pattern, escape="\\") for column in columns))


def people(asked: PeopleFilter) -> Select[Any]:
    """The people that match every filter, by name; each comes with its outlet."""
    query = (
        select(Person).outerjoin(Person.outlet).options(contains_eager(Person.outlet)).order_by(Person.name, Person.id)
    )
    if asked.search:
        query = query.where(contains(asked.search, Person.name, Person.code, Person.email, Outlet.name))
    if asked.role:
        query = query.where(Person.role == asked.role)
    if asked.status:
        query = query.where(Person.status == asked.status)
    if asked.kind:
        query = query.where(Outlet.kind == asked.kind)
    if asked.region:
        query = query.where(Outlet.region == asked.region)
    if asked.suspended == "yes":
        query = query.where(Person.suspended_at.is_not(None))
    if asked.suspended == "no":
        query = query.where(Person.suspended_at.is_(None))
    return query


def outlets(asked: OutletFilter) -> Select[Any]:
    """The outlets that match every filter, by name, with their number of people."""
    count = (select(func.count()).where(Person.outlet_id == Outlet.id).correlate(Outlet).scalar_subquery()).label(
        "people"
    )
    query = select(Outlet, count).order_by(Outlet.name, Outlet.id)
    if asked.search:
        query = query.where(contains(asked.search, Outlet.name, Outlet.code, Outlet.city, Outlet.group_code))
    if asked.kind:
        query = query.where(Outlet.kind == asked.kind)
    if asked.region:
        query = query.where(Outlet.region == asked.region)
    return query


def people_of(outlet: Outlet) -> Select[Any]:
    """The people of an outlet, by name."""
    return select(Person).where(Person.outlet_id == outlet.id).order_by(plain_text(Person.name), Person.id)


def regions() -> list[str]:
    """The regions that occur, in order, for a filter."""
    return list(db.session.scalars(select(Outlet.region).where(Outlet.region != "").distinct().order_by(Outlet.region)))


def nickname_taken(nickname: str, person: Person) -> bool:
    """Whether another person goes by this name, or is called so."""
    wanted = nickname.lower()
    found = select(Person.id).where(
        Person.id != person.id, or_(func.lower(Person.nickname) == wanted, func.lower(Person.name) == wanted)
    )
    return db.session.scalar(found.limit(1)) is not None


def demonstration_people(each: int = 3) -> list[Person]:
    """A few active people of every role and kind of outlet, in order of code, to try the product as.

    Where there are people whose code begins with DEMO-, as `flask demo` makes them, these and nobody else.
    """
    marked = select(Person).where(Person.code.startswith("DEMO-"), Person.suspended_at.is_(None))
    found = list(db.session.scalars(marked.order_by(Person.role.desc(), Person.code)))
    if found:
        return found
    place = func.row_number().over(partition_by=(Person.role, Outlet.kind), order_by=Person.code).label("place")
    numbered = (
        select(Person.id, place).outerjoin(Outlet, Person.outlet_id == Outlet.id).where(Person.suspended_at.is_(None))
    ).subquery()
    query = (
        select(Person).join(numbered, numbered.c.id == Person.id).where(numbered.c.place <= each).order_by(Person.code)
    )
    return list(db.session.scalars(query))
