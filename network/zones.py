"""Where people live, as far as the hour goes: quiet hours are those of the recipient."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.core import get_global
from flask import current_app
from sqlalchemy import String, case, cast, literal, null, select
from sqlalchemy.sql import ColumnElement

from foundation import clock
from foundation.database import db
from network.models import Outlet, Person

# Parts of France that are named by a department and live by another hour.
OVERSEAS = {
    "971": "America/Guadeloupe",
    "972": "America/Martinique",
    "973": "America/Cayenne",
    "974": "Indian/Reunion",
    "975": "America/Miquelon",
    "976": "Indian/Mayotte",
    "977": "America/St_Barthelemy",
    "978": "America/Marigot",
    "986": "Pacific/Wallis",
    "987": "Pacific/Tahiti",
    "988": "Pacific/Noumea",
}


def zone_name(country: str, department: str) -> str | None:
    """The time zone of an outlet by its country and department; None where a country has several, or is not known."""
    if country in ("", "FR") and department in OVERSEAS:
        return OVERSEAS[department]
    zones = get_global("territory_zones").get(country, ())
    return zones[0] if len(zones) == 1 else None


def zone_of(person: Person, named: str = "") -> ZoneInfo:
    """The time zone `named` by a person's device, else the one of their outlet, else the programme's."""
    outlet = person.outlet
    for name in (named, zone_name(outlet.country, outlet.department) if outlet is not None else None):
        if name:
            try:
                return ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                continue
    return current_app.config["TIMEZONE"]


def today_of(person: Person, *, at: datetime) -> date:
    """The day it is where somebody sells: the day of a sale is a bare date, written where it was made."""
    return clock.day_of(at, zone_of(person))


def zone_column() -> ColumnElement[str]:
    """The name of the time zone of each person of a select, NULL for the programme's."""
    programme = current_app.config["TIMEZONE"].key
    places = db.session.execute(select(Outlet.country, Outlet.department).distinct()).all()
    elsewhere = [
        ((Outlet.country == country) & (Outlet.department == department), literal(name, String))
        for country, department in places
        if (name := zone_name(country, department)) not in (None, programme)
    ]
    if not elsewhere:
        return cast(null(), String)
    return select(case(*elsewhere)).where(Outlet.id == Person.outlet_id).correlate(Person).scalar_subquery()
