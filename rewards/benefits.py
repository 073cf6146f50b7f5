"""What each person received in a calendar year, in euros: one set-based select over awards and wallet entries.

A benefit arises when it is given: an award at its closing (or at its release), wallet points when they are credited,
at what a point cost the brand at that moment. What is bought with wallet points is therefore not counted again. What
is taken back counts against the credit it takes back, in that credit's year; what is forgiven stays given; a
correction by hand counts in the year of the correction. Years and quarters turn at midnight in the programme's zone.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, ColumnElement, Select, and_, case, cast, func, literal, null, or_, select, union_all
from sqlalchemy import String as Text
from sqlalchemy.orm import aliased

from challenges.models import Challenge
from foundation import clock
from foundation.database import Instant, db
from foundation.programme import CHOICES, history
from network.models import Outlet, Person
from points.models import WALLET, Account, Book, Entry, Lot
from points.rules import FORGIVEN, ISSUE
from rewards.contribution import Figures, Split, split
from rewards.models import Award, Closure, Release, Reward


class Benefit(NamedTuple):
    """What a person received in a year: `received_cents` of it given less taken back, in all and by quarter. Status,
    outlet and its legal group are those of today."""

    person_id: int
    person: str
    name: str
    outlet: str
    group: str
    status: str
    given_cents: int
    taken_back_cents: int
    received_cents: int
    quarters: tuple[int, int, int, int]

    def split(self, figures: Figures) -> Split:
        """The bands of this year."""
        return split(self.status, self.received_cents, figures)


def bounds(year: int, zone: ZoneInfo) -> list[datetime]:
    """The first instants of the four quarters of a year, and of the year after."""
    days = [date(year, month, 1) for month in (1, 4, 7, 10)] + [date(year + 1, 1, 1)]
    return [clock.start_of_day(day, zone) for day in days]


def yearly(year: int, zone: ZoneInfo, *, person_id: int | None = None, group: str | None = None) -> Select[Any]:
    """Everybody who received (or gave back) something in a year, by person's code; rows are those of `Benefit`, the
    quarters being the last four columns."""
    first, second, third, fourth, end = bounds(year, zone)
    moves = movements(person_id, since=first, until=end).subquery("moves")
    cents = moves.c.cents

    def total(test: ColumnElement[bool] | None = None) -> ColumnElement[int]:
        value = cents if test is None else case((test, cents), else_=0)
        return cast(func.coalesce(func.sum(value), 0), BigInteger)

    sums = (
        select(
            moves.c.person_id,
            total(cents > 0).label("given"),
            cast(-total(cents < 0), BigInteger).label("taken_back"),
            total().label("received"),
            *(
                total(and_(moves.c.at >= begins, moves.c.at < ends)).label(f"q{number}")
                for number, (begins, ends) in enumerate(
                    ((first, second), (second, third), (third, fourth), (fourth, end)), 1
                )
            ),
        )
        .group_by(moves.c.person_id)
        .subquery("sums")
    )
    found = (
        select(
            Person.id, Person.code, Person.name, func.coalesce(Outlet.code, ""), func.coalesce(Outlet.group_code, ""),
            Person.status, *(column for column in sums.c if column.name != "person_id"),
        )
        .join_from(sums, Person, Person.id == sums.c.person_id)
        .outerjoin(Outlet, Outlet.id == Person.outlet_id)
        .order_by(Person.code)
    )  # fmt: skip
    return found if group is None else found.where(Outlet.group_code == group)


def benefit(row: Any) -> Benefit:
    """A row of `yearly`."""
    return Benefit(*row[:9], tuple(row[9:13]))


def benefits(year: int, zone: ZoneInfo, *, person_id: int | None = None, group: str | None = None) -> Iterator[Benefit]:
    """Everybody of a year, read as they come."""
    query = yearly(year, zone, person_id=person_id, group=group)
    for row in db.session.execute(query, execution_options={"yield_per": 5_000}):
        yield benefit(row)


class Item(NamedTuple):
    """One thing given (`cents` > 0) or taken back: by which challenge's closing, which article or how many wallet
    points; without a challenge, by hand or a reversal, as `reference` says."""

    person_id: int
    at: datetime
    cents: int
    reference: str
    challenge: Challenge | None
    reward: str | None
    wallet_points: int | None


def items(year: int, zone: ZoneInfo, *, person_id: int | None = None, group: str | None = None) -> list[Item]:
    """What was given and taken back in a year, by person's code, then in time."""
    first, *_quarters, end = bounds(year, zone)
    moves = movements(person_id, since=first, until=end).subquery("moves")
    query = (
        select(
            moves.c.person_id, moves.c.at, moves.c.cents, moves.c.reference, Challenge, Reward.name, Award.wallet_points
        )
        .join_from(moves, Person, Person.id == moves.c.person_id)
        .outerjoin(Award, Award.id == moves.c.award_id)
        .outerjoin(Challenge, Challenge.id == Award.challenge_id)
        .outerjoin(Reward, Reward.id == Award.reward_id)
        .order_by(Person.code, moves.c.at, moves.c.award_id, moves.c.reference)
    )  # fmt: skip
    if group is not None:
        query = query.join(Outlet, Outlet.id == Person.outlet_id).where(Outlet.group_code == group)
    return [Item(*row) for row in db.session.execute(query)]


