"""Reads of the ledger: what a person has, and every movement with its reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, case, func, or_, select

from catalogue.models import Product
from challenges.models import Challenge
from foundation.database import db
from network.models import Person
from points.models import WALLET, Account, Adjustment, AdjustmentDecision, Book, Entry, Lot

PREFIX = "challenge:"


@dataclass(frozen=True)
class Balance:
    """What a person has in one book. `challenge` is the code of the challenge, None for the wallet."""

    account_id: int
    book: str
    challenge: str | None
    points: int

    @property
    def is_wallet(self) -> bool:
        """Whether these points can be spent."""
        return self.book == WALLET


@dataclass(frozen=True)
class Movement:
    """A movement of a person's points: `amount` is positive when they came, negative when they were taken back."""

    posted_at: datetime
    effective_at: datetime
    book: str
    amount: int
    subject: str
    rule: str
    rules_version: int
    reference: str
    why: str

    @property
    def challenge(self) -> str | None:
        """The code of the challenge whose points these are, None for the wallet."""
        return challenge_of(self.book)


def challenge_of(book: str) -> str | None:
    """The code of the challenge a book belongs to, None for the wallet."""
    return book.removeprefix(PREFIX) if book.startswith(PREFIX) else None


def balances(person_id: int) -> list[Balance]:
    """What a person has: the wallet first, then challenges, the latest book first."""
    rows = db.session.execute(
        select(Account.id, Book.name, Account.balance)
        .join(Book, Book.id == Account.book_id)
        .where(Account.person_id == person_id)
        .order_by(Book.name != WALLET, Book.id.desc())
    )
    return [Balance(account_id, name, challenge_of(name), points) for account_id, name, points in rows]


def earned_between(person_id: int, since: datetime, until: datetime) -> dict[str, int]:
    """What a person's points of each challenge moved by between two instants, the second excluded: code → points."""
    mine = {one.account_id: one.challenge for one in balances(person_id) if one.challenge is not None}
    found: dict[str, int] = {}
    for side, sign in ((Entry.destination_id, 1), (Entry.source_id, -1)):
        sums = (
            select(side, func.sum(Entry.amount))
            .where(side.in_(mine), Entry.posted_at >= since, Entry.posted_at < until)
            .group_by(side)
        )
        for account_id, amount in db.session.execute(sums):
            found[mine[account_id]] = found.get(mine[account_id], 0) + sign * int(amount)
    return found


def wallet_points(person_id: int) -> int:
    """What a person's wallet holds; 0 before the first closing, below 0 in debt."""
    return (
        db.session.scalar(
            select(Account.balance)
            .join(Book, Book.id == Account.book_id)
            .where(Account.person_id == person_id, Book.name == WALLET)
        )
        or 0
    )


def spendable(person_id: int, *, at: datetime) -> int:
    """What a person can spend at this instant: in debt nothing, and no longer what has expired."""
    held = (
        select(func.sum(Lot.left))
        .join(Account, Account.id == Lot.account_id)
        .where(Account.person_id == person_id, or_(Lot.expires_at.is_(None), Lot.expires_at > at))
    )
    return int(db.session.scalar(held) or 0)


class Expiry(NamedTuple):
    """Wallet points that expire together, at this instant."""

    at: datetime
    points: int


def next_expiries(person_id: int, *, at: datetime, limit: int = 3) -> list[Expiry]:
    """The wallet points of a person that expire next, soonest first."""
    rows = db.session.execute(
        select(Lot.expires_at, func.sum(Lot.left))
        .join(Account, Account.id == Lot.account_id)
        .where(Account.person_id == person_id, Lot.left > 0, Lot.expires_at > at)
        .group_by(Lot.expires_at)
        .order_by(Lot.expires_at)
        .limit(limit)
    )
    return [Expiry(instant, int(points)) for instant, points in rows if instant is not None]


def movements(accounts: Sequence[int], *, latest_first: bool = True) -> Select[Any]:
    """Every movement of some accounts of one person, to be paged or streamed (`movement` shapes a row)."""
    gained = Entry.destination_id.in_(accounts)
    order = Entry.id.desc() if latest_first else Entry.id
    return (
        select(
            Entry.posted_at,
            Entry.effective_at,
            Book.name.label("book"),
            case((gained, Entry.amount), else_=-Entry.amount).label("amount"),
            Entry.subject,
            Entry.rule,
            Entry.rules_version,
            Entry.reference,
            Entry.why,
        )
        .join(Book, Book.id == Entry.book_id)
        .where(or_(gained, Entry.source_id.in_(accounts)))
        .order_by(order)
    )


