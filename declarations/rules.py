"""What reception decides about a sale, before anything is written. Pure; docs/game/declarations.md in prose."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

MAX_UNITS = 100_000
MAX_LINES = 1_000
MAX_COMMENT = 5_000
MAX_PRICE_CENTS = 100_000_000
FIRST_DAY = date(2000, 1, 1)
CLOCK_LATE = timedelta(days=14)
CLOCK_EARLY = timedelta(minutes=5)
AREA = re.compile(r"[0-9A-Z]{2,3}")
SAME_PHOTO = "same_photo"
PUBLIC_ID = re.compile(r"[^\x00-\x1f\x7f]{1,120}")


class SubmittedLine(NamedTuple):
    """One product as told: `unit_price_cents` is what the customer paid, informative, never scored."""

    sku: str
    units: int
    unit_price_cents: int | None


class Submission(NamedTuple):
    """A sale as told by a person (by code). Empty texts mean "not given"; `declared_at` None means at reception;
    `photo` is the id of the picture that proves it."""

    id: str
    person: str
    sold_on: date
    declared_at: datetime | None
    channel: str
    lines: tuple[SubmittedLine, ...]
    customer: str = ""
    age_band: str = ""
    area: str = ""
    rating: int | None = None
    recommend: int | None = None
    comment: str = ""
    photo: str = ""


class Problem(NamedTuple):
    """What is wrong with one submission. `line` is the index of the product line, None for the whole of it."""

    submission: int
    line: int | None
    field: str
    wrong: str
    right: str


class Refused(ValueError):
    """Submissions that cannot be taken. `conflict` when an id is already used by other content."""

    def __init__(self, problems: list[Problem], *, conflict: bool = False) -> None:
        super().__init__("; ".join(f"{one.field}: {one.wrong}; {one.right}" for one in problems[:5]))
        self.problems = problems
        self.conflict = conflict


def fingerprint(submission: Submission) -> str:
    """SHA-256 of a submission's content: the same again is a replay, whatever the order of its lines."""
    content: list[object] = [
        submission.person,
        submission.sold_on.isoformat(),
        submission.declared_at.timestamp() if submission.declared_at else None,
        submission.channel,
        sorted(submission.lines, key=lambda line: (line.sku, line.units, line.unit_price_cents or -1)),
        submission.customer,
        submission.age_band,
        submission.area,
        submission.rating,
        submission.recommend,
        submission.comment,
    ]
    if submission.photo:  # sales told before there were photos keep their fingerprint
        content.append(submission.photo)
    return hashlib.sha256(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def clock(declared_at: datetime | None, received_at: datetime) -> tuple[datetime, bool]:
    """The instant that holds, and whether the device's clock was replaced by reception's."""
    if declared_at is None:
        return received_at, False
    if received_at - CLOCK_LATE <= declared_at <= received_at + CLOCK_EARLY:
        return declared_at, False
    return received_at, True


def barred(
    status: str,
    agreement_on: date | None,
    sold_on: date,
    channel: str,
    customer: str,
    *,
    vdi_reorder: bool,
) -> str:
    """The legal reason for which a sale scores nowhere, or ''.

    Employees: CSS art. L242-1-4, from the date of their employer's agreement. VDI: C. com. L135-1 to L135-3, face to
    face and meetings only; reorders of returning customers where the programme allows them.
    """
    if status == "employee":
        if agreement_on is None:
            return "no_agreement"
        if sold_on < agreement_on:
            return "before_agreement"
    if status == "vdi" and channel not in ("face_to_face", "meeting"):
        if channel != "reorder":
            return "vdi_channel"
        if customer != "returning" or not vdi_reorder:
            return "vdi_reorder"
    return ""


def comment_length(comment: str) -> int:
    """Code points of the trimmed comment, as submitted."""
    return len(comment.strip())


def problems_of(submission: Submission, index: int, received_at: datetime, zone: ZoneInfo) -> list[Problem]:
    """What is wrong with a submission in itself (values of the right type are expected; doors parse texts)."""
    found: list[Problem] = []

    def say(field: str, wrong: str, right: str, line: int | None = None) -> None:
        found.append(Problem(index, line, field, wrong, right))

    if not PUBLIC_ID.fullmatch(submission.id):
        say("declaration", "the id is empty, too long or holds control characters", "write 1 to 120 characters")
    # The day of declaring, wherever on earth it was: nowhere is further ahead than 14 hours.
    latest = max((received_at + timedelta(hours=14)).date(), received_at.astimezone(zone).date())
    if not FIRST_DAY <= submission.sold_on <= latest:
        say(
            "sold_on",
            f"{submission.sold_on} is not a day on which this sale can have happened",
            f"write a date from {FIRST_DAY} to the day of declaring",
        )
    if submission.area and not AREA.fullmatch(submission.area):
        say("area", f"{submission.area!r} is not an area", "write a department or country code such as 35 or FR")
    if submission.rating is not None and not 1 <= submission.rating <= 5:
        say("rating", f"{submission.rating} is out of bounds", "write a whole number from 1 to 5")
    if submission.recommend is not None and not 0 <= submission.recommend <= 10:
        say("recommend", f"{submission.recommend} is out of bounds", "write a whole number from 0 to 10")
    if len(submission.comment) > MAX_COMMENT:
        say("comment", "the comment is too long", f"write at most {MAX_COMMENT} characters")
    if "\x00" in submission.comment:
        say("comment", "the comment holds a NUL character", "write plain text")
    if not submission.lines:
        say("lines", "there is no product", "give at least one line")
    elif len(submission.lines) > MAX_LINES:
        say("lines", f"{len(submission.lines)} lines are too many", f"give at most {MAX_LINES} lines")
    for number, line in enumerate(submission.lines):
        if not 1 <= line.units <= MAX_UNITS:
            say("units", f"{line.units} is out of bounds", f"write a whole number from 1 to {MAX_UNITS}", number)
        if line.unit_price_cents is not None and not 0 <= line.unit_price_cents <= MAX_PRICE_CENTS:
            say("unit_price", "the price is out of bounds", "write an amount in euros from 0", number)
    return found


def one_of(field: str, value: str, allowed: tuple[str, ...]) -> tuple[str, str] | None:
    """(wrong, right) when a text is not one of the allowed ones."""
    if value in allowed:
        return None
    return f"{value!r} is not a {field}", f"write one of {', '.join(allowed)}"


def review_reasons(
    submission: Submission, *, units_above: int, proof_missing: bool, photo_known: bool = False
) -> list[str]:
    """Why a submission waits for a reviewer; empty when it is accepted at once."""
    reasons = []
    if any(line.units > units_above for line in submission.lines):
        reasons.append("units")
    if proof_missing:
        reasons.append("proof")
    if photo_known:
        reasons.append(SAME_PHOTO)
    return reasons
