"""The one clock. Doors (views, jobs, commands) read it; everything below takes time as an argument."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def now() -> datetime:
    """The present instant, in UTC."""
    return datetime.now(UTC)


def parse_instant(text: str) -> datetime:
    """Read an ISO 8601 instant with an offset, such as 2026-02-04T00:05:00+01:00, as UTC.

    Raises ValueError when it is not one, or when the offset is missing: a naive instant means nothing.
    """
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise ValueError(f"{text!r} is not an instant; write it as 2026-02-04T00:05:00+01:00") from error
    if instant.tzinfo is None or instant.utcoffset() is None:
        raise ValueError(f"{text!r} has no time zone; write it as 2026-02-04T00:05:00+01:00")
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text!r} is outside the calendar; write it as 2026-02-04T00:05:00+01:00") from error


def format_instant(instant: datetime) -> str:
    """UTC with microseconds and Z, the form of every exported instant: 2026-02-03T23:05:00.000000Z."""
    if instant.tzinfo is None:
        raise ValueError("a naive instant cannot be written")
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which `day` begins in `zone`, in UTC. Where 00:00 does not exist, the first instant after."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def day_of(instant: datetime, zone: ZoneInfo) -> date:
    """The calendar date of an instant in a zone."""
    return instant.astimezone(zone).date()


def days_after(day: date, count: int) -> date:
    """The date `count` days later."""
    return day + timedelta(days=count)
