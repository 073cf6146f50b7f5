"""What the brand gave and owes in a month: points issued, taken back, spent, expired, forgiven, owed at the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import String, case, cast, func, literal, select, union_all
from sqlalchemy.orm import aliased
from sqlalchemy.sql import ColumnElement

from foundation import clock
from foundation.database import db
from foundation.programme import setting
from foundation.tables import FIRST_YEAR, LAST_YEAR
from points.models import WALLET, Account, Book, Entry
from points.rules import EXPIRED, FORGIVEN, ISSUE, SPENT

KINDS = ("wallet", "challenge")
HEADER = (
    "month", "book", "unit", "owed_before", "issued", "reverted", "spent", "given_back", "expired", "forgiven", "owed",
)  # fmt: skip
# Which figure an entry adds to, by where it came from and where it went; "" is a person.
FLOWS = {
    (ISSUE, ""): "issued",
    ("", ISSUE): "reverted",
    ("", SPENT): "spent",
    (SPENT, ""): "given_back",
    ("", EXPIRED): "expired",
    (FORGIVEN, ""): "forgiven",
}
GIVEN = ("issued", "given_back", "forgiven")


@dataclass
class Flows:
    """A month of one kind of book, in points: owed + issued + given_back + forgiven − reverted − spent − expired."""

    owed_before: int = 0
    issued: int = 0
    reverted: int = 0
    spent: int = 0
    given_back: int = 0
    expired: int = 0
    forgiven: int = 0
    owed: int = 0

    def amounts(self) -> list[int]:
        """The figures, in the order of the file."""
        return [getattr(self, one.name) for one in fields(self)]


def brand_statement(month: date, zone: ZoneInfo) -> dict[str, Flows]:
    """A month (its first day) by kind of book, from the entries posted from its first instant to the next month's.

    One statement, so of one moment: what is owed at the end is what people have now, less what has moved since.
    """
    begins, ends = clock.start_of_day(month, zone), clock.start_of_day(next_month(month), zone)
    source, destination = aliased(Account), aliased(Account)
    kind = case((Book.name == WALLET, "wallet"), else_="challenge").label("kind")
    gave, took = _side(source), _side(destination)
    when = case((Entry.posted_at < ends, "within"), else_="since").label("moment")
    moved = (
        select(kind, when, gave.label("gave"), took.label("took"), func.sum(Entry.amount).label("points"))
        .join_from(Entry, Book, Book.id == Entry.book_id)
        .join(source, source.id == Entry.source_id)
        .join(destination, destination.id == Entry.destination_id)
        .where(Entry.posted_at >= begins)
        .group_by(kind, when, gave, took)
    )
    held = (
        select(kind, literal("now"), literal(""), literal(""), func.sum(Account.balance))
        .join_from(Account, Book, Book.id == Account.book_id)
        .where(Account.person_id.is_not(None))
        .group_by(kind)
    )
    found = {name: Flows() for name in KINDS}
    for name, moment, giver, taker, total in db.session.execute(union_all(moved, held)):
        flows, points = found[name], int(total)
        if moment == "now":
            flows.owed += points
            continue
        flow = FLOWS[(giver, taker)]
        if moment == "within":
            setattr(flows, flow, getattr(flows, flow) + points)
        else:
            flows.owed -= points if flow in GIVEN else -points
    for flows in found.values():
        came = flows.issued + flows.given_back + flows.forgiven
        flows.owed_before = flows.owed - came + flows.reverted + flows.spent + flows.expired
    return found


def _side(account: Any) -> ColumnElement[str]:
    return case((account.person_id.is_(None), cast(account.holder, String)), else_="")


def read_month(text: str) -> date | None:
    """The first day of a month written as 2026-10; None when it is not one."""
    try:
        found = date.fromisoformat(f"{text}-01")
    except ValueError:
        return None
    return found if len(text) == 7 and FIRST_YEAR <= found.year < LAST_YEAR else None


def next_month(month: date) -> date:
    """The first day of the month after."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def rows(month: date, found: dict[str, Flows]) -> Iterator[tuple[Any, ...]]:
    """The lines of the file: wallet points, what they cost in euros today, challenge points (worth no money yet)."""
    name, cents = month.strftime("%Y-%m"), int(setting("wallet_point_cents"))
    yield (name, "wallet", "points", *found["wallet"].amounts())
    yield (name, "wallet", "euros", *(_euros(points * cents) for points in found["wallet"].amounts()))
    yield (name, "challenge", "points", *found["challenge"].amounts())


def _euros(cents: int) -> str:
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"
