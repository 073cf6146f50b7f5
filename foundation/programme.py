"""Settings of the programme: what the brand decides once for all its challenges."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from foundation import audit
from foundation.database import db
from foundation.models import AuditEntry, ProgrammeSetting


@dataclass(frozen=True)
class Choice:
    """A setting: its default (which says whether it is a number, yes or no, or a text), what it means, its bounds, or
    the texts it is one of (`among`)."""

    default: int | bool | str
    meaning: str
    lowest: int = 0
    highest: int = 1_000_000
    among: tuple[str, ...] = ()


LONGEST_TEXT = 300
ORGANISER = ("brand_name", "brand_address", "contact")


CHOICES: dict[str, Choice] = {
    "review_units_above": Choice(1_000, "a line with more units than this goes to review", lowest=1),
    "review_days": Choice(3, "within how many days a reviewer answers; sellers are told", lowest=1, highest=60),
    "vdi_reorder": Choice(
        False, "sales of a VDI on channel reorder score for a returning customer (C. com. L135-1 to L135-3)"
    ),
    "wallet_point_cents": Choice(1, "what one wallet point costs the brand, in cents"),
    "wallet_points_expire_after_days": Choice(
        0, "for how many days after the day they came wallet points can be spent; 0: for ever", highest=36_500
    ),
    "reversal_policy": Choice(
        "debt",
        "wallet points taken back after they were spent: owed (debt), or given up (forgive)",
        among=("debt", "forgive"),
    ),
    "step_up_above_points": Choice(
        10_000, "an order of more points than this asks for a fresh code by e-mail", highest=1_000_000_000
    ),
    "adjustment_points_above": Choice(
        1_000, "a manual bonus or correction of more points than this waits for a second person"
    ),
    "benefit_cap": Choice(
        "none",
        "what an employed person may receive in a calendar year at most, in percent of the monthly SMIC; awards beyond"
        " it are not granted",
        among=("none", "15", "150"),
    ),
    "brand_name": Choice("", "who organises the challenges, as their rules name it"),
    "brand_address": Choice("", "where the organiser is, as the rules of challenges write it"),
    "contact": Choice("", "where participants write about the rules and about their data"),
}


def setting(name: str) -> int | bool | str:
    """The present value of a setting. Raises KeyError for an unknown name."""
    choice = CHOICES[name]
    row = db.session.get(ProgrammeSetting, name)
    return choice.default if row is None else row.value


def history(name: str) -> list[tuple[datetime, Any]]:
    """The values a setting was given and since when, oldest first; before the first it had its default."""
    rows = db.session.execute(
        select(AuditEntry.at, AuditEntry.details)
        .where(AuditEntry.subject == name, AuditEntry.act == "programme.changed")
        .order_by(AuditEntry.id)
    )
    return [(at, details["value"]) for at, details in rows]


def settings() -> dict[str, Any]:
    """Every setting's present value by name, in one select. A text that the brand has not written yet is ''."""
    rows = db.session.execute(select(ProgrammeSetting.name, ProgrammeSetting.value))
    given = {name: value for name, value in rows}
    return {name: given.get(name, choice.default) for name, choice in CHOICES.items()}


def change_setting(name: str, text: str, *, by: str, at: datetime) -> None:
    """Set one value from its text. Raises ValueError naming what would be right."""
    choice = CHOICES.get(name)
    if choice is None:
        raise ValueError(f"{name!r} is not a setting; write one of {', '.join(CHOICES)}")
    value: int | bool | str
    if choice.among:
        if text not in choice.among:
            raise ValueError(f"{name}: {text!r} is not a choice; write one of {', '.join(choice.among)}")
        value = text
    elif isinstance(choice.default, str):
        value = text.strip()
        if len(value) > LONGEST_TEXT or (value and not value.isprintable()):
            raise ValueError(f"{name}: write plain text on one line, at most {LONGEST_TEXT} characters")
    elif isinstance(choice.default, bool):
        if text not in ("yes", "no"):
            raise ValueError(f"{name}: {text!r} is not yes or no; write yes or no")
        value = text == "yes"
    else:
        if not text.isdecimal() or not choice.lowest <= int(text) <= choice.highest:
            raise ValueError(
                f"{name}: {text!r} is out of bounds; write a whole number from {choice.lowest} to {choice.highest}"
            )
        value = int(text)
    row = db.session.get(ProgrammeSetting, name)
    if row is None:
        db.session.add(ProgrammeSetting(name=name, value=value))
    else:
        row.value = value
    audit.record("programme.changed", name, by=by, at=at, value=value)