def movement(row: Any) -> Movement:
    """A row of `movements`."""
    return Movement(*row)


class Adjusted(NamedTuple):
    """A manual bonus or correction of a challenge's points that holds: `at` is the instant from which it does."""

    reference: str
    at: datetime
    points: int
    reason: str


def adjustments_in(challenge: Challenge, people: Collection[int]) -> dict[int, list[Adjusted]]:
    """The manual bonuses and corrections of some participants that hold, oldest first.

    In a cancelled challenge none does.
    """
    found: dict[int, list[Adjusted]] = defaultdict(list)
    if challenge.state == "cancelled":
        return found
    for _challenge_id, person_id, one in _adjustments([challenge.id], people):
        found[person_id].append(one)
    return found


def adjustments_of(person_id: int, challenges: Collection[int]) -> dict[int, list[Adjusted]]:
    """One participant's, in some challenges that were not cancelled (ids). One statement."""
    found: dict[int, list[Adjusted]] = defaultdict(list)
    for challenge_id, _person_id, one in _adjustments(challenges, [person_id]):
        found[challenge_id].append(one)
    return found


def _adjustments(challenges: Collection[int], people: Collection[int]) -> Iterator[tuple[int, int, Adjusted]]:
    """Challenge, participant, and what holds for it, oldest first."""
    at = case((Adjustment.needs_approval, AdjustmentDecision.decided_at), else_=Adjustment.asked_at)
    rows = db.session.execute(
        select(
            Adjustment.challenge_id,
            Adjustment.person_id,
            Adjustment.id,
            at.label("at"),
            Adjustment.amount,
            Adjustment.reason,
        )  # fmt: skip
        .outerjoin(AdjustmentDecision, AdjustmentDecision.adjustment_id == Adjustment.id)
        .where(
            Adjustment.challenge_id.in_(challenges),
            Adjustment.person_id.in_(people),
            ~Adjustment.needs_approval | AdjustmentDecision.approved.is_(True),
        )
        .order_by("at", Adjustment.id)
    )
    for challenge_id, person_id, number, instant, points, reason in rows:
        yield challenge_id, person_id, Adjusted(f"adjustment/{number}", instant, points, reason)


def adjustments_asked(person_id: int | None = None) -> Select[Any]:
    """Adjustment, person, challenge and decision: those of a person, newest first; else all that wait, oldest first."""
    found = (
        select(Adjustment, Person, Challenge, AdjustmentDecision)
        .join(Person, Person.id == Adjustment.person_id)
        .outerjoin(Challenge, Challenge.id == Adjustment.challenge_id)
        .outerjoin(AdjustmentDecision, AdjustmentDecision.adjustment_id == Adjustment.id)
    )
    if person_id is not None:
        return found.where(Adjustment.person_id == person_id).order_by(Adjustment.id.desc())
    undecided = AdjustmentDecision.adjustment_id.is_(None)
    return found.where(Adjustment.needs_approval, undecided).order_by(Adjustment.id)


def adjustments_to_decide(decider: Person) -> int:
    """How many adjustments wait that this person may decide: neither asked by them, nor of their own points."""
    undecided = (
        select(func.count())
        .select_from(Adjustment)
        .outerjoin(AdjustmentDecision, AdjustmentDecision.adjustment_id == Adjustment.id)
        .where(
            Adjustment.needs_approval,
            AdjustmentDecision.adjustment_id.is_(None),
            Adjustment.asked_by != decider.code,
            Adjustment.person_id != decider.id,
        )
    )
    return db.session.scalar(undecided) or 0


def adjustments_wait(challenge_id: int) -> bool:
    """Whether an adjustment of a challenge's points waits for a second person."""
    undecided = (
        select(Adjustment.id)
        .outerjoin(AdjustmentDecision, AdjustmentDecision.adjustment_id == Adjustment.id)
        .where(
            Adjustment.challenge_id == challenge_id,
            Adjustment.needs_approval,
            AdjustmentDecision.adjustment_id.is_(None),
        )
    )
    return db.session.scalar(undecided.limit(1)) is not None


def product_names(skus: Collection[str]) -> dict[str, str]:
    """The names of some products, by sku."""
    if not skus:
        return {}
    rows = db.session.execute(select(Product.sku, Product.name).where(Product.sku.in_(skus)))
    return {row.sku: row.name for row in rows}


def challenge_titles(codes: Collection[str], language: str) -> dict[str, str]:
    """The names of some challenges in a language, by code."""
    if not codes:
        return {}
    found = db.session.scalars(select(Challenge).where(Challenge.code.in_(codes)))
    return {challenge.code: challenge.title(language) for challenge in found}
