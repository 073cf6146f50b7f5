"""Challenges that come back every week or month: the next period of one, with the same rules at other dates. Pure.

Every period is a challenge of its own, with its own code, ranks and closing; docs/game/closing.md tells when each is
published.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from challenges.definition import Definition, definition_from, period_label, series_code, stored_definition
from foundation import clock

LEAD = 3  # days before its start at which a period is published

# What an extension or an early end moved is that period's alone.
_DATES = ("starts_on", "ends_on", "declare_until", "review_until", "freeze_board_on", "repeat", "repeat_until")


def next_start(definition: Definition) -> date | None:
    """The first day of the period that follows; None when none does."""
    if definition.repeat is None:
        return None
    start = moved(definition.starts_on, definition.repeat)
    return None if definition.repeat_until is not None and start > definition.repeat_until else start


def publication_day(definition: Definition) -> date | None:
    """The day at whose beginning the period that follows is published; None when none does."""
    start = next_start(definition)
    return None if start is None else clock.days_after(start, -LEAD)


def following(first: Definition, amended: Definition) -> Definition | None:
    """The period after one that was published as `first` and whose rules were last amended to `amended`.

    Rules, caps, texts, prizes and budget go on as amended; dates move from those that were published. None when no
    period follows. Raises WrongDefinition when the moved challenge cannot be played.
    """
    start, repeat = next_start(first), first.repeat
    if start is None or repeat is None:
        return None
    planned = first.canonical()
    data = {key: value for key, value in amended.canonical().items() if key not in _DATES}
    data |= {key: planned[key] for key in _DATES if key in planned}
    data["code"] = f"{series_code(first)}-{period_label(start, repeat)}"
    for key in ("starts_on", "ends_on", "freeze_board_on"):
        if key in data:
            data[key] = _moved_text(data[key], repeat)
    later = date.fromisoformat(data["ends_on"]) - first.ends_on
    for key, instant in (("declare_until", first.declare_until), ("review_until", first.review_until)):
        if instant is not None:
            data[key] = _later(instant, later, first)
    data["rules"] = [
        rule | {"when": _window(rule["when"], repeat)} if "when" in rule else rule for rule in data["rules"]
    ]
    objective = data.get("objective") or {}
    if "baseline" in objective:
        data["objective"] = objective | {"baseline": _window(objective["baseline"], repeat)}
    return definition_from(data)


def following_stored(first: Mapping[str, Any], amended: Mapping[str, Any]) -> Definition | None:
    """following, from stored definitions."""
    return following(stored_definition(first), stored_definition(amended))


def moved(day: date, repeat: str) -> date:
    """The same day a week later, or a month later: the last day of a month goes to the last of the next."""
    if repeat == "weekly":
        return clock.days_after(day, 7)
    first_of_next = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    if (day + timedelta(days=1)).day == 1:
        return (first_of_next + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    return first_of_next.replace(day=day.day)


def _moved_text(day: str, repeat: str) -> str:
    return moved(date.fromisoformat(day), repeat).isoformat()


def _window(window: Mapping[str, Any], repeat: str) -> dict[str, Any]:
    return {**window, **{key: _moved_text(window[key], repeat) for key in ("from", "to") if key in window}}


def _later(instant: datetime, days: timedelta, definition: Definition) -> str:
    """The same time on the clock, so many days later."""
    local = instant.astimezone(definition.zone).replace(tzinfo=None) + days
    return local.replace(tzinfo=definition.zone).isoformat()