class Totals(NamedTuple):
    """A year of everybody, in cents; `between_cents` and `due_cents` are None when the figures are not known."""

    people: int
    received_cents: int
    between_cents: int | None
    due_cents: int | None
    common_cents: int | None
    wages_cents: int


def totals(year: int, zone: ZoneInfo, figures: Figures) -> Totals:
    """The sums of a year's columns, by the arithmetic of contribution.split."""
    found = yearly(year, zone).order_by(None).subquery("found")
    received = case((found.c.received > 0, found.c.received), else_=0)
    employed, bands = found.c.status == "employee", figures.bands
    free, common, rate = (bands.free_cents, bands.common_cents, int(bands.rate * 10_000)) if bands else (0, 0, 0)
    above = case((and_(employed, received > common), received - common), else_=0)
    between = case((and_(employed, received > free), received - free - above), else_=0)
    columns = (
        found.c.received, between, between * rate // 1_000_000, above,
        case((found.c.status == "staff", received), else_=0),
    )  # fmt: skip
    sums = (func.coalesce(func.sum(column), 0) for column in columns)
    people, *amounts = (int(value) for value in db.session.execute(select(func.count(), *sums)).one())
    given, middle, due, beyond, wages = amounts
    if bands is None:
        return Totals(people, given, None, None, None, wages)
    return Totals(people, given, middle, due, beyond, wages)


def movements(person_id: int | None = None, *, since: datetime, until: datetime) -> Select[Any]:
    """Each thing given or taken back within a time: (person_id, at, cents, reference, award_id)."""
    parts = [_awards(), _released(), _given(since), _taken_back(since)]
    moves = union_all(*(part if person_id is None else part.where(_whose(part) == person_id) for part in parts))
    found = moves.subquery("benefits")
    return select(*found.c).where(found.c.at >= since, found.c.at < until)


def _whose(part: Select[Any]) -> ColumnElement[Any]:
    return next(iter(part._raw_columns))  # the first column of each part is the person's id


def _awards() -> Select[Any]:
    return (
        select(
            Award.person_id, Closure.closed_at.label("at"), Award.cost_cents.label("cents"),
            literal("", Text).label("reference"), Award.id.label("award_id"),
        )
        .join(Closure, Closure.challenge_id == Award.challenge_id)
        .where(Award.status == "granted", Award.person_id.is_not(None))
    )  # fmt: skip


def _released() -> Select[Any]:
    return (
        select(Award.person_id, Release.released_at, Award.cost_cents, literal("", Text), Award.id)
        .join(Release, Release.award_id == Award.id)
        .where(Award.person_id.is_not(None))
    )


def _given(since: datetime) -> Select[Any]:
    """Wallet points given by hand, and those given up when they were taken back."""
    return _wallet(Entry.source_id, Entry.destination_id, (ISSUE, FORGIVEN), 1, since)


def _taken_back(since: datetime) -> Select[Any]:
    return _wallet(Entry.destination_id, Entry.source_id, (ISSUE,), -1, since)


def _wallet(brand_side: Any, person_side: Any, holders: tuple[str, ...], sign: int, since: datetime) -> Select[Any]:
    brand, mine = aliased(Account), aliased(Account)
    # "revert/7" takes back lot 7, "forgive/7" gives up what of it was spent; what an adjustment did has no lot to name.
    undoes = or_(
        Entry.reference.startswith("revert/"),
        and_(Entry.reference.startswith("forgive/"), ~Entry.reference.startswith("forgive/adjustment/")),
    )
    number = case(
        (Entry.reference.startswith("revert/"), func.substr(Entry.reference, 8)), else_=func.substr(Entry.reference, 9)
    )
    lot_id = case((undoes, cast(number, BigInteger)), else_=cast(null(), BigInteger))
    # Wallet points of a closing cost what the closing wrote, whatever the setting has become.
    awarded = (
        select(Award.cost_cents // Award.wallet_points)
        .join(Challenge, Challenge.id == Award.challenge_id)
        .where(
            Award.person_id == mine.person_id,
            Award.wallet_points > 0,
            Lot.reference
            == literal("closing/", Text) + Challenge.code + "/" + cast(Award.payout, Text) + "/" + Award.competitor,
        )
        .correlate(Lot, mine)
        .scalar_subquery()
    )
    at = func.coalesce(Lot.received_at, Entry.posted_at, type_=Instant())
    cents = cast(sign * Entry.amount * func.coalesce(awarded, point_cents(at)), BigInteger)
    return (
        select(mine.person_id, at, cents, Entry.reference, cast(null(), BigInteger))
        .join_from(Entry, Book, Book.id == Entry.book_id)
        .join(brand, brand.id == brand_side)
        .join(mine, mine.id == person_side)
        .outerjoin(Lot, Lot.id == lot_id)
        .where(
            Book.name == WALLET,
            brand.person_id.is_(None),
            brand.holder.in_(holders),
            mine.person_id.is_not(None),
            Entry.posted_at >= since,
            ~Entry.reference.startswith("closing/"),
        )
    )


def point_cents(at: ColumnElement[datetime]) -> ColumnElement[int]:
    """What a wallet point cost the brand at an instant, as the programme's setting was then."""
    values = history("wallet_point_cents")
    default = literal(int(CHOICES["wallet_point_cents"].default), BigInteger)
    if not values:
        return default
    return case(*((at >= literal(since, Instant()), value) for since, value in reversed(values)), else_=default)
